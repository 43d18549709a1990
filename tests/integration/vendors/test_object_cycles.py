"""Objects of one's own in whole cycles, against both vendor twins."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import CrmCycle, CustomObjects
from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.sync import Guard
from leadbridge.domain.syncing import SyncRun
from leadbridge.domain.waits import Waiting
from leadbridge.usecases.check_cycle import described_lines
from leadbridge.usecases.cycle_results import CycleResults
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

type Build = Callable[..., WiredCycle]
PERSONS: Mapping[str, Any] = {
    "id_field": "salesforceId",
    "leads": {
        "fields": [
            {"marketo": "email", "salesforce": "Email"},
            {"marketo": "lastName", "salesforce": "LastName"},
            {"marketo": "company", "salesforce": "Company"},
        ]
    },
    "contacts": {
        "fields": [{"marketo": "email", "salesforce": "Email"}, {"marketo": "lastName", "salesforce": "LastName"}]
    },
    "create_in_salesforce": {},
}
FIELDS = [
    {"marketo": "registration", "salesforce": "Registration_Key__c"},
    {"marketo": "status", "salesforce": "Status__c"},
    {"marketo": "seats", "salesforce": "Seats__c"},
]
KEY = {"name": "registration", "displayName": "Registration", "dataType": "string", "isDedupeField": True}
PERSON = {
    "name": "person",
    "displayName": "Person",
    "dataType": "link",
    "relatedTo": {"name": "lead", "field": "id"},
}
OTHERS = [
    {"name": "status", "displayName": "Status", "dataType": "string"},
    {"name": "seats", "displayName": "Seats", "dataType": "integer"},
]
VISIT = {"apiName": "visit_c", "displayName": "Visit", "fields": [KEY, PERSON, *OTHERS]}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a cycle of persons and objects; `types` are made in Marketo."""

    def made(objects: Mapping[str, Any], *types: Mapping[str, Any]) -> WiredCycle:
        marketo.post("load", {"customObjectTypes": list(types)})
        common = {"kind": "crm_cycle", "id": CYCLE, "name": "Main", "marketo": "marketing", "salesforce": "crm"}
        document = {
            **common,
            "mode": "replace_native",
            "low_watermark": "2026-03-01T00:00",
            "persons": PERSONS,
            "custom_objects": {"objects": objects},
        }
        return WiredCycle(clients, marketo, salesforce, CrmCycle.model_validate(document))

    return made


def load(world: WiredCycle, object_name: str, **fields: Any) -> str:
    """A record of the org; its id."""
    [made] = world.salesforce.post("load", {object_name: [fields]})[object_name]
    return str(made)


def visits(direction: str, **members: Any) -> dict[str, Any]:
    """The member of visits, in Salesforce registrations."""
    kept = {"marketo": "visit_c", "salesforce": "Event_Registration__c", "direction": direction, "fields": FIELDS}
    return {"visits": {**kept, **members}}


@pytest.mark.cap("M116")
def test_a_record_arrives_with_its_person_who_is_made_in_the_same_cycle(build: Build) -> None:
    """Key and link are read from Describe, and nothing but its person's number says whose it is; last of all writes."""
    world = build(visits("to_marketo"), VISIT)
    contact = load(world, "Contact", LastName="King", Email="king@example.com")
    load(world, "Event_Registration__c", Name="R", Registration_Key__c="R-1", Contact__c=contact, Seats__c=2)

    world.ran()

    [person] = world.marketo.get("records/leads")
    [visit] = world.marketo.get("records/visit_c")
    assert (person["salesforceId"], visit["person"]) == (contact, person["id"])
    assert (visit["registration"], visit["status"], visit["seats"]) == ("R-1", "Registered", 2)
    assert world.written()[-1] == "visit_c.json"
    before = len(world.calls(world.marketo, "/rest/v1/customobjects/visit_c.json"))

    world.connections.salesforce("crm").update(
        "Event_Registration__c",
        [{"Id": world.of(world.salesforce, "Event_Registration__c", "Name")["R"]["Id"], "Seats__c": 3}],
    )
    world.ran()
    world.ran()

    [visit] = world.marketo.get("records/visit_c")
    assert visit["seats"] == 3
    # one look and one write, and nothing where nothing changed
    assert len(world.calls(world.marketo, "/rest/v1/customobjects/visit_c.json")) == before + 2


