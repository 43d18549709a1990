/** A part of a document that may be left out, and what of it is asked once it is there. */
import { Switch } from "@react-spectrum/s2";
import type { ReactNode } from "react";
import { useEditing } from "../editing";
import { LINE } from "../fields";
import { at, type Json } from "../pointer";

/** `start`: what stands there when it is switched on; switched off the member is taken away. */
export function Switched({
  at: pointer,
  start,
  label,
  children,
}: {
  at: string;
  start: Json;
  label: string;
  children: ReactNode;
}) {
  const { document, set } = useEditing();
  const on = at(document, pointer) !== undefined;
  return (
    <>
      <Switch isSelected={on} onChange={(wanted) => set(pointer, wanted ? start : undefined)}>
        {label}
      </Switch>
      {on && <div className={LINE}>{children}</div>}
    </>
  );
}
