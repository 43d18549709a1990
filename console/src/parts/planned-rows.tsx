/** What a plan would write, field by field. */
import { Button } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useInfiniteQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useApp } from "./app";
import { ChangedRows } from "./changed-rows";
import { COLUMN } from "./page";
import { Failed, Loading } from "./states";

export default function PlannedRows({ run }: { run: Schemas["SyncRun"] }) {
  const { api } = useApp();
  const query = useInfiniteQuery({
    queryKey: ["planned rows", run.sync, run.slot],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      content(
        api.GET("/syncs/{sync_id}/plans/{slot}", {
          params: { path: { sync_id: run.sync, slot: run.slot }, query: pageParam ? { token: pageParam } : {} },
        }),
      ),
    getNextPageParam: ({ next_token }) => next_token ?? undefined,
  });
  if (query.error) return <Failed error={query.error} again={() => void query.refetch()} />;
  if (!query.data) return <Loading what="the plan" />;
  const rows = query.data.pages.flatMap((each) => each.rows);
  return (
    <div className={COLUMN}>
      <ChangedRows
        label="Rows of the plan"
        rows={rows.map((each) => ({ ...each, number: each.row, source: each.source_id, record: each.record_id }))}
      />
      {query.hasNextPage && (
        <Button
          variant="secondary"
          isDisabled={query.isFetching}
          styles={style({ width: "fit" })}
          onPress={() => void query.fetchNextPage()}
        >
          More rows
        </Button>
      )}
    </div>
  );
}
