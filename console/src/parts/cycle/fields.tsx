/** The pairs of fields of a cycle: whose edits are taken over, and who is right where both sides edited. */
import type { Schemas } from "../../api/client";
import { type ListColumn, Listing } from "../listing";
import { PLAIN } from "../page";
import { Empty } from "../states";
import { kindOfRecords, policy, way } from "../words";
import type { Addressed } from "./asked";

type Cycle = Schemas["SavedCycle"];
type Pair = Schemas["CyclePair"] & { kind: string; aside: string };

const COLUMNS: readonly [ListColumn<Pair>, ...ListColumn<Pair>[]] = [
  { id: "object", name: "Object", of: (each) => each.object, minWidth: 130, narrow: true },
  { id: "marketo", name: "Marketo", of: (each) => each.marketo, minWidth: 180, narrow: true },
  { id: "salesforce", name: "Salesforce", of: (each) => each.salesforce, minWidth: 180, narrow: true },
  { id: "way", name: "Direction", of: (each) => way(each.direction), minWidth: 130 },
  { id: "policy", name: "In a conflict", of: policy, minWidth: 220 },
  { id: "stands", name: "In step", of: stands, minWidth: 140 },
];

function stands({ enabled, aside }: Pair): string {
  if (aside) return `put aside: ${aside}`;
  return enabled ? "yes" : "switched off";
}

export default function Fields({ cycle, asked, ask }: { cycle: Cycle } & Addressed) {
  const rows = cycle.kinds.flatMap(({ name, pairs }) =>
    pairs.map((pair) => ({ ...pair, kind: kindOfRecords(name), aside: whyAside(cycle, pair) })),
  );
  if (!rows.length) return <Empty title="No field is kept in step">The cycle keeps records of other kinds.</Empty>;
  return (
    <>
      <p className={PLAIN}>
        Whoever edits a field is right, until both sides have edited it since they last agreed: that is a conflict.
      </p>
      <Listing
        name="Pairs of fields"
        rows={rows}
        keyOf={(each) => `${each.object} ${each.marketo} ${each.salesforce}`}
        columns={COLUMNS}
        asked={asked}
        ask={ask}
        size="page"
      />
    </>
  );
}

function whyAside({ standing }: Cycle, { object, marketo, salesforce }: Schemas["CyclePair"]): string {
  return standing.aside.find((each) => each.object === object && each.pair === `${marketo}=${salesforce}`)?.why ?? "";
}
