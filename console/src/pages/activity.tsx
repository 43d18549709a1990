/** Who did what, and when: versions that were stored, states, runs, credentials, removals. */
import { Button, Link, SearchField } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useInfiniteQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp } from "../parts/app";
import { type ListColumn, Listing } from "../parts/listing";
import { COLUMN, PLAIN, ROW, Title } from "../parts/page";
import { Empty, Failed, Loading } from "../parts/states";
import { counted } from "../parts/words";

type Entry = Schemas["ActivityEntry"];

const DEFAULTS = { text: "", sort: "at", direction: "descending" };
/** where the pages of a kind of documents are */
const PLACES: Readonly<Record<string, string>> = {
  action: "/actions",
  sync: "/syncs",
  crm_cycle: "/cycles",
  connection: "/connections",
  marketo_connection: "/connections",
  salesforce_connection: "/connections",
};

export default function Activity() {
  const { api, moment } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const query = useInfiniteQuery({
    queryKey: ["activity"],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      content(api.GET("/activity", { params: { query: pageParam ? { token: pageParam } : {} } })),
    getNextPageParam: ({ next_token }) => next_token ?? undefined,
  });
  const all = query.data?.pages.flatMap(({ entries }) => entries) ?? [];
  const wanted = asked.text.trim().toLowerCase();
  const rows = all
    .map((each, place) => ({ ...each, place }))
    .filter(({ who, message }) => `${who ?? ""}\n${message}`.toLowerCase().includes(wanted));
  const columns: readonly [ListColumn<(typeof rows)[number]>, ...ListColumn<(typeof rows)[number]>[]] = [
    {
      id: "at",
      name: "When",
      // of one moment the order of the server stays
      of: (each) => `${each.at} ${String(all.length - each.place).padStart(9, "0")}`,
      shown: (each) => moment(each.at),
      minWidth: 220,
      narrow: true,
    },
    { id: "who", name: "Who", of: (each) => each.who ?? "nobody who is known", minWidth: 220, narrow: true },
    {
      id: "what",
      name: "What",
      of: (each) => each.message,
      shown: (each) => <What of={each} />,
      minWidth: 360,
      narrow: true,
    },
  ];
  return (
    <div className={COLUMN}>
      <Title>Activity log</Title>
      <SearchField
        label="Who or what"
        value={asked.text}
        onChange={(text) => ask({ text })}
        styles={style({ width: { default: "full", sm: 280 } })}
      />
      {query.error && <Failed error={query.error} again={() => void query.refetch()} />}
      {query.isPending && <Loading what="the activity log" />}
      {query.data && !all.length && (
        <Empty title="Nobody did anything yet">What is changed or run from now on is kept here.</Empty>
      )}
      {rows.length > 0 && (
        <Listing
          name="Activity log"
          rows={rows}
          keyOf={(each) => String(each.place)}
          columns={columns}
          asked={asked}
          ask={ask}
          size="page"
        />
      )}
      {all.length > 0 && (
        <div className={ROW}>
          <p className={PLAIN}>
            {counted(rows.length, "entry", "entries")} of the newest {all.length.toLocaleString()}
          </p>
          {query.hasNextPage && (
            <Button variant="secondary" isPending={query.isFetching} onPress={() => void query.fetchNextPage()}>
              Older ones
            </Button>
          )}
        </div>
      )}
    </div>
  );
}

/** The sentence; of a version with the way to what it changed. */
function What({ of }: { of: Entry }) {
  const place = of.kind ? PLACES[of.kind] : undefined;
  if (!place || !of.id || of.did === "removed") return of.message;
  const history = of.did === "stored" && place !== "/connections" ? "#tab=history" : "";
  return <Link href={`${place}/${of.id}${history}`}>{of.message}</Link>;
}
