/** The versions of a document: who, when, what changed, and the way back. */
import { AlertDialog, Button, DialogContainer, Disclosure, DisclosurePanel, DisclosureTitle } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { content, type Schemas } from "../api/client";
import { useApp, useMay } from "./app";
import { Differences } from "./differences";
import { sayDone, sayRefused } from "./notices";
import { COLUMN, PLAIN } from "./page";
import { Failed, Loading, Shown } from "./states";

export default function History({ kind, id, version }: { kind: string; id: string; version: number }) {
  const { api } = useApp();
  const query = useInfiniteQuery({
    queryKey: ["history", kind, id, version],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      content(
        api.GET("/documents/{kind}/{document_id}/history", {
          params: { path: { kind, document_id: id }, query: pageParam ? { token: pageParam } : {} },
        }),
      ),
    getNextPageParam: ({ next_token }) => next_token ?? undefined,
  });
  if (query.error) return <Failed error={query.error} again={() => void query.refetch()} />;
  if (!query.data) return <Loading what="versions" />;
  return (
    <div className={COLUMN}>
      <div>
        {query.data.pages.flatMap(({ versions }) =>
          versions.map((each) => <Version key={each.version} kind={kind} id={id} current={version} of={each} />),
        )}
      </div>
      {query.hasNextPage && (
        <Button variant="secondary" isPending={query.isFetching} onPress={() => void query.fetchNextPage()}>
          Older versions
        </Button>
      )}
    </div>
  );
}

function Version({ kind, id, current, of }: { kind: string; id: string; current: number; of: Schemas["VersionInfo"] }) {
  const { moment } = useApp();
  const mayGoBack = useMay("POST /documents/{kind}/{document_id}/rollback");
  const [back, setBack] = useState(false);
  const facts = [of.at && moment(of.at), of.author ?? "by nobody who is known", of.note].filter(Boolean).join(" · ");
  return (
    <Disclosure defaultExpanded={of.version === current}>
      <DisclosureTitle level={2}>
        {`Version ${of.version}${of.version === current ? ", current" : ""} · ${facts}`}
      </DisclosureTitle>
      <DisclosurePanel>
        <div className={style({ display: "flex", flexDirection: "column", gap: 12, alignItems: "start" })}>
          {of.version === 1 ? <p className={PLAIN}>The first version.</p> : <Differences of={of.differences} />}
          {mayGoBack && of.version !== current && (
            <Button variant="secondary" onPress={() => setBack(true)}>
              Make it current again
            </Button>
          )}
        </div>
        <DialogContainer onDismiss={() => setBack(false)}>
          {back && <Back kind={kind} id={id} current={current} to={of.version} />}
        </DialogContainer>
      </DisclosurePanel>
    </Disclosure>
  );
}

function Back({ kind, id, current, to }: { kind: string; id: string; current: number; to: number }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const path = { kind, document_id: id };
  const query = useQuery({
    queryKey: ["diff", kind, id, current, to],
    queryFn: () =>
      content(
        api.GET("/documents/{kind}/{document_id}/diff", { params: { path, query: { older: current, newer: to } } }),
      ),
  });
  const going = useMutation({
    mutationFn: () =>
      content(
        api.POST("/documents/{kind}/{document_id}/rollback", { params: { path }, body: { version: to, note: "" } }),
      ),
    onError: sayRefused,
    onSuccess: async (done) => {
      sayDone(`Version ${done.version} is as version ${to} was.`);
      await queries.invalidateQueries();
    },
  });
  return (
    <AlertDialog
      title={`Make version ${to} current again?`}
      variant="confirmation"
      size="L"
      primaryActionLabel="Make it current"
      cancelLabel="Cancel"
      onPrimaryAction={() => going.mutate()}
    >
      <div className={COLUMN}>
        <p className={PLAIN}>It becomes version {current + 1}, after the same checks as any other. This changes:</p>
        <Shown query={query} what="what differs">
          {({ differences }) => <Differences of={differences} />}
        </Shown>
      </div>
    </AlertDialog>
  );
}
