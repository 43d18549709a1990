/** Is all well? */
import { Badge, Link } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { content, type Schemas } from "../api/client";
import { useApp } from "../parts/app";
import { Empty, Shown } from "../parts/states";

export default function Home() {
  const { api } = useApp();
  const connections = useQuery({
    queryKey: ["connections"],
    queryFn: () => content(api.GET("/connections")),
    refetchInterval: 60_000,
  });
  return (
    <div className={style({ display: "flex", flexDirection: "column", gap: 20 })}>
      <h1 className={style({ font: "heading-lg", margin: 0 })}>Home</h1>
      <Shown query={connections} what="connections">
        {(found) => <Connections connections={found.connections} />}
      </Shown>
    </div>
  );
}

function Connections({ connections }: { connections: readonly Schemas["Connection"][] }) {
  if (!connections.length) {
    return <Empty title="There is no connection yet">Add one with the command line: leadbridge connections.</Empty>;
  }
  return (
    <section aria-labelledby="connections" className={style({ display: "flex", flexDirection: "column", gap: 12 })}>
      <h2 id="connections" className={style({ font: "heading-sm", margin: 0 })}>
        Connections
      </h2>
      <div className={style({ display: "flex", flexWrap: "wrap", gap: 16 })}>
        {connections.map((each) => (
          <article
            key={each.id}
            className={style({ backgroundColor: "layer-2", borderRadius: "lg", padding: 20, minWidth: 240 })}
          >
            <h3 className={style({ font: "title", margin: 0 })}>{each.name}</h3>
            <Badge
              variant={each.usable && !each.paused ? "positive" : "notice"}
              fillStyle="subtle"
              size="S"
              styles={style({ width: "fit", marginTop: 8 })}
            >
              {each.paused ? "paused" : each.usable ? "usable" : each.enabled ? "secret missing" : "disabled"}
            </Badge>
            <p className={style({ marginBottom: 0 })}>
              {counted(each.actions.length, "Action")}, {counted(each.syncs.length, "Sync")}
            </p>
          </article>
        ))}
      </div>
      <Link href="/executions">What happened lately</Link>
    </section>
  );
}

function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
