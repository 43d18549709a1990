"""What happens in one schedule of a Sync, drawn from its seed: documents, records that change, fires, people, troubles.

Tolerances, beside those of the package: Marketo's log shows a change, and its clock differs, by at most 640 s together
(`watermarks.LAG` and `OVERLAP`); Salesforce's clock may be wrong by ten minutes, since it tells by itself how far it
shows everything. A vendor executes a write at the most 30 s after it was called, and a process makes it at the most 8 s
after it has stored what it is about to do. No process outlives the time-out of its function.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from leadbridge.domain.sync import Sync, Ways
from tests.builders.syncs import a_sync
from tests.fakes.steps import DONE
from tests.fault.simulation.engine import Blow

#: nobody deletes in schedules before the first of these, which planted bugs are known by; from the second on in all
DELETING_FROM, ALL_DELETING_FROM = 1_000, 2_000_000
#: nothing is done to the product after this time
CALM_AT = 5400.0
#: the last change of a record by people
CHANGES_UNTIL = 5000.0
SLOT_SECONDS = 900
#: time-outs of the functions (template)
START_SECONDS = 30.0
STEP_SECONDS = 900.0

#: what a person's record is made of, by vendor: its own id, the key, who it is, a number, whether it is to go, dates
FIELDS = {
    "salesforce": {
        "id": "Id",
        "email": "Email",
        "name": "LastName",
        "score": "Score__c",
        "status": "Status__c",
        "back": "Marketo_Id__c",
        "state": "Sync_State__c",
        "origin": "Source_Id__c",
        "gone": "Gone__c",
        "made": "CreatedDate",
        "changed": "LastModifiedDate",
        "stamp": "SystemModstamp",
    },
    "marketo": {
        "id": "id",
        "email": "email",
        "name": "lastName",
        "score": "score",
        "status": "leadStatus",
        "back": "crmId",
        "state": "syncState",
        "origin": "sourceId",
        "gone": "goneThere",
        "made": "createdAt",
        "changed": "updatedAt",
    },
}

#: what the store's doubles pass
STORE_POINTS = (
    "syncs.standing",
    "syncs.take",
    "syncs.commit",
    "syncs.commit_gone",
    "syncs.release",
    "syncs.begin",
    "syncs.get",
    "syncs.save",
    "syncs.take_part",
    "syncs.save_part",
    "syncs.parts",
    "objects.put",
    "objects.writing",
    "objects.read",
    "starter.alive",
    "starter.start",
    "keys.hold",
    "keys.seen",
    "keys.end",
)
VENDOR_READ_POINTS = (
    "source.covered",
    "source.count",
    "source.made_since",
    "source.page",
    "source.gone",
    "destination.describe",
    "destination.find",
    "origin.find",
)
VENDOR_WRITE_POINTS = ("destination.create", "destination.update", "origin.update", "destination.delete")
POINTS = (*STORE_POINTS, *VENDOR_READ_POINTS, *VENDOR_WRITE_POINTS)
#: those that are passed where records are deleted; schedules of their own aim at them
OF_DELETIONS = ("syncs.commit_gone", "source.gone", "origin.find", "destination.delete")
#: seldom passed, therefore aimed at more often
SELDOM = ("syncs.commit", "syncs.release", "syncs.take", "starter.alive", "source.count", "source.made_since")
_WRITES = tuple(point for point in VENDOR_WRITE_POINTS if point not in OF_DELETIONS)
_ALWAYS = tuple(point for point in POINTS if point not in OF_DELETIONS)
OFTEN = (*_ALWAYS, *2 * SELDOM, *3 * _WRITES, "syncs.save_part", "syncs.save", "objects.writing")

VENDOR_TROUBLE = (
    "lost after the commit",
    "lost before the commit",
    "late commit",
    "not available",
    "rate limit",
    "quota spent",
    "login refused",
    "refused as a whole",
    "spoilt call",
    "row to repeat",
    "row in doubt",
    "row refused",
)
#: troubles of a call that only reads
READ_TROUBLE = frozenset({"not available", "rate limit", "quota spent", "login refused", "refused as a whole"})
MACHINE_TROUBLE = (
    "fire missed",
    "fire twice",
    "fire late",
    "task given up while it runs",
    "task twice at once",
    "machine dies",
    "job fails",
    "row of a file refused",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A person's record is made or changed at the source: it bears `at`, and is shown `late` seconds after."""

    at: float
    person: int
    #: what is set, by the names of `FIELDS`
    values: dict[str, Any]
    late: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A person's record is deleted at the source: the deletion bears `at`, and is shown `late` seconds after."""

    at: float
    person: int
    late: float = 0.0
    #: it can still be read in the Recycle Bin
    binned: bool = True
    #: so much later it is taken out of there again, unless the person has another record by then
    restored_after: float | None = None


