/** Reading and changing documents by JSON pointer; what changes is copied, the rest is shared. */

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
export type Members = { readonly [name: string]: Json };

export function step(pointer: string, member: string | number): string {
  return `${pointer}/${String(member).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

export function steps(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((each) => each.replaceAll("~1", "/").replaceAll("~0", "~"));
}

export function at(value: Json | undefined, pointer: string): Json | undefined {
  return steps(pointer).reduce<Json | undefined>((found, name) => {
    if (Array.isArray(found)) return (found as readonly Json[])[Number(name)];
    return found !== null && typeof found === "object" ? (found as Members)[name] : undefined;
  }, value);
}

/** The value with another one at the pointer; `undefined` takes the member away. */
export function put(value: Json | undefined, pointer: string, wanted: Json | undefined): Json {
  const [name, ...rest] = steps(pointer);
  if (name === undefined) return wanted ?? {};
  const inner = rest.map((each) => step("", each)).join("");
  if (Array.isArray(value)) {
    const list = value as readonly Json[];
    const place = Number(name);
    if (!inner && wanted === undefined) return list.toSpliced(place, 1);
    return list.toSpliced(place, 1, put(list[place], inner, wanted));
  }
  const members = value !== null && typeof value === "object" ? (value as Members) : {};
  if (!inner && wanted === undefined) {
    const { [name]: _, ...others } = members;
    return others;
  }
  return { ...members, [name]: put(members[name], inner, wanted) };
}

/** Whether a pointer is that of a value or of something in it. */
export function within(pointer: string, whole: string): boolean {
  return pointer === whole || pointer.startsWith(`${whole}/`);
}
