"""Which programs Marketo gives credit for an opportunity, and what keeps others from it.

First touch goes to the program that acquired a person of the opportunity, if that was before the opportunity was made
and the person reached success in it. Multi-touch goes to programs in which a person reached success: its pipeline if
that was before the opportunity was made, its revenue if it was between that and the close of one that was won.
Marketo reckons with its own copy of the opportunity; what Salesforce's would give and Marketo's does not is lost.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, tzinfo
from enum import StrEnum


class Measure(StrEnum):
    """What a program gets credit for."""

    FIRST_TOUCH = "first_touch"
    PIPELINE = "pipeline"
    REVENUE = "revenue"


_ALL = tuple(Measure)
_MULTI = (Measure.PIPELINE, Measure.REVENUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """An opportunity as one of the systems holds it."""

    created_at: datetime | None
    closes_on: date | None
    amount: float | None
    #: closed and won, both
    won: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """A person's membership in a program."""

    program: int
    joined_at: datetime | None
    #: the program acquired the person
    acquired: bool = False
    success: bool = False
    success_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Who has a role in an opportunity."""

    #: Salesforce's id; empty: Marketo alone has the role
    contact: str
    #: Marketo's id; empty: nobody
    person: str
    #: Marketo has the role, too
    told: bool
    touches: Sequence[Touch] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A prerequisite that is missing, and the measures that it keeps from a program, or from all of them."""

    code: str
    measures: tuple[Measure, ...]
    party: Party | None = None
    program: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Who gets credit for an opportunity, who loses it, and why."""

    opportunity: str
    #: programs by measure
    credited: Mapping[Measure, tuple[int, ...]]
    #: programs that would have got it, but for what is found
    lost: Mapping[Measure, tuple[int, ...]]
    findings: tuple[Finding, ...]


#: one sentence for each code; `who` has a role in the opportunity, `program` is named
WORDS: Mapping[str, str] = {
    "not_in_marketo": "Marketo does not have the opportunity, so no program gets credit for it.",
    "no_roles": "Nobody has a role in the opportunity, so no program gets credit. Add Contact Roles in Salesforce.",
    "created_missing": (
        "Marketo does not know when the opportunity was made (externalCreatedDate), so no touch is before it."
    ),
    "created_differs": (
        "Marketo's externalCreatedDate is not Salesforce's CreatedDate, so touches count as before or after the wrong "
        "day. It has to be mapped from CreatedDate."
    ),
    "close_differs": (
        "Marketo's closeDate is not Salesforce's CloseDate, so touches count up to the wrong day. Map one to the other."
    ),
    "no_amount": (
        "The opportunity has no Amount in Marketo, so Cost of Opportunity, Pipeline Created, Pipeline Still Open and "
        "Revenue Expected count it as nothing."
    ),
    "not_won": (
        "Salesforce says Closed Won, and Marketo does not say closed and won both, so Revenue Won and Revenue to "
        "Investment do not count it."
    ),
    "won_too_early": "Marketo says closed and won, and Salesforce does not: its revenue counts though it was not won.",
    "no_person": "{who} is no person of Marketo, so no touch is known.",
    "role_missing": "Marketo does not know that {who} has a role in the opportunity.",
    "no_acquisition": "{who} has no acquisition program, so no program gets first touch.",
    "acquired_undated": "{who} was acquired by {program}, and Marketo does not tell when.",
    "acquired_late": "{who} was acquired by {program} when the opportunity was there already.",
    "acquired_without_success": "{who} was acquired by {program}, but has not reached success in it.",
    "no_success": "{who} is in {program}, but has not reached success in it.",
    "success_undated": "{who} reached success in {program}, and Marketo does not tell when.",
    "success_late": "{who} reached success in {program} when the opportunity was closed already.",
    "success_after_lost": "{who} reached success in {program} when the opportunity that was not won was there already.",
    "no_pipeline": "Nobody reached success in a program before the opportunity was made: its pipeline is nobody's.",
    "no_revenue": (
        "Nobody reached success in a program between the opportunity's begin and its close: its revenue is nobody's."
    ),
}


def said(finding: Finding, names: Mapping[int, str]) -> str:
    """A finding as a sentence; `names` are those of programs, by id. People are told by their ids."""
    party = finding.party
    who = ""
    if party is not None:
        who = f"Person {party.person}" if party.person else f"Contact {party.contact}"
    text = WORDS[finding.code].format(who=who, program=named(finding.program, names))
    # "Marketo does not know that person 12 ..."
    return text.replace("that Person", "that person")


def named(program: int | None, names: Mapping[int, str]) -> str:
    """A program by its name, if that is known."""
    name = None if program is None else names.get(program)
    return f"program {program}" if name is None else f"{name} ({program})"


def judged(
    opportunity: str, salesforce: Copy, marketo: Copy | None, parties: Sequence[Party], *, is_open: bool, zone: tzinfo
) -> Verdict:
    """What becomes of an opportunity's credit. `zone` says when a close date ends; `is_open`: it may still be won."""
    deal = _Deal(salesforce, marketo, parties, is_open=is_open, zone=zone)
    deserved = {measure: deal.earned(measure, salesforce, all_roles=True) for measure in Measure}
    got = {
        measure: deal.earned(measure, marketo, all_roles=False) if marketo is not None else frozenset[int]()
        for measure in Measure
    }
    findings = tuple(deal.findings(got))
    hindered = {
        measure: {each.program for each in findings if each.program is not None and measure in each.measures}
        for measure in Measure
    }
    return Verdict(
        opportunity=opportunity,
        credited={measure: tuple(sorted(got[measure])) for measure in Measure},
        lost={measure: tuple(sorted((deserved[measure] | hindered[measure]) - got[measure])) for measure in Measure},
        findings=findings,
    )


