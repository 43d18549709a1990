/** Page 5: the custom activity that tells what became of a call. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { Others, useEditing } from "../editing";
import { Find, Words } from "../fields";
import { AFTERWARDS, MappingList } from "../mapping-editor";
import { asChoices, useActivityTypes, useLoggedTypes } from "../offered";
import { at, type Members } from "../pointer";
import { writtenTo } from "./activities";
import { useEnds } from "./ends";

const OWN = ["activity", "success", "errored", "not_processed", "execution_attribute", "mappings"];

export default function Results() {
  const { source, columns, fields } = useEnds();
  const { document } = useEditing();
  const types = useActivityTypes(source);
  const chosen = String(at(document, "/results/activity") ?? "");
  const attributes = writtenTo(useLoggedTypes(source, chosen !== "").found, chosen);
  const links = ((at(document, "/chained") ?? []) as readonly Members[]).flatMap(({ name }) =>
    typeof name === "string" ? [name] : [],
  );
  return (
    <>
      <Others within={["/results"]} except={OWN.map((name) => `/results/${name}`)} />
      <Find
        at="/results/activity"
        label="Custom activity"
        description="Approved types of the Marketo instance"
        choices={types.found}
        loading={types.loading}
      />
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 16, alignItems: "start" })}>
        <Words at="/results/success" label="Success value" narrow />
        <Words at="/results/errored" label="Errored value" narrow />
        <Words at="/results/not_processed" label="Not processed (optional)" narrow />
        <Words
          at="/results/execution_attribute"
          label="Attribute for our execution id"
          description="executionId, if nothing is given"
          narrow
        />
      </div>
      <MappingList
        at="/results/mappings"
        label="Attributes of the activity"
        add="Fill an attribute"
        targets={attributes}
        columns={asChoices(columns.found)}
        records={asChoices(fields.found)}
        links={links}
        sources={AFTERWARDS}
      />
    </>
  );
}
