/** What became of the records of a run: by kind and outcome, page by page. */
import { Button, Picker, PickerItem } from "@react-spectrum/s2";
import { useInfiniteQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../../api/client";
import { useAddress } from "../address";
import { useApp } from "../app";
import { Standing } from "../badge";
import { type ListColumn, Listing } from "../listing";
import { PLAIN, ROW } from "../page";
import { Failed, Loading } from "../states";
import { counted, kindOfRecords } from "../words";
import { RecordLink } from "./record-link";
import { RowWhy } from "./row";

type Row = Schemas["CycleRow"];

const DEFAULTS = { kind: "any", outcome: "any", sort: "record", direction: "ascending" };
const KINDS = [
  "persons",
  "companies",
  "sales_persons",
  "opportunities",
  "opportunity_roles",
  "activities",
  "custom_objects",
  "programs",
  "fates",
] as const satisfies readonly Row["kind"][];
const OUTCOMES = ["created", "updated", "unchanged", "skipped", "failed", "deleted", "flagged", "linked"] as const;

export default function Rows({ cycle, slot }: { cycle: string; slot: string }) {
  const { api } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const kind = KINDS.find((each) => each === asked.kind);
  const outcome = OUTCOMES.find((each) => each === asked.outcome);
  const query = useInfiniteQuery({
    queryKey: ["cycle", cycle, "rows", slot, kind, outcome],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      content(
        api.GET("/cycles/{cycle_id}/executions/{slot}/rows", {
          params: {
            path: { cycle_id: cycle, slot },
            query: { ...(kind && { kind }), ...(outcome && { outcome }), ...(pageParam && { token: pageParam }) },
          },
        }),
      ),
    getNextPageParam: ({ next_token }) => next_token ?? undefined,
  });
  const rows = query.data?.pages.flatMap((page) => page.rows) ?? [];
  return (
    <>
      <div className={ROW}>
        <Choice
          label="Kind"
          value={asked.kind}
          choices={KINDS}
          said={kindOfRecords}
          ask={(chosen) => ask({ kind: chosen })}
        />
        <Choice
          label="Outcome"
          value={asked.outcome}
          choices={OUTCOMES}
          said={(each) => each}
          ask={(chosen) => ask({ outcome: chosen })}
        />
      </div>
      {query.error && <Failed error={query.error} again={() => void query.refetch()} />}
      {query.isPending && <Loading what="records" />}
      {rows.length > 0 && (
        <Listing
          name="Records"
          rows={rows}
          keyOf={(each) => `${each.kind} ${each.object} ${each.marketo_id} ${each.salesforce_id} ${each.outcome}`}
          columns={columnsOf(cycle)}
          asked={asked}
          ask={ask}
        />
      )}
      {query.data && (
        <div className={ROW}>
          <p className={PLAIN}>
            {rows.length ? `${counted(rows.length, "record")} so far` : "No record fits."}
            {query.hasNextPage ? ", and there may be more." : rows.length ? ", which are all." : ""}
          </p>
          {query.hasNextPage && (
            <Button variant="secondary" isPending={query.isFetching} onPress={() => void query.fetchNextPage()}>
              More records
            </Button>
          )}
        </div>
      )}
    </>
  );
}

function columnsOf(cycle: string): readonly [ListColumn<Row>, ...ListColumn<Row>[]] {
  // one link for each system's id of a person; other records are known by Salesforce's
  const link = (id: string, known: boolean) => (id && known ? <RecordLink cycle={cycle} id={id} /> : id);
  return [
    {
      id: "record",
      name: "Record",
      of: (each) => `${each.kind} ${each.salesforce_id} ${each.marketo_id}`,
      shown: (each) => (
        <>
          {kindOfRecords(each.kind)}
          {each.salesforce_id && <> · {link(each.salesforce_id, true)}</>}
          {each.marketo_id && <> · Marketo {link(each.marketo_id, each.kind === "persons")}</>}
        </>
      ),
      minWidth: 260,
      narrow: true,
    },
    {
      id: "outcome",
      name: "Outcome",
      of: (each) => each.outcome,
      shown: (each) => <Standing of={each.outcome} />,
      minWidth: 110,
      narrow: true,
    },
    {
      id: "why",
      name: "Why",
      of: (each) => each.message,
      shown: (each) => <RowWhy of={each} />,
      minWidth: 320,
      narrow: true,
    },
  ];
}

function Choice({
  label,
  value,
  choices,
  said,
  ask,
}: {
  label: string;
  value: string;
  choices: readonly string[];
  said: (each: string) => string;
  ask: (chosen: string) => void;
}) {
  return (
    <Picker label={label} selectedKey={value} onSelectionChange={(key) => ask(String(key))}>
      {["any", ...choices].map((each) => (
        <PickerItem key={each} id={each}>
          {each === "any" ? "Any" : said(each)}
        </PickerItem>
      ))}
    </Picker>
  );
}
