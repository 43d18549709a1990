/** Page 1: name and both ends. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { Others, useEditing } from "../editing";
import { Choose, Find, Words } from "../fields";
import { useConnections, useObjects } from "../offered";
import { at } from "../pointer";

const OWN = [
  "/id",
  "/name",
  "/description",
  "/source/connection",
  "/source/table",
  "/destination/connection",
  "/destination/object",
];
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
      <Words at="/name" label="Name" />
      {fresh && (
        <Words
          at="/id"
          label="Id"
          description="Lower-case letters, digits and hyphens; part of its address, it never changes"
        />
      )}
      <Words at="/description" label="Description (optional)" long />
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 24 })}>
        <fieldset className={style({ borderStyle: "none", margin: 0, padding: 0, display: "contents" })}>
          <div className={SIDE}>
            <h3 className={style({ font: "title", margin: 0 })}>Source</h3>
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
            <h3 className={style({ font: "title", margin: 0 })}>Destination</h3>
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
    </>
  );
}
