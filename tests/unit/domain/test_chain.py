"""The decisions about a chained object: what is looked for, what is written, what is done about a write in doubt."""

from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain import chain
from leadbridge.domain.chain import LinkWrite, Search
from leadbridge.domain.compiled import compile_action
from leadbridge.domain.event import Intent, Link, Result
from leadbridge.domain.outcome import Outcome, State
from leadbridge.domain.pipeline import Candidate, Wait, admit
from tests.builders.chains import a_chained_action, a_membership, a_task, account, an_account, follow_up, membership
from tests.builders.descriptions import a_salesforce_lead
from tests.builders.events import SECRET, a_payload, an_event
from tests.fakes.clock import NOON

LEAD, OURS, THEIRS = "00Q000000000001EAA", "00T000000000002AAA", "00T000000000003AAA"
SETTLE = timedelta(seconds=60)
OBJECTS = {each.name: each for each in (a_task(), a_membership(), an_account())}


def a_candidate(*links: dict[str, Any], begun: tuple[Link, ...] = ()) -> Candidate:
    """A person whose Lead was just created, with links that were begun."""
    compiled = compile_action(a_chained_action(*links), 1, a_salesforce_lead(), chained=OBJECTS)
    item = admit(an_event(payload=a_payload(7)), compiled, SECRET)
    assert isinstance(item, Candidate)
    result = Result(outcome=Outcome.CREATED, record_id=LEAD)
    return item.with_event(item.event.evolve(state=State.WRITING, result=result, chain=begun))


def a_search(item: Candidate) -> Search:
    """What is looked for of its next link."""
    link = chain.following(item)
    assert link is not None
    inputs = chain.inputs_of(item, {})
    look = chain.look_of(item, link, inputs)
    assert not isinstance(look, Result)
    return Search(candidate=item, link=link, inputs=inputs, look=look)


def decided(item: Candidate, *found: dict[str, Any], written: str = "w", overtaken: bool = False) -> Any:
    """The decision at noon."""
    return chain.decide(a_search(item), found, now=NOON, settle=SETTLE, written=written, overtaken=overtaken)


def in_doubt(operation: str, seconds: float, **members: Any) -> Link:
    """A link whose answer has been outstanding for so long."""
    at = NOON - timedelta(seconds=seconds)
    return Link(name="follow_up", intent=Intent(operation=operation, at=at, attempt=1, written="w", **members))


@pytest.mark.parametrize("operation", ["create", "update"])
def test_a_write_in_doubt_is_not_repeated_before_the_vendor_must_show_it(operation: str) -> None:
    """At 59 seconds it waits until the sixtieth, at 61 it is sent again as its second attempt."""
    match = {"match": [{"field": "Id", "to": "WhoId"}]} if operation == "update" else {}
    link = follow_up(type="create" if operation == "create" else "upsert", **match)

    early = decided(a_candidate(link, begun=(in_doubt(operation, 59, record_id=OURS),)))
    late = decided(a_candidate(link, begun=(in_doubt(operation, 61, record_id=OURS),)))

    assert early == Wait(until=NOON + timedelta(seconds=1))
    assert isinstance(late, LinkWrite)
    assert (late.intent.operation, late.intent.attempt, late.intent.at) == (operation, 2, NOON)


@pytest.mark.parametrize(
    ("found", "written", "outcome", "record_id"),
    [
        ([OURS], "w", Outcome.CREATED, OURS),
        ([OURS, THEIRS], "w", Outcome.FAILED, None),
        # others wrote while the event was away: whose it is cannot be told
        ([OURS], "more", Outcome.FAILED, None),
    ],
)
def test_a_task_that_appeared_since_is_ours_where_that_can_be_told(
    found: list[str], written: str, outcome: Outcome, record_id: str | None
) -> None:
    """One new record with nobody else about is ours at once; several, or one that may be another's, are uncertain."""
    older = "00T000000000001AAA"
    item = a_candidate(follow_up(), begun=(in_doubt("create", 5, before=(older,)),))

    result = decided(item, *({"Id": each, "WhoId": LEAD} for each in [older, *found]), written=written)

    assert (result.outcome, result.record_id) == (outcome, record_id)
    assert (result.reason == "uncertain") is (outcome is Outcome.FAILED)
    assert outcome is Outcome.CREATED or all(each in result.message for each in found)


def test_an_upsert_in_doubt_updates_what_it_finds_where_others_wrote() -> None:
    """Whoever made the account, our values are to be in it."""
    intent = Intent(operation="create", at=NOON, attempt=1, written="w")
    item = a_candidate(account(), begun=(Link(name="account", intent=intent),))

    write = decided(item, {"Id": "001000000000001AAA", "Name": item.columns["company"].upper()}, written="more")

    assert (write.intent.operation, write.intent.record_id) == ("update", "001000000000001AAA")


def test_a_newer_call_supersedes_an_update_and_never_a_create() -> None:
    """What only sets fields is left alone; a record of one's own is made, and what runs after some only is written."""
    found = {"Id": "001000000000001AAA", "Name": "Analytical Engines"}
    named = account(match=[{"static": "Analytical Engines", "to": "Name"}])

    assert decided(a_candidate(named), found, overtaken=True).outcome is Outcome.SUPERSEDED
    assert decided(a_candidate(named), overtaken=True).intent.operation == "create"
    assert decided(a_candidate(named | {"after": "created"}), found, overtaken=True).intent.operation == "update"
    assert decided(a_candidate(follow_up()), overtaken=True).intent.operation == "create"


def test_a_match_without_a_value_or_with_a_wrong_one_is_skipped() -> None:
    """Neither is asked for: the vendor refuses a whole query for one text that is no id."""
    campaign = {"to": "CampaignId"}
    for source, reason in (({"column": "title"}, "identifier_missing"), ({"static": "none"}, "identifier_invalid")):
        item = a_candidate(membership(match=[campaign | source], mappings=[{"static": "Sent", "to": "Status"}]))
        link = chain.following(item)
        assert link is not None
        result = chain.look_of(item, link, chain.inputs_of(item, {}))
        assert isinstance(result, Result)
        assert (result.outcome, result.reason) == (Outcome.SKIPPED, reason)


def test_a_shared_record_is_guarded_and_a_persons_own_is_not() -> None:
    """The account of a company has a key that other Actions share; a membership by the person's id needs none."""
    item = a_candidate(account(), follow_up(), membership())
    same = a_candidate(account(match=[{"static": " analytical ENGINES", "to": "Name"}]), follow_up())

    assert list(item.link_guards) == ["account"]
    assert item.columns["company"] == "Analytical Engines"
    assert item.link_guards == same.link_guards
    assert set(item.guards) - item.own_guards == set(item.link_guards.values())
