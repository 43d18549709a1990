/** How a run of a Sync stands, as a word with a colour. */
import { Badge } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { standing } from "./sync-words";

export function RunBadge({ status }: { status: string }) {
  const [word, variant] = standing(status);
  return (
    <Badge variant={variant} fillStyle="subtle" size="S" styles={style({ width: "fit" })}>
      {word}
    </Badge>
  );
}