@dataclass(slots=True, kw_only=True)
class SyncPlan:
    """A schedule."""

    seed: int
    sync: Sync
    source: str
    destination: str
    changes: list[Change] = field(default_factory=list)
    deletions: list[Deletion] = field(default_factory=list)
    #: people who are in the destination beforehand, by their number
    known: list[int] = field(default_factory=list)
    #: when somebody else makes a person in the destination
    foreigners: list[tuple[float, int]] = field(default_factory=list)
    #: what people want: when, and what
    people: list[tuple[float, str]] = field(default_factory=list)
    by_number: dict[int, Blow] = field(default_factory=dict)
    aimed: dict[str, tuple[int, Blow]] = field(default_factory=dict)
    chance: dict[str, float] = field(default_factory=dict)
    limits: tuple[float, ...] = (STEP_SECONDS,)
    source_skew: float = 0.0
    #: somebody cancels what waits, and starts the next run at once
    hasty: bool = False
    #: rows of a call that writes, of a partition, of a page, that go by REST at most, ids of a retry's request
    call_rows: int = 3
    part_rows: int = 5
    page_rows: int = 3
    threshold: int = 5000
    held: int = 48_000_000
    most_turns: int = 500

    @property
    def several(self) -> bool:
        """Whether people may share a key."""
        return any(change.values.get("email", "").startswith("same") for change in self.changes)


def mail(person: int) -> str:
    """The key of a person."""
    return f"p{person}@example.com"


def sync_schedule(seed: int) -> SyncPlan:
    """The schedule of a seed."""
    rng = Random(f"syncs {seed}")
    source, destination = rng.choice((("salesforce", "marketo"), ("marketo", "salesforce")))
    shared = rng.random() < 0.2
    plan = SyncPlan(
        seed=seed,
        sync=_document(rng, source, destination, shared=shared),
        source=source,
        destination=destination,
    )
    _records(plan, rng, shared=shared)
    plan.call_rows, plan.part_rows = rng.choice((2, 3, 3, 4)), rng.choice((3, 5, 5, 100))
    plan.page_rows = rng.choice((2, 3, 3, 5))
    plan.threshold = rng.choice((5000, 5000, 6))
    plan.held = rng.choice((48_000_000, 200))
    plan.most_turns = rng.choice((500, 500, 500, 4))
    plan.limits = rng.choice(((STEP_SECONDS,), (STEP_SECONDS,), (STEP_SECONDS, 170.0), (170.0, 300.0)))
    skews = (0.0, 0.0, -600.0, 600.0) if source == "salesforce" else (0.0, -330.0, -330.0, 330.0)
    plan.source_skew = rng.choice(skews)
    _troubles(plan, rng)
    _people(plan, rng)
    story = rng.random()
    if story < 0.3:
        (_sleeper if story < 0.15 else _latecomer if story < 0.23 else _starter)(plan, rng)
    _deletions(plan, Random(f"deletions {seed}"), shared=shared)
    _number(plan)
    return plan


def _number(plan: SyncPlan) -> None:
    """Give each change the number of its version, in the order of time."""
    plan.changes.sort(key=lambda change: change.at)
    versions: dict[int, int] = {}
    for change in plan.changes:
        number = versions[change.person] = versions.get(change.person, 0) + 1
        change.values.update(name=f"r{change.person}v{number}", score=number)


