/** Page 5: when it runs, where it begins, and how much a run may do before it asks. */
import { GUARDS } from "../../api/sync.generated";
import { Others } from "../editing";
import { Figure, Find, LINE } from "../fields";
import { QuietHours } from "../quiet-hours";
import { GUARD_WORDS } from "../sync-words";
import { ZONES } from "../zones";
import { HEAD, LowWatermark } from "./kind";

const HERE = ["/gap_minutes", "/low_watermark", "/time_zone", "/quiet", "/guard"];
const OWN = [
  ...["/gap_minutes", "/low_watermark", "/time_zone", "/quiet"],
  ...Object.keys(GUARDS).map((name) => `/guard/${name}`),
];

export default function Schedule() {
  return (
    <>
      <Others within={HERE} except={OWN} />
      <Figure
        at="/gap_minutes"
        label="Minutes between two runs"
        description="From the end of one to the begin of the next; 5, if nothing is given"
        narrow={false}
      />
      <QuietHours at="/quiet" />
      <Find
        at="/time_zone"
        label="Time zone (optional)"
        description="UTC, if nothing is given"
        choices={ZONES.map((id) => ({ id, name: id }))}
      />
      <LowWatermark at="/low_watermark" whole />
      <h3 className={HEAD}>A run asks before it does more than</h3>
      <div className={LINE}>
        {Object.entries(GUARDS).map(([name, usual]) => (
          <Figure
            key={name}
            at={`/guard/${name}`}
            label={GUARD_WORDS[name as keyof typeof GUARDS]}
            description={`${usual}, if nothing is given`}
          />
        ))}
      </div>
    </>
  );
}
