/** What an Action reads of Marketo beside the call, and what it makes of the person there. */
import { Others, useEditing } from "../editing";
import { type Choice, Figure, Find } from "../fields";
import { AFTERWARDS, MappingList } from "../mapping-editor";
import { useFields, useLoggedTypes, usePrograms } from "../offered";
import { at } from "../pointer";
import { FindNamed } from "./named";
import { Switched } from "./switched";

/** The attributes of the person's newest activity of a type are columns, too. */
export function Activity({ connection }: { connection: string }) {
  const { document } = useEditing();
  const wanted = at(document, "/activity") !== undefined;
  const types = useLoggedTypes(connection, wanted);
  return (
    <>
      <Others within={["/activity"]} except={["/activity/type", "/activity/days"]} />
      <Switched
        at="/activity"
        start={{ type: "" }}
        label="Attributes of the person's newest activity of a type are columns, too"
      >
        <Find
          at="/activity/type"
          label="Type of the activity"
          choices={types.found.map(({ name }) => ({ id: name, name }))}
          loading={types.loading}
          narrow
        />
        <Figure at="/activity/days" label="At most so many days old" description="1, if nothing is given; up to 90" />
      </Switched>
    </>
  );
}

const MEMBER = "/program_member";
/** how an Action reads fields of a membership as columns */
const OF_MEMBER = "token.member.";

/** The person becomes a member of a program once the record is written. */
export function Membership({
  connection,
  columns,
  records,
  links,
}: {
  connection: string;
  columns: readonly Choice[];
  records: readonly Choice[];
  links: readonly string[];
}) {
  const { document } = useEditing();
  const wanted = at(document, MEMBER) !== undefined;
  const programs = usePrograms(connection, wanted);
  const fields = useFields(wanted ? connection : "", "program_members");
  const held = at(document, `${MEMBER}/program`);
  const program = programs.found.find(({ id, name }) => id === held || name === held);
  const own = ["/program", "/status", "/mappings"].map((each) => `${MEMBER}${each}`);
  const targets = fields.found.flatMap(({ name, label, updateable }) => {
    const field = name.startsWith(OF_MEMBER) ? name.slice(OF_MEMBER.length) : "";
    // the membership's own status is said above
    return field && updateable && field !== "status"
      ? [{ id: field, name: label ? `${label} (${field})` : field }]
      : [];
  });
  return (
    <>
      <Others within={[MEMBER]} except={own} />
      <Switched
        at={MEMBER}
        start={{ program: "", status: "" }}
        label="The person becomes a member of a Marketo program"
      >
        <FindNamed
          at={`${MEMBER}/program`}
          label="Program"
          description="Its name, or its id"
          offered={programs}
          narrow
        />
        <Find
          at={`${MEMBER}/status`}
          label="Status"
          description="Marketo moves a member forward only"
          choices={(program?.statuses ?? []).map((id) => ({ id, name: id }))}
          narrow
        />
      </Switched>
      {wanted && (
        <MappingList
          at={`${MEMBER}/mappings`}
          label="Fields of the membership"
          add="Fill a field"
          targets={targets}
          columns={columns}
          records={records}
          links={links}
          sources={AFTERWARDS}
        />
      )}
    </>
  );
}
