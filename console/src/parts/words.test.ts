import assert from "node:assert/strict";
import { test } from "node:test";
import { counted, kindOfRecords, lasting, left, policy, runStatus, standing } from "./words.ts";

test("a length of time is told in its largest unit, and one of it alone", () => {
  assert.deepEqual([-3, 1, 59, 60, 90, 3599, 3600, 5_400, 86_400, 200_000].map(lasting), [
    "0 seconds",
    "1 second",
    "59 seconds",
    "1 minute",
    "2 minutes",
    "60 minutes",
    "1 hour",
    "2 hours",
    "1 day",
    "2 days",
  ]);
});

test("a field that goes one way has no conflict, and without a policy the one of the server is told", () => {
  assert.equal(policy({ direction: "to_marketo", conflict: null }), "has no conflicts");
  assert.equal(policy({ direction: "both", conflict: null }), "Salesforce, but for what marketing keeps");
  assert.equal(policy({ direction: "both", conflict: "never" }), "both keep theirs");
});

test("codes that nobody has words for are told as they are", () => {
  assert.equal(kindOfRecords("opportunity_roles"), "Opportunity roles");
  assert.deepEqual(
    [kindOfRecords("new_kind"), standing("absent"), left("blank_kept")],
    ["new kind", "not kept", "blank kept"],
  );
  assert.equal(runStatus("waiting: guard"), "waits for a confirmation");
});

test("one thing is one, and several have their own word", () => {
  assert.deepEqual(
    [counted(1, "entry", "entries"), counted(2, "entry", "entries"), counted(0, "run")],
    ["1 entry", "2 entries", "0 runs"],
  );
});
