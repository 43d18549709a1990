/** Where short messages appear: what was done, and what was refused. */
import { ToastContainer } from "@react-spectrum/s2";

export default function Toasts() {
  return <ToastContainer />;
}
