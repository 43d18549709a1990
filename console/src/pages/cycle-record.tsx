/** One record of a cycle: with whom it is linked, whether it is due, and what runs have done about it. */
import { Link } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { useParams } from "react-router";
import { content, type Schemas } from "../api/client";
import { useApp } from "../parts/app";
import { RowTold } from "../parts/cycle/row";
import { COLUMN, PLAIN, Section, Title } from "../parts/page";
import { Shown } from "../parts/states";
import { counted } from "../parts/words";

const LIST = style({ margin: 0, paddingStart: 20, display: "flex", flexDirection: "column", gap: 12 });

export default function CycleRecord() {
  const { id = "", record = "" } = useParams();
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["cycle", id, "record", record],
    queryFn: () =>
      content(
        api.GET("/cycles/{cycle_id}/records/{record_id}", { params: { path: { cycle_id: id, record_id: record } } }),
      ),
  });
  return (
    <div className={COLUMN}>
      <Link href={`/cycles/${id}#tab=record`} isStandalone>
        The cycle {id}
      </Link>
      <Title>Record {record}</Title>
      <Shown query={query} what="the record">
        {(found) => <Told cycle={id} found={found} />}
      </Shown>
    </div>
  );
}

function Told({ cycle, found }: { cycle: string; found: Schemas["CycleRecord"] }) {
  const { moment } = useApp();
  return (
    <>
      <Section title="Whom it belongs to">
        {found.links.length ? (
          <ul className={LIST}>
            {found.links.map((each) => (
              <li key={`${each.salesforce_id} ${each.marketo_id}`}>{each.message}</li>
            ))}
          </ul>
        ) : (
          <p className={PLAIN}>It is linked to no record of the other system.</p>
        )}
        {found.due.map((each) => (
          <p key={`${each.object} ${each.id}`} className={PLAIN}>
            {each.not_before ? `Due not before ${moment(each.not_before)}: ` : "Due in the next run: "}
            {each.message}
          </p>
        ))}
      </Section>
      <Section title="What runs have done">
        {found.runs.length ? (
          <ul className={LIST}>
            {found.runs.map((run) => (
              <li key={run.slot}>
                <Link href={`/cycles/${cycle}/runs/${run.slot}`}>{moment(run.started_at)}</Link>
                {run.rows.map((row) => (
                  <RowTold key={`${row.kind} ${row.salesforce_id} ${row.marketo_id} ${row.outcome}`} of={row} />
                ))}
              </li>
            ))}
          </ul>
        ) : (
          <p className={PLAIN}>Nothing was done about it.</p>
        )}
        <p className={style({ font: "body-sm", margin: 0 })}>
          {`The newest ${counted(found.looked_through, "run")} ${found.looked_through === 1 ? "was" : "were"} looked through`}
          {found.whole ? "." : ", not all their files: there may be more."}
        </p>
      </Section>
    </>
  );
}
