/** Clauses of which all, or any, must hold; groups nest. Operators are those that Describe offers for the column. */
import { ActionButton, Button, SegmentedControl, SegmentedControlItem } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { FAMILIES, MATCHES, OPERATORS } from "../api/action.generated";
import type { Schemas } from "../api/client";
import { Others, useEditing } from "./editing";
import { Choose, Figure, Find, Lines, Words } from "./fields";
import { asChoices } from "./offered";
import { PLAIN } from "./page";
import { at, type Members, step } from "./pointer";
import { words } from "./saved";

type Field = Schemas["FieldInfo"];
type Operator = keyof typeof OPERATORS;

const MATCH_WORDS = { all: "All of these (AND)", any: "Any of these (OR)" } as const;
const CLAUSE: Members = { column: "", operator: "equals" };
const NUMBERS = new Set(["number", "integer", "float", "currency", "percent", "score"]);

export function Conditions({ at: pointer, fields }: { at: string; fields: readonly Field[] }) {
  const { document, set } = useEditing();
  if (at(document, pointer) === undefined) {
    return (
      <>
        <p className={PLAIN}>There is no condition: every record is processed.</p>
        <Button
          variant="secondary"
          styles={style({ width: "fit" })}
          onPress={() => set(pointer, { match: "all", clauses: [CLAUSE] })}
        >
          Add a condition
        </Button>
      </>
    );
  }
  return <Group at={pointer} fields={fields} onRemove={() => set(pointer, undefined)} />;
}

function Group({ at: pointer, fields, onRemove }: { at: string; fields: readonly Field[]; onRemove: () => void }) {
  const { document, set } = useEditing();
  const group = at(document, pointer) as Members;
  const clauses = (group.clauses ?? []) as readonly Members[];
  const list = step(pointer, "clauses");
  const match = (group.match as (typeof MATCHES)[number] | undefined) ?? "all";
  const remove = (place: number) => (clauses.length > 1 ? set(step(list, place), undefined) : onRemove());
  return (
    <fieldset
      aria-label={MATCH_WORDS[match]}
      className={style({
        margin: 0,
        minWidth: 0,
        padding: 0,
        borderStyle: "solid",
        borderWidth: 0,
        borderStartWidth: 2,
        borderColor: "gray-400",
        paddingStart: { default: 8, sm: 16 },
        display: "flex",
        flexDirection: "column",
        gap: 16,
      })}
    >
      <SegmentedControl
        aria-label="How many must hold"
        selectedKey={match}
        onSelectionChange={(key) => set(step(pointer, "match"), String(key))}
        styles={style({ width: "fit" })}
      >
        {MATCHES.map((each) => (
          <SegmentedControlItem key={each} id={each}>
            {MATCH_WORDS[each]}
          </SegmentedControlItem>
        ))}
      </SegmentedControl>
      <Others within={[pointer]} except={clauses.map((_, place) => step(list, place))} />
      {clauses.map((each, place) =>
        "clauses" in each ? (
          // a clause is its place: the server names it by that
          <Group key={step(list, place)} at={step(list, place)} fields={fields} onRemove={() => remove(place)} />
        ) : (
          <Clause
            key={step(list, place)}
            at={step(list, place)}
            of={each}
            fields={fields}
            onRemove={() => remove(place)}
          />
        ),
      )}
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 12 })}>
        <Button variant="secondary" onPress={() => set(list, [...clauses, CLAUSE])}>
          Add a clause
        </Button>
        <Button
          variant="secondary"
          onPress={() => set(list, [...clauses, { match: match === "all" ? "any" : "all", clauses: [CLAUSE] }])}
        >
          Add a group
        </Button>
      </div>
    </fieldset>
  );
}

function Clause({
  at: here,
  of,
  fields,
  onRemove,
}: {
  at: string;
  of: Members;
  fields: readonly Field[];
  onRemove: () => void;
}) {
  const field = fields.find(({ name }) => name === of.column);
  const operators = field?.operators.length ? field.operators : Object.keys(OPERATORS);
  return (
    <div className={style({ display: "flex", flexWrap: "wrap", gap: 16, alignItems: "start" })}>
      <Find at={step(here, "column")} label="Column" choices={asChoices(fields)} narrow />
      <Choose
        at={step(here, "operator")}
        also={[here]}
        label="Operator"
        narrow
        clears={(chosen) =>
          OPERATORS[chosen as Operator] === OPERATORS[of.operator as Operator] ? [] : [step(here, "value")]
        }
        choices={operators.map((id) => ({ id, name: words(id) }))}
      />
      <Value
        at={step(here, "value")}
        operator={of.operator as Operator}
        number={NUMBERS.has(field?.type ?? String(of.type ?? ""))}
      />
      {(of.type !== undefined || (!field?.operators.length && fields.length > 0 && Boolean(of.column))) && (
        <Choose
          at={step(here, "type")}
          label="Its type"
          description="Of a column that is not listed"
          narrow
          none="as told, or text"
          choices={FAMILIES.map((id) => ({ id, name: words(id) }))}
        />
      )}
      <ActionButton isQuiet aria-label={`Remove the clause on ${of.column || "no column"}`} onPress={onRemove}>
        ✕
      </ActionButton>
    </div>
  );
}

function Value({ at: here, operator, number }: { at: string; operator: Operator; number: boolean }) {
  switch (OPERATORS[operator] ?? "value") {
    case "nothing":
      return null;
    case "values":
      return <Lines at={here} label="Values" description="One a line" numbers={number} />;
    case "range":
      return <Lines at={here} label="From and to" description="One a line, the lower one first" numbers={number} />;
    case "span":
      return <Words at={here} label="So long" description="Such as 7 days" narrow />;
    case "list":
      return <Words at={here} label="List" description="Its id" narrow />;
    default:
      return number ? <Figure at={here} label="Value" /> : <Words at={here} label="Value" narrow />;
  }
}
