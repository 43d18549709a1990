/** Page 3: what is written, or fills the tokens of an e-mail. */
import { Others } from "../editing";
import { Find } from "../fields";
import { MappingList, OF_CALLS } from "../mapping-editor";
import { asChoices } from "../offered";
import { PLAIN } from "../page";
import { ZONES } from "../zones";
import { useAction } from "./ends";

export default function Values() {
  const { takes, columns, choices } = useAction();
  const targets = asChoices(columns.found.filter(({ updateable }) => updateable));
  return (
    <>
      <Others
        within={["/mappings", "/tokens"]}
        except={["mappings", "tokens"].filter(takes).map((member) => `/${member}`)}
      />
      {takes("mappings") && (
        <MappingList
          at="/mappings"
          label="Values of the person"
          add="Map a field"
          targets={targets}
          columns={choices}
          sources={OF_CALLS}
        />
      )}
      {takes("tokens") && (
        <MappingList
          at="/tokens"
          label="Tokens of the e-mail"
          add="Fill a token"
          target="My Token"
          targets={[]}
          columns={choices}
          sources={OF_CALLS}
        />
      )}
      {!takes("mappings") && !takes("tokens") && <p className={PLAIN}>This type of Action writes no values.</p>}
      <Find
        at="/time_zone"
        label="Time zone (optional)"
        description="Whose calendar rules and conditions go by; UTC, if nothing is given"
        choices={ZONES.map((id) => ({ id, name: id }))}
      />
    </>
  );
}
