"""Syncs with the product's own clients against both vendor twins: every record of the fixture, field by field."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from leadbridge.domain.action import as_document
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_plan import CHUNK_CALLS
from leadbridge.domain.syncing import Step, SyncRun, Totals, Way
from leadbridge.domain.watermarks import OVERLAP
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from leadbridge.usecases.hand_over import looked_at
from leadbridge.usecases.start_sync import vendor_of
from leadbridge.usecases.sync_results import SyncResults
from leadbridge.vendors.bulk_jobs import VendorBulkJobs
from leadbridge.vendors.http.deadline import Deadline
from leadbridge.vendors.sync_vendors import VendorSyncs
from tests.builders.sync_runs import SyncWorld
from tests.builders.syncs import a_sync
from tests.fakes.clock import NOON
from tests.fakes.schemas import InMemorySchemas
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import SharedClock, TwinConnections, WorldClients

TO_MARKETO: dict[str, Any] = {
    "dedupe": "import_everything",
    "mappings": [
        {"to": "email", "column": "Email"},
        {"to": "lastName", "column": "LastName"},
        {"to": "firstName", "column": "FirstName"},
        {"to": "title", "column": "Title", "blank": "clear"},
    ],
}
TO_SALESFORCE: dict[str, Any] = {
    "dedupe": "import_everything",
    "to_salesforce": True,
    "mappings": [
        {"to": "Email", "column": "email"},
        {"to": "LastName", "column": "lastName"},
        {"to": "FirstName", "column": "firstName"},
        {"to": "Title", "column": "title", "blank": "clear"},
    ],
}
type Build = Callable[..., "WiredSyncs"]


class WiredSyncs(SyncWorld):
    """Runs of a Sync between the twins; their clock is ours."""

    def __init__(self, clients: Clients, marketo: Twin, salesforce: Twin, sync: Sync) -> None:
        super().__init__(sync)
        self.marketo, self.salesforce = marketo, salesforce
        self.chunk_calls = CHUNK_CALLS
        #: of the subscription's extracts
        self.day_bytes = 500_000_000
        self.clock = SharedClock(marketo, NOON - NOON, NOON)
        self.own = WorldClients(
            announced=clients.announced, key=clients.key, http=clients.http, world_clock=self.clock, deadline=Deadline()
        )
        self.schemas = InMemorySchemas()
        self.connect()

    def connect(self) -> None:
        """Make the clients of a process."""
        self.wired = self.connections = TwinConnections(self.own)
        calls = looked_at(self.documents, self.clock)
        self.others = VendorSyncs(self.wired, partial(vendor_of, self.documents), calls, self.schemas)
        self.bulk_vendors = VendorBulkJobs(self.wired, day_bytes=self.day_bytes, now=self.clock.now)

    def contacts(self, count: int, **members: Any) -> None:
        """Contacts of the org that there are for some time."""
        loaded = [contact(number) | members for number in range(count)]
        self.salesforce.post("load", {"Contact": loaded})
        self.clock.advance(3600)

    def people(self, count: int, hours: float = 1) -> None:
        """People of the instance that there are for some time."""
        self.marketo.post("load", {"leads": [{"id": number + 1, **person(number)} for number in range(count)]})
        self.clock.advance(3600 * hours)

    def leads(self) -> dict[str, dict[str, Any]]:
        """The instance's leads by address, each of which is there once."""
        return _by(self.marketo.get("records/leads"), "email")

    def records(self) -> dict[str, dict[str, Any]]:
        """The org's Contacts by address, each of which is there once."""
        return _by(self.salesforce.get("records/Contact"), "Email")

    def again(self) -> SyncRun:
        """The next run, an hour later."""
        self.clock.advance(3600)
        return self.ran(self.clock.now().strftime("%Y%m%dT%H%M%SZ"))


def _by(records: list[dict[str, Any]], name: str) -> dict[str, dict[str, Any]]:
    found = {record[name]: record for record in records}
    assert len(found) == len(records)
    return found


def contact(number: int) -> dict[str, Any]:
    """A Contact of the fixture; texts are of many kinds."""
    return {
        "Email": f"person{number}@example.com",
        "LastName": f'Łukasz, "{number}" O\'Hara',
        "FirstName": "Zoë" if number % 2 else None,
        "Title": f"Head of ✓ {number}",
    }


