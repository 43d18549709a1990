/** What may be asked of a run that is at work: pause, resume, end; and yes to what its guard holds. */
import { AlertDialog, Button, ButtonGroup, Content, DialogTrigger, Heading, InlineAlert } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { content, type Schemas } from "../../api/client";
import { useApp, useMay } from "../app";
import { sentence } from "../findings";
import { sayDone, sayRefused } from "../notices";

type Run = Schemas["CycleRun"];
type What = Schemas["AskCycleRun"]["what"];

const WORDS: Readonly<Record<What, { label: string; means: string; done: string }>> = {
  pause: {
    label: "Pause",
    means: "What is on its way ends; then the run waits until it is resumed. No other run begins meanwhile.",
    done: "It pauses within a minute.",
  },
  resume: {
    label: "Resume",
    means: "The run goes on where it was.",
    done: "It goes on within a minute.",
  },
  cancel: {
    label: "End it",
    means: "What is written stays. The next run reads the same again and decides anew.",
    done: "It ends within a minute.",
  },
  confirm: {
    label: "Confirm",
    means: "You say yes to what the guard has counted, and the run does it.",
    done: "Confirmed; it goes on within a minute.",
  },
};

/** What is offered, by how a run stands. */
function offered(run: Run): What[] {
  if (run.ended_at) return [];
  if (isHeld(run)) return ["confirm", "cancel"];
  return [run.status === "waiting: paused" ? "resume" : "pause", "cancel"];
}

/** Whether its guard, or that of a part of it, waits for somebody. */
export function isHeld(run: Run & Partial<Schemas["CycleRunParts"]>): boolean {
  const parts = [...(run.legs ?? []), ...(run.queues ?? [])];
  return run.status === "waiting: guard" || parts.some((each) => each.status === "waiting: guard");
}

export function Orders({ run }: { run: Run }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const may = useMay("POST /cycles/{cycle_id}/executions/{slot}/ask");
  const asking = useMutation({
    mutationFn: (what: What) =>
      content(
        api.POST("/cycles/{cycle_id}/executions/{slot}/ask", {
          params: { path: { cycle_id: run.cycle, slot: run.slot } },
          body: what === "confirm" ? { what, seen: seen(run) } : { what },
        }),
      ),
    onError: sayRefused,
    onSuccess: async (_, what) => {
      sayDone(WORDS[what].done);
      await queries.invalidateQueries({ queryKey: ["cycle", run.cycle] });
    },
  });
  if (!may) return null;
  return (
    <ButtonGroup>
      {offered(run).map((what) => (
        <DialogTrigger key={what}>
          <Button variant={what === "confirm" ? "accent" : "secondary"}>{WORDS[what].label}</Button>
          <AlertDialog
            title={`${WORDS[what].label}: run ${run.slot}`}
            variant={what === "cancel" || what === "confirm" ? "warning" : "confirmation"}
            primaryActionLabel={WORDS[what].label}
            cancelLabel="Back"
            onPrimaryAction={() => asking.mutate(what)}
          >
            {what === "confirm" ? `${WORDS[what].means} ${held(run).join(" ")}` : WORDS[what].means}
          </AlertDialog>
        </DialogTrigger>
      ))}
    </ButtonGroup>
  );
}

/** The guards that are shown: to others nobody says yes here. */
function seen(run: Run & Partial<Schemas["CycleRunParts"]>): string[] {
  if (run.guarded) return [run.guarded];
  const parts = [...(run.legs ?? []), ...(run.queues ?? [])];
  return parts.filter((each) => each.status === "waiting: guard").map((each) => each.name);
}

/** What guards have counted. */
function held(run: Run & Partial<Schemas["CycleRunParts"]>): string[] {
  const parts = (run.legs ?? []).filter((each) => each.status === "waiting: guard");
  return [run.message, ...parts.map((each) => `${each.name}: ${each.message}`)]
    .filter(Boolean)
    .map((what) => sentence({ what, remedy: "" }));
}

/** Tells what a guard holds, where one does. */
export function Guard({ run }: { run: Run }) {
  if (!isHeld(run)) return null;
  return (
    <InlineAlert variant="notice">
      <Heading level={3}>The guard waits for a confirmation</Heading>
      <Content>
        {held(run).join(" ")} Nothing else of the cycle goes on meanwhile.
        <div className={style({ marginTop: 12 })}>
          <Orders run={run} />
        </div>
      </Content>
    </InlineAlert>
  );
}
