/** One execution: what came in, what was decided and why, and what is to be done. */
import { Link } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { content, type Schemas } from "../api/client";
import { useApp, useMay } from "../parts/app";
import { Standing, word } from "../parts/badge";
import { RunAgain } from "../parts/run-again";
import { Shown } from "../parts/states";

/** states that `redrive` brings back */
const BROUGHT_BACK = new Set(["parked", "rejected", "not_run"]);

export default function Execution() {
  const { id = "" } = useParams();
  const { api, preferences } = useApp();
  const query = useQuery({
    queryKey: ["execution", id, preferences.zone],
    queryFn: () =>
      content(
        api.GET("/executions/{execution_id}", {
          params: { path: { execution_id: id }, query: { zone: preferences.zone } },
        }),
      ),
  });
  return (
    <div className={style({ display: "flex", flexDirection: "column", gap: 20 })}>
      <Link href="/executions" isStandalone>
        All executions
      </Link>
      <h1 className={style({ font: "heading-lg", margin: 0 })}>Execution</h1>
      <Shown query={query} what="the execution">
        {(found) => <Told found={found} />}
      </Shown>
    </div>
  );
}

function Told({ found }: { found: Schemas["ExecutionDetail"] }) {
  const mayRedrive = useMay("POST /executions/redrive");
  return (
    <>
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 12, alignItems: "center" })}>
        <Standing of={word(found)} />
        <strong>{found.action_name ?? found.action_id}</strong>
        <span className={style({ font: "code-sm", overflowWrap: "anywhere" })}>{found.execution_id}</span>
        {mayRedrive && BROUGHT_BACK.has(found.state) && <RunAgain of={{ execution_ids: [found.execution_id] }} />}
      </div>
      {found.links.length > 0 && (
        <div className={style({ display: "flex", flexWrap: "wrap", gap: 16 })}>
          {found.links.map(({ system, record_id, url }) => (
            <Link key={system} href={url} target="_blank" rel="noreferrer">{`${record_id} in ${system}`}</Link>
          ))}
        </div>
      )}
      <section
        aria-label="Why"
        className={style({ backgroundColor: "layer-2", borderRadius: "lg", padding: { default: 16, md: 24 } })}
      >
        <Tree lines={found.explanation} />
      </section>
    </>
  );
}

type Line = Schemas["Told"];

/** Lines with those below them. */
function Tree({ lines }: { lines: readonly Line[] }) {
  const depth = lines[0]?.depth ?? 0;
  const groups: { head: Line; below: Line[]; at: number }[] = [];
  lines.forEach((line, at) => {
    if (line.depth === depth) groups.push({ head: line, below: [], at });
    else groups.at(-1)?.below.push(line);
  });
  return (
    <ul className={style({ margin: 0, paddingStart: 20, display: "flex", flexDirection: "column", gap: 8 })}>
      {groups.map(({ head, below, at }) => (
        <li key={at} className={style({ overflowWrap: "anywhere" })}>
          {head.text}
          {below.length > 0 && (
            <div className={style({ marginTop: 4 })}>
              <Tree lines={below} />
            </div>
          )}
        </li>
      ))}
    </ul>
  );
}
