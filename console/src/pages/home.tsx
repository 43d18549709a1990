/** Is all well? */
import { Badge, Content, Heading, InlineAlert, Link } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp } from "../parts/app";
import { Standing } from "../parts/badge";
import { type ListColumn, Listing } from "../parts/listing";
import { Empty, Shown } from "../parts/states";
import { counted, lasting } from "../parts/words";

type Overview = Schemas["Overview"];
type Quota = Schemas["QuotaStanding"];

/** what is parked and waits sorts by the first two, what is carried over by the others */
const DEFAULTS = { sort: "who", direction: "ascending", behind: "behind", turn: "descending" };
const numbers = new Intl.NumberFormat();

export default function Home() {
  const { api } = useApp();
  const overview = useQuery({
    queryKey: ["overview"],
    queryFn: () => content(api.GET("/overview")),
    refetchInterval: 60_000,
  });
  return (
    <div className={style({ display: "flex", flexDirection: "column", gap: 20 })}>
      <h1 className={style({ font: "heading-lg", margin: 0 })}>Home</h1>
      <Shown query={overview} what="overview">
        {(found) => <Everything found={found} />}
      </Shown>
    </div>
  );
}

function Everything({ found }: { found: Overview }) {
  const { moment } = useApp();
  return (
    <>
      {found.paused && (
        <InlineAlert variant="notice">
          <Heading>All Actions are paused</Heading>
          <Content>Calls are kept, and run when the pause ends.</Content>
        </InlineAlert>
      )}
      <Alerts alerts={found.alerts} />
      <Connections connections={found.connections} quotas={found.quotas} />
      <Outcomes outcomes={found.outcomes} />
      <Kept found={found} />
      <CarriedOver of={found.carried_over} at={found.at} />
      <p className={style({ font: "body-sm", margin: 0 })}>As of {moment(found.at)}</p>
    </>
  );
}

function Part({ id, title, children }: { id: string; title: string; children: ReactNode }) {
  return (
    <section aria-labelledby={id} className={style({ display: "flex", flexDirection: "column", gap: 12 })}>
      <h2 id={id} className={style({ font: "heading-sm", margin: 0 })}>
        {title}
      </h2>
      {children}
    </section>
  );
}

function Alerts({ alerts }: { alerts: Overview["alerts"] }) {
  const { moment } = useApp();
  return (
    <Part id="alerts" title="Open alerts">
      {!alerts.length && <p className={style({ margin: 0 })}>Nothing needs you.</p>}
      {alerts.map((each) => (
        <InlineAlert key={each.title} variant={each.clear_since ? "informative" : "negative"}>
          <Heading>{each.title}</Heading>
          <Content>
            {each.what} {each.remedy} Since {moment(each.since)}
            {each.clear_since ? `; looks well since ${moment(each.clear_since)}` : ""}. Command: {each.command}
          </Content>
        </InlineAlert>
      ))}
    </Part>
  );
}

function Connections({ connections, quotas }: { connections: Overview["connections"]; quotas: readonly Quota[] }) {
  const others = quotas.filter(({ connections: users }) => !users.length);
  if (!connections.length) {
    return (
      <Empty title="There is no connection yet">
        An Action needs one of Marketo and one of Salesforce; add them under Connections.
      </Empty>
    );
  }
  return (
    <Part id="connections" title="Connections">
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 16 })}>
        {connections.map((each) => (
          <Card key={`${each.kind} ${each.id}`} title={each.name}>
            <Badge
              variant={each.usable && !each.paused ? "positive" : "notice"}
              fillStyle="subtle"
              size="S"
              styles={style({ width: "fit" })}
            >
              {each.paused ? "paused" : each.usable ? "usable" : each.enabled ? "secret missing" : "disabled"}
            </Badge>
            <span>
              {counted(each.actions.length, "Action")}, {counted(each.syncs.length, "Sync")}
              {each.cycles.length > 0 && `, ${counted(each.cycles.length, "CRM cycle")}`}
            </span>
            {quotas
              .filter(({ vendor, connections: users }) => vendor === each.kind && users.includes(each.id))
              .map((quota) => (
                <Calls key={quota.instance} quota={quota} />
              ))}
          </Card>
        ))}
        {others.map((quota) => (
          <Card key={quota.instance} title={quota.instance}>
            <Calls quota={quota} />
          </Card>
        ))}
      </div>
    </Part>
  );
}

