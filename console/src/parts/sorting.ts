/** Rows in the order that the address asks for. */
import type { SortDescriptor } from "@react-spectrum/s2";

interface SortedBy<T> {
  id: string;
  of: (each: T) => string | number;
}

export function sorted<T>(
  rows: readonly T[],
  columns: readonly [SortedBy<T>, ...SortedBy<T>[]],
  asked: { sort: string; direction: string },
): { rows: readonly T[]; descriptor: SortDescriptor } {
  const column = columns.find(({ id }) => id === asked.sort) ?? columns[0];
  const sign = asked.direction === "descending" ? -1 : 1;
  const ordered = rows.toSorted((one, other) => {
    const [a, b] = [column.of(one), column.of(other)];
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  });
  return { rows: ordered, descriptor: { column: column.id, direction: sign < 0 ? "descending" : "ascending" } };
}
