/** Page 1: name, both connections, and whether Marketo's own sync runs beside it. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { MODES } from "../../api/cycle.generated";
import { useMay } from "../app";
import { Named } from "../common-pages";
import { Choose, LINE } from "../fields";
import { useConnections } from "../offered";
import { PLAIN } from "../page";
import { mode } from "../words";
import { HEAD } from "./kind";
import { ProposeAll } from "./proposal";

export default function Connections({ fresh }: { fresh: boolean }) {
  const mayPropose = useMay("POST /cycles/propose");
  const marketo = useConnections("marketo");
  const salesforce = useConnections("salesforce");
  return (
    <>
      <Named fresh={fresh} />
      <div className={LINE}>
        <Choose
          at="/marketo"
          label="Marketo"
          description="Connections that are enabled and have their credentials"
          choices={marketo.found}
        />
        <Choose at="/salesforce" label="Salesforce" choices={salesforce.found} />
      </div>
      <Choose
        at="/mode"
        label="It runs"
        description="Beside Marketo's own sync it keeps no companies, sales persons and opportunities, which are read-only then"
        choices={MODES.map((id) => ({ id, name: mode(id) }))}
      />
      {mayPropose && (
        <section aria-label="A first draft" className={style({ display: "flex", flexDirection: "column", gap: 12 })}>
          <h3 className={HEAD}>A first draft</h3>
          <p className={PLAIN}>
            Both systems are asked for their fields, at most eight calls; kinds of records that are not here yet are
            filled out. What you have written stays.
          </p>
          <ProposeAll />
        </section>
      )}
    </>
  );
}
