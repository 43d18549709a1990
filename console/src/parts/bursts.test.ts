import assert from "node:assert/strict";
import { test } from "node:test";
import { bursts } from "./bursts.ts";

function told(id: number, reason: string | null, outcome: "failed" | "created" | null = "failed", action = "a") {
  return { id, action_id: action, state: outcome ? ("ended" as const) : ("parked" as const), outcome, reason };
}

function ids(...executions: readonly ReturnType<typeof told>[]): number[][] {
  return bursts(executions).map((alike) => alike.map(({ id }) => id));
}

test("three that stand alike for one reason are one, where the first of them was", () => {
  assert.deepEqual(ids(told(1, "x"), told(2, "y"), told(3, "x"), told(4, "x")), [[1, 3, 4], [2]]);
});

test("fewer, those of another Action, outcome or state, and those without a reason stand by themselves", () => {
  assert.deepEqual(
    ids(told(1, "x"), told(2, "x"), told(3, "x", "created"), told(4, "x", null), told(5, "x", "failed", "b")),
    [[1], [2], [3], [4], [5]],
  );
  assert.deepEqual(ids(told(1, null, "created"), told(2, null, "created"), told(3, null, "created")), [[1], [2], [3]]);
});
