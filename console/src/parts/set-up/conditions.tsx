/** Page 4: whom the Action processes. */
import { Conditions as Builder } from "../condition-builder";
import { useEnds } from "./ends";

export default function Conditions() {
  const { columns } = useEnds();
  return <Builder at="/conditions" fields={columns.found} />;
}
