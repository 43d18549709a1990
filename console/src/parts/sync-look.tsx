/** What a run of the Sync as it is saved would do, and what that takes at each vendor. */
import { Button, ProgressCircle } from "@react-spectrum/s2";
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useApp } from "./app";
import { COLUMN, Facts, PLAIN, ROW } from "./page";
import { Failed } from "./states";
import { Preview, Previewed } from "./sync-preview";
import { costOf } from "./sync-words";
import { counted } from "./words";

export default function Look({ id, version }: { id: string; version: number }) {
  return (
    <div className={COLUMN}>
      <Preview id={id} version={version} ask="Preview">
        {(found) => <Previewed found={found} />}
      </Preview>
      <Price id={id} version={version} />
    </div>
  );
}

function Price({ id, version }: { id: string; version: number }) {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["sync price", id, version],
    queryFn: () => content(api.GET("/syncs/{sync_id}/price", { params: { path: { sync_id: id } } })),
    enabled: false,
    retry: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return (
    <>
      <div className={ROW}>
        <Button variant="secondary" isDisabled={query.isFetching} onPress={() => void query.refetch()}>
          What does it take?
        </Button>
        {query.isFetching && <ProgressCircle isIndeterminate size="S" aria-label="Counting" />}
      </div>
      {query.error && !query.isFetching && <Failed error={query.error} again={() => void query.refetch()} />}
      {query.data && !query.error && <Told price={query.data} />}
    </>
  );
}

function Told({ price }: { price: Schemas["SyncPrice"] }) {
  const rows = price.rows === null ? "nobody can say how many" : counted(price.rows, "row");
  const left = (each: Schemas["VendorPrice"]) =>
    each.calls_left === null ? "" : `; ${counted(each.calls_left, "call")} of today are left`;
  return (
    <section aria-label="Price" className={COLUMN}>
      <Facts
        facts={[
          ["The next run", price.exact ? rows : `about ${rows}${price.basis && `, ${price.basis}`}`],
          ["Runs of 24 hours", String(price.runs)],
          ["Marketo, a run", `${costOf(price.marketo.run)}${left(price.marketo)}`],
          ["Marketo, a day", costOf(price.marketo.day)],
          ["Salesforce, a run", `${costOf(price.salesforce.run)}${left(price.salesforce)}`],
          ["Salesforce, a day", costOf(price.salesforce.day)],
          ["AWS", `$${price.run_dollars.toFixed(4)} a run, $${price.day_dollars.toFixed(4)} a day`],
        ]}
      />
      {price.warnings.map((each) => (
        <p key={each} className={PLAIN}>
          {each}
        </p>
      ))}
    </section>
  );
}
