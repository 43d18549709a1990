/** The console of somebody who is signed in: its pages, each loaded when it is first looked at. */
import { type QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { lazy, Suspense, useMemo, useState } from "react";
import { BrowserRouter, Route, Routes } from "react-router";
import { apiFor } from "./api/client";
import { AppProvider } from "./parts/app";
import { SessionEnded } from "./parts/session-ended";
import { Shell } from "./parts/shell";
import { Empty, Loading } from "./parts/states";
import type { Session } from "./session";

const Home = lazy(() => import("./pages/home"));
const Executions = lazy(() => import("./pages/executions"));
const Execution = lazy(() => import("./pages/execution"));
const Connections = lazy(() => import("./pages/connections"));
const Connection = lazy(() => import("./pages/connection"));
const NewConnection = lazy(() => import("./pages/new-connection"));
const Actions = lazy(() => import("./pages/actions"));
const Action = lazy(() => import("./pages/action"));
const SetUp = lazy(() => import("./pages/set-up"));
const Syncs = lazy(() => import("./pages/syncs"));
const Sync = lazy(() => import("./pages/sync"));
const SetUpSync = lazy(() => import("./pages/set-up-sync"));
const SyncRun = lazy(() => import("./pages/sync-run"));
const Cycles = lazy(() => import("./pages/cycles"));
const Cycle = lazy(() => import("./pages/cycle"));
const SetUpCycle = lazy(() => import("./pages/set-up-cycle"));
const CycleRun = lazy(() => import("./pages/cycle-run"));
const CycleRecord = lazy(() => import("./pages/cycle-record"));
const Activity = lazy(() => import("./pages/activity"));

export function Console({ session, queries }: { session: Session; queries: QueryClient }) {
  const [ended, setEnded] = useState(false);
  const api = useMemo(() => apiFor(session, () => setEnded(true)), [session]);
  return (
    <QueryClientProvider client={queries}>
      <AppProvider api={api} session={session}>
        <BrowserRouter basename={new URL(document.baseURI).pathname.replace(/\/$/, "")}>
          <Shell>
            <Suspense fallback={<Loading what="the page" />}>
              <Routes>
                <Route index element={<Home />} />
                <Route path="executions" element={<Executions />} />
                <Route path="executions/:id" element={<Execution />} />
                <Route path="connections" element={<Connections />} />
                <Route path="connections/new" element={<NewConnection />} />
                <Route path="connections/:id" element={<Connection />} />
                <Route path="actions" element={<Actions />} />
                <Route path="actions/new" element={<SetUp />} />
                <Route path="actions/:id" element={<Action />} />
                <Route path="actions/:id/edit" element={<SetUp />} />
                <Route path="syncs" element={<Syncs />} />
                <Route path="syncs/new" element={<SetUpSync />} />
                <Route path="syncs/:id" element={<Sync />} />
                <Route path="syncs/:id/edit" element={<SetUpSync />} />
                <Route path="syncs/:id/runs/:slot" element={<SyncRun />} />
                <Route path="cycles" element={<Cycles />} />
                <Route path="cycles/new" element={<SetUpCycle />} />
                <Route path="cycles/:id" element={<Cycle />} />
                <Route path="cycles/:id/edit" element={<SetUpCycle />} />
                <Route path="cycles/:id/runs/:slot" element={<CycleRun />} />
                <Route path="cycles/:id/records/:record" element={<CycleRecord />} />
                <Route path="activity" element={<Activity />} />
                <Route path="*" element={<Empty title="There is no such page">Look in the navigation.</Empty>} />
              </Routes>
            </Suspense>
            <SessionEnded ended={ended} ends={session.ends} />
          </Shell>
        </BrowserRouter>
      </AppProvider>
    </QueryClientProvider>
  );
}
