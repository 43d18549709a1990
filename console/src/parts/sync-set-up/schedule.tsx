/** Page 5: when it runs, what becomes of deletions, and how much a run may do before it asks. */
import { Button, Picker, PickerItem } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { GUARD_MEMBERS, Guard, TimeZone } from "../common-pages";
import { Others, useEditing } from "../editing";
import { Choose, Figure, Find, HALF, LINE, WIDE, Words } from "../fields";
import { asChoices } from "../offered";
import { at, type Json, type Members } from "../pointer";
import { QuietHours } from "../quiet-hours";
import { UNITS } from "../sync-words";
import { useEnds } from "./ends";

const MOMENT = "As 2026-12-01T08:00, in the time zone below";
const KINDS = {
  hand: { name: "By hand only", start: undefined },
  now: { name: "Once, as soon as it is activated", start: { once: "now" } },
  once: { name: "Once, at a time", start: { once: "" } },
  every: { name: "Every so often", start: { every: { hours: 1 } } },
} as const;
type Kind = keyof typeof KINDS;
const OWN = [
  "/schedule/once",
  "/schedule/every",
  "/schedule/start",
  "/schedule/end",
  "/schedule/quiet",
  "/time_zone",
  "/deletes",
  ...GUARD_MEMBERS,
];

function kindOf(schedule: Json | undefined): Kind {
  const { once, every } = (schedule ?? {}) as Members;
  if (every) return "every";
  return once === "now" ? "now" : once === undefined || once === null ? "hand" : "once";
}

export default function Schedule() {
  const { document, set } = useEditing();
  const kind = kindOf(at(document, "/schedule"));
  return (
    <>
      <Others within={["/schedule", "/time_zone", "/deletes", "/guard"]} except={OWN} />
      <Picker
        label="When it runs"
        selectedKey={kind}
        onSelectionChange={(key) => set("/schedule", KINDS[key as Kind].start)}
        styles={WIDE}
      >
        {Object.entries(KINDS).map(([id, { name }]) => (
          <PickerItem key={id} id={id}>
            {name}
          </PickerItem>
        ))}
      </Picker>
      {kind === "once" && (
        <Words at="/schedule/once" also={["/schedule"]} label="At" description={MOMENT} narrow kept />
      )}
      {kind === "every" && <Interval />}
      <TimeZone />
      <Deletions />
      <Guard />
    </>
  );
}

function Interval() {
  const { document, setAll } = useEditing();
  const every = (at(document, "/schedule/every") ?? {}) as Members;
  const unit = UNITS.find((each) => every[each] !== undefined) ?? "hours";
  return (
    <>
      <Others within={["/schedule/every"]} except={UNITS.map((each) => `/schedule/every/${each}`)} />
      <div className={LINE}>
        <Figure at={`/schedule/every/${unit}`} also={["/schedule"]} label="Every" />
        <Picker
          label="Unit"
          selectedKey={unit}
          onSelectionChange={(key) =>
            setAll([
              [`/schedule/every/${unit}`, undefined],
              [`/schedule/every/${String(key)}`, every[unit] ?? 1],
            ])
          }
          styles={HALF}
        >
          {UNITS.map((each) => (
            <PickerItem key={each} id={each}>
              {each}
            </PickerItem>
          ))}
        </Picker>
      </div>
      <div className={LINE}>
        <Words at="/schedule/start" label="Not before (optional)" description={MOMENT} narrow />
        <Words at="/schedule/end" label="Not after (optional)" description={MOMENT} narrow />
      </div>
      <QuietHours at="/schedule/quiet" />
    </>
  );
}

/** What becomes of records whose source records were deleted. */
function Deletions() {
  const { document, set } = useEditing();
  const { fields } = useEnds();
  const flagged = typeof at(document, "/deletes") === "object";
  if (!flagged) {
    return (
      <div className={LINE}>
        <Choose
          at="/deletes"
          label="Of source records that were deleted"
          instead="ignore"
          choices={[
            { id: "ignore", name: "Nothing is done" },
            { id: "delete", name: "Their records are deleted, too" },
          ]}
        />
        <Button variant="secondary" styles={style({ marginTop: 24 })} onPress={() => set("/deletes", { flag: "" })}>
          Flag their records instead
        </Button>
      </div>
    );
  }
  return (
    <div className={LINE}>
      <Find
        at="/deletes/flag"
        also={["/deletes"]}
        label="Field that flags a deleted record"
        choices={asChoices(fields.found)}
      />
      <Button variant="secondary" styles={style({ marginTop: 24 })} onPress={() => set("/deletes", undefined)}>
        Do not flag
      </Button>
    </div>
  );
}
