/** Runs a cycle now, or plans what a run would do. The first run can read everything, or nothing. */
import { AlertDialog, Button, ButtonGroup, DialogTrigger, ToastQueue } from "@react-spectrum/s2";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "react-router";
import { content, type Schemas } from "../../api/client";
import { useApp, useMay } from "../app";
import { findingsOf, sentence } from "../findings";

type Order = "plan" | "run" | "from now";

export function Start({ cycle }: { cycle: Schemas["CycleSummary"] }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const mayRun = useMay("POST /cycles/{cycle_id}/executions");
  const params = { path: { cycle_id: cycle.id } };
  const starting = useMutation({
    mutationFn: (order: Order) =>
      order === "plan"
        ? content(api.POST("/cycles/{cycle_id}/plans", { params }))
        : content(
            api.POST("/cycles/{cycle_id}/executions", {
              params,
              body: { from_now: order === "from now", programs: false },
            }),
          ),
    onError: (error) => void ToastQueue.negative(findingsOf(error).map(sentence).join(" ")),
    onSuccess: async ({ slot }) => {
      await queries.invalidateQueries({ queryKey: ["cycle", cycle.id] });
      navigate(`/cycles/${cycle.id}/runs/${slot}`);
    },
  });
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
          onPrimaryAction={() => starting.mutate("plan")}
        >
          It reads and decides as a run does, shows what would become of each record, and writes nothing. No run begins
          meanwhile.
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
              onSecondaryAction: () => starting.mutate("from now"),
            })}
            cancelLabel="Cancel"
            onPrimaryAction={() => starting.mutate("run")}
          >
            {first
              ? "It can read all records of both systems, which may take days: the tab First run tells the price. Or nothing is read, and only what changes from now on is carried over."
              : "It does not wait for the next time. While a run is at work no other one begins."}
          </AlertDialog>
        </DialogTrigger>
      )}
    </ButtonGroup>
  );
}
