/** One Sync: as it is saved, what it asks, what it would do, its runs, its history, and where it stands. */
import { Button, Link, LinkButton, Tab, TabList, TabPanel, Tabs } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy } from "react";
import { useNavigate, useParams } from "react-router";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp, useMay } from "../parts/app";
import { Moves } from "../parts/moves";
import { sayRefused } from "../parts/notices";
import { COLUMN, Facts, StateBadge, Title } from "../parts/page";
import type { Json } from "../parts/pointer";
import { Sections } from "../parts/sections";
import { Later, Shown } from "../parts/states";
import { PAGES, TITLES } from "../parts/sync-pages";

const Query = lazy(() => import("../parts/sync-asked"));
const Look = lazy(() => import("../parts/sync-look"));
const Plans = lazy(() => import("../parts/sync-plan"));
const Runs = lazy(() => import("../parts/sync-runs"));
const History = lazy(() => import("../parts/history"));

const DEFAULTS = { tab: "view" };

export default function Sync() {
  const { id = "" } = useParams();
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["sync", id],
    queryFn: () => content(api.GET("/syncs/{sync_id}", { params: { path: { sync_id: id } } })),
  });
  return (
    <div className={COLUMN}>
      <Link href="/syncs" isStandalone>
        All Syncs
      </Link>
      <Shown query={query} what="the Sync">
        {(found) => <Told found={found} />}
      </Shown>
    </div>
  );
}

function Told({ found }: { found: Schemas["SavedSync"] }) {
  const { moment } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const mayChange = useMay("PUT /syncs/{sync_id}");
  const mayLook = useMay("POST /syncs/{sync_id}/preview");
  const mayPlan = useMay("POST /syncs/{sync_id}/plans");
  return (
    <>
      <Title
        beside={
          <>
            {found.state === "active" && <RunNow id={found.id} />}
            {mayChange && (
              <LinkButton href={`/syncs/${found.id}/edit`} variant="secondary">
                Change it
              </LinkButton>
            )}
            <Moves kind="sync" id={found.id} name={found.name} state={found.state} />
          </>
        }
      >
        {found.name}
      </Title>
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 12, alignItems: "center" })}>
        <StateBadge state={found.state} />
        <span className={style({ font: "body-sm" })}>
          {[found.id, `version ${found.version}`, found.author, found.at && moment(found.at), found.note]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </div>
      <Facts
        facts={[
          ["Schedule", found.schedule],
          ["Next run", nextOf(found, moment)],
        ]}
      />
      <Tabs aria-label="About the Sync" selectedKey={asked.tab} onSelectionChange={(tab) => ask({ tab: String(tab) })}>
        <TabList>
          <Tab id="view">View</Tab>
          <Tab id="runs">Runs</Tab>
          <Tab id="query">Query</Tab>
          {mayLook && <Tab id="preview">Preview</Tab>}
          {mayPlan && <Tab id="plan">Plan</Tab>}
          <Tab id="history">History</Tab>
        </TabList>
        <TabPanel id="view">
          <Sections pages={pagesOf(found.document as Readonly<Record<string, Json>>)} />
        </TabPanel>
        <TabPanel id="runs">
          <Later>
            <Runs id={found.id} />
          </Later>
        </TabPanel>
        <TabPanel id="query">
          <Later>
            <Query id={found.id} version={found.version} />
          </Later>
        </TabPanel>
        {mayLook && (
          <TabPanel id="preview">
            <Later>
              <Look id={found.id} version={found.version} />
            </Later>
          </TabPanel>
        )}
        {mayPlan && (
          <TabPanel id="plan">
            <Later>
              <Plans id={found.id} />
            </Later>
          </TabPanel>
        )}
        <TabPanel id="history">
          <Later>
            <History kind="sync" id={found.id} version={found.version} />
          </Later>
        </TabPanel>
      </Tabs>
    </>
  );
}

/** When its schedule starts the next run, or why it starts none. */
function nextOf({ next_run, state }: Schemas["SavedSync"], moment: (instant: string) => string): string {
  if (next_run) return moment(next_run);
  return state === "active" ? "none that its schedule starts" : "none while it is not active";
}

/** The sections of a document as saved; a page that holds nothing of it is none. */
function pagesOf(document: Readonly<Record<string, Json>>) {
  const members = Object.entries(document);
  return Object.entries(TITLES)
    .map(([page, title]) => ({
      page: Number(page),
      title,
      members: Object.fromEntries(members.filter(([name]) => PAGES[name as keyof typeof PAGES] === Number(page))),
    }))
    .filter(({ page }) => Object.values<number>(PAGES).includes(page));
}

function RunNow({ id }: { id: string }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const may = useMay("POST /syncs/{sync_id}/executions");
  const running = useMutation({
    mutationFn: () => content(api.POST("/syncs/{sync_id}/executions", { params: { path: { sync_id: id } } })),
    onError: sayRefused,
    onSuccess: async ({ slot }) => {
      await navigate(`/syncs/${id}/runs/${slot}`);
      await queries.invalidateQueries({ queryKey: ["sync runs", id] });
    },
  });
  if (!may) return null;
  return (
    <Button variant="accent" isDisabled={running.isPending} onPress={() => running.mutate()}>
      Run now
    </Button>
  );
}
