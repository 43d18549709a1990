/** Action Details: what each execution of an Action did, in the columns that marketers know. */
import {
  Button,
  Cell,
  Column,
  Link,
  Picker,
  PickerItem,
  Row,
  TableBody,
  TableHeader,
  TableView,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useAddress } from "./address";
import { useApp } from "./app";
import { Standing, word } from "./badge";
import { COLUMN, ROW } from "./page";
import { sorted } from "./sorting";
import { Empty, Shown } from "./states";
import { useIsNarrow } from "./width";

type Execution = Schemas["Execution"];

const DEFAULTS = { tab: "view", days: "7", sort: "executed", direction: "descending", page: "" };
const TIMES = [
  { id: "1", name: "Last 24 hours" },
  { id: "7", name: "Last 7 days" },
  { id: "30", name: "Last 30 days" },
  { id: "365", name: "All that is kept" },
];
const failed = (each: Execution) => each.outcome === "failed";
/** one call is one record; one that has not ended is none yet */
const total = (each: Execution) => (each.outcome ? 1 : 0);
const COLUMNS = [
  { id: "executed", name: "Executed At", of: (each: Execution) => each.executed_at ?? each.received_at, minWidth: 190 },
  { id: "stands", name: "Outcome", of: word, minWidth: 110 },
  { id: "writeback", name: "Writeback Status", of: (each: Execution) => writeback(each), minWidth: 170 },
  { id: "campaign", name: "Campaign Name", of: (each: Execution) => each.campaign_name ?? "", minWidth: 160 },
  { id: "total", name: "Total Records", of: total, minWidth: 145 },
  { id: "created", name: "Created", of: (each: Execution) => Number(each.outcome === "created"), minWidth: 100 },
  { id: "updated", name: "Updated", of: (each: Execution) => Number(each.outcome === "updated"), minWidth: 100 },
  { id: "failed", name: "Failed", of: (each: Execution) => Number(failed(each)), minWidth: 90 },
  {
    id: "why",
    name: "Failed Message",
    of: (each: Execution) => (failed(each) ? (each.message ?? "") : ""),
    minWidth: 200,
  },
] as const;
const NARROW = new Set(["executed", "stands", "writeback"]);

function writeback({ writeback: { status, reason } }: Execution): string {
  return [status.replaceAll("_", " "), reason].filter(Boolean).join(": ");
}

export default function Details({ id }: { id: string }) {
  const { api } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const query = useQuery({
    queryKey: ["executions", "of action", id, asked.days, asked.page],
    queryFn: () =>
      content(
        api.POST("/executions/search", {
          body: {
            action_id: id,
            since: new Date(Date.now() - Number(asked.days) * 86_400_000).toISOString(),
            order: "newest",
            limit: 100,
            ...(asked.page && { token: asked.page }),
          },
        }),
      ),
  });
  return (
    <div className={COLUMN}>
      <Picker
        label="Time"
        selectedKey={asked.days}
        onSelectionChange={(key) => ask({ days: String(key), page: "" })}
        styles={style({ width: 200 })}
      >
        {TIMES.map(({ id: each, name }) => (
          <PickerItem key={each} id={each}>
            {name}
          </PickerItem>
        ))}
      </Picker>
      <Shown query={query} what="executions">
        {(found) => <Found found={found} asked={asked} ask={ask} />}
      </Shown>
    </div>
  );
}

function Found({
  found,
  asked,
  ask,
}: {
  found: Schemas["Executions"];
  asked: typeof DEFAULTS;
  ask: (changed: Partial<typeof DEFAULTS>) => void;
}) {
  const narrow = useIsNarrow();
  const columns = COLUMNS.filter(({ id }) => !narrow || NARROW.has(id));
  const { rows, descriptor } = sorted(found.executions, COLUMNS, asked);
  if (!rows.length && !found.next_token) return <Empty title="No call came">Look further back.</Empty>;
  return (
    <>
      <TableView
        aria-label="Executions of the Action"
        overflowMode="wrap"
        density="compact"
        sortDescriptor={descriptor}
        onSortChange={({ column, direction }) => ask({ sort: String(column), direction: direction ?? "ascending" })}
        styles={style({ width: "full", height: "[max(320px, 50vh)]" })}
      >
        <TableHeader>
          {columns.map(({ id, name, minWidth }) => (
            <Column key={id} id={id} allowsSorting isRowHeader={id === "executed"} minWidth={narrow ? 104 : minWidth}>
              {name}
            </Column>
          ))}
        </TableHeader>
        <TableBody>
          {rows.map((each) => (
            <Row key={each.execution_id} id={each.execution_id}>
              {columns.map(({ id, of }) => (
                <Cell key={id}>
                  {id === "executed" ? (
                    <Executed of={each} />
                  ) : id === "stands" ? (
                    <Standing of={word(each)} />
                  ) : (
                    String(of(each))
                  )}
                </Cell>
              ))}
            </Row>
          ))}
        </TableBody>
      </TableView>
      <div className={ROW}>
        <span>
          {rows.length} {rows.length === 1 ? "execution" : "executions"} on this page: {count(rows, "created")} created,{" "}
          {count(rows, "updated")} updated, {count(rows, "failed")} failed
        </span>
        <Button variant="secondary" isDisabled={!asked.page} onPress={() => ask({ page: "" })}>
          First page
        </Button>
        <Button
          variant="secondary"
          isDisabled={!found.next_token}
          onPress={() => ask({ page: found.next_token ?? "" })}
        >
          Next page
        </Button>
      </div>
    </>
  );
}

function count(rows: readonly Execution[], outcome: Execution["outcome"]): number {
  return rows.filter((each) => each.outcome === outcome).length;
}

function Executed({ of }: { of: Execution }) {
  const { moment } = useApp();
  return <Link href={`/executions/${of.execution_id}`}>{of.executed_at ? moment(of.executed_at) : "not begun"}</Link>;
}
