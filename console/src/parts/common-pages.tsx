/** What the pages of Actions, Syncs and cycles ask in the same words. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { GUARDS } from "../api/sync.generated";
import { Figure, Find, LINE, Words } from "./fields";
import { GUARD_WORDS } from "./sync-words";
import { ZONES } from "./zones";

export function Named({ fresh }: { fresh: boolean }) {
  return (
    <>
      <Words at="/name" label="Name" />
      {fresh && (
        <Words
          at="/id"
          label="Id"
          description="Lower-case letters, digits and hyphens; part of its address, it never changes"
        />
      )}
      <Words at="/description" label="Description (optional)" long />
    </>
  );
}

export function TimeZone() {
  return (
    <Find
      at="/time_zone"
      label="Time zone (optional)"
      description="UTC, if nothing is given"
      choices={ZONES.map((id) => ({ id, name: id }))}
    />
  );
}

export const GUARD_MEMBERS = Object.keys(GUARDS).map((name) => `/guard/${name}`);

export function Guard() {
  return (
    <>
      <h3 className={style({ font: "title", margin: 0 })}>A run asks before it does more than</h3>
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
