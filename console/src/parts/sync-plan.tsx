/** Plans what a run would write, after saying what that takes; a plan is looked at and applied on its own page. */
import { AlertDialog, Button, DialogContainer, Form, TextField } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { content, type Schemas } from "../api/client";
import { useApp } from "./app";
import { sayRefused } from "./notices";
import { COLUMN, PLAIN } from "./page";
import { Shown } from "./states";
import { Listed, useRuns } from "./sync-runs";
import { costOf } from "./sync-words";

export default function Plans({ id }: { id: string }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [rows, setRows] = useState("");
  const [price, setPrice] = useState<Schemas["PlanPrice"] | null>(null);
  const runs = useRuns(id);
  const path = { sync_id: id };
  const wanted = rows.trim();
  const wrong = wanted !== "" && !/^[1-9][0-9]{0,6}$/.test(wanted);
  const asking = useMutation({
    mutationFn: () =>
      content(api.GET("/syncs/{sync_id}/plan-price", { params: { path, query: wanted ? { rows: wanted } : {} } })),
    onSuccess: setPrice,
    onError: sayRefused,
  });
  const planning = useMutation({
    mutationFn: () =>
      content(api.POST("/syncs/{sync_id}/plans", { params: { path }, body: wanted ? { rows: Number(wanted) } : {} })),
    onError: sayRefused,
    onSuccess: async ({ slot }) => {
      await navigate(`/syncs/${id}/runs/${slot}`);
      await queries.invalidateQueries({ queryKey: ["sync runs", id] });
    },
  });
  return (
    <div className={COLUMN}>
      <p className={PLAIN}>
        A plan reads both systems and writes nothing. It holds each field before and after. Applied, it makes exactly
        those writes; a record that has changed since is left as it is, and told.
      </p>
      <Form
        validationBehavior="aria"
        onSubmit={(event) => {
          event.preventDefault();
          if (!wrong) asking.mutate();
        }}
      >
        <TextField
          label="Rows (optional)"
          description="All of them, if nothing is given"
          inputMode="numeric"
          value={rows}
          onChange={setRows}
          isInvalid={wrong}
          errorMessage="Is no number from 1 to 1000000."
          styles={style({ width: { default: "full", sm: 240 } })}
        />
        <Button
          type="submit"
          variant="accent"
          isDisabled={asking.isPending || planning.isPending}
          styles={style({ width: "fit" })}
        >
          Plan
        </Button>
      </Form>
      <DialogContainer onDismiss={() => setPrice(null)}>
        {price && (
          <AlertDialog
            title="Make this plan?"
            variant="confirmation"
            primaryActionLabel="Make it"
            cancelLabel="Cancel"
            onPrimaryAction={() => planning.mutate()}
          >
            {`It takes, at most: Marketo ${costOf(price.marketo)}; Salesforce ${costOf(price.salesforce)}.`}
          </AlertDialog>
        )}
      </DialogContainer>
      <Shown query={runs} what="plans">
        {(found) => {
          const plans = found.runs.filter(({ kind }) => kind === "plan" || kind === "apply");
          return plans.length ? <Listed id={id} runs={plans} label="Plans of the Sync" /> : null;
        }}
      </Shown>
    </div>
  );
}
