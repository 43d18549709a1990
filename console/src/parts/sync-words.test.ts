/** Run by Node as it is: `node --test`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { asks, COUNTS, costOf, countOf, countsOf, guardSaid, standing, stepOf, totalOf } from "./sync-words.ts";

type Run = Parameters<typeof countsOf>[0];

const RUN: Run = {
  sync: "contacts-to-people",
  slot: "20260302T120000Z",
  kind: "run",
  plan: null,
  version: 1,
  status: "running",
  step: "load",
  started_at: "2026-03-02T12:00:00Z",
  ended_at: null,
  waits_until: null,
  retry_of: null,
  pulled: 0,
  created: 0,
  updated: 0,
  unchanged: 0,
  skipped: 0,
  duplicate: 0,
  failed: 0,
  deleted: 0,
  flagged: 0,
  handed_over: 0,
  rows_per_second: null,
  seconds_left: null,
  megabytes: 0,
  calls: 0,
  reason: "",
  message: "",
};
const COST = { calls: 1, megabytes: 0, job_slots: 0, minutes: 0 };

test("an estimate says that it is one, what it is made of, and what the exact number takes", () => {
  const estimated = { rows: 1200, exact: false, basis: "the run 20260302T120000Z pulled so many", exact_cost: COST };
  assert.equal(
    totalOf(estimated),
    "About 1,200 rows: an estimate, the run 20260302T120000Z pulled so many. The exact number takes 1 call.",
  );
  assert.equal(totalOf({ ...estimated, exact: true, rows: 1 }), "A run that began now would pull exactly 1 row.");
  assert.equal(
    totalOf({ rows: null, exact: false, basis: "", exact_cost: null }),
    "Nobody can say how many rows a run would pull.",
  );
});

test("a cost names what there is of it only", () => {
  assert.equal(costOf(COST), "1 call");
  assert.equal(
    costOf({ calls: 1500, megabytes: 2.5, job_slots: 2, minutes: 10 }),
    "1,500 calls, 2.5 MB of extracts, 2 places of jobs, at least 10 minutes",
  );
});

test("every count of a run is told where it is one, and none where there is none", () => {
  assert.equal(countsOf(RUN), "none yet");
  assert.equal(countsOf({ ...RUN, ended_at: "2026-03-02T12:01:00Z" }), "nothing to write");
  for (const { name, label } of COUNTS) {
    assert.equal(countsOf({ ...RUN, [name]: 7 }), `7 ${label.toLowerCase()}`);
  }
  assert.equal(countsOf({ ...RUN, created: 3, failed: 1 }), "3 created, 1 failed");
  assert.deepEqual(
    ["plan", "apply"].map((kind) => countOf("Created", { kind })),
    ["Would be created", "Created"],
  );
});

test("only a run that its guard has parked asks; an unknown state is told as it is", () => {
  const states = ["running", "done", "failed", "cancelled", "waiting: guard", "waiting: quota", "waiting: paused"];
  assert.deepEqual(
    states.filter((status) => asks({ status })),
    ["waiting: guard"],
  );
  assert.deepEqual(standing("waiting: guard"), ["waits for a confirmation", "notice"]);
  assert.deepEqual(standing("waiting: moon"), ["waiting: moon", "neutral"]);
});

test("what a guard has counted is told without the commands of the terminal", () => {
  const message = "the run would change 3 records (the limit is 1); nothing is written yet, `leadbridge` lets it go on";
  assert.equal(guardSaid({ message }), "The run would change 3 records (the limit is 1). Nothing is written yet.");
  assert.equal(guardSaid({ message: "" }), "It would do more than the Sync allows. Nothing is written yet.");
});

test("a run that is over does nothing any more", () => {
  assert.equal(stepOf(RUN), "Writes");
  assert.equal(stepOf({ ...RUN, step: "done", ended_at: "2026-03-02T12:01:00Z" }), "");
});
