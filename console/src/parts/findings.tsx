/** What the server found wrong, one line each with its remedy. */
import { Badge } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { ProblemError, type Schemas } from "../api/client";

export type Finding = Schemas["Finding"];

/** A finding as a sentence, or two. */
export function sentence({ what, remedy }: Pick<Finding, "what" | "remedy">): string {
  return [what, remedy].filter(Boolean).map(ended).join(" ");
}

function ended(said: string): string {
  return `${said.slice(0, 1).toUpperCase()}${said.slice(1)}${/[.?!]$/.test(said) ? "" : "."}`;
}

/** The findings of a refused request; one of another kind is a finding about the whole. */
export function findingsOf(error: Error | null): Finding[] {
  if (!error) return [];
  if (!(error instanceof ProblemError)) return [{ document: "", pointer: "", what: error.message, remedy: "" }];
  const { findings, message, pointer, remedy } = error.problem;
  return findings ?? [{ document: "", pointer: pointer ?? "", what: message, remedy: remedy ?? "" }];
}

/** A refusal in one text; of none, none. */
export function toldOf(error: Error | null): string {
  return findingsOf(error).map(sentence).join(" ");
}

const LEVELS = {
  ok: { variant: "positive", word: "well" },
  warning: { variant: "notice", word: "warning" },
  error: { variant: "negative", word: "error" },
} as const;

export function Looked({ findings }: { findings: readonly Schemas["LookedAt"][] }) {
  return (
    <ul
      className={style({
        margin: 0,
        padding: 0,
        display: "flex",
        flexDirection: "column",
        gap: 12,
        listStyleType: "none",
      })}
    >
      {findings.map((each) => (
        <li
          key={each.what}
          className={style({
            display: "flex",
            flexDirection: { default: "column", sm: "row" },
            gap: { default: 4, sm: 12 },
          })}
        >
          <span className={style({ width: 80, flexShrink: 0 })}>
            <Badge variant={LEVELS[each.level].variant} fillStyle="subtle" size="S" styles={style({ width: "fit" })}>
              {LEVELS[each.level].word}
            </Badge>
          </span>
          <span className={style({ overflowWrap: "anywhere", minWidth: 0 })}>{sentence(each)}</span>
        </li>
      ))}
    </ul>
  );
}
