/** Attributes of activity types: those of the log are columns, those of a result take values. */
import type { Schemas } from "../../api/client";
import type { Choice } from "../fields";

type Type = Schemas["LoggedType"];

/** what every activity has, by Marketo's names */
const OWN = ["activityDate", "marketoGUID", "primaryAttributeValue", "primaryAttributeValueId"];

function typeNamed(types: readonly Type[], name: string): Type | undefined {
  return types.find((each) => each.name === name) ?? types.find((each) => each.api_name === name);
}

/** The columns that an activity of a type is. */
export function attributesOf(types: readonly Type[], name: string): Schemas["FieldInfo"][] {
  const found = name ? typeNamed(types, name) : undefined;
  const names = found ? [...found.attributes.map((each) => each.name), ...OWN] : [];
  return [...new Set(names)].map((each) => ({
    name: `activity.${each}`,
    label: "",
    type: "",
    length: null,
    createable: false,
    updateable: false,
    required_on_create: false,
    unique: false,
    external_id: false,
    picklist: [],
    operators: [],
  }));
}

/** The attributes of a custom type, by the API names under which values are sent. */
export function writtenTo(types: readonly Type[], name: string): Choice[] {
  const found = types.find((each) => each.api_name === name);
  return (found?.attributes ?? []).flatMap(({ api_name, name: shown }) =>
    api_name ? [{ id: api_name, name: shown === api_name ? shown : `${shown} (${api_name})` }] : [],
  );
}
