"""Attribution by hand: each file has an opportunity, the white paper's verdict on it, and the reason in words."""

from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from leadbridge.domain.attribution import WORDS, Copy, Finding, Measure, Party, Touch, judged, said

FILES = sorted((Path(__file__).parent / "fixtures/attribution").glob("*.yaml"))
MEMBERS = {"rows", "why", "zone", "opportunity", "marketo", "people", "verdict"}


def read(path: Path) -> Mapping[str, Any]:
    """A file; nothing in it may be left over, lest a slip of the pen go unseen."""
    document: Mapping[str, Any] = yaml.load(path.read_text("utf-8"), yaml.CSafeLoader)
    assert document.keys() <= MEMBERS, path.name
    assert document["why"], path.name
    return document


def _copy(given: Mapping[str, Any]) -> Copy:
    assert given.keys() <= {"created", "closes", "amount", "is"}, given
    created = given["created"]
    closes = given["closes"]
    return Copy(
        created_at=None if created is None else datetime.fromisoformat(created),
        closes_on=None if closes is None else date.fromisoformat(closes),
        amount=given["amount"],
        won=given["is"] == "won",
    )


def _party(given: Mapping[str, Any]) -> Party:
    assert given.keys() <= {"contact", "person", "marketo_has_the_role", "programs"}, given
    return Party(
        contact=given.get("contact", ""),
        person=str(given.get("person", "")),
        told=given.get("marketo_has_the_role", True),
        touches=[_touch(each) for each in given.get("programs", [])],
    )


def _touch(given: Mapping[str, Any]) -> Touch:
    assert given.keys() <= {"program", "joined", "acquired", "success"}, given
    success = given.get("success")
    return Touch(
        program=given["program"],
        joined_at=None if given["joined"] is None else datetime.fromisoformat(given["joined"]),
        acquired=given.get("acquired", False),
        success=success is not None,
        success_at=None if success in {None, "some day"} else datetime.fromisoformat(success),
    )


def _brief(finding: Finding) -> str:
    party = finding.party
    whose = [] if party is None else [party.person or party.contact]
    return " ".join([finding.code, *whose, *([] if finding.program is None else [str(finding.program)])])


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=path.stem, marks=pytest.mark.cap(*read(path)["rows"])) for path in FILES]
)
def test_credit_goes_as_the_white_paper_says(path: Path) -> None:
    """Which programs have first touch, pipeline and revenue, which lose it, and each prerequisite that is missing."""
    document = read(path)
    opportunity, verdict = document["opportunity"], document["verdict"]
    # what a file does not say of Marketo's copy is as in Salesforce
    marketo = document.get("marketo", {})
    found = judged(
        "006",
        _copy(opportunity),
        None if marketo is None else _copy({**opportunity, **marketo}),
        [_party(each) for each in document["people"]],
        is_open=opportunity["is"] == "open",
        zone=ZoneInfo(document.get("zone", "UTC")),
    )

    names = {measure: measure.value for measure in Measure}
    assert {names[measure]: list(ids) for measure, ids in found.credited.items()} == {
        name: verdict.get(name, []) for name in names.values()
    }
    assert {names[measure]: list(ids) for measure, ids in found.lost.items() if ids} == verdict.get("lost", {})
    assert sorted(map(_brief, found.findings)) == sorted(verdict.get("findings", []))
    assert all(said(each, {}) for each in found.findings)


def test_there_are_fifty_files_and_each_code_is_in_one() -> None:
    """Every sentence of the table is somebody's verdict."""
    told = {each.split()[0] for path in FILES for each in read(path)["verdict"].get("findings", [])}

    assert len(FILES) >= 50
    assert told == WORDS.keys()


def test_a_finding_is_a_sentence_with_names_and_without_values() -> None:
    """The person by the id, the program by its name where that is known."""
    party = Party(contact="003", person="12", told=False)
    late = Finding(code="acquired_late", measures=(Measure.FIRST_TOUCH,), party=party, program=7)

    assert said(late, {7: "Webinar"}) == "Person 12 was acquired by Webinar (7) when the opportunity was there already."
    assert "by program 7 when" in said(late, {})
    missing = Finding(code="role_missing", measures=(), party=party)
    assert said(missing, {}) == "Marketo does not know that person 12 has a role in the opportunity."
    nobody = Finding(code="no_person", measures=(), party=Party(contact="003", person="", told=False))
    assert said(nobody, {}) == "Contact 003 is no person of Marketo, so no touch is known."
