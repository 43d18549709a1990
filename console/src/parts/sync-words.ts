/** What is said of Syncs and their runs: one word or sentence for each thing that the API names. */
import type { Schemas } from "../api/client";
import { counted } from "./words.ts";

type Run = Schemas["SyncRun"];
type Colour = "positive" | "negative" | "notice" | "informative" | "neutral";

const STANDINGS: Readonly<Record<string, readonly [string, Colour]>> = {
  running: ["at work", "informative"],
  done: ["done", "positive"],
  failed: ["failed", "negative"],
  cancelled: ["cancelled", "neutral"],
  "waiting: guard": ["waits for a confirmation", "notice"],
  "waiting: quota": ["waits for calls of the day", "notice"],
  "waiting: disabled": ["waits for its connection", "notice"],
  "waiting: paused": ["paused", "notice"],
  "waiting: vendor": ["waits for the vendor", "informative"],
  "waiting: settling": ["waits until the vendor has settled", "informative"],
};

/** How a run stands, as a word with a colour. */
export function standing(status: string): readonly [string, Colour] {
  return STANDINGS[status] ?? [status, "neutral"];
}

/** Whether a run waits until somebody says that what its guard has counted is meant. */
export function asks({ status }: Pick<Run, "status">): boolean {
  return status === "waiting: guard";
}

/** What its guard has counted; behind it stand commands for the terminal, which buttons do here. */
export function guardSaid({ message }: Pick<Run, "message">): string {
  const [said = ""] = message.split("; ");
  const told = said || "it would do more than the Sync allows";
  return `${told.slice(0, 1).toUpperCase()}${told.slice(1)}. Nothing is written yet.`;
}

export const KINDS: Readonly<Record<string, string>> = {
  run: "Run",
  plan: "Plan",
  apply: "Plan made true",
  retry: "Failed rows again",
};

const STEPS: Readonly<Record<string, string>> = {
  begin: "Begins",
  extract: "Reads the source",
  extract_files: "Waits for the source's file",
  partition: "Sorts rows by their keys",
  load: "Writes",
  join: "Makes the file to import",
  load_files: "Waits for the import",
  commit: "Notes how far it came",
};

/** What a run does now; nothing of one that is over. */
export function stepOf({ step, ended_at }: Pick<Run, "step" | "ended_at">): string {
  return ended_at ? "" : (STEPS[step] ?? step);
}

export const COUNTS = [
  { name: "created", label: "Created" },
  { name: "updated", label: "Updated" },
  { name: "unchanged", label: "Unchanged" },
  { name: "skipped", label: "Skipped" },
  { name: "duplicate", label: "Duplicates" },
  { name: "failed", label: "Failed" },
  { name: "deleted", label: "Deleted" },
  { name: "flagged", label: "Flagged as deleted" },
  { name: "handed_over", label: "Handed to the Action" },
] as const satisfies readonly { name: keyof Run; label: string }[];

/** How a count is called: a plan only foresees. */
export function countOf(label: string, { kind }: Pick<Run, "kind">): string {
  return kind === "plan" ? `Would be ${label.toLowerCase()}` : label;
}

/** What became of a run's rows in a line; what did not occur is left out. */
export function countsOf(run: Run): string {
  const found = COUNTS.filter(({ name }) => run[name]).map(({ name, label }) => `${run[name]} ${label.toLowerCase()}`);
  return found.length ? found.join(", ") : run.ended_at ? "nothing to write" : "none yet";
}

/** What moving rows takes. */
export function costOf({ calls, megabytes, job_slots, minutes }: Schemas["SyncCost"]): string {
  return [
    counted(calls, "call"),
    ...(megabytes ? [`${megabytes} MB of extracts`] : []),
    ...(job_slots ? [counted(job_slots, "place of a job", "places of jobs")] : []),
    ...(minutes ? [`at least ${counted(minutes, "minute")}`] : []),
  ].join(", ");
}

/** How many rows a run would pull; an estimate says what it is made of. */
export function totalOf({ rows, exact, basis, exact_cost }: Schemas["SyncTotal"]): string {
  if (rows !== null && exact) return `A run that began now would pull exactly ${counted(rows, "row")}.`;
  const found = rows === null ? "Nobody can say how many rows a run would pull" : `About ${counted(rows, "row")}`;
  const price = exact_cost ? ` The exact number takes ${costOf(exact_cost)}.` : "";
  return `${found}${basis ? `: an estimate, ${basis}` : ""}.${price}`;
}

/** Choices of a document by what they mean. */
export const IMPORT_WORDS = {
  create: "Create: keys that the destination has are skipped",
  update: "Update: keys that it lacks are skipped",
  create_and_update: "Create and update",
} as const;
export const DEDUPE_WORDS = {
  import_everything: "All of them, in the source's order",
  ignore_duplicates: "None of them",
  youngest: "The one that was changed last",
  oldest: "The one that was made first",
} as const;
export const EXTRACTION_WORDS = {
  full: "Everything, each time",
  incremental: "What changed since the run before",
} as const;
export const WAY_WORDS = {
  auto: "As fits the number of rows",
  rest: "Page by page (REST)",
  bulk: "By files (bulk jobs)",
} as const;
export const GUARD_WORDS = {
  deletes: "Deletions",
  calls: "Calls of an Action",
  blanked_percent: "Records with a field cleared (%)",
  changed_percent: "Records changed (%)",
} as const;
export const UNITS = ["minutes", "hours", "days"] as const;
