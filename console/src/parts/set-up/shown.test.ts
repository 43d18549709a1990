/** `LEADBRIDGE_ACTIONS` names a file with documents, each of which the server takes; the Python test writes it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { at, type Json, type Members, put, steps } from "../pointer.ts";
import { fromLines, fromTable, linesOf, named, number, tableOf } from "../typed.ts";
import { formsOf, hasForm, leaves, OF_ACTIONS, OF_CONNECTORS, unshown } from "./shown.ts";

type Schema = {
  $ref?: string;
  anyOf?: Schema[];
  oneOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  additionalProperties?: Schema | boolean;
  $defs?: Record<string, Schema>;
};

const DOCS = new URL("../../../../docs/", import.meta.url);
const documents = JSON.parse(readFileSync(process.env.LEADBRIDGE_ACTIONS ?? "", "utf8")) as Members[];

/** Every member of a schema as a pointer, with 0 for any place of a list; what nests is entered twice. */
function pointers(schema: Schema, root: Schema, pointer = "", seen: readonly string[] = []): string[] {
  const name = schema.$ref?.split("/").at(-1);
  if (name) {
    if (seen.filter((each) => each === name).length > 1) return [];
    return pointers(root.$defs?.[name] ?? {}, root, pointer, [...seen, name]);
  }
  const choices = [...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (choices.length) return choices.flatMap((each) => pointers(each, root, pointer, seen));
  if (schema.items) return pointers(schema.items, root, `${pointer}/0`, seen);
  if (schema.properties)
    return Object.entries(schema.properties).flatMap(([each, of]) => pointers(of, root, `${pointer}/${each}`, seen));
  return [pointer];
}

test("every member that can be written has a form", () => {
  for (const [file, forms] of [
    ["action", OF_ACTIONS],
    ["connector", OF_CONNECTORS],
  ] as const) {
    const schema = JSON.parse(readFileSync(new URL(`${file}.schema.json`, DOCS), "utf8")) as Schema;
    const found = pointers(schema, schema);
    assert.ok(found.length > 200, `${file}: ${found.length}`);
    assert.deepEqual(
      found.filter((each) => !hasForm(each, forms)),
      [],
      file,
    );
  }
});

test("no form is of a member that there is not", () => {
  const known = new Set(
    ["action", "connector"].flatMap((file) => {
      const schema = JSON.parse(readFileSync(new URL(`${file}.schema.json`, DOCS), "utf8")) as Schema;
      return pointers(schema, schema);
    }),
  );
  for (const form of [...OF_ACTIONS, ...OF_CONNECTORS])
    assert.ok(
      [...known].some((each) => hasForm(each, [form])),
      form,
    );
});

test("what has no form is shown, and what is within a list or a group is found", () => {
  const document: Members = { name: "A", new_one: { a: [1, { b: "c" }], empty: {} }, mappings: [{ to: "x", odd: 1 }] };
  assert.deepEqual(unshown(document, OF_ACTIONS), [
    ["/new_one/a/0", 1],
    ["/new_one/a/1/b", "c"],
    ["/new_one/empty", {}],
    ["/mappings/0/odd", 1],
  ]);
  assert.deepEqual(unshown({ mappings: [], conditions: { clauses: [{ clauses: [{ value: 1 }] }] } }, OF_ACTIONS), []);
});

test("what an operation has no place for has no form, and is shown, too", () => {
  const document: Members = {
    destination: { connection: "marketo-demo", operation: "merge_leads", list: 7 },
    merge: { winner: "a", losers: ["b"] },
    tokens: [{ to: "x", static: "y" }],
    mappings: [],
  };
  assert.deepEqual(unshown(document, formsOf(document)), [
    ["/destination/list", 7],
    ["/tokens/0/to", "x"],
    ["/tokens/0/static", "y"],
  ]);
  const unknown: Members = { name: "A", destination: { connection: "marketo-demo", operation: "new", list: 7 } };
  assert.deepEqual(unshown(unknown, formsOf(unknown)), [["/destination/list", 7]]);
});

test("each document is shown whole", () => {
  assert.ok(documents.length >= 9);
  for (const document of documents) assert.deepEqual(unshown(document, formsOf(document)), [], String(document.id));
});

test("a document that is loaded and saved is what it was, whichever of its fields is typed as it stands", () => {
  for (const document of documents) {
    const before = JSON.stringify(document);
    for (const [pointer, value] of leaves(document)) {
      const same = put(document, pointer, value);
      assert.deepEqual(same, document, pointer);
      assert.deepEqual(typedAgain(pointer, value), value, `${document.id}: ${pointer}`);
    }
    for (const pointer of inner(document)) {
      const found = at(document, pointer);
      if (Array.isArray(found) && found.every((each) => each === null || typeof each !== "object"))
        assert.deepEqual(fromLines(linesOf(found), found, false), found, pointer);
      if (/\/table$/.test(pointer) && found && typeof found === "object" && !Array.isArray(found)) {
        const pairs = found as Record<string, string>;
        assert.deepEqual(fromTable(tableOf(pairs), pairs), pairs, pointer);
      }
    }
    assert.equal(JSON.stringify(document), before);
  }
});

/** What a field writes if its own text is typed into it again. */
function typedAgain(pointer: string, value: Json): Json {
  if (typeof value === "number") return number(String(value));
  if (typeof value === "string" && /\/(list|campaign|program)$/.test(pointer)) return named(value);
  return value;
}

/** The pointers of everything that holds something. */
function inner(document: Members): string[] {
  const found = leaves(document).flatMap(([pointer]) => {
    const names = steps(pointer);
    return names.map((_, length) => `/${names.slice(0, length).join("/")}`);
  });
  return [...new Set(found)].filter((each) => each !== "/");
}