def _document(rng: Random, source: str, destination: str, *, shared: bool) -> Sync:
    theirs, ours = FIELDS[source], FIELDS[destination]
    by: dict[str, str] = {}
    if rng.random() < 0.5:
        by["extract"] = rng.choice(("rest", "bulk"))
    if destination == "marketo" and rng.random() < 0.4:
        by["load"] = rng.choice(("rest", "bulk"))
    extraction = rng.choice(("incremental", "incremental", "incremental", "full"))
    if source == "marketo" and extraction == "full":
        by.pop("extract", None)
    members: dict[str, Any] = {
        "match": [{"column": theirs["email"], "field": ours["email"]}],
        "mappings": [{"to": ours[name], "column": theirs[name]} for name in ("email", "name", "score")],
        "import_rule": rng.choice((*3 * ("create_and_update",), "create", "update")),
        "dedupe": rng.choice(("import_everything", "ignore_duplicates", "youngest", "oldest")),
        "schedule": {"every": {"minutes": SLOT_SECONDS // 60}},
        "extraction": extraction,
        "by": by,
    }
    if rng.random() < 0.3:
        clause = {"column": theirs["status"], "operator": "equals", "value": "keep"}
        members["conditions"] = {"clauses": [clause]}
    if rng.random() < 0.25 and by.get("load") != "bulk":
        members["writeback"] = [
            {"to": theirs["back"], "field": ours["id"]},
            {"to": theirs["state"], "field": ours["name"]},
        ]
    if rng.random() < 0.15 and not shared:
        members["guard"] = {"changed_percent": 0}
    if destination == "salesforce" and rng.random() < 0.2:
        members["destination"] = {"connection": "crm", "object": "Contact", "idempotency_field": "Row__c"}
    return a_sync(to_salesforce=destination == "salesforce", **members)


def _records(plan: SyncPlan, rng: Random, *, shared: bool) -> None:
    count = rng.randint(6, 14)
    made: set[int] = set()
    lag = (0.0, 0.0, 20.0, 300.0) if plan.source == "marketo" else (0.0, 0.0, 30.0, 250.0)

    def change(at: float, person: int, late: float) -> None:
        values: dict[str, Any] = {}
        if person not in made:
            made.add(person)
            values = {"email": _mail(rng, person, shared=shared), "status": "keep"}
        if rng.random() < 0.15:
            values["status"] = rng.choice(("keep", "drop"))
        plan.changes.append(Change(at=at, person=person, values=values, late=late))

    for person in range(1, count + 1):
        change(-86_400.0 - person * rng.choice((0.0, 1.0, 4000.0)), person, 0.0)
        if rng.random() < 0.35:
            plan.known.append(person)
    for at in _moments(plan, rng):
        late = rng.choice(lag)
        several = rng.choice((1, 1, 1, 2, 5))
        for person in rng.sample(range(1, count + 1), min(several, count)):
            change(at, person, late)
        if rng.random() < 0.3:
            count += 1
            change(at, count, late)
    if plan.destination == "marketo" and rng.random() < 0.3:
        plan.foreigners = [(rng.uniform(0, 3000), rng.randint(1, count)) for _ in range(rng.randint(1, 3))]


def _mail(rng: Random, person: int, *, shared: bool) -> str:
    """The address of a person, as somebody may have written it."""
    chance = rng.random()
    if shared and chance < 0.5:
        return f"same{rng.randint(1, 2)}@example.com"
    if chance > 0.95:
        return rng.choice(("", "no address"))
    return rng.choice((mail(person), mail(person).upper(), f" {mail(person)} "))


def _moments(plan: SyncPlan, rng: Random) -> list[float]:
    """When people change records."""
    moments = [rng.uniform(0, CHANGES_UNTIL) for _ in range(rng.randint(3, 9))]
    # at the very second where windows meet
    moments += [60.0 * rng.randint(0, 5) + SLOT_SECONDS * rng.randint(0, 5) for _ in range(rng.randint(0, 4))]
    # just before a run begins, and just after
    moments += [SLOT_SECONDS * rng.randint(1, 5) - rng.uniform(0, 20) for _ in range(rng.randint(0, 3))]
    moments += [SLOT_SECONDS * rng.randint(1, 5) + rng.uniform(0, 60) for _ in range(rng.randint(0, 3))]
    if plan.source == "marketo":
        # at the edge of what Marketo's lag, its clock and ours may be apart
        moments += [SLOT_SECONDS * rng.randint(1, 5) - rng.uniform(280, 300) for _ in range(rng.randint(0, 2))]
    return sorted(moments)


def _troubles(plan: SyncPlan, rng: Random) -> None:
    for kind in VENDOR_TROUBLE:
        plan.chance[kind] = rng.choice((0.0, 0.0, 0.02, 0.06)) if rng.random() < 0.75 else 0.0
    for kind in ("quota spent", "login refused", "refused as a whole"):
        plan.chance[kind] /= 3
    for kind in MACHINE_TROUBLE:
        plan.chance[kind] = rng.choice((0.0, 0.0, 0.1, 0.3))
    plan.chance["task given up while it runs"] /= 4
    plan.chance["task twice at once"] /= 3
    plan.chance["machine dies"] /= 8

    def strike(blow: Blow) -> None:
        if rng.random() < 0.4:
            plan.by_number[rng.randint(1, 700)] = blow
        else:
            point = rng.choice(OFTEN) + rng.choice(("", DONE))
            plan.aimed[point] = (rng.choice((1, 1, 1, 2, 3, 5, 8)), blow)

    for _ in range(rng.choice((0, 1, 2, 4, 6, 8))):
        strike(Blow("crash"))
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        strike(Blow("stall", rng.choice((3.0, 20.0, 70.0, 130.0, 400.0, 800.0))))
    for _ in range(rng.choice((0, 0, 1, 3))):
        strike(Blow("store"))


def _deletions(plan: SyncPlan, rng: Random, *, shared: bool) -> None:
    """People delete records of the source, make some of them anew, and take others out of the Recycle Bin."""
    if plan.seed < DELETING_FROM or (plan.seed < ALL_DELETING_FROM and rng.random() > 0.2):
        return
    # of several records of one key the one that was written last would have the id
    by_id = not shared and (plan.source == "marketo" or rng.random() < 0.4)
    if plan.source == "marketo" and not by_id:
        return
    theirs, ours, members = FIELDS[plan.source], FIELDS[plan.destination], plan.sync.model_dump(mode="json")
    if by_id:
        members["mappings"].append({"to": ours["origin"], "column": theirs["id"]})
    members["deletes"] = rng.choice(("delete", "delete", {"flag": ours["gone"]}))
    if plan.sync.guard.changed_percent == 0:
        members["guard"]["deletes"] = 0
    plan.sync = Sync.model_validate(members)
    people = sorted({change.person for change in plan.changes})
    for person in rng.choices(people, k=rng.randint(2, 6)):
        edge = SLOT_SECONDS * rng.randint(0, 5) + rng.uniform(-20, 60)
        at = max(1.0, rng.choice((rng.uniform(0, CHANGES_UNTIL), edge)))
        restored = rng.choice((None, None, rng.uniform(5, 2000))) if plan.source == "salesforce" else None
        late, binned = rng.choice((0.0, 0.0, 20.0, 250.0)), rng.random() < 0.8
        plan.deletions.append(Deletion(at=at, person=person, late=late, binned=binned, restored_after=restored))
        if rng.random() < 0.3:
            again = min(at + rng.choice((1.0, 30.0, 400.0, 1200.0)), CHANGES_UNTIL)
            plan.changes.append(Change(at=again, person=person, values={}))
    # each of these points is a death's in its turn
    points = [point + suffix for point in OF_DELETIONS for suffix in ("", DONE)]
    plan.aimed[points[plan.seed % len(points)]] = (1, Blow("crash"))


def _people(plan: SyncPlan, rng: Random) -> None:
    wants: Sequence[str] = ("run", "retry", "pause", "cancel")
    for _ in range(rng.choice((0, 0, 1, 2, 4))):
        at = rng.choice((rng.uniform(0, CALM_AT), SLOT_SECONDS * rng.randint(0, 5) + rng.uniform(0, 40)))
        plan.people.append((at, rng.choice(wants)))
    plans = Random(f"plans {plan.seed}")
    for _ in range(plans.choice((0, 0, 0, 1, 2))):
        at = plans.uniform(0, CALM_AT)
        plan.people += [(at, "plan"), (at + plans.choice((120.0, 400.0, 1500.0)), "apply")]


def _sleeper(plan: SyncPlan, rng: Random) -> None:
    """A task falls asleep over what it has just found, is given up, and its run cancelled; the next one begins."""
    point = rng.choice(("destination.find.done", "syncs.save_part.done", "syncs.get.done", "origin.update"))
    plan.aimed[point] = (rng.randint(1, 12), Blow("stall", rng.uniform(5, 800)))
    plan.chance |= {"task given up while it runs": 0.15, "fire missed": 0.0}
    slot = SLOT_SECONDS * rng.randint(0, 4)
    plan.people = sorted([(slot + rng.uniform(2, 100), "cancel"), (slot + rng.uniform(60, 200), "run"), *plan.people])
    plan.limits = (STEP_SECONDS,)
    _busy(plan, rng, slot)


def _latecomer(plan: SyncPlan, rng: Random) -> None:
    """A run ends while what it has sent last is still on its way to the vendor, and the next one begins."""
    plan.chance |= dict.fromkeys((*VENDOR_TROUBLE, *MACHINE_TROUBLE), 0.0)
    plan.chance |= {"late commit": 0.25, "refused as a whole": rng.choice((0.0, 0.05))}
    plan.hasty = True
    plan.threshold = 5000
    plan.people = []
    plan.sync = plan.sync.model_copy(update={"extraction": "incremental", "by": Ways(extract="rest", load="rest")})
    # who comes, or changes, while one run follows another
    plan.changes += [
        Change(at=rng.uniform(0, 4000), person=rng.randint(1, 6), values={}) for _ in range(rng.randint(10, 20))
    ]


def _starter(plan: SyncPlan, rng: Random) -> None:
    """Whoever has the lease falls asleep before the run begins, and others start meanwhile."""
    plan.aimed[rng.choice(("syncs.take.done", "syncs.take", "syncs.begin"))] = (
        rng.randint(1, 4),
        Blow("stall", rng.uniform(2, 28)),
    )
    plan.people += [(SLOT_SECONDS * number + rng.uniform(0, 20), "run") for number in range(5)]
    plan.chance["fire twice"] = 0.3


def _busy(plan: SyncPlan, rng: Random, slot: float) -> None:
    """Records change just before a run and just after it has begun."""
    people = sorted({change.person for change in plan.changes if change.at < 0})
    for at in (slot - 30.0, slot + rng.uniform(5, 60)):
        if at > 0:
            plan.changes += [Change(at=at, person=person, values={}) for person in rng.sample(people, 3)]
