/** The Actions there are, and how each stands. */
import { Badge, Cell, Column, Link, Row, SearchField, TableBody, TableHeader, TableView } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp } from "../parts/app";
import { Empty, Shown } from "../parts/states";

const DEFAULTS = { name: "" };

export default function Actions() {
  const { api } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const query = useQuery({ queryKey: ["actions"], queryFn: () => content(api.GET("/actions")) });
  return (
    <div className={style({ display: "flex", flexDirection: "column", gap: 20 })}>
      <h1 className={style({ font: "heading-lg", margin: 0 })}>Actions</h1>
      <SearchField label="Name or id" value={asked.name} onChange={(name) => ask({ name })} />
      <Shown query={query} what="Actions">
        {({ actions }) => <Listed actions={actions.filter((each) => fits(each, asked.name))} />}
      </Shown>
    </div>
  );
}

function fits({ id, name }: Schemas["Summary"], typed: string): boolean {
  return `${id}\n${name}`.toLowerCase().includes(typed.trim().toLowerCase());
}

function Listed({ actions }: { actions: readonly Schemas["Summary"][] }) {
  const { moment } = useApp();
  if (!actions.length) return <Empty title="There is no Action of this name">Look for less of it.</Empty>;
  return (
    <TableView aria-label="Actions" overflowMode="wrap" styles={style({ width: "full", height: "[max(320px, 60vh)]" })}>
      <TableHeader>
        <Column isRowHeader minWidth={140}>
          Name
        </Column>
        <Column minWidth={90}>State</Column>
        <Column minWidth={90}>Version</Column>
        <Column minWidth={200}>Last change</Column>
      </TableHeader>
      <TableBody>
        {actions.map((each) => (
          <Row key={each.id} id={each.id}>
            <Cell textValue={each.name}>
              <Link href={`/executions#action=${encodeURIComponent(each.id)}`}>{each.name}</Link>
            </Cell>
            <Cell textValue={each.state}>
              <Badge
                variant={each.state === "active" ? "positive" : "neutral"}
                fillStyle="subtle"
                size="S"
                styles={style({ width: "fit" })}
              >
                {each.state}
              </Badge>
            </Cell>
            <Cell>{each.version}</Cell>
            <Cell textValue={each.at ?? ""}>
              {[each.at && moment(each.at), each.author].filter(Boolean).join(", ")}
            </Cell>
          </Row>
        ))}
      </TableBody>
    </TableView>
  );
}
