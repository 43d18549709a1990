"""What happens in one schedule, drawn from its seed: people, calls, and how hostile the world is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tests.fakes.clock import NOON
from tests.fakes.steps import BUFFERS, CONNECTOR_READS, CONNECTOR_WRITES, DONE, FILES, OPERATIONS, VENDOR_WRITES
from tests.fault.simulation.engine import Blow

WINDOW_SECONDS = 300
#: clocks of our processes differ from true time by at most this much (docs: tolerances)
SKEW_SECONDS = 2.5
#: an activity shows in the log at most so much later (docs: tolerances)
LAG_SECONDS = 20.0
#: nothing is done to the product after this time
CALM_AT = 600.0
#: never reached by the use-cases under simulation: applying a configuration is a person's command, nothing is tried;
#: files of people have deaths of their own (`tests.fault.test_imports`)
UNREACHED = frozenset({*FILES, "marketo.channel", "marketo.list_members"})
#: what only connector actions pass, which have schedules of their own (`connectors`)
OF_CONNECTORS = frozenset({*BUFFERS, *CONNECTOR_READS, *CONNECTOR_WRITES})
OF_CONNECTORS |= {"marketo.describe_leads", "marketo.static_list"}
REACHED = tuple(operation for operation in OPERATIONS if operation not in UNREACHED)
_REACHED = tuple(operation for operation in REACHED if operation not in OF_CONNECTORS)
#: seldom passed, therefore aimed at more often
SELDOM = (
    "inbox.hurry",
    "inbox.park",
    *2 * ("inbox.readmit",),
    "inbox.relinquish",
    "inbox.set_aside",
    "marketo.leads_by_filter",
    "marketo.program",
    *2 * ("marketo.set_member_status",),
)
OFTEN = (*_REACHED, *3 * SELDOM, *3 * VENDOR_WRITES)

UPSERTS = ("by-mail", "by-key", "windowed")
ACTIONS: dict[str, str] = {
    "by-mail": "upsert",
    "by-key": "upsert",
    "windowed": "upsert",
    "only-update": "update",
    "create": "create",
    "create-keyed": "create",
    "look-up": "decide",
    "either": "upsert",
    "contact-first": "upsert",
    "chained": "upsert",
    "shared": "upsert",
}
#: Actions with chained objects, and in whose place they stand in some schedules
CHAINED: Mapping[str, str] = {"by-mail": "chained", "by-key": "shared"}
#: a quarter of the schedules, none of which is the first that shows a planted fault of the protocol
CHAINED_SEEDS = frozenset({3, 9, 12, 15})
#: one schedule of 32, in which a worker sleeps past its lease where it would store what has gone on without it
DOZING_SEEDS = frozenset({13})
#: one schedule of 32, of those with chained objects, in which two people redrive and the request of one comes late
OUTRUN_SEEDS = frozenset({25})
#: Actions that write values back which change with the record; the others write its id and a constant
READS_BACK = frozenset({"by-mail", "windowed", "only-update", "create"})
#: Actions that look by more than one identifier, in their order
SEVERAL = frozenset({"either"})
#: by what an Action looks, if not by the address
IDENTIFIERS = {"by-key": "externalId", "shared": "externalId"}
#: Actions that look in Contact before they look in Lead
CONTACTS = frozenset({"contact-first", "look-up"})
#: Actions that make persons members of a program, with the call's marker in a field of the membership
JOINS = frozenset({"by-mail"})
#: Actions that take a value from an activity of the person
READS_FORMS = frozenset({"by-key"})
#: Actions that log what they did not process, too
WORDY = frozenset({"windowed", "only-update"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One accepted call; `values` is what each version of its Action must write."""

    number: int
    execution_id: str
    kind: str  # event | not_run | rejected | newer
    action: str
    person: int
    received: float
    delay: float
    payload: Mapping[str, Any]
    #: the person as the Action sees it: what the payload says, and what Marketo has of the rest
    lead: Mapping[str, Any]
    values: Mapping[int, Mapping[str, Any]]
    #: its caller waits for the result
    inline: bool = False

    @property
    def marker(self) -> str:
        """The first name that only this call writes."""
        return f"e{self.number}"

    @property
    def sequence(self) -> str:
        """Its place in the lane."""
        return f"{int((NOON.timestamp() + self.received) * 1000):014d}#{self.execution_id}"


