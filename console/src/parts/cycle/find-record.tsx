/** Finds a record by its id in either system. */
import { Button, Form, TextField } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { useState } from "react";
import { useNavigate } from "react-router";

export default function FindRecord({ cycle }: { cycle: string }) {
  const navigate = useNavigate();
  const [id, setId] = useState("");
  return (
    <Form
      onSubmit={(event) => {
        event.preventDefault();
        if (id.trim()) navigate(`/cycles/${cycle}/records/${encodeURIComponent(id.trim())}`);
      }}
    >
      <div className={style({ display: "flex", flexWrap: "wrap", alignItems: "start", gap: 16 })}>
        <TextField
          label="Id of the record"
          description="Salesforce's, or Marketo's of a person"
          value={id}
          onChange={setId}
          styles={style({ width: { default: "full", sm: 280 } })}
        />
        <Button type="submit" variant="accent" styles={style({ marginTop: 24 })}>
          Show
        </Button>
      </div>
    </Form>
  );
}
