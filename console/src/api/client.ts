/** The admin API, with the types of its published document. */
import createClient, { type Client } from "openapi-fetch";
import type { Session } from "../session";
import type { components, paths } from "./schema.generated";

export type Schemas = components["schemas"];
export type Problem = Schemas["Problem"];
export type Api = Client<paths>;

/** What the API refused, or why nobody could ask it. */
export class ProblemError extends Error {
  readonly problem: Problem;
  readonly status: number;

  constructor(problem: Problem, status: number) {
    super(problem.message);
    this.problem = problem;
    this.status = status;
  }
}

export function apiFor(session: Session, onEnd: () => void): Api {
  const api = createClient<paths>({ baseUrl: new URL("api", document.baseURI).href });
  api.use({
    onRequest({ request }) {
      request.headers.set("Authorization", `Bearer ${session.token}`);
      return request;
    },
    onResponse({ response }) {
      if (response.status === 401) onEnd();
    },
  });
  return api;
}

/** The answer's content; whatever else came back is thrown. */
export async function content<T>(asked: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  const { data, error, response } = await asked;
  if (data !== undefined) return data;
  throw new ProblemError(asProblem(error), response.status);
}

function asProblem(error: unknown): Problem {
  if (typeof error === "object" && error !== null && "message" in error) return error as Problem;
  return { code: "unavailable", message: "The request could not be served.", remedy: "Try again in a minute." };
}
