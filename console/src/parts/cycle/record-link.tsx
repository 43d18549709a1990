import { Link } from "@react-spectrum/s2";

/** Leads to what is known of a record. */
export function RecordLink({ cycle, id, said = id }: { cycle: string; id: string; said?: string }) {
  return <Link href={`/cycles/${cycle}/records/${id}`}>{said}</Link>;
}
