/**
 * The state of a page, kept behind the `#` of its address: it survives a reload and can be passed on, and no browser
 * sends it to any server, which matters for e-mail addresses.
 */
import { useCallback, useMemo, useState } from "react";
import { useLocation, useNavigate } from "react-router";

export type Values = Readonly<Record<string, string>>;

export function useAddress<T extends Values>(defaults: T): [T, (changed: Partial<T>) => void] {
  const { hash } = useLocation();
  const navigate = useNavigate();
  const values = useMemo(() => {
    const given = new URLSearchParams(hash.slice(1));
    return Object.fromEntries(Object.keys(defaults).map((name) => [name, given.get(name) ?? defaults[name]])) as T;
  }, [hash, defaults]);
  const change = useCallback(
    (changed: Partial<T>) => {
      const wanted = Object.entries({ ...values, ...changed }).filter(([name, value]) => value !== defaults[name]);
      navigate({ hash: new URLSearchParams(wanted as [string, string][]).toString() });
    },
    [navigate, values, defaults],
  );
  return [values, change];
}

/** What is typed before it is asked for; it begins anew with each address, in the same field, which keeps the focus. */
export function useTyped<T>(of: T): [T, (typed: T) => void] {
  const [held, hold] = useState({ of, typed: of });
  if (!Object.is(held.of, of)) hold({ of, typed: of });
  return [held.typed, (typed) => hold({ of, typed })];
}
