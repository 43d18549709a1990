/** Page 3: objects that are written after the person's own record. */
import { ActionButton, Button } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { AFTER, DUPLICATE_RULES, LINK_TYPES, ON_FAILURE } from "../../api/action.generated";
import { Others, useEditing } from "../editing";
import { Choose, Find, Words } from "../fields";
import { AFTERWARDS, MappingList } from "../mapping-editor";
import { asChoices, useFields, useObjects } from "../offered";
import { PANEL, PLAIN } from "../page";
import { at, type Members, step } from "../pointer";
import { words } from "../saved";
import { useEnds } from "./ends";

const AFTER_WORDS = { created: "A record was created", updated: "A record was updated", both: "Either" } as const;
const FAILURE_WORDS = { continue: "Goes on with the next", stop: "Stops" } as const;
const DUPLICATE_WORDS = {
  block: "It fails with them",
  allow: "It is written where the rule only warns",
  use_match: "The one that was found is updated",
} as const;
/** what becomes of a record for which a duplicate rule of the org finds others */
export const DUPLICATES = DUPLICATE_RULES.map((id) => ({ id, name: DUPLICATE_WORDS[id] }));
const WITHOUT_EXECUTION = AFTERWARDS.filter((each) => each !== "execution");

export default function Chained() {
  const { document, set } = useEditing();
  const list = (at(document, "/chained") ?? []) as readonly Members[];
  return (
    <>
      {!list.length && <p className={PLAIN}>Nothing is written beside the person's own record.</p>}
      <Others within={["/chained"]} except={list.map((_, place) => `/chained/${place}`)} />
      {list.map((each, place) => (
        // a link is its place: the server names it by that
        <Linked
          key={step("/chained", place)}
          at={`/chained/${place}`}
          of={each}
          place={place}
          onRemove={() => set(list.length > 1 ? `/chained/${place}` : "/chained", undefined)}
        />
      ))}
      <Button
        variant="secondary"
        styles={style({ width: "fit" })}
        onPress={() => set("/chained", [...list, { type: "create", mappings: [] }])}
      >
        Add an object
      </Button>
    </>
  );
}

const OWN = [
  "name",
  "object",
  "type",
  "after",
  "on_failure",
  "duplicate_rules",
  "idempotency_field",
  "mappings",
  "match",
];

function Linked({ at: here, of, place, onRemove }: { at: string; of: Members; place: number; onRemove: () => void }) {
  const { destination, columns, fields: main } = useEnds();
  const objects = useObjects(destination);
  const fields = useFields(destination, String(of.object ?? ""));
  const { document } = useEditing();
  const before = ((at(document, "/chained") ?? []) as readonly Members[]).slice(0, place);
  const keys = fields.found.filter(({ unique, external_id }) => unique && external_id);
  const offer = {
    targets: asChoices(fields.found),
    columns: asChoices(columns.found),
    records: asChoices(main.found),
    links: before.flatMap(({ name }) => (typeof name === "string" ? [name] : [])),
    sources: WITHOUT_EXECUTION,
  };
  return (
    <section aria-label={`Object ${place + 1}`} className={PANEL}>
      <div className={style({ display: "flex", gap: 8, alignItems: "center" })}>
        <h3
          className={style({ font: "title", margin: 0, flexGrow: 1 })}
        >{`${place + 1}. ${of.name ?? "a new one"}`}</h3>
        <ActionButton isQuiet aria-label={`Remove object ${place + 1}`} onPress={onRemove}>
          ✕
        </ActionButton>
      </div>
      <Others within={[here]} except={OWN.map((name) => step(here, name))} />
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 16, alignItems: "start" })}>
        <Words at={step(here, "name")} label="Called" description="Lower-case, for example task" narrow />
        <Find
          at={step(here, "object")}
          label="Salesforce object"
          choices={objects.found}
          loading={objects.loading}
          narrow
        />
        <Choose
          at={step(here, "type")}
          label="What is done"
          narrow
          clears={(chosen) => [step(here, chosen === "create" ? "match" : "idempotency_field")]}
          choices={LINK_TYPES.map((id) => ({ id, name: words(id) }))}
        />
        <Choose
          at={step(here, "after")}
          label="After"
          narrow
          instead="both"
          choices={AFTER.map((id) => ({ id, name: AFTER_WORDS[id] }))}
        />
        <Choose
          at={step(here, "on_failure")}
          label="If it fails"
          narrow
          instead="continue"
          choices={ON_FAILURE.map((id) => ({ id, name: FAILURE_WORDS[id] }))}
        />
        <Choose
          at={step(here, "duplicate_rules")}
          label="Where a duplicate rule finds records"
          narrow
          none="as usual: it fails with them"
          choices={DUPLICATES}
        />
        {of.type === "create" && (
          <Find
            at={step(here, "idempotency_field")}
            label="Field for our execution id"
            description="A unique External Id field (optional)"
            choices={asChoices(keys)}
            loading={fields.loading}
            narrow
          />
        )}
      </div>
      <MappingList at={step(here, "mappings")} label={`Fields of object ${place + 1}`} add="Map a field" {...offer} />
      {of.type !== "create" && (
        <MappingList at={step(here, "match")} label={`Object ${place + 1} is found by`} add="Add a field" {...offer} />
      )}
    </section>
  );
}
