/** A draft out of what both systems describe: pairs of fields for a list, or all kinds of records that are missing. */
import { Button, Content, Heading, InlineAlert, ProgressCircle } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation } from "@tanstack/react-query";
import { content, type Schemas } from "../../api/client";
import { useApp } from "../app";
import { filledFrom, newPairs } from "../cycle-pages";
import { useEditing } from "../editing";
import { toldOf } from "../findings";
import { at, type Json, type Members, within } from "../pointer";
import { counted } from "../words";
import { useEnds } from "./ends";
import { BLOCK } from "./kind";

type Proposal = Schemas["CycleProposal"];

function useProposal(onDraft: (draft: Proposal) => void) {
  const { api } = useApp();
  const { document } = useEditing();
  const { marketo, salesforce } = useEnds();
  const mode = document.mode === "beside_native" ? "beside_native" : "replace_native";
  const asking = useMutation({
    mutationFn: () => content(api.POST("/cycles/propose", { body: { marketo, salesforce, mode } })),
    onSuccess: onDraft,
  });
  return { asking, ready: Boolean(marketo && salesforce) };
}

/** Adds to a list the pairs of both systems' fields that nobody has named there. */
export function Propose({ at: pointer }: { at: string }) {
  const { document, set } = useEditing();
  const list = (at(document, pointer) ?? []) as readonly Members[];
  const { asking, ready } = useProposal((draft) => {
    const found = newPairs(list, pairsOf(draft, pointer));
    if (found.length) set(pointer, [...list, ...found]);
  });
  return (
    <div className={BLOCK}>
      <Ask asking={asking} ready={ready}>
        Propose pairs
      </Ask>
      {asking.data && (
        <Told
          said={
            pairsOf(asking.data, pointer).length
              ? "What both systems describe is in the list."
              : "Neither system describes fields that go together."
          }
          notes={asking.data.notes.filter((each) => within(pointer, each.pointer) || within(each.pointer, pointer))}
        />
      )}
    </div>
  );
}

function pairsOf({ document }: Proposal, pointer: string): readonly Members[] {
  return (at(document as Members, pointer) ?? []) as readonly Members[];
}

/** Fills out whatever kinds of records the document does not have. */
export function ProposeAll() {
  const { document, setAll } = useEditing();
  const { asking, ready } = useProposal((draft) => {
    const changes: readonly (readonly [string, Json | undefined])[] = filledFrom(document, draft.document as Members);
    setAll(changes);
  });
  return (
    <div className={BLOCK}>
      <Ask asking={asking} ready={ready}>
        Propose what to keep in step
      </Ask>
      {asking.data && (
        <Told
          said={`Drafted from what both systems describe: ${counted(number(asking.data), "pair")} of fields. Nothing is saved yet; look through the next pages.`}
          notes={asking.data.notes}
        />
      )}
    </div>
  );
}

function number({ document }: Proposal): number {
  const lists = ["/persons/leads/fields", "/persons/contacts/fields", "/companies/fields", "/opportunities/fields"];
  return lists.reduce((sum, each) => sum + ((at(document as Members, each) ?? []) as readonly Json[]).length, 0);
}

function Ask({
  asking,
  ready,
  children,
}: {
  asking: { isPending: boolean; error: Error | null; mutate: () => void };
  ready: boolean;
  children: string;
}) {
  return (
    <>
      <div className={style({ display: "flex", gap: 12, alignItems: "center" })}>
        <Button variant="secondary" isDisabled={!ready || asking.isPending} onPress={() => asking.mutate()}>
          {children}
        </Button>
        {asking.isPending && <ProgressCircle isIndeterminate size="S" aria-label="Asking both systems" />}
      </div>
      {asking.error && (
        <InlineAlert variant="negative">
          <Heading>There is no draft</Heading>
          <Content>{toldOf(asking.error)}</Content>
        </InlineAlert>
      )}
    </>
  );
}

function Told({ said, notes }: { said: string; notes: Proposal["notes"] }) {
  return (
    <InlineAlert variant={notes.length ? "notice" : "positive"}>
      <Heading>{notes.length ? "To be looked at" : "Proposed"}</Heading>
      <Content>
        {said}
        {notes.length > 0 && (
          <ul>
            {notes.map((each) => (
              <li key={each.what}>{each.what}</li>
            ))}
          </ul>
        )}
      </Content>
    </InlineAlert>
  );
}
