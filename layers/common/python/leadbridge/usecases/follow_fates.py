"""Merges, conversions and deletions of people, followed before anything is decided about their fields.

`begin` hears what both systems tell, works out what follows, and stores it. What changes who is who happens at once:
links go over, people in Marketo take the ids of the records that they have now, and are merged. `finish` flags and
deletes, once everybody else is written, so that merges always come before deletions. A process that died is followed
by one that does the rest again: who was merged is not there any more, a deleted record is deleted, a flag is set.

Where a cycle comes later than the vendors remember deletions, the links are compared with what is there instead.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from leadbridge.cycle_ports import CycleChanges, CycleNews, CycleRecords, DueRecord, DueRecords, Links
from leadbridge.domain.crm_cycle import CrmCycle, Persons
from leadbridge.domain.cycle_link import Link
from leadbridge.domain.cycle_people import CONTACT, LEAD, PERSON, PREFIXES, kinds
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.fate_words import fate_said
from leadbridge.domain.fates import (
    CONVERTED,
    LINKED_ANEW,
    NAMED_AGAIN,
    RECORD_BACK,
    Consequence,
    Does,
    News,
    Parted,
    Step,
    consequences,
    destroyed,
    record_spared,
    spared,
)
from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.linked import YES, Digest
from leadbridge.domain.opt_outs import consents, opted_out
from leadbridge.domain.outages import MERGES_TOLD, comparison_calls, deletions_lost
from leadbridge.domain.outcome import Outcome, RowOutcome
from leadbridge.domain.records import ObjectDescription, RowResult
from leadbridge.domain.three_way import Side
from leadbridge.domain.values import text
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Objects
from leadbridge.usecases.cycle_guard import check_deletions
from leadbridge.usecases.fate_files import Comparison, FateFiles

#: what the document calls these records
KIND = "persons"
#: what is told late is asked for once more
_OVERLAP = timedelta(minutes=10)
#: records that are due are asked after by their ids, so many at most
_DUE = 1_000
#: a comparison pauses when so many seconds are left
_LEFT = 60.0
_PAUSE = timedelta(minutes=5)
#: what a record is that goes to another person or record
_AGAIN = "moved"
_DONE = {
    Does.LINK: Outcome.UPDATED,
    Does.MERGE: RowOutcome.DELETED,
    Does.OPT_OUT: Outcome.UPDATED,
    Does.DELETE: RowOutcome.DELETED,
    Does.FLAG: RowOutcome.FLAGGED,
}


class FollowFates:
    """Follows the people of one cycle."""

    def __init__(
        self,
        *,
        links: Links,
        records: CycleRecords,
        news: CycleNews,
        changes: CycleChanges,
        due: DueRecords,
        objects: Objects,
        described: Callable[[str], ObjectDescription],
        digest: Digest,
        clock: Clock,
    ) -> None:
        """The roles that it needs; `described` is asked for Marketo's people or a kind of Salesforce's records."""
        self._links = links
        self._records = records
        self._news = news
        self._changes = changes
        self._due = due
        self._objects = objects
        self._described = described
        self._digest = digest
        self._clock = clock
        self._kinds = {prefix: name for name, prefix in PREFIXES.items()}

    def begin(self, cycle: CrmCycle, run: CycleRun, since: Mapping[str, datetime], remaining: float) -> int | None:
        """Follow merges and conversions, and store what is to be flagged and deleted, which it counts.

        None: it is not through yet, and is to be called again.

        `since`: by kind (Lead, Contact, leads) since when news are wanted; one that is missing is read from the start.

        Raises:
            GuardedError: More would vanish than the cycle's guard lets through; nothing was done.
            SyncError: A system cannot be asked now.
        """
        persons = _persons(cycle)
        files = FateFiles(self._objects, run)
        plan = files.plan()
        if plan is None:
            news = self._heard(files, persons, since, self._clock.now() + timedelta(seconds=remaining - _LEFT))
            if news is None:
                return None
            links = self._touched(news)
            plan = list(self._followed(news, links, persons))
            if not run.planning:
                self._read_winners(news, links.values())
            # what a person says yes to is what is done
            files.keep_plan(plan)
        check_deletions(cycle.guard, run, KIND, destroyed(plan))
        if not run.planning:
            files.keep_done("begun", self._begun(plan, persons))
        return sum(1 for _ in _late(plan))

    def follow_up(self, cycle: CrmCycle, run: CycleRun) -> None:
        """Ask both systems once more about those who are to be flagged or deleted, and store who is left alone.

        People are read with the records that they name, and who names a record; then come the merges and conversions
        that both tell since the run began.

        Raises:
            SyncError: A system cannot be asked now.
        """
        files, persons = FateFiles(self._objects, run), _persons(cycle)
        late, since = list(_late(files.plan())), run.started_at - _OVERLAP
        if not late:
            return
        people = [each for each, step in late if step.side is Side.MARKETO]
        records = sorted({step.id for _, step in late if step.side is Side.SALESFORCE})
        found = self._records.people("id", sorted({each.person for each in people})) if people else ()
        naming = self._records.people(persons.id_field, records) if records else ()
        news = self._news.of_people(since, self._clock.now()).news
        gone = _gone(news)
        news |= self._of_those([*(each.record for each in people), *records])
        for kind in sorted({self._kinds[each[:3]] for each in records}):
            news |= self._news.of_records(kind, since, self._clock.now()).news
        names = {str(row["id"]): _named(row, persons) for row in found}
        named = {_named(row, persons) for row in naming if str(row["id"]) not in gone}
        why = {each.person: spared(each, names.get(each.person, ""), news) for each in people}
        why |= {record: record_spared(record, named, news) for record in records}
        files.keep_spared({each: code for each, code in why.items() if code})

    def finish(self, run: CycleRun) -> None:
        """Flag and delete what is stored to be, but for those who are left alone by now.

        Raises:
            SyncError: A system cannot be asked now, or there was no answer.
        """
        files = FateFiles(self._objects, run)
        late = list(_late(files.plan()))
        left = files.spared() if late else {}
        rows = [self._spared(replace(each, why=left[step.id])) for each, step in late if step.id in left]
        rows += self._set_or_deleted((each, step) for each, step in late if step.id not in left)
        files.keep_done("finished", rows)

    def _set_or_deleted(self, wanted: Iterable[tuple[Consequence, Step]]) -> Iterator[Sequence[str]]:
        """Set fields of records to true, or delete them, as many at once as may be."""
        groups: dict[tuple[Does, Side, str, str], list[tuple[Consequence, Step]]] = defaultdict(list)
        for each, step in wanted:
            groups[step.does, step.side, self._kind(step), step.flag].append((each, step))
        # flags first: whoever dies here has deleted less
        for (does, side, kind, flag), members in sorted(groups.items(), key=lambda group: group[0], reverse=True):
            ids = [step.id for _, step in members]
            results = (
                self._changes.delete(side, kind, ids)
                if does is Does.DELETE
                else self._changes.flag(side, kind, flag, ids)
            )
            yield from self._noted([each for each, _ in members], results)

    def _spared(self, each: Consequence) -> Sequence[str]:
        """Leave somebody alone; whoever belongs to somebody else by now, or has the record back, is looked at again."""
        now = self._clock.now()
        if each.why == LINKED_ANEW:
            self._links.forget(link for link in each.before if link.parted)
            self._due.add([DueRecord(side=Side.MARKETO, object=PERSON, id=each.person, reason=_AGAIN, noted_at=now)])
        if each.why == NAMED_AGAIN:
            self._links.forget(link for link in each.before if link.parted)
        if each.why in {RECORD_BACK, NAMED_AGAIN}:
            kind = self._kinds[each.record[:3]]
            self._due.add([DueRecord(side=Side.SALESFORCE, object=kind, id=each.record, reason=_AGAIN, noted_at=now)])
        return _row(each, Outcome.DECIDED)

    # what is told

    def _heard(self, files: FateFiles, persons: Persons, since: Mapping[str, datetime], until: datetime) -> News | None:
        """The news; None if a comparison of both systems is not over yet."""
        now, news, lost = self._clock.now(), News(), set[Side]()
        for name in [*kinds(persons), PERSON]:
            side = Side.MARKETO if name == PERSON else Side.SALESFORCE
            if name not in since:
                # all of it is read; whoever is linked from before is looked for
                lost.add(side)
                news |= self._news.of_people(now - MERGES_TOLD, now).news if name == PERSON else News()
                continue
            first = max(since[name] - _OVERLAP, now - MERGES_TOLD)
            told = self._news.of_people(first, now) if name == PERSON else self._news.of_records(name, first, now)
            news |= told.news
            if deletions_lost(side, since[name], now, told.known_from):
                lost.add(side)
        news |= self._of_due()
        if not lost:
            return news
        comparison = self._compared(files, lost, until)
        if not comparison.over:
            return None
        return news | News(deleted={Side.MARKETO: comparison.people}) | self._of_those(comparison.records)

    def _of_due(self) -> News:
        """What became of those that are due: a write of them may have failed just because of it."""
        due = self._due.listed(_DUE)
        records = [each.id for each in due if each.side is Side.SALESFORCE and each.object in {LEAD, CONTACT}]
        people = [each.id for each in due if each.side is Side.MARKETO and each.object == PERSON]
        gone = {*people} - {*self._news.people_there(people)} if people else set[str]()
        return self._of_those(records) | News(deleted={Side.MARKETO: gone})

    def _of_those(self, ids: Iterable[str]) -> News:
        by_kind: dict[str, list[str]] = defaultdict(list)
        for each in dict.fromkeys(ids):
            if each[:3] in self._kinds:
                by_kind[self._kinds[each[:3]]].append(each)
        news = News()
        for kind, members in by_kind.items():
            news |= self._news.of_those(kind, members)
        return news

    def _compared(self, files: FateFiles, lost: set[Side], until: datetime) -> Comparison:
        """Look who of all linked people is there in the systems whose deletions are not told any more."""
        comparison = files.comparison()
        while not comparison.over:
            page, mark = self._links.listed(comparison.mark)
            links = [link for link in page if link.parted in {"", Parted.REFUSED} and not link.moved_to]
            people = [link.marketo_id for link in links]
            if people and Side.MARKETO in lost:
                there = {*self._news.people_there(people)}
                comparison.people += [each for each in people if each not in there]
            if people and Side.SALESFORCE in lost:
                told = self._of_those(link.salesforce_id for link in links).ids[Side.SALESFORCE]
                comparison.records += [link.salesforce_id for link in links if link.salesforce_id in told]
            comparison.links += len(links)
            comparison.mark, comparison.over = mark, not mark
            files.keep_comparison(comparison)
            if self._clock.now() >= until:
                break
        if comparison.over:
            calls = comparison_calls(comparison.links, lost)
            told_calls = [f"{side}: {number}" for side, number in sorted(calls.items())]
            missing = len(comparison.people) + len(comparison.records)
            row = ["", "", "compared", f"{comparison.links} links, {missing} gone or moved", "; ".join(told_calls)]
            files.keep_done("compared", [row])
        return comparison

    # what follows

    def _touched(self, news: News) -> dict[str, Link]:
        """The links of everybody whom the news are about, by their records."""
        touched = news.ids
        links = dict(self._links.of(touched[Side.SALESFORCE]))
        by_person = self._links.of_people(touched[Side.MARKETO] | {link.marketo_id for link in links.values()})
        links |= {link.salesforce_id: link for link in by_person.values()}
        return links | dict(self._links.of({news.end(Side.SALESFORCE, each).id for each in links} - links.keys()))

    def _read_winners(self, news: News, links: Iterable[Link]) -> None:
        """Note whom Marketo made of several: it logs no change of what a merge fills, so nothing else reads them."""
        now, linked = self._clock.now(), {link.marketo_id for link in links if not (link.moved_to or link.parted)}
        ends = (news.end(Side.MARKETO, loser) for loser in news.merged.get(Side.MARKETO, {}))
        winners = {end.id for end in ends if not end.gone} & linked
        if winners:
            self._due.add(
                DueRecord(side=Side.MARKETO, object=PERSON, id=each, reason=_AGAIN, noted_at=now)
                for each in sorted(winners)
            )

    def _followed(self, news: News, links: dict[str, Link], persons: Persons) -> tuple[Consequence, ...]:
        touched = news.ids
        linked = {link.marketo_id for link in links.values() if not link.moved_to}
        named: dict[str, str] = {}
        # who won a merge names the record that is kept
        winners = {news.end(Side.MARKETO, each).id for each in linked} & touched[Side.MARKETO] - _gone(news)
        # and people whom nothing links may name a record that lives on in another one
        moved = {*news.merged.get(Side.SALESFORCE, {}), *news.converted}
        moved |= {news.end(Side.SALESFORCE, each).id for each in moved}
        unlinked = [each for each in sorted(moved) if each not in links]
        rows = [*(self._records.people("id", sorted(winners)) if winners else ())]
        rows += self._records.people(persons.id_field, unlinked) if unlinked else ()
        for row in rows:
            number, record = str(row["id"]), _named(row, persons)
            if not record:
                continue
            named[number] = news.end(Side.SALESFORCE, record).id
            if number not in linked and record not in links:
                links[record] = Link(salesforce_id=record, marketo_id=number)
        no = self._opted_out(news, links.values(), persons)
        return consequences(news, links.values(), named, persons, no)

    def _opted_out(self, news: News, links: Iterable[Link], persons: Persons) -> Mapping[str, frozenset[str]]:
        """What linked ones who become one with others have said no to, by their records.

        It is remembered; who is still there may have said so since.
        """
        whole = [link for link in links if not (link.moved_to or link.parted)]
        ends = {link.salesforce_id: news.end(Side.SALESFORCE, link.salesforce_id) for link in whole}
        several = Counter(end.id for end in ends.values())
        moved = [
            link
            for link in whole
            if consents(persons, record := link.salesforce_id)
            and (
                ends[record].merged
                or news.end(Side.MARKETO, link.marketo_id).merged
                or (ends[record].id != record and several[ends[record].id] > 1)
            )
        ]
        lost = {side: {*news.merged.get(side, {}), *news.deleted.get(side, ())} for side in Side}
        people = sorted({link.marketo_id for link in moved} - lost[Side.MARKETO])
        held = {str(row["id"]): row for row in self._records.people("id", people)} if people else {}
        for kind, prefix in PREFIXES.items():
            records = {link.salesforce_id for link in moved if link.salesforce_id.startswith(prefix)}
            if wanted := sorted(records - lost[Side.SALESFORCE]):
                held |= {canonical(row["Id"]): row for row in self._records.salesforce(kind, "Id", wanted)}
        return {
            link.salesforce_id: opted_out(
                link,
                persons,
                self._digest(YES),
                {
                    Side.MARKETO: held.get(link.marketo_id, {}),
                    Side.SALESFORCE: held.get(link.salesforce_id, {}),
                },
            )
            for link in moved
        }

    # what is done

    def _begun(self, plan: Sequence[Consequence], persons: Persons) -> Iterator[Sequence[str]]:
        self._links.keep(link for each in plan for link in each.before)
        plain = [each for each in plan if each.step is None]
        self._links.keep(link for each in plain for link in each.after)
        self._links.forget(link for each in plain for link in each.forget)
        for each in plain:
            yield _row(each, Outcome.DECIDED)
        # before anybody is merged: there is no moment in which nobody says it
        yield from self._said([(each, step) for each, step in _steps(plan) if step.does is Does.OPT_OUT])
        yield from self._linked([(each, step) for each, step in _steps(plan) if step.does is Does.LINK], persons)
        yield from self._merged([(each, step) for each, step in _steps(plan) if step.does is Does.MERGE])
        self._look_again((each for each in plan if each.again), kinds(persons))

    def _said(self, wanted: Sequence[tuple[Consequence, Step]]) -> Iterator[Sequence[str]]:
        """Opt out whoever lives on, but by a field that is hidden or cannot be changed: that is told."""
        takes = dict[Step, bool]()
        for each, step in wanted:
            field = self._described(self._kind(step)).fields.get(step.flag)
            takes[step] = field is not None and field.updateable
            if not takes[step]:
                message = f"The field is {step.flag} of {self._kind(step)}."
                yield _row(replace(each, why="opt_out_left"), Outcome.DECIDED, message)
        yield from self._set_or_deleted((each, step) for each, step in wanted if takes[step])

    def _kind(self, step: Step) -> str:
        return PERSON if step.side is Side.MARKETO else self._kinds[step.id[:3]]

    def _linked(self, wanted: Sequence[tuple[Consequence, Step]], persons: Persons) -> Iterator[Sequence[str]]:
        """The same people of Marketo take the ids of other records."""
        if not wanted:
            return
        fields: dict[str, dict[str, Any]] = {}
        for each, step in wanted:
            fields[step.id] = {persons.id_field: step.into}
            if each.why == CONVERTED:
                fields[step.id] |= persons.on_conversion
            if persons.type_field:
                fields[step.id][persons.type_field] = self._kinds[step.into[:3]]
        results = dict(zip(fields, self._changes.link(fields), strict=True))
        yield from self._noted([each for each, _ in wanted], [results[step.id] for _, step in wanted])

    def _merged(self, wanted: Sequence[tuple[Consequence, Step]]) -> Iterator[Sequence[str]]:
        """Merge people, a winner's losers at once; whoever is gone already was merged before."""
        if not wanted:
            return
        there = {*self._news.people_there([step.id for _, step in wanted])}
        by_winner: dict[str, list[Consequence]] = defaultdict(list)
        for each, step in wanted:
            if step.id in there:
                by_winner[step.into].append(each)
            else:
                yield from self._noted([each], [RowResult(ok=True)])
        for winner, members in by_winner.items():
            losers = [each.step.id for each in members if each.step]
            yield from self._noted(members, self._changes.merge(winner, losers))

    def _noted(self, members: Sequence[Consequence], results: Sequence[RowResult]) -> list[Sequence[str]]:
        """Remember what has become of members; what was refused is tried again later."""
        rows: list[Sequence[str]] = []
        for each, result in zip(members, results, strict=True):
            if result.ok:
                self._links.keep(each.after)
                self._links.forget(each.forget)
                rows.append(_row(each, _DONE[each.step.does] if each.step else Outcome.DECIDED))
            else:
                self._links.keep(each.refused)
                self._due.add([self._again_later(each, result.code)])
                rows.append(_row(each, Outcome.FAILED, f"{result.code} {result.message}".strip()))
        return rows

    def _again_later(self, each: Consequence, code: str) -> DueRecord:
        """What is asked after again tells the same news again."""
        now = self._clock.now()
        if each.step is not None and each.step.side is Side.SALESFORCE:
            side, kind, record = Side.MARKETO, PERSON, each.person
        else:
            record = each.refused[0].salesforce_id if each.refused else each.record
            side, kind = Side.SALESFORCE, self._kinds[record[:3]]
        return DueRecord(side=side, object=kind, id=record, reason=code, noted_at=now, not_before=now + _PAUSE, tries=1)

    def _look_again(self, moved: Iterable[Consequence], kept: Collection[str]) -> None:
        """Note people and their records; of a kind that is not kept in step nobody would look at a record."""
        now, due = self._clock.now(), list[DueRecord]()
        for each in moved:
            person = each.step.into if each.step and each.step.does is Does.MERGE else each.person
            kind = self._kinds[each.record[:3]]
            if kind in kept:
                due.append(DueRecord(side=Side.SALESFORCE, object=kind, id=each.record, reason=_AGAIN, noted_at=now))
            due.append(DueRecord(side=Side.MARKETO, object=PERSON, id=person, reason=_AGAIN, noted_at=now))
        if due:
            self._due.add(due)


def _persons(cycle: CrmCycle) -> Persons:
    if cycle.persons is None:
        raise ConfigurationError(["persons: is switched off"])
    return cycle.persons


def _named(row: Mapping[str, Any], persons: Persons) -> str:
    """The Salesforce record that a person of Marketo names; empty if none."""
    value = text(row.get(persons.id_field) or "").strip()
    return canonical(value) if is_id(value) else ""


def _gone(news: News) -> set[str]:
    return {*news.deleted.get(Side.MARKETO, ())}


def _steps(plan: Iterable[Consequence]) -> Iterator[tuple[Consequence, Step]]:
    return ((each, each.step) for each in plan if each.step is not None)


def _late(plan: Iterable[Consequence] | None) -> Iterator[tuple[Consequence, Step]]:
    """What is done behind all writes."""
    return ((each, step) for each, step in _steps(plan or ()) if step.does in {Does.FLAG, Does.DELETE})


def _row(each: Consequence, outcome: str, message: str = "") -> Sequence[str]:
    said = fate_said(each.why, each.record, each.person)
    return [each.record, each.person, each.why, outcome, f"{said} {message}".strip()]
