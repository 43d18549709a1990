/** What stands around every page: where one can go, who one is, and how times and colours are shown. */
import {
  ActionButton,
  ComboBox,
  ComboBoxItem,
  Content,
  Dialog,
  DialogTrigger,
  Heading,
  Link,
  Picker,
  PickerItem,
  Provider,
  Text,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { lazy, type ReactNode, Suspense, useEffect } from "react";
import { NavLink, useHref, useLocation, useNavigate } from "react-router";
import { signOut } from "../session";
import { type Theme, useApp } from "./app";
import { ZONES } from "./zones";

const Toasts = lazy(() => import("./toasts"));

const PAGES = [
  { to: "/", name: "Home" },
  { to: "/executions", name: "Executions" },
  { to: "/actions", name: "Actions" },
  { to: "/syncs", name: "Syncs" },
  { to: "/cycles", name: "Cycles" },
  { to: "/connections", name: "Connections" },
  { to: "/activity", name: "Activity log" },
] as const;

const zones = ZONES.map((id) => ({ id }));

/** Addresses of other systems stay as they are. */
function useAddressOf(to: string): string {
  const own = useHref(to);
  return URL.canParse(to) ? to : own;
}

export function Shell({ children }: { children: ReactNode }) {
  const navigate = useNavigate();
  const { preferences } = useApp();
  const scheme = preferences.theme === "system" ? {} : { colorScheme: preferences.theme };
  return (
    <Provider
      {...scheme}
      background="layer-1"
      router={{ navigate: (to) => void navigate(to), useHref: useAddressOf }}
      styles={style({ minHeight: "screen", display: "flex", flexDirection: "column" })}
    >
      <header
        className={style({
          display: "flex",
          flexWrap: "wrap",
          alignItems: "center",
          columnGap: 24,
          rowGap: 8,
          paddingX: { default: 16, md: 32 },
          paddingY: 12,
          backgroundColor: "base",
          borderBottomWidth: 1,
          borderTopWidth: 0,
          borderStartWidth: 0,
          borderEndWidth: 0,
          borderStyle: "solid",
          borderColor: "gray-300",
        })}
      >
        <Link href="/" isStandalone isQuiet variant="secondary" UNSAFE_style={{ fontWeight: 700 }}>
          Leadbridge
        </Link>
        <Navigation />
        <div className={style({ marginStart: "auto" })}>
          <Person />
        </div>
      </header>
      <main
        className={style({
          font: "body",
          flexGrow: 1,
          width: "full",
          maxWidth: 1440,
          boxSizing: "border-box",
          marginX: "auto",
          paddingX: { default: 16, md: 32 },
          paddingY: 24,
        })}
      >
        {children}
      </main>
      <Suspense fallback={null}>
        <Toasts />
      </Suspense>
    </Provider>
  );
}

function Navigation() {
  const { pathname } = useLocation();
  useEffect(() => {
    const page = PAGES.findLast(({ to }) => pathname.startsWith(to));
    document.title = page ? `${page.name} · Leadbridge` : "Leadbridge";
  }, [pathname]);
  return (
    <nav aria-label="Pages" className={style({ display: "flex", gap: 16, flexWrap: "wrap" })}>
      {PAGES.map(({ to, name }) => (
        <NavLink
          key={to}
          to={to}
          end={to === "/"}
          className={({ isActive }) =>
            style({
              font: "ui",
              fontWeight: { default: "normal", isActive: "bold" },
              color: { default: "neutral", isActive: "accent" },
              textDecoration: { default: "none", isActive: "underline" },
              paddingY: 4,
            })({ isActive })
          }
        >
          {name}
        </NavLink>
      ))}
    </nav>
  );
}

function Person() {
  const { session, preferences, prefer } = useApp();
  return (
    <DialogTrigger>
      <ActionButton isQuiet>
        <Text>{session.name}</Text>
      </ActionButton>
      <Dialog isDismissible size="S">
        <Heading slot="title">{session.name}</Heading>
        <Content>
          <div className={style({ display: "flex", flexDirection: "column", gap: 16 })}>
            <span>Role: {session.role ?? "none"}</span>
            <Picker
              label="Colours"
              selectedKey={preferences.theme}
              onSelectionChange={(theme) => prefer({ theme: theme as Theme })}
            >
              <PickerItem id="system">As the machine</PickerItem>
              <PickerItem id="light">Light</PickerItem>
              <PickerItem id="dark">Dark</PickerItem>
            </Picker>
            <ComboBox
              label="Time zone"
              defaultItems={zones}
              selectedKey={preferences.zone}
              onSelectionChange={(zone) => zone && prefer({ zone: String(zone) })}
            >
              {({ id }) => <ComboBoxItem id={id}>{id}</ComboBoxItem>}
            </ComboBox>
            <ActionButton onPress={signOut}>Sign out</ActionButton>
          </div>
        </Content>
      </Dialog>
    </DialogTrigger>
  );
}
