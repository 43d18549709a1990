/** A list of fields and where their values come from. */
import {
  ActionButton,
  Badge,
  Button,
  Disclosure,
  DisclosureHeader,
  DisclosurePanel,
  DisclosureTitle,
  Picker,
  PickerItem,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useState } from "react";
import { BLANKS, DAYS, FACTS } from "../api/action.generated";
import { Others, useEditing } from "./editing";
import { type Choice, Choose, Figure, Find, HALF, LINE, Truth, Words } from "./fields";
import { told } from "./mapping-words";
import { PLAIN } from "./page";
import { at, type Json, type Members, step, within } from "./pointer";
import { Rules } from "./rules-editor";
import { words } from "./saved";

/** what a value may come from, and what stands there when it is chosen */
const SOURCES = {
  column: { name: "Column", member: "column", start: "" },
  text: { name: "Text", member: "static", start: "" },
  number: { name: "Number", member: "static", start: 0 },
  truth: { name: "True or false", member: "static", start: true },
  day: { name: "Day", member: "day", start: "today" },
  template: { name: "Template", member: "template", start: "" },
  record: { name: "Field of the record", member: "field", start: "Id" },
  execution: { name: "Execution", member: "execution", start: "message" },
} as const;
export type SourceKind = keyof typeof SOURCES;
export const OF_CALLS: readonly SourceKind[] = ["column", "text", "number", "truth", "day", "template"];
/** of what is told after the write */
export const AFTERWARDS: readonly SourceKind[] = [...OF_CALLS, "record", "execution"];
const MEMBERS = ["column", "static", "day", "template", "field", "execution"] as const;
const BLANK_WORDS = {
  skip: "leaves the field alone",
  clear: "clears the field",
  default: "writes the value below",
  fail: "fails",
} as const;

interface Offer {
  /** fields that take values, and columns that have them */
  targets: readonly Choice[];
  columns: readonly Choice[];
  /** fields of the written record */
  records?: readonly Choice[];
  /** chained objects whose Id, or fields, may be told, too */
  links?: readonly string[];
  /** what takes the value, where it is no field */
  target?: string;
  sources: readonly SourceKind[];
}

export function sourceKind(mapping: Members): SourceKind {
  if (mapping.static !== undefined) {
    return typeof mapping.static === "number" ? "number" : typeof mapping.static === "boolean" ? "truth" : "text";
  }
  const member = MEMBERS.find((each) => mapping[each] !== undefined);
  return member === "field" ? "record" : member === undefined || member === "static" ? "column" : member;
}

export function MappingList({ at: pointer, label, add, ...offer }: Offer & { at: string; label: string; add: string }) {
  const { document, set, findings, shows } = useEditing();
  const [open, setOpen] = useState<number | null>(null);
  const list = (at(document, pointer) ?? []) as readonly Members[];
  return (
    <section aria-label={label} className={style({ display: "flex", flexDirection: "column", gap: 12 })}>
      <h3 className={style({ font: "title", margin: 0 })}>{label}</h3>
      {!list.length && <p className={PLAIN}>None yet.</p>}
      <div>
        {list.map((each, place) => {
          const here = step(pointer, place);
          const wrong = findings.filter((one) => within(one.pointer, here) && shows(one.pointer)).length;
          return (
            // a mapping is its place: the server names it by that
            <Disclosure key={here} isExpanded={open === place} onExpandedChange={(now) => setOpen(now ? place : null)}>
              <DisclosureHeader>
                <DisclosureTitle level={4}>{told(each) ?? (each.to ? String(each.to) : "a new line")}</DisclosureTitle>
                {wrong > 0 && (
                  <Badge variant="negative" size="S" styles={style({ marginY: "auto", flexShrink: 0 })}>
                    {`${wrong} to mend`}
                  </Badge>
                )}
                <ActionButton
                  isQuiet
                  styles={style({ flexShrink: 0 })}
                  aria-label={`Remove ${each.to ?? "the line"}`}
                  onPress={() => {
                    setOpen(null);
                    set(here, undefined);
                  }}
                >
                  ✕
                </ActionButton>
              </DisclosureHeader>
              <DisclosurePanel>{open === place && <Mapping at={here} of={each} {...offer} />}</DisclosurePanel>
            </Disclosure>
          );
        })}
      </div>
      <Others within={[pointer]} except={list.map((_, place) => step(pointer, place))} />
      <Button
        variant="secondary"
        styles={style({ width: "fit" })}
        onPress={() => {
          set(pointer, [...list, { column: "" }]);
          setOpen(list.length);
        }}
      >
        {add}
      </Button>
    </section>
  );
}