def person(number: int) -> dict[str, Any]:
    """The same as a lead."""
    names = {"Email": "email", "LastName": "lastName", "FirstName": "firstName", "Title": "title"}
    return {names[name]: value for name, value in contact(number).items()}


def _days(window: dict[str, str]) -> float:
    first, last = (datetime.fromisoformat(window[name]) for name in ("startAt", "endAt"))
    return (last - first) / timedelta(days=1)


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes the world of a Sync."""
    return lambda **members: WiredSyncs(clients, marketo, salesforce, a_sync(**members))


@pytest.mark.cap("S02", "M125")
def test_contacts_become_people_with_every_value_as_it_is(build: Build) -> None:
    """Counts and field values equal the fixture; a second run writes nothing, a changed one changes one record."""
    world = build(**TO_MARKETO)
    world.contacts(450)
    run = world.ran()

    assert (run.step, run.pulled, run.totals) == (Step.DONE, 450, Totals(created=450))
    leads = world.leads()
    assert len(leads) == 450
    for number in range(450):
        wanted, held = person(number), leads[f"person{number}@example.com"]
        assert {name: held.get(name) for name in wanted} == wanted

    writes = len(world.marketo.calls_of("POST", "/rest/v1/leads.json"))
    assert writes == 2
    second = world.again()
    assert second.totals == Totals(unchanged=450)
    assert len(world.marketo.calls_of("POST", "/rest/v1/leads.json")) == writes

    record = world.records()["person7@example.com"]
    world.wired.salesforce("crm").update("Contact", [{"Id": record["Id"], "Title": None}])
    assert world.again().totals == Totals(unchanged=449, updated=1)
    assert world.leads()["person7@example.com"].get("title") is None


@pytest.mark.cap("S01")
def test_people_of_a_list_become_contacts_with_every_value_as_it_is(build: Build) -> None:
    """Counts and field values equal the fixture; a second run writes nothing."""
    world = build(
        **TO_SALESFORCE, source={"connection": "marketing", "object": "list_members", "static_list": "Everybody"}
    )
    world.people(450)
    world.marketo.post("load", {"staticLists": [{"id": 1001, "name": "Everybody"}]})
    ids = [int(lead["id"]) for lead in world.leads().values()]
    world.marketo.post("load", {"listMembers": [{"listId": 1001, "leadId": each} for each in ids]})
    run = world.ran()

    assert (run.step, run.pulled, run.totals) == (Step.DONE, 450, Totals(created=450)), run.message
    records = world.records()
    for number in range(450):
        wanted, held = contact(number), records[f"person{number}@example.com"]
        assert {name: held.get(name) for name in wanted} == wanted
    assert world.again().totals == Totals(unchanged=450)


@pytest.mark.cap("U41", "U52")
@pytest.mark.parametrize(("rows", "way"), [(5_000, Way.REST), (5_001, Way.BULK)])
def test_more_than_five_thousand_rows_go_by_file(build: Build, rows: int, way: Way) -> None:
    """5,000 Contacts are read by page and written by sync leads; one more, and both vendors' bulk APIs are used."""
    asked = build(**TO_MARKETO)
    asked.salesforce.post("load", {"generate": {"object": "Contact", "count": rows, "seed": 5}})
    asked.start()
    asked.drive(until=Step.EXTRACT if way is Way.REST else Step.EXTRACT_FILES)
    assert asked.run().extract is way

    read = build(**TO_MARKETO, id="read-by-page", by={"extract": "rest"})
    read.start()
    read.drive(until=Step.LOAD)
    assert (read.run().pulled, read.run().load) == (rows, way)


def test_contacts_are_read_by_a_query_job(build: Build) -> None:
    """By file every row comes once, with its values: blanks, quotes and other scripts."""
    world = build(**TO_MARKETO, by={"extract": "bulk"})
    world.contacts(60)
    run = world.ran()

    assert (run.extract, run.pulled, run.totals) == (Way.BULK, 60, Totals(created=60)), (run.reason, run.message)
    leads = world.leads()
    for number in range(60):
        wanted, held = person(number), leads[f"person{number}@example.com"]
        assert {name: held.get(name) for name in wanted} == wanted


