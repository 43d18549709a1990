/** What all pages share: who is signed in, the API, and how the reader wants times and colours. */
import { createContext, type ReactNode, useContext, useMemo, useState } from "react";
import type { Api } from "../api/client";
import { may, type Route } from "../api/roles";
import type { Session } from "../session";

export type Theme = "system" | "light" | "dark";

interface Preferences {
  theme: Theme;
  zone: string;
}

interface App {
  api: Api;
  session: Session;
  preferences: Preferences;
  prefer(changed: Partial<Preferences>): void;
  /** an instant of the API in the reader's zone, with its offset */
  moment(instant: string): string;
}

const PREFERENCES = "leadbridge.preferences";
const Context = createContext<App | null>(null);

export function useApp(): App {
  const app = useContext(Context);
  if (!app) throw new Error("There is no signed-in page around this.");
  return app;
}

/** Whether to offer what this route does. */
export function useMay(route: Route): boolean {
  return may(useApp().session.role, route);
}

export function AppProvider({ api, session, children }: { api: Api; session: Session; children: ReactNode }) {
  const [preferences, setPreferences] = useState(kept);
  const app = useMemo<App>(() => {
    const format = new Intl.DateTimeFormat(undefined, {
      year: "numeric",
      month: "short",
      day: "numeric",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
      timeZone: preferences.zone,
      timeZoneName: "longOffset",
    });
    return {
      api,
      session,
      preferences,
      prefer(changed) {
        const wanted = { ...preferences, ...changed };
        localStorage.setItem(PREFERENCES, JSON.stringify(wanted));
        setPreferences(wanted);
      },
      moment: (instant) => format.format(new Date(instant)),
    };
  }, [api, session, preferences]);
  return <Context value={app}>{children}</Context>;
}

function kept(): Preferences {
  const known: Preferences = { theme: "system", zone: Intl.DateTimeFormat().resolvedOptions().timeZone };
  try {
    const found = JSON.parse(localStorage.getItem(PREFERENCES) ?? "{}") as Partial<Preferences>;
    // a zone that this browser does not know would break every page
    if (found.zone) new Intl.DateTimeFormat(undefined, { timeZone: found.zone });
    return { ...known, ...found };
  } catch {
    return known;
  }
}
