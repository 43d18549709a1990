/** Both ends of the Action under somebody's hands. */
import { useEditing } from "../editing";
import { useFields } from "../offered";
import { at } from "../pointer";

export function useEnds() {
  const { document } = useEditing();
  const text = (pointer: string) => String(at(document, pointer) ?? "");
  const source = text("/source/connection");
  const destination = text("/destination/connection");
  const object = text("/destination/object");
  const columns = useFields(source, text("/source/table") || "leads");
  const fields = useFields(destination, object);
  return { source, destination, object, columns, fields };
}
