/** What became of a record in a run, in the words of the server, with the fields that were not simply taken over. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import type { Schemas } from "../../api/client";
import { Standing } from "../badge";
import { ROW } from "../page";
import { kindOfRecords, left } from "../words";

type Row = Schemas["CycleRow"];

export function RowTold({ of }: { of: Row }) {
  return (
    <div className={style({ display: "flex", flexDirection: "column", gap: 4 })}>
      <div className={ROW}>
        <Standing of={of.outcome} />
        <span>{kindOfRecords(of.kind)}</span>
      </div>
      <RowWhy of={of} />
    </div>
  );
}

export function RowWhy({ of }: { of: Row }) {
  const fields = Object.entries(of.fields);
  return (
    <div className={style({ overflowWrap: "anywhere" })}>
      {of.message || of.reason}
      {fields.length > 0 && (
        <ul className={style({ margin: 0, paddingStart: 16 })}>
          {fields.map(([name, why]) => (
            <li key={name}>
              {name}: {left(why)}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