@dataclass(slots=True, kw_only=True)
class Plan:
    """A schedule."""

    seed: int
    calls: list[Call] = field(default_factory=list)
    #: how many records each person has beforehand
    records: dict[int, int] = field(default_factory=dict)
    #: whose records are Contacts
    contacts: set[int] = field(default_factory=set)
    by_number: dict[int, Blow] = field(default_factory=dict)
    aimed: dict[str, tuple[int, Blow]] = field(default_factory=dict)
    #: chances, by kind of trouble
    chance: dict[str, float] = field(default_factory=dict)
    limits: tuple[float, ...] = (900.0,)
    batch: int = 200
    patience: float = 2.0
    new_version_at: float | None = None
    activity_lag: float = 0.0
    vendor_skew: float = 0.0
    redrives_at: tuple[float, ...] = ()
    redrive_all: bool = True
    foreigners: tuple[tuple[float, int, float], ...] = ()
    #: from when, for how many seconds, and what: an Action, a connection, or everything
    pauses: tuple[tuple[float, float, str], ...] = ()
    #: whether its calls are of Actions whose destination is Marketo
    connectors: bool = False

    @property
    def chained(self) -> bool:
        """Whether the Actions with chained objects run; the other schedules are as they were before there were any."""
        return self.seed % 16 in CHAINED_SEEDS


#: what is paused beside single Actions
PAUSABLE = ("all", "salesforce", "marketo")

VENDOR_TROUBLE = (
    "lost after the commit",
    "lost before the commit",
    "late commit",
    "not available",
    "rate limit",
    "quota spent",
    "login refused",
    "refused as a whole",
    "row to repeat",
    "row in doubt",
    "row refused",
)
DELIVERY_TROUBLE = (
    "ring lost",
    "ring twice",
    "ring refused",
    "message twice at once",
    "delete lost",
    "sweep twice",
    "sweep missed",
)


def schedule(seed: int) -> Plan:
    """The schedule of a seed."""
    rng = Random(seed)
    plan = Plan(seed=seed)
    _people(plan, rng)
    blows(plan, rng)
    hostile = rng.random() < 0.75
    for kind in VENDOR_TROUBLE:
        plan.chance[kind] = rng.choice((0.0, 0.0, 0.03, 0.1)) if hostile else 0.0
    for kind in DELIVERY_TROUBLE:
        plan.chance[kind] = rng.choice((0.0, 0.1, 0.4))
    plan.chance["quota spent"] /= 3
    plan.chance["login refused"] /= 3
    plan.chance["refused as a whole"] /= 3
    plan.limits = rng.choice(((900.0,), (900.0,), (900.0, 200.0), (170.0, 400.0, 900.0)))
    plan.batch = rng.choice((200, 200, 3, 1))
    plan.patience = rng.choice((0.0, 2.0, 2.0, 6.0))
    story = rng.random()
    if story < 0.2:
        (_sleeper if story < 0.1 else _teller)(plan, rng)
    plan.new_version_at = rng.uniform(0, 400) if rng.random() < 0.2 else None
    plan.activity_lag = plan.activity_lag or rng.choice((0.0, 0.0, 5.0, LAG_SECONDS))
    plan.vendor_skew = rng.choice((0.0, -600.0, 600.0))
    plan.redrives_at = tuple(sorted(rng.uniform(30, CALM_AT) for _ in range(rng.choice((0, 0, 1, 3)))))
    plan.redrive_all = rng.random() < 0.8
    _inline(plan)
    plan.foreigners = tuple(
        (rng.uniform(0, 500), rng.randint(1, 3), rng.choice((1.0, 20.0, 1e9)))
        for _ in range(rng.choice((0, 0, 0, 1, 2)))
    )
    paused = (*sorted({call.action for call in plan.calls}), *PAUSABLE)
    plan.pauses = tuple(
        (rng.uniform(0, 300), rng.choice((5.0, 60.0, 400.0, 1000.0)) * rng.random(), rng.choice(paused))
        for _ in range(rng.choice((0, 0, 1, 2, 4)))
    )
    if seed % 32 in DOZING_SEEDS:
        _dozer(plan)
    if seed % 32 in OUTRUN_SEEDS:
        _outrun(plan)
    return plan