function Card({ title, children }: { title: string; children: ReactNode }) {
  return (
    <article
      className={style({
        backgroundColor: "layer-2",
        borderRadius: "lg",
        padding: 20,
        minWidth: 240,
        boxSizing: "border-box",
        display: "flex",
        flexDirection: "column",
        gap: 8,
      })}
    >
      <h3 className={style({ font: "title", margin: 0 })}>{title}</h3>
      {children}
    </article>
  );
}

function Calls({ quota }: { quota: Quota }) {
  const { moment } = useApp();
  const percent = Math.round((100 * quota.used) / quota.allowed);
  return (
    <>
      <span>
        {quota.day_ends ? "Calls of the day" : "Calls of the last 24 hours"}: {numbers.format(quota.used)} of{" "}
        {numbers.format(quota.allowed)} ({percent} %)
      </span>
      {/* the sentence above says the same */}
      <div aria-hidden className={style({ height: 8, borderRadius: "sm", backgroundColor: "gray-200" })}>
        <div
          style={{ width: `${Math.min(percent, 100)}%` }}
          className={style({ height: 8, borderRadius: "sm", backgroundColor: "accent" })}
        />
      </div>
      {quota.spent_at && <span>At this pace they are spent at {moment(quota.spent_at)}.</span>}
      {quota.shut_until && (
        <span>
          It takes no calls until {moment(quota.shut_until)} ({quota.shut_because}).
        </span>
      )}
      {quota.extracts && <Extracts of={quota.extracts} />}
    </>
  );
}

function Extracts({ of }: { of: Schemas["ExtractsStanding"] }) {
  const { moment } = useApp();
  return (
    <>
      <span>
        Extracts of the day: {numbers.format(of.megabytes)} of {numbers.format(of.allowed)} MB
      </span>
      {of.spent_at && <span>At this pace they are spent at {moment(of.spent_at)}.</span>}
    </>
  );
}

