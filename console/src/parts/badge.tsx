/** How an execution stands, as a word with a colour. */
import { Badge } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import type { Schemas } from "../api/client";

type Variant = "positive" | "negative" | "notice" | "informative" | "neutral";

const COLOURS: Readonly<Record<string, Variant>> = {
  created: "positive",
  updated: "positive",
  unchanged: "positive",
  decided: "positive",
  failed: "negative",
  rejected: "negative",
  parked: "notice",
  waiting: "informative",
  writing: "informative",
  reporting: "informative",
};

/** Outcome, or state, of an execution. */
export function word({ outcome, state }: Pick<Schemas["Execution"], "outcome" | "state">): string {
  return outcome ?? state;
}

export function Standing({ of }: { of: string }) {
  return (
    <Badge variant={COLOURS[of] ?? "neutral"} fillStyle="subtle" size="S" styles={style({ width: "fit" })}>
      {of.replaceAll("_", " ")}
    </Badge>
  );
}
