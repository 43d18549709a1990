/** Runs a call again, after saying what it costs. */
import { AlertDialog, Button, DialogContainer, ToastQueue } from "@react-spectrum/s2";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { content, type Schemas } from "../api/client";
import { useApp } from "./app";

export function RunAgain({ id }: { id: string }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const [price, setPrice] = useState<Schemas["RedriveAnswer"] | null>(null);
  const redrive = (dryRun: boolean) =>
    content(
      api.POST("/executions/redrive", {
        body: { execution_ids: [id], dry_run: dryRun, configuration: "current" },
      }),
    );
  const failed = (error: Error) => void ToastQueue.negative(error.message);
  const asking = useMutation({ mutationFn: () => redrive(true), onSuccess: setPrice, onError: failed });
  const running = useMutation({
    mutationFn: () => redrive(false),
    onError: failed,
    onSuccess: async (done) => {
      const note = done.results[0]?.note;
      ToastQueue[done.count ? "positive" : "info"](note || "It runs again.", { timeout: 8000 });
      await queries.invalidateQueries();
    },
  });
  return (
    <>
      <Button variant="secondary" isPending={asking.isPending || running.isPending} onPress={() => asking.mutate()}>
        Run again
      </Button>
      <DialogContainer onDismiss={() => setPrice(null)}>
        {price && (
          <AlertDialog
            title="Run this call again?"
            variant="confirmation"
            primaryActionLabel="Run it"
            cancelLabel="Cancel"
            isPrimaryActionDisabled={!price.count}
            onPrimaryAction={() => running.mutate()}
          >
            {price.count
              ? `It runs with the Action as it is now, and takes at least ${price.cost.marketo} calls of Marketo and ${price.cost.salesforce} of Salesforce.`
              : (price.results[0]?.note ?? "It cannot be run again.")}
          </AlertDialog>
        )}
      </DialogContainer>
    </>
  );
}
