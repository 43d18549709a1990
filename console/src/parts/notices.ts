/** Short messages: what was done, and what was refused. Of what was done only the newest is shown. */
import { ToastQueue } from "@react-spectrum/s2";
import { toldOf } from "./findings";

const SHOWN_MILLISECONDS = 8000;
let close = () => {};

export function sayDone(what: string): void {
  close();
  close = ToastQueue.positive(what, { timeout: SHOWN_MILLISECONDS });
}

/** Nothing was to be done. */
export function sayIdle(why: string): void {
  close();
  close = ToastQueue.info(why, { timeout: SHOWN_MILLISECONDS });
}

/** It stays until somebody closes it. */
export function sayRefused(error: Error): void {
  ToastQueue.negative(toldOf(error));
}
