/** Adds a connection: vendor first, then its document; its own page goes on with the sheet, credentials and a test. */
import { Link, SegmentedControl, SegmentedControlItem } from "@react-spectrum/s2";
import { useState } from "react";
import { useMay } from "../parts/app";
import { ConnectionForm } from "../parts/connection-form";
import { COLUMN, PLAIN, Section, Title } from "../parts/page";
import { Empty } from "../parts/states";

const KINDS = {
  marketo_connection: {
    name: "Marketo",
    start: { format: 1, kind: "marketo_connection" },
    first:
      "First its name and addresses. The next page shows what to create in Marketo Admin, takes the credentials and tests them.",
  },
  salesforce_connection: {
    name: "Salesforce",
    start: { format: 1, kind: "salesforce_connection", audience: "https://login.salesforce.com" },
    first: "First its name and how we log in. The next page shows what to create in Setup, and tests it.",
  },
} as const;
type Kind = keyof typeof KINDS;

export default function NewConnection() {
  const mayAdd = useMay("PUT /connections/{connection_id}");
  const [kind, setKind] = useState<Kind>("marketo_connection");
  if (!mayAdd) return <Empty title="You may not add a connection">Administrators may.</Empty>;
  return (
    <div className={COLUMN}>
      <Link href="/connections" isStandalone>
        All connections
      </Link>
      <Title>Add a connection</Title>
      <SegmentedControl aria-label="Vendor" selectedKey={kind} onSelectionChange={(key) => setKind(key as Kind)}>
        {Object.entries(KINDS).map(([id, { name }]) => (
          <SegmentedControlItem key={id} id={id}>
            {name}
          </SegmentedControlItem>
        ))}
      </SegmentedControl>
      <Section title={`A connection of ${KINDS[kind].name}`}>
        <p className={PLAIN}>{KINDS[kind].first}</p>
        <ConnectionForm key={kind} document={KINDS[kind].start} version={0} />
      </Section>
    </div>
  );
}
