/** What became of calls: found by person, record, Action, reason, outcome and time. */
import {
  Button,
  Cell,
  Column,
  Form,
  Link,
  Picker,
  PickerItem,
  Row,
  type SortDescriptor,
  TableBody,
  TableHeader,
  TableView,
  TextField,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { content, type Schemas } from "../api/client";
import { useAddress, useTyped } from "../parts/address";
import { useApp, useMay } from "../parts/app";
import { Standing, word } from "../parts/badge";
import { bursts } from "../parts/bursts";
import { RunAgain } from "../parts/run-again";
import { Empty, Shown } from "../parts/states";
import { useIsNarrow } from "../parts/width";

type Execution = Schemas["Execution"];

const DEFAULTS = {
  person: "",
  action: "",
  reason: "",
  stands: "",
  days: "1",
  sort: "received",
  direction: "descending",
  page: "",
};
type Asked = typeof DEFAULTS;

const OUTCOMES = [
  "created",
  "updated",
  "unchanged",
  "skipped",
  "duplicate",
  "superseded",
  "failed",
  "decided",
] as const;
const STATES = ["waiting", "writing", "reporting", "parked", "rejected", "not_run"] as const;
const TIMES = [
  { id: "1", name: "Last 24 hours" },
  { id: "7", name: "Last 7 days" },
  { id: "30", name: "Last 30 days" },
  { id: "365", name: "All that is kept" },
];
const PAGE = 100;
const FIELD = style({ width: { default: "calc(50% - 8px)", sm: 160 }, flexShrink: 0 });

const COLUMNS = [
  { id: "received", name: "Received", of: (each: Execution) => each.received_at, width: 270 },
  { id: "action", name: "Action", of: (each: Execution) => each.action_name ?? each.action_id, width: 200 },
  { id: "lead", name: "Marketo lead", of: (each: Execution) => each.lead_id ?? 0, width: 150 },
  { id: "stands", name: "Outcome", of: word, width: 120 },
  { id: "record", name: "Salesforce record", of: (each: Execution) => each.salesforce_id ?? "", width: 220 },
  { id: "why", name: "Why", of: (each: Execution) => each.message ?? "", width: "1fr" as const },
] as const;
/** what fits on a small screen */
const NARROW = new Set(["received", "stands", "why"]);

export default function Executions() {
  const { api } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const query = useQuery({
    queryKey: ["executions", asked.person, asked.action, asked.reason, asked.stands, asked.days, asked.page],
    queryFn: () => content(api.POST("/executions/search", { body: wanted(asked) })),
  });
  return (
    <div className={style({ display: "flex", flexDirection: "column", gap: 20 })}>
      <h1 className={style({ font: "heading-lg", margin: 0 })}>Executions</h1>
      <Filters asked={asked} onAsk={(changed) => ask({ ...changed, page: "" })} />
      <Shown query={query} what="executions">
        {(found) => <Found found={found} asked={asked} ask={ask} />}
      </Shown>
    </div>
  );
}

/** Which executions are asked for; who a person is, is seen by what was typed. */
function which(asked: Asked) {
  const person = asked.person.trim();
  const since = new Date(Date.now() - Number(asked.days) * 86_400_000).toISOString();
  return {
    since,
    ...(person.includes("@") ? { email: person } : {}),
    ...(/^\d+$/.test(person) ? { lead_id: Number(person) } : {}),
    ...(person && !person.includes("@") && !/^\d+$/.test(person) ? { salesforce_id: person } : {}),
    ...(asked.action ? { action_id: asked.action } : {}),
    ...(asked.reason ? { reason: asked.reason } : {}),
    ...(OUTCOMES.find((each) => each === asked.stands) ? { outcome: asked.stands as (typeof OUTCOMES)[number] } : {}),
    ...(STATES.find((each) => each === asked.stands) ? { state: asked.stands as (typeof STATES)[number] } : {}),
  };
}

function wanted(asked: Asked): Schemas["Search"] {
  return { ...which(asked), order: "newest", limit: PAGE, ...(asked.page && { token: asked.page }) };
}

function Filters({ asked, onAsk }: { asked: Asked; onAsk: (changed: Partial<Asked>) => void }) {
  const [typed, setTyped] = useTyped(asked);
  const type = (name: keyof Asked) => (value: string) => setTyped({ ...typed, [name]: value });
  return (
    <Form
      size="M"
      onSubmit={(event) => {
        event.preventDefault();
        onAsk(typed);
      }}
    >
      <div className={style({ display: "flex", flexWrap: "wrap", alignItems: "start", gap: 16 })}>
        <TextField
          label="Person or record"
          description="E-mail address, Marketo id or Salesforce id"
          value={typed.person}
          onChange={type("person")}
          styles={style({ width: { default: "full", sm: 240 }, flexShrink: 0 })}
        />
        <TextField label="Action id" value={typed.action} onChange={type("action")} styles={FIELD} />
        <TextField label="Reason code" value={typed.reason} onChange={type("reason")} styles={FIELD} />
        <Picker
          label="Outcome"
          styles={FIELD}
          selectedKey={typed.stands || "any"}
          onSelectionChange={(key) => onAsk({ ...typed, stands: key === "any" ? "" : String(key) })}
        >
          {[
            <PickerItem key="any" id="any">
              Any
            </PickerItem>,
            ...[...OUTCOMES, ...STATES].map((each) => (
              <PickerItem key={each} id={each}>
                {each.replaceAll("_", " ")}
              </PickerItem>
            )),
          ]}
        </Picker>
        <Picker
          styles={FIELD}
          label="Time"
          selectedKey={typed.days}
          onSelectionChange={(key) => onAsk({ ...typed, days: String(key) })}
        >
          {TIMES.map(({ id, name }) => (
            <PickerItem key={id} id={id}>
              {name}
            </PickerItem>
          ))}
        </Picker>
        <Button type="submit" variant="accent" styles={style({ marginTop: 24 })}>
          Search
        </Button>
      </div>
    </Form>
  );
}

function Found({
  found,
  asked,
  ask,
}: {
  found: Schemas["Executions"];
  asked: Asked;
  ask: (changed: Partial<Asked>) => void;
}) {
  const narrow = useIsNarrow();
  const mayRedrive = useMay("POST /executions/redrive");
  const columns = COLUMNS.filter(({ id }) => !narrow || NARROW.has(id));
  const sorted = useMemo(() => {
    const of = COLUMNS.find(({ id }) => id === asked.sort)?.of ?? COLUMNS[0].of;
    const sign = asked.direction === "ascending" ? 1 : -1;
    return found.executions.toSorted((one, other) => sign * (of(one) < of(other) ? -1 : of(one) > of(other) ? 1 : 0));
  }, [found, asked.sort, asked.direction]);
  // who asks for one reason or one person wants to see each
  const lines = asked.reason || asked.person ? sorted.map((each) => [each]) : bursts(sorted);
  const descriptor: SortDescriptor = {
    column: asked.sort,
    direction: asked.direction === "ascending" ? "ascending" : "descending",
  };
  if (!sorted.length && !found.next_token) {
    return <Empty title="Nothing was found">No execution fits. Look further back, or ask for less.</Empty>;
  }
  return (
    <>
      {mayRedrive && <RunAgain of={which(asked)} />}
      <TableView
        aria-label="Executions"
        overflowMode="wrap"
        density={narrow ? "compact" : "regular"}
        sortDescriptor={descriptor}
        onSortChange={({ column, direction }) => ask({ sort: String(column), direction: direction ?? "ascending" })}
        styles={style({ width: "full", height: "[max(320px, 60vh)]" })}
      >
        <TableHeader>
          {columns.map(({ id, name, width }) => (
            <Column
              key={id}
              id={id}
              allowsSorting
              isRowHeader={id === "received"}
              {...(narrow ? { minWidth: id === "received" ? 136 : 110 } : { width, minWidth: 110 })}
            >
              {name}
            </Column>
          ))}
        </TableHeader>
        <TableBody>
          {lines.map((alike) => (
            <Row key={alike[0]?.execution_id} id={alike[0]?.execution_id ?? ""}>
              {columns.map(({ id }) => (
                <Cell key={id}>
                  <Told alike={alike} column={id} asked={asked} />
                </Cell>
              ))}
            </Row>
          ))}
        </TableBody>
      </TableView>
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 16, alignItems: "center" })}>
        <span>
          {sorted.length} {sorted.length === 1 ? "execution" : "executions"} on this page
        </span>
        <Button variant="secondary" isDisabled={!asked.page} onPress={() => ask({ page: "" })}>
          First page
        </Button>
        <Button
          variant="secondary"
          isDisabled={!found.next_token}
          onPress={() => ask({ page: found.next_token ?? "" })}
        >
          Next page
        </Button>
      </div>
    </>
  );
}

