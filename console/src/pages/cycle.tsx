/** One CRM cycle: how it stands, its runs and fields, what is due, one record's story, its document and versions. */
import { Link, LinkButton, Tab, TabList, TabPanel, Tabs } from "@react-spectrum/s2";
import { useQuery } from "@tanstack/react-query";
import { lazy, type ReactNode } from "react";
import { useParams } from "react-router";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp, useMay } from "../parts/app";
import { DEFAULTS } from "../parts/cycle/asked";
import { Start } from "../parts/cycle/start";
import State from "../parts/cycle/state";
import { Later } from "../parts/later";
import { Moves } from "../parts/moves";
import { COLUMN, ROW, Section, StateBadge, Title } from "../parts/page";
import type { Members } from "../parts/pointer";
import { Saved } from "../parts/saved";
import { Shown } from "../parts/states";

const Runs = lazy(() => import("../parts/cycle/runs"));
const Fields = lazy(() => import("../parts/cycle/fields"));
const DueRecords = lazy(() => import("../parts/cycle/due"));
const FindRecord = lazy(() => import("../parts/cycle/find-record"));
const Attribution = lazy(() => import("../parts/cycle/attribution"));
const Price = lazy(() => import("../parts/cycle/price"));
const History = lazy(() => import("../parts/history"));

export default function Cycle() {
  const { id = "" } = useParams();
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["cycle", id],
    queryFn: () => content(api.GET("/cycles/{cycle_id}", { params: { path: { cycle_id: id } } })),
    refetchInterval: 30_000,
  });
  return (
    <div className={COLUMN}>
      <Link href="/cycles" isStandalone>
        All cycles
      </Link>
      <Shown query={query} what="the cycle">
        {(found) => <Told cycle={found} />}
      </Shown>
    </div>
  );
}

function Told({ cycle }: { cycle: Schemas["SavedCycle"] }) {
  const { moment } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const mayRead = useMay("GET /cycles/{cycle_id}/records/{record_id}");
  const mayChange = useMay("PUT /cycles/{cycle_id}");
  const mayPrice = useMay("GET /cycles/{cycle_id}/price");
  // it is about opportunities, which not every cycle keeps
  const mayAttribute = useMay("GET /cycles/{cycle_id}/attribution") && Boolean(cycle.document.opportunities);
  const addressed = { asked, ask };
  const tabs: readonly (readonly [id: string, name: string, what: ReactNode])[] = [
    ["state", "State", <State key="state" cycle={cycle} {...addressed} />],
    ["runs", "Runs", <Runs key="runs" cycle={cycle.id} {...addressed} />],
    ["fields", "Fields", <Fields key="fields" cycle={cycle} {...addressed} />],
    ["due", "Due", <DueRecords key="due" cycle={cycle.id} {...addressed} />],
    ...(mayRead ? [["record", "One record", <FindRecord key="record" cycle={cycle.id} />] as const] : []),
    ...(mayAttribute
      ? [["attribution", "Attribution", <Attribution key="attribution" cycle={cycle.id} />] as const]
      : []),
    ...(mayPrice ? [["price", "First run", <Price key="price" cycle={cycle} />] as const] : []),
    [
      "saved",
      "Document",
      <Section key="saved" title="As it is saved">
        <Saved members={cycle.document as Members} />
      </Section>,
    ],
    ["history", "History", <History key="history" kind="crm_cycle" id={cycle.id} version={cycle.version} />],
  ];
  return (
    <>
      <Title
        beside={
          <>
            <Start cycle={cycle} />
            {mayChange && (
              <LinkButton href={`/cycles/${cycle.id}/edit`} variant="secondary">
                Change it
              </LinkButton>
            )}
            <Moves kind="crm_cycle" id={cycle.id} name={cycle.name} state={cycle.state} />
          </>
        }
      >
        {cycle.name}
      </Title>
      <div className={ROW}>
        <StateBadge state={cycle.state} />
        <span>
          {[cycle.id, `version ${cycle.version}`, cycle.author, cycle.at && moment(cycle.at), cycle.note]
            .filter(Boolean)
            .join(" · ")}
        </span>
      </div>
      <Tabs
        aria-label="About the cycle"
        selectedKey={asked.tab}
        onSelectionChange={(tab) => ask({ tab: String(tab), sort: "", direction: "ascending" })}
      >
        <TabList>
          {tabs.map(([id, name]) => (
            <Tab key={id} id={id}>
              {name}
            </Tab>
          ))}
        </TabList>
        {tabs.map(([id, , what]) => (
          <TabPanel key={id} id={id}>
            <Later>{what}</Later>
          </TabPanel>
        ))}
      </Tabs>
    </>
  );
}
