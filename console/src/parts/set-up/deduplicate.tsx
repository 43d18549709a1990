/** Which calls are one call that came twice. */
import { Figure, Lines } from "../fields";
import { Switched } from "./switched";

const START = { columns: ["email"], window_seconds: 300 };

export function Deduplicate() {
  return (
    <Switched at="/deduplicate" start={START} label="A second call with the same values is suppressed">
      <Lines at="/deduplicate/columns" label="Columns" description="One a line; all of them together" />
      <Figure at="/deduplicate/window_seconds" label="Within seconds" />
    </Switched>
  );
}
