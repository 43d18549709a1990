/** Page 2: how a record is found, what is done with it, and where values come from and go. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { PAGES, TYPES } from "../../api/action.generated";
import { TimeZone } from "../common-pages";
import { Others, useEditing } from "../editing";
import { Choose, Figure, Find, LINE, Words } from "../fields";
import { AFTERWARDS, MappingList, OF_CALLS } from "../mapping-editor";
import { asChoices } from "../offered";
import { at, type Members } from "../pointer";
import { words } from "../saved";
import { Deduplicate } from "./deduplicate";
import { useEnds } from "./ends";
import { FurtherIdentifiers } from "./further";
import { Activity, Membership } from "./of-marketo";
import { ChosenOfSeveral } from "./several";
import { Switched } from "./switched";

const TYPE_WORDS = {
  create: "Create: always a new record",
  update: "Update: a record that is there",
  upsert: "Upsert: update, or create where there is none",
  decide: "Decide: look only, and answer",
} as const;
const HERE = Object.entries(PAGES)
  .filter(([, page]) => page === 2)
  .map(([name]) => `/${name}`);
const OWN = [
  "/identifier/column",
  "/identifier/field",
  "/type",
  "/mappings",
  "/writeback",
  "/deduplicate",
  "/duplicate_record_rule",
  "/further_identifiers",
  "/time_zone",
  "/recovery/webhook",
  "/recovery/tolerance_seconds",
  "/activity",
  "/program_member",
];

export default function Mapping() {
  const { document } = useEditing();
  const { source, columns, fields } = useEnds();
  const links = ((at(document, "/chained") ?? []) as readonly Members[]).flatMap(({ name }) =>
    typeof name === "string" ? [name] : [],
  );
  const choices = asChoices(columns.found);
  const targets = asChoices(fields.found.filter(({ createable, updateable }) => createable || updateable));
  const records = asChoices(fields.found);
  return (
    <>
      <Others within={HERE} except={OWN} />
      <Choose at="/type" label="Action type" choices={TYPES.map((id) => ({ id, name: TYPE_WORDS[id] ?? words(id) }))} />
      <h3 className={style({ font: "title", margin: 0 })}>Unique identifier</h3>
      <div className={LINE}>
        <Find
          at="/identifier/column"
          also={["/identifier"]}
          label="Column of Marketo"
          choices={choices}
          narrow
          loading={columns.loading}
        />
        <Find at="/identifier/field" label="Field of Salesforce" choices={records} narrow loading={fields.loading} />
      </div>
      <FurtherIdentifiers columns={choices} fields={records} />
      <ChosenOfSeveral records={records} />
      <Deduplicate />
      <Activity connection={source} />
      <MappingList
        at="/mappings"
        label="Source to destination"
        add="Map a field"
        targets={targets}
        columns={choices}
        sources={OF_CALLS}
      />
      <MappingList
        at="/writeback"
        label="Destination to source, after a write"
        add="Write a field back"
        targets={asChoices(columns.found.filter(({ updateable }) => updateable))}
        columns={choices}
        records={records}
        links={links}
        sources={AFTERWARDS}
      />
      <Membership connection={source} columns={choices} records={records} links={links} />
      <h3 className={style({ font: "title", margin: 0 })}>Times, and calls that never arrived</h3>
      <TimeZone />
      <Switched
        at="/recovery"
        start={{ webhook: "" }}
        label="Calls that never arrived are looked for in Marketo's log, and run"
      >
        <Words
          at="/recovery/webhook"
          label="Name of the webhook in Marketo"
          description="Which the activities of its calls carry"
          kept
        />
        <Figure
          at="/recovery/tolerance_seconds"
          label="Times may differ by seconds"
          description="120, if nothing is given"
        />
      </Switched>
    </>
  );
}
