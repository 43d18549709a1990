/** Fields of a document under somebody's hands. */
import { ComboBox, ComboBoxItem, Picker, PickerItem, Switch, TextArea, TextField } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useState } from "react";
import { useEditing, useField } from "./editing";
import type { Json } from "./pointer";
import { named as asNamed, fromLines, fromTable, linesOf, number, tableOf } from "./typed";

export interface Choice {
  id: string;
  name: string;
  /** said below the name */
  more?: string;
}

export const WIDE = style({ width: "full", maxWidth: 480 });
/** fields beside each other */
export const LINE = style({ display: "flex", flexWrap: "wrap", gap: 16, alignItems: "start" });
export const HALF = style({ width: { default: "full", sm: 240 }, flexShrink: 0 });

interface Shared {
  at: string;
  /** pointers whose findings are shown here, too */
  also?: readonly string[];
  label: string;
  description?: string | undefined;
  narrow?: boolean;
  isDisabled?: boolean;
}

function asText(value: unknown): string {
  return value === undefined || value === null ? "" : String(value);
}

/** `kept`: an empty text is one, too, and the member stays; `named`: what has a name, or an id that is a number. */
export function Words({
  at,
  also = [],
  label,
  description,
  narrow,
  isDisabled,
  long,
  kept = false,
  named = false,
}: Shared & { long?: boolean; kept?: boolean; named?: boolean }) {
  const { value, set, isInvalid, errorMessage } = useField(at, ...also);
  const Field = long ? TextArea : TextField;
  return (
    <Field
      label={label}
      {...(description && { description })}
      value={asText(value)}
      onChange={(typed) => set(typed === "" && !kept ? undefined : named ? asNamed(typed) : typed)}
      isInvalid={isInvalid}
      errorMessage={errorMessage}
      isDisabled={isDisabled ?? false}
      autoComplete="off"
      styles={narrow ? HALF : WIDE}
    />
  );
}

/** A number, as it is typed; what is none stays a text, and the server says so. */
export function Figure({ at, also = [], label, description, narrow = true }: Shared) {
  const { value, set, isInvalid, errorMessage } = useField(at, ...also);
  return (
    <TextField
      label={label}
      {...(description && { description })}
      inputMode="decimal"
      value={asText(value)}
      onChange={(typed) => set(typed === "" ? undefined : number(typed))}
      isInvalid={isInvalid}
      errorMessage={errorMessage}
      styles={narrow ? HALF : WIDE}
    />
  );
}

/** `usual`: what it is where nothing is said. */
export function Truth({ at, label, usual = false }: Pick<Shared, "at" | "label"> & { usual?: boolean }) {
  const { value, set } = useField(at);
  return (
    <Switch isSelected={typeof value === "boolean" ? value : usual} onChange={set}>
      {label}
    </Switch>
  );
}

type Scalars = Parameters<typeof linesOf>[0];

/** Several values, one a line; without any the member stays, unless it is `optional`. */
export function Lines({
  at,
  also = [],
  label,
  description,
  numbers = false,
  optional = false,
}: Shared & { numbers?: boolean; optional?: boolean }) {
  const { value, set, isInvalid, errorMessage } = useField(at, ...also);
  const [before] = useState<Scalars>(() => (Array.isArray(value) ? (value as Scalars) : []));
  const [typed, setTyped] = useState(() => (Array.isArray(value) ? linesOf(before) : asText(value)));
  return (
    <TextArea
      label={label}
      {...(description && { description })}
      value={typed}
      onChange={(text) => {
        setTyped(text);
        const lines = fromLines(text, before, numbers);
        set(optional && !lines.length ? undefined : lines);
      }}
      isInvalid={isInvalid}
      errorMessage={errorMessage}
      styles={HALF}
    />
  );
}

/** What values become, one a line; `scalars`: numbers and truths are such. */
export function Table({ at, label, description, scalars = false }: Shared & { scalars?: boolean }) {
  const { value, set, isInvalid, errorMessage } = useField(at);
  const [before] = useState(() => (value ?? {}) as Parameters<typeof tableOf>[0]);
  const [typed, setTyped] = useState(() => tableOf(before));
  return (
    <TextArea
      label={label}
      {...(description && { description })}
      value={typed}
      onChange={(text) => {
        setTyped(text);
        const read = fromTable(text, before, scalars);
        set(Object.keys(read).length ? read : undefined);
      }}
      isInvalid={isInvalid}
      errorMessage={errorMessage}
      styles={WIDE}
    />
  );
}

