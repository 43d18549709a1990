"""A batch of events comes to its end with a handful of vendor calls, every event with one outcome."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.records import Resolution
from leadbridge.usecases.run_events import waves
from tests.builders.actions import MARKETO, SALESFORCE, an_action
from tests.builders.descriptions import a_field, a_result_activity, a_salesforce_lead
from tests.builders.events import a_candidate, a_payload
from tests.builders.world import World
from tests.fakes.trouble import Row


def calls(world: World) -> Counter[str]:
    """Vendor calls by operation, those that are made once per process left out."""
    made = [*world.salesforce.trouble.calls, *world.marketo.trouble.calls]
    return Counter(operation for operation, _ in made if operation not in {"describe", "custom_activity_type"})


def test_a_new_person_becomes_a_record() -> None:
    """A person without a match is created, told to Marketo and logged, and the execution says so."""
    world = World()

    execution = world.receive(7, email="ada@example.com")
    world.drain()

    (lead,) = world.leads()
    assert lead["Email"] == "ada@example.com"
    assert world.ended(execution) == ("created", "")
    item = world.execution(execution)
    assert item["salesforce_id"] == lead["Id"]
    assert item["writeback"] == {"status": "written"}
    assert item["activity"] == {"status": "added"}
    assert world.marketo.leads[7] | {"salesforceId": lead["Id"], "leadbridgeStatus": "Synced"} == world.marketo.leads[7]
    (activity,) = world.marketo.logged(7)
    assert activity.primary_attribute_value == "Success"
    assert activity.attributes["executionId"] == execution


def test_a_known_person_is_updated() -> None:
    """A person whose address one record has, in whatever case, is updated; no second record appears."""
    world = World()
    known = world.salesforce.load("Lead", Email="ADA@example.com", FirstName="A.", Phone="1")

    execution = world.receive(7, email=" ada@example.com", firstName="Ada")
    world.drain()

    (lead,) = world.leads()
    assert (lead["Id"], lead["FirstName"], lead["Phone"]) == (known, "Ada", "1")
    assert world.ended(execution) == ("updated", "")
    assert world.marketo.leads[7]["salesforceId"] == known


def test_an_execution_leaves_no_personal_value() -> None:
    """After its end the payload is gone, and the execution's log holds no value of the person."""
    world = World()

    execution = world.receive(7, email="ada@example.com", firstName="Augusta Ada", lastName="King-Noel")
    world.drain()

    assert not world.inbox.waiting
    assert not world.inbox.kept
    text = str(world.execution(execution))
    assert not any(value in text for value in ("ada@", "Augusta", "King-Noel", "Analytical"))


def test_an_update_without_match_is_skipped_quietly() -> None:
    """An Action that only updates creates nothing, tells Marketo nothing and says "no match"."""
    world = World(an_action(type="update"))

    execution = world.receive(7)
    world.drain()

    assert world.ended(execution) == ("skipped", "no_match")
    assert world.leads() == []
    assert calls(world) == {"find": 1}
    assert world.execution(execution)["writeback"]["status"] == "not_attempted"
    assert world.execution(execution)["activity"]["status"] == "not_attempted"


