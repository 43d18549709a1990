/** Parts of a document by names of somebody's own. */
import {
  ActionButton,
  Badge,
  Disclosure,
  DisclosureHeader,
  DisclosurePanel,
  DisclosureTitle,
  TextField,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { type ReactNode, useState } from "react";
import { Others, useEditing } from "../editing";
import { HALF, LINE } from "../fields";
import { at, type Json, type Members, step, within } from "../pointer";
import { Add, BLOCK } from "./kind";

export function ByName({
  at: pointer,
  what,
  start,
  said,
  children,
}: {
  at: string;
  /** one of them, as a group is */
  what: string;
  start: Json;
  /** what stands beside the name */
  said: (each: Members) => string;
  children: (here: string, each: Members) => ReactNode;
}) {
  const { document, set, findings, shows } = useEditing();
  const [open, setOpen] = useState("");
  const [name, setName] = useState("");
  const all = (at(document, pointer) ?? {}) as { readonly [name: string]: Members };
  return (
    <div className={BLOCK}>
      <div>
        {Object.entries(all).map(([own, each]) => {
          const here = step(pointer, own);
          const wrong = findings.filter((one) => within(one.pointer, here) && shows(one.pointer)).length;
          return (
            <Disclosure key={own} isExpanded={open === own} onExpandedChange={(now) => setOpen(now ? own : "")}>
              <DisclosureHeader>
                <DisclosureTitle level={4}>{[own, said(each)].filter(Boolean).join(": ")}</DisclosureTitle>
                {wrong > 0 && (
                  <Badge variant="negative" size="S" styles={style({ marginY: "auto", flexShrink: 0 })}>
                    {`${wrong} to mend`}
                  </Badge>
                )}
                <ActionButton
                  isQuiet
                  aria-label={`Remove ${own}`}
                  onPress={() => {
                    setOpen("");
                    set(here, undefined);
                  }}
                >
                  ✕
                </ActionButton>
              </DisclosureHeader>
              <DisclosurePanel>{open === own && <div className={BLOCK}>{children(here, each)}</div>}</DisclosurePanel>
            </Disclosure>
          );
        })}
      </div>
      <Others within={[pointer]} except={Object.keys(all).map((own) => step(pointer, own))} />
      <div className={LINE}>
        <TextField
          label={`Name of another ${what}`}
          description="Lower-case letters, digits and hyphens"
          value={name}
          onChange={setName}
          autoComplete="off"
          styles={HALF}
        />
        <div className={style({ marginTop: 24 })}>
          <Add
            isDisabled={!name.trim() || name.trim() in all}
            onPress={() => {
              set(step(pointer, name.trim()), start);
              setOpen(name.trim());
              setName("");
            }}
          >
            {`Add the ${what}`}
          </Add>
        </div>
      </div>
    </div>
  );
}
