/** Rules that are applied to a value in order; their forms come from the published schema. */
import { ActionButton, Picker, PickerItem } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { RULES } from "../api/action.generated";
import { Others, useEditing } from "./editing";
import { Choose, Figure, HALF, Lines, Table, Truth, Words } from "./fields";
import { PLAIN } from "./page";
import { at, type Members, step } from "./pointer";
import { words } from "./saved";

type Rule = (typeof RULES)[number];
type Member = Rule["members"][number] & { fallback?: unknown; choices?: readonly string[] };

export function Rules({ at: pointer }: { at: string }) {
  const { document, set } = useEditing();
  const list = (at(document, pointer) ?? []) as readonly Members[];
  const put = (rules: readonly Members[]) => set(pointer, rules.length ? rules : undefined);
  return (
    <fieldset
      aria-label="Rules"
      className={style({
        display: "flex",
        flexDirection: "column",
        gap: 12,
        borderStyle: "none",
        margin: 0,
        padding: 0,
        minWidth: 0,
      })}
    >
      {list.map((each, place) => {
        const here = step(pointer, place);
        const rule = RULES.find(({ type }) => type === each.type);
        return (
          <fieldset
            // a rule is its place: the server names it by that
            key={here}
            aria-label={`Rule ${place + 1}: ${words(String(each.type))}`}
            className={style({
              borderStyle: "solid",
              borderWidth: 1,
              borderColor: "gray-300",
              borderRadius: "lg",
              margin: 0,
              minWidth: 0,
              padding: 12,
              display: "flex",
              flexDirection: "column",
              gap: 12,
            })}
          >
            <div className={style({ display: "flex", gap: 8, alignItems: "center" })}>
              <strong className={style({ flexGrow: 1 })}>
                {place + 1}. {words(String(each.type))}
              </strong>
              <ActionButton
                isQuiet
                aria-label={`Rule ${place + 1} earlier`}
                isDisabled={place === 0}
                onPress={() => put(list.toSpliced(place, 1).toSpliced(place - 1, 0, each))}
              >
                ↑
              </ActionButton>
              <ActionButton
                isQuiet
                aria-label={`Remove rule ${place + 1}`}
                onPress={() => put(list.toSpliced(place, 1))}
              >
                ✕
              </ActionButton>
            </div>
            {rule && <p className={PLAIN}>{rule.description}</p>}
            <Others within={[here]} except={rule?.members.map(({ name }) => step(here, name)) ?? []} />
            <div className={style({ display: "flex", flexWrap: "wrap", gap: 16, alignItems: "start" })}>
              {rule?.members
                .filter(({ name }) => name !== "default" || each.otherwise === "default")
                .map((member) => (
                  <RuleMember key={member.name} at={step(here, member.name)} of={member as Member} />
                ))}
            </div>
          </fieldset>
        );
      })}
      <Picker
        label={list.length ? "Another rule" : "A rule"}
        selectedKey={null}
        placeholder="Choose one to add"
        onSelectionChange={(key) => key !== null && put([...list, { type: String(key) }])}
        styles={HALF}
        key={list.length}
      >
        {RULES.map(({ type }) => (
          <PickerItem key={type} id={type}>
            {words(type)}
          </PickerItem>
        ))}
      </Picker>
    </fieldset>
  );
}

const SHARED: Readonly<Record<string, string>> = { otherwise: "If it cannot apply", default: "Then the value is" };

function RuleMember({ at: here, of }: { at: string; of: Member }) {
  const label = SHARED[of.name] ?? words(of.name);
  switch (of.kind) {
    case "choice": {
      const usual = of.fallback === undefined || of.fallback === null ? "" : `: ${of.fallback || "none"}`;
      return (
        <Choose
          at={here}
          label={label}
          narrow
          {...(!of.required && { none: `as usual${usual}` })}
          choices={(of.choices ?? []).map((id) => ({ id, name: words(id) || "none" }))}
        />
      );
    }
    case "number":
      return <Figure at={here} label={label} />;
    case "truth":
      return <Truth at={here} label={label} />;
    case "list":
      return <Lines at={here} label={label} description="One a line" />;
    case "table":
      return <Table at={here} label={label} description="One a line: value = what it becomes" />;
    case "text":
      return <Words at={here} label={label} narrow kept={of.required} />;
  }
}
