/** Sets a Sync up in five pages. */
import { lazy } from "react";
import { content } from "../api/client";
import { type Kind, SetUp } from "../parts/set-up/editor";
import { PAGES, TITLES } from "../parts/sync-pages";

const Configuration = lazy(() => import("../parts/sync-set-up/configuration"));
const Mapping = lazy(() => import("../parts/sync-set-up/mapping"));
const Filter = lazy(() => import("../parts/sync-set-up/filter"));
const Preview = lazy(() => import("../parts/sync-set-up/preview"));
const Schedule = lazy(() => import("../parts/sync-set-up/schedule"));

const LAYOUT = { titles: TITLES, pages: PAGES };

const SYNC: Kind = {
  kind: "sync",
  noun: "Sync",
  folder: "syncs",
  fresh: {
    format: 1,
    kind: "sync",
    source: {},
    destination: {},
    match: [{ column: "", field: "" }],
    import: "create_and_update",
    dedupe: "youngest",
    mappings: [],
  },
  layout: () => LAYOUT,
  route: "PUT /syncs/{sync_id}",
  find: (api, id) => content(api.GET("/syncs/{sync_id}", { params: { path: { sync_id: id } } })),
  store: (api, id, body) => content(api.PUT("/syncs/{sync_id}", { params: { path: { sync_id: id } }, body })),
};

export default function SetUpSync() {
  return (
    <SetUp of={SYNC}>
      {(page, fresh) => (
        <>
          {page === 1 && <Configuration fresh={fresh} />}
          {page === 2 && <Mapping />}
          {page === 3 && <Filter />}
          {page === 4 && <Preview />}
          {page === 5 && <Schedule />}
        </>
      )}
    </SetUp>
  );
}
