/** What vendors offer to whoever sets up an Action or a Sync, from Describe; up to 15 minutes old. */
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useApp } from "./app";
import type { Choice } from "./fields";

const AGE = { staleTime: 300_000 };

interface Offered<T> {
  found: readonly T[];
  loading: boolean;
}

function offered<T>(query: { data?: readonly T[] | undefined; isFetching: boolean }): Offered<T> {
  return { found: query.data ?? [], loading: query.isFetching };
}

/** An end of a Sync; an Action has none. */
export type Role = "sync_source" | "sync_destination" | undefined;

/** Only those that may be named; of one vendor, or of each. */
export function useConnections(kind?: string): Offered<Choice & { kind: string }> {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["connections", "usable"],
    queryFn: () => content(api.GET("/connections", { params: { query: { usable: true } } })),
    ...AGE,
  });
  const data = query.data?.connections
    .filter((each) => kind === undefined || each.kind === kind)
    .map(({ id, name, kind: vendor }) => ({ id, name, kind: vendor }));
  return offered({ data, isFetching: query.isFetching });
}

export function useObjects(connection: string, role?: Role): Offered<Choice> {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["objects", connection, role],
    queryFn: () =>
      content(
        api.GET("/connections/{connection_id}/objects", {
          params: { path: { connection_id: connection }, query: role ? { role } : {} },
        }),
      ),
    enabled: Boolean(connection),
    ...AGE,
  });
  const data = query.data?.objects.map(({ name, label }) => ({ id: name, name: named(name, label) }));
  return offered({ data, isFetching: query.isFetching });
}

export function useFields(connection: string, object: string, role?: Role): Offered<Schemas["FieldInfo"]> {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["fields", connection, object, role],
    queryFn: () =>
      content(
        api.GET("/connections/{connection_id}/objects/{object_name}/fields", {
          params: { path: { connection_id: connection, object_name: object }, query: role ? { role } : {} },
        }),
      ),
    enabled: Boolean(connection && object),
    ...AGE,
  });
  return offered({ data: query.data?.fields, isFetching: query.isFetching });
}

export function useActivityTypes(connection: string): Offered<Choice> {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["activity types", connection],
    queryFn: () =>
      content(
        api.GET("/connections/{connection_id}/activity-types", { params: { path: { connection_id: connection } } }),
      ),
    enabled: Boolean(connection),
    ...AGE,
  });
  const data = query.data?.activity_types.map((each) => ({ id: each.api_name, name: named(each.api_name, each.name) }));
  return offered({ data, isFetching: query.isFetching });
}

type Listed = { id: number; name: string };
export interface Many<T> extends Offered<T> {
  /** said where there are more than are offered */
  note: string;
}

/** The static lists, or the campaigns that can be requested, of a Marketo connection. */
export function useNamed(what: "lists" | "campaigns", connection: string): Many<Listed> {
  const { api } = useApp();
  const params = { path: { connection_id: connection } };
  const query = useQuery({
    queryKey: [what, connection],
    queryFn: () =>
      content(
        what === "lists"
          ? api.GET("/connections/{connection_id}/lists", { params })
          : api.GET("/connections/{connection_id}/campaigns", { params }),
      ),
    enabled: Boolean(connection),
    ...AGE,
  });
  return { ...offered({ data: query.data?.choices, isFetching: query.isFetching }), note: query.data?.note ?? "" };
}

/** The programs of a Marketo connection with the statuses of their channels; asked for when somebody wants one. */
export function usePrograms(connection: string, wanted: boolean): Many<Schemas["ProgramInfo"]> {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["programs", connection],
    queryFn: () =>
      content(api.GET("/connections/{connection_id}/programs", { params: { path: { connection_id: connection } } })),
    enabled: Boolean(connection) && wanted,
    ...AGE,
  });
  return { ...offered({ data: query.data?.programs, isFetching: query.isFetching }), note: query.data?.note ?? "" };
}

/** The activity types of Marketo's log with their attributes; asked for when somebody wants one. */
export function useLoggedTypes(connection: string, wanted: boolean): Offered<Schemas["LoggedType"]> {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["logged types", connection],
    queryFn: () =>
      content(
        api.GET("/connections/{connection_id}/logged-types", { params: { path: { connection_id: connection } } }),
      ),
    enabled: Boolean(connection) && wanted,
    ...AGE,
  });
  return offered({ data: query.data?.logged_types, isFetching: query.isFetching });
}

/** Fields as choices. */
export function asChoices(fields: readonly Schemas["FieldInfo"][]): Choice[] {
  return fields.map(({ name, label }) => ({ id: name, name: named(name, label) }));
}

function named(name: string, label: string): string {
  return label && label !== name ? `${label} (${name})` : name;
}
