"""Activities as a source of Syncs, with the product's own clients against both vendor twins."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from leadbridge.domain.action import as_document
from leadbridge.domain.source_query import source_query
from leadbridge.domain.syncing import Step, Totals, Way
from leadbridge.domain.watermarks import Window
from leadbridge.sync_ports import Page
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from leadbridge.vendors.marketo.syncing import MarketoSource
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import WiredSyncs

type Build = Callable[..., WiredSyncs]
ACTIVITIES = "/rest/v1/activities.json"
EXTRACT = "/bulk/v1/activities/export/create.json"
FORM, CLICK, VISIT = 2, 11, 1
MAPPED = [
    {"to": "External_Key__c", "column": "marketoGUID"},
    {"to": "WhoId", "column": "lead.sfdcContactId"},
    {"to": "Subject", "template": "{{ activityType }}: {{ primaryAttributeValue }}"},
    {"to": "Description", "template": "{{ activity.Link }}, {{ lead.email }}"},
]


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Iterator[Build]:
    """Makes the world of a Sync from activities to Tasks."""
    document: dict[str, Any] = {
        "to_salesforce": True,
        "source": {"connection": "marketing", "object": "activities", "activity_types": ["Fill Out Form", CLICK]},
        "destination": {"connection": "crm", "object": "Task"},
        "match": [{"column": "marketoGUID", "field": "External_Key__c"}],
        "mappings": [
            {"to": "External_Key__c", "column": "marketoGUID"},
            {"to": "WhoId", "column": "lead.sfdcContactId"},
            {"to": "Subject", "template": "{{ activityType }}: {{ primaryAttributeValue }}"},
            {"to": "ActivityDate", "column": "activityDate"},
        ],
        "dedupe": "ignore_duplicates",
        "extraction": "incremental",
        "by": {"extract": "rest"},
    }
    yield lambda **members: WiredSyncs(clients, marketo, salesforce, a_sync(**document | members))
    marketo.post("limits", {"activity_scan": 0})


def happened(world: WiredSyncs, count: int, kind: int, lead: int, seconds: float = 0) -> None:
    """So many activities of a type, at the world's time or that much earlier."""
    at = world.clock.now().timestamp() - seconds
    rows = [
        {
            "leadId": lead,
            "activityTypeId": kind,
            "activityDate": world.clock.now().fromtimestamp(at, world.clock.now().tzinfo).isoformat(),
            "primaryAttributeValue": f"Thing {number}",
            "attributes": [{"name": "Link", "value": "link"}] if kind == CLICK else [],
        }
        for number in range(count)
    ]
    world.marketo.post("load", {"activities": rows})


def person(world: WiredSyncs) -> tuple[int, str]:
    """A lead that is a Contact: both ids."""
    world.contacts(1)
    [record] = world.records().values()
    world.marketo.post("load", {"leads": [{"id": 1, "email": record["Email"], "sfdcContactId": record["Id"]}]})
    [lead] = world.leads().values()
    return int(lead["id"]), str(record["Id"])


def tasks(world: WiredSyncs) -> list[tuple[str, str]]:
    """Whom each Task is about, and its subject."""
    return sorted((each["WhoId"], each["Subject"]) for each in world.salesforce.get("records/Task"))


@pytest.mark.cap("U24", "M082")
def test_activities_become_tasks_on_the_right_contact(build: Build, clients: Clients) -> None:
    """Clicks and forms become Tasks of their person with a readable subject; no other type is asked for."""
    world = build()
    lead, contact = person(world)
    for kind in (FORM, CLICK, VISIT):
        happened(world, 2, kind, lead)
    world.clock.advance(3600)
    apply = ApplyConfiguration(configurations=world.documents, connect=lambda _: world.wired, clock=world.clock)
    assert apply.plan([Given(raw=as_document(world.sync))], thorough=True).findings == []

    asked: set[str | None] = set()
    clients.http.event_hooks["request"].append(
        lambda request: asked.add(request.url.params.get("activityTypeIds")) if request.url.path == ACTIVITIES else None
    )

    run = world.ran()

    assert (run.step, run.pulled, run.totals) == (Step.DONE, 4, Totals(created=4)), run.message
    assert tasks(world) == [
        (contact, f"{kind}: Thing {each}") for kind in ("Click Email", "Fill Out Form") for each in range(2)
    ]
    assert asked == {f"{FORM},{CLICK}"}


@pytest.mark.cap("U25")
@pytest.mark.fault("FT03", "FT04")
def test_an_activity_that_is_read_twice_or_shown_late_is_one_task(build: Build) -> None:
    """Windows overlap by a minute: what both show compares equal, and what was shown late is not missed."""
    world = build()
    lead, _ = person(world)
    happened(world, 1, FORM, lead)
    world.clock.advance(660)
    happened(world, 1, CLICK, lead)
    first = world.ran()
    world.clock.advance(60)
    # ten minutes are left for entries that bear an earlier time than their appearance
    happened(world, 1, CLICK, lead, seconds=500)
    world.clock.advance(3600)

    second, third = world.again(), world.again()

    assert (first.totals, second.totals.created, third.pulled) == (Totals(created=1), 2, 0)
    assert second.totals.created + second.totals.unchanged == second.pulled
    assert len(tasks(world)) == 3


