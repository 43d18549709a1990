/** The types of an Action that people choose from, and what becomes of a document when they choose another. */
import { OPERATIONS } from "../../api/connector.generated.ts";
import type { Json, Members } from "../pointer.ts";

export type Operation = keyof typeof OPERATIONS;

interface Type {
  id: string;
  name: string;
  /** of an Action at Marketo; its calls may wait for each other */
  operation?: Operation;
  batched?: boolean;
}

/** the type whose destination is Salesforce */
export const TO_SALESFORCE = "salesforce";
export const AT_MARKETO: readonly Type[] = [
  { id: "add_to_list", name: "Add a person to a static list", operation: "add_to_list" },
  { id: "add_to_list_batched", name: "Add people to a static list, batched", operation: "add_to_list", batched: true },
  { id: "remove_from_list", name: "Remove a person from a static list", operation: "remove_from_list" },
  {
    id: "remove_from_list_batched",
    name: "Remove people from a static list, batched",
    operation: "remove_from_list",
    batched: true,
  },
  { id: "send_email", name: "Send a transactional e-mail", operation: "send_email" },
  { id: "upsert_lead", name: "Create or update a person", operation: "upsert_lead" },
  { id: "upsert_lead_batched", name: "Create or update people, batched", operation: "upsert_lead", batched: true },
  { id: "merge_leads", name: "Merge people into one", operation: "merge_leads" },
  { id: "import_leads", name: "Import people in bulk", operation: "import_leads" },
];
export const ALL: readonly Type[] = [
  { id: TO_SALESFORCE, name: "Create, update or look up a record in Salesforce" },
  ...AT_MARKETO,
];

function membersOf(document: Members, name: string): Members {
  const found = document[name];
  return found !== null && typeof found === "object" && !Array.isArray(found) ? (found as Members) : {};
}

/** What an Action at Marketo asks of it; undefined of one whose destination is Salesforce, or something unknown. */
export function operationOf(document: Members): Operation | undefined {
  const { operation } = membersOf(document, "destination");
  return typeof operation === "string" && operation in OPERATIONS ? (operation as Operation) : undefined;
}

/** Whether the destination is Marketo, as the server tells it: by an operation, known or not. */
export function isAtMarketo(document: Members): boolean {
  return "operation" in membersOf(document, "destination");
}

/** The id of a document's type; none if it asks for what is not known here. */
export function typeOf(document: Members): string | undefined {
  if (!isAtMarketo(document)) return TO_SALESFORCE;
  const operation = operationOf(document);
  const fits = AT_MARKETO.filter((each) => each.operation === operation);
  const wanted = fits.length > 1 && document.batch !== undefined;
  return fits.find(({ batched = false }) => batched === wanted)?.id;
}

/** Whether an operation needs, or may have, a member; those of the destination are `destination.<name>`. */
export function takes(operation: Operation, member: string): boolean {
  return needs(operation, member) || (OPERATIONS[operation].takes as readonly string[]).includes(member);
}

export function needs(operation: Operation, member: string): boolean {
  return (OPERATIONS[operation].needs as readonly string[]).includes(member);
}

const SHARED = ["format", "kind", "id", "name", "description", "time_zone", "deduplicate", "conditions", "trial"];
const OF_DESTINATION = ["list", "campaign", "strategy", "lookup_field", "partition"];
const OWN = ["person", "duplicate_record_rule", "mappings", "tokens", "merge", "batch"];

/** what an operation has a place for or has not, as `takes` calls it */
export const PLACED: readonly string[] = [...OF_DESTINATION.map((name) => `destination.${name}`), ...OWN];

function only(members: Members, names: readonly string[]): Members {
  return Object.fromEntries(names.flatMap((name) => (name in members ? [[name, members[name] as Json]] : [])));
}

/** The document with another type: what that type has no place for is gone, the rest stays as it was typed. */
export function turned(document: Members, type: string): Members {
  const chosen = ALL.find(({ id }) => id === type);
  if (chosen === undefined || typeOf(document) === type) return document;
  const shared = only(document, SHARED);
  const end = membersOf(document, "destination");
  const before = isAtMarketo(document);
  const connection = only(before ? end : membersOf(document, "source"), ["connection"]);
  const { operation, batched = false } = chosen;
  if (operation === undefined) {
    return { ...shared, ...only(document, ["mappings"]), source: { ...connection, table: "leads" } };
  }
  const kept = only(end, before ? OF_DESTINATION.filter((name) => takes(operation, `destination.${name}`)) : []);
  // a rule of several goes by fields of the records, which are others at Salesforce
  const members = OWN.filter((name) => takes(operation, name) && name !== "batch").filter(
    (name) => before || name === "mappings",
  );
  const found = only(document, members);
  const person = startOf(operation, membersOf(found, "person"));
  return {
    ...shared,
    destination: { ...connection, operation, ...kept },
    ...found,
    ...(takes(operation, "person") && { person }),
    ...(takes(operation, "mappings") && { mappings: found.mappings ?? [] }),
    ...(takes(operation, "batch") && (batched || operation === "import_leads") && { batch: document.batch ?? {} }),
    ...(takes(operation, "merge") && { merge: found.merge ?? {} }),
  };
}

/** Who is meant, until somebody says otherwise; a campaign is requested by lead id alone. */
function startOf(operation: Operation, before: Members): Members {
  if (operation === "send_email") return { lead_id: before.lead_id ?? "id" };
  return Object.keys(before).length ? before : { lookup: "email", column: "email" };
}
