/** Sets an Action up in five pages, those of its type. */
import { lazy } from "react";
import * as salesforce from "../api/action.generated";
import { content } from "../api/client";
import * as marketo from "../api/connector.generated";
import { useEditing } from "../parts/editing";
import { type Kind, SetUp } from "../parts/set-up/editor";
import { formsOf } from "../parts/set-up/shown";
import { isAtMarketo } from "../parts/set-up/types";

const Configuration = lazy(() => import("../parts/set-up/configuration"));
const Mapping = lazy(() => import("../parts/set-up/mapping"));
const Chained = lazy(() => import("../parts/set-up/chained"));
const Conditions = lazy(() => import("../parts/set-up/conditions"));
const Results = lazy(() => import("../parts/set-up/results"));
const Identity = lazy(() => import("../parts/at-marketo/identity"));
const Person = lazy(() => import("../parts/at-marketo/person"));
const Values = lazy(() => import("../parts/at-marketo/values"));
const Asked = lazy(() => import("../parts/at-marketo/conditions"));
const Batch = lazy(() => import("../parts/at-marketo/batch"));

const TO_SALESFORCE = { titles: salesforce.TITLES, pages: salesforce.PAGES };
const AT_MARKETO = { titles: marketo.TITLES, pages: marketo.PAGES };

const ACTION: Kind = {
  kind: "action",
  noun: "Action",
  folder: "actions",
  fresh: { format: 1, kind: "action", source: { table: "leads" } },
  layout: (document) => (isAtMarketo(document) ? AT_MARKETO : TO_SALESFORCE),
  forms: formsOf,
  route: "PUT /actions/{action_id}",
  find: (api, id) => content(api.GET("/actions/{action_id}", { params: { path: { action_id: id } } })),
  store: (api, id, body) => content(api.PUT("/actions/{action_id}", { params: { path: { action_id: id } }, body })),
};

export default function SetUpAction() {
  return <SetUp of={ACTION}>{(page, fresh) => <Page page={page} fresh={fresh} />}</SetUp>;
}

function Page({ page, fresh }: { page: number; fresh: boolean }) {
  const { document } = useEditing();
  if (isAtMarketo(document)) {
    return (
      <>
        {page === 1 && <Identity fresh={fresh} />}
        {page === 2 && <Person />}
        {page === 3 && <Values />}
        {page === 4 && <Asked />}
        {page === 5 && <Batch />}
      </>
    );
  }
  return (
    <>
      {page === 1 && <Configuration fresh={fresh} />}
      {page === 2 && <Mapping />}
      {page === 3 && <Chained />}
      {page === 4 && <Conditions />}
      {page === 5 && <Results />}
    </>
  );
}
