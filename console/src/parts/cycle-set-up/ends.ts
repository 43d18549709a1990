/** Both ends of the cycle under somebody's hands, and what they describe. */
import { useEditing } from "../editing";
import { asChoices, type Role, useFields } from "../offered";
import { at } from "../pointer";

export function useEnds() {
  const { document } = useEditing();
  return { marketo: String(at(document, "/marketo") ?? ""), salesforce: String(at(document, "/salesforce") ?? "") };
}

/** The fields of an object of Marketo, as a Sync calls it. */
export function useOurs(object: string, role: Role = "sync_destination") {
  return useFields(useEnds().marketo, object, role);
}

/** The fields of an object of Salesforce. */
export function useTheirs(object: string) {
  return useFields(useEnds().salesforce, object, "sync_source");
}

export { asChoices };
