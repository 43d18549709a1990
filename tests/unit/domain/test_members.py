"""Program members: what a document may say, and what is found when it is saved."""

from typing import Any

import pytest

from leadbridge.domain.columns import lead_columns
from leadbridge.domain.findings import read_document
from leadbridge.domain.flow_step_service import MappingMode, definition
from leadbridge.domain.members import check_members
from leadbridge.domain.pages import pages
from tests.builders.actions import an_action, an_action_document
from tests.builders.descriptions import a_salesforce_lead, member_fields
from tests.builders.members import CHANNEL, FAIR, a_member, a_member_action, a_reading_action

SOURCE = {"static": "x", "to": "registrationCode"}


def found(member: Any) -> list[str]:
    """What is wrong with the shape of a document."""
    read = read_document(an_action_document(program_member=member))
    return [each.line().partition(": ")[2] for each in read] if isinstance(read, list) else []


@pytest.mark.parametrize(
    ("member", "line"),
    [
        ({"program": "Fair"}, "/program_member/status: is missing; give it"),
        ({"status": "Invited"}, "/program_member/program: is missing; give it"),
        (a_member(status=""), "/program_member/status: is blank; give it a text"),
        (a_member(program=True), "/program_member/program: has the wrong type; give a text or a whole number"),
        (a_member(mappings=[SOURCE, SOURCE]), "keep one line for each field"),
        (a_member(mappings=[{"to": "seats"}]), "needs one source"),
        (a_member(channel="Tradeshow"), "/program_member/channel"),
    ],
)
def test_a_document_without_its_parts_is_refused(member: Any, line: str) -> None:
    """Program and status are required, each field has one source and stands once, and nothing else is known."""
    assert found(a_member()) == found(a_member(mappings=[])) == []
    (told,) = found(member)
    assert line in told


def checked(member: dict[str, Any], **known: Any) -> list[str]:
    """What is found against the instance and the org."""
    action = a_member_action(member)
    asked: dict[str, Any] = {"program": FAIR, "channel": CHANNEL, "fields": member_fields()} | known
    return list(check_members(action, records={"Lead": a_salesforce_lead()}, **asked))


@pytest.mark.parametrize(
    ("member", "known", "line"),
    [
        (
            a_member(status="invited"),
            {},
            (
                "program_member.status: the channel Tradeshow of this program has no status invited; "
                "choose one of Invited, Registered, Attended"
            ),
        ),
        (
            a_member(),
            {"program": None},
            "program_member.program: Marketo has no program of this id, 1042; correct it",
        ),
        (
            a_member(program="Fair, spring"),
            {"program": None},
            (
                "program_member.program: Marketo has no program of this name, Fair, spring; "
                "a name with a comma cannot be looked up: give the program's id"
            ),
        ),
        (
            a_member(),
            {"channel": None},
            (
                "program_member.program: the channel Tradeshow of this program cannot be read, so that its status "
                "cannot be checked; give the API user's role Read-Only Assets"
            ),
        ),
        (
            a_member(mappings=[{"static": 1, "to": "seat"}]),
            {},
            "program_member.mappings[0].to: a program member has no field seat; did you mean seats?",
        ),
        (
            a_member(mappings=[{"static": "Attended", "to": "statusName"}]),
            {},
            "program_member.mappings[0].to: statusName cannot be mapped, `status` says it; remove the mapping",
        ),
        (
            a_member(mappings=[{"day": "today", "to": "membershipDate"}]),
            {},
            (
                "program_member.mappings[0].to: Marketo does not let membershipDate be updated by API; "
                "choose another field"
            ),
        ),
        (
            a_member(mappings=[{"day": "today", "to": "seats"}]),
            {},
            (
                "program_member.mappings[0].day: gives a date, and seats takes a number; "
                "choose another field or another rule"
            ),
        ),
        (
            a_member(mappings=[{"column": "score", "to": "seats", "blank": "fail"}]),
            {},
            "program_member.mappings[0].blank: `fail` cannot be done here; choose one of skip, clear, default",
        ),
    ],
)
def test_a_finding_names_the_member_and_the_remedy(member: dict[str, Any], known: dict[str, Any], line: str) -> None:
    """Each mistake is one line; without it nothing is found."""
    assert checked(a_member()) == []
    assert checked(member, **known) == [line]


def test_what_a_membership_needs_of_the_lead_is_read_and_offered() -> None:
    """A column of a membership is read for thin calls and offered to the flow step; one of an activity is neither."""
    action = a_member_action(a_member(mappings=[{"column": "phone", "to": "seats"}]))
    reading = a_reading_action()

    assert "phone" in lead_columns(action)
    assert not [name for name in lead_columns(reading) if name.startswith("activity")]
    documents = [each.model_dump(mode="json", exclude_none=True) for each in (action, reading)]
    fields = definition(documents, MappingMode.FIELDS)["invocationPayloadDef"]["fields"]
    names = {each["serviceAttribute"] for each in fields}
    assert "phone" in names
    assert not [name for name in names if name.startswith("activity")]


def test_both_stand_on_the_second_page_and_are_absent_where_nobody_wrote_them() -> None:
    """The Action's second page shows program and activity; documents from before have neither."""
    second = {each.number: each.members for each in pages(a_member_action(activity={"type": "Fill Out Form"}))}[2]
    plain = {each.number: each.members for each in pages(an_action())}[2]

    assert {"program_member", "activity"} <= second.keys()
    assert {"program_member", "activity"}.isdisjoint(plain)
