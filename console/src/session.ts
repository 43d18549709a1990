/**
 * Who is signed in. The token lives in this module's memory and nowhere else: a page that is loaded anew asks the pool
 * again, which knows the person by its own cookie. Only what a sign-in under way needs outlives the redirect.
 */
import type { Role } from "./api/roles";
import { roleOf } from "./api/roles";

export interface Session {
  token: string;
  name: string;
  role: Role | null;
  /** milliseconds since 1970 */
  ends: number;
}

interface Pending {
  state: string;
  verifier: string;
  /** below the console's folder */
  back: string;
}

/** Why nobody is signed in, in words for a person. */
export class SignInError extends Error {}

const PENDING = "leadbridge.sign-in";
const SIGNED_IN = "signed-in";
const SIGNED_OUT = "signed-out";
const base = new URL(document.baseURI);

function setting(name: string): string {
  return document.querySelector<HTMLMetaElement>(`meta[name="${name}"]`)?.content ?? "";
}

function encoded(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function random(): string {
  return encoded(crypto.getRandomValues(new Uint8Array(32)));
}

/** Where the page is now, below the console's folder. */
function here(): string {
  return location.href.slice(base.href.length);
}

/** Leave for the pool's page; it leads back to where we are. */
export async function signIn(back = here()): Promise<never> {
  const pending: Pending = { state: random(), verifier: random(), back };
  sessionStorage.setItem(PENDING, JSON.stringify(pending));
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(pending.verifier));
  const asked = new URLSearchParams({
    response_type: "code",
    client_id: setting("client"),
    redirect_uri: new URL(SIGNED_IN, base).href,
    scope: "openid email",
    state: pending.state,
    code_challenge: encoded(new Uint8Array(digest)),
    code_challenge_method: "S256",
  });
  location.assign(`${setting("sign-in-url")}/oauth2/authorize?${asked}`);
  // the page is about to go
  return new Promise<never>(() => undefined);
}

/** End the session here and at the pool. */
export function signOut(): void {
  const asked = new URLSearchParams({ client_id: setting("client"), logout_uri: new URL(SIGNED_OUT, base).href });
  location.assign(`${setting("sign-in-url")}/logout?${asked}`);
}

/** Whether the page is the one on which a session ended by wish; it does not sign in by itself. */
export function isSignedOut(): boolean {
  return location.pathname === new URL(SIGNED_OUT, base).pathname;
}

/** The session of who comes back from the pool; whoever comes from elsewhere is sent there. */
export async function start(): Promise<Session> {
  if (location.pathname !== new URL(SIGNED_IN, base).pathname) {
    return signIn();
  }
  const given = new URLSearchParams(location.search);
  const kept = sessionStorage.getItem(PENDING);
  sessionStorage.removeItem(PENDING);
  const pending = kept ? (JSON.parse(kept) as Pending) : null;
  if (!pending) return signIn("");
  if (given.get("state") !== pending.state) {
    throw new SignInError("This answer does not belong to a sign-in of this page.");
  }
  const code = given.get("code");
  if (!code) throw new SignInError(given.get("error_description") ?? "The pool did not sign you in.");
  const session = await exchanged(code, pending.verifier);
  history.replaceState(null, "", new URL(pending.back, base));
  return session;
}

async function exchanged(code: string, verifier: string): Promise<Session> {
  const answer = await fetch(`${setting("sign-in-url")}/oauth2/token`, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "authorization_code",
      client_id: setting("client"),
      redirect_uri: new URL(SIGNED_IN, base).href,
      code,
      code_verifier: verifier,
    }),
  });
  if (!answer.ok) throw new SignInError("The sign-in took too long, or was used before.");
  const { id_token: token } = (await answer.json()) as { id_token: string };
  const claims = claimsOf(token);
  return {
    token,
    name: String(claims.email ?? claims["cognito:username"]),
    role: roleOf(claims["cognito:groups"]),
    ends: Number(claims.exp) * 1000,
  };
}

/** What a token says; API Gateway checks it, here it is only shown. */
function claimsOf(token: string): Record<string, unknown> {
  const part = (token.split(".")[1] ?? "").replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(part), (each) => each.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}
