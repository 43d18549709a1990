/** Whom each route is for, as the API's own document says. The API checks; here it is decided what is offered. */
import { LEAST_ROLES } from "./roles.generated";

const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];
export type Route = keyof typeof LEAST_ROLES;

/** The highest role among groups of the pool. */
export function roleOf(groups: unknown): Role | null {
  return ROLES.findLast((role) => Array.isArray(groups) && groups.includes(role)) ?? null;
}

export function may(role: Role | null, route: Route): boolean {
  return role !== null && ROLES.indexOf(role) >= ROLES.indexOf(LEAST_ROLES[route]);
}
