/** The records that the next run looks at again, whether they have changed or not, and why. */
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../../api/client";
import { useApp, useMay } from "../app";
import { type ListColumn, Listing } from "../listing";
import { PLAIN } from "../page";
import { Empty, Shown } from "../states";
import type { Addressed } from "./asked";
import { RecordLink } from "./record-link";

type Due = Schemas["DueRecord"];
const SYSTEMS = { marketo: "Marketo", salesforce: "Salesforce" } as const;

export default function DueRecords({ cycle, asked, ask }: { cycle: string } & Addressed) {
  const { api, moment } = useApp();
  const mayRead = useMay("GET /cycles/{cycle_id}/records/{record_id}");
  const query = useQuery({
    queryKey: ["cycle", cycle, "due"],
    queryFn: () => content(api.GET("/cycles/{cycle_id}/due", { params: { path: { cycle_id: cycle } } })),
  });
  const columns: readonly [ListColumn<Due>, ...ListColumn<Due>[]] = [
    {
      id: "record",
      name: "Record",
      of: (each) => `${each.object} ${each.id}`,
      shown: (each) =>
        mayRead ? (
          <RecordLink cycle={cycle} id={each.id} said={`${each.object} ${each.id}`} />
        ) : (
          `${each.object} ${each.id}`
        ),
      minWidth: 210,
      narrow: true,
    },
    { id: "side", name: "System", of: (each) => SYSTEMS[each.side], minWidth: 110 },
    { id: "why", name: "Why", of: (each) => each.message, minWidth: 320, narrow: true },
    {
      id: "when",
      name: "When",
      of: (each) => each.not_before ?? "",
      shown: (each) => (each.not_before ? `not before ${moment(each.not_before)}` : "in the next run"),
      minWidth: 220,
      narrow: true,
    },
    { id: "noted", name: "Since", of: (each) => each.noted_at, shown: (each) => moment(each.noted_at), minWidth: 220 },
  ];
  return (
    <Shown query={query} what="due records">
      {({ records }) =>
        records.length ? (
          <>
            {records.length === 1000 && <p className={PLAIN}>These are the first thousand.</p>}
            <Listing
              name="Due records"
              rows={records}
              keyOf={(each) => `${each.side} ${each.object} ${each.id}`}
              columns={columns}
              asked={asked.sort ? asked : { sort: "when", direction: "ascending" }}
              ask={ask}
              size="page"
            />
          </>
        ) : (
          <Empty title="Nothing is due">What changes is read; nothing waits to be looked at again.</Empty>
        )
      }
    </Shown>
  );
}
