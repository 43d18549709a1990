"""Sources, rules and failures of mappings, from the webhook's payload to the records that both twins hold."""

from datetime import datetime
from functools import partial
from typing import Any

import pytest

from tests.builders.actions import an_action, an_action_document
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import CREATE, Build, WiredWorld

BASE = [{"column": "email", "to": "Email"}, {"column": "lastName", "to": "LastName"}, {"static": "C", "to": "Company"}]
#: a date field and two texts
DAYS = {"today": "Score_Date__c", "yesterday": "Answer_01__c", "tomorrow": "Answer_02__c"}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


def results_with(*mappings: dict[str, Any]) -> dict[str, Any]:
    """The result activity with other attributes."""
    results: dict[str, Any] = an_action_document()["results"] | {"mappings": list(mappings)}
    return results


def told(world: WiredWorld) -> list[dict[str, Any]]:
    """The attributes of each result activity by name."""
    return [
        {each["apiName"]: each["value"] for each in item["attributes"] if "apiName" in each}
        for item in world.marketo_twin.get("records/activities")
        if item["activityTypeId"] > 100_000
    ]


@pytest.mark.cap("A30", "A31", "A32")
@pytest.mark.parametrize(
    ("clock", "zone", "days"),
    [
        ("2026-03-09T05:30Z", "America/Chicago", ("2026-03-08", "2026-03-09", "2026-03-10")),
        ("2026-03-09T05:30Z", "America/Denver", ("2026-03-07", "2026-03-08", "2026-03-09")),
        # 23:30 on the evening before, and on the evening of, the day that has 23 hours in Chicago
        ("2026-03-08T05:30Z", "America/Chicago", ("2026-03-06", "2026-03-07", "2026-03-08")),
        ("2026-03-09T04:30Z", "America/Chicago", ("2026-03-07", "2026-03-08", "2026-03-09")),
        ("2026-12-31T12:00Z", None, ("2026-12-30", "2026-12-31", "2027-01-01")),
        ("2028-02-29T12:00Z", None, ("2028-02-28", "2028-02-29", "2028-03-01")),
    ],
)
def test_days_of_the_action_s_zone_are_on_the_lead(
    build: Build, clock: str, zone: str | None, days: tuple[str, str, str]
) -> None:
    """Today, yesterday and tomorrow are those of the zone's calendar at the clock's time, across a change of the clocks
    and the ends of month and year, in a date field and in text."""
    mappings = [*BASE, *({"day": day, "to": field} for day, field in DAYS.items())]
    world = build(an_action(mappings=mappings, time_zone=zone), start=datetime.fromisoformat(clock))

    world.receive(1)
    world.run_out()

    [lead] = world.leads()
    assert tuple(lead[DAYS[day]] for day in ("yesterday", "today", "tomorrow")) == days


@pytest.mark.cap("A33", "A34")
def test_templates_are_filled_and_what_is_missing_leaves_nothing(build: Build) -> None:
    """Both names stand in their places; a null, a blank and an absent column leave nothing behind, not even a token."""
    mappings = [
        *BASE,
        {"template": "{{firstName}} - {{lastName}}", "to": "Title"},
        {"template": "<{{phone}}{{fax}}{{title}}>", "to": "Answer_01__c"},
        {"template": "{{phone}} {{fax}}", "to": "Answer_02__c"},
    ]
    world = build(an_action(mappings=mappings))

    payload = {
        "lead": {
            "id": 1,
            "email": "person1@example.com",
            "firstName": "Ada",
            "lastName": "Lovelace",
            "phone": None,
            "fax": " ",
        }
    }
    world.receive_payload(payload)
    world.run_out()

    [lead] = world.leads()
    assert (lead["Title"], lead["Answer_01__c"], lead["Answer_02__c"]) == ("Ada - Lovelace", "<>", None)
    [[row]] = world.sent(CREATE)
    assert not any(word in str(row) for word in ("null", "undefined", "{{", "None"))


@pytest.mark.cap("A25")
def test_a_rule_that_cannot_be_applied_fails_that_record_only(build: Build) -> None:
    """Of two persons in one batch the one with an unreadable number fails and is told which rule, field and kind of
    value it was, without the value; the other is written."""
    rules = [{"type": "trim"}, {"type": "number_parse", "decimal": ",", "thousands": "."}]
    mappings = [*BASE, {"column": "revenue", "to": "Lead_Score__c", "transforms": rules}]
    world = build(an_action(mappings=mappings))

    wrong, right = world.receive(1, revenue="Geheimnis"), world.receive(2, revenue=" 1.234,50")
    world.run_out()

    assert world.ended(right) == ("created", "")
    assert world.ended(wrong) == ("failed", "rule_failed")
    assert [(lead["Email"], lead["Lead_Score__c"]) for lead in world.leads()] == [("person2@example.com", 1234.5)]
    said = world.execution(wrong)["message"]
    assert all(word in said for word in ("number_parse", "revenue", "Lead_Score__c", "a text of 9 characters"))
    messages = [attributes.get("message", "") for attributes in told(world)]
    assert said in messages
    assert "Geheimnis" not in str(world.inbox.logged) + str(messages)


