/** By what a record is looked for where the identifier finds none. */
import { ActionButton, Button } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { MOST_FURTHER } from "../../api/action.generated";
import { Others, useEditing } from "../editing";
import { type Choice, Find, LINE } from "../fields";
import { at, type Members, step } from "../pointer";

const HERE = "/further_identifiers";

export function FurtherIdentifiers({ columns, fields }: { columns: readonly Choice[]; fields: readonly Choice[] }) {
  const { document, set } = useEditing();
  const list = (at(document, HERE) ?? []) as readonly Members[];
  const own = list.flatMap((_, place) => ["column", "field"].map((name) => `${HERE}/${place}/${name}`));
  return (
    <>
      <Others within={[HERE]} except={own} />
      {list.map((_, place) => (
        // an identifier is its place: the server names it by that
        <div key={step(HERE, place)} className={LINE}>
          <Find at={`${HERE}/${place}/column`} label={`Or column ${place + 2} of Marketo`} choices={columns} narrow />
          <Find at={`${HERE}/${place}/field`} label={`Field ${place + 2} of Salesforce`} choices={fields} narrow />
          <ActionButton
            isQuiet
            aria-label={`Remove identifier ${place + 2}`}
            styles={style({ marginTop: { default: 0, sm: 24 } })}
            onPress={() => set(list.length > 1 ? `${HERE}/${place}` : HERE, undefined)}
          >
            ✕
          </ActionButton>
        </div>
      ))}
      {list.length < MOST_FURTHER && (
        <Button
          variant="secondary"
          styles={style({ width: "fit" })}
          onPress={() => set(HERE, [...list, { column: "", field: "" }])}
        >
          Add another identifier
        </Button>
      )}
    </>
  );
}
