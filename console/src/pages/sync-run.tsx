/** One run of a Sync: how it stands, what became of its rows, and what somebody may want of it. */
import {
  AlertDialog,
  Button,
  ButtonGroup,
  Content,
  DialogTrigger,
  Heading,
  InlineAlert,
  Link,
} from "@react-spectrum/s2";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { lazy, Suspense } from "react";
import { useNavigate, useParams } from "react-router";
import { content, type Schemas } from "../api/client";
import { useApp, useMay } from "../parts/app";
import { sayDone, sayRefused } from "../parts/notices";
import { COLUMN, Facts, Section, Title } from "../parts/page";
import { RunBadge } from "../parts/run-badge";
import { Loading, Shown } from "../parts/states";
import { POLL } from "../parts/sync-runs";
import { asks, COUNTS, countOf, guardSaid, KINDS, stepOf } from "../parts/sync-words";
import { lasting } from "../parts/words";

const RunRows = lazy(() => import("../parts/run-rows"));
const PlannedRows = lazy(() => import("../parts/planned-rows"));

type Run = Schemas["SyncRun"];
type Wish = Schemas["AskRun"]["what"];

const WISHES: Readonly<Record<Wish, { label: string; means: string }>> = {
  pause: { label: "Pause", means: "It stops between two calls, within a minute. What is written stays written." },
  resume: { label: "Resume", means: "It goes on where it stopped, within a minute." },
  cancel: {
    label: "Cancel the run",
    means:
      "It ends between two calls, within a minute. What is written stays written; the next run reads it all again.",
  },
  confirm: { label: "Confirm", means: "What its guard has counted is done, and it does not ask again." },
};

export default function SyncRun() {
  const { id = "", slot = "" } = useParams();
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["sync run", id, slot],
    queryFn: () => content(api.GET("/syncs/{sync_id}/executions/{slot}", { params: { path: { sync_id: id, slot } } })),
    refetchInterval: ({ state }) => (state.data && !state.data.ended_at ? POLL : false),
  });
  return (
    <div className={COLUMN}>
      <Link href={`/syncs/${id}#tab=runs`} isStandalone>
        The Sync and its runs
      </Link>
      <Shown query={query} what="the run">
        {(run) => <Told run={run} />}
      </Shown>
    </div>
  );
}

function Told({ run }: { run: Run }) {
  const { moment } = useApp();
  const mayList = useMay("GET /syncs/{sync_id}/executions/{slot}/rows");
  const mayReadPlans = useMay("GET /syncs/{sync_id}/plans/{slot}");
  const planned = run.kind === "plan" && run.status === "done";
  return (
    <>
      <Title beside={<Orders run={run} />}>{`${KINDS[run.kind] ?? run.kind} of ${run.sync}`}</Title>
      <Section title="How it stands">
        {asks(run) && <Confirmation run={run} />}
        <Facts
          facts={[
            ["State", <RunBadge key="state" status={run.status} />],
            ...line("Does now", stepOf(run)),
            // what its guard asks is said above
            ...line("Message", !asks(run) && run.message),
            ["Started", moment(run.started_at)],
            ...line("Ended", run.ended_at && moment(run.ended_at)),
            ...line("Waits until", run.waits_until && moment(run.waits_until)),
            ...line("Takes still", run.seconds_left !== null && `about ${lasting(run.seconds_left)}`),
            ["Version of the Sync", String(run.version)],
            ...before("Makes true the plan", run.sync, run.plan),
            ...before("Tries again what failed in", run.sync, run.retry_of),
            ["Pulled", String(run.pulled)],
            ...COUNTS.filter(({ name }) => run[name] || FIRST.has(name)).map(
              ({ name, label }) => [countOf(label, run), String(run[name])] as const,
            ),
            ...line("Rows a second", run.rows_per_second !== null && String(run.rows_per_second)),
            ["Vendor calls", String(run.calls)],
            ...line("Extracts", run.megabytes > 0 && `${run.megabytes} MB`),
          ]}
        />
      </Section>
      {planned && mayReadPlans && (
        <Section title="What it would write">
          <Suspense fallback={<Loading what="the plan" />}>
            <PlannedRows run={run} />
          </Suspense>
        </Section>
      )}
      {run.kind !== "plan" && mayList && (
        <Section title="Rows that were not written">
          <Suspense fallback={<Loading what="rows" />}>
            <RunRows run={run} />
          </Suspense>
        </Section>
      )}
    </>
  );
}

