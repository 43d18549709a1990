"""A deployment with everything that its pages may have to show."""

from datetime import timedelta

from leadbridge.cycle_ports import DueRecord, Link
from leadbridge.domain.alerts import Alert, Kind, Memory, Subject
from leadbridge.domain.counted import ENDED, PARKED, ParkedWork, Waiting
from leadbridge.domain.cycle_schema import Aside, Schema
from leadbridge.domain.cycling import CycleRun, CycleStep, guarded
from leadbridge.domain.evolving import replace
from leadbridge.domain.journal import Entry
from leadbridge.domain.lifecycle import Move
from leadbridge.domain.limits import Gate, Signal, State, millis
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.domain.three_way import Side
from leadbridge.usecases.people_files import Entry as Person
from leadbridge.usecases.people_files import PeopleFiles
from leadbridge.usecases.people_files import State as PersonState
from tests.builders.actions import ACTION, MARKETO, SALESFORCE, a_marketo_connection, a_salesforce_connection, an_action
from tests.builders.admin import PERSON, Admin
from tests.builders.cycles import NAME, a_cycle
from tests.builders.world import World
from tests.fakes.clock import NOON

HOUR = timedelta(hours=1)
INSTANCE, ORG = "123-abc-456.mktorest.com", "example.my.salesforce.com"
LEAD = "00Q000000000001EAA"
#: a run that is over, and one that its guard holds
OVER, HELD = "20260302T110000Z", "20260302T115500Z"
TOLD = "change 600 records (the limit is 25 % of 2000 records) by people-updated"
PERSONS = {
    "id_field": "salesforceId",
    "leads": {
        "fields": [
            NAME,
            {"marketo": "email", "salesforce": "Email"},
            {"marketo": "leadScore", "salesforce": "Score__c", "direction": "to_salesforce"},
            {"marketo": "phone", "salesforce": "Phone", "conflict": "newest", "enabled": False},
        ]
    },
}


def filled() -> Admin:
    """Its admin API."""
    admin = Admin(World(an_action()))
    cycle = a_cycle(marketo=MARKETO, salesforce=SALESFORCE, persons=PERSONS)
    marketo = a_marketo_connection(base_url=f"https://{INSTANCE}", record_url="https://app.example.com/{id}")
    admin.store(marketo, a_salesforce_connection(), cycle)
    admin.world.configurations.move("crm_cycle", "main", Move.ACTIVATE)
    _trouble(admin)
    _runs(admin)
    admin.links.keep([Link(salesforce_id=LEAD, marketo_id="7")])
    admin.due.add(
        [DueRecord(side=Side.SALESFORCE, object="Lead", id=LEAD, reason="fan_out", noted_at=NOON - HOUR, tries=2)]
    )
    for did, detail in (("activate", ""), ("run", OVER), ("run", HELD)):
        admin.journal.note(Entry(at=NOON, who=PERSON, did=did, kind="crm_cycle", id="main", detail=detail))
    return admin


def with_a_cycle_of_leads() -> Admin:
    """That of a deployment whose systems describe all that its one cycle names."""
    admin = Admin(World())
    persons = {"id_field": "salesforceId", "leads": {"fields": [NAME]}, "merges": "ignore"}
    cycle = a_cycle(
        id="leads", marketo=MARKETO, salesforce=SALESFORCE, persons=persons, companies=None, sales_persons=None
    )
    admin.store(a_marketo_connection(), a_salesforce_connection(), cycle)
    admin.vault.keep(SALESFORCE, {"refresh_token": "1"})
    return admin


