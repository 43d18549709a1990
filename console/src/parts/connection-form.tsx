/** The document of a connection as fields. */
import { Button, Form } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useNavigate } from "react-router";
import { content, ProblemError } from "../api/client";
import { useApp } from "./app";
import { EditingProvider, Others, useDocument } from "./editing";
import { Choose, Find, Words } from "./fields";
import { findingsOf } from "./findings";
import { sayDone } from "./notices";
import { isOvertaken, Overtaken } from "./overtaken";
import type { Members } from "./pointer";

const OWN = {
  marketo_connection: ["/name", "/base_url", "/identity_url", "/record_url"],
  salesforce_connection: [
    "/name",
    "/token_host",
    "/audience",
    "/client_id",
    "/username",
    "/login",
    "/organization_id",
    "/record_url",
  ],
} as const;

/** `version` 0: there is none yet. */
export function ConnectionForm({ document: start, version }: { document: unknown; version: number }) {
  const { api } = useApp();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { document, set, setAll } = useDocument(start as Members);
  const [base, setBase] = useState(version);
  const id = String(document.id ?? "");
  const storing = useMutation({
    mutationFn: async (expected: number) => {
      const wrong = await content(api.POST("/documents/validate", { body: { documents: [{ ...document }] } }));
      if (wrong.findings.length) {
        throw new ProblemError({ code: "findings", message: "Nothing was stored.", ...wrong }, 422);
      }
      const params = { path: { connection_id: id } };
      const body = { document: { ...document }, note: "", expected_version: expected };
      return content(api.PUT("/connections/{connection_id}", { params, body }));
    },
    onSuccess: async (done) => {
      setBase(done.version);
      sayDone(done.changed ? `Version ${done.version} is stored.` : "It was so already.");
      if (!version) await navigate(`/connections/${id}`);
      await queries.invalidateQueries();
    },
  });
  const findings = isOvertaken(storing.error) ? [] : findingsOf(storing.error);
  const kind = document.kind as keyof typeof OWN;
  return (
    <EditingProvider editing={{ document, set, setAll, findings, shows: () => true }}>
      <Form
        validationBehavior="aria"
        onSubmit={(event) => {
          event.preventDefault();
          storing.mutate(base);
        }}
      >
        <Others within={[""]} except={[...OWN[kind], ...(version ? [] : ["/id"])]} />
        {!version && (
          <Words at="/id" label="Id" description="Lower-case letters, digits and hyphens; it never changes" />
        )}
        <Words at="/name" label="Name" />
        {kind === "marketo_connection" ? (
          <>
            <Words at="/base_url" label="REST API endpoint" description="As Admin > Web Services shows it" />
            <Words
              at="/identity_url"
              label="REST API identity"
              description="As the same page shows it; may be left out"
            />
          </>
        ) : (
          <>
            <Words at="/token_host" label="Log-in host" description="My Domain, or the log-in or test host" />
            <Find
              at="/audience"
              label="Audience"
              choices={[
                { id: "https://login.salesforce.com", name: "https://login.salesforce.com" },
                { id: "https://test.salesforce.com", name: "https://test.salesforce.com" },
              ]}
            />
            <Choose
              at="/login"
              label="Log-in"
              instead="jwt"
              choices={[
                { id: "jwt", name: "With our certificate; no secret exists" },
                { id: "client_credentials", name: "Client credentials" },
                { id: "refresh_token", name: "Refresh token" },
              ]}
            />
            <Words at="/client_id" label="Consumer key" description="Of the External Client App" />
            <Words at="/username" label="Username" description="Of the integration user" />
            <Words at="/organization_id" label="Organization id" description="For outbound messages; may be left out" />
          </>
        )}
        <Words
          at="/record_url"
          label="Address of a record"
          description={`Where one looks at it in the browser, with {id} in place of its id; may be left out${kind === "marketo_connection" ? ", then nothing leads to people in Marketo" : ""}`}
        />
        <Button type="submit" variant="accent" isDisabled={storing.isPending} styles={style({ width: "fit" })}>
          {version ? "Store" : "Add"}
        </Button>
      </Form>
      <Overtaken
        error={storing.error}
        kind={kind}
        id={id}
        read={base}
        onStore={(current) => storing.mutate(current)}
        onKeep={() => storing.reset()}
      />
    </EditingProvider>
  );
}