@pytest.mark.cap("M091")
def test_all_people_are_read_by_extracts_of_31_days(build: Build) -> None:
    """A first load reads every lead by bulk extract; literal nulls are blanks, the values equal the fixture."""
    world = build(**TO_SALESFORCE)
    world.people(40, hours=24 * 40)
    run = world.ran()

    assert (run.step, run.extract, run.pulled) == (Step.DONE, Way.BULK, 40), (run.reason, run.message)
    assert run.totals == Totals(created=40)
    records = world.records()
    for number in range(40):
        wanted, held = contact(number), records[f"person{number}@example.com"]
        assert {name: held.get(name) for name in wanted} == wanted
    windows = [each.request["filter"]["createdAt"] for each, _ in world.bulk_runs._runs.values()]
    assert [_days(each) <= 31 for each in windows] == [True, True]
    assert windows[0]["endAt"] < windows[1]["startAt"]


@pytest.mark.fault("FB12")
def test_a_person_called_null_is_read_once_more_and_keeps_the_name(build: Build) -> None:
    """A bulk extract says `null` of a name that is this word and of none: those rows are asked for by REST, once.

    A person called so keeps the name, in whatever case it is written; one without a name has none.
    """
    world = build(**TO_SALESFORCE)
    names = {"null@example.com": "null", "big@example.com": "NULL", "none@example.com": None, "ada@example.com": "King"}
    # by its first ids an instance tells since when it has people: without them every month of twenty years is read
    leads = [{"id": number, "email": each, "lastName": name} for number, (each, name) in enumerate(names.items(), 1)]
    world.marketo.post("load", {"leads": leads})
    world.salesforce.post("load", {"Contact": [{"Email": "null@example.com", "LastName": "Null"}]})
    world.clock.advance(3600)
    world.start()
    world.drive(until=Step.LOAD)
    asked = len(world.marketo.calls_of("GET", "/rest/v1/leads.json"))
    run = world.drive()

    assert (run.step, run.extract) == (Step.DONE, Way.BULK), (run.reason, run.message)
    assert run.totals == Totals(created=2, updated=1, failed=1)
    assert {each: record["LastName"] for each, record in world.records().items()} == {
        each: name for each, name in names.items() if name
    }
    assert len(world.marketo.calls_of("GET", "/rest/v1/leads.json")) == asked + 1


def test_people_who_changed_are_read_by_the_log_and_nobody_else(build: Build) -> None:
    """After a first load only the lead that changed is pulled; an idle run pulls nobody, and moves the watermark."""
    world = build(**TO_SALESFORCE, extraction="incremental")
    world.people(20)
    world.ran()
    lead = world.leads()["person7@example.com"]
    world.wired.marketo("marketing").sync_leads(
        [{"id": lead["id"], "title": "New"}], action="updateOnly", lookup_field="id"
    )
    changed = world.again()
    before = world.runs.standing(world.sync.id).watermark
    idle = world.again()

    assert (changed.pulled, changed.totals) == (1, Totals(updated=1))
    assert world.records()["person7@example.com"]["Title"] == "New"
    assert (idle.pulled, idle.step) == (0, Step.DONE)
    after = world.runs.standing(world.sync.id).watermark
    assert before is not None
    assert after is not None
    assert after > before


