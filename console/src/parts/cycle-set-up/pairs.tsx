/** Pairs of fields that are kept in step: which way, who is right in a conflict, and what becomes of blanks. */
import {
  ActionButton,
  Badge,
  Disclosure,
  DisclosureHeader,
  DisclosurePanel,
  DisclosureTitle,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useState } from "react";
import { BLANKS, CONFLICTS, DIRECTIONS } from "../../api/cycle.generated";
import { pairWords } from "../cycle-pages";
import { Others, useEditing } from "../editing";
import { type Choice, Choose, Find, LINE, Picked, Truth, Words } from "../fields";
import { PLAIN } from "../page";
import { at, type Members, step, within } from "../pointer";
import { Rules } from "../rules-editor";
import { conflict, way } from "../words";
import { Add, BLOCK } from "./kind";
import { Propose } from "./proposal";

const OWN = ["marketo", "salesforce", "direction", "conflict", "blank", "default", "to_marketo", "to_salesforce"];
const BLANK_WORDS = {
  keep: "does nothing to the other side",
  clear: "empties the other side's",
  default: "gives the other side the value below",
} as const;
const TRUTHS = [
  { id: "true", name: "true says that the person opted out" },
  { id: "false", name: "it is no consent" },
];

interface Ends {
  marketo: readonly Choice[];
  salesforce: readonly Choice[];
  /** the only way in which records of this kind go */
  only?: "to_marketo" | "to_salesforce" | undefined;
}

/** `drafted`: these pairs can be proposed from what both systems describe. */
export function Pairs({
  at: pointer,
  label,
  drafted = false,
  ...ends
}: Ends & { at: string; label: string; drafted?: boolean }) {
  const { document, set, findings, shows } = useEditing();
  const [open, setOpen] = useState<number | null>(null);
  const list = (at(document, pointer) ?? []) as readonly Members[];
  return (
    <section aria-label={label} className={BLOCK}>
      <h4 className={style({ font: "title-sm", margin: 0 })}>{label}</h4>
      {!list.length && <p className={PLAIN}>No pair of fields yet.</p>}
      <div>
        {list.map((each, place) => {
          const here = step(pointer, place);
          const wrong = findings.filter((one) => within(one.pointer, here) && shows(one.pointer)).length;
          return (
            // a pair is its place: the server names it by that
            <Disclosure
              key={here}
              isExpanded={open === place}
              onExpandedChange={(now) => setOpen(now ? place : null)}
              isQuiet
              density="compact"
            >
              <DisclosureHeader>
                <DisclosureTitle level={5}>
                  {[pairWords(each, ends.only), each.conflict && conflict(String(each.conflict))]
                    .filter(Boolean)
                    .join("; ")}
                </DisclosureTitle>
                {each.enabled === false && <Mark variant="neutral">off</Mark>}
                {wrong > 0 && <Mark variant="negative">{`${wrong} to mend`}</Mark>}
                <ActionButton
                  isQuiet
                  aria-label={`Remove ${pairWords(each, ends.only)}`}
                  onPress={() => {
                    setOpen(null);
                    set(here, undefined);
                  }}
                >
                  ✕
                </ActionButton>
              </DisclosureHeader>
              <DisclosurePanel>{open === place && <Pair at={here} of={each} {...ends} />}</DisclosurePanel>
            </Disclosure>
          );
        })}
      </div>
      <Others within={[pointer]} except={list.map((_, place) => step(pointer, place))} />
      <div className={LINE}>
        <Add
          onPress={() => {
            set(pointer, [...list, { marketo: "", salesforce: "" }]);
            setOpen(list.length);
          }}
        >
          Add a pair
        </Add>
        {drafted && <Propose at={pointer} />}
      </div>
    </section>
  );
}

function Mark({ variant, children }: { variant: "neutral" | "negative"; children: string }) {
  return (
    <Badge variant={variant} size="S" styles={style({ marginY: "auto", flexShrink: 0 })}>
      {children}
    </Badge>
  );
}

function Pair({ at: here, of, marketo, salesforce, only }: Ends & { at: string; of: Members }) {
  const both = !only && (of.direction ?? "both") === "both";
  const goes = (wanted: string) => (only ?? of.direction ?? "both") === "both" || (only ?? of.direction) === wanted;
  return (
    <div className={BLOCK}>
      <Others within={[here]} except={OWN.map((each) => step(here, each))} />
      <Truth at={step(here, "enabled")} label="Kept in step" usual />
      <div className={LINE}>
        <Find at={step(here, "marketo")} label="Field of Marketo" choices={marketo} narrow />
        <Find at={step(here, "salesforce")} label="Field of Salesforce" choices={salesforce} narrow />
        {!only && (
          <Choose
            at={step(here, "direction")}
            label="Direction"
            instead="both"
            narrow
            choices={DIRECTIONS.map((id) => ({ id, name: way(id) }))}
            clears={(chosen) => (chosen === "both" ? [] : [step(here, "conflict")])}
          />
        )}
        {both && (
          <Choose
            at={step(here, "conflict")}
            label="Where both sides edited it"
            none="Salesforce, but for what marketing keeps"
            choices={CONFLICTS.map((id) => ({ id, name: conflict(id) }))}
          />
        )}
      </div>
      <div className={LINE}>
        <Choose
          at={step(here, "blank")}
          label="An emptied field"
          instead={only === "to_marketo" ? "clear" : "keep"}
          choices={BLANKS.map((id) => ({ id, name: BLANK_WORDS[id] }))}
          clears={(chosen) => (chosen === "default" ? [] : [step(here, "default")])}
        />
        {of.blank === "default" && <Words at={step(here, "default")} label="Value instead of a blank" narrow />}
        <Consent at={step(here, "consent")} of={of.consent} />
      </div>
      {goes("to_marketo") && (
        <>
          <strong>On its way to Marketo</strong>
          <Rules at={step(here, "to_marketo")} />
        </>
      )}
      {goes("to_salesforce") && (
        <>
          <strong>On its way to Salesforce</strong>
          <Rules at={step(here, "to_salesforce")} />
        </>
      )}
    </div>
  );
}

/** Whether the field says that somebody opted out: a truth, or as Marketo's field is known. */
function Consent({ at: pointer, of }: { at: string; of: unknown }) {
  const { set } = useEditing();
  return (
    <Picked
      label="Consent"
      chosen={typeof of === "boolean" ? String(of) : "-"}
      choices={[{ id: "-", name: "as Marketo's field is known" }, ...TRUTHS]}
      onChoose={(id) => set(pointer, id === "-" ? undefined : id === "true")}
    />
  );
}