/** counts that are told even where they are 0 */
const FIRST: ReadonlySet<string> = new Set(["created", "updated", "unchanged", "skipped", "failed"]);

/** A fact, if there is one. */
function line(name: string, value: string | false | null): (readonly [string, string])[] {
  return value ? [[name, value]] : [];
}

function before(name: string, sync: string, slot: string | null) {
  if (!slot) return [];
  return [
    [
      name,
      <Link key={slot} href={`/syncs/${sync}/runs/${slot}`}>
        {slot}
      </Link>,
    ] as const,
  ];
}

function useWish({ sync, slot }: Run) {
  const { api } = useApp();
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (what: Wish) =>
      content(
        api.POST("/syncs/{sync_id}/executions/{slot}/ask", {
          params: { path: { sync_id: sync, slot } },
          body: { what },
        }),
      ),
    onError: sayRefused,
    onSuccess: async () => {
      sayDone("It is heard within a minute.");
      await queries.invalidateQueries({ queryKey: ["sync run", sync, slot] });
    },
  });
}

/** A button that asks once more before it does something. */
function Sure({
  label,
  means,
  variant = "secondary",
  busy,
  onSure,
}: {
  label: string;
  means: string;
  variant?: "accent" | "secondary";
  busy: boolean;
  onSure: () => void;
}) {
  return (
    <DialogTrigger>
      <Button variant={variant} isDisabled={busy}>
        {label}
      </Button>
      <AlertDialog
        title={`${label}?`}
        variant="confirmation"
        primaryActionLabel={label}
        cancelLabel="Leave it"
        onPrimaryAction={onSure}
      >
        {means}
      </AlertDialog>
    </DialogTrigger>
  );
}

/** Its guard has counted more than the Sync allows; somebody decides. */
function Confirmation({ run }: { run: Run }) {
  const mayAsk = useMay("POST /syncs/{sync_id}/executions/{slot}/ask");
  const wish = useWish(run);
  return (
    <InlineAlert variant="notice">
      <Heading level={2}>It asks before it writes</Heading>
      <Content>
        {guardSaid(run)}
        {mayAsk && (
          <ButtonGroup>
            {(["confirm", "cancel"] as const).map((what) => (
              <Sure key={what} {...WISHES[what]} busy={wish.isPending} onSure={() => wish.mutate(what)} />
            ))}
          </ButtonGroup>
        )}
      </Content>
    </InlineAlert>
  );
}

function Orders({ run }: { run: Run }) {
  const mayAsk = useMay("POST /syncs/{sync_id}/executions/{slot}/ask");
  const mayRetry = useMay("POST /syncs/{sync_id}/executions/{slot}/retry");
  const mayApply = useMay("POST /syncs/{sync_id}/plans/{slot}/apply");
  const wish = useWish(run);
  const { api } = useApp();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const params = { path: { sync_id: run.sync, slot: run.slot } };
  const starting = useMutation({
    mutationFn: (what: "retry" | "apply") =>
      content(
        what === "retry"
          ? api.POST("/syncs/{sync_id}/executions/{slot}/retry", { params })
          : api.POST("/syncs/{sync_id}/plans/{slot}/apply", { params }),
      ),
    onError: sayRefused,
    onSuccess: async ({ slot }) => {
      await navigate(`/syncs/${run.sync}/runs/${slot}`);
      await queries.invalidateQueries({ queryKey: ["sync runs", run.sync] });
    },
  });
  // what its guard asks stands in the message about it
  const wishes: readonly Wish[] = asks(run) ? [] : [run.status === "waiting: paused" ? "resume" : "pause", "cancel"];
  return (
    <ButtonGroup>
      {!run.ended_at &&
        mayAsk &&
        wishes.map((what) => (
          <Sure key={what} {...WISHES[what]} busy={wish.isPending} onSure={() => wish.mutate(what)} />
        ))}
      {run.ended_at && run.kind !== "plan" && run.failed > 0 && mayRetry && (
        <Sure
          label="Try failed rows again"
          means={`${run.failed} of its rows failed. Those alone are read again from the source, and written.`}
          busy={starting.isPending}
          onSure={() => starting.mutate("retry")}
        />
      )}
      {run.kind === "plan" && run.status === "done" && mayApply && (
        <Sure
          label="Apply the plan"
          variant="accent"
          means="Exactly the fields listed are written. A record that has changed since is left as it is, and its row fails and says so."
          busy={starting.isPending}
          onSure={() => starting.mutate("apply")}
        />
      )}
    </ButtonGroup>
  );
}