@pytest.mark.fault("FM24")
def test_a_token_too_old_begins_anew_and_doubles_nothing(build: Build) -> None:
    """A later page is refused: reading begins anew with a new token, and every activity is one Task."""
    world = build()
    lead, _ = person(world)
    happened(world, 130, FORM, lead)
    world.clock.advance(3600)
    world.marketo.post("limits", {"activity_scan": 60})
    refusal: dict[str, Any] = {"match": f"GET {ACTIVITIES}", "nth": 2, "kind": "vendor_error", "code": "1003"}
    world.marketo.post("faults", [refusal])

    run = world.ran()

    assert (run.step, run.pulled, run.totals) == (Step.DONE, 130, Totals(created=130)), run.message
    assert len(tasks(world)) == 130


def test_reading_goes_on_behind_a_stored_page_or_begins_anew_where_its_token_is_too_old(build: Build) -> None:
    """Another process gives the pages that are left; with a token that Marketo no longer takes it gives all of them."""
    world = build()
    lead, _ = person(world)
    happened(world, 130, FORM, lead)
    world.clock.advance(3600)
    world.marketo.post("limits", {"activity_scan": 60})
    source, now = MarketoSource(world.wired.marketo("marketing")), world.clock.now()
    facts = world.facts()(world.sync, 1, "marketo")
    query = source_query(world.sync, "marketo", facts, Window(since=NOON), way="rest", now=now)
    first, *rest = source.pages(query, "")
    left = list(source.pages(query, first.cursor))
    world.marketo.post("faults", [{"match": f"GET {ACTIVITIES}", "nth": 1, "kind": "vendor_error", "code": "1003"}])
    anew = list(source.pages(query, first.cursor))

    def ids(pages: list[Page]) -> list[str]:
        return [row["marketoGUID"] for page in pages for row in page.rows]

    assert len(first.rows) < 130
    assert ids(left) == ids(rest)
    assert ids(anew) == ids([first, *rest])
    assert len(set(ids(anew))) == 130


@pytest.mark.cap("M104")
def test_a_first_reading_goes_by_extracts_of_31_days_and_the_next_by_the_log(build: Build, clients: Clients) -> None:
    """Fifty days of forms and clicks come in two jobs, windows without a gap, with names, attributes and persons; what
    both readings show is one Task."""
    world = build(by={}, mappings=MAPPED)
    lead, contact = person(world)
    for seconds in (49 * 86_400, 660):
        happened(world, 1, CLICK, lead)
        happened(world, 1, VISIT, lead)
        world.clock.advance(seconds)
    jobs: list[dict[str, Any]] = []
    clients.http.event_hooks["request"].append(
        lambda request: jobs.append(json.loads(request.read())) if request.url.path == EXTRACT else None
    )

    first = world.ran()
    happened(world, 1, CLICK, lead)
    second = world.again()

    assert (first.step, first.extract, first.totals) == (Step.DONE, Way.BULK, Totals(created=2)), first.message
    assert (second.extract, second.totals.created, second.pulled <= 2) == (Way.REST, 1, True)
    assert tasks(world) == [(contact, "Click Email: Thing 0")] * 3
    assert {each["Description"] for each in world.salesforce.get("records/Task")} == {"link, person0@example.com"}
    windows = [job["filter"]["createdAt"] for job in jobs]
    assert {tuple(job["filter"]["activityTypeIds"]) for job in jobs} == {(FORM, CLICK)}
    stamps = [datetime.fromisoformat(each[name]) for each in windows for name in ("startAt", "endAt")]
    assert len(jobs) == 2
    assert stamps == sorted(stamps)
    assert stamps[2] - stamps[1] == timedelta(seconds=1)
    assert all(end - start <= timedelta(days=31) for start, end in zip(stamps[::2], stamps[1::2], strict=True))


@pytest.mark.cap("M137")
def test_extracts_of_activities_begin_at_the_stored_watermark(build: Build, clients: Clients) -> None:
    """By extract, a later job asks from the very second that was stored: what bears it is there once, and nothing
    before it is asked for again."""
    world = build(by={"extract": "bulk"})
    lead, contact = person(world)
    happened(world, 1, FORM, lead)
    world.clock.advance(3600)
    first = world.ran()
    mark = world.runs.standing(world.sync.id).watermark
    assert mark is not None
    happened(world, 1, CLICK, lead, seconds=(world.clock.now() - mark).total_seconds())
    jobs: list[dict[str, Any]] = []
    clients.http.event_hooks["request"].append(
        lambda request: jobs.append(json.loads(request.read())) if request.url.path == EXTRACT else None
    )

    second, third = world.again(), world.again()

    assert (first.totals, second.extract, second.totals) == (Totals(created=1), Way.BULK, Totals(created=1))
    assert (third.extract, third.pulled) == (Way.BULK, 0)
    assert tasks(world) == [(contact, "Click Email: Thing 0"), (contact, "Fill Out Form: Thing 0")]
    begins = [datetime.fromisoformat(each["filter"]["createdAt"]["startAt"]) for each in jobs]
    ends = [datetime.fromisoformat(each["filter"]["createdAt"]["endAt"]) for each in jobs]
    assert begins == [mark, ends[0] + timedelta(seconds=1)]


