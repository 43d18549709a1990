/** The pages of a document as saved, each of which can be closed. */
import { Accordion, Disclosure, DisclosurePanel, DisclosureTitle } from "@react-spectrum/s2";
import { style } from "@react-spectrum/s2/style" with { type: "macro" };
import { PLAIN } from "./page";
import type { Members } from "./pointer";
import { Saved } from "./saved";

interface Page {
  page: number;
  title: string;
  members: { readonly [name: string]: unknown };
}

export function Sections({ pages }: { pages: readonly Page[] }) {
  return (
    <Accordion
      allowsMultipleExpanded
      defaultExpandedKeys={pages.map(({ page }) => page)}
      styles={style({ marginTop: 12 })}
    >
      {pages.map(({ page, title, members }) => (
        <Disclosure key={page} id={page}>
          <DisclosureTitle level={2}>{`${page}. ${title}`}</DisclosureTitle>
          <DisclosurePanel>
            {Object.keys(members).length ? (
              <Saved members={members as Members} />
            ) : (
              <p className={PLAIN}>Nothing is set here.</p>
            )}
          </DisclosurePanel>
        </Disclosure>
      ))}
    </Accordion>
  );
}
