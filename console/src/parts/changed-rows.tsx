/** Rows with what would become of them, field by field; filtered by outcome and by what stands in them. */
import {
  Cell,
  Column,
  Picker,
  PickerItem,
  Row,
  SearchField,
  TableBody,
  TableHeader,
  TableView,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useState } from "react";
import type { Schemas } from "../api/client";
import { Standing } from "./badge";
import { LINE } from "./fields";
import { CODE } from "./page";
import { Empty } from "./states";
import { useIsNarrow } from "./width";

export interface ChangedRow {
  number: number;
  /** the source's record, by its id */
  source: string;
  outcome: string;
  record: string;
  message: string;
  fields: readonly Schemas["PreviewField"][];
}

const COLUMNS = [
  { id: "row", name: "Row", width: 210 },
  { id: "outcome", name: "Outcome", width: 130 },
  { id: "fields", name: "Fields, before and after", width: "2fr" },
  { id: "message", name: "Why", width: "1fr" },
] as const;
const NARROW = new Set(["row", "fields"]);

function shown(value: unknown): string {
  return value === null || value === undefined || value === "" ? "blank" : String(value);
}

function holds(row: ChangedRow, text: string): boolean {
  const said = [row.source, row.record, row.message, ...row.fields.flatMap((each) => Object.values(each))];
  return said.some((each) => String(each).toLowerCase().includes(text));
}

export function ChangedRows({ label, rows }: { label: string; rows: readonly ChangedRow[] }) {
  const narrow = useIsNarrow();
  const [outcome, setOutcome] = useState("any");
  const [text, setText] = useState("");
  const columns = COLUMNS.filter(({ id }) => !narrow || NARROW.has(id));
  const outcomes = [...new Set(rows.map((each) => each.outcome))].toSorted();
  const wanted = rows.filter(
    (each) => (outcome === "any" || each.outcome === outcome) && holds(each, text.trim().toLowerCase()),
  );
  if (!rows.length) return <Empty title="There is no row">Nothing would be read, or nothing fits the filter.</Empty>;
  return (
    <>
      <div className={LINE}>
        <Picker
          label="Outcome"
          selectedKey={outcome}
          onSelectionChange={(key) => setOutcome(String(key))}
          styles={style({ width: 200 })}
        >
          {["any", ...outcomes].map((each) => (
            <PickerItem key={each} id={each}>
              {each === "any" ? "Any" : each.replaceAll("_", " ")}
            </PickerItem>
          ))}
        </Picker>
        <SearchField
          label="Field or value"
          value={text}
          onChange={setText}
          styles={style({ width: { default: "full", sm: 280 } })}
        />
      </div>
      <TableView
        aria-label={label}
        overflowMode="wrap"
        density="compact"
        styles={style({ width: "full", height: "[max(320px, 50vh)]" })}
      >
        <TableHeader>
          {columns.map(({ id, name, width }) => (
            <Column key={id} id={id} isRowHeader={id === "row"} width={narrow ? (id === "row" ? 124 : "1fr") : width}>
              {name}
            </Column>
          ))}
        </TableHeader>
        <TableBody renderEmptyState={() => <Empty title="No row fits">Look for less, or for any outcome.</Empty>}>
          {wanted.map((each) => (
            <Row key={each.number} id={each.number}>
              {columns.map(({ id }) => (
                <Cell key={id}>
                  <Told of={each} column={id} narrow={narrow} />
                </Cell>
              ))}
            </Row>
          ))}
        </TableBody>
      </TableView>
      <span>
        {wanted.length} of {rows.length} rows
      </span>
    </>
  );
}

function Told({ of, column, narrow }: { of: ChangedRow; column: (typeof COLUMNS)[number]["id"]; narrow: boolean }) {
  switch (column) {
    case "row":
      return (
        <span className={style({ display: "flex", flexDirection: "column", gap: 4, overflowWrap: "anywhere" })}>
          {[of.number, of.source].filter(Boolean).join(": ")}
          {narrow && <Standing of={of.outcome} />}
        </span>
      );
    case "outcome":
      return <Standing of={of.outcome} />;
    case "fields":
      return (
        <span
          className={style({ display: "flex", flexDirection: "column", gap: 4, paddingY: 4, overflowWrap: "anywhere" })}
        >
          {of.fields.map(({ name, before, after }) => (
            <span key={name}>
              <span className={CODE}>{name}</span>: <del>{shown(before)}</del> →{" "}
              <ins className={style({ textDecoration: "none", fontWeight: "bold" })}>{shown(after)}</ins>
            </span>
          ))}
        </span>
      );
    case "message":
      return [of.message, of.record && `Record ${of.record}`].filter(Boolean).join(" ");
  }
}
