/** How a cycle stands between its runs: what is at work, what needs somebody, kinds of records, queues. */
import { Content, Heading, InlineAlert, Link } from "@react-spectrum/s2";
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../../api/client";
import { useApp } from "../app";
import { type ListColumn, Listing } from "../listing";
import { Facts, PLAIN, Section } from "../page";
import { Shown } from "../states";
import { counted, kindOfRecords, mode, runStatus, standing, way } from "../words";
import type { Addressed } from "./asked";
import { Guard, isHeld, Orders } from "./orders";
import { SkipToNow } from "./start";
import { Timeline } from "./timeline";

type Cycle = Schemas["SavedCycle"];
type Kind = Cycle["kinds"][number];

export default function State({ cycle, asked, ask }: { cycle: Cycle } & Addressed) {
  const { moment } = useApp();
  const { running, last_ended_at, not_before, idle_looks, looked_at, warnings, aside } = cycle.standing;
  return (
    <>
      {running && <AtWork cycle={cycle.id} slot={running} />}
      {warnings.length > 0 && (
        <InlineAlert variant="notice">
          <Heading level={2}>Marketo does not have everything any more that the next run reads</Heading>
          <Content>{warnings.join(" ")}</Content>
        </InlineAlert>
      )}
      {aside.length > 0 && <Aside pairs={aside} />}
      <Section title="How it stands">
        <Facts
          facts={[
            ["Mode", mode(cycle.mode)],
            ["Between two runs", counted(cycle.gap_minutes, "minute")],
            ["Last run ended", last_ended_at ? moment(last_ended_at) : "never"],
            ["Next run", not_before ? `not before ${moment(not_before)}` : "when something changes"],
            [
              "Looks that found nothing",
              looked_at ? `${idle_looks} since the last run, the last one ${moment(looked_at)}` : "none yet",
            ],
          ]}
        />
      </Section>
      <Section title="Kinds of records">
        <Kinds cycle={cycle} asked={asked} ask={ask} />
      </Section>
      <Section title="Queues">
        <Queues cycle={cycle} />
        <SkipToNow cycle={cycle} />
      </Section>
    </>
  );
}

function AtWork({ cycle, slot }: { cycle: string; slot: string }) {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["cycle", cycle, "run", slot],
    queryFn: () =>
      content(api.GET("/cycles/{cycle_id}/executions/{slot}", { params: { path: { cycle_id: cycle, slot } } })),
    refetchInterval: 10_000,
  });
  return (
    <Section title="At work">
      <Shown query={query} what="the run">
        {(run) => (
          <>
            <Guard run={run} />
            <Timeline run={run} />
            <p className={PLAIN}>
              <Link href={`/cycles/${cycle}/runs/${slot}`}>Run {slot}</Link>: {run.kind}, {runStatus(run.status)}
            </p>
            {!isHeld(run) && <Orders run={run} />}
          </>
        )}
      </Shown>
    </Section>
  );
}

function Aside({ pairs }: { pairs: Cycle["standing"]["aside"] }) {
  const { moment } = useApp();
  return (
    <InlineAlert variant="notice">
      <Heading level={2}>
        {pairs.length === 1 ? "A pair of fields is put aside" : `${pairs.length} pairs of fields are put aside`}
      </Heading>
      <Content>
        The others go on; each works again by itself once its fields do.
        <ul>
          {pairs.map((each) => (
            <li key={`${each.object} ${each.pair}`}>
              {each.object}, {each.pair.replace("=", " = ")}: {each.why}
              {each.since ? `. What was edited since ${moment(each.since)} is carried over then` : ""}
            </li>
          ))}
        </ul>
      </Content>
    </InlineAlert>
  );
}

function Kinds({ cycle, asked, ask }: { cycle: Cycle } & Addressed) {
  const { moment } = useApp();
  const newest = (each: Kind) =>
    each.queues
      .map((name) => cycle.standing.newest[name] ?? "")
      .toSorted()
      .at(-1) ?? "";
  const columns: readonly [ListColumn<Kind>, ...ListColumn<Kind>[]] = [
    {
      id: "kind",
      name: "Kind",
      // in the order in which they are decided
      of: (each) => cycle.kinds.indexOf(each),
      shown: (each) => kindOfRecords(each.name),
      minWidth: 150,
      narrow: true,
    },
    { id: "stands", name: "Kept", of: (each) => standing(each.standing), minWidth: 120, narrow: true },
    {
      id: "way",
      name: "Direction",
      of: (each) => (each.standing === "absent" ? "" : way(each.direction)),
      minWidth: 130,
      narrow: true,
    },
    {
      id: "pairs",
      name: "Fields",
      of: (each) => each.pairs.filter(({ enabled }) => enabled).length,
      shown: (each) => fields(each),
      minWidth: 170,
    },
    {
      id: "newest",
      name: "Last change read",
      of: newest,
      shown: (each) => (newest(each) ? moment(newest(each)) : ""),
      minWidth: 230,
    },
  ];
  return (
    <Listing
      name="Kinds of records"
      rows={cycle.kinds}
      keyOf={(each) => each.name}
      columns={columns}
      asked={asked}
      ask={ask}
    />
  );
}

function fields({ pairs }: Kind): string {
  const off = pairs.filter(({ enabled }) => !enabled).length;
  if (!pairs.length) return "";
  return `${pairs.length - off} in step${off ? `, ${off} switched off` : ""}`;
}

function Queues({ cycle: { kinds, standing: stands } }: { cycle: Cycle }) {
  const { moment } = useApp();
  const rows = kinds.flatMap(({ name, queues }) => queues.map((queue) => [name, queue] as const));
  if (!rows.length) return <p className={PLAIN}>No kind of records is kept in step.</p>;
  return (
    <Facts
      facts={rows.map(([kind, queue]) => {
        const mark = stands.watermarks[queue];
        return [
          `${queue} (${kindOfRecords(kind).toLowerCase()})`,
          mark ? `what changed before ${moment(mark)} is carried over` : "nothing is read yet",
        ] as const;
      })}
    />
  );
}
