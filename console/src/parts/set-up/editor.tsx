/** Sets a document up in pages and a review; Next waits until the server finds nothing wrong with what is before. */
import {
  Button,
  ButtonGroup,
  Content,
  Form,
  Heading,
  InlineAlert,
  Link,
  ProgressCircle,
  TextField,
} from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { type ReactNode, Suspense, useEffect, useMemo, useState } from "react";
import { useNavigate, useParams } from "react-router";
import { type Api, content, type Schemas } from "../../api/client";
import { may as mayDo, type Route } from "../../api/roles";
import { useAddress } from "../address";
import { useApp } from "../app";
import { Differences } from "../differences";
import { EditingProvider, useDocument } from "../editing";
import { type Finding, sentence, toldOf } from "../findings";
import { sayDone } from "../notices";
import { isOvertaken, Overtaken } from "../overtaken";
import { COLUMN, PLAIN, ROW, Section, Title } from "../page";
import { type Json, type Members, steps } from "../pointer";
import { Empty, Loading, Shown } from "../states";
import { unshown } from "./shown";

const DEFAULTS = { page: "1" };

interface Layout {
  /** pages by number; the review comes after them */
  titles: Readonly<Record<number, string>>;
  /** on which page members stand */
  pages: Readonly<Record<string, number>>;
}

/** A kind of documents that is set up in pages. */
export interface Kind {
  /** as the API calls it, and as people do */
  kind: "action" | "sync" | "crm_cycle";
  noun: "Action" | "Sync" | "cycle";
  /** where its pages are */
  folder: string;
  /** a new one, before anything is typed */
  fresh: Members;
  /** the pages of a document, which depend on what it is */
  layout(document: Members): Layout;
  /** members that have a form (see `shown.ts`); without it nothing is said of those that have none */
  forms?(document: Members): readonly string[];
  /** what whoever changes one may do */
  route: Route;
  find(api: Api, id: string): Promise<Pick<Schemas["Saved"], "id" | "version" | "document">>;
  store(api: Api, id: string, body: Schemas["PutAction"]): Promise<Schemas["Applied"]>;
}

/** What is under somebody's hands outlives a session that ends and a page that is loaded anew. */
interface Kept {
  document: Members;
  version: number;
}
const kept = ({ kind }: Kind, id: string) => `leadbridge.editing.${kind}.${id}`;

function reviewOf({ titles }: Layout): number {
  return Object.keys(titles).length + 1;
}

function pageOf(of: Layout, pointer: string): number {
  return of.pages[steps(pointer)[0] ?? ""] ?? reviewOf(of);
}

/** `children` gives a page's fields; `fresh`: of a document that is not stored yet. */
export function SetUp({ of, children }: { of: Kind; children: (page: number, fresh: boolean) => ReactNode }) {
  const { id } = useParams();
  const { api, session } = useApp();
  const may = mayDo(session.role, of.route);
  const query = useQuery({
    queryKey: [of.kind, id],
    queryFn: () => of.find(api, id ?? ""),
    enabled: may && id !== undefined,
  });
  if (!may) return <Empty title={`You may not change ${of.noun}s`}>Administrators may.</Empty>;
  return (
    <div className={COLUMN}>
      <Link href={id ? `/${of.folder}/${id}` : `/${of.folder}`} isStandalone>
        {id ? `The ${of.noun}` : `All ${of.noun}s`}
      </Link>
      {id === undefined ? (
        <Editor of={of} id="" start={of.fresh} version={0} fields={children} />
      ) : (
        <Shown query={query} what={`the ${of.noun}`}>
          {(found) => (
            <Editor
              key={found.id}
              of={of}
              id={found.id}
              start={found.document as Members}
              version={found.version}
              fields={children}
            />
          )}
        </Shown>
      )}
    </div>
  );
}

function remembered(of: Kind, id: string): Kept | null {
  const found = sessionStorage.getItem(kept(of, id));
  return found ? (JSON.parse(found) as Kept) : null;
}

