"""What trying an Action tells of its chained objects, against what running it writes."""

from typing import Any

import pytest

from leadbridge.usecases.tried import NO_RECORD, Trial
from leadbridge_cli.trying import lines
from tests.builders.actions import ACTION
from tests.builders.chains import ChainWorld, a_chained_action, account, follow_up, membership
from tests.builders.events import a_payload
from tests.unit.usecases.test_try_action import trying

NAMED = follow_up(mappings=[{"field": "Id", "to": "WhoId"}, {"field": "Company", "to": "Subject"}])


def tried(world: ChainWorld, **lead: Any) -> Trial:
    """What a call would do; nothing is written."""
    world.marketo.load(7)
    before = len(world.salesforce.journal)
    trial = trying(world).with_payload(ACTION, a_payload(7, **lead))
    assert len(world.salesforce.journal) == before
    return trial


@pytest.mark.parametrize("known", [False, True], ids=["a new person", "a known one"])
@pytest.mark.parametrize(
    "links",
    [
        (follow_up(), membership(), account()),
        (follow_up(after="updated"), membership(after="created")),
        (NAMED, account(type="update")),
    ],
)
def test_a_try_tells_the_chained_rows_that_a_run_then_writes(links: tuple[dict[str, Any], ...], known: bool) -> None:
    """Each chained object has the state that its run has, and the fields that reach the org, ids that come aside."""
    world = ChainWorld(a_chained_action(*links))
    if known:
        lead = world.salesforce.load("Lead", Email="person7@example.com", Title="Dr")
        world.salesforce.load("CampaignMember", LeadId=lead, CampaignId="701000000000001AAA", Note__c="old")

    trial = tried(world, title=None)
    execution = world.receive(7, title=None)
    world.run_out()

    assert {link.name: link.state for link in trial.chained} == world.links(execution)
    written = [dict(row) for _, record, row in world.salesforce.journal if record[:3] in {"00T", "00v", "001"}]
    written = written[1 if known else 0 :]
    told = [dict(link.fields) for link in trial.chained if link.fields]
    for row, fields in zip(written, told, strict=True):
        row.pop("Id", None)
        assert row.keys() == fields.keys()
        assert {name: value for name, value in fields.items() if not str(value).startswith("(")}.items() <= row.items()


def test_ids_that_are_not_there_yet_are_told_in_words() -> None:
    """The new record and the new task have no ids, and the lines say which is meant."""
    trial = tried(ChainWorld())

    task, member = trial.chained
    assert (task.fields["WhoId"], member.fields["Note__c"]) == (NO_RECORD, "(the Id of follow_up)")
    assert trial.as_json()["chained"][0]["salesforce_id"] is None
    text = "\n".join(lines(trial))
    assert "  chained follow_up (Task): would be created\n" in text
    assert '    Note__c: "(the Id of follow_up)"' in text


def test_what_would_fail_or_not_run_says_why() -> None:
    """A required value that is missing, and what it keeps from being written."""
    strict = follow_up(
        on_failure="stop",
        mappings=[{"field": "Id", "to": "WhoId"}, {"column": "title", "to": "Subject", "blank": "fail"}],
    )
    trial = tried(ChainWorld(a_chained_action(strict, membership())), title=None)

    assert [(link.state, link.reason) for link in trial.chained] == [("failed", "value_missing"), ("stopped", "")]
    assert "chained membership (CampaignMember): not run, as one before it fails" in "\n".join(lines(trial))


def test_nothing_is_told_where_no_record_would_be_written() -> None:
    """A person who would be skipped has no chained objects."""
    assert list(tried(ChainWorld(), email=" ").chained) == []