@pytest.mark.parametrize(
    ("lead", "reason"),
    [
        pytest.param({"leadStatus": "Disqualified"}, "condition_not_met", id="condition"),
        pytest.param({"leadStatus": "", "email": " "}, "identifier_missing", id="identifier blank"),
        pytest.param({"leadStatus": "", "email": "nobody"}, "identifier_invalid", id="identifier invalid"),
    ],
)
def test_what_is_filtered_out_costs_no_call(lead: dict[str, Any], reason: str) -> None:
    """A person who is filtered out is skipped with the reason, without any call to either vendor."""
    clause = {"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}
    world = World(an_action(conditions={"match": "all", "clauses": [clause]}))

    execution = world.receive(7, **lead)
    world.drain()

    assert world.ended(execution) == ("skipped", reason)
    assert calls(world) == {}
    assert "salesforceId" not in world.marketo.leads[7]


def test_a_value_that_does_not_fit_fails_and_is_told() -> None:
    """A value of the wrong type fails its record alone; Marketo gets the errored activity and no write-back."""
    mappings = [{"column": "score", "to": "AnnualRevenue"}, *an_action().model_dump()["mappings"]]
    world = World(an_action(mappings=mappings))

    failed = world.receive(7, score="many")
    created = world.receive(8, score="12")
    world.drain()

    assert world.ended(failed) == ("failed", "value_invalid")
    assert world.ended(created) == ("created", "")
    assert world.execution(failed)["writeback"]["status"] == "not_attempted"
    assert [activity.primary_attribute_value for activity in world.marketo.logged(7)] == ["Error"]
    assert "many" not in world.execution(failed)["message"]
    assert "salesforceId" not in world.marketo.leads[7]


def test_several_matches_without_a_rule_fail_with_their_ids() -> None:
    """Two matching records and no rule: nothing is written and the message lists both ids."""
    world = World()
    ids = [world.salesforce.load("Lead", Email="ada@example.com") for _ in range(2)]

    execution = world.receive(7, email="ada@example.com")
    world.drain()

    assert world.ended(execution) == ("failed", "ambiguous_match")
    assert all(one in world.execution(execution)["message"] for one in ids)
    assert world.salesforce.trouble.made("create", "update", "upsert") == 0


def test_several_matches_with_a_rule_update_the_one_it_names() -> None:
    """Two matching records and a rule: exactly the oldest is updated."""
    world = World(an_action(duplicate_record_rule={"order_by": "CreatedDate", "choose": "oldest"}))
    oldest = world.salesforce.load("Lead", Email="ada@example.com")
    world.clock.advance(3600)
    newest = world.salesforce.load("Lead", Email="ada@example.com")

    execution = world.receive(7, email="ada@example.com")
    world.drain()

    assert world.ended(execution) == ("updated", "")
    names = {lead["Id"]: lead.get("FirstName") for lead in world.leads()}
    assert names == {oldest: "Ada", newest: None}


def test_fields_beyond_the_id_are_read_and_written_back() -> None:
    """A write-back of another destination field takes the value that Salesforce holds after the write."""
    world = World(an_action(writeback=[{"field": "Title", "to": "title"}]))
    world.salesforce.load("Lead", Email="person7@example.com", Title="Countess")

    world.receive(7)
    world.drain()

    assert world.marketo.leads[7]["title"] == "Countess"


def test_the_destination_fields_of_a_number_identifier_match_however_they_are_written() -> None:
    """An identifier in a number field finds the record that holds the number, written as 7, 007 or 7.0."""
    identifier = {"column": "externalId", "field": "Number__c"}
    world = World(an_action(identifier=identifier, type="update"))
    known = world.salesforce.load("Lead", Number__c=7)

    executions = [world.receive(number, externalId=text) for number, text in enumerate(("7", "007", "7.0", " 7 "), 1)]
    world.drain()

    assert [world.ended(execution) for execution in executions] == [("updated", "")] * 4
    assert [lead["Id"] for lead in world.leads()] == [known]


# -- keys, order, duplicates


def test_two_calls_are_two_operations() -> None:
    """The same payload twice without event id and without dedupe rule is two operations, in order."""
    world = World()

    first, second = world.receive(7, firstName="Ada"), world.receive(7, firstName="Augusta")
    world.drain()

    assert (world.ended(first)[0], world.ended(second)[0]) == ("created", "updated")
    assert [lead["FirstName"] for lead in world.leads()] == ["Augusta"]
    assert len(world.marketo.logged(7)) == 2


def test_two_creates_are_two_records() -> None:
    """An Action that creates makes two records of two calls, whatever exists already."""
    world = World(an_action(type="create"))
    world.salesforce.load("Lead", Email="person7@example.com")

    executions = [world.receive(7), world.receive(7)]
    world.drain()

    assert [world.ended(execution) for execution in executions] == [("created", ""), ("created", "")]
    assert len(world.leads()) == 3


def test_fifty_calls_for_one_new_address_make_one_record() -> None:
    """Fifty people with one new address, in one batch, make one record: one creates it, the others update it."""
    world = World()

    for lead_id in range(1, 51):
        world.receive(lead_id, email="same@example.com", firstName=f"N{lead_id}")
    world.drain()

    assert [lead["FirstName"] for lead in world.leads()] == ["N50"]
    assert world.outcomes() == {"created": 1, "updated": 49}


def test_two_actions_with_other_identifiers_do_not_race() -> None:
    """An Action by address and one by external id, for one new person in one batch, write one after the other."""
    by_id = an_action(id="by-id", name="By id", identifier={"column": "externalId", "field": "External__c"})
    world = World(an_action(), by_id)

    payload = a_payload(7, externalId="X-1")
    world.receive_payload(payload)
    world.receive_payload(payload, action_id="by-id")
    world.drain()

    assert sum(world.outcomes().values()) == 2
    assert world.salesforce.trouble.made("find") == 2, "two waves, because they share the person"


def test_the_same_event_id_is_one_event() -> None:
    """Two calls with one event id are one operation; the second is recorded as duplicate of the first."""
    world = World()

    first, second = world.receive(7, event_id="order-1"), world.receive(7, event_id="order-1", firstName="B")
    world.drain()

    assert world.ended(first) == ("created", "")
    assert world.ended(second) == ("duplicate", "duplicate_event_id")
    assert first in world.execution(second)["message"]
    assert len(world.marketo.logged(7)) == 1


@pytest.mark.parametrize(
    ("seconds", "outcome"),
    [pytest.param(299, "duplicate", id="4:59 after"), pytest.param(301, "updated", id="5:01 after")],
)
def test_the_dedupe_window_runs_from_arrival_to_arrival(seconds: int, outcome: str) -> None:
    """A second arrival within five minutes of the first is a duplicate, a later one is not, however late they run."""
    world = World(an_action(deduplicate={"columns": ["email"]}))
    world.receive(7)
    world.clock.advance(seconds)
    second = world.receive(7)

    world.clock.advance(7200)
    world.drain()

    assert world.ended(second)[0] == outcome


def test_a_combination_of_dedupe_columns_must_be_equal_as_a_whole() -> None:
    """With address and campaign as dedupe columns, another campaign is another event."""
    world = World(an_action(deduplicate={"columns": ["email", "campaign.name"]}))
    same, other = a_payload(7), a_payload(7) | {"campaign": {"id": 2, "name": "Goodbye"}}

    executions = [world.receive_payload(payload) for payload in (same, other, same)]
    world.drain()

    assert [world.ended(execution)[0] for execution in executions] == ["created", "updated", "duplicate"]


def test_a_failed_event_does_not_suppress_the_next() -> None:
    """A dedupe claim is let go when its event fails, so that the next call within the window runs."""
    world = World(an_action(deduplicate={"columns": ["email"]}))
    failed = world.receive(7, lastName=None)
    world.drain()
    second = world.receive(7, lastName="Lovelace")
    world.drain()

    assert world.ended(failed) == ("failed", "salesforce_REQUIRED_FIELD_MISSING")
    assert world.ended(second) == ("created", "")


def test_an_overtaken_event_is_superseded() -> None:
    """An older event that comes to run after a newer one of the person was written changes nothing."""
    world = World()
    noon = world.clock.now()
    world.clock.advance(60)
    newer = world.receive(7, firstName="Newer")
    world.drain()
    older = world.receive(7, firstName="Older", at=noon)
    world.drain()

    assert world.ended(newer) == ("created", "")
    assert world.ended(older) == ("superseded", "overtaken")
    assert [lead["FirstName"] for lead in world.leads()] == ["Newer"]
    assert len(world.marketo.logged(7)) == 1


def test_an_event_overtaken_by_another_lead_learns_the_record() -> None:
    """Superseded by the event of another person with the same address, a person still gets the record's id."""
    world = World()
    noon = world.clock.now()
    world.clock.advance(60)
    world.receive(8, email="same@example.com")
    world.drain()
    older = world.receive(7, email="same@example.com", at=noon)
    world.drain()

    assert world.ended(older) == ("superseded", "overtaken")
    assert world.marketo.leads[7]["salesforceId"] == world.leads()[0]["Id"]


def test_a_create_is_never_superseded() -> None:
    """An older event of an Action that creates makes its record even after a newer one."""
    world = World(an_action(type="create"))
    noon = world.clock.now()
    world.clock.advance(60)
    world.receive(7)
    world.drain()
    older = world.receive(7, at=noon)
    world.drain()

    assert world.ended(older) == ("created", "")
    assert len(world.leads()) == 2


def test_a_person_that_somebody_else_writes_waits() -> None:
    """An event whose guard another holds is given back and runs when the guard is free."""
    world = World()
    candidate = a_candidate(99, payload=a_payload(7))
    until = world.clock.now() + timedelta(seconds=10)
    world.keys.guard({"a sync": candidate.guards}, until, world.clock.now())

    execution = world.receive(7)
    world.drain()

    assert world.ended(execution) == ("created", "")
    assert world.clock.now() > until
    assert world.keys.held_by(execution) == []


@pytest.mark.parametrize(
    ("leads", "expected"),
    [
        pytest.param([(1, "a"), (2, "b")], [[1, 2]], id="nothing shared"),
        pytest.param([(1, "a"), (1, "b")], [[1], [2]], id="one person"),
        pytest.param([(1, "a"), (2, "a")], [[1], [2]], id="one address"),
        pytest.param([(1, "a"), (2, "A "), (3, "c")], [[1, 3], [2]], id="one address, other case"),
        pytest.param([(1, "a"), (2, "b"), (2, "a")], [[1, 2], [3]], id="a chain"),
        pytest.param([(1, "a"), (1, "b"), (2, "b")], [[1], [2], [3]], id="a longer chain"),
    ],
)
def test_a_wave_holds_every_key_once(leads: list[tuple[int, str]], expected: list[list[int]]) -> None:
    """Events that share a person or an address run in sequence, all others together."""
    candidates = [
        a_candidate(number, payload=a_payload(lead_id, email=f"{name.strip()}@example.com"))
        for number, (lead_id, name) in enumerate(leads, 1)
    ]

    found = [[int(item.event.execution_id, 16) for item in wave] for wave in waves(list(reversed(candidates)))]

    assert found == expected


# -- cost


def test_a_full_batch_costs_a_handful_of_calls() -> None:
    """200 people, 60 of them known, cost one query, two writes, one write-back and one activity call."""
    world = World()
    for lead_id in range(1, 61):
        world.salesforce.load("Lead", Email=f"person{lead_id}@example.com")
    for lead_id in range(1, 201):
        world.receive(lead_id)

    world.drain()

    assert world.outcomes() == {"created": 140, "updated": 60}
    assert calls(world) == {"find": 1, "create": 1, "update": 1, "sync_leads": 1, "add_custom_activities": 1}
    assert world.configurations.reads <= 206, "one per arrival, and for the batch a few: what is paused, what is tried"


def test_an_external_id_is_upserted_by_the_vendor() -> None:
    """An upsert by a unique external id uses the vendor's own upsert, whose field every row carries."""
    world = World(an_action(identifier={"column": "externalId", "field": "External__c"}))

    execution = world.receive(7, externalId="X-1")
    world.drain()

    assert world.ended(execution) == ("created", "")
    assert world.salesforce.trouble.made("upsert") == 1
    assert world.leads()[0]["External__c"] == "X-1"


# -- refused rows


def test_refused_rows_fail_alone() -> None:
    """Of three records the two that Salesforce refuses fail with its code and message, the third is created."""
    world = World()

    missing = world.receive(1, company=None)
    long = world.receive(2, firstName="x" * 41)
    created = world.receive(3)
    world.drain()

    assert world.ended(missing) == ("failed", "salesforce_REQUIRED_FIELD_MISSING")
    assert world.ended(long) == ("failed", "salesforce_STRING_TOO_LONG")
    assert "FirstName: data value too large" in world.execution(long)["message"]
    assert world.ended(created) == ("created", "")
    assert [activity.primary_attribute_value for activity in world.marketo.logged()] == ["Error", "Error", "Success"]


def test_a_locked_row_is_tried_again_and_its_neighbours_are_not() -> None:
    """A locked record is sent again until it is free; the others of its call are written once."""
    world = World()
    known = world.salesforce.load("Lead", Email="person1@example.com")
    world.salesforce.load("Lead", Email="person2@example.com")

    def locked(row: Row) -> bool:
        return bool(row["Id"] == known)

    world.salesforce.trouble.refuse_rows("update", locked, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY, times=2)
    executions = [world.receive(1), world.receive(2)]
    world.drain()

    assert [world.ended(execution) for execution in executions] == [("updated", ""), ("updated", "")]
    assert [rows for operation, rows in world.salesforce.trouble.calls if operation == "update"] == [2, 1, 1]


def test_a_row_that_stays_locked_fails_in_the_end() -> None:
    """A record that is locked at every try fails with the vendor's code after a bounded number of tries."""
    world = World()
    world.salesforce.trouble.refuse_rows(
        "create", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY, times=99
    )
    execution = world.receive(1)

    world.run_out()

    assert world.ended(execution) == ("failed", "salesforce_UNABLE_TO_LOCK_ROW")
    assert 3 <= world.salesforce.trouble.made("create") <= 10


def test_a_record_that_appears_meanwhile_is_updated() -> None:
    """Where another created the record between look and write, the refused create becomes an update."""
    unique = a_salesforce_lead(Email=a_field("Email", "email", length=80, unique=True))
    world = World(described=unique)
    create = world.salesforce.create
    rivals: list[str] = []

    def raced(object_name: str, rows: Any, **options: Any) -> Any:
        if not rivals:
            rivals.append(world.salesforce.load("Lead", Email="person7@example.com"))
        return create(object_name, rows, **options)

    world.salesforce.create = raced  # type: ignore[method-assign]  # the moment between look and write
    execution = world.receive(7)
    world.drain()

    assert world.ended(execution) == ("updated", "")
    assert [lead["Id"] for lead in world.leads()] == rivals


def test_a_value_that_another_record_has_fails_in_the_end() -> None:
    """A unique value of an unrelated record is not a race: the event fails with the vendor's code."""
    mappings = [{"column": "externalId", "to": "External__c"}, *an_action().model_dump()["mappings"]]
    world = World(an_action(mappings=mappings))
    world.salesforce.load("Lead", External__c="X-1")

    execution = world.receive(7, externalId="X-1")
    world.run_out()

    assert world.ended(execution) == ("failed", "salesforce_DUPLICATE_VALUE")


def test_a_refused_write_back_is_told_and_the_outcome_stays() -> None:
    """A person who is gone from Marketo keeps the outcome of the record; write-back and activity say why not."""
    world = World()
    execution = world.receive(7)
    del world.marketo.leads[7]

    world.drain()

    assert world.ended(execution) == ("created", "")
    item = world.execution(execution)
    assert (item["writeback"]["status"], item["writeback"]["reason"]) == ("failed", "marketo_1004")
    assert (item["activity"]["status"], item["activity"]["reason"]) == ("failed", "marketo_1004")


def test_an_action_without_write_back_says_so() -> None:
    """An Action that maps nothing back makes no write-back call and records "not configured"."""
    world = World(an_action(writeback=[]))

    execution = world.receive(7)
    world.drain()

    assert world.execution(execution)["writeback"] == {"status": "not_configured"}
    assert world.marketo.trouble.made("sync_leads") == 0
    assert world.execution(execution)["activity"] == {"status": "added"}


# -- configuration


@pytest.mark.fault("FT09")
def test_an_event_keeps_the_version_it_began_with() -> None:
    """An event that waits for a lock while its Action changes ends with the version it began with."""
    world = World()
    world.salesforce.trouble.refuse_rows(
        "create", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY, times=3
    )
    execution = world.receive(7)
    world.drain()
    changed = [{"static": "Changed", "to": "LeadSource"}, *an_action().model_dump()["mappings"][:4]]
    world.configurations.put(an_action(mappings=changed))

    world.run_out()

    assert [lead["LeadSource"] for lead in world.leads()] == ["Marketo"]
    assert world.execution(execution)["version"] == 1


@pytest.mark.fault("FT09")
def test_an_event_whose_action_is_gone_is_parked() -> None:
    """An event that waits when its Action is removed is parked with the reason, not lost."""
    world = World()
    execution = world.receive(7)
    world.configurations.remove("action", "person-to-lead")

    world.drain()

    item = world.execution(execution)
    assert (item["state"], item["reason"]) == ("parked", "action_missing")
    assert execution in world.inbox.kept


@pytest.mark.parametrize("connection", [SALESFORCE, MARKETO])
def test_work_of_a_disabled_connection_waits_until_it_is_enabled(connection: str) -> None:
    """While a connection is disabled its calls are shown as parked with the reason; enabled, they go on by themselves.

    Nothing is asked of the disabled side, and in the end there is one record, one write-back and one activity.
    """
    world = World()
    world.connections.disabled.add(connection)
    execution = world.receive(7)
    for _ in range(3):
        world.drain()
        world.clock.advance(301)
    item = world.execution(execution)
    assert (item["state"] == "ended", item["reason"]) == (False, "connection_disabled")
    assert f"{connection} is disabled" in item["message"]
    assert len(world.leads()) == (1 if connection == MARKETO else 0)

    world.connections.disabled.clear()
    world.run_out()

    item = world.execution(execution)
    assert (item["outcome"], item["writeback"]["status"], item["activity"]["status"]) == (
        "created",
        "written",
        "added",
    )
    assert len(world.leads()) == 1


def test_an_action_of_a_newer_version_parks_its_events() -> None:
    """An Action that a newer version of Leadbridge wrote meanwhile parks its waiting events; nobody dies of it."""
    world = World()
    execution = world.receive(7)
    world.configurations.outdate_us("action", "person-to-lead")

    world.drain()

    item = world.execution(execution)
    assert (item["state"], item["reason"]) == ("parked", "unknown_version")


def test_an_action_that_no_longer_fits_parks_its_events() -> None:
    """A mapped field that an administrator removed parks the event and names the field."""
    world = World()
    execution = world.receive(7)
    described = a_salesforce_lead()
    fields = {name: field for name, field in described.fields.items() if name != "Company"}
    world.salesforce.describe_as(type(described)(name="Lead", fields=fields))

    world.drain()

    item = world.execution(execution)
    assert (item["state"], item["reason"]) == ("parked", "mapping_broken")
    assert "Company" in item["message"]


def test_activities_of_actions_with_different_attributes_are_told_apart() -> None:
    """Two Actions that keep the execution id in different attributes each find their own activity again."""
    results = an_action().model_dump()["results"]
    other = an_action(
        id="other", name="Other", results=results | {"execution_attribute": "action", "mappings": results["mappings"]}
    )
    world = World(an_action(), other)
    world.marketo.trouble.lose_answer("add_custom_activities")

    world.receive(7)
    world.receive_payload(a_payload(8), action_id="other")
    world.drain(remaining=lambda: 152.0)  # no time to wait for what it gave back
    world.clock.advance(300)
    world.run_out()

    assert world.outcomes() == {"created": 2}
    assert [activity.lead_id for activity in world.marketo.logged()] == [7, 8]
    assert a_result_activity().attributes.keys() >= {"action", "executionId"}