class _Deal:
    """An opportunity with those who have a part in it."""

    def __init__(
        self, salesforce: Copy, marketo: Copy | None, parties: Sequence[Party], *, is_open: bool, zone: tzinfo
    ) -> None:
        self._salesforce = salesforce
        self._marketo = marketo
        self._parties = parties
        self._is_open = is_open
        self._zone = zone

    def earned(self, measure: Measure, copy: Copy, *, all_roles: bool) -> frozenset[int]:
        """The programs that get credit by a copy of the opportunity, of the roles that Marketo has or of all."""
        touches = [touch for party in self._parties if party.told or all_roles for touch in party.touches]
        return frozenset(touch.program for touch in touches if self._earns(measure, copy, touch))

    def _earns(self, measure: Measure, copy: Copy, touch: Touch) -> bool:
        made = copy.created_at
        if made is None or not touch.success:
            return False
        if measure is Measure.FIRST_TOUCH:
            return touch.acquired and touch.joined_at is not None and touch.joined_at < made
        at = touch.success_at
        if at is None:
            return False
        if measure is Measure.PIPELINE:
            return at < made
        return copy.won and made <= at and not self._is_after_close(at, copy)

    def _is_after_close(self, at: datetime, copy: Copy) -> bool:
        if copy.closes_on is None:
            return False
        return at >= datetime.combine(copy.closes_on + timedelta(days=1), time(), self._zone)

    def findings(self, got: Mapping[Measure, frozenset[int]]) -> Iterator[Finding]:
        """All that is found; what was not won has no revenue that anybody could lose."""
        for each in (*self._of_the_whole(), *self._of_parties(), *self._of_nobody(got)):
            if self._is_open or self._salesforce.won:
                yield each
            else:
                yield replace(each, measures=tuple(one for one in each.measures if one is not Measure.REVENUE))

    def _of_the_whole(self) -> Iterator[Finding]:
        ours, theirs = self._salesforce, self._marketo
        if not self._parties:
            yield Finding(code="no_roles", measures=_ALL)
        if theirs is None:
            yield Finding(code="not_in_marketo", measures=_ALL)
            return
        if theirs.created_at is None:
            yield Finding(code="created_missing", measures=_ALL)
        elif ours.created_at is not None and _second(theirs.created_at) != _second(ours.created_at):
            yield Finding(code="created_differs", measures=_ALL)
        if theirs.amount is None:
            yield Finding(code="no_amount", measures=(Measure.FIRST_TOUCH,))
        if ours.won and theirs.closes_on != ours.closes_on:
            yield Finding(code="close_differs", measures=(Measure.REVENUE,))
        if ours.won and not theirs.won:
            yield Finding(code="not_won", measures=(Measure.FIRST_TOUCH, Measure.REVENUE))
        elif theirs.won and not ours.won:
            yield Finding(code="won_too_early", measures=(Measure.FIRST_TOUCH, Measure.REVENUE))

    def _of_parties(self) -> Iterator[Finding]:
        for party in self._parties:
            if not party.person:
                yield Finding(code="no_person", measures=_ALL, party=party)
                continue
            if not party.told and self._marketo is not None:
                yield Finding(code="role_missing", measures=_ALL, party=party)
            if not any(touch.acquired for touch in party.touches):
                yield Finding(code="no_acquisition", measures=(Measure.FIRST_TOUCH,), party=party)
            for touch in party.touches:
                for code, measures in self._of_touch(touch):
                    yield Finding(code=code, measures=measures, party=party, program=touch.program)

    def _of_touch(self, touch: Touch) -> Iterator[tuple[str, tuple[Measure, ...]]]:
        made = self._salesforce.created_at
        if made is None:
            return
        if touch.acquired:
            if touch.joined_at is None:
                yield "acquired_undated", (Measure.FIRST_TOUCH,)
            elif touch.joined_at >= made:
                yield "acquired_late", (Measure.FIRST_TOUCH,)
        if not touch.success:
            yield ("acquired_without_success", _ALL) if touch.acquired else ("no_success", _MULTI)
        elif touch.success_at is None:
            yield "success_undated", _MULTI
        elif touch.success_at >= made and not self._salesforce.won and not self._is_open:
            yield "success_after_lost", _MULTI
        elif self._salesforce.won and self._is_after_close(touch.success_at, self._salesforce):
            yield "success_late", _MULTI

    def _of_nobody(self, got: Mapping[Measure, frozenset[int]]) -> Iterator[Finding]:
        if not self._parties or self._marketo is None:
            return
        if not got[Measure.PIPELINE]:
            yield Finding(code="no_pipeline", measures=(Measure.PIPELINE,))
        if self._salesforce.won and not got[Measure.REVENUE]:
            yield Finding(code="no_revenue", measures=(Measure.REVENUE,))


def _second(at: datetime) -> datetime:
    """Marketo keeps no fractions."""
    return at.replace(microsecond=0)
