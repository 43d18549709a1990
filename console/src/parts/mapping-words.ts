/** Mappings and clauses in a line, as the editor and the view show them. */
import type { Json, Members } from "./pointer";

/** What a value's source is, in words; null of what is no mapping. */
export function sourceOf(mapping: Members): string | null {
  if (mapping.column !== undefined) return `column ${mapping.column}`;
  if (mapping.static !== undefined) return `always ${JSON.stringify(mapping.static)}`;
  if (mapping.day !== undefined) return `the day: ${mapping.day}`;
  if (mapping.template !== undefined) return `template ${JSON.stringify(mapping.template)}`;
  if (mapping.field !== undefined) return `the record's ${mapping.field}${mapping.of ? ` of ${mapping.of}` : ""}`;
  if (mapping.execution !== undefined) return `the execution's ${String(mapping.execution).replaceAll("_", " ")}`;
  return null;
}

/** A mapping, identifier or clause in a line; null of what is none. */
export function told(each: Members): string | null {
  if (typeof each.to === "string") {
    const source = sourceOf(each);
    if (source === null) return null;
    const rules = Array.isArray(each.transforms) ? (each.transforms as readonly Members[]).map(({ type }) => type) : [];
    const blank = each.blank && each.blank !== "skip" ? [`blank: ${each.blank}`] : [];
    return [`${each.to} ← ${source}`, ...(rules.length ? [rules.join(", ")] : []), ...blank].join("; ");
  }
  if (typeof each.column === "string" && typeof each.operator === "string") return clause(each);
  if (typeof each.column === "string" && typeof each.field === "string") return `${each.field} = column ${each.column}`;
  return null;
}

function clause(each: Members): string {
  const value = each.value as Json | undefined;
  const said =
    value === undefined || value === null ? "" : Array.isArray(value) ? value.join(", ") : JSON.stringify(value);
  return `${each.column} ${String(each.operator).replaceAll("_", " ")} ${said}`.trim();
}
