/** One connection: how it stands, what a look through it finds, its credentials and its document. */
import { AlertDialog, Button, ButtonGroup, DialogTrigger, Link, ProgressCircle } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate, useParams } from "react-router";
import { content, type Schemas } from "../api/client";
import { useApp, useMay } from "../parts/app";
import { ConnectionForm } from "../parts/connection-form";
import { Credentials } from "../parts/credentials";
import { findingsOf, Looked } from "../parts/findings";
import { sayRefused } from "../parts/notices";
import { COLUMN, Facts, PLAIN, ROW, Section, Title } from "../parts/page";
import { SetupSheet } from "../parts/setup-sheet";
import { Shown } from "../parts/states";
import { ConnectionBadge, VENDORS } from "./connections";

export default function Connection() {
  const { id = "" } = useParams();
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["connection", id],
    queryFn: () => content(api.GET("/connections/{connection_id}", { params: { path: { connection_id: id } } })),
  });
  return (
    <div className={COLUMN}>
      <Link href="/connections" isStandalone>
        All connections
      </Link>
      <Shown query={query} what="the connection">
        {(found) => <Told found={found} />}
      </Shown>
    </div>
  );
}

function Told({ found }: { found: Schemas["ConnectionDetail"] }) {
  const { moment } = useApp();
  const mayTest = useMay("POST /connections/{connection_id}/test");
  const mayChange = useMay("PUT /connections/{connection_id}");
  const users = [
    ...found.actions.map((each) => ({ href: `/actions/${each}`, name: `Action ${each}` })),
    ...found.syncs.map((each) => ({ href: `/syncs/${each}`, name: `Sync ${each}` })),
    ...found.cycles.map((each) => ({ href: `/cycles/${each}`, name: `CRM cycle ${each}` })),
  ];
  return (
    <>
      <Title beside={<Switched found={found} />}>{found.name}</Title>
      <Section title="How it stands">
        <Facts
          facts={[
            ["State", <ConnectionBadge key="state" of={found} />],
            ["Vendor", VENDORS[found.kind] ?? found.kind],
            ["Address", found.url],
            ["Credentials", found.secret],
            ["Ours of its limits", found.limits.join(", ")],
            [
              "Used by",
              users.length
                ? users.map(({ href, name }, at) => (
                    <span key={name}>
                      {at > 0 && ", "}
                      <Link href={href}>{name}</Link>
                    </span>
                  ))
                : "nothing yet",
            ],
            [
              "Stored",
              [`version ${found.version}`, found.author, found.at && moment(found.at)].filter(Boolean).join(", "),
            ],
          ]}
        />
      </Section>
      {mayTest && <Tested id={found.id} version={found.version} />}
      {mayChange && (
        <>
          <Section title="What to create at the vendor">
            <SetupSheet id={found.id} />
          </Section>
          {found.credentials.length > 0 && (
            <Section title="Credentials">
              <Credentials id={found.id} members={found.credentials} there={found.secret === "stored"} />
            </Section>
          )}
          <Section title="Change it">
            <ConnectionForm document={found.document} version={found.version} />
          </Section>
        </>
      )}
    </>
  );
}

/** Disable, enable, remove. */
function Switched({ found }: { found: Schemas["ConnectionDetail"] }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const mayMove = useMay("POST /documents/{kind}/{document_id}/state");
  const mayRemove = useMay("DELETE /connections/{connection_id}");
  const moving = useMutation({
    mutationFn: (move: "activate" | "deactivate") =>
      content(
        api.POST("/documents/{kind}/{document_id}/state", {
          params: { path: { kind: `${found.kind}_connection`, document_id: found.id } },
          body: { move },
        }),
      ),
    onError: sayRefused,
    onSuccess: () => queries.invalidateQueries(),
  });
  const removing = useMutation({
    mutationFn: () =>
      content(api.DELETE("/connections/{connection_id}", { params: { path: { connection_id: found.id } } })),
    onError: sayRefused,
    onSuccess: async () => {
      await navigate("/connections");
      // this page may still be there for a moment, and what it shows is not
      await queries.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] !== found.id });
    },
  });
  const used = found.actions.length + found.syncs.length + found.cycles.length > 0;
  return (
    <ButtonGroup>
      {mayMove && !found.enabled && (
        <Button variant="accent" isDisabled={moving.isPending} onPress={() => moving.mutate("activate")}>
          Enable
        </Button>
      )}
      {mayMove && found.enabled && (
        <DialogTrigger>
          <Button variant="secondary" isDisabled={moving.isPending}>
            Disable
          </Button>
          <AlertDialog
            title={`Disable ${found.name}?`}
            variant="warning"
            primaryActionLabel="Disable"
            cancelLabel="Cancel"
            onPrimaryAction={() => moving.mutate("deactivate")}
          >
            Nothing goes through it any more. What arrives is kept, and goes on, oldest first, once it is enabled.
          </AlertDialog>
        </DialogTrigger>
      )}
      {mayRemove && !used && (
        <DialogTrigger>
          <Button variant="negative" fillStyle="outline" isDisabled={removing.isPending}>
            Remove
          </Button>
          <AlertDialog
            title={`Remove ${found.name}?`}
            variant="destructive"
            primaryActionLabel="Remove"
            cancelLabel="Cancel"
            onPrimaryAction={() => removing.mutate()}
          >
            It goes with its credentials. Its history stays.
          </AlertDialog>
        </DialogTrigger>
      )}
    </ButtonGroup>
  );
}

/** A look through it: about twenty calls, so it is asked for. */
function Tested({ id, version }: { id: string; version: number }) {
  const { api } = useApp();
  const testing = useMutation({
    mutationKey: ["test", id, version],
    mutationFn: () =>
      content(api.POST("/connections/{connection_id}/test", { params: { path: { connection_id: id } } })),
  });
  const found =
    testing.data?.findings ?? findingsOf(testing.error).map((each) => ({ level: "error" as const, ...each }));
  return (
    <Section title="Test">
      <p className={PLAIN}>A look through the connection, with calls that write nothing.</p>
      <div className={ROW}>
        <Button variant="accent" isDisabled={testing.isPending} onPress={() => testing.mutate()}>
          Test
        </Button>
        {testing.isPending && <ProgressCircle isIndeterminate size="S" aria-label="Testing" />}
        {!testing.isPending && testing.data?.well && <span>Nothing stands against it.</span>}
      </div>
      <div aria-live="polite" className={style({ minHeight: 4 })}>
        {!testing.isPending && <Looked findings={found} />}
      </div>
    </Section>
  );
}
