/** One run of a cycle: its steps, what it read and wrote, what became of each record; of a plan what would. */
import { Link } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense, useEffect } from "react";
import { useParams } from "react-router";
import { content, type Schemas } from "../api/client";
import { useApp, useMay } from "../parts/app";
import { Standing } from "../parts/badge";
import { Guard, isHeld, Orders } from "../parts/cycle/orders";
import { Timeline } from "../parts/cycle/timeline";
import { COLUMN, Facts, PLAIN, ROW, Section, Title } from "../parts/page";
import { Loading, Shown } from "../parts/states";
import { counted, kindOfRecords, lasting, runStatus, way } from "../parts/words";

const Planned = lazy(() => import("../parts/cycle/planned"));
const Rows = lazy(() => import("../parts/cycle/rows"));

type Run = Schemas["CycleRunParts"];
type Part = Schemas["CyclePart"];

export default function CycleRun() {
  const { id = "", slot = "" } = useParams();
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["cycle", id, "run", slot],
    queryFn: () =>
      content(api.GET("/cycles/{cycle_id}/executions/{slot}", { params: { path: { cycle_id: id, slot } } })),
    refetchInterval: ({ state }) => (state.data?.ended_at ? false : 5_000),
  });
  const queries = useQueryClient();
  const ended = query.data?.ended_at;
  useEffect(() => {
    // its end moved what the cycle's own page shows
    if (ended) void queries.invalidateQueries({ queryKey: ["cycle", id], exact: true });
  }, [queries, id, ended]);
  return (
    <div className={COLUMN}>
      <Link href={`/cycles/${id}#tab=runs`} isStandalone>
        The cycle {id}
      </Link>
      <Shown query={query} what="the run">
        {(run) => <Told run={run} />}
      </Shown>
    </div>
  );
}

function Told({ run }: { run: Run }) {
  const { moment } = useApp();
  const mayReadRows = useMay("GET /cycles/{cycle_id}/executions/{slot}/rows");
  const mayReadPlan = useMay("GET /cycles/{cycle_id}/plans/{slot}");
  const planned = run.kind === "plan";
  return (
    <>
      <Title beside={!isHeld(run) && <Orders run={run} />}>
        {planned ? "Plan" : "Run"} of {moment(run.started_at)}
      </Title>
      <div className={ROW}>
        <Standing of={runStatus(run.status)} />
        <span>
          {[
            run.kind,
            `version ${run.version}`,
            run.ended_at && `took ${lasting((Date.parse(run.ended_at) - Date.parse(run.started_at)) / 1000)}`,
            run.waits_until &&
              !isHeld(run) &&
              run.status !== "waiting: paused" &&
              `goes on at ${moment(run.waits_until)}`,
          ]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </div>
      {run.message && !isHeld(run) && <p className={PLAIN}>{run.message}</p>}
      <Section title="Steps">
        <Guard run={run} />
        <Timeline run={run} />
      </Section>
      {Object.entries(run.parked).length > 0 && !run.ended_at && (
        <Section title="Cannot go on">
          <Facts facts={Object.entries(run.parked).map(([kind, why]) => [kindOfRecords(kind), why])} />
        </Section>
      )}
      {run.warnings.length > 0 && (
        <Section title="Told for the first time">
          <ul className={style({ margin: 0, paddingStart: 20 })}>
            {run.warnings.map((each) => (
              <li key={each}>{each}</li>
            ))}
          </ul>
        </Section>
      )}
      <Section title="Counts">
        <Counts run={run} />
      </Section>
      <Parts title="Read" parts={run.queues} />
      {!planned && <Parts title="Written" parts={run.legs} />}
      {planned && mayReadPlan && run.ended_at && (
        <Section title="What would become of records">
          <Suspense fallback={<Loading what="the plan" />}>
            <Planned cycle={run.cycle} slot={run.slot} />
          </Suspense>
        </Section>
      )}
      {!planned && mayReadRows && (
        <Section title="What became of records">
          <Suspense fallback={<Loading what="records" />}>
            <Rows cycle={run.cycle} slot={run.slot} />
          </Suspense>
        </Section>
      )}
    </>
  );
}

/** Records by kind and outcome, and how long edits took to the other system. */
function Counts({ run }: { run: Run }) {
  const kinds = Object.entries(run.outcomes);
  const facts: (readonly [string, string])[] = [
    ["Read", counted(run.rows, "record")],
    [run.kind === "plan" ? "Would write" : "Writes", run.writes.toLocaleString("en")],
    ...kinds.map(
      ([kind, outcomes]) =>
        [
          kindOfRecords(kind),
          Object.entries(outcomes)
            .map(([outcome, number]) => `${number.toLocaleString("en")} ${outcome.replaceAll("_", " ")}`)
            .join(", "),
        ] as const,
    ),
    ...Object.entries(run.latency).map(
      ([direction, { writes, p50_seconds: half, p95_seconds: most }]) =>
        [
          `Edits ${way(direction)}`,
          `${counted(writes, "write")}: half of them there within ${lasting(half)}, 95 of 100 within ${lasting(most)}`,
        ] as const,
    ),
    ...(run.people_reached ? [["People reached by companies", run.people_reached.toLocaleString("en")] as const] : []),
  ];
  return (
    <>
      <Facts facts={facts} />
      {!run.outcomes_whole && <p className={PLAIN}>There are more than are counted here.</p>}
    </>
  );
}

const COUNTS = [
  "created",
  "updated",
  "unchanged",
  "skipped",
  "duplicate",
  "failed",
  "deleted",
  "flagged",
  "handed_over",
] as const satisfies readonly (keyof Part)[];

function Parts({ title, parts }: { title: string; parts: readonly Part[] }) {
  if (!parts.length) return null;
  return (
    <Section title={title}>
      <Facts facts={parts.map((each) => [each.name, partSaid(each)])} />
    </Section>
  );
}

function partSaid(part: Part): string {
  const counts = COUNTS.filter((name) => part[name]).map(
    (name) => `${part[name].toLocaleString("en")} ${name.replaceAll("_", " ")}`,
  );
  const numbers = [counted(part.rows, "row"), ...counts, counted(part.calls, "call")].join(", ");
  return `${runStatus(part.status)}: ${numbers}${part.message ? `. ${part.message}` : ""}`;
}
