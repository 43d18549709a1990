/** What differs between two versions, member by member. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import type { Schemas } from "../api/client";
import { CODE, PLAIN } from "./page";

const CHANGES = { added: "added", removed: "removed", changed: "changed" } as const;

function shown(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function Differences({ of }: { of: readonly Schemas["Difference"][] }) {
  if (!of.length) return <p className={PLAIN}>No member differs.</p>;
  return (
    <ul className={style({ margin: 0, paddingStart: 20, display: "flex", flexDirection: "column", gap: 8 })}>
      {of.map((each) => (
        <li key={each.pointer} className={style({ overflowWrap: "anywhere" })}>
          <span className={CODE}>{each.pointer}</span> {CHANGES[each.change]}
          {each.change !== "added" && (
            <>
              : <del>{shown(each.before)}</del>
            </>
          )}
          {each.change !== "removed" && (
            <>
              {each.change === "added" ? ": " : " → "}
              <ins className={style({ textDecoration: "none", fontWeight: "bold" })}>{shown(each.after)}</ins>
            </>
          )}
        </li>
      ))}
    </ul>
  );
}
