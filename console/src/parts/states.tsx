/** The states that every page has beside its content: loading, failed, not allowed, empty. */
import { Button, Content, Heading, IllustratedMessage, InlineAlert, ProgressCircle } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import type { UseQueryResult } from "@tanstack/react-query";
import { type ReactNode, Suspense } from "react";
import { ProblemError } from "../api/client";

export function Loading({ what }: { what: string }) {
  return (
    <div className={style({ display: "flex", justifyContent: "center", padding: 48 })}>
      <ProgressCircle isIndeterminate aria-label={`Loading ${what}`} />
    </div>
  );
}

export function Failed({ error, again }: { error: Error; again: () => void }) {
  const problem = error instanceof ProblemError ? error.problem : null;
  if (error instanceof ProblemError && error.status === 403) {
    return (
      <InlineAlert variant="notice">
        <Heading level={2}>You may not see this</Heading>
        <Content>{[problem?.message, problem?.remedy].filter(Boolean).join(" ")}</Content>
      </InlineAlert>
    );
  }
  return (
    <div className={style({ display: "flex", flexDirection: "column", gap: 16, alignItems: "start" })}>
      <InlineAlert variant="negative">
        <Heading level={2}>This could not be shown</Heading>
        <Content>{[problem?.message ?? error.message, problem?.remedy].filter(Boolean).join(" ")}</Content>
      </InlineAlert>
      <Button variant="secondary" onPress={again}>
        Try again
      </Button>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children: ReactNode }) {
  return (
    <IllustratedMessage>
      <Heading level={2}>{title}</Heading>
      <Content>{children}</Content>
    </IllustratedMessage>
  );
}

/** What a query gave, or how it stands. */
export function Shown<T>({
  query,
  what,
  children,
}: {
  query: UseQueryResult<T, Error>;
  what: string;
  children: (found: T) => ReactNode;
}) {
  if (query.data !== undefined) return children(query.data);
  if (query.error) return <Failed error={query.error} again={() => void query.refetch()} />;
  return <Loading what={what} />;
}

/** A part of a page that is loaded when it is looked at. */
export function Later({ children }: { children: ReactNode }) {
  return (
    <div className={style({ paddingTop: 20 })}>
      <Suspense fallback={<Loading what="this part" />}>{children}</Suspense>
    </div>
  );
}
