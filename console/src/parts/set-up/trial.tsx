/** With whom an Action runs while it is on trial. */
import { Others } from "../editing";
import { Find, Lines } from "../fields";
import { useNamed } from "../offered";
import { Switched } from "./switched";

export function Trial({ connection }: { connection: string }) {
  const lists = useNamed("lists", connection);
  return (
    <>
      <Others within={["/trial"]} except={["/trial/leads", "/trial/static_list"]} />
      <Switched at="/trial" start={{}} label="It can be on trial with some people">
        <Lines
          at="/trial/leads"
          label="Their Marketo lead ids"
          description="One a line; everybody else is skipped"
          numbers
          optional
        />
        <Find
          at="/trial/static_list"
          label="Or those in a static list"
          description="Its name, without a comma"
          choices={lists.found.map(({ name }) => ({ id: name, name }))}
          loading={lists.loading}
          narrow
        />
      </Switched>
    </>
  );
}
