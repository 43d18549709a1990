"""The journal: versions note themselves, the newest comes first, and pages hold everything once."""

from datetime import timedelta

import pytest

from leadbridge.aws.journal import DynamoJournal
from leadbridge.aws.noting import NotedConfigurations
from leadbridge.domain.journal import Entry
from leadbridge.domain.lifecycle import Change, Move
from leadbridge.errors import ConfigurationError
from tests.contract.ports.builders import an_action
from tests.contract.ports.worlds import DynamoWorld
from tests.fakes.clock import NOON
from tests.fakes.journal import InMemoryJournal

WHO = "ada@example.com"


def test_a_version_is_noted_by_whoever_stores_it_and_once(dynamo_world: DynamoWorld) -> None:
    """With its author and time; the same document again is no deed, and documents are none of the journal's."""
    journal = DynamoJournal(dynamo_world.dynamodb, table="ConfigTable")
    change = Change(author=WHO, at=NOON)
    for _ in range(2):
        dynamo_world.configurations.put(an_action(), change)
    dynamo_world.configurations.put(an_action(name="Second"), Change(author=WHO, at=NOON + timedelta(seconds=1)))
    journal.note(Entry(at=NOON + timedelta(seconds=2), who=WHO, did="pause_all"))

    entries, following = journal.page("", 100)

    assert [(each.did, each.kind, each.id, each.detail) for each in entries] == [
        ("pause_all", "", "", ""),
        ("stored", "action", "person-to-lead", "2"),
        ("stored", "action", "person-to-lead", "1"),
    ]
    assert {each.who for each in entries} == {WHO}
    assert (entries[-1].at, following) == (NOON, "")


def test_what_somebody_does_to_documents_by_hand_is_noted_once_it_is_done(dynamo_world: DynamoWorld) -> None:
    """States, the pause of all Actions, and removals; what is refused is none."""
    done: list[tuple[str, str, str]] = []
    mine = NotedConfigurations(
        dynamo_world.dynamodb, table="ConfigTable", note=lambda did, kind, name: done.append((did, kind, name))
    )
    mine.put(an_action())
    with pytest.raises(ConfigurationError):
        mine.move("action", "person-to-lead", Move.PAUSE)
    mine.move("action", "person-to-lead", Move.ACTIVATE)
    for paused in (True, False):
        mine.pause(paused=paused)
    mine.remove("action", "person-to-lead")

    action = ("action", "person-to-lead")
    assert done == [("activate", *action), ("pause_all", "", ""), ("resume_all", "", ""), ("removed", *action)]
    assert mine.get(*action) is None


def test_pages_hold_every_entry_once(dynamo_world: DynamoWorld) -> None:
    """Also those of one moment; in memory as in the table."""
    for journal in (DynamoJournal(dynamo_world.dynamodb, table="ConfigTable"), InMemoryJournal()):
        for number in range(5):
            at = NOON + timedelta(seconds=number // 2)
            journal.note(Entry(at=at, who=WHO, did="run", kind="sync", id="people", detail=str(number)))
        found, mark = list[Entry](), ""
        while True:
            entries, mark = journal.page(mark, 2)
            found += entries
            if not mark:
                break
        assert sorted(each.detail for each in found) == ["0", "1", "2", "3", "4"]
        assert [each.at for each in found] == sorted((each.at for each in found), reverse=True)