def _inline(plan: Plan) -> None:
    """In some schedules some callers wait for their results; drawn apart, so that all else stays as it was."""
    rng = Random(f"inline {plan.seed}")
    share = rng.choice((0.0, 0.0, 0.3, 0.9))
    plan.calls = [
        replace(call, inline=True, delay=min(call.delay, 0.5))
        if call.kind == "event" and rng.random() < share
        else call
        for call in plan.calls
    ]


def _people(plan: Plan, rng: Random) -> None:
    menus = {
        person: rng.choice(
            (
                UPSERTS,
                ("by-mail", "by-key"),
                (*UPSERTS, "only-update"),
                ("create", "create-keyed"),
                ("by-mail", "look-up"),
                ("either", "by-mail", "look-up"),
                ("contact-first", "look-up"),
            )
        )
        for person in (1, 2, 3)
    }
    for person, menu in menus.items():
        plan.records[person] = rng.choice((0, 0, 0, 0, 0, 1, 1, 2 if rng.random() < 0.2 else 1))
        if "contact-first" in menu:
            plan.contacts.add(person)
    moments = [rng.choice((0.0, 60.0, 200.0)) + rng.random() * 20 for _ in range(rng.randint(6, 12))]
    for moment in sorted(moments):
        person = rng.randint(1, 3)
        _call(plan, rng, person, rng.choice(menus[person]), moment)
    if rng.random() < 0.5:  # a pair at the edge of the dedupe window
        # whose records are Contacts, an Action that looks for Leads alone would double them
        able = [one for one, menu in menus.items() if "create" not in menu and one not in plan.contacts]
        person = rng.choice(able or [4])
        plan.records.setdefault(person, 0)
        first = rng.uniform(0, 30)
        for moment in (first, first + rng.choice((WINDOW_SECONDS - 1, WINDOW_SECONDS + 1))):
            _call(plan, rng, person, "windowed", moment)


def person_fields(person: int) -> dict[str, str]:
    """What Marketo has of a person."""
    has = {"email": f"person{person}@example.com", "externalId": f"X-{person}"}
    return has | {"lastName": "Lovelace", "company": "Analytical Engines"}


def _call(plan: Plan, rng: Random, person: int, action: str, received: float) -> None:
    number = len(plan.calls) + 1
    action = CHAINED.get(action, action) if plan.chained else action
    chance = rng.random()
    kind = "event" if chance < 0.97 else rng.choice(("not_run", "rejected", "newer"))
    mail = f"person{person}@example.com"
    lead: dict[str, Any] = {
        "id": person,
        "email": rng.choice((mail, mail.upper(), f" {mail} ")),
        "externalId": f"X-{person}",
        "lastName": "Lovelace",
        "company": "Analytical Engines",
    }
    if rng.random() < 0.05:
        lead["leadStatus"] = "Disqualified"
    if rng.random() < 0.03:
        # a call with one identifier and a call with the other could not be told to be of one person
        lead |= dict.fromkeys(("email", "externalId") if action in SEVERAL else (IDENTIFIERS.get(action, "email"),), "")
    if action in SEVERAL and rng.random() < 0.3:
        lead["externalId"] = ""
    thin = rng.random() < 0.2
    if thin:  # Marketo has the rest
        lead = {"id": person, **person_fields(person)}
    payload: dict[str, Any] = {"lead": {"id": person} if thin else lead, "campaign": {"id": 1001, "name": "Welcome"}}
    payload["token"] = {"mark": f"e{number}"}
    if rng.random() < 0.25:
        payload["event_id"] = f"order-{rng.randint(1, 2)}"
    written = {"FirstName": f"e{number}", "LastName": "Lovelace", "Company": lead["company"]}
    if lead["email"] or action not in SEVERAL:
        written["Email"] = lead["email"]
    if ACTIONS[action] != "create" and str(lead["externalId"]).strip():
        written["External__c"] = lead["externalId"]
    if action in READS_FORMS:
        written["Phone"] = f"form of {person}"
    delay = rng.choice((0.1, 1.0, 5.0, 5.0, 40.0, 250.0)) * rng.random()
    plan.calls.append(
        Call(
            number=number,
            execution_id=f"{rng.getrandbits(64):016x}{number:016x}",
            kind=kind,
            action=action,
            person=person,
            received=int(received * 1000) / 1000,
            delay=delay,
            payload=payload,
            lead=lead,
            values={version: written | {"LeadSource": f"version {version}"} for version in (1, 2)},
        )
    )


