/** The newest runs of a cycle. */
import { Link } from "@react-spectrum/s2";
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../../api/client";
import { useApp } from "../app";
import { type ListColumn, Listing } from "../listing";
import { Empty, Shown } from "../states";
import { lasting, runStatus } from "../words";
import type { Addressed } from "./asked";

type Run = Schemas["CycleRun"];

export default function Runs({ cycle, asked, ask }: { cycle: string } & Addressed) {
  const { api, moment } = useApp();
  const query = useQuery({
    queryKey: ["cycle", cycle, "runs"],
    queryFn: () => content(api.GET("/cycles/{cycle_id}/executions", { params: { path: { cycle_id: cycle } } })),
    refetchInterval: 30_000,
  });
  const columns: readonly [ListColumn<Run>, ...ListColumn<Run>[]] = [
    {
      id: "started",
      name: "Started",
      of: (each) => each.started_at,
      shown: (each) => <Link href={`/cycles/${cycle}/runs/${each.slot}`}>{moment(each.started_at)}</Link>,
      minWidth: 220,
      narrow: true,
    },
    { id: "kind", name: "Kind", of: (each) => each.kind, minWidth: 110 },
    { id: "stands", name: "Stands", of: (each) => runStatus(each.status), minWidth: 150, narrow: true },
    { id: "took", name: "Took", of: took, shown: (each) => (each.ended_at ? lasting(took(each)) : ""), minWidth: 110 },
    { id: "rows", name: "Read", of: (each) => each.rows, minWidth: 90, narrow: true },
    { id: "writes", name: "Writes", of: (each) => each.writes, minWidth: 90 },
    {
      id: "latency",
      name: "Slowest edits",
      of: slowest,
      shown: (each) => (slowest(each) ? `${lasting(slowest(each))} or more` : ""),
      minWidth: 180,
    },
    { id: "why", name: "Why", of: (each) => each.message, minWidth: 240 },
  ];
  return (
    <Shown query={query} what="runs">
      {({ runs }) =>
        runs.length ? (
          <Listing
            name="Runs"
            rows={runs}
            keyOf={(each) => each.slot}
            columns={columns}
            asked={asked.sort ? asked : { sort: "started", direction: "descending" }}
            ask={ask}
            size="page"
          />
        ) : (
          <Empty title="It never ran">Activate it and start the first run.</Empty>
        )
      }
    </Shown>
  );
}

function took({ started_at, ended_at }: Run): number {
  return ended_at ? (Date.parse(ended_at) - Date.parse(started_at)) / 1000 : 0;
}

function slowest({ latency }: Run): number {
  return Math.max(0, ...Object.values(latency).map(({ p95_seconds }) => p95_seconds));
}
