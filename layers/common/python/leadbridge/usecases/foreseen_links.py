"""The links of a cycle as they would be once merges, conversions and deletions were followed; nothing is stored."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from leadbridge.cycle_ports import Link, Links, is_of_person
from leadbridge.domain.fates import Consequence


class ForeseenLinks:
    """`cycle_ports.Links` over those that are kept, for a plan: what follows from the news has happened."""

    def __init__(self, links: Links, plan: Iterable[Consequence]) -> None:
        """`plan` is what follows; each step of it succeeds."""
        self._links = links
        self._kept: dict[str, Link] = {}
        self._forgotten: set[str] = set()
        consequences = tuple(plan)
        # as they are followed: what is remembered before the steps first
        self.keep(link for each in consequences for link in each.before)
        for each in consequences:
            self.keep(each.after)
            self.forget(each.forget)

    def of(self, salesforce_ids: Collection[str]) -> Mapping[str, Link]:
        """The links of Salesforce records, by id; those that have none are missing."""
        wanted = {*salesforce_ids}
        found = self._links.of(wanted - self._kept.keys() - self._forgotten)
        return {**found, **{each: self._kept[each] for each in wanted & self._kept.keys()}}

    def of_people(self, marketo_ids: Collection[str]) -> Mapping[str, Link]:
        """The links of Marketo's people, by id; those that have none are missing."""
        found = {
            number: link
            for number, link in self._links.of_people(marketo_ids).items()
            if link.salesforce_id not in self._kept and link.salesforce_id not in self._forgotten
        }
        mine = (link for link in self._kept.values() if is_of_person(link) and link.marketo_id in marketo_ids)
        return {**found, **{link.marketo_id: link for link in mine}}

    def keep(self, links: Iterable[Link]) -> None:
        """Remember links for as long as this lives."""
        for link in links:
            self._kept[link.salesforce_id] = link
            self._forgotten.discard(link.salesforce_id)

    def forget(self, links: Iterable[Link]) -> None:
        """Forget links for as long as this lives."""
        for link in links:
            self._kept.pop(link.salesforce_id, None)
            self._forgotten.add(link.salesforce_id)

    def listed(self, after: str, prefix: str = "") -> tuple[Sequence[Link], str]:
        """Some of all links that are kept, as they are."""
        return self._links.listed(after, prefix)
