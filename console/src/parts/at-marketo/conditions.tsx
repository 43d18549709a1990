/** Page 4: whose calls the Action processes. */
import { Conditions as Builder } from "../condition-builder";
import { useAction } from "./ends";

export default function Conditions() {
  const { columns } = useAction();
  return <Builder at="/conditions" fields={columns.found} />;
}
