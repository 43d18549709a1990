/** Runs a cycle now, or plans what a run would do. The first run can read everything, or nothing. */
import { AlertDialog, Button, ButtonGroup, DialogTrigger, Switch } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { content, type Schemas } from "../../api/client";
import { useApp, useMay } from "../app";
import { sayRefused } from "../notices";

type Order = "plan" | "run" | "from now";
type Cycle = Schemas["SavedCycle"];

function useStarting(cycle: Cycle) {
  const { api } = useApp();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const path = { cycle_id: cycle.id };
  return useMutation({
    mutationFn: ({ order, programs = false }: { order: Order; programs?: boolean }) =>
      order === "plan"
        ? content(api.POST("/cycles/{cycle_id}/plans", { params: { path, query: { programs } } }))
        : content(
            api.POST("/cycles/{cycle_id}/executions", {
              params: { path },
              body: { from_now: order === "from now", programs },
            }),
          ),
    onError: sayRefused,
    onSuccess: async ({ slot }) => {
      await queries.invalidateQueries({ queryKey: ["cycle", cycle.id] });
      navigate(`/cycles/${cycle.id}/runs/${slot}`);
    },
  });
}

/** Whether a run takes programs along: only somebody who asks for them gets them. */
function Programs({ of, wanted, onWant }: { of: Cycle; wanted: boolean; onWant: (on: boolean) => void }) {
  if (!of.kinds.some(({ name, standing }) => name === "programs" && standing === "on_demand")) return null;
  return (
    <p>
      <Switch isSelected={wanted} onChange={onWant}>
        With programs and their members: everybody in them is read, a bulk extract for each
      </Switch>
    </p>
  );
}

export function Start({ cycle }: { cycle: Cycle }) {
  const mayRun = useMay("POST /cycles/{cycle_id}/executions");
  const starting = useStarting(cycle);
  const [programs, setPrograms] = useState(false);
  if (!mayRun) return null;
  const first = !Object.keys(cycle.standing.watermarks).length;
  return (
    <ButtonGroup>
      <DialogTrigger>
        <Button variant="secondary">Plan</Button>
        <AlertDialog
          title="Plan a run"
          variant="confirmation"
          primaryActionLabel="Plan it"
          cancelLabel="Cancel"
          onPrimaryAction={() => starting.mutate({ order: "plan", programs })}
        >
          It reads and decides as a run does, shows what would become of each record, and writes nothing. No run begins
          meanwhile.
          <Programs of={cycle} wanted={programs} onWant={setPrograms} />
        </AlertDialog>
      </DialogTrigger>
      {cycle.state === "active" && (
        <DialogTrigger>
          <Button variant="secondary">Run now</Button>
          <AlertDialog
            title={first ? "The first run" : "Run it now"}
            variant="confirmation"
            primaryActionLabel={first ? "Read everything" : "Run it"}
            {...(first && {
              secondaryActionLabel: "Begin from now",
              onSecondaryAction: () => starting.mutate({ order: "from now" }),
            })}
            cancelLabel="Cancel"
            onPrimaryAction={() => starting.mutate({ order: "run", programs })}
          >
            {first
              ? "It can read all records of both systems, which may take days: the tab First run tells the price. Or nothing is read, and only what changes from now on is carried over."
              : "It does not wait for the next time. While a run is at work no other one begins."}
            <Programs of={cycle} wanted={programs} onWant={setPrograms} />
          </AlertDialog>
        </DialogTrigger>
      )}
    </ButtonGroup>
  );
}

/** Leaves out whatever is not carried over yet: all watermarks move to now. */
export function SkipToNow({ cycle }: { cycle: Cycle }) {
  const mayRun = useMay("POST /cycles/{cycle_id}/executions");
  const starting = useStarting(cycle);
  if (!mayRun || cycle.state !== "active" || !Object.keys(cycle.standing.watermarks).length) return null;
  return (
    <DialogTrigger>
      <Button variant="secondary" styles={style({ width: "fit" })} isPending={starting.isPending}>
        Skip to now
      </Button>
      <AlertDialog
        title="Skip what is not carried over yet"
        variant="warning"
        primaryActionLabel="Skip it"
        cancelLabel="Cancel"
        onPrimaryAction={() => starting.mutate({ order: "from now" })}
      >
        Every queue goes on from now. What was edited before and is not carried over by then stays as it is on both
        sides, until somebody edits it again. It takes a few calls and reads no record.
      </AlertDialog>
    </DialogTrigger>
  );
}
