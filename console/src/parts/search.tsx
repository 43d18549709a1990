/** A field whose text the server looks for, since it pages; so it is asked once, by Enter. */
import { SearchField } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useTyped } from "./address";

export function Search({ label, of, onAsk }: { label: string; of: string; onAsk: (text: string) => void }) {
  const [typed, type] = useTyped(of);
  return (
    <SearchField
      label={label}
      description="Enter searches"
      maxLength={100}
      value={typed}
      onChange={type}
      onSubmit={onAsk}
      onClear={() => onAsk("")}
      styles={style({ width: { default: "full", sm: 280 } })}
    />
  );
}
