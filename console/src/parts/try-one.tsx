/** What an Action would do with one person: before and after, side by side; nothing is written. */
import { Button, Cell, Column, Form, Row, TableBody, TableHeader, TableView, TextField } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation } from "@tanstack/react-query";
import { useState } from "react";
import { content, type Schemas } from "../api/client";
import { useApp } from "./app";
import { Standing } from "./badge";
import { toldOf } from "./findings";
import { COLUMN, Facts, PLAIN, ROW, Section } from "./page";

export default function TryOne({ id, version }: { id: string; version: number }) {
  const { api } = useApp();
  const [typed, setTyped] = useState("");
  const trying = useMutation({
    mutationKey: ["try", id, version],
    mutationFn: () =>
      content(
        api.POST("/actions/{action_id}/try", {
          params: { path: { action_id: id } },
          body: { lead_id: Number(typed) },
        }),
      ),
  });
  const wrong = toldOf(trying.error);
  return (
    <div className={COLUMN}>
      <Form
        validationBehavior="aria"
        onSubmit={(event) => {
          event.preventDefault();
          trying.mutate();
        }}
      >
        <p className={PLAIN}>Reads the person from Marketo and Salesforce, and writes nothing.</p>
        <TextField
          label="Marketo lead id"
          inputMode="numeric"
          value={typed}
          onChange={setTyped}
          isInvalid={Boolean(wrong)}
          errorMessage={wrong}
          styles={style({ width: 240 })}
        />
        <Button type="submit" variant="accent" isPending={trying.isPending} styles={style({ width: "fit" })}>
          Try
        </Button>
      </Form>
      <div aria-live="polite">{trying.data && !trying.error && <Found found={trying.data} />}</div>
    </div>
  );
}

function Found({ found }: { found: Schemas["Tried"] }) {
  return (
    <div className={COLUMN}>
      <div className={ROW}>
        <Standing of={found.outcome ?? found.state} />
        <span>
          {found.message ??
            [found.operation, found.object, found.salesforce_id].filter(Boolean).join(" ").replace("_", " ")}
        </span>
      </div>
      {found.fields.length > 0 && (
        <Section title="At Salesforce">
          <Sides label="Fields of the Salesforce record" fields={found.fields} />
        </Section>
      )}
      {found.writeback.length > 0 && (
        <Section title="Written back to Marketo">
          <Sides label="Fields of the Marketo person" fields={found.writeback} />
          {found.assumed.length > 0 && (
            <p className={PLAIN}>Only the written record will tell: {found.assumed.join(", ")}.</p>
          )}
        </Section>
      )}
      {found.chained.map((each) => (
        <Section key={each.name} title={`Then ${each.name} (${each.object})`}>
          <div className={ROW}>
            <Standing of={each.state} />
            <span>{each.message}</span>
          </div>
          <Facts facts={Object.entries(each.fields).map(([name, value]) => [name, shown(value)])} />
        </Section>
      ))}
      {found.activity && (
        <Section title="The result activity">
          <Facts
            facts={[
              ["Type", found.activity.type],
              ["Primary attribute", found.activity.primary],
              ...Object.entries(found.activity.attributes),
            ]}
          />
        </Section>
      )}
    </div>
  );
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return "(blank)";
  return typeof value === "string" ? value : JSON.stringify(value);
}

function Sides({ label, fields }: { label: string; fields: readonly Schemas["TriedField"][] }) {
  return (
    <TableView
      aria-label={label}
      overflowMode="wrap"
      density="compact"
      styles={style({ width: "full", maxHeight: 480 })}
    >
      <TableHeader>
        <Column isRowHeader minWidth={100}>
          Field
        </Column>
        <Column minWidth={90}>Before</Column>
        <Column minWidth={90}>After</Column>
      </TableHeader>
      <TableBody>
        {fields.map((each) => (
          <Row key={each.field} id={each.field}>
            <Cell>{each.field}</Cell>
            <Cell>{shown(each.before)}</Cell>
            <Cell textValue={shown(each.after)}>
              {each.changes ? <strong>{shown(each.after)}</strong> : "unchanged"}
            </Cell>
          </Row>
        ))}
      </TableBody>
    </TableView>
  );
}
