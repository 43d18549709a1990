/** Members of a document as they are saved, for people to read. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { told } from "./mapping-words";
import { CODE, Facts } from "./page";
import type { Json, Members } from "./pointer";

/** A member's name as words. */
export function words(name: string): string {
  const said = name.replaceAll("_", " ");
  return `${said.slice(0, 1).toUpperCase()}${said.slice(1)}`;
}

function isMembers(value: Json): value is Members {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

export function Saved({ members }: { members: Members }) {
  return (
    <Facts facts={Object.entries(members).map(([name, value]) => [words(name), <Value key={name} of={value} />])} />
  );
}

function Value({ of }: { of: Json }) {
  if (typeof of === "boolean") return of ? "yes" : "no";
  if (of === null || typeof of !== "object") return String(of);
  if (Array.isArray(of)) return <Several of={of as readonly Json[]} />;
  const said = isMembers(of) ? told(of) : null;
  return said ?? <Saved members={of as Members} />;
}

function Several({ of }: { of: readonly Json[] }) {
  if (!of.length) return "none";
  if (of.every((each) => each === null || typeof each !== "object")) return of.map(String).join(", ");
  return (
    <ul className={style({ margin: 0, paddingStart: 16, display: "flex", flexDirection: "column", gap: 8 })}>
      {of.map((each) => (
        <li key={JSON.stringify(each)} className={isMembers(each) && told(each) ? CODE : style({ minWidth: 0 })}>
          <Value of={each} />
        </li>
      ))}
    </ul>
  );
}
