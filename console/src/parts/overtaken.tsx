/** Says that somebody else stored a version meanwhile, and shows what differs; nothing typed is lost. */
import { Button, ButtonGroup, Content, Dialog, DialogContainer, Heading } from "@react-spectrum/s2";
import { useQuery } from "@tanstack/react-query";
import { content, ProblemError } from "../api/client";
import { useApp } from "./app";
import { Differences } from "./differences";
import { COLUMN, PLAIN } from "./page";
import { Shown } from "./states";

export function isOvertaken(error: Error | null): boolean {
  return error instanceof ProblemError && error.problem.code === "changed_meanwhile";
}

export function Overtaken({
  error,
  kind,
  id,
  read,
  onStore,
  onKeep,
}: {
  error: Error | null;
  kind: string;
  id: string;
  /** the version that was changed here */
  read: number;
  /** store what was typed after the version that is current now */
  onStore: (current: number) => void;
  onKeep: () => void;
}) {
  const { api } = useApp();
  const open = isOvertaken(error);
  const query = useQuery({
    queryKey: ["overtaken", kind, id, read, error],
    enabled: open && read > 0,
    queryFn: async () => {
      const path = { kind, document_id: id };
      const history = await content(api.GET("/documents/{kind}/{document_id}/history", { params: { path } }));
      const newer = history.versions[0]?.version ?? read;
      const params = { path, query: { older: read, newer } };
      return content(api.GET("/documents/{kind}/{document_id}/diff", { params }));
    },
  });
  return (
    <DialogContainer onDismiss={onKeep}>
      {open && (
        <Dialog size="L">
          <Heading slot="title">Somebody else was first</Heading>
          <Content>
            <div className={COLUMN}>
              <p className={PLAIN}>{error?.message}</p>
              {read > 0 ? (
                <Shown query={query} what="what differs">
                  {(diff) => (
                    <>
                      <p className={PLAIN}>
                        From version {diff.older}, which you changed, to version {diff.newer}, which is current:
                      </p>
                      <Differences of={diff.differences} />
                    </>
                  )}
                </Shown>
              ) : (
                <p className={PLAIN}>There is one of this id already. Choose another id, or change that one.</p>
              )}
            </div>
          </Content>
          <ButtonGroup>
            <Button variant="secondary" onPress={onKeep}>
              Keep editing
            </Button>
            {query.data && (
              <Button variant="negative" onPress={() => onStore(query.data.newer)}>
                Store mine over it
              </Button>
            )}
          </ButtonGroup>
        </Dialog>
      )}
    </DialogContainer>
  );
}
