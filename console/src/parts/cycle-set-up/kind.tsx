/** A kind of records: whether it is kept, from when on it is read first, and what becomes of records that are gone. */
import { Button, Picker, PickerItem } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import type { ReactNode } from "react";
import { useEditing } from "../editing";
import { type Choice, Find, LINE, WIDE, Words } from "../fields";
import { at, type Json, type Members } from "../pointer";

export const HEAD = style({ font: "title", margin: 0 });
export const BLOCK = style({ display: "flex", flexDirection: "column", gap: 16, minWidth: 0 });
const STATES = [
  { id: "on", name: "Kept in step" },
  { id: "off", name: "Switched off: nothing of it leaves either system" },
  { id: "absent", name: "Not part of the cycle" },
] as const;

/**
 * `start` is what stands there once it becomes part of the cycle; the fields show where it is part of it. `whole`: it
 * is part of it or not, and its own parts are switched off.
 */
export function Kind({
  at: pointer,
  label,
  start,
  whole = false,
  children,
}: {
  at: string;
  label: string;
  start: Json;
  whole?: boolean;
  children?: ReactNode;
}) {
  const { document, set } = useEditing();
  const part = at(document, pointer) as Members | null | undefined;
  const there = part !== undefined && part !== null;
  const state = there ? (part.enabled === false ? "off" : "on") : "absent";
  const choose = (wanted: string) => {
    if (wanted === "absent") set(pointer, undefined);
    else if (there) set(`${pointer}/enabled`, wanted === "on");
    else set(pointer, wanted === "on" ? start : { ...(start as Members), enabled: false });
  };
  return (
    <section aria-label={label} className={BLOCK}>
      <h3 className={HEAD}>{label}</h3>
      <Picker
        aria-label={`${label}: kept or not`}
        selectedKey={state}
        onSelectionChange={(key) => choose(String(key))}
        styles={WIDE}
      >
        {STATES.filter(({ id }) => !whole || id !== "off").map(({ id, name }) => (
          <PickerItem key={id} id={id}>
            {name}
          </PickerItem>
        ))}
      </Picker>
      {there && children}
    </section>
  );
}

/** Where the first run begins to read. */
export function LowWatermark({ at: pointer, whole = false }: { at: string; whole?: boolean }) {
  return (
    <Words
      at={pointer}
      label="The first run reads nothing older than (optional)"
      description={
        whole
          ? "As 2026-10-01T00:00; kinds of records may have one of their own"
          : "As 2026-10-01T00:00; else the cycle's own counts"
      }
    />
  );
}

/** What becomes of the other side's record; a flag is a field of the record that stays. */
export function Fate({
  at: pointer,
  label,
  usual,
  choices,
  fields,
}: {
  at: string;
  label: string;
  usual: string;
  choices: readonly Choice[];
  fields: readonly Choice[];
}) {
  const { document, set } = useEditing();
  const value = at(document, pointer);
  const flagged = typeof value === "object" && value !== null;
  return (
    <div className={LINE}>
      <Picker
        label={label}
        selectedKey={flagged ? "flag" : String(value ?? usual)}
        onSelectionChange={(key) => set(pointer, key === "flag" ? { flag: "" } : String(key))}
        styles={WIDE}
      >
        {[...choices, { id: "flag", name: "It is marked in a field" }].map(({ id, name }) => (
          <PickerItem key={id} id={id}>
            {name}
          </PickerItem>
        ))}
      </Picker>
      {flagged && <Find at={`${pointer}/flag`} also={[pointer]} label="Field that marks it" choices={fields} />}
    </div>
  );
}

/** Puts something into a list or table. */
export function Add({
  children,
  onPress,
  isDisabled = false,
}: {
  children: string;
  onPress: () => void;
  isDisabled?: boolean;
}) {
  return (
    <Button variant="secondary" styles={style({ width: "fit" })} onPress={onPress} isDisabled={isDisabled}>
      {children}
    </Button>
  );
}
