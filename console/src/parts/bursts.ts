/** Executions of one Action that stand alike for one reason are told as one, as the command line does. */
import type { Schemas } from "../api/client";

type Told = Pick<Schemas["Execution"], "action_id" | "outcome" | "state" | "reason">;

/** from so many on */
const LEAST = 3;

/** Each execution by itself or with those alike, in the place of the first of them. */
export function bursts<T extends Told>(executions: readonly T[]): T[][] {
  const groups = new Map<string, T[]>();
  for (const each of executions) {
    groups.set(kind(each), [...(groups.get(kind(each)) ?? []), each]);
  }
  return executions.flatMap((each) => {
    const alike = groups.get(kind(each)) ?? [];
    // without a reason there is nothing to be done about it, so each is told by itself
    if (!each.reason || alike.length < LEAST) return [[each]];
    return alike[0] === each ? [alike] : [];
  });
}

function kind({ action_id, outcome, state, reason }: Told): string {
  return JSON.stringify([action_id, outcome ?? state, reason]);
}
