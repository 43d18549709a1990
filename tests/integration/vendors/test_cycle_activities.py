"""Activities in whole cycles: done in Marketo, time passes, and Salesforce shows them with whom they are about."""

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.three_way import Side
from leadbridge.usecases.check_cycle import described_lines
from leadbridge.usecases.cycle_rows import CycleRows
from leadbridge.vendors.cycle_look import VendorLook
from tests.fakes.clock import NOON
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

type Build = Callable[..., WiredCycle]
VISIT, FORM, SENT, CLICK = 1, 2, 6, 11
LEAD = [
    {"marketo": "email", "salesforce": "Email"},
    {"marketo": "lastName", "salesforce": "LastName"},
    {"marketo": "company", "salesforce": "Company"},
]
CONTACT = [{"marketo": "email", "salesforce": "Email"}, {"marketo": "lastName", "salesforce": "LastName"}]
TASKS: Mapping[str, Any] = {"types": ["Fill Out Form", CLICK], "key": "External_Key__c"}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a cycle of persons and activities; `persons` are members of those."""

    def made(activities: Mapping[str, Any], *, low: str = "2026-03-01T00:00", **persons: Any) -> WiredCycle:
        document = {
            "kind": "crm_cycle",
            "id": CYCLE,
            "name": "Main",
            "marketo": "marketing",
            "salesforce": "crm",
            "mode": "replace_native",
            "low_watermark": low,
            "persons": {
                "id_field": "salesforceId",
                "leads": {"fields": LEAD},
                "contacts": {"fields": CONTACT},
                **persons,
            },
            "activities": {"groups": activities},
        }
        return WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(document))

    return made


def a_record(world: WiredCycle, kind: str, name: str) -> tuple[int, str]:
    """A Lead or Contact that is in step: the person's id, and its own."""
    company = {"Company": "Acme"} if kind == "Lead" else {}
    record = {"LastName": name, "Email": f"{name}@example.com", **company}
    [made] = world.salesforce.post("load", {kind: [record]})[kind]
    world.ran()
    [person] = [each for each in world.marketo.get("records/leads") if each["email"] == record["Email"]]
    return int(person["id"]), str(made)


def happened(world: WiredCycle, lead: int, kind: int, *names: str, at: datetime | None = None, **more: Any) -> None:
    """Activities of a type, each with its primary attribute, at the world's time or another."""
    moment = (at or world.clock.now()).isoformat()
    rows = [
        {
            "leadId": lead,
            "activityTypeId": kind,
            "activityDate": moment,
            "primaryAttributeValue": name,
            "attributes": [],
            **more,
        }
        for name in names
    ]
    world.marketo.post("load", {"activities": rows})


def rows_of(world: WiredCycle) -> CycleRows:
    """What shows the rows of its runs."""
    return CycleRows(
        documents=world.documents,
        runs=world.cycles,
        syncs=world.syncs,
        objects=world.objects,
        links=lambda _: world.links,
        due=lambda _: world.due,
    )


def tasks(world: WiredCycle) -> list[tuple[str, str]]:
    """Whom each Task is about, and its subject."""
    return sorted((each["WhoId"], each["Subject"]) for each in world.salesforce.get("records/Task"))


@pytest.mark.cap("U38", "U24")
def test_activities_of_leads_and_contacts_become_their_tasks_and_stay_one_each(build: Build) -> None:
    """Each type is called by its name, others are not read; who is no record of Salesforce has none; later runs add
    nothing, whatever became of a Task meanwhile."""
    world = build({"engagement": TASKS})
    lead, lead_id = a_record(world, "Lead", "ada")
    contact, contact_id = a_record(world, "Contact", "bea")
    [stranger] = world.marketo.post("load", {"leads": [{"email": "who@example.com"}]})["leads"]
    happened(world, lead, FORM, "Demo")
    happened(world, contact, CLICK, "Spring", "")
    happened(world, contact, VISIT, "Prices")
    happened(world, int(stranger), FORM, "Demo")

    run = world.ran()

    told = sorted([(lead_id, "Fill Out Form: Demo"), (contact_id, "Click Email: Spring"), (contact_id, "Click Email")])
    assert tasks(world) == told
    [(name, leg)] = [(name, world.syncs.get(f"{CYCLE}.{name}", run.slot)) for name in ["activities-engagement"]]
    assert leg is not None
    assert (run.rows[name], leg[0].totals.created, leg[0].totals.skipped) == (4, 3, 1)
    kept = world.salesforce.get("records/Task")
    # each is a row of the run, with its GUID and its Task
    rows = [*rows_of(world).rows(CYCLE, run.slot, kind="activities")]
    assert {row.salesforce_id for row in rows if row.outcome == "created"} == {each["Id"] for each in kept}
    assert sorted(row.outcome for row in rows) == ["created", "created", "created", "skipped"]
    assert len({row.marketo_id for row in rows} - {""}) == 4
    assert {each["Status"] for each in kept} == {"Completed"}
    world.connections.salesforce("crm").update("Task", [{"Id": kept[0]["Id"], "Subject": "Called back"}])
    world.ran()
    world.ran()
    assert len(tasks(world)) == 3
    assert "Called back" in {subject for _, subject in tasks(world)}


