/** Which programs get credit for opportunities, which lose it, and what is missing. */
import { Button } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useInfiniteQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../../api/client";
import { useApp } from "../app";
import { Facts, PLAIN, Section } from "../page";
import { Empty, Failed, Loading } from "../states";

type Opportunity = Schemas["OpportunityCredit"];

const MEASURES = [
  ["first_touch", "First touch"],
  ["pipeline", "Multi-touch, pipeline"],
  ["revenue", "Multi-touch, revenue"],
] as const;

export default function Attribution({ cycle }: { cycle: string }) {
  const { api } = useApp();
  const query = useInfiniteQuery({
    queryKey: ["cycle", cycle, "attribution"],
    initialPageParam: "",
    queryFn: ({ pageParam }) =>
      content(
        api.GET("/cycles/{cycle_id}/attribution", {
          params: { path: { cycle_id: cycle }, query: pageParam ? { token: pageParam } : {} },
        }),
      ),
    getNextPageParam: ({ next_token }) => next_token ?? undefined,
    // each asks Marketo once for each person
    staleTime: 300_000,
  });
  if (query.error) return <Failed error={query.error} again={() => void query.refetch()} />;
  if (!query.data) return <Loading what="attribution" />;
  const found = query.data.pages.flatMap(({ opportunities }) => opportunities);
  if (!found.length) {
    return <Empty title="Nothing to tell">The newest runs decided about no opportunity.</Empty>;
  }
  return (
    <>
      {found.map((each) => (
        <Credit key={each.opportunity} of={each} />
      ))}
      {query.hasNextPage && (
        <Button variant="secondary" isPending={query.isFetching} onPress={() => void query.fetchNextPage()}>
          More opportunities
        </Button>
      )}
    </>
  );
}

function Credit({ of }: { of: Opportunity }) {
  return (
    <Section title={`Opportunity ${of.opportunity}`}>
      <Facts
        facts={MEASURES.map(([measure, name]) => {
          const lost = named(of.lost[measure]);
          return [name, `${named(of.credited[measure]) || "no program"}${lost ? `; lost by ${lost}` : ""}`] as const;
        })}
      />
      {of.findings.length ? (
        <ul className={style({ margin: 0, paddingStart: 20 })}>
          {of.findings.map((each) => (
            <li key={`${each.code} ${each.contact} ${each.program}`}>{each.message}</li>
          ))}
        </ul>
      ) : (
        <p className={PLAIN}>Nothing is missing.</p>
      )}
    </Section>
  );
}

function named(programs: readonly Schemas["ProgramCredit"][]): string {
  return programs.map(({ id, name }) => name ?? `program ${id}`).join(", ");
}
