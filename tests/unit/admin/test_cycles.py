"""The admin API's routes of CRM cycles and their runs, on in-memory ports."""

from datetime import timedelta

import pytest

from leadbridge.cycle_ports import DueRecord, Link
from leadbridge.domain.carried import Asked
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_schema import Aside, Schema
from leadbridge.domain.cycling import CycleRun, CycleStep, guarded
from leadbridge.domain.evolving import replace
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.domain.three_way import Side
from leadbridge.usecases.people_files import Entry, PeopleFiles, State
from tests.builders.actions import MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection
from tests.builders.admin import Admin
from tests.builders.cycles import NAME, a_cycle
from tests.builders.world import World
from tests.fakes.clock import NOON

SLOT = "20260302T120000Z"
SCHEMA = Schema(version=1, carried_to=NOON, aside={"a=A": Aside(why="it is hidden", since=NOON)})
RUNS = "/cycles/main/executions"
PERSONS = {"id_field": "salesforceId", "leads": {"fields": [NAME]}}


@pytest.fixture
def admin() -> Admin:
    """The admin API of a deployment with an active cycle of Leads."""
    admin = Admin(World())
    cycle = a_cycle(marketo=MARKETO, salesforce=SALESFORCE, persons=PERSONS, companies=None, sales_persons=None)
    admin.store(a_marketo_connection(), a_salesforce_connection(), cycle)
    admin.world.configurations.move("crm_cycle", "main", Move.ACTIVATE)
    return admin


def test_a_cycle_is_run_shown_and_asked(admin: Admin) -> None:
    """The first run reads everything; a second one is not started beside it; what is asked reaches what it started."""
    assert admin.get(RUNS)["runs"] == []
    begun = admin.post(RUNS, {})
    assert (begun["slot"], begun["kind"], begun["status"]) == (SLOT, "bootstrap", "running")
    refused = admin.ask("POST", RUNS, {})
    assert (refused.status, refused.json["code"]) == (409, "not_started")

    told = admin.post(f"{RUNS}/{SLOT}/ask", {"what": "pause"})
    assert told["slot"] == SLOT
    found = admin.cycle_runs.get("main", SLOT)
    assert found is not None
    assert found[0].asked is Asked.PAUSE
    assert admin.ask("GET", f"{RUNS}/never").status == 404
    assert admin.ask("POST", f"{RUNS}/never/ask", {"what": "pause"}).status == 404
    assert admin.ask("GET", "/cycles/never").status == 404


def test_a_confirmation_is_of_the_guard_that_was_seen(admin: Admin) -> None:
    """The run says at which guard it waits; of another one the answer says so, and without any what waits is meant."""
    admin.post(RUNS, {})
    for what in ("persons deletions", "persons changes"):
        run, version = admin.cycle_runs.get("main", SLOT) or pytest.fail("it is not there")
        admin.cycle_runs.save(guarded(run, what, "delete 2 records", NOON), version)
        assert admin.get(RUNS)["runs"][0]["guarded"] == what
        late = admin.ask("POST", f"{RUNS}/{SLOT}/ask", {"what": "confirm", "seen": ["companies changes"]})
        assert (late.status, f"nothing is confirmed: {what}: the run would delete" in late.json["message"]) == (
            409,
            True,
        )
        assert admin.get(RUNS)["runs"][0]["guarded"] == what
        body = {"seen": [what]} if what == "persons deletions" else {}
        assert admin.post(f"{RUNS}/{SLOT}/ask", {"what": "confirm", **body})["guarded"] is None


def test_programs_are_part_of_a_run_or_plan_that_asks_for_them(admin: Admin) -> None:
    """Of a cycle that keeps none the answer says so, and nothing is begun."""
    assert admin.ask("POST", RUNS, {"programs": True}).status == 409
    groups = {"webinar": {"program": "Spring"}}
    cycle = a_cycle(marketo=MARKETO, salesforce=SALESFORCE, persons=PERSONS, companies=None, sales_persons=None)
    kept = {"campaign_key": "Key__c", "groups": groups}
    plain = cycle.model_dump(by_alias=True, exclude_none=True) | {"programs": kept}
    admin.store(CrmCycle.model_validate(plain))
    for path, body, query in ((RUNS, {"programs": True}, {}), ("/cycles/main/plans", {}, {"programs": "true"})):
        slot = admin.ask("POST", path, body, **query).json["slot"]
        found = admin.cycle_runs.get("main", slot)
        assert found is not None
        assert found[0].demanded == ("programs",)
        admin.cycle_runs.release("main", slot, found[0].epoch, NOON)
        admin.world.clock.advance(60)


