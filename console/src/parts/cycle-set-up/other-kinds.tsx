/** Page 4: activities, objects of somebody's own, and programs, which run only when somebody asks for them. */
import { Others, useEditing } from "../editing";
import { Choose, Figure, Find, LINE, Lines, Picked, Table, Truth, Words } from "../fields";
import { MappingList, OF_CALLS } from "../mapping-editor";
import { asChoices, useFields, useObjects } from "../offered";
import { PLAIN } from "../page";
import { at, type Members, step } from "../pointer";
import { way } from "../words";
import { ByName } from "./by-name";
import { useEnds, useOurs, usePart, useTheirs } from "./ends";
import { Fate, Kind, LowWatermark } from "./kind";
import { Pairs } from "./pairs";
import { Provision } from "./provision";

const KINDS = ["/activities", "/custom_objects", "/programs"];
const OWN = [
  ...["groups", "low_watermark"].map((each) => `/activities/${each}`),
  ...["objects", "low_watermark"].map((each) => `/custom_objects/${each}`),
  ...["groups", "campaign_key"].map((each) => `/programs/${each}`),
];
/** columns of a program from which its Campaign is made */
const OF_PROGRAMS = [
  ...["id", "name", "description", "type", "channel", "status", "workspace", "folder", "url"],
  ...["startDate", "endDate", "createdAt", "updatedAt", "cost"],
].map((id) => ({ id, name: id }));
const DELETED = [
  { id: "ignore", name: "Nothing is done" },
  { id: "delete", name: "It is deleted, too" },
];
const WAYS = ["to_marketo", "to_salesforce"] as const;

export default function OtherKinds() {
  const campaign = useTheirs("Campaign", usePart("/programs"));
  return (
    <>
      <Others within={KINDS} except={OWN} />
      <Kind at="/activities" label="Activities, to Salesforce" start={{ groups: {} }}>
        <ByName at="/activities/groups" what="group" start={{ types: [], target: "task", key: "" }} said={typesOf}>
          {(here, each) => <ActivityGroup at={here} of={each} />}
        </ByName>
        <LowWatermark at="/activities/low_watermark" />
      </Kind>
      <Kind at="/custom_objects" label="Custom objects" start={{ objects: {} }}>
        <ByName
          at="/custom_objects/objects"
          what="object"
          start={{ marketo: "", salesforce: "", direction: "to_marketo", fields: [] }}
          said={(each) => `${each.marketo || "…"} and ${each.salesforce || "…"}, ${way(String(each.direction))}`}
        >
          {(here, each) => <CustomObject at={here} of={each} />}
        </ByName>
        <LowWatermark at="/custom_objects/low_watermark" />
      </Kind>
      <Kind at="/programs" label="Programs and static lists, on demand" start={{ groups: {} }}>
        <p className={PLAIN}>
          No run that begins by itself carries them over: whoever starts a run or a plan asks for them.
        </p>
        <Find
          at="/programs/campaign_key"
          label="Field of Campaigns with the program's id"
          description="A unique External Id field, by which Campaigns are found and made"
          choices={asChoices(campaign.found)}
        />
        <ByName at="/programs/groups" what="group" start={{ program: "" }} said={memberOf}>
          {(here, each) => <MemberGroup at={here} of={each} />}
        </ByName>
      </Kind>
    </>
  );
}

function typesOf({ types }: Members): string {
  return Array.isArray(types) ? types.join(", ") : "";
}

function ActivityGroup({ at: here, of }: { at: string; of: Members }) {
  const { set } = useEditing();
  const { salesforce } = useEnds();
  const tasks = of.target === undefined || of.target === "task";
  const object = tasks ? "Task" : String((of.target as Members).object ?? "");
  const objects = useObjects(salesforce, "sync_destination");
  const fields = useFields(salesforce, object, "sync_destination");
  const columns = useOurs("activities", true, "sync_source");
  const targets = asChoices(fields.found);
  const target = step(here, "target");
  const own = ["types", "target", "key", "subject", "fields", "wait_minutes"].map((each) => step(here, each));
  return (
    <>
      <Others within={[here]} except={own} />
      <div className={LINE}>
        <Lines
          at={step(here, "types")}
          label="Types of activities"
          description="Names or ids, one a line; no other is asked for"
          numbers
        />
        <Picked
          label="They become"
          chosen={tasks ? "task" : "object"}
          choices={[
            { id: "task", name: "Tasks" },
            { id: "object", name: "records of an object of yours" },
          ]}
          onChoose={(id) => set(target, id === "task" ? "task" : { object: "" })}
        />
        {!tasks && <Find at={step(target, "object")} also={[target]} label="Object" choices={objects.found} narrow />}
      </div>
      {!tasks && (
        <div className={LINE}>
          <Find at={step(target, "person")} label="Lookup to either" choices={targets} narrow />
          <Find at={step(target, "lead")} label="Lookup to Leads" choices={targets} narrow />
          <Find at={step(target, "contact")} label="Lookup to Contacts" choices={targets} narrow />
        </div>
      )}
      <div className={LINE}>
        <Find
          at={step(here, "key")}
          label="Field with the activity's id"
          description="A unique External Id field"
          choices={targets}
          narrow
        />
        <Figure
          at={step(here, "wait_minutes")}
          label="Minutes that it waits"
          description="For its person to become a record"
        />
      </div>
      {tasks && (
        <Words
          at={step(here, "subject")}
          label="Subject (optional)"
          description="A template; the type and what it is about, if nothing is given"
        />
      )}
      <MappingList
        at={step(here, "fields")}
        label="More fields"
        add="Map a field"
        targets={targets}
        columns={asChoices(columns.found)}
        sources={OF_CALLS}
      />
    </>
  );
}

