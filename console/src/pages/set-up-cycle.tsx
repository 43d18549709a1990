/** Sets a CRM cycle up in five pages. */
import { lazy } from "react";
import { content } from "../api/client";
import { FORMS, PAGES, TITLES } from "../parts/cycle-pages";
import { type Kind, SetUp } from "../parts/set-up/editor";

const Connections = lazy(() => import("../parts/cycle-set-up/connections"));
const People = lazy(() => import("../parts/cycle-set-up/people"));
const Companies = lazy(() => import("../parts/cycle-set-up/companies"));
const OtherKinds = lazy(() => import("../parts/cycle-set-up/other-kinds"));
const Schedule = lazy(() => import("../parts/cycle-set-up/schedule"));

const LAYOUT = { titles: TITLES, pages: PAGES, forms: FORMS };
const CYCLE: Kind = {
  kind: "crm_cycle",
  noun: "cycle",
  folder: "cycles",
  fresh: { format: 1, kind: "crm_cycle", mode: "replace_native" },
  layout: () => LAYOUT,
  route: "PUT /cycles/{cycle_id}",
  find: (api, id) => content(api.GET("/cycles/{cycle_id}", { params: { path: { cycle_id: id } } })),
  store: (api, id, body) => content(api.PUT("/cycles/{cycle_id}", { params: { path: { cycle_id: id } }, body })),
};

export default function SetUpCycle() {
  return (
    <SetUp of={CYCLE}>
      {(page, fresh) => (
        <>
          {page === 1 && <Connections fresh={fresh} />}
          {page === 2 && <People />}
          {page === 3 && <Companies />}
          {page === 4 && <OtherKinds />}
          {page === 5 && <Schedule />}
        </>
      )}
    </SetUp>
  );
}