def test_a_run_shows_its_queues_and_legs(admin: Admin) -> None:
    """Each with its own counts; parked kinds with the reason."""
    run = CycleRun(cycle="main", slot=SLOT, version=1, epoch=1, started_at=NOON, step=CycleStep.DONE)
    run = replace(run, rows={"from-leads": 3}, writes={"people-created": 2}, parked={"persons": "why"}, ended_at=NOON)
    admin.cycle_runs.begin(run)
    read = SyncRun(
        sync="main.from-leads",
        slot=SLOT,
        version=1,
        source="salesforce",
        destination="marketo",
        epoch=1,
        started_at=NOON,
        step=Step.DONE,
        pulled=3,
    )
    admin.runs.begin(read)
    written = replace(read, sync="main.people-created", pulled=2, totals=Totals(created=1, failed=1), calls=4)
    admin.runs.begin(written)

    shown = admin.get(f"{RUNS}/{SLOT}")

    assert (shown["rows"], shown["writes"], shown["parked"]) == (3, 2, {"persons": "why"})
    assert [(each["name"], each["rows"]) for each in shown["queues"]] == [("from-leads", 3)]
    [leg] = shown["legs"]
    assert (leg["name"], leg["created"], leg["failed"], leg["calls"]) == ("people-created", 1, 1, 4)
    assert admin.get(RUNS)["runs"] == [{name: shown[name] for name in admin.get(RUNS)["runs"][0]}]


def test_a_run_at_work_tells_how_far_it_is(admin: Admin) -> None:
    """In its part, with the rate; nothing of one that is over."""
    run = CycleRun(cycle="main", slot=SLOT, version=1, epoch=1, started_at=NOON, step=CycleStep.WRITE)
    stored, version = admin.cycle_runs.begin(replace(run, writes={"people-created": 4}, step_at=NOON))
    written = SyncRun(
        sync="main.people-created",
        slot=SLOT,
        version=1,
        source="salesforce",
        destination="marketo",
        epoch=1,
        started_at=NOON,
        step=Step.DONE,
        totals=Totals(created=1),
    )
    admin.runs.begin(written)
    admin.world.clock.advance(10)

    far = admin.get(f"{RUNS}/{SLOT}")["progress"]

    assert far == {
        "percent": 56,
        "part": 3,
        "parts": 4,
        "what": "write",
        "done": 1,
        "total": 4,
        "unit": "writes",
        "per_second": 0.1,
        "seconds_left": 30,
    }
    admin.cycle_runs.save(replace(stored, step=CycleStep.DONE), version)
    assert admin.get(f"{RUNS}/{SLOT}")["progress"] is None


def test_the_first_run_is_priced_by_kind_and_vendor(admin: Admin) -> None:
    """As the command tells it; of a cycle that is not there nothing."""
    lead = {"Id": "00Q000000000001EAA", "FirstName": "Ada"}
    admin.source.rows.append((lead, NOON - timedelta(hours=2), NOON - timedelta(hours=1)))

    told = admin.get("/cycles/main/price")

    found = admin.services.price_cycle("main")
    [kind], [known] = told["kinds"], found.kinds
    assert (told["id"], kind["kind"], told["days"], told["warnings"]) == ("main", "persons", found.days, [])
    assert [(each["queue"], each["rows"], each["exact"]) for each in kind["read"]] == [
        (each.name, each.rows, each.exact) for each in known.readings
    ]
    for vendor in ("marketo", "salesforce"):
        assert kind[vendor]["calls"] == known.cost[vendor].calls > 0
        assert told[vendor]["total"]["calls"] == found.total[vendor].calls
        assert told[vendor]["calls_left"] == found.left[vendor].calls
    assert admin.get("/cycles/main/price", programs="true")["kinds"] == told["kinds"]
    assert admin.ask("GET", "/cycles/never/price").status == 404


def test_cycles_are_listed_with_how_they_stand(admin: Admin) -> None:
    """Watermarks, idle looks, and when the next run may begin."""
    taken = admin.cycle_runs.take("main", SLOT, admin.cycle_runs.standing("main"), NOON)
    assert taken is not None
    assert admin.get("/cycles")["cycles"][0]["standing"]["running"] == SLOT
    admin.cycle_runs.commit(
        "main",
        SLOT,
        1,
        {"from-leads": NOON},
        {"from-leads": NOON - timedelta(hours=1)},
        schemas={"persons.Lead": SCHEMA},
    )
    admin.cycle_runs.release("main", SLOT, 1, NOON)
    admin.cycle_runs.looked("main", admin.cycle_runs.standing("main"), 7, NOON + timedelta(minutes=5), "token")

    [listed] = admin.get("/cycles")["cycles"]

    shown = admin.get("/cycles/main")
    assert listed == {name: shown[name] for name in listed}
    assert (listed["id"], listed["state"], listed["mode"], listed["gap_minutes"]) == (
        "main",
        "active",
        "replace_native",
        5,
    )
    assert listed["standing"] == {
        "running": None,
        "warnings": [],
        "last_ended_at": "2026-03-02T12:00:00Z",
        "not_before": "2026-03-02T12:10:00Z",
        "idle_looks": 7,
        "looked_at": "2026-03-02T12:05:00Z",
        "watermarks": {"from-leads": "2026-03-02T12:00:00Z"},
        "newest": {"from-leads": "2026-03-02T11:00:00Z"},
        "aside": [{"object": "Lead", "pair": "a=A", "why": "it is hidden", "since": "2026-03-02T12:00:00Z"}],
    }


