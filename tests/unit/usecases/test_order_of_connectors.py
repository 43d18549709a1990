"""Calls of one person keep their order, whatever keeps one of them from going; what others did is nobody's own."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.event import Event
from leadbridge.domain.hashing import keyed_hash
from leadbridge.errors import RateLimitedError
from tests.builders.actions import MARKETO
from tests.builders.connectors import LIST, LIST_ID, ToMarketo, a_connector, an_upsert
from tests.builders.events import SECRET
from tests.fakes.steps import Crash

MAIL = "new@example.com"


def a_world(*actions: object) -> ToMarketo:
    """Person 7 and an empty list."""
    world = ToMarketo(*actions)  # type: ignore[arg-type]  # connector actions
    world.marketo.load(7, email="person7@example.com")
    world.marketo.lists[LIST] = (LIST_ID, set())
    return world


def test_who_was_turned_away_is_not_overtaken_by_what_came_later() -> None:
    """Another writer holds the person; of an addition and a removal the later one looks first again, and waits."""
    world = a_world(a_connector("add"), a_connector("remove", operation="remove_from_list"))
    guard = keyed_hash(SECRET, "guard", "lead", MARKETO, "7")
    now = world.clock.now()
    world.keys.guard({"stranger": [guard]}, now + timedelta(minutes=5), now)
    added = world.call("add", id=7)
    world.clock.advance(100)
    world.drain()
    removed = world.call("remove", id=7)
    world.drain()
    due = {event.action_id: event.due_at for event in world.inbox.waiting.values()}
    world.keys.release("stranger", [guard])

    assert due["add"] == due["remove"]
    world.run_out()
    assert [world.ended(each) for each in (added, removed)] == [("updated", "")] * 2
    assert [what for what, *_ in world.marketo.journal] == ["added", "removed"]


def test_what_a_vendor_keeps_from_running_is_not_overtaken_by_another_action() -> None:
    """The fields of a lead cannot be read for the first Action; the second one, which could run, follows the first."""
    mapped = [{"column": "email", "to": "email"}, {"column": "firstName", "to": "firstName"}]
    world = a_world(an_upsert("first", mappings=mapped), an_upsert("second", mappings=mapped))
    error = RateLimitedError("slower", vendor="marketo", operation="describe_leads", code="606", retry_after_seconds=30)
    world.marketo.trouble.fail("describe_leads", error, times=1)
    executions = [world.call(each, email="person7@example.com", firstName=each) for each in ("first", "second")]

    world.run_out()

    assert [world.ended(each) for each in executions] == [("updated", "")] * 2
    assert [row["firstName"] for _, _, _, row in world.marketo.journal] == ["first", "second"]


def test_what_comes_due_while_its_lane_is_looked_at_is_not_overtaken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first Action's call comes due between the look at what is due and that at what is not: it was in neither,
    and the second one's later value was written before it."""
    mapped = [{"column": "email", "to": "email"}, {"column": "firstName", "to": "firstName"}]
    world = a_world(an_upsert("first", mappings=mapped), an_upsert("second", mappings=mapped))
    error = RateLimitedError("slower", vendor="marketo", operation="describe_leads", code="606", retry_after_seconds=90)
    world.marketo.trouble.fail("describe_leads", error, times=1)
    first = world.call("first", email="person7@example.com", firstName="first")
    world.drain()
    due = next(event.due_at for event in world.inbox.waiting.values() if event.execution_id == first)
    assert due is not None
    second = world.call("second", email="person7@example.com", firstName="second")
    world.clock.advance((due - world.clock.now()).total_seconds() - 1)
    look = world.inbox.due

    def slowly(*asked: Any) -> Sequence[Event]:
        found = look(*asked)
        world.clock.advance(2)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(world.inbox, "due", slowly)
        world.drain()
    world.run_out()

    assert [world.ended(each) for each in (first, second)] == [("updated", "")] * 2
    assert [row["firstName"] for _, _, _, row in world.marketo.journal] == ["first", "second"]


@pytest.mark.parametrize("strategy", ["createOnly", "createDuplicate"])
def test_a_person_made_by_another_while_a_call_was_parked_is_not_its_own(strategy: str) -> None:
    """Two workers die with a create that Marketo never got, so it is parked; another call makes the person, and the
    redriven one, which finds somebody new, says that nobody can tell."""
    world = a_world(an_upsert(strategy=strategy), an_upsert("other", strategy=strategy))
    parked = world.call(email=MAIL, firstName="Ada")
    for _ in range(2):
        world.steps.die_of("marketo.sync_leads")
        with pytest.raises(Crash):
            world.drain()
        world.clock.advance(61)
    world.drain()
    assert world.execution(parked)["state"] == "parked"

    other = world.call("other", email=MAIL, firstName="Augusta")
    world.drain()
    world.redrive(parked)
    world.run_out()

    assert world.ended(other) == ("created", "")
    assert world.ended(parked) == ("failed", "request_uncertain")
    assert [row["firstName"] for _, _, _, row in world.marketo.journal] == ["Augusta"]


def test_who_was_there_before_is_not_made() -> None:
    """A person of another call half a minute ago is known before the call whose answer is lost: it is left alone."""
    world = a_world(an_upsert(strategy="createOnly"))
    first = world.call(email=MAIL, firstName="Ada")
    world.drain()
    world.clock.advance(30)
    world.marketo.trouble.lose_answer("sync_leads", committed=False, late_seconds=1e8)
    second = world.call(email=MAIL, firstName="Augusta")
    world.run_out()

    assert world.ended(first) == ("created", "")
    assert world.ended(second) == ("skipped", "marketo_1005")
