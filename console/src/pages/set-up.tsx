/** Sets an Action up in five pages. */
import { lazy } from "react";
import { PAGES, TITLES } from "../api/action.generated";
import { content } from "../api/client";
import { type Kind, SetUp } from "../parts/set-up/editor";

const Configuration = lazy(() => import("../parts/set-up/configuration"));
const Mapping = lazy(() => import("../parts/set-up/mapping"));
const Chained = lazy(() => import("../parts/set-up/chained"));
const Conditions = lazy(() => import("../parts/set-up/conditions"));
const Results = lazy(() => import("../parts/set-up/results"));

const ACTION: Kind = {
  kind: "action",
  noun: "Action",
  folder: "actions",
  fresh: { format: 1, kind: "action", source: { table: "leads" } },
  titles: TITLES,
  pages: PAGES,
  route: "PUT /actions/{action_id}",
  find: (api, id) => content(api.GET("/actions/{action_id}", { params: { path: { action_id: id } } })),
  store: (api, id, body) => content(api.PUT("/actions/{action_id}", { params: { path: { action_id: id } }, body })),
};

export default function SetUpAction() {
  return (
    <SetUp of={ACTION}>
      {(page, fresh) => (
        <>
          {page === 1 && <Configuration fresh={fresh} />}
          {page === 2 && <Mapping />}
          {page === 3 && <Chained />}
          {page === 4 && <Conditions />}
          {page === 5 && <Results />}
        </>
      )}
    </SetUp>
  );
}
