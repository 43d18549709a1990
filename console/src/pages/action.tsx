/** One Action: as it is saved, what its calls became, a try on one person, its history, and where it stands. */
import { Link, LinkButton, Tab, TabList, TabPanel, Tabs } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { lazy } from "react";
import { useParams } from "react-router";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp, useMay } from "../parts/app";
import { Moves } from "../parts/moves";
import { COLUMN, StateBadge, Title } from "../parts/page";
import type { Members } from "../parts/pointer";
import { Sections } from "../parts/sections";
import { isAtMarketo } from "../parts/set-up/types";
import { Later, Shown } from "../parts/states";

const Details = lazy(() => import("../parts/action-details"));
const TryOne = lazy(() => import("../parts/try-one"));
const Webhook = lazy(() => import("../parts/webhook"));
const History = lazy(() => import("../parts/history"));

const DEFAULTS = { tab: "view" };

export default function Action() {
  const { id = "" } = useParams();
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["action", id],
    queryFn: () => content(api.GET("/actions/{action_id}", { params: { path: { action_id: id } } })),
  });
  return (
    <div className={COLUMN}>
      <Link href="/actions" isStandalone>
        All Actions
      </Link>
      <Shown query={query} what="the Action">
        {(found) => <Told found={found} />}
      </Shown>
    </div>
  );
}

function Told({ found }: { found: Schemas["Saved"] }) {
  const { moment } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const mayChange = useMay("PUT /actions/{action_id}");
  const mayTry = useMay("POST /actions/{action_id}/try");
  // an Action at Marketo is called by other systems, so it is no webhook of Marketo's
  const isWebhook = !isAtMarketo(found.document as Members);
  return (
    <>
      <Title
        beside={
          <>
            {mayChange && (
              <LinkButton href={`/actions/${found.id}/edit`} variant="secondary">
                Change it
              </LinkButton>
            )}
            <Moves kind="action" id={found.id} name={found.name} state={found.state} />
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
      <Tabs
        aria-label="About the Action"
        selectedKey={asked.tab}
        onSelectionChange={(tab) => ask({ tab: String(tab) })}
      >
        <TabList>
          <Tab id="view">View</Tab>
          <Tab id="details">Executions</Tab>
          {mayTry && <Tab id="try">Try</Tab>}
          {isWebhook && <Tab id="webhook">Webhook</Tab>}
          <Tab id="history">History</Tab>
        </TabList>
        <TabPanel id="view">
          <Pages id={found.id} version={found.version} />
        </TabPanel>
        <TabPanel id="details">
          <Later>
            <Details id={found.id} />
          </Later>
        </TabPanel>
        {mayTry && (
          <TabPanel id="try">
            <Later>
              <TryOne id={found.id} version={found.version} />
            </Later>
          </TabPanel>
        )}
        {isWebhook && (
          <TabPanel id="webhook">
            <Later>
              <Webhook id={found.id} />
            </Later>
          </TabPanel>
        )}
        <TabPanel id="history">
          <Later>
            <History kind="action" id={found.id} version={found.version} />
          </Later>
        </TabPanel>
      </Tabs>
    </>
  );
}

/** The five sections as saved. */
function Pages({ id, version }: { id: string; version: number }) {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["view", id, version],
    queryFn: () => content(api.GET("/actions/{action_id}/view", { params: { path: { action_id: id } } })),
  });
  return (
    <Shown query={query} what="its pages">
      {({ pages }) => <Sections pages={pages} />}
    </Shown>
  );
}
