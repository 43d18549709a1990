/** Both ends of the Sync under somebody's hands. */
import { useEditing } from "../editing";
import { useConnections, useFields } from "../offered";
import { at } from "../pointer";

/** a destination whose rows become calls of an Action; it has no fields of its own */
export const INTO_ACTION = "action";

export function useEnds() {
  const { document } = useEditing();
  const text = (pointer: string) => String(at(document, pointer) ?? "");
  const connections = useConnections();
  const vendorOf = (connection: string) => connections.found.find(({ id }) => id === connection)?.kind ?? "";
  const source = { connection: text("/source/connection"), object: text("/source/object") };
  const destination = { connection: text("/destination/connection"), object: text("/destination/object") };
  const written = destination.object === INTO_ACTION ? "" : destination.object;
  return {
    connections,
    source: { ...source, vendor: vendorOf(source.connection) },
    destination: { ...destination, vendor: vendorOf(destination.connection) },
    columns: useFields(source.connection, source.object, "sync_source"),
    fields: useFields(destination.connection, written, "sync_destination"),
  };
}
