/** Words for codes of the API: one table for each kind of code. What a newer server says is shown as it is. */

const MODES: Readonly<Record<string, string>> = {
  replace_native: "instead of Marketo's own sync",
  beside_native: "beside Marketo's own sync",
};
const KINDS: Readonly<Record<string, string>> = {
  sales_persons: "Sales persons",
  companies: "Companies",
  persons: "People",
  activities: "Activities",
  opportunities: "Opportunities",
  opportunity_roles: "Opportunity roles",
  custom_objects: "Custom objects",
  programs: "Programs",
  fates: "Merges, conversions, deletions",
};
const STANDINGS: Readonly<Record<string, string>> = {
  on: "on",
  off: "switched off",
  on_demand: "when asked for",
  absent: "not kept",
};
const DIRECTIONS: Readonly<Record<string, string>> = {
  both: "both ways",
  to_marketo: "to Marketo",
  to_salesforce: "to Salesforce",
};
const CONFLICTS: Readonly<Record<string, string>> = {
  salesforce: "Salesforce is right",
  marketo: "Marketo is right",
  newest: "the newer edit",
  non_empty: "the one that is not empty",
  never: "both keep theirs",
};
/** the steps of a cycle's run in their order */
export const STEPS = ["open", "read", "decide", "write", "remember", "commit"] as const;
const STEP_WORDS: Readonly<Record<string, string>> = {
  open: "Look at both schemas",
  read: "Read what changed",
  decide: "Decide field by field",
  write: "Write",
  remember: "Remember what both hold",
  commit: "Move the watermarks",
};
/** why an edit was not simply taken over */
const LEFT: Readonly<Record<string, string>> = {
  decided: "conflict, decided by its policy",
  conflict_left: "conflict, both keep theirs",
  contested: "contested by both systems",
};
const STATUSES: Readonly<Record<string, string>> = {
  "waiting: guard": "waits for a confirmation",
  "waiting: paused": "paused",
  "waiting: vendor": "waits for a system",
  "waiting: quota": "waits for calls of the day",
  "waiting: disabled": "waits: a connection is disabled",
  "waiting: settling": "waits until changes settle",
};

function said(table: Readonly<Record<string, string>>): (code: string) => string {
  return (code) => table[code] ?? code.replaceAll("_", " ");
}

export const mode = said(MODES);
export const kindOfRecords = said(KINDS);
export const standing = said(STANDINGS);
export const way = said(DIRECTIONS);
export const stepWords = said(STEP_WORDS);
export const left = said(LEFT);
export const runStatus = said(STATUSES);

export const conflict = said(CONFLICTS);

/** Who is right in a conflict; a field that goes one way has none. */
export function policy({ direction, conflict: who }: { direction: string; conflict: string | null }): string {
  if (direction !== "both") return "has no conflicts";
  return who ? conflict(who) : "Salesforce, but for what marketing keeps";
}

/** A length of time, about. */
export function lasting(seconds: number): string {
  const units = [
    { name: "day", of: 86_400 },
    { name: "hour", of: 3_600 },
    { name: "minute", of: 60 },
  ];
  const unit = units.find(({ of }) => seconds >= of) ?? { name: "second", of: 1 };
  return counted(Math.max(0, Math.round(seconds / unit.of)), unit.name);
}

export function counted(number: number, what: string, several = `${what}s`): string {
  return `${number.toLocaleString("en")} ${number === 1 ? what : several}`;
}