@pytest.mark.cap("M110", "M111", "U25")
def test_fifty_activities_of_one_second_that_two_cycles_read_are_fifty_tasks(build: Build) -> None:
    """Half of them are shown after the first cycle has read that second: the next one reads from before it again.

    What is stored is the end of what was read, in whole seconds and behind the clock, and beside it when the newest
    activity was done.
    """
    world = build({"engagement": TASKS})
    lead, _ = a_record(world, "Lead", "ada")
    # the last second that the next run reads
    second = world.clock.now() + timedelta(minutes=20, seconds=-1)
    happened(world, lead, FORM, *(f"Form {number}" for number in range(25)), at=second)
    world.clock.advance(0.25)
    first = world.ran()
    assert len(tasks(world)) == 25
    queue = "activities-engagement"
    mark = world.cycles.standing(CYCLE).watermarks[queue]
    assert mark == first.started_at.replace(microsecond=0) - timedelta(minutes=10)
    assert world.cycles.standing(CYCLE).newest[queue] == second.replace(microsecond=0) < mark
    happened(world, lead, FORM, *(f"Form {number}" for number in range(25, 50)), at=second)
    again = world.ran()
    assert again.since[queue] < second
    assert again.rows[queue] == 50
    assert sorted(subject for _, subject in tasks(world)) == sorted(f"Fill Out Form: Form {n}" for n in range(50))


def test_the_first_run_links_people_and_has_what_they_did_in_extracts_behind_them(build: Build) -> None:
    """From the low watermark on, in windows of 31 days without a gap: one run makes links and Tasks; the next none."""
    world = build({"engagement": TASKS}, low="2026-01-01T00:00")
    [lead] = world.salesforce.post("load", {"Lead": [{"LastName": "Vex", "Email": "ada@example.com", "Company": "A"}]})[
        "Lead"
    ]
    made = {"email": "ada@example.com", "lastName": "Vex", "createdAt": (NOON - timedelta(days=60)).isoformat()}
    [person] = world.marketo.post("load", {"leads": [made]})["leads"]
    for days, name in ((61, "Too early"), (59, "First"), (0, "Last")):
        happened(world, int(person), FORM, name, at=NOON - timedelta(days=days))

    world.ran(bootstrap=True)

    assert tasks(world) == [(lead, "Fill Out Form: First"), (lead, "Fill Out Form: Last")]
    filters = [each["filter"] for each in world.extracts]
    windows = [each["createdAt"] for each in filters if "activityTypeIds" in each]
    assert [each["startAt"] for each in windows] == ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]
    assert windows[0]["endAt"] == "2026-01-31T23:59:59Z"
    assert world.cycles.standing(CYCLE).newest["activities-engagement"] == NOON
    # people come before what they did
    assert ["activityTypeIds" in each for each in filters] == sorted("activityTypeIds" in each for each in filters)
    world.ran()
    assert len(tasks(world)) == 2


def test_what_somebody_did_before_becoming_a_lead_waits_as_long_as_is_said(build: Build) -> None:
    """In the run that makes the Lead, and, where it waits, also what an earlier run has read; what is older is left."""
    only_named = {"conditions": {"clauses": [{"column": "lastName", "operator": "is_not_empty"}]}}
    world = build({"engagement": {**TASKS, "wait_minutes": 90}}, create_in_salesforce=only_named)
    world.ran()
    [number] = world.marketo.post("load", {"leads": [{"email": "new@example.com", "company": "Acme"}]})["leads"]
    happened(world, int(number), FORM, "Too long ago")
    world.ran()
    world.ran()
    happened(world, int(number), FORM, "Before")
    world.ran()
    assert tasks(world) == []
    client = world.connections.marketo("marketing")
    client.sync_leads([{"id": int(number), "lastName": "New"}], action="updateOnly", lookup_field="id")
    happened(world, int(number), CLICK, "Now")
    world.ran()
    [lead] = world.of(world.salesforce, "Lead", "Id")
    assert tasks(world) == [(lead, "Click Email: Now"), (lead, "Fill Out Form: Before")]


