/**
 * Which members of an Action have a form. Whatever else a document holds is left as it is and shown as set in the file,
 * so nothing that somebody wrote is lost, or unseen.
 */
import { type Json, type Members, step, steps, within } from "../pointer.ts";
import { isAtMarketo, operationOf, PLACED, takes } from "./types.ts";

/** where values come from: a column, a constant, a day, a template; with rules, and what a blank does */
const VALUE = ["to", "column", "static", "day", "template", "transforms/*/**", "blank", "default"];
/** beside them, records that were written */
const RECORD = [...VALUE, "field", "of"];
const TELLING = [...RECORD, "execution"];
const SEVERAL = ["order_by", "choose", "order/*"].map((name) => `duplicate_record_rule/${name}`);
const SHARED = [
  // what these are nobody chooses
  "format",
  "kind",
  "id",
  "name",
  "description",
  "time_zone",
  ...SEVERAL,
  "deduplicate/columns/*",
  "deduplicate/window_seconds",
  "conditions/**",
  "trial/leads/*",
  "trial/static_list",
  ...list("mappings", VALUE),
];

function list(name: string, members: readonly string[]): string[] {
  return members.map((each) => `${name}/*/${each}`);
}

function under(name: string, members: readonly string[]): string[] {
  return members.map((each) => `${name}/${each}`);
}

/** of an Action whose destination is Salesforce; `*` is any place of a list, `?` any name, `**` whatever is in it */
export const OF_ACTIONS: readonly string[] = [
  ...SHARED,
  ...under("source", ["connection", "table"]),
  ...under("destination", ["connection", "object", "match_in/*", "duplicate_rules", "idempotency_field"]),
  ...under("identifier", ["column", "field"]),
  ...list("further_identifiers", ["column", "field"]),
  "type",
  ...list("writeback", TELLING),
  ...list("chained", ["name", "object", "type", "after", "on_failure", "duplicate_rules", "idempotency_field"]),
  ...list("chained", [...list("match", RECORD), ...list("mappings", RECORD)]),
  ...under("results", ["activity", "success", "errored", "not_processed", "execution_attribute"]),
  ...under("results", list("mappings", TELLING)),
  ...under("recovery", ["webhook", "tolerance_seconds"]),
  "inline/budget_seconds",
  ...under("program_member", ["program", "status", ...list("mappings", TELLING)]),
  ...under("activity", ["type", "days"]),
];
/** of one whose destination is Marketo */
export const OF_CONNECTORS: readonly string[] = [
  ...SHARED,
  ...under("destination", ["connection", "operation", "list", "campaign", "strategy", "lookup_field", "partition"]),
  ...under("person", ["lead_id", "lookup", "column", "add_if_missing"]),
  ...list("tokens", VALUE),
  ...under("merge", ["winner", "losers/*", "in_crm"]),
  ...under("batch", ["count", "seconds", "bytes"]),
];

/** The forms of a document: one at Marketo has none for what its operation has no place for. */
export function formsOf(document: Members): readonly string[] {
  if (!isAtMarketo(document)) return OF_ACTIONS;
  const operation = operationOf(document);
  const absent = PLACED.filter((each) => operation === undefined || !takes(operation, each));
  const starts = absent.map((each) => each.replace(".", "/"));
  return OF_CONNECTORS.filter((form) => !starts.some((each) => within(form, each)));
}

/** Whether a form shows what is at a pointer. */
export function hasForm(pointer: string, forms: readonly string[]): boolean {
  const names = steps(pointer);
  return forms.some((form) => fits(names, form.split("/")));
}

function fits(names: readonly string[], form: readonly string[]): boolean {
  const [wanted, ...others] = form;
  const [name, ...rest] = names;
  // what holds nothing yet has a form if something in it has
  if (wanted === undefined || name === undefined) return wanted === undefined ? name === undefined : true;
  if (wanted === "**") return true;
  return (wanted === "*" ? /^\d+$/.test(name) : wanted === "?" || wanted === name) && fits(rest, others);
}

/** Every value of a document that holds no others, with its pointer. */
export function leaves(value: Json, pointer = ""): [string, Json][] {
  if (value === null || typeof value !== "object") return [[pointer, value]];
  const inner = Object.entries(value as Members);
  return inner.length ? inner.flatMap(([name, each]) => leaves(each, step(pointer, name))) : [[pointer, value]];
}

/** What no form shows; an empty list is as if it were not there. */
export function unshown(document: Members, forms: readonly string[]): [string, Json][] {
  return leaves(document).filter(
    ([pointer, value]) => !(Array.isArray(value) && !value.length) && !hasForm(pointer, forms),
  );
}
