/** What a plan would do, record by record, each field before and after. It holds values of people. */
import { Button, SearchField } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useInfiniteQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../../api/client";
import { useAddress } from "../address";
import { useApp } from "../app";
import { Standing } from "../badge";
import { type ListColumn, Listing } from "../listing";
import { PLAIN, ROW } from "../page";
import { Failed, Loading } from "../states";
import { counted, kindOfRecords } from "../words";

type Change = Schemas["PlannedChange"];

const DEFAULTS = { text: "", sort: "record", direction: "ascending" };
const SYSTEMS = { marketo: "Marketo", salesforce: "Salesforce" } as const;
const COLUMNS: readonly [ListColumn<Change>, ...ListColumn<Change>[]] = [
  { id: "record", name: "Record", of: named, minWidth: 220, narrow: true },
  {
    id: "does",
    name: "Would",
    of: (each) => each.does,
    shown: (each) => <Standing of={each.does} />,
    minWidth: 110,
    narrow: true,
  },
  {
    id: "fields",
    name: "Fields",
    of: (each) => each.fields.length,
    shown: (each) => <Fields of={each} />,
    minWidth: 420,
    narrow: true,
  },
];

export default function Planned({ cycle, slot }: { cycle: string; slot: string }) {
  const { api } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const query = useInfiniteQuery({
    queryKey: ["cycle", cycle, "planned", slot],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      content(
        api.GET("/cycles/{cycle_id}/plans/{slot}", {
          params: { path: { cycle_id: cycle, slot }, query: pageParam ? { token: pageParam } : {} },
        }),
      ),
    getNextPageParam: ({ next_token }) => next_token ?? undefined,
  });
  if (query.error) return <Failed error={query.error} again={() => void query.refetch()} />;
  if (!query.data) return <Loading what="the plan" />;
  const all = query.data.pages.flatMap(({ changes }) => changes);
  const rows = all.filter((each) => fits(each, asked.text));
  return (
    <>
      <SearchField
        label="Id, field or value"
        value={asked.text}
        onChange={(text) => ask({ text })}
        styles={style({ width: { default: "full", sm: 280 } })}
      />
      {rows.length > 0 && (
        <Listing
          name="Planned changes"
          rows={rows}
          keyOf={(each) => `${each.kind} ${each.object} ${each.salesforce_id} ${each.marketo_id} ${each.does}`}
          columns={COLUMNS}
          asked={asked}
          ask={ask}
          size="page"
        />
      )}
      <div className={ROW}>
        <p className={PLAIN}>
          {all.length
            ? `${counted(rows.length, "change")} of ${all.length.toLocaleString("en")}`
            : "Nothing would change"}
          {query.hasNextPage ? " so far; there may be more." : "."}
        </p>
        {query.hasNextPage && (
          <Button variant="secondary" isPending={query.isFetching} onPress={() => void query.fetchNextPage()}>
            More changes
          </Button>
        )}
      </div>
    </>
  );
}

function named(each: Change): string {
  const ids = [
    each.salesforce_id && `${each.object} ${each.salesforce_id}`,
    each.marketo_id && `Marketo ${each.marketo_id}`,
  ];
  return ids.filter(Boolean).join(", ") || `${kindOfRecords(each.kind)}: a new record`;
}

function fits(each: Change, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  const values = each.fields.flatMap(({ name, before, after }) => [name, shown(before), shown(after)]);
  return [named(each), each.message, ...values].some((found) => found.toLowerCase().includes(wanted));
}

function shown(value: unknown): string {
  if (value === null || value === undefined || value === "") return "empty";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function Fields({ of }: { of: Change }) {
  return (
    <>
      {of.message}
      <ul className={style({ margin: 0, paddingStart: 16 })}>
        {of.fields.map((each) => (
          <li key={`${each.system} ${each.name}`}>
            {SYSTEMS[each.system]} {each.name}: {each.known ? <del>{shown(each.before)}</del> : "not read"} →{" "}
            <ins className={style({ textDecoration: "none", fontWeight: "bold" })}>{shown(each.after)}</ins>
          </li>
        ))}
      </ul>
    </>
  );
}
