/** Run by Node as it is: `node --test`. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { FORMED, FORMS, filledFrom, newPairs, PAGES, pairWords } from "./cycle-pages.ts";
import { at, type Members, put } from "./pointer.ts";
import { leaves, unshown } from "./set-up/shown.ts";

interface Schema {
  $ref?: string;
  $defs?: Record<string, Schema>;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  patternProperties?: Record<string, Schema>;
  items?: Schema;
  anyOf?: Schema[];
}

const DOCS = new URL("../../../docs/", import.meta.url);
const SCHEMA = JSON.parse(readFileSync(new URL("crm_cycle.schema.json", DOCS), "utf8")) as Schema;
/** The cycles of the recipes as the console is shown them; the Python test writes them. */
const RECIPES = JSON.parse(readFileSync(process.env.LEADBRIDGE_CYCLES ?? "", "utf8")) as Members[];
/** what the pages leave to the file */
const LEFT = ["custom_objects/objects/?/links/?/*"];

/** The members that a schema knows, as `FORMED` has them; what a form keeps as a whole ends there. */
function known(schema: Schema, path: string): string[] {
  if (FORMED.includes(path)) return [path];
  const { $ref, anyOf, items, properties, additionalProperties, patternProperties } = schema;
  if ($ref) return known(SCHEMA.$defs?.[$ref.split("/").at(-1) ?? ""] ?? {}, path);
  if (anyOf) return anyOf.flatMap((each) => known(each, path)).filter((each) => each !== path || anyOf.length === 1);
  if (items) return known(items, `${path}/*`);
  if (properties) {
    return Object.entries(properties).flatMap(([name, each]) => known(each, path ? `${path}/${name}` : name));
  }
  const named = [additionalProperties, ...Object.values(patternProperties ?? {})].find(
    (each) => typeof each === "object",
  );
  return named ? known(named, `${path}/?`) : [path];
}

test("each member of a cycle has a form, or stands among those that are set in the file", () => {
  const found = new Set(known(SCHEMA, ""));
  assert.deepEqual(
    [...found].filter((each) => !FORMED.includes(each)),
    LEFT,
  );
  assert.deepEqual(
    FORMED.filter((each) => !found.has(each)),
    [],
  );
  assert.deepEqual(Object.keys(PAGES).toSorted(), Object.keys(SCHEMA.properties ?? {}).toSorted());
});

test("what has no form is told with its pointer and kept, whatever is edited", () => {
  const document: Members = {
    kind: "crm_cycle",
    hue: "red",
    persons: { id_field: "a", leads: { fields: [{ marketo: "x", salesforce: "X", weight: 3 }], mood: {} } },
    custom_objects: { objects: { cars: { marketo: "car_c", links: { leadId: ["Lead__c"] } }, toys: { links: {} } } },
  };
  const kept = unshown(document, FORMS);
  assert.deepEqual(kept, [
    ["/hue", "red"],
    ["/persons/leads/fields/0/weight", 3],
    ["/persons/leads/mood", {}],
    ["/custom_objects/objects/cars/links/leadId/0", "Lead__c"],
  ]);
  assert.deepEqual(unshown(put(document, "/persons/leads/fields/0/marketo", "y") as Members, FORMS), kept);
});

test("an edit of a recipe changes its member and no other, and taken back it is the recipe", () => {
  assert.notEqual(RECIPES.length, 0);
  for (const recipe of RECIPES) {
    assert.deepEqual(unshown(recipe, FORMS), []);
    const pointers = leaves(recipe).map(([pointer]) => pointer);
    for (const pointer of pointers) {
      const edited = put(recipe, pointer, "edited");
      const others = pointers.filter((each) => each !== pointer);
      assert.equal(at(edited, pointer), "edited");
      for (const each of others) assert.deepEqual(at(edited, each), at(recipe, each));
      assert.deepEqual(put(edited, pointer, at(recipe, pointer)), recipe);
    }
  }
});

test("a draft adds the pairs whose fields nobody has named, and edits none", () => {
  const there = [{ marketo: "Email", salesforce: "Email", conflict: "newest" }];
  const drafted = [
    { marketo: "email", salesforce: "Other__c" },
    { marketo: "phone", salesforce: "Phone" },
  ];
  assert.deepEqual(newPairs(there, drafted), [{ marketo: "phone", salesforce: "Phone" }]);
});

test("a draft fills the kinds of records that are not there, and leaves what somebody wrote", () => {
  const document = { persons: { id_field: "", leads: { fields: [] } }, companies: { enabled: false, fields: [] } };
  const draft = {
    sales_persons: {},
    companies: { fields: [{ marketo: "company", salesforce: "Name" }] },
    persons: { id_field: "crmId", leads: { fields: [{ marketo: "a", salesforce: "A" }] }, contacts: { fields: [] } },
  };
  assert.deepEqual(filledFrom(document, draft), [
    ["/sales_persons", {}],
    ["/persons/id_field", "crmId"],
    ["/persons/contacts", { fields: [] }],
  ]);
});

test("a pair says which way it goes", () => {
  assert.equal(pairWords({ marketo: "email", salesforce: "Email" }), "email ↔ Email");
  assert.equal(pairWords({ marketo: "score", salesforce: "S__c", direction: "to_salesforce" }), "score → S__c");
  assert.equal(pairWords({ marketo: "amount", salesforce: "" }, "to_marketo"), "amount ← …");
  assert.equal(pairWords({ marketo: "", salesforce: "" }), "a new pair");
});
