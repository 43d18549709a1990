/** Page 5: when it runs, where it begins, and how much a run may do before it asks. */
import { GUARD_MEMBERS, Guard, TimeZone } from "../common-pages";
import { Others } from "../editing";
import { Figure } from "../fields";
import { QuietHours } from "../quiet-hours";
import { LowWatermark } from "./kind";

const HERE = ["/gap_minutes", "/low_watermark", "/time_zone", "/quiet", "/guard"];
const OWN = [...["/gap_minutes", "/low_watermark", "/time_zone", "/quiet"], ...GUARD_MEMBERS];

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
      <TimeZone />
      <LowWatermark at="/low_watermark" whole />
      <Guard />
    </>
  );
}