def test_too_many_changed_records_are_asked_about_and_a_first_reading_is_not(build: Build) -> None:
    """They are counted by the run that reads and writes them, against the records that there are."""
    world = build(visits("to_marketo"), VISIT)
    document = world.documents.current("crm_cycle", CYCLE).document
    world.documents.put(document.model_copy(update={"guard": Guard(changed_percent=0)}))
    contact = load(world, "Contact", LastName="King", Email="king@example.com")
    for number in range(3):
        load(world, "Event_Registration__c", Name="R", Registration_Key__c=f"R-{number}", Contact__c=contact)
    world.ran()
    assert len(world.marketo.get("records/visit_c")) == 3

    [first, *_] = registrations(world).values()
    world.connections.salesforce("crm").update("Event_Registration__c", [{"Id": first["Id"], "Seats__c": 3}])
    told: list[tuple[CycleRun, SyncRun, set[Any]]] = []

    def asks(run: SyncRun) -> None:
        """Somebody looks at the cycle's run, and says yes."""
        parts = CycleResults(documents=world.documents, runs=world.cycles, syncs=world.syncs).parts(CYCLE, run.slot)
        held = {each.get("seats") for each in world.marketo.get("records/visit_c")}
        told.append((parts.run, dict(parts.legs)["object-visits"], held))

    world.asks = asks
    world.ran()
    [(cycle, leg, held)] = told
    assert (cycle.waiting, cycle.message) == (Waiting.GUARD, leg.message)
    assert "change 1 records (the limit is 0 % of 3 records); nothing is written yet" in leg.message
    part = leg.sync.removeprefix(f"{CYCLE}.")
    assert f'`leadbridge cycle confirm {CYCLE} {cycle.slot} --guard "{part}"`' in leg.message
    assert held == {None}
    assert sorted(each.get("seats") or 0 for each in world.marketo.get("records/visit_c")) == [0, 0, 3]


def test_a_plan_lists_objects_field_by_field_and_writes_nothing(build: Build) -> None:
    """One that would be changed with what it holds and would hold, one that would be made, and one whose person is
    still to be made, with the reason; the run behind it does just that, and then there is nothing left to plan."""
    world = build(visits("to_marketo"), VISIT)
    contact = load(world, "Contact", LastName="King", Email="king@example.com")
    first = load(world, "Event_Registration__c", Name="R", Registration_Key__c="R-1", Contact__c=contact, Seats__c=2)
    world.ran()
    world.connections.salesforce("crm").update("Event_Registration__c", [{"Id": first, "Seats__c": 3}])
    second = load(world, "Event_Registration__c", Name="R", Registration_Key__c="R-2", Contact__c=contact)
    other = load(world, "Contact", LastName="New", Email="new@example.com")
    third = load(world, "Event_Registration__c", Name="R", Registration_Key__c="R-3", Contact__c=other)
    before, written = world.marketo.get("records/visit_c"), world.written()

    listed = [each for each in world.planned() if each.kind == "custom_objects"]

    assert (world.marketo.get("records/visit_c"), world.written()) == (before, written)
    told = {each.salesforce_id: each for each in listed}
    assert {name: (each.does, each.object) for name, each in told.items()} == {
        first: ("update", "Event_Registration__c"),
        second: ("create", "Event_Registration__c"),
        third: ("nothing", "Event_Registration__c"),
    }
    [changed] = [each for each in told[first].fields if each.before != each.after]
    assert (changed.system, changed.name, changed.before, changed.after) == ("marketo", "seats", 2, 3)
    assert told[first].marketo_id == before[0]["marketoGUID"]
    assert told[third].message
    world.ran()
    assert {each["registration"] for each in world.marketo.get("records/visit_c")} == {"R-1", "R-2", "R-3"}
    assert [each for each in world.planned() if each.kind == "custom_objects"] == []