@pytest.mark.cap("M013")
def test_what_describe_calls_read_only_is_never_sent(build: Build) -> None:
    """Which fields people have and which of them may be written is what Describe says: a mapping to one that may not
    is refused on saving; a run of a Sync that has it all the same says so and sends nothing, also no other field."""
    world = build(**TO_MARKETO)
    world.contacts(2)
    described = world.wired.marketo("marketing").describe_leads().fields
    closed = sorted(name for name, each in described.items() if not each.updateable)
    sent: list[set[str]] = []
    world.own.http.event_hooks["request"].append(
        lambda request: (
            sent.append({name for row in json.loads(request.read())["input"] for name in row})
            if (request.method, request.url.path) == ("POST", "/rest/v1/leads.json")
            else None
        )
    )
    every = [{"to": name, "column": "Title"} for name in closed]
    wrong = build(**{**TO_MARKETO, "mappings": [*TO_MARKETO["mappings"], *every]}, id="read-only")
    apply = ApplyConfiguration(configurations=wrong.documents, connect=lambda _: wrong.wired, clock=wrong.clock)
    first = len(TO_MARKETO["mappings"])

    plan = apply.plan([Given(raw=as_document(wrong.sync))], thorough=True)
    refused, run = wrong.ran(), world.ran()

    assert {"createdAt", "updatedAt", "sfdcContactId"} <= set(closed)
    assert [each.pointer for each in plan.findings] == [f"/mappings/{first + n}/to" for n in range(len(closed))]
    assert (refused.step, refused.totals) == (Step.FAILED, Totals())
    assert all(name in refused.message for name in closed)
    assert run.totals == Totals(created=2)
    assert sent
    assert all(names.isdisjoint(closed) and names <= described.keys() for names in sent)


@pytest.mark.cap("M117")
def test_an_extract_of_changes_begins_an_overlap_before_the_mark(build: Build) -> None:
    """The job asks for what changed from the stored mark on, less the overlap, up to where the run's window ends.

    The people who changed there come, with their company's fields as they are now.
    """
    kind: dict[str, Any] = TO_SALESFORCE
    mappings = [*kind["mappings"], {"to": "Department", "column": "company"}]
    world = build(**kind | {"mappings": mappings}, extraction="incremental", by={"extract": "bulk"})
    world.people(5)
    world.ran()
    mark = world.runs.standing(world.sync.id).watermark
    client = world.wired.marketo("marketing")
    changes = [{"email": "person2@example.com", "title": "New"}, {"email": "person3@example.com", "company": "Acme"}]
    client.sync_leads(changes, action="updateOnly", lookup_field="email")

    run = world.again()

    assert mark is not None
    *_, (job, _) = world.bulk_runs._runs.values()
    [(name, asked)] = job.request["filter"].items()
    assert name == "updatedAt"
    assert datetime.fromisoformat(asked["startAt"]) == mark - OVERLAP["marketo"]
    assert run.until is not None
    assert datetime.fromisoformat(asked["endAt"]) == run.until - timedelta(seconds=1)
    assert (run.extract, run.totals) == (Way.BULK, Totals(updated=2)), run.message
    records = world.records()
    assert records["person2@example.com"]["Title"] == "New"
    assert records["person3@example.com"]["Department"] == "Acme"
    assert world.runs.standing(world.sync.id).watermark == run.until


@pytest.mark.cap("M094")
def test_changes_are_read_by_the_log_where_extracts_by_time_of_change_are_not_offered(build: Build) -> None:
    """The subscription refuses the filter updatedAt (1035): the run reads the same window from the log of changes, and
    the look through the connection says so before; a first load needs no such filter."""
    world = build(**TO_SALESFORCE, extraction="incremental", by={"extract": "bulk"})
    world.marketo.post("limits", {"export_optional_filters": False})
    told = [each.line() for each in world.wired.marketo("marketing").preflight(daily_calls=50_000)]
    assert [line for line in told if "(1035)" in line and "takes changes from the log" in line] != []
    world.people(20)
    first = world.ran()
    lead = world.leads()["person7@example.com"]
    world.wired.marketo("marketing").sync_leads(
        [{"id": lead["id"], "title": "New"}], action="updateOnly", lookup_field="id"
    )

    second = world.again()

    assert (first.extract, first.totals) == (Way.BULK, Totals(created=20)), first.message
    assert (second.step, second.extract, second.totals) == (Step.DONE, Way.REST, Totals(updated=1)), second.message
    assert world.records()["person7@example.com"]["Title"] == "New"


