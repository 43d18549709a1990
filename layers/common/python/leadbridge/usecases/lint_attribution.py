"""Tell for the opportunities that a cycle has seen which programs get credit, which lose it, and why.

A cycle reads nothing more for it: which opportunities it has seen stands in what its runs have stored, and all else is
asked for when somebody wants to know. Of some opportunities that are three calls to Salesforce and at most four to
Marketo, one more for each person who has a role, and up to two for each program.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from leadbridge.cycle_ports import Link, Links
from leadbridge.domain.attribution import Copy, Party, Touch, Verdict, judged
from leadbridge.domain.belonging import yes
from leadbridge.domain.condition_values import day, moment
from leadbridge.domain.crm_cycle import OPPORTUNITY_LINK, CrmCycle
from leadbridge.domain.cycle_link import person_of
from leadbridge.domain.cycle_opportunities import CLOSED, CONTACT_ROLE, DEAL, IN, OPPORTUNITY, PERSON_ID, WHOSE, WON
from leadbridge.domain.ids import canonical
from leadbridge.domain.marketo import ProgramMember
from leadbridge.domain.values import blank
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Documents
from leadbridge.usecases.cycle_records import CycleMarketo, CycleSalesforce
from leadbridge.usecases.cycle_rows import CycleRows
from leadbridge.usecases.pair_people import Row

#: opportunities that are looked at together: who asks waits for it
PAGE = 10
#: the stage of a won opportunity, where our user sees no more than the stage
_CLOSED_WON = "Closed Won"
_DEAL_COLUMNS = ("Id", "CreatedDate", "CloseDate", "Amount", "StageName", CLOSED, WON)
_COPY_COLUMNS = (OPPORTUNITY_LINK, "externalCreatedDate", "closeDate", "amount", "isClosed", "isWon")


class AttributionMarketo(CycleMarketo, Protocol):
    """What is asked of a Marketo instance beside what a cycle asks."""

    def programs_of(self, lead_id: int) -> Sequence[Mapping[str, Any]]:
        """The programs that a lead is in, by `id`, with its status in each."""
        ...

    def members_of(self, program_id: int, lead_ids: Sequence[int], fields: Sequence[str]) -> Sequence[ProgramMember]:
        """Those of the leads who are in a program."""
        ...

    def roles_in(self, opportunities: Sequence[str], fields: Sequence[str]) -> Sequence[Mapping[str, Any]]:
        """The roles in opportunities, by their key."""
        ...


class AttributionConnections(Protocol):
    """Both systems by connection."""

    def marketo(self, connection: str) -> AttributionMarketo:
        """The instance of a connection."""
        ...

    def salesforce(self, connection: str) -> CycleSalesforce:
        """The org of a connection."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionPage:
    """Some opportunities, the names of their programs, and behind which one the next ones come; empty: none do."""

    verdicts: Sequence[Verdict]
    programs: Mapping[int, str]
    following: str = ""
    #: False if the newest runs have more files than are read
    whole: bool = True


class LintAttribution:
    """The use-case of `leadbridge attribution`."""

    def __init__(
        self,
        *,
        documents: Documents,
        connections: AttributionConnections,
        rows: CycleRows,
        links: Callable[[str], Links],
    ) -> None:
        """`links` are those of a cycle by its id."""
        self._documents = documents
        self._connections = connections
        self._rows = rows
        self._links = links

    def __call__(self, cycle_id: str, after: str = "") -> AttributionPage:
        """Some opportunities of the newest runs, behind one of them.

        Raises:
            ConfigurationError: There is no such cycle, or it keeps no opportunities.
            SyncError: A system cannot be asked now.
        """
        stored = self._documents.get("crm_cycle", cycle_id)
        if stored is None or not isinstance(stored.document, CrmCycle):
            raise ConfigurationError([f"there is no cycle {cycle_id}; apply its document first"])
        cycle = stored.document
        if not cycle.keeps("opportunities"):
            raise ConfigurationError(
                [f"the cycle {cycle_id} keeps no opportunities, and attribution is about these; add `opportunities`"]
            )
        seen, whole = self._rows.seen(cycle_id, "opportunities")
        rest = [each for each in seen if each > after]
        chosen = rest[:PAGE]
        asked = _Asked(
            cycle, self._connections.marketo(cycle.marketo), self._connections.salesforce(cycle.salesforce), chosen
        )
        verdicts = asked.verdicts(self._links(cycle_id)) if chosen else []
        return AttributionPage(
            verdicts=verdicts,
            programs=asked.named(verdicts),
            following=chosen[-1] if len(rest) > PAGE else "",
            whole=whole,
        )