@pytest.mark.cap("M059")
@pytest.mark.parametrize("way", ["rest", "bulk"])
def test_a_visit_is_named_by_its_page_or_by_its_address(build: Build, way: str) -> None:
    """Of a page of Marketo the primary attribute is its name, with the page's id; of any other it is the address, with
    none: each Task says what its visit has, whichever way visits are read."""
    mappings = [
        {"to": "External_Key__c", "column": "marketoGUID"},
        {"to": "WhoId", "column": "lead.sfdcContactId"},
        {"to": "Subject", "column": "primaryAttributeValue"},
        {"to": "Description", "template": "page {{ primaryAttributeValueId }}, {{ activity.Webpage URL }}"},
    ]
    source = {"connection": "marketing", "object": "activities", "activity_types": ["Visit Webpage"]}
    world = build(source=source, mappings=mappings, by={"extract": way})
    lead, contact = person(world)
    url = "www.example.com/preise?q=a,b"
    visit = {"leadId": lead, "activityTypeId": VISIT, "activityDate": world.clock.now().isoformat()}
    own = {"primaryAttributeValue": "Webinar Ünï", "primaryAttributeValueId": 77}
    rows = [
        visit | own | {"attributes": [{"name": "Webpage URL", "value": "/webinar"}]},
        visit | {"primaryAttributeValue": url, "attributes": [{"name": "Webpage URL", "value": url}]},
    ]
    world.marketo.post("load", {"activities": rows})
    world.clock.advance(3600)

    run = world.ran()

    assert (run.step, run.totals) == (Step.DONE, Totals(created=2)), run.message
    assert tasks(world) == [(contact, "Webinar Ünï"), (contact, url)]
    found = {each["Subject"]: each["Description"] for each in world.salesforce.get("records/Task")}
    assert found == {"Webinar Ünï": "page 77, /webinar", url: f"page , {url}"}


@pytest.mark.cap("M060")
@pytest.mark.parametrize("way", ["rest", "bulk"])
def test_attributes_go_together_into_one_object_or_each_type_into_its_own(build: Build, way: str) -> None:
    """One Sync of two types makes Tasks that hold every attribute as an array; a Sync of one type makes records of an
    object of that type, an attribute a field."""
    world = build(
        mappings=[
            {"to": "External_Key__c", "column": "marketoGUID"},
            {"to": "WhoId", "column": "lead.sfdcContactId"},
            {"to": "Subject", "column": "activityType"},
            {"to": "Description", "column": "attributes"},
        ],
        by={"extract": way},
    )
    lead, _ = person(world)
    given = {
        FORM: [{"name": "Webform ID", "value": "7"}, {"name": "Referrer URL", "value": 'Ünï "a", b'}],
        CLICK: [{"name": "Link", "value": "https://www.example.com/"}],
    }
    at = world.clock.now().isoformat()
    rows = [
        {"leadId": lead, "activityTypeId": kind, "activityDate": at, "primaryAttributeValue": "x", "attributes": each}
        for kind, each in given.items()
    ]
    world.marketo.post("load", {"activities": rows})
    world.clock.advance(3600)
    apply = ApplyConfiguration(configurations=world.documents, connect=lambda _: world.wired, clock=world.clock)
    assert apply.plan([Given(raw=as_document(world.sync))], thorough=True).findings == []
    own = build(
        id="forms",
        source={"connection": "marketing", "object": "activities", "activity_types": [FORM]},
        destination={"connection": "crm", "object": "Event_Registration__c"},
        match=[{"column": "marketoGUID", "field": "Registration_Key__c"}],
        mappings=[
            {"to": "Registration_Key__c", "column": "marketoGUID"},
            {"to": "Name", "column": "activity.Referrer URL"},
            {"to": "Seats__c", "column": "activity.Webform ID"},
        ],
        by={"extract": way},
    )
    own.clock.advance(3 * 3600)

    together, apart = world.ran(), own.ran()

    assert (together.totals, apart.totals) == (Totals(created=2), Totals(created=1)), (together.message, apart.message)
    held = {each["Subject"]: json.loads(each["Description"]) for each in world.salesforce.get("records/Task")}
    assert {name: sorted(every, key=str) for name, every in held.items()} == {
        "Fill Out Form": sorted(given[FORM], key=str),
        "Click Email": given[CLICK],
    }
    [record] = own.salesforce.get("records/Event_Registration__c")
    assert (record["Name"], record["Seats__c"]) == ('Ünï "a", b', 7)
