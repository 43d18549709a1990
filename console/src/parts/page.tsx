/** What pages are made of: a heading with what can be done, and sections. */
import { Badge } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import type { ReactNode } from "react";
import type { Schemas } from "../api/client";

export const COLUMN = style({ display: "flex", flexDirection: "column", gap: 20, minWidth: 0 });
export const ROW = style({ display: "flex", flexWrap: "wrap", gap: 12, alignItems: "center" });
export const PANEL = style({
  backgroundColor: "layer-2",
  borderRadius: "lg",
  padding: { default: 16, md: 24 },
  display: "flex",
  flexDirection: "column",
  gap: 16,
  minWidth: 0,
});
export const PLAIN = style({ margin: 0 });
export const CODE = style({ font: "code-sm", overflowWrap: "anywhere" });

/** The page's name and, beside it, what can be done. */
export function Title({ children, beside }: { children: ReactNode; beside?: ReactNode }) {
  return (
    <div
      className={style({
        display: "flex",
        flexWrap: "wrap",
        gap: 12,
        alignItems: "center",
        justifyContent: "space-between",
      })}
    >
      <h1 className={style({ font: "heading-lg", margin: 0, overflowWrap: "anywhere" })}>{children}</h1>
      {beside && <div className={ROW}>{beside}</div>}
    </div>
  );
}

export function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section aria-label={title} className={PANEL}>
      <h2 className={style({ font: "heading-sm", margin: 0 })}>{title}</h2>
      {children}
    </section>
  );
}

type State = Schemas["Summary"]["state"];
const LOOKS: Readonly<Record<State, "positive" | "notice" | "informative" | "neutral">> = {
  active: "positive",
  trial: "informative",
  paused: "notice",
  draft: "notice",
  validated: "neutral",
  inactive: "neutral",
};
const WORDS: Readonly<Record<State, string>> = {
  active: "active",
  trial: "on trial",
  paused: "paused",
  draft: "draft with findings",
  validated: "not activated yet",
  inactive: "inactive",
};

/** Where a document stands. */
export function StateBadge({ state }: { state: State }) {
  return (
    <Badge variant={LOOKS[state]} fillStyle="subtle" size="S" styles={style({ width: "fit" })}>
      {WORDS[state]}
    </Badge>
  );
}

/** Names and what they are, one below the other. */
export function Facts({ facts }: { facts: readonly (readonly [string, ReactNode])[] }) {
  return (
    <dl
      className={style({
        margin: 0,
        display: "grid",
        gridTemplateColumns: { default: "1fr", sm: "max-content 1fr" },
        columnGap: 24,
        rowGap: { default: 4, sm: 8 },
      })}
    >
      {facts.map(([name, value]) => (
        <div key={name} className={style({ display: "contents" })}>
          <dt className={style({ font: "body", fontWeight: "bold" })}>{name}</dt>
          <dd
            className={style({
              font: "body",
              margin: 0,
              marginBottom: { default: 8, sm: 0 },
              overflowWrap: "anywhere",
            })}
          >
            {value}
          </dd>
        </div>
      ))}
    </dl>
  );
}
