/** What a person creates at the vendor, step by step, as `leadbridge setup` prints it. */
import { Disclosure, DisclosurePanel, DisclosureTitle } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { content } from "../api/client";
import { useApp } from "./app";
import { Shown } from "./states";

export function SetupSheet({ id }: { id: string }) {
  const [open, setOpen] = useState(false);
  return (
    <Disclosure isExpanded={open} onExpandedChange={setOpen} isQuiet>
      <DisclosureTitle level={3}>Step by step</DisclosureTitle>
      <DisclosurePanel>{open && <Steps id={id} />}</DisclosurePanel>
    </Disclosure>
  );
}

function Steps({ id }: { id: string }) {
  const { api } = useApp();
  const query = useQuery({
    queryKey: ["setup", id],
    queryFn: () => content(api.GET("/connections/{connection_id}/setup", { params: { path: { connection_id: id } } })),
  });
  return (
    <Shown query={query} what="the steps">
      {({ steps }) => (
        <ol className={style({ margin: 0, paddingStart: 24, display: "flex", flexDirection: "column", gap: 12 })}>
          {steps.map((each) => (
            <li key={each} className={style({ whiteSpace: "pre-wrap", overflowWrap: "anywhere" })}>
              {each}
            </li>
          ))}
        </ol>
      )}
    </Shown>
  );
}
