"""What becomes of an opportunity's credit as people and programs read it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from leadbridge.domain.attribution import Finding, Measure, Verdict, named, said

_MEASURES: Mapping[Measure, str] = {
    Measure.FIRST_TOUCH: "first touch",
    Measure.PIPELINE: "multi-touch pipeline",
    Measure.REVENUE: "multi-touch revenue",
}


def verdict_members(verdict: Verdict, names: Mapping[int, str]) -> dict[str, Any]:
    """A verdict as JSON."""
    return {
        "opportunity": verdict.opportunity,
        "credited": _credit(verdict.credited, names),
        "lost": _credit(verdict.lost, names),
        "findings": [_finding(each, names) for each in verdict.findings],
    }


def verdict_lines(verdict: Verdict, names: Mapping[int, str]) -> Iterator[str]:
    """The same in sentences."""
    yield f"{verdict.opportunity}: {'all is there' if not verdict.findings else 'credit is missing'}"
    for measure, programs in verdict.credited.items():
        if programs:
            yield f"  {_MEASURES[measure]}: {_listed(programs, names)}"
    for measure, programs in verdict.lost.items():
        if programs:
            yield f"  loses {_MEASURES[measure]}: {_listed(programs, names)}"
    for each in dict.fromkeys(said(one, names) for one in verdict.findings):
        yield f"  - {each}"


def _credit(programs: Mapping[Measure, Sequence[int]], names: Mapping[int, str]) -> dict[str, Any]:
    return {
        measure.value: [{"id": each, "name": names.get(each)} for each in those] for measure, those in programs.items()
    }


def _finding(finding: Finding, names: Mapping[int, str]) -> dict[str, Any]:
    party = finding.party
    return {
        "code": finding.code,
        "message": said(finding, names),
        "measures": [each.value for each in finding.measures],
        "contact": party.contact or None if party else None,
        "person": party.person or None if party else None,
        "program": finding.program,
    }


def _listed(programs: Sequence[int], names: Mapping[int, str]) -> str:
    return ", ".join(named(each, names) for each in programs)
