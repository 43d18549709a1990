/** What fields show of values, and the values that are read back from what is typed. */

/** What is written as a number is one; anything that would come back otherwise is kept as it was typed. */
export function number(typed: string): number | string {
  const read = Number(typed);
  return typed.trim() !== "" && String(read) === typed ? read : typed;
}

type Scalar = string | number | boolean | null;
type Values = readonly Scalar[];
type Pairs = { readonly [name: string]: Scalar };

/** Several values, one a line. */
export function linesOf(values: Values): string {
  return values.map(String).join("\n");
}

/** The values of lines; a line that stood there before is the value that it was, whatever its type. */
export function fromLines(text: string, before: Values, numbers: boolean): Scalar[] {
  const known = new Map(before.map((each) => [String(each), each]));
  return text
    .split("\n")
    .filter((line) => line.trim() !== "" || known.has(line))
    .map((line) => {
      const kept = known.get(line);
      return kept !== undefined ? kept : numbers ? number(line.trim()) : line.trim();
    });
}

/** What values become, one a line. */
export function tableOf(pairs: Pairs): string {
  return Object.entries(pairs).map(pairOf).join("\n");
}

/**
 * The pairs of lines; a line that stood there before is the pair that it was, with its own equals signs. With `scalars`
 * a value that is written as a number or a truth is one.
 */
export function fromTable(text: string, before: Pairs, scalars = false): Record<string, Scalar> {
  const known = new Map(Object.entries(before).map((each) => [pairOf(each), each]));
  const lines = text.split("\n").filter((line) => line.includes("="));
  const read = (line: string): [string, Scalar] => {
    const [from, to] = parted(line);
    return [from, scalars ? scalar(to) : to];
  };
  return Object.fromEntries(lines.map((line) => known.get(line) ?? read(line)));
}

function scalar(typed: string): Scalar {
  return typed === "true" || typed === "false" ? typed === "true" : number(typed);
}

function pairOf([from, to]: readonly [string, Scalar]): string {
  return `${from} = ${to}`;
}

function parted(line: string): [string, string] {
  const place = line.indexOf("=");
  return [line.slice(0, place).trim(), line.slice(place + 1).trim()];
}

interface Named {
  id: number;
  name: string;
}

const DIGITS = /^[0-9]{1,15}$/;

/**
 * Things of Marketo that have a name and an id, each under what a document says of it: the name, which holds at every
 * instance; the id where no name can be looked up, or where it is the id that the document holds.
 */
export function namedChoices(found: readonly Named[], held: unknown): { id: string; name: string }[] {
  const times = new Map<string, number>();
  for (const { name } of found) times.set(name, (times.get(name) ?? 0) + 1);
  return found.map(({ id, name }) => {
    const byName = times.get(name) === 1 && !name.includes(",") && !DIGITS.test(name) && held !== id;
    return byName ? { id: name, name } : { id: String(id), name: `${name} (${id})` };
  });
}

/** A name, or the id that digits are. */
export function named(typed: string): string | number {
  return DIGITS.test(typed) ? Number(typed) : typed;
}