function Mapping({
  at: here,
  of,
  targets,
  columns,
  records = [],
  links = [],
  target = "Field",
  sources,
}: Offer & { at: string; of: Members }) {
  const { setAll } = useEditing();
  const kind = sourceKind(of);
  const choose = (wanted: SourceKind) => {
    const { member, start } = SOURCES[wanted];
    const cleared = [...MEMBERS, "of"].map((each): [string, Json | undefined] => [step(here, each), undefined]);
    setAll([...cleared, [step(here, member), start]]);
  };
  return (
    <div className={style({ display: "flex", flexDirection: "column", gap: 16 })}>
      <Others
        within={[here]}
        except={[...MEMBERS, "of", "to", "blank", "default", "transforms"].map((each) => step(here, each))}
      />
      <div className={LINE}>
        <Find at={step(here, "to")} label={target} choices={targets} narrow />
        <Picker
          label="Its value is a"
          selectedKey={kind}
          onSelectionChange={(key) => choose(key as SourceKind)}
          styles={HALF}
        >
          {sources.map((each) => (
            <PickerItem key={each} id={each}>
              {SOURCES[each].name}
            </PickerItem>
          ))}
        </Picker>
        <Source at={here} kind={kind} columns={columns} records={records} />
        {kind === "record" && (links.length > 0 || of.of !== undefined) && (
          <Choose
            at={step(here, "of")}
            label="Of"
            narrow
            none="the person's own record"
            choices={links.map((id) => ({ id, name: id }))}
          />
        )}
      </div>
      <div className={LINE}>
        <Choose
          at={step(here, "blank")}
          label="A blank"
          narrow
          none="as usual"
          choices={BLANKS.map((id) => ({ id, name: BLANK_WORDS[id] }))}
        />
        {of.blank === "default" && <Words at={step(here, "default")} label="Instead of a blank" narrow />}
      </div>
      <Rules at={step(here, "transforms")} />
    </div>
  );
}

function Source({
  at: here,
  kind,
  columns,
  records,
}: {
  at: string;
  kind: SourceKind;
  columns: readonly Choice[];
  records: readonly Choice[];
}) {
  switch (kind) {
    case "column":
      return <Find at={step(here, "column")} label="Column" choices={columns} narrow />;
    case "text":
      return <Words at={step(here, "static")} label="Text" narrow kept />;
    case "number":
      return <Figure at={step(here, "static")} label="Number" />;
    case "truth":
      return <Truth at={step(here, "static")} label="True" />;
    case "day":
      return <Choose at={step(here, "day")} label="Day" narrow choices={DAYS.map((id) => ({ id, name: words(id) }))} />;
    case "template":
      return (
        <Words
          at={step(here, "template")}
          label="Template"
          description="For example {{ firstName }} {{ lastName }}"
          kept
        />
      );
    case "record":
      return <Find at={step(here, "field")} label="Field of the record" choices={records} narrow />;
    case "execution":
      return (
        <Choose
          at={step(here, "execution")}
          label="What of it"
          narrow
          choices={FACTS.map((id) => ({ id, name: words(id) }))}
        />
      );
  }
}
