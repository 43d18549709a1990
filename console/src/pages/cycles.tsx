/** The CRM cycles there are, and how each stands. */
import { Link, LinkButton } from "@react-spectrum/s2";
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useAddress } from "../parts/address";
import { useApp, useMay } from "../parts/app";
import { type ListColumn, Listing } from "../parts/listing";
import { COLUMN, StateBadge, Title } from "../parts/page";
import { Empty, Shown } from "../parts/states";
import { mode } from "../parts/words";

type Summary = Schemas["CycleSummary"];

const DEFAULTS = { sort: "name", direction: "ascending" };

export default function Cycles() {
  const { api, moment } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const mayChange = useMay("PUT /cycles/{cycle_id}");
  const query = useQuery({ queryKey: ["cycles"], queryFn: () => content(api.GET("/cycles")), refetchInterval: 60_000 });
  const columns: readonly [ListColumn<Summary>, ...ListColumn<Summary>[]] = [
    {
      id: "name",
      name: "Name",
      of: (each) => each.name.toLowerCase(),
      shown: (each) => <Link href={`/cycles/${each.id}`}>{each.name}</Link>,
      minWidth: 160,
      narrow: true,
    },
    {
      id: "state",
      name: "State",
      of: (each) => each.state,
      shown: (each) => <StateBadge state={each.state} />,
      minWidth: 130,
      narrow: true,
    },
    { id: "mode", name: "Mode", of: (each) => mode(each.mode), minWidth: 200 },
    {
      id: "ended",
      name: "Last run ended",
      of: (each) => each.standing.last_ended_at ?? "",
      shown: (each) => (each.standing.last_ended_at ? moment(each.standing.last_ended_at) : "never"),
      minWidth: 220,
    },
    {
      id: "running",
      name: "At work",
      of: (each) => each.standing.running ?? "",
      shown: (each) =>
        each.standing.running ? <Link href={`/cycles/${each.id}/runs/${each.standing.running}`}>a run</Link> : "no",
      minWidth: 90,
      narrow: true,
    },
    {
      id: "needs",
      name: "Put aside",
      of: (each) => each.standing.aside.length,
      shown: (each) => (each.standing.aside.length ? `${each.standing.aside.length} pairs of fields` : "nothing"),
      minWidth: 130,
    },
  ];
  return (
    <div className={COLUMN}>
      <Title
        beside={
          mayChange && (
            <LinkButton href="/cycles/new" variant="accent">
              New cycle
            </LinkButton>
          )
        }
      >
        Cycles
      </Title>
      <Shown query={query} what="cycles">
        {({ cycles }) =>
          cycles.length ? (
            <Listing
              name="Cycles"
              rows={cycles}
              keyOf={(each) => each.id}
              columns={columns}
              asked={asked}
              ask={ask}
              size="page"
            />
          ) : (
            <Empty title="There is no cycle yet">
              A cycle keeps Marketo and Salesforce in step both ways. New cycle drafts one out of what both describe.
            </Empty>
          )
        }
      </Shown>
    </div>
  );
}
