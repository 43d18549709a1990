/** Both ends of the Action under somebody's hands. */
import { useEditing } from "../editing";
import { useFields, useLoggedTypes } from "../offered";
import { at } from "../pointer";
import { attributesOf } from "./activities";

export function useEnds() {
  const { document } = useEditing();
  const text = (pointer: string) => String(at(document, pointer) ?? "");
  const source = text("/source/connection");
  const destination = text("/destination/connection");
  const object = text("/destination/object");
  const described = useFields(source, text("/source/table") || "leads");
  const activity = text("/activity/type");
  const types = useLoggedTypes(source, activity !== "");
  const columns = { ...described, found: [...described.found, ...attributesOf(types.found, activity)] };
  const fields = useFields(destination, object);
  return { source, destination, object, columns, fields };
}
