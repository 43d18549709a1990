/** The Syncs there are, how each stands, what its last run did and when the next one begins. */
import {
  Button,
  Cell,
  Column,
  Link,
  LinkButton,
  Picker,
  PickerItem,
  Row,
  TableBody,
  TableHeader,
  TableView,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp, useMay } from "../parts/app";
import { LINE } from "../parts/fields";
import { COLUMN, ROW, StateBadge, Title } from "../parts/page";
import { RunBadge } from "../parts/run-badge";
import { Search } from "../parts/search";
import { sorted } from "../parts/sorting";
import { Empty, Shown } from "../parts/states";
import { countsOf } from "../parts/sync-words";
import { useIsNarrow } from "../parts/width";

type Summary = Schemas["SyncSummary"];

const DEFAULTS = { name: "", state: "any", page: "", sort: "name", direction: "ascending" };
const STATES = ["active", "paused", "validated", "draft", "inactive"] as const;
type State = (typeof STATES)[number];
const COLUMNS = [
  { id: "name", name: "Name", of: (each: Summary) => each.name.toLowerCase(), minWidth: 150 },
  { id: "state", name: "State", of: (each: Summary) => each.state, minWidth: 130 },
  {
    id: "ends",
    name: "From and to",
    of: (each: Summary) => `${each.source.object} ${each.destination.object}`,
    minWidth: 150,
  },
  { id: "last", name: "Last run", of: (each: Summary) => each.last_run?.started_at ?? "", minWidth: 190 },
  { id: "counts", name: "Its rows", of: (each: Summary) => each.last_run?.pulled ?? 0, minWidth: 150 },
  { id: "next", name: "Next run", of: (each: Summary) => each.next_run ?? "", minWidth: 190 },
] as const;
const NARROW = new Set(["name", "state", "last"]);

export default function Syncs() {
  const { api } = useApp();
  const mayAdd = useMay("PUT /syncs/{sync_id}");
  const [asked, ask] = useAddress(DEFAULTS);
  const query = useQuery({
    queryKey: ["syncs", asked.name, asked.state, asked.page],
    queryFn: () =>
      content(
        api.GET("/syncs", {
          params: {
            query: {
              ...(asked.name.trim() && { name: asked.name.trim() }),
              ...(STATES.some((each) => each === asked.state) && { state: asked.state as State }),
              ...(asked.page && { token: asked.page }),
            },
          },
        }),
      ),
    placeholderData: keepPreviousData,
  });
  const any = !asked.name.trim() && asked.state === "any";
  return (
    <div className={COLUMN}>
      <Title
        beside={
          mayAdd && (
            <LinkButton href="/syncs/new" variant="accent">
              New Sync
            </LinkButton>
          )
        }
      >
        Syncs
      </Title>
      <div className={LINE}>
        <Search label="Name or id" of={asked.name} onAsk={(name) => ask({ name, page: "" })} />
        <Picker
          label="State"
          selectedKey={asked.state}
          onSelectionChange={(state) => ask({ state: String(state), page: "" })}
          styles={style({ width: 200 })}
        >
          {["any", ...STATES].map((each) => (
            <PickerItem key={each} id={each}>
              {each === "any" ? "Any" : each}
            </PickerItem>
          ))}
        </Picker>
      </div>
      <Shown query={query} what="Syncs">
        {({ syncs, next_token }) =>
          syncs.length ? (
            <>
              <Listed syncs={syncs} asked={asked} ask={ask} />
              {(next_token || asked.page) && (
                <div className={ROW}>
                  <Button variant="secondary" isDisabled={!asked.page} onPress={() => ask({ page: "" })}>
                    First page
                  </Button>
                  <Button variant="secondary" isDisabled={!next_token} onPress={() => ask({ page: next_token ?? "" })}>
                    Next page
                  </Button>
                </div>
              )}
            </>
          ) : any ? (
            <Empty title="There is no Sync yet">A new one is set up in five pages.</Empty>
          ) : (
            <Empty title="There is no such Sync">Look for less of its name, or for any state.</Empty>
          )
        }
      </Shown>
    </div>
  );
}

function Listed({
  syncs,
  asked,
  ask,
}: {
  syncs: readonly Summary[];
  asked: typeof DEFAULTS;
  ask: (changed: Partial<typeof DEFAULTS>) => void;
}) {
  const narrow = useIsNarrow();
  const columns = COLUMNS.filter(({ id }) => !narrow || NARROW.has(id));
  const { rows, descriptor } = sorted(syncs, COLUMNS, asked);
  return (
    <TableView
      aria-label="Syncs"
      overflowMode="wrap"
      sortDescriptor={descriptor}
      onSortChange={({ column, direction }) => ask({ sort: String(column), direction: direction ?? "ascending" })}
      styles={style({ width: "full", height: "[max(320px, 60vh)]" })}
    >
      <TableHeader>
        {columns.map(({ id, name, minWidth }) => (
          <Column key={id} id={id} allowsSorting isRowHeader={id === "name"} minWidth={narrow ? 104 : minWidth}>
            {name}
          </Column>
        ))}
      </TableHeader>
      <TableBody>
        {rows.map((each) => (
          <Row key={each.id} id={each.id}>
            {columns.map(({ id }) => (
              <Cell key={id}>
                <Told of={each} column={id} />
              </Cell>
            ))}
          </Row>
        ))}
      </TableBody>
    </TableView>
  );
}

function Told({ of, column }: { of: Summary; column: (typeof COLUMNS)[number]["id"] }) {
  const { moment } = useApp();
  const run = of.last_run;
  switch (column) {
    case "name":
      return <Link href={`/syncs/${of.id}`}>{of.name}</Link>;
    case "state":
      return <StateBadge state={of.state} />;
    case "ends":
      return `${of.source.object} → ${of.destination.object}`;
    case "last":
      return run ? (
        <span className={style({ display: "flex", flexDirection: "column", gap: 4 })}>
          <RunBadge status={run.status} />
          <Link href={`/syncs/${of.id}/runs/${run.slot}`}>{moment(run.started_at)}</Link>
        </span>
      ) : (
        "never"
      );
    case "counts":
      return run ? countsOf(run) : "";
    case "next":
      return of.next_run ? moment(of.next_run) : of.state === "active" ? of.schedule : "none";
  }
}
