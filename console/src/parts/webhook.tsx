/** The webhook of an Action as Marketo's dialog asks for it, piece by piece, each with a button that copies it. */
import { ActionButton, Button, Picker, PickerItem } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useMutation, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { content, type Schemas } from "../api/client";
import { useApp, useMay } from "./app";
import { toldOf } from "./findings";
import { sayDone, sayRefused } from "./notices";
import { COLUMN, PLAIN, Section } from "./page";
import { Shown } from "./states";

const ENCODINGS = [
  { id: "json", name: "JSON" },
  { id: "xml", name: "XML" },
  { id: "form", name: "Form" },
  { id: "get", name: "GET" },
] as const;
type Encoding = (typeof ENCODINGS)[number]["id"];

export default function Webhook({ id }: { id: string }) {
  const { api } = useApp();
  const [encoding, setEncoding] = useState<Encoding>("json");
  const query = useQuery({
    queryKey: ["webhook", id, encoding],
    queryFn: () =>
      content(api.GET("/actions/{action_id}/webhook", { params: { path: { action_id: id }, query: { encoding } } })),
  });
  return (
    <div className={COLUMN}>
      <Picker
        label="The call is written as"
        selectedKey={encoding}
        onSelectionChange={(key) => setEncoding(key as Encoding)}
        styles={style({ width: 200 })}
      >
        {ENCODINGS.map((each) => (
          <PickerItem key={each.id} id={each.id}>
            {each.name}
          </PickerItem>
        ))}
      </Picker>
      <Shown query={query} what="the webhook">
        {(found) => <Sheet found={found} />}
      </Shown>
    </div>
  );
}

function Sheet({ found }: { found: Schemas["Webhook"] }) {
  return (
    <>
      <Section title="Marketo Admin > Integration > Webhooks > New Webhook">
        <Piece name="Webhook Name" text={found.name} />
        <Piece name="URL" text={found.url} />
        <Piece name="Request Type" text={found.method} />
        {found.template && <Piece name="Template" text={found.template} />}
        <Piece name="Request Token Encoding" text={found.encoding} />
        <Piece name="Response Type" text={found.response_type} />
      </Section>
      <Section title="Webhooks Actions > Set Custom Header">
        {found.headers.map(({ name, value }) => (
          <Piece key={name} name={name} text={value} />
        ))}
        <Key id={found.action} header={found.key_header} />
      </Section>
      <Section title="Response Mappings">
        {found.mappings.map(({ attribute, field }) => (
          <Piece key={attribute} name={attribute} text={field} />
        ))}
        {!found.mappings.length && <p className={PLAIN}>None; the Action writes back by API.</p>}
      </Section>
      {found.notes.map((each) => (
        <p key={each} className={PLAIN}>
          {each}
        </p>
      ))}
    </>
  );
}

function Piece({ name, text }: { name: string; text: string }) {
  return (
    <div className={style({ display: "flex", flexDirection: "column", gap: 4, minWidth: 0 })}>
      <div className={style({ display: "flex", gap: 8, alignItems: "center" })}>
        <strong>{name}</strong>
        <Copy name={name} text={text} />
      </div>
      <pre
        className={style({
          font: "code-sm",
          margin: 0,
          padding: 8,
          borderRadius: "default",
          backgroundColor: "layer-1",
          whiteSpace: "pre-wrap",
          overflowWrap: "anywhere",
        })}
      >
        {text}
      </pre>
    </div>
  );
}

function Copy({ name, text }: { name: string; text: string }) {
  const copying = useMutation({
    mutationFn: () => navigator.clipboard.writeText(text),
    onSuccess: () => sayDone(`${name} is copied.`),
    onError: () => sayRefused(new Error("The browser did not let it be copied; select the text.")),
  });
  return (
    <ActionButton size="S" aria-label={`Copy ${name}`} onPress={() => copying.mutate()}>
      Copy
    </ActionButton>
  );
}

/** The key opens the Action to everybody who has it, so it is asked for. */
function Key({ id, header }: { id: string; header: string }) {
  const { api } = useApp();
  const may = useMay("GET /actions/{action_id}/key");
  const asking = useMutation({
    mutationFn: () => content(api.GET("/actions/{action_id}/key", { params: { path: { action_id: id } } })),
  });
  if (asking.data) return <Piece name={header} text={asking.data.key} />;
  return (
    <>
      <p className={PLAIN}>
        {header}:{" "}
        {may ? "the Action's key, which opens it to everybody who has it." : "an administrator tells the key."}
      </p>
      {may && (
        <Button
          variant="secondary"
          isDisabled={asking.isPending}
          onPress={() => asking.mutate()}
          styles={style({ width: "fit" })}
        >
          Show the key
        </Button>
      )}
      {asking.error && <p className={PLAIN}>{toldOf(asking.error)}</p>}
    </>
  );
}
