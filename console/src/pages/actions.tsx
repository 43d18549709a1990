/** The Actions there are, and how each stands. */
import {
  Cell,
  Column,
  Link,
  LinkButton,
  Picker,
  PickerItem,
  Row,
  SearchField,
  TableBody,
  TableHeader,
  TableView,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp, useMay } from "../parts/app";
import { COLUMN, StateBadge, Title } from "../parts/page";
import { sorted } from "../parts/sorting";
import { Empty, Shown } from "../parts/states";
import { useIsNarrow } from "../parts/width";

type Summary = Schemas["ActionSummary"];

const DEFAULTS = { name: "", state: "any", sort: "name", direction: "ascending" };
const STATES = ["active", "trial", "paused", "validated", "draft", "inactive"] as const;
const COLUMNS = [
  { id: "name", name: "Name", of: (each: Summary) => each.name.toLowerCase(), minWidth: 140 },
  { id: "state", name: "State", of: (each: Summary) => STATES.indexOf(each.state), minWidth: 120 },
  { id: "hour", name: "Last hour", of: calls, minWidth: 180 },
  { id: "version", name: "Version", of: (each: Summary) => each.version, minWidth: 90 },
  { id: "at", name: "Last change", of: (each: Summary) => each.at ?? "", minWidth: 200 },
] as const;
const NARROW = new Set(["name", "state"]);

export default function Actions() {
  const { api } = useApp();
  const mayAdd = useMay("PUT /actions/{action_id}");
  const [asked, ask] = useAddress(DEFAULTS);
  const query = useQuery({ queryKey: ["actions"], queryFn: () => content(api.GET("/actions")) });
  return (
    <div className={COLUMN}>
      <Title
        beside={
          mayAdd && (
            <LinkButton href="/actions/new" variant="accent">
              New Action
            </LinkButton>
          )
        }
      >
        Actions
      </Title>
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 16 })}>
        <SearchField
          label="Name or id"
          value={asked.name}
          onChange={(name) => ask({ name })}
          styles={style({ width: { default: "full", sm: 280 } })}
        />
        <Picker
          label="State"
          selectedKey={asked.state}
          onSelectionChange={(state) => ask({ state: String(state) })}
          styles={style({ width: 200 })}
        >
          {["any", ...STATES].map((each) => (
            <PickerItem key={each} id={each}>
              {each === "any" ? "Any" : each}
            </PickerItem>
          ))}
        </Picker>
      </div>
      <Shown query={query} what="Actions">
        {({ actions }) =>
          actions.length ? (
            <Listed actions={actions.filter((each) => fits(each, asked))} asked={asked} ask={ask} />
          ) : (
            <Empty title="There is no Action yet">A new one is set up in five pages.</Empty>
          )
        }
      </Shown>
    </div>
  );
}

/** how many calls had their end */
function calls({ last_hour }: Summary): number {
  return last_hour.reduce((sum, { number }) => sum + number, 0);
}

function fits({ id, name, state }: Summary, asked: typeof DEFAULTS): boolean {
  const named = `${id}\n${name}`.toLowerCase().includes(asked.name.trim().toLowerCase());
  return named && (asked.state === "any" || asked.state === state);
}

function Listed({
  actions,
  asked,
  ask,
}: {
  actions: readonly Summary[];
  asked: typeof DEFAULTS;
  ask: (changed: Partial<typeof DEFAULTS>) => void;
}) {
  const narrow = useIsNarrow();
  const columns = COLUMNS.filter(({ id }) => !narrow || NARROW.has(id));
  const { rows, descriptor } = sorted(actions, COLUMNS, asked);
  if (!rows.length) return <Empty title="There is no such Action">Look for less of its name, or for any state.</Empty>;
  return (
    <TableView
      aria-label="Actions"
      overflowMode="wrap"
      sortDescriptor={descriptor}
      onSortChange={({ column, direction }) => ask({ sort: String(column), direction: direction ?? "ascending" })}
      styles={style({ width: "full", height: "[max(320px, 60vh)]" })}
    >
      <TableHeader>
        {columns.map(({ id, name, minWidth }) => (
          <Column key={id} id={id} allowsSorting isRowHeader={id === "name"} minWidth={minWidth}>
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
  switch (column) {
    case "name":
      return <Link href={`/actions/${of.id}`}>{of.name}</Link>;
    case "hour":
      return of.last_hour.map(({ kind, number }) => `${number} ${kind}`).join(", ");
    case "state":
      return <StateBadge state={of.state} />;
    case "version":
      return of.version;
    case "at":
      return [of.at && moment(of.at), of.author].filter(Boolean).join(", ");
  }
}
