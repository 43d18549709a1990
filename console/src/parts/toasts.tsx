/** Where short notices appear; loaded behind the page, since nobody needs them first. */
export { ToastContainer as default } from "@react-spectrum/s2";