@pytest.mark.parametrize("policy", ["delete", "ignore", {"flag": "gone"}])
def test_what_was_deleted_in_salesforce_goes_or_is_flagged_as_the_object_says(build: Build, policy: Any) -> None:
    """Its record alone, once; one whose key another record has by then stays; a plan lists it before."""
    gone = {"name": "gone", "displayName": "Gone", "dataType": "boolean"}
    visit = {**VISIT, "fields": [KEY, PERSON, *OTHERS, gone]}
    world = build(visits("to_marketo", deleted_in_salesforce=policy), visit)
    contact = load(world, "Contact", LastName="King", Email="king@example.com")
    made = {
        name: load(world, "Event_Registration__c", Name="R", Registration_Key__c=name, Contact__c=contact)
        for name in ("R-1", "R-2", "R-3")
    }
    world.ran()
    world.salesforce.post("delete", {"object": "Event_Registration__c", "ids": [made["R-1"], made["R-3"]]})
    load(world, "Event_Registration__c", Name="R", Registration_Key__c="R-3", Contact__c=contact)

    listed = [each for each in world.planned() if each.salesforce_id == made["R-1"]]
    world.ran()

    does = {"delete": ["delete"], "ignore": []}.get(policy if isinstance(policy, str) else "", ["flag"])
    assert [each.does for each in listed] == does
    found = {each["registration"]: each.get("gone") for each in world.marketo.get("records/visit_c")}
    assert found == {
        **({} if policy == "delete" else {"R-1": True if isinstance(policy, dict) else None}),
        "R-2": None,
        "R-3": None,
    }
    before = len(world.written())
    world.ran()
    assert len(world.written()) == before
    # one that nothing else of its object comes with, as a listing of what was changed tells of nothing then
    world.salesforce.post("delete", {"object": "Event_Registration__c", "ids": [made["R-2"]]})
    world.ran()
    found = {each["registration"]: each.get("gone") for each in world.marketo.get("records/visit_c")}
    assert found.get("R-2", "deleted") == {"delete": "deleted", "flag": True}.get(does[0] if does else "")


def registrations(world: WiredCycle) -> dict[Any, dict[str, Any]]:
    """Salesforce's registrations by their key."""
    return world.of(world.salesforce, "Event_Registration__c", "Registration_Key__c")


def a_person(world: WiredCycle, name: str = "a") -> int:
    """Somebody who is new in Marketo; the person's number."""
    fields = {"email": f"{name}@example.com", "lastName": name.upper(), "company": "Acme"}
    [made] = world.connections.marketo("marketing").sync_leads([fields], action="createOnly", lookup_field="email")
    return int(made.id or 0)


def added(world: WiredCycle, name: str, **fields: Any) -> None:
    """A record is added in Marketo, now."""
    world.connections.marketo("marketing").custom_objects(name).sync([fields])


@pytest.mark.cap("M138", "M139")
def test_what_is_added_in_marketo_becomes_a_record_of_its_person_in_salesforce(build: Build) -> None:
    """By an extract at first; later its log tells what was added, and an extract once an hour what was changed."""
    world = build(visits("to_salesforce", extract_minutes=120), VISIT)
    person = a_person(world)
    added(world, "visit_c", registration="R-1", person=person, status="Attended", seats=2)

    world.ran()

    [lead] = world.salesforce.get("records/Lead")
    first = registrations(world)["R-1"]
    assert (first["Lead__c"], first["Status__c"], first["Seats__c"]) == (lead["Id"], "Attended", 2)
    assert first.get("Contact__c") is None
    assert len(world.extracts) == 1

    added(world, "visit_c", registration="R-2", person=person, seats=1)
    world.ran()

    assert registrations(world)["R-2"]["Lead__c"] == lead["Id"]
    assert len(world.extracts) == 1
    added(world, "visit_c", registration="R-1", person=person, seats=5)
    world.ran()

    assert registrations(world)["R-1"]["Seats__c"] == 5
    assert len(world.extracts) == 2


@pytest.mark.cap("M146")
@pytest.mark.parametrize("direction", ["to_salesforce", "to_marketo"])
def test_what_hangs_on_a_lead_alone_hangs_on_its_contact_once_that_is_converted(build: Build, direction: str) -> None:
    """Without an edit of it: in Salesforce it goes over to the Contact, in Marketo to the same person, who is one now.

    Others of the same object stay whose they are, and nothing is written a second time.
    """
    world = build(visits(direction), VISIT)
    lead = load(world, "Lead", LastName="Ada", Email="ada@example.com", Company="Acme")
    other = load(world, "Lead", LastName="Bob", Email="bob@example.com", Company="Elsewhere")
    world.ran()
    people = world.of(world.marketo, "leads", "salesforceId")
    for number, record in enumerate((lead, other)):
        key, person = f"R-{number}", people[record]["id"]
        if direction == "to_salesforce":
            added(world, "visit_c", registration=key, person=person, seats=2)
        else:
            load(world, "Event_Registration__c", Name=key, Registration_Key__c=key, Lead__c=record)
    world.ran()
    held = world.of(world.marketo, "visit_c", "registration")
    assert [registrations(world)[key]["Lead__c"] for key in ("R-0", "R-1")] == [lead, other]

    [made] = world.salesforce.post("convert", {"leads": [{"leadId": lead, "doNotCreateOpportunity": True}]})
    world.ran()

    now = world.of(world.marketo, "leads", "salesforceId")
    # nobody is tied to the Lead in Marketo any more, and what was the person's still is
    assert (now[made["contactId"]]["id"], lead in now) == (people[lead]["id"], False)
    after = world.of(world.marketo, "visit_c", "registration")
    assert {key: each["person"] for key, each in after.items()} == {key: each["person"] for key, each in held.items()}
    first, second = (registrations(world)[key] for key in ("R-0", "R-1"))
    assert second["Lead__c"] == other
    if direction == "to_salesforce":
        assert (first.get("Lead__c"), first["Contact__c"]) == (None, made["contactId"])
        stamps = {key: each["SystemModstamp"] for key, each in registrations(world).items()}
        world.ran()
        assert {key: each["SystemModstamp"] for key, each in registrations(world).items()} == stamps
    else:
        edited = {"Id": first["Id"], "Seats__c": 5}
        world.connections.salesforce("crm").update("Event_Registration__c", [edited])
        world.ran()
        # the Lead that the record still names in Salesforce stands for its Contact
        found = world.of(world.marketo, "visit_c", "registration")["R-0"]
        assert (found["seats"], found["person"]) == (5, people[lead]["id"])


