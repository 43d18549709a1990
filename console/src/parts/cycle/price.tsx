/** What the first run of a cycle takes at both systems, asked for when somebody wants to know: it samples both. */
import { Button, Checkbox } from "@react-spectrum/s2";
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { content, type Schemas } from "../../api/client";
import { useApp } from "../app";
import { Facts, PLAIN, Section } from "../page";
import { Failed } from "../states";
import { counted, kindOfRecords } from "../words";

type Price = Schemas["CyclePrice"];

export default function FirstRun({ cycle }: { cycle: Schemas["SavedCycle"] }) {
  const { api } = useApp();
  const [programs, setPrograms] = useState(false);
  const asking = useMutation({
    mutationFn: () =>
      content(api.GET("/cycles/{cycle_id}/price", { params: { path: { cycle_id: cycle.id }, query: { programs } } })),
  });
  return (
    <>
      <p className={PLAIN}>
        Both systems are asked for a sample of each kind of records, at most eight calls for each queue. Nothing is
        written.
      </p>
      {cycle.kinds.some(({ standing }) => standing === "on_demand") && (
        <Checkbox isSelected={programs} onChange={setPrograms}>
          With programs and their members, which no run has by itself
        </Checkbox>
      )}
      <div>
        <Button variant="secondary" isPending={asking.isPending} onPress={() => asking.mutate()}>
          Tell the price
        </Button>
      </div>
      {asking.error && <Failed error={asking.error} again={() => asking.mutate()} />}
      {asking.data && <Told price={asking.data} />}
    </>
  );
}

function Told({ price }: { price: Price }) {
  return (
    <>
      <Section title="All of it">
        <Facts
          facts={[
            ["Marketo", cost(price.marketo.total, price.marketo.calls_left)],
            ["Salesforce", cost(price.salesforce.total, price.salesforce.calls_left)],
            ["Lasts", price.days === null ? "nobody knows" : `at least ${price.days} days`],
          ]}
        />
        {price.warnings.map((each) => (
          <p key={each} className={PLAIN}>
            {each}
          </p>
        ))}
      </Section>
      {price.kinds.map((kind) => (
        <Section key={kind.kind} title={kindOfRecords(kind.kind)}>
          <Facts
            facts={[
              ...kind.read.map(
                (each) =>
                  [
                    each.queue,
                    `${each.exact ? "" : "about "}${each.rows === null ? "nobody knows how many" : each.rows.toLocaleString("en")} records by ${each.way}${each.basis ? ` (${each.basis})` : ""}`,
                  ] as const,
              ),
              ["Marketo", cost(kind.marketo, null)],
              ["Salesforce", cost(kind.salesforce, null)],
            ]}
          />
        </Section>
      ))}
    </>
  );
}

function cost({ calls, megabytes, minutes }: Schemas["SyncCost"], left: number | null): string {
  const extract = megabytes ? `, ${megabytes.toLocaleString("en")} MB of extracts` : "";
  const rest = left === null ? "" : `; ${left.toLocaleString("en")} calls are left today`;
  return `${counted(calls, "call")}${extract}, at least ${minutes.toLocaleString("en")} minutes${rest}`;
}
