/** Page 2: which record a row means, what is written of it, and what is written back. */
import { ActionButton, Button } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { DEDUPES, IMPORTS } from "../../api/sync.generated";
import { Others, useEditing } from "../editing";
import { type Choice, Choose, Find, LINE } from "../fields";
import { MappingList, OF_CALLS } from "../mapping-editor";
import { asChoices } from "../offered";
import { PLAIN } from "../page";
import { at, type Members, step } from "../pointer";
import { ChosenOfSeveral } from "../set-up/several";
import { PAGES } from "../sync-pages";
import { DEDUPE_WORDS, IMPORT_WORDS } from "../sync-words";
import { useEnds } from "./ends";

const HERE = Object.entries(PAGES)
  .filter(([, page]) => page === 2)
  .map(([name]) => `/${name}`);
const OWN = ["/match", "/import", "/dedupe", "/duplicate_record_rule", "/mappings", "/writeback"];
const BACK = [...OF_CALLS, "record"] as const;

export default function Mapping() {
  const { columns, fields } = useEnds();
  const choices = asChoices(columns.found);
  const records = asChoices(fields.found);
  return (
    <>
      <Others within={HERE} except={OWN} />
      <Key columns={choices} fields={records} />
      <div className={LINE}>
        <Choose at="/import" label="What is written" choices={IMPORTS.map((id) => ({ id, name: IMPORT_WORDS[id] }))} />
        <Choose
          at="/dedupe"
          label="Of several rows of one key"
          choices={DEDUPES.map((id) => ({ id, name: DEDUPE_WORDS[id] }))}
        />
      </div>
      <ChosenOfSeveral records={records} />
      <Mappings />
      <MappingList
        at="/writeback"
        label="Destination to source, after a write"
        add="Write a field back"
        targets={asChoices(columns.found.filter(({ updateable }) => updateable))}
        columns={choices}
        records={records}
        sources={BACK}
      />
    </>
  );
}

/** The mappings; the page of the preview shows them, too. */
export function Mappings() {
  const { columns, fields } = useEnds();
  return (
    <MappingList
      at="/mappings"
      label="Source to destination"
      add="Map a field"
      targets={asChoices(fields.found.filter(({ createable, updateable }) => createable || updateable))}
      columns={asChoices(columns.found)}
      sources={OF_CALLS}
    />
  );
}

/** The pairs of columns and fields, all of which must agree. */
function Key({ columns, fields }: { columns: readonly Choice[]; fields: readonly Choice[] }) {
  const { document, set } = useEditing();
  const pairs = (at(document, "/match") ?? []) as readonly Members[];
  return (
    <section aria-label="Unique identifier" className={style({ display: "flex", flexDirection: "column", gap: 12 })}>
      <h3 className={style({ font: "title", margin: 0 })}>Unique identifier</h3>
      {!pairs.length && <p className={PLAIN}>No pair yet: it says which record a row means.</p>}
      <Others within={["/match"]} except={pairs.flatMap((_, place) => mine(place))} />
      {pairs.map((_, place) => {
        const here = step("/match", place);
        return (
          // a pair is its place: the server names it by that
          <div key={here} className={LINE}>
            <Find at={step(here, "column")} also={[here]} label="Column of the source" choices={columns} narrow />
            <Find at={step(here, "field")} label="Field of the destination" choices={fields} narrow />
            <ActionButton
              isQuiet
              aria-label={`Remove pair ${place + 1}`}
              styles={style({ marginTop: 24 })}
              onPress={() => set(here, undefined)}
            >
              ✕
            </ActionButton>
          </div>
        );
      })}
      <Button
        variant="secondary"
        styles={style({ width: "fit" })}
        onPress={() => set("/match", [...pairs, { column: "", field: "" }])}
      >
        Add a pair
      </Button>
    </section>
  );
}

function mine(place: number): string[] {
  const here = step("/match", place);
  return [here, step(here, "column"), step(here, "field")];
}