@pytest.mark.cap("M124", "M127")
def test_many_people_are_written_by_import_and_each_row_that_failed_is_named(build: Build) -> None:
    """By file: new people are made, known ones changed or emptied, the same left alone; a refused row is told."""
    mappings = [*TO_MARKETO["mappings"], {"to": "leadScore", "column": "Department"}]
    world = build(**{**TO_MARKETO, "mappings": mappings}, by={"load": "bulk"})
    world.people(20)
    lead = world.leads()["person3@example.com"]
    world.wired.marketo("marketing").sync_leads(
        [{"id": lead["id"], "title": "Old"}], action="updateOnly", lookup_field="id"
    )
    world.contacts(18)
    world.salesforce.post("load", {"Contact": [contact(number) | {"Title": None} for number in (18, 19)]})
    world.salesforce.post("load", {"Contact": [contact(number) | {"Department": "7"} for number in range(20, 60)]})
    world.salesforce.post("load", {"Contact": [contact(60) | {"LastName": "null"}]})
    run = world.ran()

    assert (run.step, run.load, run.pulled) == (Step.DONE, Way.BULK, 61), (run.reason, run.message)
    assert run.totals == Totals(created=40, updated=3, unchanged=17, failed=1)
    [failed] = SyncResults(documents=world.documents, runs=world.runs, objects=world.objects).failed(
        world.sync.id, run.slot
    )
    assert failed.reason == "marketo_rejected"
    [refused] = [each for each in world.salesforce.get("records/Contact") if each["LastName"] == "null"]
    assert failed.source_id == refused["Id"]
    leads = world.leads()
    assert len(leads) == 60
    for number in range(60):
        wanted, held = person(number), leads[f"person{number}@example.com"]
        if number in {18, 19}:
            wanted["title"] = None
        assert {name: held.get(name) for name in wanted} == wanted
    assert leads["person25@example.com"]["leadScore"] == 7
    assert not world.marketo.calls_of("POST", "/rest/v1/leads.json")[1:]
    again = world.again()
    assert again.totals == Totals(unchanged=60, failed=1)


KEYED: dict[str, Any] = TO_SALESFORCE | {
    "dedupe": "youngest",
    "match": [{"column": "id", "field": "External_Key__c"}],
    "mappings": [*TO_SALESFORCE["mappings"], {"to": "External_Key__c", "column": "id"}],
}


@pytest.mark.cap("U41")
@pytest.mark.parametrize(("rule", "operation"), [("create_and_update", "upsert"), ("create", "insert")])
def test_many_records_are_written_to_salesforce_by_a_job_and_each_row_that_failed_is_named(
    build: Build, rule: str, operation: str
) -> None:
    """5,001 people: new ones are made, known ones changed, emptied, left alone or skipped; a refused row is told.

    No record is written by REST, and a second run writes nothing.
    """
    world = build(**KEYED, import_rule=rule)
    known = [{**contact(number), "External_Key__c": str(number + 1)} for number in range(20)]
    known[3] |= {"Title": "Old"}
    known[4] |= {"LastName": "Before\nher marriage"}
    world.salesforce.post("load", {"Contact": known})
    world.people(5_000)
    world.marketo.post("load", {"leads": [{"id": 5_001, "email": "no-name@example.com"}]})
    emptied = [{"id": number, "title": None} for number in (6, 7)]
    world.wired.marketo("marketing").sync_leads(emptied, action="updateOnly", lookup_field="id")
    run = world.ran()

    assert (run.step, run.load, run.pulled) == (Step.DONE, Way.BULK, 5_001), (run.reason, run.message)
    there = {"updated": 4, "unchanged": 16} if operation == "upsert" else {"skipped": 20}
    assert run.totals == Totals(created=4_980, failed=1, **there)
    results = SyncResults(documents=world.documents, runs=world.runs, objects=world.objects)
    [failed] = results.failed(world.sync.id, run.slot)
    assert (failed.source_id, failed.reason) == ("5001", "salesforce_failed")
    assert "REQUIRED_FIELD_MISSING" in failed.message
    records = world.records()
    assert len(records) == 5_000
    for number in range(5_000):
        wanted, held = contact(number), records[f"person{number}@example.com"]
        if operation == "insert" and number < 20:
            wanted = {name: known[number][name] for name in wanted}
        elif number in {5, 6}:
            wanted["Title"] = None
        assert {name: held.get(name) for name in wanted} == wanted
    jobs = [each.request for each, _ in world.bulk_runs._runs.values() if each.request.get("operation")]
    assert [each["operation"] for each in jobs] == [operation]
    assert not [each for each in world.salesforce.get("log?since=0") if "composite/sobjects" in each["path"]]
    again = world.again().totals
    assert (again.created, again.updated, again.failed) == (0, 0, 1)


