/** Page 2: how a record is found, what is done with it, and where values come from and go. */
import { Switch } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { PAGES, TYPES } from "../../api/action.generated";
import { Others, useEditing } from "../editing";
import { Choose, Figure, Find, LINE, Lines } from "../fields";
import { AFTERWARDS, MappingList, OF_CALLS } from "../mapping-editor";
import { asChoices } from "../offered";
import { at } from "../pointer";
import { words } from "../saved";
import { useEnds } from "./ends";
import { ChosenOfSeveral } from "./several";

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
];

export default function Mapping() {
  const { document, set } = useEditing();
  const { columns, fields } = useEnds();
  const deduplicate = at(document, "/deduplicate");
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
      <ChosenOfSeveral records={records} />
      <Switch
        isSelected={deduplicate !== undefined}
        onChange={(on) => set("/deduplicate", on ? { columns: ["email"], window_seconds: 300 } : undefined)}
      >
        A second call with the same values is suppressed
      </Switch>
      {deduplicate !== undefined && (
        <div className={LINE}>
          <Lines at="/deduplicate/columns" label="Columns" description="One a line; all of them together" />
          <Figure at="/deduplicate/window_seconds" label="Within seconds" />
        </div>
      )}
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
        sources={AFTERWARDS}
      />
    </>
  );
}