def _trouble(admin: Admin) -> None:
    """Open alerts, a shut gate, what is parked and waits, and outcomes."""
    until = NOON + 3 * HOUR
    gate = Gate(signal=Signal.QUOTA, code="607", until=millis(until), probe_at=millis(NOON))
    admin.watch.states = {
        f"marketo#{INSTANCE}": State(used=50_000, day_ends=millis(until), gate=gate),
        f"salesforce#{ORG}": State(used=70_000, allowed=100_000),
    }
    admin.bulk_runs.made = [(MARKETO, "extract", NOON - HOUR, 120_400_000)]
    admin.watch.work = [ParkedWork(action=ACTION, reason="mapping_broken", number=2, since=NOON - HOUR)]
    admin.watch.lanes = [
        Waiting(connection=SALESFORCE, since=NOON - HOUR, number=200, more=True, reason="marketo_607", due_at=until)
    ]
    alerts = [
        _alert(Kind.PARKED, ACTION, number=2),
        _alert(Kind.LAG, SALESFORCE, well=True, number=200, minutes=60, reason="marketo_607"),
    ]
    used = {ORG: ((NOON - HOUR / 2, 60_000),)}
    admin.alerts.save(Memory(alerts={each.subject: each for each in alerts}, used=used), [], 0)
    for what, reason, number in ((ENDED, "created", 40), (ENDED, "failed", 2), (PARKED, "mapping_broken", 2)):
        admin.tally.note(ACTION, what, reason, number)
    admin.tally.flush()
    admin.world.clock.advance(300)


def _alert(kind: Kind, name: str, *, well: bool = False, **facts: str | int) -> Alert:
    """An alert of an hour ago, maybe one that looks well by now."""
    at = NOON - HOUR
    subject = Subject(kind=kind, name=name)
    return Alert(subject=subject, since=at, raised_at=at, told_at=at, clear_since=NOON if well else None, facts=facts)


def _runs(admin: Admin) -> None:
    """A run that is over, with a row of a person, and one that its guard holds."""
    over = CycleRun(cycle="main", slot=OVER, version=1, epoch=1, started_at=NOON - HOUR, step=CycleStep.DONE)
    over = replace(over, rows={"from-leads": 3}, writes={"people-updated": 2}, ended_at=NOON - HOUR / 2)
    admin.cycle_runs.begin(over)
    for name, totals in (("from-leads", Totals()), ("people-updated", Totals(updated=1, failed=1))):
        admin.runs.begin(
            SyncRun(
                sync=f"main.{name}",
                slot=OVER,
                version=1,
                source="salesforce",
                destination="marketo",
                epoch=1,
                started_at=over.started_at,
                step=Step.DONE,
                pulled=2,
                totals=totals,
                calls=4,
            )
        )
    files = PeopleFiles(admin.objects, over)
    files.keep_state(PersonState(pages={}, parts=1))
    left = {"firstName=FirstName": "decided", "email=Email": "contested"}
    files.keep_outcomes(
        1,
        [
            Person(object="Lead", salesforce_id=LEAD, marketo_id="7", outcome="updated", fields=left),
            Person(object="Lead", salesforce_id="", marketo_id="8", outcome="skipped", reason="no_key"),
        ],
    )
    admin.cycle_runs.take("main", OVER, admin.cycle_runs.standing("main"), over.started_at)
    hidden = Schema(version=1, carried_to=NOON, aside={"email=Email": Aside(why="Email is hidden", since=NOON)})
    at = {"from-leads": NOON - HOUR}
    admin.cycle_runs.commit("main", OVER, 1, at, at, schemas={"persons.Lead": hidden})
    admin.cycle_runs.release("main", OVER, 1, NOON - HOUR / 2)
    taken = admin.cycle_runs.take("main", HELD, admin.cycle_runs.standing("main"), NOON)
    assert taken is not None
    held = CycleRun(cycle="main", slot=HELD, version=1, epoch=taken.epoch, started_at=NOON, step=CycleStep.DECIDE)
    held = replace(held, rows={"from-leads": 700}, writes={"people-updated": 600}, entity="persons", step_at=NOON)
    admin.cycle_runs.begin(guarded(held, "persons changes", TOLD, NOON))
