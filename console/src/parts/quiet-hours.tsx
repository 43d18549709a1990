/** Parts of each day in which no run begins. */
import { ActionButton, Button } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { Others, useEditing } from "./editing";
import { LINE, Words } from "./fields";
import { at, type Members, step } from "./pointer";

export function QuietHours({ at: pointer }: { at: string }) {
  const { document, set } = useEditing();
  const quiet = (at(document, pointer) ?? []) as readonly Members[];
  return (
    <>
      <Others
        within={[pointer]}
        except={quiet.flatMap((_, place) => ["from", "to"].map((name) => `${pointer}/${place}/${name}`))}
      />
      {quiet.map((_, place) => (
        // quiet hours are their place: the server names them by that
        <div key={step(pointer, place)} className={LINE}>
          <Words at={`${pointer}/${place}/from`} label="Quiet from" description="As 22:00" narrow kept />
          <Words at={`${pointer}/${place}/to`} label="Quiet to" description="As 06:00" narrow kept />
          <ActionButton
            isQuiet
            aria-label={`Remove quiet hours ${place + 1}`}
            styles={style({ marginTop: 24 })}
            onPress={() => set(quiet.length > 1 ? `${pointer}/${place}` : pointer, undefined)}
          >
            ✕
          </ActionButton>
        </div>
      ))}
      <Button
        variant="secondary"
        styles={style({ width: "fit" })}
        onPress={() => set(pointer, [...quiet, { from: "", to: "" }])}
      >
        Add quiet hours
      </Button>
    </>
  );
}
