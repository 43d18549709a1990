/** What of a page has no form: it is kept as it is, whoever saves. */
import { inFile } from "../cycle-pages";
import { useEditing } from "../editing";
import { PLAIN } from "../page";
import { Saved } from "../saved";
import { BLOCK, HEAD } from "./kind";

export function InFile({ page }: { page: number }) {
  const { document } = useEditing();
  const found = inFile(document, page);
  if (!found.length) return null;
  return (
    <section aria-label="Set in the file" className={BLOCK}>
      <h3 className={HEAD}>Set in the file</h3>
      <p className={PLAIN}>These pages have no form for it, and keep it as it is.</p>
      <Saved members={Object.fromEntries(found)} />
    </section>
  );
}
