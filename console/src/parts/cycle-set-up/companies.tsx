/** Page 3: sales persons, companies, opportunities and who has a part in them. */
import { Switch } from "@react-spectrum/s2";
import { Others, useEditing } from "../editing";
import { Choose, Figure, Find, LINE, Lines, Truth, Words } from "../fields";
import { asChoices } from "../offered";
import { at } from "../pointer";
import { useOurs, usePart, useTheirs } from "./ends";
import { BLOCK, Fate, Kind, LowWatermark } from "./kind";
import { Pairs } from "./pairs";

const KINDS = ["/sales_persons", "/companies", "/opportunities", "/opportunity_roles"];
const OWN = [
  ...["/sales_persons/deactivated", "/sales_persons/low_watermark"],
  ...["fields", "deleted_in_salesforce", "fan_out", "low_watermark"].map((each) => `/companies/${each}`),
  ...["fields", "stage_field", "won", "lost", "deleted_in_salesforce", "low_watermark"].map(
    (each) => `/opportunities/${each}`,
  ),
  ...["without_name", "deleted_in_salesforce", "low_watermark"].map((each) => `/opportunity_roles/${each}`),
];
const DELETED = [
  { id: "ignore", name: "Nothing is done" },
  { id: "delete", name: "It is deleted, too" },
];

export default function Companies() {
  const [kept, deals] = [usePart("/companies"), usePart("/opportunities")];
  const companies = useOurs("companies", kept);
  const opportunities = useOurs("opportunities", deals);
  const people = useOurs("leads", deals);
  const accounts = useTheirs("Account", kept);
  const theirs = useTheirs("Opportunity", deals);
  return (
    <>
      <Others within={KINDS} except={OWN} />
      <Kind at="/companies" label="Companies and Accounts" start={{ fields: [] }}>
        <Pairs
          at="/companies/fields"
          label="Fields of companies"
          marketo={asChoices(companies.found)}
          salesforce={asChoices(accounts.found)}
          drafted
        />
        <Fate
          at="/companies/deleted_in_salesforce"
          label="Deleted in Salesforce: the company"
          usual="ignore"
          choices={DELETED}
          fields={asChoices(companies.found)}
        />
        <Figure
          at="/companies/fan_out"
          label="People whom one edit may reach"
          description="1000, if nothing is given; more are asked about"
        />
        <LowWatermark at="/companies/low_watermark" />
      </Kind>
      <Kind at="/sales_persons" label="Sales persons, from Salesforce's Users" start={{}}>
        <Choose
          at="/sales_persons/deactivated"
          label="Of a User who was deactivated"
          instead="ignore"
          choices={[
            { id: "ignore", name: "The sales person stays" },
            { id: "delete", name: "The sales person is deleted" },
          ]}
        />
        <LowWatermark at="/sales_persons/low_watermark" />
      </Kind>
      <Kind at="/opportunities" label="Opportunities, from Salesforce" start={{ fields: [] }}>
        <Pairs
          at="/opportunities/fields"
          label="Fields of opportunities"
          marketo={asChoices(opportunities.found)}
          salesforce={asChoices(theirs.found)}
          only="to_marketo"
          drafted
        />
        <Find
          at="/opportunities/stage_field"
          label="Field of people that takes the stage (optional)"
          description="Of the Opportunity in which the Contact has the primary role"
          choices={asChoices(people.found)}
        />
        <Track at="/opportunities/won" label="Once one of a Contact's Opportunities is won" />
        <Track at="/opportunities/lost" label="Once all of a Contact's Opportunities are closed, none of them won" />
        <Fate
          at="/opportunities/deleted_in_salesforce"
          label="Deleted in Salesforce: the opportunity"
          usual="ignore"
          choices={DELETED}
          fields={asChoices(opportunities.found)}
        />
        <Truth at="/opportunities/look_in_marketo" label="Tell which opportunities and roles only Marketo has" />
        <LowWatermark at="/opportunities/low_watermark" />
      </Kind>
      <Kind at="/opportunity_roles" label="Roles of Contacts in Opportunities" start={{}}>
        <div className={LINE}>
          <Words
            at="/opportunity_roles/without_name"
            label="A role without a name is called (optional)"
            description="Unspecified, if nothing is given"
            narrow
          />
          <Choose
            at="/opportunity_roles/deleted_in_salesforce"
            label="Deleted in Salesforce: the role"
            instead="delete"
            narrow
            choices={DELETED}
          />
        </div>
        <LowWatermark at="/opportunity_roles/low_watermark" />
      </Kind>
    </>
  );
}

/** Programs that people leave and join. */
function Track({ at: pointer, label }: { at: string; label: string }) {
  const { document, set } = useEditing();
  const [track, join] = [at(document, pointer) ?? null, at(document, `${pointer}/join`) ?? null];
  return (
    <div className={BLOCK}>
      <Switch isSelected={track !== null} onChange={(on) => set(pointer, on ? { leave: [] } : undefined)}>
        {label}, people change programs
      </Switch>
      {track !== null && (
        <>
          <Others within={[pointer]} except={[`${pointer}/leave`, `${pointer}/join`]} />
          <Lines
            at={`${pointer}/leave`}
            label="Programs that they leave"
            description="Names or ids, one a line"
            numbers
          />
          <Switch
            isSelected={join !== null}
            onChange={(on) => set(`${pointer}/join`, on ? { program: "", status: "" } : undefined)}
          >
            They join a program
          </Switch>
          {join !== null && (
            <div className={LINE}>
              <Words
                at={`${pointer}/join/program`}
                also={[`${pointer}/join`]}
                label="Program"
                description="Its name or id"
                narrow
                kept
                named
              />
              <Words at={`${pointer}/join/status`} label="Status" description="Of its channel" narrow kept />
            </div>
          )}
        </>
      )}
    </div>
  );
}
