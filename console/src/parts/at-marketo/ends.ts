/** The Action at Marketo under somebody's hands. */
import { useEditing } from "../editing";
import { asChoices, useFields } from "../offered";
import { at } from "../pointer";
import { needs, operationOf, takes } from "../set-up/types";

export function useAction() {
  const { document } = useEditing();
  const connection = String(at(document, "/destination/connection") ?? "");
  const operation = operationOf(document);
  const columns = useFields(connection, "leads");
  return {
    document,
    connection,
    operation,
    columns,
    /** columns of calls, which whoever calls names: those of the person are only a proposal */
    choices: asChoices(columns.found),
    takes: (member: string) => operation !== undefined && takes(operation, member),
    needs: (member: string) => operation !== undefined && needs(operation, member),
  };
}
