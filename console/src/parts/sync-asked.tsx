/** The query of a Sync as a run that began now would ask it. */
import { useQuery } from "@tanstack/react-query";
import { content } from "../api/client";
import { useApp } from "./app";
import { Shown } from "./states";
import { AskedQuery } from "./sync-query";

export default function Asked({ id, version }: { id: string; version: number }) {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["sync query", id, version],
    queryFn: () => content(api.GET("/syncs/{sync_id}/query", { params: { path: { sync_id: id } } })),
  });
  return (
    <Shown query={query} what="the query">
      {(found) => <AskedQuery query={found} />}
    </Shown>
  );
}
