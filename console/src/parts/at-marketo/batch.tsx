/** Page 5: until when calls wait for each other. */
import { Switch } from "@react-spectrum/s2";
import { OPERATIONS } from "../../api/connector.generated";
import { Others, useEditing } from "../editing";
import { Figure, LINE } from "../fields";
import { PLAIN } from "../page";
import { at } from "../pointer";
import { useAction } from "./ends";

export default function Batch() {
  const { set } = useEditing();
  const { document, operation, takes } = useAction();
  if (operation === undefined || !takes("batch")) {
    return (
      <>
        <Others within={["/batch"]} />
        <p className={PLAIN}>Calls of this type go out as they come.</p>
      </>
    );
  }
  const isFile = operation === "import_leads";
  const waits = isFile || at(document, "/batch") !== undefined;
  const { most } = OPERATIONS[operation];
  const bytes = isFile ? 10_000_000 : 1_000_000;
  return (
    <>
      <Others within={["/batch"]} except={["count", "seconds", "bytes"].map((name) => `/batch/${name}`)} />
      {isFile ? (
        <p className={PLAIN}>Calls wait for each other and go out as a file, whichever of these comes first.</p>
      ) : (
        <Switch isSelected={waits} onChange={(on) => set("/batch", on ? {} : undefined)}>
          Calls wait for each other and go out together
        </Switch>
      )}
      {waits && (
        <div className={LINE}>
          <Figure
            at="/batch/count"
            label="Until so many people"
            description={`${most}, if nothing is given; no more`}
          />
          <Figure
            at="/batch/seconds"
            label="Or seconds since the oldest"
            description="1800, if nothing is given; up to 86400"
          />
          <Figure at="/batch/bytes" label="Or so many bytes" description={`${bytes}, if nothing is given; no more`} />
        </div>
      )}
    </>
  );
}