/** One of few; without `none` it stays chosen. */
export function Choose({
  at,
  also = [],
  label,
  description,
  narrow,
  isDisabled,
  choices,
  none,
  instead,
  clears = () => [],
}: Shared & {
  choices: readonly Choice[];
  none?: string;
  instead?: string;
  /** members that do not go with what is chosen */
  clears?: (chosen: string) => readonly string[];
}) {
  const { value, isInvalid, errorMessage } = useField(at, ...also);
  const { setAll } = useEditing();
  const chosen = value === undefined || value === null ? (none ? "" : (instead ?? null)) : String(value);
  const listed =
    chosen && !choices.some(({ id }) => id === chosen) ? [...choices, { id: chosen, name: chosen }] : choices;
  return (
    <Picker
      label={label}
      {...(description && { description })}
      selectedKey={chosen === "" ? NONE : chosen}
      onSelectionChange={(key) => {
        const wanted = key === NONE || key === null ? undefined : String(key);
        setAll([...clears(wanted ?? "").map((each) => [each, undefined] as const), [at, wanted]]);
      }}
      isInvalid={isInvalid}
      errorMessage={errorMessage}
      isDisabled={isDisabled ?? false}
      styles={narrow ? HALF : WIDE}
    >
      {[...(none ? [{ id: NONE, name: none }] : []), ...listed].map(({ id, name }) => (
        <PickerItem key={id} id={id}>
          {name}
        </PickerItem>
      ))}
    </Picker>
  );
}
const NONE = "-";

/** One of few, of which the caller knows what each of them means. */
export function Picked({
  label,
  chosen,
  choices,
  onChoose,
  wide = false,
}: {
  label: string;
  chosen: string;
  choices: readonly Choice[];
  onChoose: (id: string) => void;
  wide?: boolean;
}) {
  return (
    <Picker
      label={label}
      selectedKey={chosen}
      onSelectionChange={(key) => onChoose(String(key))}
      styles={wide ? WIDE : HALF}
    >
      {choices.map(({ id, name }) => (
        <PickerItem key={id} id={id}>
          {name}
        </PickerItem>
      ))}
    </Picker>
  );
}

/** One of many, found by typing; what is not listed may be typed, too, and the server says what it thinks of it. */
export function Find({
  at,
  also = [],
  label,
  description,
  narrow,
  choices,
  loading = false,
  read = (typed) => typed,
}: Shared & {
  choices: readonly Choice[];
  loading?: boolean;
  /** what the document says of what is typed or chosen */
  read?: (typed: string) => Json;
}) {
  const { value, set, isInvalid, errorMessage } = useField(at, ...also);
  const chosen = asText(value);
  const listed =
    chosen && !choices.some(({ id }) => id === chosen) ? [{ id: chosen, name: chosen }, ...choices] : choices;
  const shown = listed.find(({ id }) => id === chosen)?.name ?? chosen;
  /** what is being typed; nothing while the field shows what is chosen */
  const [typing, setTyping] = useState<string | null>(null);
  const take = (wanted: string) => {
    setTyping(null);
    if (wanted !== chosen) set(wanted === "" ? undefined : read(wanted));
  };
  const leave = () => {
    if (typing === null) return;
    const typed = typing.trim();
    const known = listed.find(({ id, name }) => name === typed || id.toLowerCase() === typed.toLowerCase());
    take(known?.id ?? typed);
  };
  return (
    <ComboBox
      label={label}
      {...(description && { description })}
      defaultItems={listed}
      selectedKey={chosen || null}
      allowsCustomValue
      inputValue={typing ?? shown}
      onInputChange={(text) => {
        setTyping(text);
        // at once: left with an open list, the component would choose again what was chosen
        if (text === "" && chosen !== "") set(undefined);
      }}
      // no key is of something that is not listed
      onSelectionChange={(key) => (key === null ? leave() : take(String(key)))}
      onBlur={leave}
      loadingState={loading ? "loading" : "idle"}
      isInvalid={isInvalid}
      errorMessage={errorMessage}
      styles={narrow ? HALF : WIDE}
    >
      {({ id, name }) => (
        <ComboBoxItem id={id} textValue={name}>
          {name}
        </ComboBoxItem>
      )}
    </ComboBox>
  );
}
