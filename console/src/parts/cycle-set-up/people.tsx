/** Page 2: people, with Leads and Contacts: fields, who is made, and what merges, conversions and deletions do. */

import { Conditions } from "../condition-builder";
import { Others, useEditing } from "../editing";
import { type Choice, Find, LINE, Picked, Table, Words } from "../fields";
import { asChoices } from "../offered";
import { at, type Members } from "../pointer";
import { useOurs, usePart, useTheirs } from "./ends";
import { BLOCK, Fate, HEAD, Kind, LowWatermark } from "./kind";
import { Pairs } from "./pairs";

const OWN = [
  ...["id_field", "type_field", "marketo_id_field", "low_watermark", "assignment_rule", "on_conversion"],
  ...["create_in_marketo", "create_in_salesforce", "merges", "merged_in_salesforce"],
  ...["deleted_in_marketo", "deleted_in_salesforce", "leads/fields", "contacts/fields"],
].map((each) => `/persons/${each}`);
const MERGED = [
  { id: "honour", name: "It is merged or deleted, too" },
  { id: "ignore", name: "Nothing is done" },
];
const DELETED = [
  { id: "ignore", name: "Nothing is done" },
  { id: "delete", name: "It is deleted, too" },
];

export default function People() {
  const ours = useOurs("leads", usePart("/persons"));
  const leads = useTheirs("Lead", usePart("/persons"));
  const contacts = useTheirs("Contact", usePart("/persons/contacts"));
  const [people, lead, contact] = [asChoices(ours.found), asChoices(leads.found), asChoices(contacts.found)];
  return (
    <>
      <Others within={["/persons"]} except={OWN} />
      <Kind at="/persons" label="People" start={{ id_field: "" }} whole>
        <div className={LINE}>
          <Find
            at="/persons/id_field"
            label="Field of Marketo with the Salesforce id"
            description="A text field of yours, which the cycle fills"
            choices={people}
          />
          <Find
            at="/persons/type_field"
            label="Field that says Lead or Contact (optional)"
            description="Or a record type, by its name or id"
            choices={people}
          />
        </div>
        <Kind at="/persons/leads" label="Leads" start={{ fields: [] }}>
          <Pairs at="/persons/leads/fields" label="Fields of Leads" marketo={people} salesforce={lead} drafted />
          <Find
            at="/persons/marketo_id_field"
            label="Field of Leads with Marketo's id (optional)"
            description="New ones are looked for by it, else by e-mail"
            choices={lead}
          />
        </Kind>
        <Kind at="/persons/contacts" label="Contacts" start={{ fields: [] }}>
          <Pairs
            at="/persons/contacts/fields"
            label="Fields of Contacts"
            marketo={people}
            salesforce={contact}
            drafted
          />
        </Kind>
        <h3 className={HEAD}>Who is made</h3>
        <Creation
          at="/persons/create_in_marketo"
          label="A new Lead or Contact"
          usual="made"
          made="makes a person in Marketo"
          fields={leads.found}
        />
        <Creation
          at="/persons/create_in_salesforce"
          label="A new person"
          usual="never"
          made="makes a Lead in Salesforce"
          fields={ours.found}
        />
        <AssignmentRule />
        <h3 className={HEAD}>Merges, conversions, deletions</h3>
        <Fate
          at="/persons/merges"
          label="Marketo merged two: the second one's record"
          usual="honour"
          choices={MERGED}
          fields={lead}
        />
        <Fate
          at="/persons/merged_in_salesforce"
          label="Salesforce merged two: the second one's person"
          usual="honour"
          choices={MERGED}
          fields={people}
        />
        <Fate
          at="/persons/deleted_in_marketo"
          label="Deleted in Marketo: the record"
          usual="ignore"
          choices={DELETED}
          fields={lead}
        />
        <Fate
          at="/persons/deleted_in_salesforce"
          label="Deleted in Salesforce: the person"
          usual="ignore"
          choices={DELETED}
          fields={people}
        />
        <Table
          at="/persons/on_conversion"
          label="What fields of Marketo take once a Lead is converted (optional)"
          description="One a line: field = value"
          scalars
        />
        <LowWatermark at="/persons/low_watermark" />
      </Kind>
    </>
  );
}

function Creation({
  at: pointer,
  label,
  usual,
  made,
  fields,
}: {
  at: string;
  label: string;
  usual: "made" | "never";
  made: string;
  fields: Parameters<typeof Conditions>[0]["fields"];
}) {
  const { document, set } = useEditing();
  const value = at(document, pointer) as Members | string | null | undefined;
  const state = value === undefined || value === null ? usual : value === "never" ? "never" : "made";
  const choices: readonly Choice[] = [
    { id: "made", name: `${made}, if the conditions hold` },
    { id: "never", name: "makes nobody" },
  ];
  return (
    <section aria-label={label} className={BLOCK}>
      <Picked
        label={label}
        chosen={state}
        choices={choices}
        onChoose={(id) => set(pointer, id === "never" ? "never" : {})}
        wide
      />
      {state === "made" && <Conditions at={`${pointer}/conditions`} fields={fields} />}
    </section>
  );
}

/** Which rule gives new Leads their owner. */
function AssignmentRule() {
  const { document, set } = useEditing();
  const pointer = "/persons/assignment_rule";
  const value = at(document, pointer);
  const chosen = typeof value === "string" ? "one" : value === true ? "active" : value === false ? "off" : "none";
  const start = { none: undefined, off: false, active: true, one: "" } as const;
  return (
    <div className={LINE}>
      <Picked
        label="Who gets new Leads"
        chosen={chosen}
        choices={[
          { id: "none", name: "Our user" },
          { id: "active", name: "As the org's active assignment rule says" },
          { id: "one", name: "As an assignment rule says" },
          ...(chosen === "off" ? [{ id: "off", name: "Our user, no rule" }] : []),
        ]}
        onChoose={(id) => set(pointer, start[id as keyof typeof start])}
      />
      {chosen === "one" && <Words at={pointer} label="Id of the rule" narrow kept />}
    </div>
  );
}
