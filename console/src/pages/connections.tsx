/** The connections there are, and whether each can be used. */
import { Badge, Cell, Column, Link, LinkButton, Row, TableBody, TableHeader, TableView } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp, useMay } from "../parts/app";
import { COLUMN, Title } from "../parts/page";
import { sorted } from "../parts/sorting";
import { Empty, Shown } from "../parts/states";
import { useIsNarrow } from "../parts/width";

type Connection = Schemas["Connection"];

const DEFAULTS = { sort: "name", direction: "ascending" };
export const VENDORS: Readonly<Record<string, string>> = { marketo: "Marketo", salesforce: "Salesforce" };

const COLUMNS = [
  { id: "name", name: "Name", of: (each: Connection) => each.name.toLowerCase(), minWidth: 150 },
  { id: "state", name: "State", of: (each: Connection) => standing(each).word, minWidth: 120 },
  { id: "kind", name: "Vendor", of: (each: Connection) => each.kind, minWidth: 110 },
  { id: "url", name: "Address", of: (each: Connection) => each.url, minWidth: 200 },
  {
    id: "users",
    name: "Used by",
    of: (each: Connection) => each.actions.length + each.syncs.length + each.cycles.length,
    minWidth: 140,
  },
] as const;
const NARROW = new Set(["name", "state"]);

/** Whether a connection can be used, in a word. */
export function standing(each: Connection): { word: string; variant: "positive" | "notice" | "negative" | "neutral" } {
  if (!each.enabled) return { word: "disabled", variant: "neutral" };
  if (each.paused) return { word: "paused", variant: "notice" };
  return each.usable ? { word: "usable", variant: "positive" } : { word: "credentials missing", variant: "negative" };
}

export function ConnectionBadge({ of }: { of: Connection }) {
  const { word, variant } = standing(of);
  return (
    <Badge variant={variant} fillStyle="subtle" size="S" styles={style({ width: "fit" })}>
      {word}
    </Badge>
  );
}

export default function Connections() {
  const { api } = useApp();
  const mayAdd = useMay("PUT /connections/{connection_id}");
  const query = useQuery({ queryKey: ["connections"], queryFn: () => content(api.GET("/connections")) });
  return (
    <div className={COLUMN}>
      <Title
        beside={
          mayAdd && (
            <LinkButton href="/connections/new" variant="accent">
              Add a connection
            </LinkButton>
          )
        }
      >
        Connections
      </Title>
      <Shown query={query} what="connections">
        {({ connections }) => <Listed connections={connections} />}
      </Shown>
    </div>
  );
}

function Listed({ connections }: { connections: readonly Connection[] }) {
  const narrow = useIsNarrow();
  const [asked, ask] = useAddress(DEFAULTS);
  const { rows, descriptor } = sorted(connections, COLUMNS, asked);
  if (!connections.length) {
    return <Empty title="There is no connection yet">An Action needs one of Marketo and one of Salesforce.</Empty>;
  }
  return (
    <TableView
      aria-label="Connections"
      overflowMode="wrap"
      sortDescriptor={descriptor}
      onSortChange={({ column, direction }) => ask({ sort: String(column), direction: direction ?? "ascending" })}
      styles={style({ width: "full" })}
    >
      <TableHeader>
        {COLUMNS.filter(({ id }) => !narrow || NARROW.has(id)).map(({ id, name, minWidth }) => (
          <Column key={id} id={id} allowsSorting isRowHeader={id === "name"} minWidth={minWidth}>
            {name}
          </Column>
        ))}
      </TableHeader>
      <TableBody>
        {rows.map((each) => (
          <Row key={each.id} id={each.id}>
            {COLUMNS.filter(({ id }) => !narrow || NARROW.has(id)).map(({ id }) => (
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

function Told({ of, column }: { of: Connection; column: (typeof COLUMNS)[number]["id"] }) {
  switch (column) {
    case "name":
      return <Link href={`/connections/${of.id}`}>{of.name}</Link>;
    case "state":
      return <ConnectionBadge of={of} />;
    case "kind":
      return VENDORS[of.kind] ?? of.kind;
    case "url":
      return of.url;
    case "users":
      return [...of.actions, ...of.syncs, ...of.cycles].join(", ");
  }
}
