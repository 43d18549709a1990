/** What an Action does. */
import { Picker, PickerItem } from "@react-spectrum/s2";
import { useEditing } from "../editing";
import { WIDE } from "../fields";
import { ALL, AT_MARKETO, isAtMarketo, turned, typeOf } from "./types";

/** A new one becomes any type; one that is stored keeps its destination. */
export function TypeOfAction({ fresh }: { fresh: boolean }) {
  const { document, set } = useEditing();
  if (!fresh && !isAtMarketo(document)) return null;
  return (
    <Picker
      label="What the Action does"
      description={fresh ? "The pages ask for what this needs" : "What another type has no place for is taken away"}
      selectedKey={typeOf(document) ?? null}
      onSelectionChange={(key) => set("", turned(document, String(key)))}
      styles={WIDE}
    >
      {(fresh ? ALL : AT_MARKETO).map(({ id, name }) => (
        <PickerItem key={id} id={id}>
          {name}
        </PickerItem>
      ))}
    </Picker>
  );
}