function Outcomes({ outcomes }: { outcomes: Overview["outcomes"] }) {
  const most = Math.max(...outcomes.map(({ number }) => number));
  return (
    <Part id="outcomes" title="Outcomes of the last 24 hours">
      {outcomes.length ? (
        <table className={style({ width: "full", maxWidth: 640, font: "body" })}>
          <thead>
            <tr className={style({ textAlign: "start" })}>
              <th scope="col" className={style({ textAlign: "start", width: 128 })}>
                Outcome
              </th>
              <th scope="col" className={style({ textAlign: "end", width: 80 })}>
                Calls
              </th>
              <td />
            </tr>
          </thead>
          <tbody>
            {outcomes.map(({ kind, number }) => (
              <tr key={kind}>
                <th scope="row" className={style({ textAlign: "start" })}>
                  <Standing of={kind} />
                </th>
                <td className={style({ textAlign: "end" })}>{numbers.format(number)}</td>
                <td className={style({ paddingStart: 16 })}>
                  {/* the number beside it says the same */}
                  <div
                    aria-hidden
                    style={{ width: `${(100 * number) / most}%` }}
                    className={style({ height: 12, minWidth: 4, borderRadius: "sm", backgroundColor: "accent" })}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      ) : (
        <p className={style({ margin: 0 })}>No call ended.</p>
      )}
      <Link href="/executions">What happened lately</Link>
    </Part>
  );
}

/** What is parked for a person, and what waits and goes on by itself. */
function Kept({ found }: { found: Overview }) {
  const { moment } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const rows = [
    ...found.parked.map((each) => ({
      id: `parked ${each.action_id} ${each.reason}`,
      who: `Action ${each.action_id}`,
      href: `/executions#action=${each.action_id}&reason=${each.reason}&stands=parked&days=365`,
      number: each.number,
      calls: numbers.format(each.number),
      why: each.reason,
      since: each.since,
      until: "until it is run again",
    })),
    ...found.waiting.map((each) => ({
      id: `waiting ${each.connection}`,
      who: `Connection ${each.connection}`,
      href: `/executions#stands=waiting&days=365`,
      number: each.number,
      calls: `${numbers.format(each.number)}${each.more ? " or more" : ""}`,
      why: each.reason ?? "",
      since: each.since,
      until: each.due_at && each.due_at > found.at ? moment(each.due_at) : "goes on by itself",
    })),
  ];
  const columns: readonly [ListColumn<(typeof rows)[number]>, ...ListColumn<(typeof rows)[number]>[]] = [
    {
      id: "who",
      name: "Whose",
      of: (each) => each.who,
      shown: (each) => <Link href={each.href}>{each.who}</Link>,
      minWidth: 140,
      narrow: true,
    },
    { id: "calls", name: "Calls", of: (each) => each.number, shown: (each) => each.calls, minWidth: 100, narrow: true },
    { id: "why", name: "Reason", of: (each) => each.why, minWidth: 140 },
    { id: "since", name: "Since", of: (each) => each.since, shown: (each) => moment(each.since), minWidth: 170 },
    { id: "until", name: "Until", of: (each) => each.until, minWidth: 170, narrow: true },
  ];
  return (
    <Part id="kept" title="Parked and waiting">
      {rows.length ? (
        <Listing
          name="Parked and waiting"
          rows={rows}
          keyOf={(each) => each.id}
          columns={columns}
          asked={asked}
          ask={ask}
        />
      ) : (
        <p className={style({ margin: 0 })}>Nothing is parked, and nothing waits.</p>
      )}
    </Part>
  );
}

/** How far Syncs and cycles are behind what was changed. */
function CarriedOver({ of, at }: { of: Overview["carried_over"]; at: string }) {
  const { moment } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const order = { sort: asked.behind, direction: asked.turn };
  type Row = (typeof of)[number];
  const behind = (up_to: string) => (Date.parse(at) - Date.parse(up_to)) / 1000;
  const columns: readonly [ListColumn<Row>, ...ListColumn<Row>[]] = [
    {
      id: "name",
      name: "Whose",
      of: ({ name }) => name,
      shown: ({ kind, id, name }) => (
        <Link href={`/${kind === "sync" ? "syncs" : "cycles"}/${id}`}>
          {`${kind === "sync" ? "Sync" : "Cycle"} ${name}`}
        </Link>
      ),
      minWidth: 140,
      narrow: true,
    },
    {
      id: "up_to",
      name: "Changes are carried over up to",
      of: ({ up_to }) => up_to ?? "",
      shown: ({ up_to }) => (up_to ? moment(up_to) : "no run yet"),
      minWidth: 200,
      narrow: true,
    },
    {
      id: "behind",
      name: "Behind",
      of: ({ up_to }) => (up_to ? behind(up_to) : Number.POSITIVE_INFINITY),
      shown: ({ up_to }) => (up_to ? lasting(behind(up_to)) : ""),
      minWidth: 110,
    },
  ];
  return (
    <Part id="carried-over" title="Syncs and cycles">
      {of.length ? (
        <Listing
          name="Syncs and cycles"
          rows={of}
          keyOf={({ kind, id }) => `${kind} ${id}`}
          columns={columns}
          asked={order}
          ask={({ sort, direction }) => ask({ behind: sort, turn: direction })}
        />
      ) : (
        <p className={style({ margin: 0 })}>None is active that carries over what changed.</p>
      )}
    </Part>
  );
}
