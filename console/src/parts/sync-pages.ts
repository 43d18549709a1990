/** The pages of a Sync, and on which each of its members stands. */
import type { MEMBERS } from "../api/sync.generated";

export const TITLES = {
  1: "Configuration",
  2: "Mappings",
  3: "Filter",
  4: "Preview",
  5: "Schedule",
} as const;

/** a member that the schema gains has to be given a page here, or nothing is built */
export const PAGES: Readonly<Record<(typeof MEMBERS)[number], number>> = {
  format: 1,
  kind: 1,
  id: 1,
  name: 1,
  description: 1,
  source: 1,
  destination: 1,
  match: 2,
  import: 2,
  dedupe: 2,
  duplicate_record_rule: 2,
  mappings: 2,
  writeback: 2,
  conditions: 3,
  extraction: 3,
  by: 3,
  time_zone: 5,
  schedule: 5,
  deletes: 5,
  guard: 5,
};
