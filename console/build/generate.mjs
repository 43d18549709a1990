// Writes what the console knows of the API from its published document: the types, and whom each route is for.
import { readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";

const source = new URL("../../docs/openapi-admin.json", import.meta.url);
const target = new URL("../src/api/", import.meta.url);
const described = JSON.parse(await readFile(source, "utf8"));

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
