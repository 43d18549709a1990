/** Page 1 of an Action whose destination is Marketo: what it is called, and what it does there. */
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { STRATEGIES } from "../../api/connector.generated";
import { Named } from "../common-pages";
import { Others } from "../editing";
import { Choose, Find, Words } from "../fields";
import { asChoices, useConnections, useNamed } from "../offered";
import { TypeOfAction } from "../set-up/identity";
import { FindNamed } from "../set-up/named";
import { Trial } from "../set-up/trial";
import { useAction } from "./ends";

const END = ["connection", "operation", "list", "campaign", "strategy", "lookup_field", "partition"];
const OWN = ["/id", "/name", "/description", "/trial", ...END.map((name) => `/destination/${name}`)];
const STRATEGY_WORDS = {
  createOrUpdate: "Update who is there, create who is not",
  createOnly: "Create only: who is there is skipped",
  updateOnly: "Update only: who is not there is skipped",
  createDuplicate: "Always create a new person",
} as const;

export default function AtMarketo({ fresh }: { fresh: boolean }) {
  const marketo = useConnections("marketo");
  const { connection, operation, columns, takes, needs } = useAction();
  const lists = useNamed("lists", takes("destination.list") ? connection : "");
  const campaigns = useNamed("campaigns", takes("destination.campaign") ? connection : "");
  const label = (said: string, member: string) => (needs(member) ? said : `${said} (optional)`);
  return (
    <>
      <Others within={["/destination", "/id", "/name", "/description"]} except={OWN} />
      <TypeOfAction fresh={fresh} />
      <Named fresh={fresh} />
      <h3 className={style({ font: "title", margin: 0 })}>At Marketo</h3>
      <Choose
        at="/destination/connection"
        also={["/destination", "/destination/operation"]}
        label="Marketo connection"
        description="Those that are enabled and have their credentials"
        choices={marketo.found}
      />
      {takes("destination.list") && (
        <FindNamed
          at="/destination/list"
          label={label("Static list", "destination.list")}
          description="Its name, or its id where the name has a comma"
          offered={lists}
        />
      )}
      {takes("destination.campaign") && (
        <FindNamed
          at="/destination/campaign"
          label="Campaign that sends the e-mail"
          description='An active trigger campaign with "Campaign is Requested", source Web Service API'
          offered={campaigns}
        />
      )}
      {takes("destination.strategy") && (
        <Choose
          at="/destination/strategy"
          label="Update strategy"
          choices={STRATEGIES.map((id) => ({ id, name: STRATEGY_WORDS[id] }))}
        />
      )}
      {takes("destination.lookup_field") && (
        <Find
          at="/destination/lookup_field"
          label={label("Field by which Marketo finds the person", "destination.lookup_field")}
          description={
            operation === "upsert_lead" ? "email, if nothing is given; it must be mapped" : "It must be mapped"
          }
          choices={asChoices(columns.found)}
          loading={columns.loading}
        />
      )}
      {takes("destination.partition") && (
        <Words
          at="/destination/partition"
          label="Partition (optional)"
          description="Where people who are new are made"
        />
      )}
      <Trial connection={connection} />
    </>
  );
}
