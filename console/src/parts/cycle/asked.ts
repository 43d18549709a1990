/** What the address of a cycle's page says: the tab, and the order of its table. */
export const DEFAULTS = { tab: "state", sort: "", direction: "ascending" };
export type Asked = typeof DEFAULTS;

export interface Addressed {
  asked: Asked;
  ask: (changed: Partial<Asked>) => void;
}