def test_records_that_are_there_are_changed_by_a_job_by_their_ids(build: Build) -> None:
    """Found by an address, which keeps nobody apart; who is not there stays away."""
    world = build(**TO_SALESFORCE | {"dedupe": "youngest"}, import_rule="update", by={"load": "bulk"})
    world.contacts(20, Title="Old")
    before = {each["Id"] for each in world.records().values()}
    world.people(30)
    run = world.ran()

    assert (run.load, run.totals) == (Way.BULK, Totals(updated=20, skipped=10)), run.message
    records = world.records()
    assert {each["Id"] for each in records.values()} == before
    assert {number: records[f"person{number}@example.com"]["Title"] for number in range(20)} == {
        number: contact(number)["Title"] for number in range(20)
    }
    assert not [each for each in world.salesforce.get("log?since=0") if "composite/sobjects" in each["path"]]


@pytest.mark.pain("P13")
def test_a_contact_whose_transaction_ends_behind_a_run_is_carried_over_by_the_next(build: Build) -> None:
    """It bears a moment that lies behind the first run, by the clock: that run reads no further than to the begin of
    the transaction, though a later Contact is there, and the next one carries both over."""
    world = build(**TO_MARKETO, extraction="incremental")
    world.contacts(2)
    world.ran()
    late = {"match": "POST *composite/sobjects", "nth": 1, "times": 1, "kind": "late_commit", "seconds": 4_000}
    world.salesforce.post("faults", [late])
    world.wired.salesforce("crm").create("Contact", [{"LastName": "Late", "Email": "late@example.com"}])
    began = world.clock.now()
    world.clock.advance(300)
    world.wired.salesforce("crm").create("Contact", [{"LastName": "Prompt", "Email": "prompt@example.com"}])
    first, before = world.again(), world.leads().keys()
    mark = world.runs.standing(world.sync.id).watermark
    second = world.again()

    assert (first.totals.created, len(before)) == (0, 2)
    assert mark is not None
    assert mark <= began
    assert second.totals.created == 2
    assert world.leads().keys() - before == {"late@example.com", "prompt@example.com"}


@pytest.mark.pain("P14")
def test_more_contacts_of_one_second_than_a_page_holds_are_read_once_and_no_more(build: Build) -> None:
    """Two pages border within the second, and so do two runs: each Contact is there once, the third run reads none."""
    world = build(**TO_MARKETO, extraction="incremental", by={"extract": "rest", "load": "rest"})
    world.ran()
    world.salesforce.post("load", {"generate": {"object": "Contact", "count": 2_001, "seed": 5}})
    world.clock.advance(3600)
    stamps = {record["SystemModstamp"] for record in world.salesforce.get("records/Contact")}
    first = world.again()
    writes = len(world.marketo.calls_of("POST", "/rest/v1/leads.json"))
    world.clock.advance(600)
    second = world.again()

    assert len(stamps) == 1
    assert (first.pulled, first.pages, first.totals) == (2_001, 2, Totals(created=2_001))
    assert (second.pulled, len(world.leads())) == (0, 2_001)
    assert len(world.marketo.calls_of("POST", "/rest/v1/leads.json")) == writes


@pytest.mark.parametrize("to_salesforce", [False, True])
def test_an_idle_run_costs_two_calls_at_most(build: Build, *, to_salesforce: bool) -> None:
    """Nothing has changed: Salesforce lists that in one call, Marketo in two; the other vendor is not called.

    Each step is a process of its own that knows nothing.
    """
    world = build(**(TO_SALESFORCE if to_salesforce else TO_MARKETO), extraction="incremental")
    if to_salesforce:
        world.people(3)
    else:
        world.contacts(3)
    world.ran()
    world.clock.advance(600)
    world.again()
    before = [twin.get("calls")["total"] for twin in (world.marketo, world.salesforce)]
    idle = world.ran("20260302T230000Z")
    after = [twin.get("calls")["total"] for twin in (world.marketo, world.salesforce)]

    assert (idle.step, idle.pulled) == (Step.DONE, 0)
    assert [new - old for old, new in zip(before, after, strict=True)] == ([2, 0] if to_salesforce else [0, 1])