def test_an_activity_that_salesforce_refused_is_tried_again_for_an_hour(build: Build) -> None:
    """Its Task is made by the next run; those that were made with it are not made again."""
    world = build({"engagement": TASKS})
    lead, _ = a_record(world, "Lead", "ada")
    happened(world, lead, FORM, "One", "Two", at=world.clock.now() + timedelta(minutes=15))
    code = {"code": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "not today"}
    world.salesforce.post(
        "faults", [{"match": "POST */composite/sobjects", "kind": "row_error", "rows": [0], "times": 1, **code}]
    )
    run = world.ran()
    assert len(tasks(world)) == 1
    [refused] = rows_of(world).rows(CYCLE, run.slot, "failed", "activities")
    assert (refused.object, refused.reason) == ("Task", f"salesforce_{code['code']}")
    assert "not today" in refused.message
    world.ran()
    assert [subject for _, subject in tasks(world)] == ["Fill Out Form: One", "Fill Out Form: Two"]
    mark = world.cycles.standing(CYCLE).watermarks["activities-engagement"]
    world.ran()
    assert world.cycles.standing(CYCLE).watermarks["activities-engagement"] > mark


@pytest.mark.cap("M108")
def test_types_that_cannot_be_read_park_activities_alone(build: Build) -> None:
    """People go on and their watermarks move; the next run reads the same activities again.

    Where people cannot be read no watermark of activities moves either: they are about those people.
    """
    world = build({"engagement": TASKS})
    lead, _ = a_record(world, "Lead", "ada")
    before = world.cycles.standing(CYCLE).watermarks
    happened(world, lead, FORM, "Demo")
    failing = {"kind": "vendor_error", "code": "603"}
    world.marketo.post("faults", [{"match": "GET /rest/v1/activities/types.json", **failing}])
    run = world.ran(parked=["activities"])
    assert run.parked["activities"].startswith("main.activities-engagement: ")
    after = world.cycles.standing(CYCLE).watermarks
    assert {name for name, at in after.items() if at == before[name]} == {"activities-engagement"}
    world.marketo.post("faults", [])
    world.ran()
    assert [subject for _, subject in tasks(world)] == ["Fill Out Form: Demo"]

    before = world.cycles.standing(CYCLE).watermarks
    happened(world, lead, FORM, "Trial")
    world.marketo.post("faults", [{"match": "GET /rest/v1/activities/leadchanges.json", **failing}])
    run = world.carried(world.begun())
    assert (run.reason, run.parked["activities"]) == ("all_parked", "waits for persons")
    assert world.cycles.standing(CYCLE).watermarks == before
    world.marketo.post("faults", [])
    world.ran()
    assert [subject for _, subject in tasks(world)] == ["Fill Out Form: Demo", "Fill Out Form: Trial"]


@pytest.mark.cap("M060")
def test_an_object_takes_all_types_or_one_and_its_lookups_whom_they_take(build: Build) -> None:
    """All attributes as one text for all types, or each attribute a field; Leads and Contacts in own lookups."""
    every = {
        "types": [FORM, CLICK],
        "key": "External_Key__c",
        "subject": "{{ activityType }}",
        "fields": [{"to": "Description", "column": "attributes"}],
    }
    apart = {
        "types": [SENT],
        "target": {"object": "Event_Registration__c", "lead": "Lead__c", "contact": "Contact__c"},
        "key": "Registration_Key__c",
        "fields": [{"to": "Name", "column": "activity.Step ID"}],
    }
    world = build({"every": every, "sent": apart})
    lead, lead_id = a_record(world, "Lead", "ada")
    contact, contact_id = a_record(world, "Contact", "bea")
    happened(world, lead, FORM, "Demo", attributes=[{"name": "Webform ID", "value": "7"}])
    for person, step in ((lead, "1"), (contact, "2")):
        happened(world, person, SENT, "Spring", attributes=[{"name": "Step ID", "value": step}])

    world.ran()

    [task] = world.salesforce.get("records/Task")
    assert (task["Subject"], json.loads(task["Description"])) == (
        "Fill Out Form",
        [{"name": "Webform ID", "value": "7"}],
    )
    found = {
        each["Name"]: (each.get("Lead__c"), each.get("Contact__c"))
        for each in world.salesforce.get("records/Event_Registration__c")
    }
    assert found == {"1": (lead_id, None), "2": (None, contact_id)}


