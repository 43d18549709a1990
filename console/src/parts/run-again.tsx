/** Runs calls again, after saying how many and what it costs: one, or all that a search finds, page by page. */
import { AlertDialog, Button, DialogContainer } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { content, type Schemas } from "../api/client";
import { useApp } from "./app";
import { sayDone, sayIdle, sayRefused } from "./notices";
import { counted } from "./words";

/** the executions that are named, or what finds them */
type Which = Omit<Schemas["RedriveRequest"], "configuration" | "dry_run" | "token">;

interface Sum {
  count: number;
  marketo: number;
  salesforce: number;
  /** what is said of the first one */
  note: string;
}

export function RunAgain({ of }: { of: Which }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const [price, setPrice] = useState<Sum | null>(null);
  const single = of.execution_ids?.length === 1;
  const redrive = async (dry_run: boolean) => {
    const sum: Sum = { count: 0, marketo: 0, salesforce: 0, note: "" };
    let token: string | null = null;
    do {
      const page: Schemas["RedriveAnswer"] = await content(
        api.POST("/executions/redrive", {
          body: { ...of, dry_run, configuration: "current", ...(token && { token }) },
        }),
      );
      sum.count += page.count;
      sum.marketo += page.cost.marketo;
      sum.salesforce += page.cost.salesforce;
      sum.note ||= page.results[0]?.note ?? "";
      token = page.next_token;
    } while (token);
    return sum;
  };
  const asking = useMutation({ mutationFn: () => redrive(true), onSuccess: setPrice, onError: sayRefused });
  const running = useMutation({
    mutationFn: () => redrive(false),
    onError: sayRefused,
    onSuccess: async ({ count, note }) => {
      const said = single ? note || "It runs again." : `${counted(count, "call")} run again.`;
      (count ? sayDone : sayIdle)(said);
      await queries.invalidateQueries();
    },
  });
  return (
    <>
      <Button
        variant="secondary"
        isPending={asking.isPending || running.isPending}
        styles={style({ width: "fit" })}
        onPress={() => asking.mutate()}
      >
        {single ? "Run again" : "Run all that fit again"}
      </Button>
      <DialogContainer onDismiss={() => setPrice(null)}>
        {price && (
          <AlertDialog
            title={single ? "Run this call again?" : "Run these calls again?"}
            variant="confirmation"
            primaryActionLabel={single ? "Run it" : "Run them"}
            cancelLabel="Cancel"
            isPrimaryActionDisabled={!price.count}
            onPrimaryAction={() => running.mutate()}
          >
            {said(price, single)}
          </AlertDialog>
        )}
      </DialogContainer>
    </>
  );
}

function said({ count, marketo, salesforce, note }: Sum, single: boolean): string {
  if (!count) return single ? note || "It cannot be run again." : "None of what is asked for can be run again.";
  const runs = single
    ? "It runs with the Action as it is now, and takes"
    : `${counted(count, "call")} of all that fit, on every page, can be run again, with their Actions as they are now. That takes`;
  return `${runs} at least ${counted(marketo, "call")} of Marketo and ${counted(salesforce, "call")} of Salesforce.`;
}