function Editor({
  of,
  id,
  start,
  version,
  fields,
}: {
  of: Kind;
  id: string;
  start: Members;
  version: number;
  fields: (page: number, fresh: boolean) => ReactNode;
}) {
  const { api } = useApp();
  const [asked, ask] = useAddress(DEFAULTS);
  const [before] = useState(() => remembered(of, id));
  const { document, set, setAll, replace } = useDocument(before?.document ?? start);
  const [base, setBase] = useState(before?.version ?? version);
  /** the last page that was found well, or shown what is wrong with it */
  const [tried, setTried] = useState(0);
  const [checked, setChecked] = useState<{ of: Members; findings: readonly Finding[] }>({ of: document, findings: [] });
  const layout = of.layout(document);
  const review = reviewOf(layout);
  const names: Readonly<Record<number, string>> = { ...layout.titles, [review]: "Review and save" };
  const page = Math.min(Math.max(Number(asked.page) || 1, 1), review);
  const changed = document !== start;
  useEffect(() => {
    if (changed) sessionStorage.setItem(kept(of, id), JSON.stringify({ document, version: base } satisfies Kept));
  }, [of, id, document, base, changed]);

  const checking = useMutation({
    mutationFn: () => content(api.POST("/documents/validate", { body: { documents: [{ ...document }] } })),
    onSuccess: ({ findings }) => setChecked({ of: document, findings }),
  });
  const go = async (wanted: number) => {
    if (checking.isPending) return;
    if (wanted < page) return ask({ page: String(wanted) });
    const { findings } = await checking.mutateAsync();
    // an earlier page stands before a later one; the review shows whatever is left
    const first = Math.min(review, ...findings.map(({ pointer }) => pageOf(layout, pointer)));
    const reached = Math.min(wanted, first);
    setTried(Math.max(tried, reached === wanted ? wanted - 1 : reached));
    if (reached !== page) ask({ page: String(reached) });
  };
  const editing = useMemo(
    () => ({
      document,
      set,
      setAll,
      findings: checked.findings,
      // what was changed since the last look is not known to be wrong any more
      shows: (pointer: string) =>
        (pageOf(layout, pointer) <= tried || page === review) && same(checked.of, document, pointer),
    }),
    [layout, review, document, set, setAll, checked, tried, page],
  );
  const discard = () => {
    sessionStorage.removeItem(kept(of, id));
    replace(start);
    setBase(version);
    setChecked({ of: start, findings: [] });
  };
  return (
    <EditingProvider editing={editing}>
      <Title
        beside={
          changed && (
            <Button variant="secondary" onPress={discard}>
              Discard what I changed
            </Button>
          )
        }
      >
        {version ? `Change ${String(start.name)}` : `New ${of.noun}`}
      </Title>
      {before && changed && (
        <InlineAlert variant="informative">
          <Heading level={2}>What you changed is still here</Heading>
          <Content>It was not saved yet. Go on with it, or discard it.</Content>
        </InlineAlert>
      )}
      <nav aria-label={`Pages of the ${of.noun}`}>
        <ol
          className={style({ margin: 0, padding: 0, display: "flex", flexWrap: "wrap", gap: 8, listStyleType: "none" })}
        >
          {Object.entries(names).map(([number, name]) => (
            <li key={number}>
              <Button
                size="S"
                variant={Number(number) === page ? "primary" : "secondary"}
                fillStyle={Number(number) === page ? "fill" : "outline"}
                {...(Number(number) === page && { "aria-current": "step" as const })}
                isDisabled={checking.isPending}
                onPress={() => void go(Number(number))}
              >
                {`${number}. ${name}`}
              </Button>
            </li>
          ))}
        </ol>
      </nav>
      <Section title={`${page}. ${names[page]}`}>
        <Suspense fallback={<Loading what="the page" />}>
          {page === review ? (
            <Review
              of={of}
              id={id}
              base={base}
              onBase={setBase}
              onStored={() => sessionStorage.removeItem(kept(of, id))}
              document={document}
              onMend={(findings, wanted) => {
                setChecked({ of: document, findings });
                setTried(review);
                ask({ page: String(wanted) });
              }}
            />
          ) : (
            <Form validationBehavior="aria" onSubmit={(event) => event.preventDefault()}>
              {fields(page, !version)}
            </Form>
          )}
        </Suspense>
        <SetInFile
          of={unshown(document, of.forms?.(document) ?? ["**"]).filter(([pointer]) => pageOf(layout, pointer) === page)}
        />
        <Problems error={checking.error} />
        <div className={ROW}>
          <ButtonGroup>
            {page > 1 && (
              <Button variant="secondary" onPress={() => void go(page - 1)}>
                Back
              </Button>
            )}
            {page < review && (
              <Button variant="accent" onPress={() => void go(page + 1)}>
                Next
              </Button>
            )}
          </ButtonGroup>
          {checking.isPending && <ProgressCircle isIndeterminate size="S" aria-label="Checking" />}
        </div>
      </Section>
    </EditingProvider>
  );
}

/** Whether the member, and what is around it, is as it was: lists count as one, since their places move. */
function same(one: Members, other: Members, pointer: string): boolean {
  if (!pointer) return one === other;
  let [a, b]: [unknown, unknown] = [one, other];
  for (const name of steps(pointer)) {
    if (Array.isArray(a) && Array.isArray(b) && a.length !== b.length) return false;
    a = (a as Record<string, unknown> | undefined)?.[name];
    b = (b as Record<string, unknown> | undefined)?.[name];
    if (a === b) return true;
    if (a === null || b === null || typeof a !== "object" || typeof b !== "object") return false;
  }
  return JSON.stringify(a) === JSON.stringify(b);
}

