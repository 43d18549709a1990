/** Page 2: whom a call means. */
import { Picker, PickerItem } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { LOOKUPS, WRITABLE } from "../../api/connector.generated";
import { Others, useEditing } from "../editing";
import { Choose, Find, LINE, Lines, Truth, WIDE } from "../fields";
import { PLAIN } from "../page";
import { at, type Members } from "../pointer";
import { Deduplicate } from "../set-up/deduplicate";
import { ChosenOfSeveral } from "../set-up/several";
import { useAction } from "./ends";

const HEAD = style({ font: "title", margin: 0 });
const PERSON = ["lead_id", "lookup", "column", "add_if_missing"].map((name) => `/person/${name}`);
const OWN = [
  ...PERSON,
  "/merge/winner",
  "/merge/losers",
  "/merge/in_crm",
  "/deduplicate/columns",
  "/deduplicate/window_seconds",
];
const RULE = ["choose", "order_by", "order"].map((name) => `/duplicate_record_rule/${name}`);
const WRITES: ReadonlySet<string> = new Set(WRITABLE);

export default function Person() {
  const { takes, choices } = useAction();
  return (
    <>
      <Others within={["/person", "/merge", "/deduplicate", "/duplicate_record_rule"]} except={[...OWN, ...RULE]} />
      {takes("person") && <Meant />}
      {takes("merge") && (
        <>
          <h3 className={HEAD}>Who becomes one</h3>
          <div className={LINE}>
            <Find
              at="/merge/winner"
              label="Column of the winner's lead id"
              description="The winner keeps its values"
              choices={choices}
              narrow
            />
            <Lines
              at="/merge/losers"
              label="Columns of the losers' lead ids"
              description="One a line; a column may hold several ids, with commas"
            />
          </div>
          <Truth at="/merge/in_crm" label="Their records in the CRM are merged, too" />
        </>
      )}
      {takes("destination.lookup_field") && (
        <p className={PLAIN}>Each call is the person whose values it brings: Marketo goes by the field of page 1.</p>
      )}
      <Deduplicate />
    </>
  );
}

function Meant() {
  const { document, setAll } = useEditing();
  const { takes, choices, operation } = useAction();
  const person = (at(document, "/person") ?? {}) as Members;
  const byId = person.lead_id !== undefined || operation === "send_email";
  const choose = (wanted: boolean) =>
    setAll(
      wanted
        ? [
            ["/person", { lead_id: "id" }],
            ["/duplicate_record_rule", undefined],
          ]
        : [["/person", { lookup: "email", column: "email" }]],
    );
  return (
    <>
      {operation !== "send_email" && (
        <Picker
          label="Whom a call means"
          selectedKey={byId ? "id" : "lookup"}
          onSelectionChange={(key) => choose(key === "id")}
          styles={WIDE}
        >
          <PickerItem id="id">The person of the lead id that it brings: nothing is looked up</PickerItem>
          <PickerItem id="lookup">Whoever Marketo finds by a value that it brings</PickerItem>
        </Picker>
      )}
      {byId ? (
        <Find at="/person/lead_id" also={["/person"]} label="Column of the Marketo lead id" choices={choices} />
      ) : (
        <>
          <div className={LINE}>
            <Choose
              at="/person/lookup"
              also={["/person"]}
              label="Looked for by"
              narrow
              choices={LOOKUPS.map((id) => ({ id, name: id }))}
            />
            <Find at="/person/column" label="Column of the value" choices={choices} narrow />
          </div>
          {(WRITES.has(String(person.lookup)) || person.add_if_missing === true) && (
            <Truth at="/person/add_if_missing" label="Who is not found is made, with that value alone" />
          )}
          {takes("duplicate_record_rule") && <ChosenOfSeveral records={choices} by="updatedAt" what="people" />}
        </>
      )}
    </>
  );
}
