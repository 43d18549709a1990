/** What a run asks its source, as the vendor receives it, and where each condition is judged. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import type { Schemas } from "../api/client";
import { useApp } from "./app";
import { COLUMN, Facts, PLAIN } from "./page";

const REQUEST = style({
  font: "code-sm",
  margin: 0,
  padding: 12,
  borderRadius: "default",
  backgroundColor: "layer-1",
  whiteSpace: "pre-wrap",
  overflowWrap: "anywhere",
});

export function AskedQuery({ query }: { query: Schemas["SyncQuery"] }) {
  const { moment } = useApp();
  const { since, until } = query;
  const window = [since && `after ${moment(since)}`, until && `until ${moment(until)}`].filter(Boolean).join(", ");
  return (
    <section aria-label="Query" className={COLUMN}>
      <Facts
        facts={[
          ["Reads", `${query.object} of ${query.vendor === "marketo" ? "Marketo" : "Salesforce"}`],
          ["How", `${query.way === "bulk" ? "by files" : "page by page"}: ${query.why}`],
          ["Changed", window || "whenever: it reads everything"],
          ...(query.cursor ? [["Later requests", query.cursor] as const] : []),
        ]}
      />
      {query.soql && <pre className={REQUEST}>{query.soql}</pre>}
      <p className={PLAIN}>{query.soql ? "The first request, as the vendor receives it:" : "The first request:"}</p>
      <pre className={REQUEST}>{query.request}</pre>
      {query.clauses.length > 0 && (
        <ul className={style({ margin: 0, paddingStart: 20, display: "flex", flexDirection: "column", gap: 8 })}>
          {query.clauses.map((each) => (
            <li key={each.path} className={style({ overflowWrap: "anywhere" })}>
              <strong>{each.words}</strong>:{" "}
              {each.at_source ? "asked of the source" : `judged here, row by row, since ${each.why}`}
            </li>
          ))}
        </ul>
      )}
      {query.clauses.length === 0 && <p className={PLAIN}>There is no condition.</p>}
    </section>
  );
}
