/** Something of Marketo that has a name and an id: either is kept, as it is chosen or typed. */
import { useEditing } from "../editing";
import { Find } from "../fields";
import type { Many } from "../offered";
import { at } from "../pointer";
import { named, namedChoices } from "../typed";

export function FindNamed({
  at: pointer,
  label,
  description,
  offered,
  narrow = false,
}: {
  at: string;
  label: string;
  description?: string;
  offered: Many<{ id: number; name: string }>;
  narrow?: boolean;
}) {
  const { document } = useEditing();
  const said = [description, offered.note].filter(Boolean).join(" ");
  return (
    <Find
      at={pointer}
      label={label}
      description={said || undefined}
      choices={namedChoices(offered.found, at(document, pointer))}
      loading={offered.loading}
      narrow={narrow}
      read={named}
    />
  );
}
