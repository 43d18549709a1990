"""What trying a connector action tells, against what running it does."""

from copy import deepcopy
from typing import Any

import pytest

from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.marketo import SmartCampaign
from tests.builders.connectors import (
    CAMPAIGN,
    CAMPAIGN_ID,
    LIST,
    LIST_ID,
    ToMarketo,
    a_connector,
    a_mail,
    a_merge,
    an_upsert,
    by_email,
)
from tests.builders.imports import an_import
from tests.unit.usecases.test_try_action import trying

MAIL, NEW = "person1@example.com", "new@example.com"
OLDEST = {"order_by": "createdAt", "choose": "oldest"}
OUT: dict[str, Any] = {"operation": "remove_from_list"}
NO_GUEST = {"clauses": [{"column": "email", "operator": "not_equals", "value": MAIL}]}


def a_world(action: ConnectorAction) -> ToMarketo:
    """Persons 1 to 3, two more of one address, the first of all in the list, and a campaign."""
    world = ToMarketo(action)
    for number in (1, 2, 3):
        world.marketo.load(number, email=f"person{number}@example.com", firstName="Before")
    for number in (41, 42):
        world.marketo.load(number, email="twins@example.com", createdAt=f"2026-01-{number - 20}T00:00:00Z")
    world.marketo.lists[LIST] = (LIST_ID, {1})
    world.marketo.campaigns[CAMPAIGN_ID] = SmartCampaign(
        id=CAMPAIGN_ID, name=CAMPAIGN, type="trigger", is_active=True, is_requestable=True
    )
    return world


def held(world: ToMarketo) -> Any:
    """All that a try could have changed."""
    marketo = world.marketo
    return deepcopy((marketo.leads, marketo.lists, marketo.requests, world.inbox.logged, world.inbox.waiting))


CASES: dict[str, tuple[ConnectorAction, dict[str, Any]]] = {
    "known": (a_connector(), {"id": 2}),
    "nobody has the id": (a_connector(), {"id": 77}),
    "no id": (a_connector(), {"email": MAIL}),
    "a wrong id": (a_connector(person={"lead_id": "other"}), {"other": "x"}),
    "a condition": (a_connector(conditions=NO_GUEST), {"id": 1, "email": MAIL}),
    "found": (a_connector(person=by_email()), {"email": MAIL.upper()}),
    "not found": (a_connector(person=by_email()), {"email": NEW}),
    "added": (a_connector(person=by_email(add_if_missing=True)), {"email": NEW}),
    "several": (a_connector(person=by_email()), {"email": "twins@example.com"}),
    "the oldest of several": (
        a_connector(person=by_email(), duplicate_record_rule=OLDEST),
        {"email": "twins@example.com"},
    ),
    "a member removed": (a_connector(**OUT), {"id": 1}),
    "no member removed": (a_connector(**OUT), {"id": 2}),
    "nobody removed": (a_connector(**OUT), {"id": 77}),
    "added and not removed": (a_connector(**OUT, person=by_email(add_if_missing=True)), {"email": NEW}),
    "no list": (a_connector(list="Gone"), {"id": 1}),
    "requested": (a_mail(tokens=[{"column": "amount", "to": "amount"}]), {"id": 2, "amount": "7"}),
    "nobody requested": (a_mail(), {"id": 77}),
    "no campaign": (a_mail(campaign="Gone"), {"id": 1}),
    "merged": (a_merge(), {"winner": 1, "losers": "2,3"}),
    "a loser is gone": (a_merge(), {"winner": 1, "losers": "77"}),
    "no loser": (a_merge(), {"winner": 1, "losers": "1"}),
    "no field": (an_upsert(mappings=[{"column": each, "to": each} for each in ("email", "gone")]), {"email": MAIL}),
    **{
        f"{strategy}, {who}": (an_upsert(strategy=strategy), {"email": mail, "firstName": "Ada"})
        for strategy in ("createOrUpdate", "createOnly", "updateOnly", "createDuplicate")
        for who, mail in (("there", MAIL), ("absent", NEW), ("several", "twins@example.com"))
    },
}


@pytest.mark.parametrize("name", CASES)
def test_a_try_tells_what_a_run_does_and_does_nothing(name: str) -> None:
    """State, outcome, reason and the values that are sent are those of a run of the same call; before it nothing is
    changed, neither at Marketo nor here."""
    action, lead = CASES[name]
    world = a_world(action)
    before = held(world)

    trial = trying(world).with_payload("connector", {"lead": lead})
    assert held(world) == before
    execution = world.call(**lead)
    world.drain()

    item = world.execution(execution)
    assert (trial.state.value, trial.outcome and trial.outcome.value, trial.reason) == (
        item["state"],
        item.get("outcome"),
        item.get("reason", ""),
    )
    if trial.outcome in {"created", "updated"} and trial.fields:
        sent = {each.field: each.after for each in trial.fields}
        tokens = [dict(tokens) for _, _, tokens in world.marketo.requests]
        assert sent in [*tokens, *({key: lead.get(key) for key in sent} for lead in world.marketo.leads.values())]


def test_a_try_tells_whom_it_takes_and_what_it_waits_for() -> None:
    """Of several people the one that the rule chooses, the values before and after, and the thresholds of the batch."""
    world = a_world(an_upsert(batch={"count": 20}))
    trial = trying(world).with_payload("connector", {"lead": {"email": MAIL, "firstName": "Ada"}})

    assert trial.lead_id == 1
    assert [(each.field, each.before, each.after) for each in trial.fields] == [
        ("email", MAIL, MAIL),
        ("firstName", "Before", "Ada"),
    ]
    assert [each.as_json() for each in trial.steps] == [
        {"step": "batch", "result": "waits_for_others", "people": 20, "bytes": 1_000_000, "seconds": 1800},
        {"step": "look_up", "result": "one", "field": "email", "candidates": ["1"]},
    ]
    chosen = trying(a_world(CASES["the oldest of several"][0])).with_payload(
        "connector", {"lead": {"email": "twins@example.com"}}
    )
    assert chosen.lead_id == 41
    assert chosen.steps[-1].as_json()["candidates"] == ["41", "42"]
    by_id = trying(a_world(a_connector())).with_lead("connector", 2)
    assert (by_id.lead_id, by_id.outcome) == (2, "updated")


@pytest.mark.parametrize(("mail", "lead"), [(MAIL, 1), (NEW, 0)])
def test_a_try_of_an_import_tells_what_the_row_would_change(mail: str, lead: int) -> None:
    """Who is there is told with the values before and after, who is not as nobody; a file would import either."""
    world = a_world(an_import())

    trial = trying(world).with_payload("connector", {"lead": {"email": mail, "firstName": "Ada"}})

    assert (trial.state, trial.outcome, trial.reason) == ("ended", "updated", "imported")
    assert (trial.operation, trial.lead_id) == ("import_leads", lead)
    told = {each.field: (each.before, each.after) for each in trial.fields}
    assert told["firstName"] == ("Before" if lead else None, "Ada")
    assert trial.steps[0].as_json()["result"] == "waits_for_others"
