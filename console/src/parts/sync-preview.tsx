/** What a run that began now would do: number of rows with its basis, and some of them. It is asked for: it takes calls. */
import { Button, Content, Heading, InlineAlert, ProgressCircle } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { content, type Schemas } from "../api/client";
import { useApp } from "./app";
import { ChangedRows } from "./changed-rows";
import { findingsOf, sentence } from "./findings";
import { COLUMN, Facts, PLAIN, ROW } from "./page";
import type { Members } from "./pointer";
import { totalOf } from "./sync-words";
import { counted } from "./words";

/** Of a version that is stored, or of a document that is not. What was asked for stays as long as neither changes. */
export function Preview({
  id,
  version,
  document,
  ask,
  children,
}: {
  id: string;
  version?: number;
  document?: Members;
  ask: string;
  children: (found: Schemas["SyncPreview"]) => ReactNode;
}) {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["preview", id, document ?? version],
    queryFn: () =>
      content(
        api.POST("/syncs/{sync_id}/preview", {
          params: { path: { sync_id: id } },
          body: document ? { document: { ...document } } : {},
        }),
      ),
    enabled: false,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <div className={COLUMN}>
      <div className={ROW}>
        <Button variant="secondary" isDisabled={query.isFetching} onPress={() => void query.refetch()}>
          {ask}
        </Button>
        {query.isFetching && <ProgressCircle isIndeterminate size="S" aria-label="Looking" />}
        <span className={style({ font: "body-sm" })}>It looks at both systems and writes nothing.</span>
      </div>
      {query.error && !query.isFetching && (
        <InlineAlert variant="negative">
          <Heading>There is no preview</Heading>
          <Content>
            {findingsOf(query.error)
              .map((each) => [each.pointer, sentence(each)].filter(Boolean).join(": "))
              .join(" ")}
          </Content>
        </InlineAlert>
      )}
      {query.data && !query.error && children(query.data)}
    </div>
  );
}

export function Previewed({ found }: { found: Schemas["SyncPreview"] }) {
  return (
    <section aria-label="What a run would do" className={COLUMN}>
      <p className={PLAIN}>{totalOf(found.total)}</p>
      <Facts
        facts={[
          ["Writes", `${found.load === "bulk" ? "by files" : "page by page"}: ${found.load_why}`],
          ["This look took", `${counted(found.calls, "call")} of at most ${found.budget}`],
        ]}
      />
      <ChangedRows
        label="Rows of the preview"
        rows={found.rows.map((each) => ({
          ...each,
          number: each.position,
          source: String(each.columns.Id ?? each.columns.id ?? ""),
          record: each.record_id,
        }))}
      />
    </section>
  );
}