def blows(plan: Plan, rng: Random, points: Sequence[str] = OFTEN) -> None:
    """Draw deaths, stalls and lost store calls, at any step or at certain points."""

    def strike(blow: Blow) -> None:
        if rng.random() < 0.5:
            plan.by_number[rng.randint(1, 350)] = blow
        else:
            point = rng.choice(points) + rng.choice(("", DONE))
            plan.aimed[point] = (rng.choice((1, 1, 1, 2, 3, 5)), blow)

    for _ in range(rng.choice((0, 1, 2, 3, 4, 5, 6))):
        strike(Blow("crash"))
    for _ in range(rng.choice((0, 0, 1, 2))):
        strike(Blow("stall", rng.choice((3.0, 20.0, 50.0, 70.0, 130.0, 400.0))))
    for _ in range(rng.choice((0, 0, 1, 3))):
        strike(Blow("store"))


def _sleeper(plan: Plan, rng: Random) -> None:
    """A worker falls asleep over what it has just read, while its successor meets lost answers and refused logins."""
    point = rng.choice(
        ("inbox.due.done", "inbox.claim", "inbox.claim.done", "inbox.defer", "inbox.save", "inbox.save.done")
    )
    plan.aimed[point] = (rng.randint(1, 3), Blow("stall", rng.uniform(70, 400)))
    plan.chance |= dict.fromkeys(VENDOR_TROUBLE, 0.0)
    plan.chance |= {"lost after the commit": 0.3, "login refused": 0.3, "ring lost": 0.0, "ring refused": 0.0}


def _teller(plan: Plan, rng: Random) -> None:
    """A worker dies while it tells a slow Marketo what it did some time ago."""
    plan.aimed["marketo.add_custom_activities"] = (rng.randint(1, 2), Blow("crash"))
    # nothing comes late here but what the dead had sent: so much more may the log lag
    plan.activity_lag = 2 * LAG_SECONDS
    plan.chance |= {"not available": 0.3, "rate limit": 0.2, "late commit": 0.0, "ring lost": 0.0, "sweep missed": 0.0}


def _dozer(plan: Plan) -> None:
    """A worker sleeps over what it stores or gives back, while its successor creates the record, and it shows late.

    Whatever the sleeper stores when it wakes undoes what its successor knows of the write.
    """
    rng = Random(f"dozer {plan.seed}")
    point = rng.choice(("inbox.defer", "inbox.defer", "inbox.save"))
    plan.aimed[point] = (1, Blow("stall", rng.uniform(80, 180)))
    plan.by_number, plan.pauses = {}, ()
    plan.chance |= dict.fromkeys(VENDOR_TROUBLE, 0.0)
    plan.chance |= {"late commit": 0.8, "ring lost": 0.0, "ring refused": 0.0}
    plan.activity_lag = min(plan.activity_lag, LAG_SECONDS)  # what is late already may not lag for longer
    if point == "inbox.defer":  # another has the keys of all persons, so that there is something to give back
        plan.foreigners = tuple((0.0, person, 50.0) for person in (1, 2, 3))
    able = (call.kind == "event" and call.person not in plan.contacts and call.lead["email"] for call in plan.calls)
    plan.calls = [_creating(call) if can else call for call, can in zip(plan.calls, able, strict=True)]


def _outrun(plan: Plan) -> None:
    """Somebody's request to redrive is under way while another one's is carried out, and what it held runs to its end.

    What comes late is from before that run, so what the run has made would be made again.
    """
    rng = Random(f"outrun {plan.seed}")
    first = rng.uniform(60, 250)
    plan.redrives_at = (first, first + rng.uniform(1, 30))
    plan.aimed["inbox.readmit"] = (1, Blow("stall", rng.uniform(60, 300)))
    plan.chance |= dict.fromkeys(VENDOR_TROUBLE, 0.0)
    plan.chance |= {"row refused": 0.4, "ring lost": 0.0, "ring refused": 0.0, "sweep missed": 0.0}
    plan.pauses = ()


def _creating(call: Call) -> Call:
    """The call, of the Action that creates: what is written once more is seen there, an update would hide it."""
    values = {
        version: {name: value for name, value in written.items() if name not in {"External__c", "Phone"}}
        | {"Email": call.lead["email"]}
        for version, written in call.values.items()
    }
    return replace(call, action="create", values=values, inline=False)
