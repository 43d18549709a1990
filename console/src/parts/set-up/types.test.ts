import assert from "node:assert/strict";
import { test } from "node:test";
import type { Members } from "../pointer.ts";
import { ALL, AT_MARKETO, needs, TO_SALESFORCE, takes, turned, typeOf } from "./types.ts";

const FRESH: Members = {
  format: 1,
  kind: "action",
  id: "a",
  name: "A",
  source: { connection: "marketo-demo", table: "leads" },
  conditions: { match: "all", clauses: [] },
};

test("there are nine types at Marketo beside Salesforce, and each is told by its document", () => {
  assert.equal(AT_MARKETO.length, 9);
  for (const { id } of ALL) assert.equal(typeOf(turned(FRESH, id)), id);
});

test("a type brings what it needs a form for, and keeps name, connection and conditions", () => {
  for (const { id, operation, batched = false } of AT_MARKETO) {
    assert.ok(operation);
    const document = turned(FRESH, id);
    for (const member of ["person", "mappings", "merge"])
      assert.equal(member in document, needs(operation, member), `${id}: ${member}`);
    assert.equal("batch" in document, batched || operation === "import_leads", id);
    assert.ok(!("source" in document), id);
    assert.deepEqual([document.id, document.name, document.conditions], ["a", "A", FRESH.conditions]);
    assert.deepEqual(document.destination, { connection: "marketo-demo", operation });
  }
  assert.deepEqual(turned(FRESH, "send_email").person, { lead_id: "id" });
});

test("another type keeps what it takes, too, and loses what the server would refuse", () => {
  const list: Members = { ...turned(FRESH, "add_to_list_batched"), batch: { count: 5 }, duplicate_record_rule: {} };
  const named = { ...list, destination: { ...(list.destination as Members), list: "Webinar" } } as Members;
  const removed = turned(named, "remove_from_list_batched");
  assert.deepEqual(removed.destination, { connection: "marketo-demo", operation: "remove_from_list", list: "Webinar" });
  assert.deepEqual([removed.batch, removed.duplicate_record_rule, removed.person], [{ count: 5 }, {}, named.person]);
  const one = turned(named, "add_to_list");
  assert.ok(!("batch" in one));
  const mail = turned(named, "send_email");
  assert.deepEqual(Object.keys(mail).toSorted(), [
    "conditions",
    "destination",
    "format",
    "id",
    "kind",
    "name",
    "person",
  ]);
  assert.ok(!takes("send_email", "destination.list"));
});

test("back at Salesforce the instance is the source, and the mappings stay", () => {
  const mapped: Members = { ...turned(FRESH, "upsert_lead"), mappings: [{ to: "email", column: "email" }] };
  const back = turned(mapped, TO_SALESFORCE);
  assert.deepEqual(back, { ...FRESH, mappings: mapped.mappings });
  assert.equal(turned(back, TO_SALESFORCE), back);
});

test("what asks for something unknown is at Marketo, and of no type", () => {
  assert.equal(typeOf({ destination: { operation: "new_one" } }), undefined);
});
