/** What one system lacks of an object that the other one has: the plan, the package to deploy, and what Marketo makes. */
import { AlertDialog, Button, ButtonGroup, Content, DialogTrigger, Heading, InlineAlert } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { content, type Schemas } from "../../api/client";
import { useApp, useMay } from "../app";
import { useEditing } from "../editing";
import { toldOf } from "../findings";
import { sayDone, sayRefused } from "../notices";
import { CODE, PLAIN } from "../page";
import { type Json, type Members, step } from "../pointer";
import { useEnds } from "./ends";
import { BLOCK } from "./kind";

type Provisioning = Schemas["Provisioning"];

/** `here` is the object in the document: the side that edits it is the one that has it. */
export function Provision({ at: here, of }: { at: string; of: Members }) {
  const { api } = useApp();
  const { marketo, salesforce } = useEnds();
  const lacking = of.direction === "to_salesforce" ? ("salesforce" as const) : ("marketo" as const);
  const [object, name] = lacking === "marketo" ? [of.salesforce, of.marketo] : [of.marketo, of.salesforce];
  const asked = { marketo, salesforce, object: String(object ?? ""), name: String(name ?? "") };
  const asking = useMutation({
    mutationFn: () => content(api.POST("/cycles/provisioning", { body: { ...asked, lacking } })),
  });
  const where = lacking === "marketo" ? "Marketo" : "Salesforce";
  return (
    <div className={BLOCK}>
      <Button
        variant="secondary"
        styles={style({ width: "fit" })}
        isDisabled={!asked.object || !marketo || !salesforce || asking.isPending}
        onPress={() => asking.mutate()}
      >
        {`What ${where} lacks of it`}
      </Button>
      {asking.error && (
        <InlineAlert variant="negative">
          <Heading>Nobody could be asked</Heading>
          <Content>{toldOf(asking.error)}</Content>
        </InlineAlert>
      )}
      {asking.data && (
        <Told at={here} of={of} found={asking.data} where={where} asked={asked} again={() => asking.mutate()} />
      )}
    </div>
  );
}

function Told({
  at: here,
  of,
  found,
  where,
  asked,
  again,
}: {
  at: string;
  of: Members;
  found: Provisioning;
  where: "Marketo" | "Salesforce";
  asked: Schemas["MakeObject"];
  again: () => void;
}) {
  const { setAll } = useEditing();
  const document = found.document as Members;
  const take = () => {
    const empty = !((of.fields ?? []) as readonly Json[]).length;
    const members = ["marketo", "salesforce", "key", ...(empty ? ["fields"] : [])];
    setAll(
      members.flatMap((each) => (document[each] === undefined ? [] : [[step(here, each), document[each]] as const])),
    );
  };
  return (
    <section aria-label={`What ${where} lacks`} className={BLOCK}>
      {found.lacks ? (
        <ul className={style({ margin: 0, paddingStart: 20 })}>
          {found.lines.map((each) => (
            <li key={each} className={CODE}>
              {each.trim()}
            </li>
          ))}
        </ul>
      ) : (
        <p className={PLAIN}>{`${where} lacks nothing of ${found.api_name}.`}</p>
      )}
      {found.wrong.length > 0 && (
        <InlineAlert variant="notice">
          <Heading>{`${where} does not make it by itself`}</Heading>
          <Content>{found.wrong.join(" ")}</Content>
        </InlineAlert>
      )}
      {found.package && (
        <p className={PLAIN}>
          An administrator unpacks the package and deploys it: sf project deploy start --manifest manifest/package.xml
          --target-org ORG. Then our user needs access to it.
        </p>
      )}
      <ButtonGroup>
        {found.package && (
          <Button variant="secondary" onPress={() => download(found)}>
            Download the package
          </Button>
        )}
        {found.makes && <Make asked={asked} found={found} onMade={again} />}
        <Button variant="secondary" onPress={take}>
          Take over its names and fields
        </Button>
      </ButtonGroup>
    </section>
  );
}

function Make({ asked, found, onMade }: { asked: Schemas["MakeObject"]; found: Provisioning; onMade: () => void }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const may = useMay("POST /cycles/provisioning/make");
  const making = useMutation({
    mutationFn: () => content(api.POST("/cycles/provisioning/make", { body: asked })),
    onError: sayRefused,
    onSuccess: async ({ api_name }) => {
      sayDone(`Marketo has ${api_name} now.`);
      await queries.invalidateQueries({ queryKey: ["objects"] });
      onMade();
    },
  });
  if (!may) return null;
  return (
    <DialogTrigger>
      <Button variant="secondary" isPending={making.isPending}>
        Make it in Marketo
      </Button>
      <AlertDialog
        title={`Make ${found.api_name} in Marketo`}
        variant="confirmation"
        primaryActionLabel="Make it"
        cancelLabel="Cancel"
        onPrimaryAction={() => making.mutate()}
      >
        Marketo makes and approves what the plan says, in three calls. From then on its key and its links cannot be
        changed, and it counts among the ten custom objects that Marketo takes.
      </AlertDialog>
    </DialogTrigger>
  );
}

function download({ api_name, package: archive }: Provisioning): void {
  const bytes = Uint8Array.from(atob(archive ?? ""), (each) => each.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], { type: "application/zip" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${api_name}.zip`;
  link.click();
  URL.revokeObjectURL(url);
}
