/** Rows of a run that were not written as others, and why: those that failed also as a file. */
import {
  Button,
  Cell,
  Column,
  Link,
  Row,
  Tab,
  TabList,
  TableBody,
  TableHeader,
  TableView,
  TabPanel,
  Tabs,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useInfiniteQuery, useMutation } from "@tanstack/react-query";
import { type Api, content, type Schemas } from "../api/client";
import { useAddress } from "./address";
import { useApp } from "./app";
import { sayRefused } from "./notices";
import { COLUMN, PLAIN, ROW } from "./page";
import { Failed, Loading } from "./states";
import { COUNTS } from "./sync-words";
import { useIsNarrow } from "./width";

type Run = Schemas["SyncRun"];
type Outcome = "failed" | "skipped" | "duplicate" | "handed_over";
interface Listed {
  rows: readonly { row: number; source_id: string; reason: string; message: string; id?: string }[];
  next_token: string | null;
}

const LISTED: readonly Outcome[] = ["failed", "skipped", "duplicate", "handed_over"];
const DEFAULTS = { rows: "" };
const COLUMNS = [
  { id: "row", name: "Row", minWidth: 90 },
  { id: "source", name: "Source record", minWidth: 190 },
  { id: "reason", name: "Reason", minWidth: 160 },
  { id: "message", name: "Why", minWidth: 260 },
] as const;
const NARROW = new Set(["source", "message"]);

function page(api: Api, run: Run, outcome: Outcome, token: string): Promise<Listed> {
  const path = { sync_id: run.sync, slot: run.slot };
  const further = token ? { token } : {};
  return outcome === "failed"
    ? content(api.GET("/syncs/{sync_id}/executions/{slot}/failed", { params: { path, query: further } }))
    : content(api.GET("/syncs/{sync_id}/executions/{slot}/rows", { params: { path, query: { outcome, ...further } } }));
}

export default function RunRows({ run }: { run: Run }) {
  const [asked, ask] = useAddress(DEFAULTS);
  const there = LISTED.filter((each) => run[each] > 0);
  const [first] = there;
  if (!first) return <p className={PLAIN}>{`No row failed or was left out${run.ended_at ? "" : " yet"}.`}</p>;
  const chosen = there.find((each) => each === asked.rows) ?? first;
  return (
    <Tabs aria-label="Rows by outcome" selectedKey={chosen} onSelectionChange={(key) => ask({ rows: String(key) })}>
      <TabList>
        {there.map((each) => (
          <Tab key={each} id={each}>
            {`${COUNTS.find(({ name }) => name === each)?.label} (${run[each]})`}
          </Tab>
        ))}
      </TabList>
      {there.map((each) => (
        <TabPanel key={each} id={each}>
          <Rows run={run} outcome={each} />
        </TabPanel>
      ))}
    </Tabs>
  );
}

function Rows({ run, outcome }: { run: Run; outcome: Outcome }) {
  const { api } = useApp();
  const narrow = useIsNarrow();
  const columns = COLUMNS.filter(({ id }) => !narrow || NARROW.has(id));
  const query = useInfiniteQuery({
    // of a run at work there are more as it goes on
    queryKey: ["run rows", run.sync, run.slot, outcome, run[outcome]],
    initialPageParam: "",
    queryFn: ({ pageParam }) => page(api, run, outcome, pageParam),
    getNextPageParam: ({ next_token }) => next_token ?? undefined,
  });
  if (query.error) return <Failed error={query.error} again={() => void query.refetch()} />;
  if (!query.data) return <Loading what="rows" />;
  const rows = query.data.pages.flatMap((each) => each.rows);
  return (
    <div className={COLUMN}>
      <TableView
        aria-label={`Rows: ${outcome.replaceAll("_", " ")}`}
        overflowMode="wrap"
        density="compact"
        styles={style({ width: "full", height: "[max(240px, 40vh)]", marginTop: 12 })}
      >
        <TableHeader>
          {columns.map(({ id, name, minWidth }) => (
            <Column key={id} id={id} isRowHeader={id === "source"} minWidth={narrow ? 120 : minWidth}>
              {name}
            </Column>
          ))}
        </TableHeader>
        <TableBody>
          {rows.map((each) => (
            <Row key={each.row} id={each.row}>
              {columns.map(({ id }) => (
                <Cell key={id}>{told(each, id)}</Cell>
              ))}
            </Row>
          ))}
        </TableBody>
      </TableView>
      <div className={ROW}>
        <span>
          {rows.length} of {run[outcome]} rows
        </span>
        {query.hasNextPage && (
          <Button variant="secondary" isDisabled={query.isFetching} onPress={() => void query.fetchNextPage()}>
            More rows
          </Button>
        )}
        {outcome === "failed" && <Download run={run} />}
      </div>
    </div>
  );
}

function told(of: Listed["rows"][number], column: (typeof COLUMNS)[number]["id"]) {
  switch (column) {
    case "row":
      return of.row;
    case "source":
      return of.id ? <Link href={`/executions/${of.id}`}>{of.source_id || of.id}</Link> : of.source_id;
    case "reason":
      return of.reason;
    case "message":
      return of.message;
  }
}

/** A page of them as a file, and where the next one begins. */
async function piece(api: Api, { sync, slot }: Run, token: string): Promise<[string, string]> {
  const asked = api.GET("/syncs/{sync_id}/executions/{slot}/failed.csv", {
    params: { path: { sync_id: sync, slot }, query: token ? { token } : {} },
    parseAs: "text",
  });
  const text = await content(asked);
  return [text, (await asked).response.headers.get("X-Next-Token") ?? ""];
}

/** All of them; the header stands once. */
async function fileOf(api: Api, run: Run): Promise<string> {
  let [file, token] = await piece(api, run, "");
  while (token) {
    const [further, next] = await piece(api, run, token);
    file += further.slice(further.indexOf("\n") + 1);
    token = next;
  }
  return file;
}

function Download({ run }: { run: Run }) {
  const { api } = useApp();
  const loading = useMutation({
    mutationFn: () => fileOf(api, run),
    onError: sayRefused,
    onSuccess: (text) => {
      const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
      const link = document.createElement("a");
      link.href = url;
      link.download = `${run.sync}-${run.slot}-failed.csv`;
      link.click();
      URL.revokeObjectURL(url);
    },
  });
  return (
    <Button variant="secondary" isDisabled={loading.isPending} onPress={() => loading.mutate()}>
      Download as CSV
    </Button>
  );
}