COURSE = {
    "apiName": "course_c",
    "displayName": "Course",
    "fields": [
        {"name": "course", "displayName": "Course", "dataType": "string", "isDedupeField": True},
        {"name": "title", "displayName": "Title", "dataType": "string"},
    ],
}
IN_COURSE = {
    "name": "course",
    "displayName": "Course",
    "dataType": "link",
    "isDedupeField": True,
    "relatedTo": {"name": "course_c", "field": "course"},
}
BRIDGE = {
    "apiName": "visit_c",
    "displayName": "Visit",
    "fields": [KEY, {**PERSON, "isDedupeField": True}, IN_COURSE, *OTHERS],
}


def courses(direction: str) -> dict[str, Any]:
    """Members of courses, and of visits as bridges, which stand first in the document."""
    pairs = [{"marketo": "course", "salesforce": "Course_Key__c"}, {"marketo": "title", "salesforce": "Name"}]
    kept = {"marketo": "course_c", "salesforce": "Course__c", "direction": direction, "fields": pairs}
    key = {"key": "External_Key__c"} if direction == "to_salesforce" else {}
    return {**visits(direction, **key), "courses": kept}


def test_a_bridge_and_both_of_its_ends_arrive_in_one_cycle(build: Build) -> None:
    """Person, course and what stands between: by keys of several fields, the bridge behind the course."""
    world = build(courses("to_marketo"), COURSE, BRIDGE)
    contact = load(world, "Contact", LastName="King", Email="king@example.com")
    course = load(world, "Course__c", Name="One", Course_Key__c="C-1")
    links = {"Contact__c": contact, "Course__c": course}
    load(world, "Event_Registration__c", Name="R", Registration_Key__c="R-1", **links)

    world.ran()

    [person] = world.marketo.get("records/leads")
    [visit] = world.marketo.get("records/visit_c")
    assert (visit["person"], visit["course"], visit["registration"]) == (person["id"], "C-1", "R-1")
    assert [each for each in world.written() if each.endswith("_c.json")] == ["course_c.json", "visit_c.json"]


@pytest.mark.cap("M100")
def test_without_extracts_both_types_of_a_bridge_are_fetched_from_the_log(build: Build) -> None:
    """The subscription offers none by time of change (1035): the log names who got what, and keys the rest."""
    own = courses("to_salesforce")
    own["visits"]["key"] = None
    fields = [{**KEY}, PERSON, {**IN_COURSE, "isDedupeField": False}, *OTHERS]
    world = build(own, COURSE, {**BRIDGE, "fields": fields})
    world.marketo.post("limits", {"export_optional_filters": False})
    world.refused = "marketo_1035"
    person = a_person(world)
    added(world, "course_c", course="C-1", title="One")
    added(world, "visit_c", registration="R-1", person=person, course="C-1")

    world.ran()

    [course] = world.salesforce.get("records/Course__c")
    found = registrations(world)["R-1"]
    assert (course["Course_Key__c"], course["Name"], found["Course__c"]) == ("C-1", "One", course["Id"])
    assert found["Lead__c"] == world.salesforce.get("records/Lead")[0]["Id"]