def test_a_second_active_cycle_of_the_same_instances_is_refused(admin: Admin) -> None:
    """Each would take the other's writes for edits."""
    cycle = a_cycle(
        id="second", marketo=MARKETO, salesforce=SALESFORCE, persons=PERSONS, companies=None, sales_persons=None
    )
    admin.store(cycle)

    refused = admin.ask("POST", "/documents/crm_cycle/second/state", {"move": "activate"})

    assert refused.status == 409, refused.json
    assert "the active cycle main keeps the same two instances in step" in str(refused.json)
    admin.post("/documents/crm_cycle/main/state", {"move": "deactivate"})
    assert admin.post("/documents/crm_cycle/second/state", {"move": "activate"})["state"] == "active"
    assert admin.kept == ["main", "second"]


def test_rows_of_a_run_and_of_a_record_and_what_is_due_are_shown(admin: Admin) -> None:
    """Filtered by outcome and kind, paged; a record by either system's id; what is due with its sentence."""
    run = CycleRun(cycle="main", slot=SLOT, version=1, epoch=1, started_at=NOON)
    admin.cycle_runs.begin(run)
    files = PeopleFiles(admin.objects, run)
    files.keep_state(State(pages={}, parts=1))
    lead = "00Q000000000001EAA"
    left = {"phone=Phone": "contested"}
    made = Entry(object="Lead", salesforce_id=lead, marketo_id="7", outcome="created", fields=left)
    files.keep_outcomes(1, [made, Entry(object="Lead", salesforce_id="", marketo_id="8", outcome="skipped")])
    admin.links.keep([Link(salesforce_id=lead, marketo_id="7")])
    admin.due.add([DueRecord(side=Side.SALESFORCE, object="Lead", id=lead, reason="drifted", noted_at=NOON)])

    shown = admin.get(f"{RUNS}/{SLOT}/rows", outcome="created", kind="persons")

    assert shown["next_token"] is None
    assert [(row["salesforce_id"], row["marketo_id"], row["fields"]) for row in shown["rows"]] == [(lead, "7", left)]
    assert len(admin.get(f"{RUNS}/{SLOT}/rows")["rows"]) == 2
    assert admin.get(f"{RUNS}/{SLOT}/rows", token="2")["rows"] == []
    assert admin.get(f"{RUNS}/{SLOT}")["outcomes"] == {"persons": {"created": 1, "skipped": 1}}
    record = admin.get(f"/cycles/main/records/{lead}")
    assert record == admin.get("/cycles/main/records/7") | {"id": lead}
    assert (record["links"][0]["marketo_id"], record["runs"][0]["rows"]) == ("7", shown["rows"])
    [due] = admin.get("/cycles/main/due")["records"]
    assert (due["id"], due["reason"], due["not_before"]) == (lead, "drifted", None)
    assert due["message"] == "It was edited between the read and the write; it is decided once more."
    assert record["due"] == [due]
    assert admin.ask("GET", f"{RUNS}/never/rows").status == 404
    assert admin.ask("GET", f"{RUNS}/{SLOT}/rows", kind="others").status == 422
    assert admin.ask("GET", "/cycles/main/records/ada").status == 422
    # its last three characters do not belong to the others
    assert admin.ask("GET", "/cycles/main/records/00Q000000000001AAA").status == 404
    assert admin.ask("GET", f"/cycles/never/records/{lead}").status == 404
    assert admin.ask("GET", "/cycles/never/due").status == 404


def test_a_plan_is_begun_and_lists_its_changes(admin: Admin) -> None:
    """One that writes nothing; merges and conversions are told by their sentences. A run is no plan."""
    begun = admin.post("/cycles/main/plans", {})
    assert (begun["slot"], begun["kind"]) == (SLOT, "plan")
    assert admin.ask("POST", "/cycles/main/plans", {}).status == 409
    found = admin.cycle_runs.get("main", SLOT)
    assert found is not None
    files = PeopleFiles(admin.objects, found[0])
    files.keep_state(State(pages={}, parts=1))
    files.keep_entries(1, [Entry(object="Lead", salesforce_id="", marketo_id="7", outcome="skipped", reason="gone")])
    page = admin.get(f"/cycles/main/plans/{SLOT}")
    assert [(each["marketo_id"], each["does"], each["reason"]) for each in page["changes"]] == [
        ("7", "nothing", "gone")
    ]
    assert page["next_token"] is None
    assert admin.ask("GET", "/cycles/main/plans/never").status == 404


def test_a_cycle_shows_its_kinds_of_records_and_its_document(admin: Admin) -> None:
    """Each with its way and its pairs of fields, and what the document leaves out, too."""
    shown = admin.get("/cycles/main")

    kinds = {each["name"]: each for each in shown["kinds"]}
    assert {name for name, each in kinds.items() if each["standing"] == "on"} == {"persons"}
    pair = {"object": "Lead", **NAME, "direction": "both", "conflict": None, "enabled": True}
    assert (kinds["persons"]["pairs"], kinds["companies"]["standing"]) == ([pair], "absent")
    assert (shown["document"]["persons"]["id_field"], shown["state"]) == ("salesforceId", "active")
