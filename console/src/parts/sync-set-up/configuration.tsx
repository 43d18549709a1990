/** Page 1: name and both ends; the connections decide the direction. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { Named } from "../common-pages";
import { Others } from "../editing";
import { Choose, Find, LINE, Lines, Words } from "../fields";
import { useObjects } from "../offered";
import { INTO_ACTION, useEnds } from "./ends";

const NEEDED = { list_members: "static_list", program_members: "program" } as const;
const OWN = [
  "/id",
  "/name",
  "/description",
  ...["connection", "object", "static_list", "program", "activity_types"].map((name) => `/source/${name}`),
  ...["connection", "object", "static_list", "program", "action", "partition", "idempotency_field"].map(
    (name) => `/destination/${name}`,
  ),
];
const SIDE = style({ display: "flex", flexDirection: "column", gap: 16, flexGrow: 1, minWidth: 0, flexBasis: 280 });

function needed(object: string): "static_list" | "program" | null {
  return object in NEEDED ? NEEDED[object as keyof typeof NEEDED] : null;
}

export default function Configuration({ fresh }: { fresh: boolean }) {
  const { connections, source, destination } = useEnds();
  const readable = useObjects(source.connection, "sync_source");
  const writable = useObjects(destination.connection, "sync_destination");
  const others = connections.found.filter(({ kind }) => kind !== source.vendor);
  return (
    <>
      <Others within={["/source", "/destination", "/id", "/name", "/description"]} except={OWN} />
      <Named fresh={fresh} />
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 24 })}>
        <fieldset className={style({ borderStyle: "none", margin: 0, padding: 0, display: "contents" })}>
          <div className={SIDE}>
            <h3 className={style({ font: "title", margin: 0 })}>Source</h3>
            <Choose
              at="/source/connection"
              also={["/source"]}
              label="Source connection"
              description="Connections that are enabled and have their credentials"
              choices={connections.found}
            />
            <Find
              at="/source/object"
              label="Source object"
              description="Objects that can be read"
              choices={readable.found}
              loading={readable.loading}
            />
            <Membership end="/source" object={source.object} vendor={source.vendor} />
            {source.vendor === "marketo" && source.object === "activities" && (
              <Lines
                at="/source/activity_types"
                label="Activity types"
                description="Names or ids, one a line"
                numbers
              />
            )}
          </div>
          <div className={SIDE}>
            <h3 className={style({ font: "title", margin: 0 })}>Destination</h3>
            <Choose
              at="/destination/connection"
              also={["/destination"]}
              label="Destination connection"
              description="Those of the other vendor"
              choices={others}
            />
            <Find
              at="/destination/object"
              label="Destination object"
              description="Objects in which records may be created or changed"
              choices={writable.found}
              loading={writable.loading}
            />
            <Membership end="/destination" object={destination.object} vendor={destination.vendor} />
            {destination.vendor === "marketo" && destination.object === INTO_ACTION && (
              <Words at="/destination/action" label="Action" description="Id of the connector Action" />
            )}
            <div className={LINE}>
              {destination.vendor === "marketo" && destination.object === "leads" && (
                <Words at="/destination/partition" label="Partition of new people (optional)" narrow />
              )}
              {destination.vendor === "salesforce" && (
                <Words
                  at="/destination/idempotency_field"
                  label="Field of our row id (optional)"
                  description="A unique External Id field"
                  narrow
                />
              )}
            </div>
          </div>
        </fieldset>
      </div>
    </>
  );
}

/** The list or program whose members are moved. */
function Membership({ end, object, vendor }: { end: string; object: string; vendor: string }) {
  const member = vendor === "marketo" ? needed(object) : null;
  if (member === null) return null;
  const label = member === "program" ? "Program" : "Static list";
  return <Words at={`${end}/${member}`} label={label} description="Its name" />;
}