def test_rules_change_the_value_at_the_destination(build: Build) -> None:
    """One rule of each kind, and three in a row, change what arrives; numbers, dates and true/false as such."""
    changed: dict[str, tuple[str, list[dict[str, Any]], Any]] = {
        "Phone": ("(212) 555-0123", [{"type": "phone", "region": "US"}], "+12125550123"),
        "Country": (" deutschland", [{"type": "country"}], "DE"),
        "State": ("California", [{"type": "state"}], "CA"),
        "Title": (
            " chief   of FORMS",
            [{"type": "collapse_spaces"}, {"type": "case", "to": "title"}],
            "Chief Of Forms",
        ),
        "Lead_Score__c": ("1,234.5", [{"type": "number_parse", "thousands": ","}], 1234.5),
        "Score_Date__c": ("31.12.2026", [{"type": "date_parse", "format": "DD.MM.YYYY"}], "2026-12-31"),
        "Opt_In__c": ("Ja", [{"type": "boolean", "true_words": ["ja"], "false_words": ["nein"]}], True),
        "Rating": ("9", [{"type": "lookup", "table": {"9": "Hot", "1": "Cold"}}], "Hot"),
        "City": (" ", [{"type": "default", "template": "near {{firstName}}"}], "near Ada"),
    }
    mappings = [
        *BASE,
        *({"column": f"token.{to}", "to": to, "transforms": rules} for to, (_, rules, _) in changed.items()),
    ]
    world = build(an_action(mappings=mappings))

    person = {"id": 1, "email": "person1@example.com", "firstName": "Ada", "lastName": "Lovelace"}
    world.receive_payload({"lead": person, "token": {to: value for to, (value, _, _) in changed.items()}})
    world.run_out()

    [lead] = world.leads()
    assert {to: lead[to] for to in changed} == {to: expected for to, (_, _, expected) in changed.items()}


@pytest.mark.pain("P27")
@pytest.mark.parametrize(
    ("policy", "after"),
    [
        ({}, "Kept"),
        ({"blank": "clear"}, None),
        ({"blank": "default", "default": "none"}, "none"),
        ({"blank": "fail"}, "value_missing"),
    ],
)
def test_a_blank_leaves_clears_exchanges_or_fails(build: Build, policy: dict[str, Any], after: str | None) -> None:
    """What a blank does to a field that has a value is what the mapping says; a failure writes nothing at all."""
    world = build(an_action(mappings=[*BASE, {"column": "title", "to": "Title"} | policy]))
    before = {"Email": "person1@example.com", "LastName": "Before", "Company": "C", "Title": "Kept"}
    world.salesforce_twin.post("load", {"Lead": [before]})

    execution = world.receive(1, title="")
    world.run_out()

    [lead] = world.leads()
    if after == "value_missing":
        assert world.ended(execution) == ("failed", after)
        assert (lead["LastName"], lead["Title"]) == ("Before", "Kept")
    else:
        assert (lead["LastName"], lead["Title"]) == ("Lovelace", after)


@pytest.mark.cap("A56", "A58")
def test_every_source_fills_attributes_of_the_activity(build: Build) -> None:
    """Static, column, day and template are told to Marketo beside what the execution says about itself."""
    sources: list[tuple[dict[str, Any], ...]] = [
        ({"static": "Webinar"}, {"column": "company"}, {"day": "today"}),
        ({"template": "{{firstName}}: {{phone}}"}, {"execution": "salesforce_id"}, {"static": 42}),
    ]
    said: list[dict[str, Any]] = []
    for lead_id, three in enumerate(sources, start=1):
        names = ("message", "action", "salesforceId")
        mappings = [source | {"to": name} for source, name in zip(three, names, strict=True)]
        world = build(an_action(mappings=BASE, results=results_with(*mappings), time_zone="Asia/Tokyo"))
        world.receive(lead_id, company="Analytical Engines")
        world.run_out()
        *_, attributes = told(world)
        said.append({name: attributes[name] for name in names})

    record_id = world.leads()[-1]["Id"]
    assert said == [
        {"message": "Webinar", "action": "Analytical Engines", "salesforceId": world.clock.now().date().isoformat()},
        {"message": "Ada: ", "action": record_id, "salesforceId": "42"},
    ]


def test_every_source_is_written_back(build: Build) -> None:
    """The person gets the record's field in capitals, a day, a template and a static value, in one call."""
    back: list[dict[str, Any]] = [
        {"field": "Status", "to": "leadStatus", "transforms": [{"type": "case", "to": "upper"}]},
        {"day": "today", "to": "title"},
        {"template": "by {{lastName}}", "to": "company"},
        {"static": "Synced", "to": "leadbridgeStatus"},
    ]
    world = build(an_action(mappings=BASE, writeback=back))

    world.receive(1)
    world.run_out()

    person = world.persons()[1]
    assert {each["to"]: person[each["to"]] for each in back} == {
        "leadStatus": world.leads()[0]["Status"].upper(),
        "title": world.clock.now().date().isoformat(),
        "company": "by Lovelace",
        "leadbridgeStatus": "Synced",
    }