@pytest.mark.cap("M082", "M109")
def test_more_than_ten_types_are_several_calls_with_a_watermark_each(build: Build, clients: Clients) -> None:
    """No type that is not named is asked for, and none twice."""
    chosen = [1, 2, 3, 6, 7, 8, 9, 10, 11, 24, 25, 46]
    world = build({"engagement": {**TASKS, "types": chosen}})
    a_record(world, "Lead", "ada")
    asked: list[str] = []
    clients.http.event_hooks["request"].append(
        lambda request: (
            asked.append(request.url.params["activityTypeIds"])
            if request.url.path == "/rest/v1/activities.json"
            else None
        )
    )
    world.ran()
    mine = [sorted(map(int, each.split(","))) for each in asked if {*map(int, each.split(","))} <= {*chosen}]
    assert mine == [chosen[:10], chosen[10:]]
    marks = world.cycles.standing(CYCLE).watermarks
    assert {"activities-engagement", "activities-engagement_2"} <= marks.keys()


def test_what_cannot_work_is_told_where_it_stands(build: Build) -> None:
    """Types that the instance has not, with those that it has; a key that is not unique; fields and templates."""
    assert list(described_lines(build({"engagement": TASKS}).cycle, build({"engagement": TASKS}).connections)) == []
    wrong = {
        **TASKS,
        "types": ["Click Mail", 9999],
        "key": "Priority",
        "fields": [{"to": "Nothing__c", "static": "1"}, {"to": "Description", "column": "nowhere"}],
    }
    world = build({"engagement": wrong, "none": {**TASKS, "target": {"object": "None__c", "person": "Who__c"}}})
    lines = list(described_lines(world.cycle, world.connections))
    assert "Marketo has no activity type Click Mail; did you mean Click Email? It has" in lines[0]
    assert "Fill Out Form, Interesting Moment" in lines[1]
    assert [line.partition(": ")[0] for line in lines] == [
        "activities.groups.engagement.types[0]",
        "activities.groups.engagement.types[1]",
        "activities.groups.engagement.fields[1].column",
        "activities.groups.engagement.fields[0].to",
        "activities.groups.engagement.key",
        "activities.groups.none.target",
    ], lines


def test_a_look_sees_activities_of_chosen_types_in_the_same_call(build: Build, clients: Clients) -> None:
    """A chosen type starts a run, another one does not; up to five types are asked for with the people's own."""
    world = build({"engagement": TASKS})
    lead, _ = a_record(world, "Lead", "ada")
    look = VendorLook(world.connections, world.clock)
    since = dict.fromkeys(Side, world.clock.now() - timedelta(minutes=5))
    token = look(world.cycle, since, "").token
    asked: list[str] = []
    clients.http.event_hooks["request"].append(lambda request: asked.append(request.url.path))
    happened(world, lead, VISIT, "Prices")
    assert look(world.cycle, since, token).why == ""
    assert [each for each in asked if each.startswith("/rest/")] == ["/rest/v1/activities.json"]
    assert len(asked) == 2
    happened(world, lead, FORM, "Demo")
    assert look(world.cycle, since, token).why == "somebody has done in Marketo what becomes a record of Salesforce"


def test_without_extracts_the_first_run_reads_activities_page_by_page(
    build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was done since the low watermark, each once; more than are read that way park the kind, with the moment
    from which on there are few enough, and nothing of it is written."""
    world = build({"done": TASKS}, low="2026-01-01T00:00")
    record = {"LastName": "ada", "Email": "ada@example.com", "Company": "Acme"}
    [made] = world.salesforce.post("load", {"Lead": [record]})["Lead"]
    person = {"email": "ada@example.com", "lastName": "ada", "company": "Acme", "salesforceId": made}
    person |= {"createdAt": "2026-01-05T00:00:00Z"}
    [lead] = world.marketo.post("load", {"leads": [person]})["leads"]
    early = NOON - timedelta(days=40)
    for number in range(4):
        happened(world, int(lead), FORM, f"form {number}", at=early + timedelta(days=10 * number))
    world.clock.advance(3600)
    world.marketo.post("limits", {"bulk_extract": False})
    world.refused = "marketo_703"
    monkeypatch.setattr("leadbridge.usecases.run_sync_step.MOST_LOGGED", 2)

    parked = world.ran(bootstrap=True, parked=["activities"])

    assert tasks(world) == []
    assert "the 2 that are read page by page" in parked.parked["activities"]
    monkeypatch.undo()
    world.ran(bootstrap=True)
    assert tasks(world) == [(made, f"Fill Out Form: form {number}") for number in range(4)]
    world.ran()
    assert len(tasks(world)) == 4