def test_ids_come_back_to_the_source_records(build: Build) -> None:
    """Each Contact holds the id and address of its person; the runs after it read that once more and write nothing."""
    back = [{"to": "Department", "field": "id"}, {"to": "Description", "field": "email"}]
    world = build(**TO_MARKETO, extraction="incremental", writeback=back)
    world.contacts(205)
    run = world.ran()
    assert run.totals == Totals(created=205), (run.reason, run.message)
    told = {email: record["Department"] for email, record in world.records().items()}
    assert told == {email: str(lead["id"]) for email, lead in world.leads().items()}
    assert all(record["Description"] == email for email, record in world.records().items())
    assert world.again().totals == Totals(unchanged=205)
    assert world.again().pulled == 0


def test_the_id_of_a_contact_comes_back_to_its_person(build: Build) -> None:
    """People read by extract take the Contact's Id, and a second run changes nothing."""
    world = build(**TO_SALESFORCE, writeback=[{"to": "department", "field": "Id"}])
    world.people(30)
    assert world.ran().totals == Totals(created=30)
    told = {email: lead["department"] for email, lead in world.leads().items()}
    assert told == {email: record["Id"] for email, record in world.records().items()}
    before = world.leads()
    assert world.again().totals == Totals(unchanged=30)
    assert world.leads() == before


def test_new_contacts_carry_our_id_of_their_row(build: Build) -> None:
    """Each id stands once in the unique field; the second run looks by the key alone and writes nothing."""
    destination = {"connection": "crm", "object": "Contact", "idempotency_field": "Leadbridge_Execution__c"}
    world = build(**TO_SALESFORCE, destination=destination)
    world.people(30)
    run = world.ran()
    assert run.totals == Totals(created=30), (run.reason, run.message)
    marks = {record["Leadbridge_Execution__c"] for record in world.records().values()}
    assert marks == {run.row_mark(position) for position in range(1, 31)}
    assert world.again().totals == Totals(unchanged=30)


@pytest.mark.pain("P26")
@pytest.mark.cap("S40")
@pytest.mark.parametrize("to_salesforce", [False, True])
def test_failed_rows_are_listed_and_they_alone_are_tried_again(build: Build, *, to_salesforce: bool) -> None:
    """One row of five has no number where one is needed: it is named, and mended it alone is read again."""
    field = (
        {"to": "NumberOfEmployees", "column": "department"}
        if to_salesforce
        else {"to": "leadScore", "column": "Department"}
    )
    kind: dict[str, Any] = TO_SALESFORCE if to_salesforce else TO_MARKETO
    lead = {"destination": {"connection": "crm", "object": "Lead"}} if to_salesforce else {}
    extra = [field, {"to": "Company", "static": "Acme"}] if to_salesforce else [field]
    world = build(**{**kind, **lead, "mappings": [*kind["mappings"], *extra]})
    if to_salesforce:
        world.marketo.post("load", {"leads": [{"id": 9, **person(9), "department": "many"}]})
        world.people(4)
    else:
        world.salesforce.post("load", {"Contact": [contact(9) | {"Department": "many"}]})
        world.contacts(4)
    first = world.ran()
    results = SyncResults(documents=world.documents, runs=world.runs, objects=world.objects)
    [failed] = results.failed(world.sync.id, first.slot)

    assert (first.pulled, first.totals) == (5, Totals(created=4, failed=1))
    assert failed.reason
    assert "Department".casefold() in failed.message.casefold()
    if to_salesforce:
        assert failed.source_id == "9"
        world.wired.marketo("marketing").sync_leads(
            [{"id": 9, "department": "7"}], action="updateOnly", lookup_field="id"
        )
    else:
        world.wired.salesforce("crm").update("Contact", [{"Id": failed.source_id, "Department": "7"}])
    world.clock.advance(3600)
    told = world.starting().retry(world.sync.id, first.slot)
    again = world.drive(told.slot)
    assert (again.pulled, again.totals) == (1, Totals(created=1)), (again.reason, again.message)
    made = world.salesforce.get("records/Lead") if to_salesforce else world.marketo.get("records/leads")
    assert len(made) == 5
