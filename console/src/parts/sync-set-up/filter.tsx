/** Page 3: which rows of the source, how they are read, and the query that comes of it. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { EXTRACTIONS, WAYS } from "../../api/sync.generated";
import { Conditions } from "../condition-builder";
import { Others, useEditing } from "../editing";
import { Choose, LINE } from "../fields";
import { Preview } from "../sync-preview";
import { AskedQuery } from "../sync-query";
import { EXTRACTION_WORDS, WAY_WORDS } from "../sync-words";
import { useEnds } from "./ends";

const OWN = ["/conditions", "/extraction", "/by/extract", "/by/load"];
const CHOICES = WAYS.map((id) => ({ id, name: WAY_WORDS[id] }));

export default function Filter() {
  const { document } = useEditing();
  const { columns } = useEnds();
  return (
    <>
      <Others within={["/conditions", "/extraction", "/by"]} except={OWN} />
      <Conditions at="/conditions" fields={columns.found} />
      <h3 className={style({ font: "title", margin: 0 })}>How it is read and written</h3>
      <div className={LINE}>
        <Choose
          at="/extraction"
          label="Rows of a run"
          none="As usual: what changed, where it runs every so often"
          choices={EXTRACTIONS.map((id) => ({ id, name: EXTRACTION_WORDS[id] }))}
        />
        <Choose at="/by/extract" label="Reads" instead="auto" choices={CHOICES} />
        <Choose at="/by/load" label="Writes" instead="auto" choices={CHOICES} />
      </div>
      <Preview id={String(document.id ?? "")} document={document} ask="View the query">
        {({ query }) => <AskedQuery query={query} />}
      </Preview>
    </>
  );
}
