/** The pages on which a CRM cycle is set up, what of its document has a form there, and what is set in the file only. */
import type { MEMBERS } from "../api/cycle.generated";
import { type Json, type Members, step } from "./pointer.ts";

export const TITLES = {
  1: "Connections",
  2: "People",
  3: "Companies and opportunities",
  4: "Activities, objects, programs",
  5: "Schedule",
} as const;

/** a member that the schema gains has to be given a page here, or nothing is built */
export const PAGES: Readonly<Record<(typeof MEMBERS)[number], number>> = {
  format: 1,
  kind: 1,
  id: 1,
  name: 1,
  description: 1,
  marketo: 1,
  salesforce: 1,
  mode: 1,
  persons: 2,
  sales_persons: 3,
  companies: 3,
  opportunities: 3,
  opportunity_roles: 3,
  activities: 4,
  custom_objects: 4,
  programs: 4,
  time_zone: 5,
  gap_minutes: 5,
  low_watermark: 5,
  quiet: 5,
  guard: 5,
};

const PAIR = [
  "marketo",
  "salesforce",
  "direction",
  "conflict",
  "blank",
  "default",
  "consent",
  "to_marketo",
  "to_salesforce",
  "enabled",
];
const TRACK = ["leave", "join/program", "join/status"];

/** Members that have a form as a whole, `*` for any place of a list, `?` for any name. */
export const FORMED: readonly string[] = [
  ...["format", "kind", "id", "name", "description", "marketo", "salesforce", "mode"],
  ...["time_zone", "gap_minutes", "low_watermark", "quiet/*/from", "quiet/*/to"],
  ...under("guard", ["deletes", "calls", "blanked_percent", "changed_percent"]),
  ...under("persons", [
    ...["id_field", "type_field", "marketo_id_field", "low_watermark", "assignment_rule", "on_conversion"],
    ...["create_in_marketo", "create_in_salesforce"],
    ...["merges", "merged_in_salesforce", "deleted_in_marketo", "deleted_in_salesforce"],
    ...under("leads", ["enabled", ...under("fields/*", PAIR)]),
    ...under("contacts", ["enabled", ...under("fields/*", PAIR)]),
  ]),
  ...under("sales_persons", ["enabled", "deactivated", "low_watermark"]),
  ...under("companies", [
    ...["enabled", "deleted_in_salesforce", "fan_out", "low_watermark"],
    ...under("fields/*", PAIR),
  ]),
  ...under("opportunities", [
    ...["enabled", "deleted_in_salesforce", "stage_field", "look_in_marketo", "low_watermark"],
    ...under("fields/*", PAIR),
    ...under("won", TRACK),
    ...under("lost", TRACK),
  ]),
  ...under("opportunity_roles", ["enabled", "without_name", "deleted_in_salesforce", "low_watermark"]),
  ...under("activities", ["enabled", "low_watermark"]),
  ...under("activities/groups/?", ["types", "target", "key", "subject", "fields", "wait_minutes"]),
  ...under("custom_objects", ["enabled", "low_watermark"]),
  ...under("custom_objects/objects/?", [
    ...["enabled", "marketo", "salesforce", "direction", "key", "wait_minutes", "extract_minutes"],
    "deleted_in_salesforce",
    ...under("fields/*", PAIR),
  ]),
  ...under("programs", ["enabled", "campaign_key"]),
  ...under("programs/groups/?", [
    ...["program", "static_list", "campaign", "statuses", "status", "fields", "member_fields"],
  ]),
];

/** The same as the editor asks for it: with whatever is in them, and with tables that hold nothing. */
export const FORMS: readonly string[] = [...FORMED.map((each) => `${each}/**`), "custom_objects/objects/?/links"];

function under(name: string, members: readonly string[]): string[] {
  return members.map((each) => `${name}/${each}`);
}

/** Pairs of a draft whose fields no pair names yet, on neither side. */
export function newPairs(there: readonly Members[], drafted: readonly Members[]): readonly Members[] {
  const taken = (side: string) => new Set(there.map((each) => String(each[side]).toLowerCase()));
  const [marketo, salesforce] = [taken("marketo"), taken("salesforce")];
  return drafted.filter(
    (each) =>
      !marketo.has(String(each.marketo).toLowerCase()) && !salesforce.has(String(each.salesforce).toLowerCase()),
  );
}

/** A document with the kinds of records of a draft that it does not have; what somebody wrote stays. */
export function filledFrom(document: Members, draft: Members): [pointer: string, value: Json][] {
  const persons = (document.persons ?? {}) as Members;
  const drafted = (draft.persons ?? {}) as Members;
  const kinds = ["sales_persons", "companies", "opportunities", "opportunity_roles"];
  return [
    ...kinds.flatMap((name) => missing(document, draft, name, step("", name))),
    ...Object.keys(drafted).flatMap((name) => missing(persons, drafted, name, step("/persons", name))),
  ];
}

function missing(there: Members, draft: Members, name: string, pointer: string): [string, Json][] {
  const [value, given] = [there[name], draft[name]];
  return given === undefined || (value !== undefined && value !== "") ? [] : [[pointer, given]];
}

/** A pair in a line. */
export function pairWords({ marketo, salesforce, direction }: Members, way?: string): string {
  const arrows: Readonly<Record<string, string>> = { both: "↔", to_salesforce: "→", to_marketo: "←" };
  const arrow = arrows[way ?? String(direction ?? "both")] ?? "↔";
  return marketo || salesforce ? `${marketo || "…"} ${arrow} ${salesforce || "…"}` : "a new pair";
}