@pytest.mark.cap("M078", "M080")
def test_an_object_that_salesforce_lacks_is_told_when_it_is_switched_on_and_mapped_by_hand_goes_to_what_is_there(
    build: Build,
) -> None:
    """Switched off nothing is told, read or written; to what is there it goes by the fields that somebody names."""
    lacking = visits("to_salesforce", salesforce="Visit__c", key="Guid__c")
    off = {"visits": {**lacking["visits"], "enabled": False}}
    world = build(off, VISIT)
    person = a_person(world)
    added(world, "visit_c", registration="R-1", person=person, seats=2)
    assert list(described_lines(world.cycle, world.connections)) == []
    world.ran()
    assert (registrations(world), len(world.extracts)) == ({}, 0)

    def switched(objects: Mapping[str, Any]) -> CrmCycle:
        kept = CustomObjects.model_validate({"objects": objects})
        return world.cycle.model_copy(update={"custom_objects": kept})

    why, remedy = described_lines(switched(lacking), world.connections)
    assert "there is no object Visit__c" in why
    assert "make Visit__c with Registration_Key__c, Status__c, Seats__c, Guid__c, and a lookup for each link" in remedy
    by_hand = visits("to_salesforce", links={"person": ["Lead__c", "Contact__c"]})
    assert list(described_lines(switched(by_hand), world.connections)) == []
    world.documents.put(switched(by_hand))
    world.ran()
    [lead] = world.salesforce.get("records/Lead")
    found = registrations(world)["R-1"]
    assert (found["Lead__c"], found["Seats__c"]) == (lead["Id"], 2)


@pytest.mark.cap("M076")
def test_a_field_that_is_switched_off_leaves_neither_system(build: Build, clients: Clients) -> None:
    """Of people, companies, opportunities and objects of either way: it is asked of nobody and in no request."""

    def off(marketo: str, salesforce: str) -> dict[str, Any]:
        return {"marketo": marketo, "salesforce": salesforce, "enabled": False}

    visit = visits("to_salesforce", fields=[*FIELDS[:2], off("seats", "Seats__c")])
    course = courses("to_marketo")["courses"]
    course = {**course, "fields": [course["fields"][0], off("title", "Name")]}
    world = build({**visit, "courses": course}, COURSE, VISIT)
    titled = {each: [*PERSONS[each]["fields"], off("title", "Title")] for each in ("leads", "contacts")}
    people = {**PERSONS, **{each: {"fields": pairs} for each, pairs in titled.items()}}
    document = world.cycle.model_dump(by_alias=True, exclude_none=True) | {
        "persons": people,
        "companies": {"fields": [{"marketo": "company", "salesforce": "Name"}, off("industry", "Industry")]},
        "opportunities": {"fields": [{"marketo": "name", "salesforce": "Name"}, off("nextStep", "NextStep")]},
    }
    world.documents.put(CrmCycle.model_validate(document))
    asked: list[str] = []
    clients.http.event_hooks["request"].append(lambda request: asked.append(f"{request.url} {request.read()!r}"))
    account = load(world, "Account", Name="Acme", Industry="Energy")
    load(world, "Contact", LastName="King", Email="king@example.com", Title="CEO", AccountId=account)
    deal = {"StageName": "Prospecting", "CloseDate": "2026-12-31"}
    load(world, "Opportunity", Name="Deal", NextStep="Call", AccountId=account, **deal)
    load(world, "Course__c", Name="One", Course_Key__c="C-1")
    marketing = world.connections.marketo("marketing")
    mine = {"email": "a@example.com", "lastName": "A", "company": "Acme", "title": "CFO"}
    [made] = marketing.sync_leads([mine], action="createOnly", lookup_field="email")
    added(world, "visit_c", registration="R-1", person=int(made.id or 0), status="Attended", seats=2)
    asked.clear()

    world.ran()

    [lead] = world.salesforce.get("records/Lead")
    found = registrations(world)["R-1"]
    assert (lead["LastName"], lead.get("Title")) == ("A", None)
    assert (found["Status__c"], found.get("Seats__c")) == ("Attended", None)
    king = world.of(world.marketo, "leads", "email")["king@example.com"]
    assert (king["lastName"], king["company"], king.get("title"), king.get("industry")) == ("King", "Acme", None, None)
    [sold] = world.marketo.get("records/opportunities")
    [taken] = world.marketo.get("records/course_c")
    assert (sold["name"], sold.get("nextStep"), taken["course"], taken.get("title")) == ("Deal", None, "C-1", None)
    names = ("itle", "ndustry", "extStep", "eats")
    assert [name for name in names if any(name in each for each in asked)] == []
