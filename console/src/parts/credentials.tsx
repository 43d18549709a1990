/** Credentials of a connection: typed once, stored, and never shown. */
import { Button, Form, TextField } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { content } from "../api/client";
import { useApp } from "./app";
import { findingsOf, sentence } from "./findings";
import { sayDone } from "./notices";
import { PLAIN } from "./page";

export function Credentials({ id, members, there }: { id: string; members: readonly string[]; there: boolean }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const [typed, setTyped] = useState<Readonly<Record<string, string>>>({});
  const keeping = useMutation({
    mutationFn: () =>
      content(
        api.PUT("/connections/{connection_id}/secret", {
          params: { path: { connection_id: id } },
          body: Object.fromEntries(members.map((member) => [member, typed[member] ?? ""])),
        }),
      ),
    onSuccess: async () => {
      setTyped({});
      sayDone("The credentials are stored.");
      await queries.invalidateQueries();
    },
  });
  const findings = findingsOf(keeping.error);
  const about = (member: string) => findings.filter(({ pointer }) => pointer === `/${member}`);
  const rest = findings.filter(({ pointer }) => !members.some((member) => pointer === `/${member}`));
  return (
    <Form
      validationBehavior="aria"
      onSubmit={(event) => {
        event.preventDefault();
        keeping.mutate();
      }}
    >
      <p className={PLAIN}>
        {there
          ? "They are stored, and shown to nobody. New ones take their place at once."
          : "They are stored, and shown to nobody from then on."}
      </p>
      {members.map((member) => (
        <TextField
          key={member}
          label={`${member.slice(0, 1).toUpperCase()}${member.slice(1).replaceAll("_", " ")}`}
          type={member === "client_id" ? "text" : "password"}
          autoComplete="off"
          value={typed[member] ?? ""}
          onChange={(value) => setTyped({ ...typed, [member]: value })}
          isInvalid={about(member).length > 0}
          errorMessage={about(member).map(sentence).join(" ")}
          styles={style({ width: "full", maxWidth: 480 })}
        />
      ))}
      {rest.map((each) => (
        <p key={each.what} role="alert" className={PLAIN}>
          {sentence(each)}
        </p>
      ))}
      <Button type="submit" variant="accent" isDisabled={keeping.isPending} styles={style({ width: "fit" })}>
        {there ? "Replace the credentials" : "Store the credentials"}
      </Button>
    </Form>
  );
}