/** A cell of an execution, or of several that stand alike, whose times and people are a click away. */
function Told({
  alike,
  column,
  asked,
}: {
  alike: readonly Execution[];
  column: (typeof COLUMNS)[number]["id"];
  asked: Asked;
}) {
  const { moment } = useApp();
  const [execution] = alike;
  if (!execution) return null;
  switch (column) {
    case "received":
      if (alike.length === 1) {
        return <Link href={`/executions/${execution.execution_id}`}>{moment(execution.received_at)}</Link>;
      }
      return (
        <>
          <Link href={`/executions#${new URLSearchParams(theirs(execution, asked))}`}>{alike.length} alike</Link>, from{" "}
          {moment(alike.map(({ received_at }) => received_at).toSorted()[0] ?? "")}
        </>
      );
    case "action":
      return execution.action_name ?? execution.action_id;
    case "lead":
      return alike.length === 1 ? (execution.lead_id ?? "") : "";
    case "stands":
      return <Standing of={word(execution)} />;
    case "record":
      return alike.length === 1 ? (execution.salesforce_id ?? "") : "";
    case "why":
      return execution.message ?? "";
  }
}

/** The address at which each of those alike is a line of its own. */
function theirs(execution: Execution, { days }: Asked): Record<string, string> {
  return { action: execution.action_id, reason: execution.reason ?? "", stands: word(execution), days };
}
