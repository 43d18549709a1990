/** Both ends of the cycle under somebody's hands, and what they describe. */
import { useEditing } from "../editing";
import { type Role, useFields } from "../offered";
import { at } from "../pointer";

export function useEnds() {
  const { document } = useEditing();
  return { marketo: String(at(document, "/marketo") ?? ""), salesforce: String(at(document, "/salesforce") ?? "") };
}

/** Whether something is part of the document: nobody asks for fields of what is not. */
export function usePart(pointer: string): boolean {
  return (at(useEditing().document, pointer) ?? null) !== null;
}

/** The fields of an object of Marketo, as a Sync calls it. */
export function useOurs(object: string, wanted = true, role: Role = "sync_destination") {
  return useFields(useEnds().marketo, wanted ? object : "", role);
}

/** The fields of an object of Salesforce. */
export function useTheirs(object: string, wanted = true) {
  return useFields(useEnds().salesforce, wanted ? object : "", "sync_source");
}
