/** Page 4: what a run would do, before anything is saved, and the mappings once more. */
import { useEditing } from "../editing";
import { Previewed, Preview as Wanted } from "../sync-preview";
import { Mappings } from "./mapping";

export default function Preview() {
  const { document } = useEditing();
  return (
    <>
      <Wanted id={String(document.id ?? "")} document={document} ask="Preview">
        {(found) => <Previewed found={found} />}
      </Wanted>
      <Mappings />
    </>
  );
}
