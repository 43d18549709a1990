/** Which of several records that match is meant. */
import { Switch } from "@react-spectrum/s2";
import { CHOICES_OF_SEVERAL } from "../../api/action.generated";
import { useEditing } from "../editing";
import { type Choice, Choose, Find, LINE, Lines } from "../fields";
import { at } from "../pointer";

const SEVERAL_WORDS = {
  newest: "The newest",
  oldest: "The oldest",
  first: "The first in the order of its values",
  refuse: "None: it fails with the candidates",
} as const;

/** `by`: what the newest is known by; `what`: who or what may be several. */
export function ChosenOfSeveral({
  records,
  by = "LastModifiedDate",
  what = "records",
}: {
  records: readonly Choice[];
  by?: string;
  what?: "records" | "people";
}) {
  const { document, set } = useEditing();
  const rule = at(document, "/duplicate_record_rule");
  return (
    <>
      <Switch
        isSelected={rule !== undefined}
        onChange={(on) => set("/duplicate_record_rule", on ? { order_by: by, choose: "newest" } : undefined)}
      >
        {`Where several ${what} match, one is chosen`}
      </Switch>
      {rule !== undefined && (
        <div className={LINE}>
          <Choose
            at="/duplicate_record_rule/choose"
            also={["/duplicate_record_rule"]}
            label="Which one"
            narrow
            clears={(chosen) => (chosen === "first" ? [] : ["/duplicate_record_rule/order"])}
            choices={CHOICES_OF_SEVERAL.map((id) => ({ id, name: SEVERAL_WORDS[id] }))}
          />
          <Find at="/duplicate_record_rule/order_by" label="By" choices={records} narrow />
          {at(document, "/duplicate_record_rule/choose") === "first" && (
            <Lines at="/duplicate_record_rule/order" label="Its values in order" description="One a line" optional />
          )}
        </div>
      )}
    </>
  );
}
