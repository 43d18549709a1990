/** Page 1: name and both ends. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { Named } from "../common-pages";
import { Others, useEditing } from "../editing";
import { Choose, Figure, Find, LINE, Lines } from "../fields";
import { asChoices, useConnections, useFields, useObjects } from "../offered";
import { at } from "../pointer";
import { DUPLICATES } from "./chained";
import { TypeOfAction } from "./identity";
import { Switched } from "./switched";
import { Trial } from "./trial";

const OWN = [
  "/id",
  "/name",
  "/description",
  "/source/connection",
  "/source/table",
  "/destination/connection",
  "/destination/object",
  "/destination/match_in",
  "/destination/duplicate_rules",
  "/destination/idempotency_field",
  "/inline/budget_seconds",
  // the trial says its own
  "/trial",
];
const HEAD = style({ font: "title", margin: 0 });
const SIDE = style({ display: "flex", flexDirection: "column", gap: 16, flexGrow: 1, minWidth: 0, flexBasis: 280 });

export default function Configuration({ fresh }: { fresh: boolean }) {
  const { document } = useEditing();
  const text = (pointer: string) => String(at(document, pointer) ?? "");
  const marketo = useConnections("marketo");
  const salesforce = useConnections("salesforce");
  const tables = useObjects(text("/source/connection"));
  const objects = useObjects(text("/destination/connection"));
  return (
    <>
      <Others within={["/source", "/destination", "/id", "/name", "/description", "/trial", "/inline"]} except={OWN} />
      <TypeOfAction fresh={fresh} />
      <Named fresh={fresh} />
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 24 })}>
        <fieldset className={style({ borderStyle: "none", margin: 0, padding: 0, display: "contents" })}>
          <div className={SIDE}>
            <h3 className={HEAD}>Source</h3>
            <Choose
              at="/source/connection"
              also={["/source"]}
              label="Source connection"
              description="Marketo connections that are enabled and have their credentials"
              choices={marketo.found}
            />
            <Choose at="/source/table" label="Source table" choices={tables.found} />
          </div>
          <div className={SIDE}>
            <h3 className={HEAD}>Destination</h3>
            <Choose
              at="/destination/connection"
              also={["/destination"]}
              label="Destination connection"
              description="Salesforce connections that are enabled"
              choices={salesforce.found}
            />
            <Find
              at="/destination/object"
              label="Destination table"
              description="Salesforce objects in which records may be created or changed"
              choices={objects.found}
              loading={objects.loading}
            />
          </div>
        </fieldset>
      </div>
      <More />
      <h3 className={HEAD}>How it answers, and with whom it begins</h3>
      <Switched at="/inline" start={{ budget_seconds: 8 }} label="A call is answered with what was written">
        <Figure
          at="/inline/budget_seconds"
          label="Within seconds"
          description="Up to 20. What is not done by then goes on as if the call had been queued"
        />
      </Switched>
      <Trial connection={text("/source/connection")} />
    </>
  );
}

/** How records are looked for and kept apart at Salesforce. */
function More() {
  const { document } = useEditing();
  const text = (pointer: string) => String(at(document, pointer) ?? "");
  const fields = useFields(text("/destination/connection"), text("/destination/object"));
  const keys = fields.found.filter(({ unique, external_id }) => unique && external_id);
  return (
    <>
      <h3 className={HEAD}>More about the destination</h3>
      <div className={LINE}>
        <Lines
          at="/destination/match_in"
          label="Objects in which records are looked for"
          description="One a line, such as Contact, then Lead; the destination table alone, if nothing is given"
          optional
        />
        <Choose
          at="/destination/duplicate_rules"
          label="Where a duplicate rule of the org finds records"
          narrow
          none="as usual: it fails with them"
          choices={DUPLICATES}
        />
        <Find
          at="/destination/idempotency_field"
          label="Field for our execution id (optional)"
          description="A unique External Id field; a repeated create cannot make two"
          choices={asChoices(keys)}
          narrow
          loading={fields.loading}
        />
      </div>
    </>
  );
}