class _Asked:
    """Some opportunities, and what both systems tell of them."""

    def __init__(
        self, cycle: CrmCycle, marketo: AttributionMarketo, salesforce: CycleSalesforce, chosen: Sequence[str]
    ) -> None:
        self._cycle = cycle
        self._marketo = marketo
        self._salesforce = salesforce
        self._chosen = chosen

    def verdicts(self, links: Links) -> list[Verdict]:
        """What becomes of the credit of each that is there still."""
        known = self._salesforce.describe(OPPORTUNITY).fields
        columns = [name for name in _DEAL_COLUMNS if name in known]
        deals = {canonical(row["Id"]): row for row in self._salesforce.find(OPPORTUNITY, columns, "Id", self._chosen)}
        if not deals:
            return []
        wanted = sorted(deals)
        copies = {row[OPPORTUNITY_LINK]: row for row in self._marketo.keyed(DEAL, wanted, _COPY_COLUMNS)}
        ours = self._salesforce.find(CONTACT_ROLE, ["Id", IN, WHOSE], IN, wanted)
        theirs = self._marketo.roles_in(wanted, [OPPORTUNITY_LINK, PERSON_ID])
        linked = links.of(sorted({canonical(row[WHOSE]) for row in ours}))
        parties = {each: _parties(each, ours, theirs, linked) for each in wanted}
        touches = self._touches({person for of in parties.values() for _, person, _ in of if person})
        return [
            judged(
                each,
                _of_salesforce(deals[each]),
                _of_marketo(copies[each]) if each in copies else None,
                [
                    Party(contact=contact, person=person, told=told, touches=touches.get(person, ()))
                    for contact, person, told in parties[each]
                ],
                is_open=not _is_closed(deals[each]),
                zone=self._cycle.zone,
            )
            for each in wanted
        ]

    def named(self, verdicts: Sequence[Verdict]) -> Mapping[int, str]:
        """The names of the programs that are spoken of."""
        ids = {each for verdict in verdicts for those in (verdict.credited, verdict.lost) for each in _all(those)}
        found = {each: self._marketo.program(each) for each in sorted(ids)}
        return {each: program.name for each, program in found.items() if program is not None}

    def _touches(self, people: set[str]) -> Mapping[str, Sequence[Touch]]:
        """People's memberships. When success was reached is told by the programs, and not by the people."""
        joined = {person: self._marketo.programs_of(int(person)) for person in sorted(people)}
        succeeded: dict[int, list[int]] = {}
        for person, rows in joined.items():
            for row in rows:
                if yes(row.get("reachedSuccess")):
                    succeeded.setdefault(int(row["id"]), []).append(int(person))
        dates = {
            (member.program_id, str(member.lead_id)): member.fields.get("reachedSuccessDate")
            for program, ids in sorted(succeeded.items())
            for member in self._marketo.members_of(program, ids, ["leadId", "reachedSuccessDate"])
        }
        return {
            person: [
                Touch(
                    program=int(row["id"]),
                    joined_at=_at(row.get("membershipDate")),
                    acquired=yes(row.get("acquiredBy")),
                    success=yes(row.get("reachedSuccess")),
                    success_at=_at(dates.get((int(row["id"]), person))),
                )
                for row in rows
            ]
            for person, rows in joined.items()
        }


def _parties(
    opportunity: str, ours: Sequence[Row], theirs: Sequence[Row], links: Mapping[str, Link]
) -> list[tuple[str, str, bool]]:
    """Who has a role in an opportunity: the Contact, its person, and whether Marketo has the role."""
    told = {str(row[PERSON_ID]) for row in theirs if row[OPPORTUNITY_LINK] == opportunity}
    contacts = {canonical(row[WHOSE]) for row in ours if canonical(row[IN]) == opportunity}
    people = {contact: person_of(links.get(contact)) for contact in sorted(contacts)}
    alone = sorted(told - {*people.values()}, key=int)
    return [
        *((contact, person, person in told) for contact, person in people.items()),
        *(("", person, True) for person in alone),
    ]


def _is_closed(row: Row) -> bool:
    return yes(row[CLOSED]) if CLOSED in row else _is_won(row)


def _is_won(row: Row) -> bool:
    if CLOSED in row and WON in row:
        return yes(row[CLOSED]) and yes(row[WON])
    return bool(row.get("StageName") == _CLOSED_WON)


def _of_salesforce(row: Row) -> Copy:
    return Copy(
        created_at=_at(row.get("CreatedDate")),
        closes_on=_on(row.get("CloseDate")),
        amount=_number(row.get("Amount")),
        won=_is_won(row),
    )


def _of_marketo(row: Row) -> Copy:
    return Copy(
        created_at=_at(row.get("externalCreatedDate")),
        closes_on=_on(row.get("closeDate")),
        amount=_number(row.get("amount")),
        won=yes(row.get("isClosed")) and yes(row.get("isWon")),
    )


def _at(value: object) -> datetime | None:
    found = None if blank(value) else moment(value)
    return found if isinstance(found, datetime) else None


def _on(value: object) -> date | None:
    return None if blank(value) else day(value)


def _number(value: Any) -> float | None:
    return None if blank(value) else float(value)


def _all(programs: Mapping[Any, Sequence[int]]) -> list[int]:
    return [each for those in programs.values() for each in those]
