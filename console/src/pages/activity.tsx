/** Who did what, and when: versions that were stored, states, runs, credentials, removals. */
import { Button, Link } from "@react-spectrum/s2";
import { useInfiniteQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp } from "../parts/app";
import { type ListColumn, Listing } from "../parts/listing";
import { COLUMN, PLAIN, ROW, Title } from "../parts/page";
import { Search } from "../parts/search";
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
  const wanted = asked.text.trim();
  const query = useInfiniteQuery({
    queryKey: ["activity", wanted],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      content(
        api.GET("/activity", {
          params: { query: { ...(wanted && { text: wanted }), ...(pageParam && { token: pageParam }) } },
        }),
      ),
    getNextPageParam: ({ next_token }) => next_token ?? undefined,
  });
  const pages = query.data?.pages ?? [];
  const rows = pages.flatMap(({ entries }) => entries).map((each, place) => ({ ...each, place }));
  const back = pages.at(-1)?.back_to;
  const columns: readonly [ListColumn<(typeof rows)[number]>, ...ListColumn<(typeof rows)[number]>[]] = [
    {
      id: "at",
      name: "When",
      // of one moment the order of the server stays
      of: (each) => `${each.at} ${String(rows.length - each.place).padStart(9, "0")}`,
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
      <Search label="Who or what" of={asked.text} onAsk={(text) => ask({ text })} />
      {query.error && <Failed error={query.error} again={() => void query.refetch()} />}
      {query.isPending && <Loading what="the activity log" />}
      {query.data && !rows.length && !query.hasNextPage && (
        <Empty title={wanted ? "There is no such entry" : "Nobody did anything yet"}>
          {wanted ? "Look for less of it." : "What is changed or run from now on is kept here."}
        </Empty>
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
      {(rows.length > 0 || query.hasNextPage) && (
        <div className={ROW}>
          <p className={PLAIN}>
            {counted(rows.length, "entry", "entries")}
            {query.hasNextPage && back ? ` back to ${moment(back)}` : ""}
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
