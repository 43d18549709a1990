/** The newest runs of a Sync, and what became of their rows. */
import { Cell, Column, Link, Row, TableBody, TableHeader, TableView } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useAddress } from "./address";
import { useApp } from "./app";
import { RunBadge } from "./run-badge";
import { sorted } from "./sorting";
import { Empty, Shown } from "./states";
import { KINDS } from "./sync-words";
import { useIsNarrow } from "./width";

type Run = Schemas["SyncRun"];

/** while a run is at work, its numbers change */
export const POLL = 2000;
const DEFAULTS = { tab: "view", sort: "started", direction: "descending" };
const COLUMNS = [
  { id: "started", name: "Started", of: (each: Run) => each.started_at, minWidth: 190 },
  { id: "kind", name: "What", of: (each: Run) => KINDS[each.kind] ?? each.kind, minWidth: 90 },
  { id: "status", name: "State", of: (each: Run) => each.status, minWidth: 120 },
  { id: "pulled", name: "Pulled", of: (each: Run) => each.pulled, minWidth: 85 },
  { id: "created", name: "Created", of: (each: Run) => each.created, minWidth: 100 },
  { id: "updated", name: "Updated", of: (each: Run) => each.updated, minWidth: 105 },
  { id: "skipped", name: "Skipped", of: (each: Run) => each.skipped, minWidth: 105 },
  { id: "failed", name: "Failed", of: (each: Run) => each.failed, minWidth: 85 },
  { id: "ended", name: "Ended", of: (each: Run) => each.ended_at ?? "", minWidth: 190 },
  { id: "message", name: "Message", of: (each: Run) => each.message, minWidth: 160 },
] as const;
const NARROW = new Set(["started", "status", "created", "failed"]);

export function useRuns(id: string) {
  const { api } = useApp();
  return useQuery({
    queryKey: ["sync runs", id],
    queryFn: () => content(api.GET("/syncs/{sync_id}/executions", { params: { path: { sync_id: id } } })),
    refetchInterval: ({ state }) => (state.data?.runs.some((each) => !each.ended_at) ? POLL : false),
  });
}

export default function Runs({ id }: { id: string }) {
  return (
    <Shown query={useRuns(id)} what="runs">
      {({ runs }) => <Listed id={id} runs={runs} label="Runs of the Sync" />}
    </Shown>
  );
}

export function Listed({ id, runs, label }: { id: string; runs: readonly Run[]; label: string }) {
  const narrow = useIsNarrow();
  const [asked, ask] = useAddress(DEFAULTS);
  const columns = COLUMNS.filter((each) => !narrow || NARROW.has(each.id));
  const { rows, descriptor } = sorted(runs, COLUMNS, asked);
  if (!rows.length) return <Empty title="There is none yet">Activate the Sync, and run it.</Empty>;
  return (
    <TableView
      aria-label={label}
      overflowMode="wrap"
      density="compact"
      sortDescriptor={descriptor}
      onSortChange={({ column, direction }) => ask({ sort: String(column), direction: direction ?? "ascending" })}
      styles={style({ width: "full", height: "[max(320px, 50vh)]" })}
    >
      <TableHeader>
        {columns.map((each) => (
          <Column
            key={each.id}
            id={each.id}
            allowsSorting
            isRowHeader={each.id === "started"}
            minWidth={narrow ? 84 : each.minWidth}
          >
            {each.name}
          </Column>
        ))}
      </TableHeader>
      <TableBody>
        {rows.map((each) => (
          <Row key={each.slot} id={each.slot}>
            {columns.map((column) => (
              <Cell key={column.id}>
                <Told id={id} of={each} column={column} />
              </Cell>
            ))}
          </Row>
        ))}
      </TableBody>
    </TableView>
  );
}

function Told({ id, of, column }: { id: string; of: Run; column: (typeof COLUMNS)[number] }) {
  const { moment } = useApp();
  switch (column.id) {
    case "started":
      return <Link href={`/syncs/${id}/runs/${of.slot}`}>{moment(of.started_at)}</Link>;
    case "status":
      return <RunBadge status={of.status} />;
    case "ended":
      return of.ended_at ? moment(of.ended_at) : "";
    default:
      return String(column.of(of));
  }
}
