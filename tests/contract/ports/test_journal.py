"""The journal: versions note themselves, the newest comes first, and pages hold everything once."""

from datetime import timedelta

from leadbridge.aws.journal import DynamoJournal
from leadbridge.domain.journal import Entry
from leadbridge.domain.lifecycle import Change
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
