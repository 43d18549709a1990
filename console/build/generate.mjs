// Writes what the console knows of the API from its published documents: the types, whom each route is for, and what
// the forms of Actions, of a Sync and of a CRM cycle offer.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const documents = new URL("../../docs/", import.meta.url);
const target = new URL("../src/api/", import.meta.url);
const described = JSON.parse(await readFile(new URL("openapi-admin.json", documents), "utf8"));
const action = JSON.parse(await readFile(new URL("action.schema.json", documents), "utf8"));
const connector = JSON.parse(await readFile(new URL("connector.schema.json", documents), "utf8"));
const sync = JSON.parse(await readFile(new URL("sync.schema.json", documents), "utf8"));
const cycle = JSON.parse(await readFile(new URL("crm_cycle.schema.json", documents), "utf8"));

const roles = Object.fromEntries(
  Object.entries(described.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => [
      `${method.toUpperCase()} ${path}`,
      operation["x-least-role"],
    ]),
  ),
);
await writeFile(new URL("schema.generated.ts", target), astToString(await openapiTS(described)));
await writeFile(
  new URL("roles.generated.ts", target),
  `export const LEAST_ROLES = ${JSON.stringify(roles, null, 2)} as const;\n`,
);

const resolved = (schema) => (schema.$ref ? action.$defs[schema.$ref.split("/").at(-1)] : schema);
/** What is left of a schema whose value may be left out. */
const given = (schema) => {
  const some = (schema.anyOf ?? [schema]).map(resolved).filter(({ type }) => type !== "null");
  return some.length === 1 ? some[0] : { anyOf: some };
};
const choices = (schema) => given(schema).enum;

/** A member of a rule as its form shows it. */
function member([name, schema], required) {
  const one = given(schema);
  const field = { name, required, ...(schema.default !== undefined && { fallback: schema.default }) };
  if (one.enum) return { ...field, kind: "choice", choices: one.enum };
  const kinds = { integer: "number", number: "number", boolean: "truth", array: "list", object: "table" };
  return { ...field, kind: kinds[one.type] ?? "text" };
}

const { discriminator } = given(action.$defs.Mapping.properties.transforms).items;
const rules = Object.entries(discriminator.mapping).map(([type, reference]) => {
  const { description, properties, required } = resolved({ $ref: reference });
  const members = Object.entries(properties).filter(([name]) => name !== "type");
  return {
    type,
    description: description.split("\n")[0],
    members: members.map((each) => member(each, required.includes(each[0]))),
  };
});

const { Chained, Clause, Destination, DuplicateRecordRule, Group, Source, WriteBack } = action.$defs;
const offered = {
  PAGES: action["x-pages"],
  TITLES: action["x-titles"],
  TYPES: choices(action.properties.type),
  TABLES: choices(Source.properties.table),
  DAYS: choices(WriteBack.properties.day),
  FACTS: choices(WriteBack.properties.execution),
  BLANKS: choices(WriteBack.properties.blank),
  CHOICES_OF_SEVERAL: choices(DuplicateRecordRule.properties.choose),
  MATCHES: choices(Group.properties.match),
  OPERATORS: Object.fromEntries(
    choices(Clause.properties.operator).map((name) => [name, Clause.properties.operator["x-takes"][name]]),
  ),
  FAMILIES: choices(Clause.properties.type),
  DUPLICATE_RULES: choices(Destination.properties.duplicate_rules),
  MOST_FURTHER: given(action.properties.further_identifiers).maxItems,
  LINK_TYPES: choices(Chained.properties.type),
  AFTER: choices(Chained.properties.after),
  ON_FAILURE: choices(Chained.properties.on_failure),
  RULES: rules,
};
await written("action.generated.ts", offered);

await written("connector.generated.ts", {
  PAGES: connector["x-pages"],
  TITLES: connector["x-titles"],
  OPERATIONS: connector["x-operations"],
  STRATEGIES: connector.$defs.Strategy.enum,
  LOOKUPS: choices(connector.$defs.Person.properties.lookup),
  WRITABLE: connector["x-writable"],
});

const { DedupeRule, Guard, ImportRule, Ways } = sync.$defs;
await written("sync.generated.ts", {
  MEMBERS: Object.keys(sync.properties),
  IMPORTS: ImportRule.enum,
  DEDUPES: DedupeRule.enum,
  EXTRACTIONS: choices(sync.properties.extraction),
  WAYS: choices(Ways.properties.extract),
  GUARDS: Object.fromEntries(Object.entries(Guard.properties).map(([name, schema]) => [name, schema.default])),
});

const { Conflict, CycleField, Direction } = cycle.$defs;
await written("cycle.generated.ts", {
  MEMBERS: Object.keys(cycle.properties),
  MODES: cycle.properties.mode.enum,
  DIRECTIONS: Direction.enum,
  CONFLICTS: Conflict.enum,
  BLANKS: CycleField.properties.blank.enum,
});

async function written(file, values) {
  const empty = Object.entries(values).filter(([, value]) => value === undefined);
  if (empty.length) throw new Error(`The schema does not tell ${empty.map(([name]) => name)}.`);
  const told = Object.entries(values).map(
    ([name, value]) => `export const ${name} = ${JSON.stringify(value, null, 2)} as const;\n`,
  );
  await writeFile(new URL(file, target), told.join(""));
}