/** What this page has no form for: it is kept as it is, and shown, so that nobody takes it for absent. */
function SetInFile({ of }: { of: readonly (readonly [string, Json])[] }) {
  if (!of.length) return null;
  return (
    <InlineAlert variant="neutral">
      <Heading>Set in the file</Heading>
      <Content>
        These members have no form here. Saving leaves them as they are.
        <ul>
          {of.map(([pointer, value]) => (
            <li key={pointer}>{`${pointer}: ${JSON.stringify(value)}`}</li>
          ))}
        </ul>
      </Content>
    </InlineAlert>
  );
}

function Problems({ error }: { error: Error | null }) {
  if (!error) return null;
  return (
    <InlineAlert variant="negative">
      <Heading>The server could not look at it</Heading>
      <Content>{toldOf(error)}</Content>
    </InlineAlert>
  );
}

/** What saving changes, what stands against it, and the save. */
function Review({
  of,
  id,
  base,
  onBase,
  onStored,
  document,
  onMend,
}: {
  of: Kind;
  id: string;
  base: number;
  onBase: (version: number) => void;
  onStored: () => void;
  document: Members;
  onMend: (findings: readonly Finding[], page: number) => void;
}) {
  const { api } = useApp();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const [note, setNote] = useState("");
  const own = String(document.id ?? "");
  const query = useQuery({
    queryKey: ["plan", document],
    queryFn: () => content(api.POST("/documents/plan", { body: { documents: [{ ...document }], draft: true } })),
    staleTime: 0,
  });
  const storing = useMutation({
    mutationFn: ({ expected, draft }: { expected: number; draft: boolean }) =>
      of.store(api, own, { document: { ...document }, note, draft, expected_version: expected }),
    onSuccess: async (done) => {
      onStored();
      sayDone(done.changed ? `Version ${done.version} is saved.` : "It was so already.");
      await navigate(`/${of.folder}/${own}`);
      await queries.invalidateQueries();
    },
  });
  return (
    <Shown query={query} what="what saving changes">
      {(plan) => {
        const [planned] = plan.documents;
        const wrong = plan.findings.length > 0;
        return (
          <>
            <Against of={of.layout(document)} findings={plan.findings} onPage={(page) => onMend(plan.findings, page)} />
            {plan.warnings.map((each) => (
              <p key={each} className={PLAIN}>
                {each}
              </p>
            ))}
            {planned?.effect === "create" && <p className={PLAIN}>{`A new ${of.noun}, which is not active yet.`}</p>}
            {planned?.effect === "nothing" && <p className={PLAIN}>Nothing differs from what is saved.</p>}
            {planned?.effect === "change" && (
              <>
                <p className={PLAIN}>Saving changes version {planned.version}:</p>
                <Differences of={planned.differences} />
              </>
            )}
            <TextField
              label="Note (optional)"
              value={note}
              onChange={setNote}
              styles={style({ width: "full", maxWidth: 480 })}
            />
            {!isOvertaken(storing.error) && <Problems error={storing.error} />}
            <ButtonGroup>
              <Button
                variant="accent"
                isDisabled={wrong || storing.isPending}
                onPress={() => storing.mutate({ expected: base, draft: false })}
              >
                Save
              </Button>
              {wrong && planned && (
                <Button
                  variant="secondary"
                  isDisabled={storing.isPending}
                  onPress={() => storing.mutate({ expected: base, draft: true })}
                >
                  Save as a draft
                </Button>
              )}
            </ButtonGroup>
            <Overtaken
              error={storing.error}
              kind={of.kind}
              id={id || own}
              read={base}
              onStore={(current) => {
                onBase(current);
                storing.mutate({ expected: current, draft: storing.variables?.draft ?? false });
              }}
              onKeep={() => storing.reset()}
            />
          </>
        );
      }}
    </Shown>
  );
}

/** Findings with the page on which each is mended. */
function Against({
  of,
  findings,
  onPage,
}: {
  of: Layout;
  findings: Schemas["Plan"]["findings"];
  onPage: (page: number) => void;
}) {
  if (!findings.length) return null;
  const numbers = [...new Set(findings.map(({ pointer }) => pageOf(of, pointer)))].toSorted();
  return (
    <InlineAlert variant="negative">
      <Heading>
        {findings.length === 1 ? "One thing is to be mended" : `${findings.length} things are to be mended`}
      </Heading>
      <Content>
        <ul>
          {findings.map((each) => (
            <li key={`${each.pointer} ${each.what}`}>
              {each.pointer && `${each.pointer}: `}
              {sentence(each)}
            </li>
          ))}
        </ul>
        <div className={style({ display: "flex", flexWrap: "wrap", gap: 8, marginTop: 8 })}>
          {numbers
            .filter((each) => each < reviewOf(of))
            .map((each) => (
              <Button key={each} size="S" variant="secondary" onPress={() => onPage(each)}>
                {`To page ${each}`}
              </Button>
            ))}
        </div>
      </Content>
    </InlineAlert>
  );
}