function CustomObject({ at: here, of }: { at: string; of: Members }) {
  const { marketo, salesforce } = useEnds();
  const ours = useObjects(marketo, "sync_destination");
  const theirs = useObjects(salesforce, "sync_source");
  const own = useFields(marketo, String(of.marketo ?? ""), "sync_destination");
  const other = useFields(salesforce, String(of.salesforce ?? ""), "sync_source");
  const direction = of.direction === "to_salesforce" ? "to_salesforce" : "to_marketo";
  const members = ["marketo", "salesforce", "direction", "key", "wait_minutes", "extract_minutes", "fields"];
  const shown = [...members, "deleted_in_salesforce"];
  return (
    <>
      <Others within={[here]} except={shown.map((each) => step(here, each))} />
      <Truth at={step(here, "enabled")} label="Kept in step" usual />
      <div className={LINE}>
        <Choose
          at={step(here, "direction")}
          label="Records go"
          narrow
          choices={WAYS.map((id) => ({ id, name: way(id) }))}
          clears={(chosen) => (chosen === "to_marketo" ? [step(here, "key")] : [])}
        />
        <Find at={step(here, "marketo")} label="Object of Marketo" choices={ours.found} narrow />
        <Find at={step(here, "salesforce")} label="Object of Salesforce" choices={theirs.found} narrow />
      </div>
      <Provision at={here} of={of} />
      <div className={LINE}>
        {direction === "to_salesforce" && (
          <Find
            at={step(here, "key")}
            label="Field with Marketo's id (optional)"
            description="A unique External Id field"
            choices={asChoices(other.found)}
            narrow
          />
        )}
        <Figure at={step(here, "wait_minutes")} label="Minutes that it waits" description="For what it is linked to" />
        {direction === "to_salesforce" && (
          <Figure
            at={step(here, "extract_minutes")}
            label="Minutes between extracts"
            description="Of what was changed; 60, if nothing is given"
          />
        )}
      </div>
      {direction === "to_marketo" && (
        <Fate
          at={step(here, "deleted_in_salesforce")}
          label="Deleted in Salesforce: the record"
          usual="ignore"
          choices={DELETED}
          fields={asChoices(own.found)}
        />
      )}
      <Pairs
        at={step(here, "fields")}
        label="Fields of the object"
        marketo={asChoices(own.found)}
        salesforce={asChoices(other.found)}
        only={direction}
      />
    </>
  );
}

function memberOf({ program, static_list }: Members): string {
  return static_list === undefined || static_list === null
    ? `program ${program || "…"}`
    : `static list ${static_list || "…"}`;
}

function MemberGroup({ at: here, of }: { at: string; of: Members }) {
  const { setAll } = useEditing();
  const campaign = useTheirs("Campaign");
  const member = useTheirs("CampaignMember");
  const listed = of.static_list !== undefined && of.static_list !== null;
  const columns = useOurs(listed ? "list_members" : "program_members", true, "sync_source");
  const members = ["program", "static_list", "campaign", "statuses", "status", "fields", "member_fields"];
  const choose = (kind: string) => {
    const [gone, come] = kind === "program" ? ["static_list", "program"] : ["program", "static_list"];
    const clears = kind === "program" ? "status" : "statuses";
    setAll([
      [step(here, gone), undefined],
      [step(here, clears), undefined],
      [step(here, come), ""],
    ]);
  };
  return (
    <>
      <Others within={[here]} except={members.map((each) => step(here, each))} />
      <div className={LINE}>
        <Picked
          label="Members of a"
          chosen={listed ? "static_list" : "program"}
          choices={[
            { id: "program", name: "program" },
            { id: "static_list", name: "static list" },
          ]}
          onChoose={choose}
        />
        <Words
          at={step(here, listed ? "static_list" : "program")}
          label={listed ? "Static list" : "Program"}
          description="Its name or id"
          narrow
          kept
          named
        />
        <Words
          at={step(here, "campaign")}
          label="Campaign (optional)"
          description="Id of one that is there; else one is made"
          narrow
        />
      </div>
      {listed ? (
        <Words
          at={step(here, "status")}
          label="Status of its members (optional)"
          description="The Campaign's own, if nothing is given"
        />
      ) : (
        <Table
          at={step(here, "statuses")}
          label="What statuses are called in Salesforce (optional)"
          description="One a line: status of the channel = what it becomes"
        />
      )}
      {!at(of, "/campaign") && (
        <MappingList
          at={step(here, "fields")}
          label="Fields of the Campaign"
          add="Map a field of the Campaign"
          targets={asChoices(campaign.found)}
          columns={OF_PROGRAMS}
          sources={OF_CALLS}
        />
      )}
      <MappingList
        at={step(here, "member_fields")}
        label="Fields of its members"
        add="Map a field of members"
        targets={asChoices(member.found)}
        columns={asChoices(columns.found)}
        sources={OF_CALLS}
      />
    </>
  );
}
