/** What a tab holds: it is loaded when it is first looked at. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { type ReactNode, Suspense } from "react";
import { COLUMN } from "./page";
import { Loading } from "./states";

export function Later({ children }: { children: ReactNode }) {
  return (
    <div className={style({ paddingTop: 20 })}>
      <Suspense fallback={<Loading what="this part" />}>
        <div className={COLUMN}>{children}</div>
      </Suspense>
    </div>
  );
}
