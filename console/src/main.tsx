import "@react-spectrum/s2/page.css";
import "./page.css";
import { QueryClient } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { ProblemError } from "./api/client";
import { Console } from "./console";
import { Outside } from "./parts/outside";
import { isSignedOut, type Session, SignInError, start } from "./session";

const root = createRoot(document.getElementById("root") as HTMLElement);
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 15_000,
      // a refusal stays one however often it is asked for
      retry: (count, error) => count < 2 && !(error instanceof ProblemError && error.status < 500),
    },
  },
});

async function main(): Promise<void> {
  if (isSignedOut()) {
    root.render(<Outside title="You are signed out">Nothing of the session is left on this machine.</Outside>);
    return;
  }
  let session: Session;
  try {
    session = await start();
  } catch (error) {
    const why = error instanceof SignInError ? error.message : "The place where you sign in did not answer.";
    root.render(<Outside title="You are not signed in">{why}</Outside>);
    return;
  }
  root.render(<Console session={session} queries={queries} />);
}

void main();
