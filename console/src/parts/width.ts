import { useSyncExternalStore } from "react";

const narrow = window.matchMedia("(max-width: 767px)");

/** Whether the page is as wide as a telephone. */
export function useIsNarrow(): boolean {
  return useSyncExternalStore(
    (changed) => {
      narrow.addEventListener("change", changed);
      return () => narrow.removeEventListener("change", changed);
    },
    () => narrow.matches,
  );
}
