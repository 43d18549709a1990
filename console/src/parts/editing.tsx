/**
 * A document under somebody's hands. Fields name their member by JSON pointer; the server's findings name theirs the
 * same way, so each stands beside its field, and what is right is said nowhere else than at the server.
 */
import { Content, Heading, InlineAlert } from "@react-spectrum/s2";
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import { type Finding, sentence } from "./findings";
import { at, type Json, type Members, put, within } from "./pointer";

export interface Editing {
  document: Members;
  set(pointer: string, value: Json | undefined): void;
  /** several at once, in this order */
  setAll(changes: readonly (readonly [string, Json | undefined])[]): void;
  findings: readonly Finding[];
  /** whether what is wrong there is to be shown yet: nobody is scolded for what they had no time to fill out */
  shows(pointer: string): boolean;
}

const Context = createContext<Editing | null>(null);

export function useEditing(): Editing {
  const editing = useContext(Context);
  if (!editing) throw new Error("There is no document around this field.");
  return editing;
}

/** A document and how it is changed; `touched` are the members that somebody changed here. */
export function useDocument(start: Members) {
  const [document, setDocument] = useState(start);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  return useMemo(() => {
    const setAll = (changes: readonly (readonly [string, Json | undefined])[]) => {
      setDocument(
        (before) => changes.reduce<Json>((found, [pointer, value]) => put(found, pointer, value), before) as Members,
      );
      setTouched((before) => new Set([...before, ...changes.map(([pointer]) => pointer)]));
    };
    const set = (pointer: string, value: Json | undefined) => setAll([[pointer, value]]);
    return { document, set, setAll, touched, replace: setDocument };
  }, [document, touched]);
}

export function EditingProvider({ editing, children }: { editing: Editing; children: ReactNode }) {
  return <Context value={editing}>{children}</Context>;
}

/** What a field shows and does; `mine` are pointers whose findings belong to it beside its own. */
export function useField(pointer: string, ...mine: string[]) {
  const { document, set, findings, shows } = useEditing();
  const found = findings.filter((each) => each.pointer === pointer || mine.includes(each.pointer));
  const wrong = found.length > 0 && shows(pointer);
  return {
    value: at(document, pointer),
    set: (value: Json | undefined) => set(pointer, value),
    isInvalid: wrong,
    errorMessage: wrong ? found.map(sentence).join(" ") : undefined,
  };
}

/** Findings within a part of the document that no field of its own shows. */
export function Others({ within: whole, except = [] }: { within: readonly string[]; except?: readonly string[] }) {
  const { findings, shows } = useEditing();
  const rest = findings.filter(
    ({ pointer }) =>
      whole.some((each) => within(pointer, each)) && !except.some((each) => within(pointer, each)) && shows(pointer),
  );
  if (!rest.length) return null;
  return (
    <InlineAlert variant="negative">
      <Heading>{rest.length === 1 ? "Something is to be mended" : `${rest.length} things are to be mended`}</Heading>
      <Content>
        <ul>
          {rest.map((each) => (
            <li key={`${each.pointer} ${each.what}`}>
              {each.pointer && `${each.pointer}: `}
              {sentence(each)}
            </li>
          ))}
        </ul>
      </Content>
    </InlineAlert>
  );
}
