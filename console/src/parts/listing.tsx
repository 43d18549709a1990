/** A table whose columns say how they sort and what they show; its order stands in the address. */
import { Cell, Column, Row, TableBody, TableHeader, TableView } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import type { ReactNode } from "react";
import { sorted } from "./sorting";
import { useIsNarrow } from "./width";

export interface ListColumn<T> {
  id: string;
  name: string;
  /** what it sorts by, and shows where nothing else is said */
  of: (each: T) => string | number;
  shown?: (each: T) => ReactNode;
  minWidth: number;
  /** shown on small screens, too */
  narrow?: boolean;
}

export interface Order {
  sort: string;
  direction: string;
}

const HEIGHTS = {
  page: style({ width: "full", height: "[max(320px, 60vh)]" }),
  part: style({ width: "full", maxHeight: 400 }),
};

/** ids are longer than a narrow column */
const ANYWHERE = style({ overflowWrap: "anywhere" });

export function Listing<T>({
  name,
  rows,
  keyOf,
  columns,
  asked,
  ask,
  size = "part",
}: {
  name: string;
  rows: readonly T[];
  keyOf: (each: T) => string;
  columns: readonly [ListColumn<T>, ...ListColumn<T>[]];
  asked: Order;
  ask: (changed: Order) => void;
  size?: keyof typeof HEIGHTS;
}) {
  const narrow = useIsNarrow();
  const shown = columns.filter((each) => !narrow || each.narrow);
  const ordered = sorted(rows, columns, asked);
  return (
    <TableView
      aria-label={name}
      overflowMode="wrap"
      density="compact"
      sortDescriptor={ordered.descriptor}
      onSortChange={({ column, direction }) => ask({ sort: String(column), direction: direction ?? "ascending" })}
      styles={HEIGHTS[size]}
    >
      <TableHeader>
        {shown.map(({ id, name: title, minWidth }, at) => (
          <Column key={id} id={id} allowsSorting isRowHeader={at === 0} minWidth={narrow ? 104 : minWidth}>
            {title}
          </Column>
        ))}
      </TableHeader>
      <TableBody>
        {ordered.rows.map((each) => (
          <Row key={keyOf(each)} id={keyOf(each)}>
            {shown.map((column) => (
              <Cell key={column.id}>
                <div className={ANYWHERE}>{column.shown ? column.shown(each) : column.of(each)}</div>
              </Cell>
            ))}
          </Row>
        ))}
      </TableBody>
    </TableView>
  );
}
