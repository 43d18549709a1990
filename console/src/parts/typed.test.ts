import assert from "node:assert/strict";
import { test } from "node:test";
import { fromLines, fromTable, linesOf, named, namedChoices, number, tableOf } from "./typed.ts";

test("digits are a number where they come back as they were typed, everything else is text", () => {
  assert.deepEqual(["7", "-1.5", "007", "1e3", "", " 7"].map(number), [7, -1.5, "007", "1e3", "", " 7"]);
});

test("lines that stood there keep the values that they were, new ones are what they look like", () => {
  const before = [1, "2", true, " spaced ", "", null];
  assert.deepEqual(fromLines(linesOf(before), before, false), before);
  assert.deepEqual(fromLines("1\n 3 \n\n4", [1], true), [1, 3, 4]);
  assert.deepEqual(fromLines("1\n 3 ", [], false), ["1", "3"]);
});

test("pairs that stood there keep their equals signs and their types, new ones are split at the first", () => {
  const before = { "a=b": "c", n: 1, on: true, "": "nothing" };
  assert.deepEqual(fromTable(tableOf(before), before), before);
  assert.deepEqual(fromTable("x = y = z\nno pair", {}), { x: "y = z" });
});

test("a list is kept by its name, or by its id where no name is its own at Marketo", () => {
  const found = [
    { id: 1, name: "Webinar" },
    { id: 2, name: "Twice" },
    { id: 3, name: "Twice" },
    { id: 4, name: "A, B" },
    { id: 5, name: "2026" },
  ];
  assert.deepEqual(
    namedChoices(found, "Webinar").map(({ id }) => named(id)),
    ["Webinar", 2, 3, 4, 5],
  );
  assert.deepEqual(namedChoices(found, 1)[0], { id: "1", name: "Webinar (1)" });
  assert.deepEqual([named("1001"), named("1,001"), named("List 7")], [1001, "1,001", "List 7"]);
});
