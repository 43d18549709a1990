"""Schedules of connector actions: calls that wait for each other in buffers, and those that go at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from random import Random
from typing import Any

from leadbridge.domain.event import Arrival, Event
from leadbridge.domain.hashing import keyed_hash
from leadbridge.domain.lifecycle import DocumentState, Stored
from leadbridge.domain.marketo import SmartCampaign
from leadbridge.usecases.placing import Placing
from leadbridge.usecases.ripening import Ripen, Ripeness
from tests.builders.actions import MARKETO
from tests.builders.connectors import CAMPAIGN, CAMPAIGN_ID, LIST, LIST_ID, a_connector, a_merge, an_upsert, by_email
from tests.builders.connectors import a_mail as an_email
from tests.builders.events import SECRET
from tests.fakes.steps import CONNECTOR_WRITES, DONE
from tests.fault.simulation.engine import Blow
from tests.fault.simulation.product import Simulation
from tests.fault.simulation.schedule import (
    CALM_AT,
    DELIVERY_TROUBLE,
    LAG_SECONDS,
    OF_CONNECTORS,
    VENDOR_TROUBLE,
    Call,
    Plan,
    blows,
)

#: of sixteen schedules those whose calls are of connector actions; none of them is the first that shows a planted fault
#: of the protocol
CONNECTOR_SEEDS = frozenset({5, 14})
#: a second list, for persons who are known by their address
GUESTS, GUESTS_ID = "Guests", 1002
#: Marketo's clock and ours differ by at most this much (`domain.connecting.CLOCKS_APART`, less what our own differ)
SKEWS = (0.0, -50.0, 50.0)
#: the lead that wins every merge, and from where on others have their numbers
WINNER, MAILED, LOSERS = 9, 100, 200
TOGETHER = {"batch": {"count": 3, "seconds": 60}}
_MARKED = [{"column": "email", "to": "email"}, {"column": "token.mark", "to": "firstName"}]

#: every Action by its id
ACTIONS: Mapping[str, Any] = {
    each.id: each
    for each in (
        a_connector("add", **TOGETHER),
        a_connector("remove", operation="remove_from_list", **TOGETHER),
        a_connector("remove-now", operation="remove_from_list"),
        a_connector("guest", list=GUESTS, person=by_email(add_if_missing=True), batch={"count": 2, "seconds": 40}),
        an_upsert("write", mappings=_MARKED, batch={"count": 3, "seconds": 100}),
        an_upsert("write-now", mappings=_MARKED),
        an_upsert("only-new", mappings=_MARKED, strategy="createOnly"),
        an_upsert("another", mappings=_MARKED, strategy="createDuplicate"),
        an_email("mail", campaign=CAMPAIGN, tokens=[{"column": "token.mark", "to": "mark"}]),
        a_merge("merge"),
    )
}
DOCUMENTS: dict[str, list[Stored]] = {
    name: [
        Stored(document=action.model_copy(update={"description": text}), version=number, state=DocumentState.ACTIVE)
        for number, text in ((1, ""), (2, "once more"))
    ]
    for name, action in ACTIONS.items()
}
#: what persons 1 to 3 are called about, and what is asked once for somebody of their own
OF_PERSONS = ("add", "remove", "remove-now", "guest", "write", "write-now")
POINTS = (
    *2 * tuple(sorted(OF_CONNECTORS)),
    *2 * ("marketo.campaign", "marketo.describe_leads"),
    *4 * CONNECTOR_WRITES,
    *("inbox.add", "inbox.claim", "inbox.save", "inbox.finish", "inbox.due", "inbox.defer", "lanes.announce"),
    *("keys.guard", "lanes.take", "lanes.release", "marketo.leads_by_filter", "marketo.activities"),
    *2 * ("marketo.sync_leads",),
)


def connector_schedule(seed: int) -> Plan:
    """The schedule of a seed, with calls of connector actions."""
    rng = Random(f"connectors {seed}")
    plan = Plan(seed=seed, connectors=True)
    menus = {person: rng.sample(OF_PERSONS, rng.choice((2, 3, 4))) for person in (1, 2, 3)}
    moments = [rng.choice((0.0, 0.0, 70.0, 200.0)) + rng.random() * 20 for _ in range(rng.randint(8, 13))]
    for moment in sorted(moments):
        person = rng.randint(1, 3)
        alone = rng.random() < 0.4
        action = (
            rng.choice(("only-new", "another", "mail", "mail", "merge", "merge"))
            if alone
            else rng.choice(menus[person])
        )
        _call(plan, rng, person, action, moment)
    blows(plan, rng, POINTS)
    if rng.random() < 0.5:  # half of the deaths before a write are deaths within it
        plan.aimed[rng.choice(CONNECTOR_WRITES) + rng.choice(("", "", DONE))] = (1, Blow("crash"))
    hostile = rng.random() < 0.75
    for kind in VENDOR_TROUBLE:
        plan.chance[kind] = rng.choice((0.0, 0.0, 0.03, 0.1)) if hostile else 0.0
    for kind in DELIVERY_TROUBLE:
        plan.chance[kind] = rng.choice((0.0, 0.1, 0.4))
    for kind in ("quota spent", "login refused", "refused as a whole"):
        plan.chance[kind] /= 3
    plan.limits = rng.choice(((900.0,), (900.0, 200.0), (170.0, 400.0, 900.0)))
    plan.batch = rng.choice((200, 200, 3, 1))
    plan.patience = rng.choice((0.0, 2.0, 6.0))
    plan.new_version_at = rng.uniform(0, 400) if rng.random() < 0.3 else None
    plan.activity_lag = rng.choice((0.0, 5.0, LAG_SECONDS))
    plan.vendor_skew = rng.choice(SKEWS)
    plan.redrives_at = tuple(sorted(rng.uniform(30, CALM_AT) for _ in range(rng.choice((0, 0, 1, 3)))))
    plan.redrive_all = rng.random() < 0.8
    plan.foreigners = tuple(
        (rng.uniform(0, 500), rng.randint(1, 3), rng.choice((1.0, 20.0, 1e9)))
        for _ in range(rng.choice((0, 0, 0, 1, 2)))
    )
    paused = (*sorted({call.action for call in plan.calls}), "all", "marketo")
    plan.pauses = tuple(
        (rng.uniform(0, 300), rng.choice((5.0, 60.0, 400.0)) * rng.random(), rng.choice(paused))
        for _ in range(rng.choice((0, 0, 1, 2)))
    )
    return plan


def _call(plan: Plan, rng: Random, person: int, action: str, received: float) -> None:
    number = len(plan.calls) + 1
    chance = rng.random()
    kind = "event" if chance < 0.97 else rng.choice(("not_run", "rejected", "newer"))
    lead: dict[str, Any] = {"id": person, "email": f"person{person}@example.com"}
    if action == "guest" and rng.random() < 0.5:
        lead = {"email": f"guest{rng.randint(1, 2)}@example.com"}
    elif action in {"only-new", "another"}:
        lead = {"email": f"{action}{rng.randint(1, 2)}@example.com"}
    elif action == "mail":
        lead = {"id": MAILED + number}
    elif action == "merge":
        mine = [LOSERS + number, *([LOSERS + 100 + number] if rng.random() < 0.5 else [])]
        lead = {"winner": WINNER, "losers": ",".join(map(str, mine))}
    payload: dict[str, Any] = {"lead": lead, "token": {"mark": f"e{number}"}}
    if rng.random() < 0.2:
        payload["event_id"] = f"order-{rng.randint(1, 2)}"
    plan.calls.append(
        Call(
            number=number,
            execution_id=f"{rng.getrandbits(64):016x}{number:016x}",
            kind=kind,
            action=action,
            person=person,
            received=int(received * 1000) / 1000,
            delay=rng.choice((0.1, 1.0, 5.0, 5.0, 40.0, 250.0)) * rng.random(),
            payload=payload,
            lead=lead,
            values={},
        )
    )


@dataclass(slots=True)
class _Noted:
    """The inbox's `add`, which notes when a call was there for the first time."""

    world: "ConnectorSimulation"
    inner: Any

    def __call__(self, event: Event, arrival: Arrival) -> bool:
        """Store, and note."""
        try:
            return bool(self.inner(event, arrival))
        finally:
            if event.execution_id in self.world.inbox.logged:
                self.world.stored.setdefault(event.execution_id, self.world.engine.time)


class ConnectorSimulation(Simulation):
    """One schedule whose lane is Marketo's; `stored` is when each call was in the inbox for the first time."""

    lane = MARKETO
    documents = DOCUMENTS

    def _load(self) -> None:
        self.stored: dict[str, float] = {}
        self.inbox.add = _Noted(self, self.inbox.add)  # type: ignore[method-assign]  # the double's own is inside
        self._placing = Placing(configurations=self.configurations, hash_key=lambda: SECRET)
        self._ripeness = Ripeness(self.configurations)
        self._ripen = Ripen(inbox=self.inbox, lanes=self.lanes, ripeness=self._ripeness, meter=self.meter)
        for person in (1, 2, 3):
            self.marketo.load(person, email=f"person{person}@example.com", firstName="before")
        self.marketo.load(WINNER)
        # no number is given twice
        self.marketo.load(10 * LOSERS)
        for call in self.plan.calls:
            lead = call.lead
            own = [lead["id"]] if call.action == "mail" else str(lead.get("losers", "")).split(",")
            self.marketo.load(*(int(each) for each in own if each))
        self.marketo.lists |= {LIST: (LIST_ID, set()), GUESTS: (GUESTS_ID, set())}
        self.marketo.campaigns[CAMPAIGN_ID] = SmartCampaign(
            id=CAMPAIGN_ID, name=CAMPAIGN, type="trigger", is_active=True, is_requestable=True
        )

    def place(self) -> Placing:
        """What tells of a call whether it waits."""
        return self._placing

    def ripen(self) -> Ripen:
        """What lets calls out of buffers."""
        return self._ripen

    def ripeness(self) -> Ripeness:
        """What tells that a look into buffers is worth its while."""
        return self._ripeness

    def guards_of(self, person: int) -> tuple[str, ...]:
        """The keys that stand for a person."""
        return (
            keyed_hash(SECRET, "guard", "lead", MARKETO, str(person)),
            keyed_hash(SECRET, "guard", "match", MARKETO, "leads", "email", f"person{person}@example.com"),
        )

    def marker_of(self, row: Mapping[str, Any]) -> str:
        """The call that a row of a write belongs to, else its person."""
        if "firstName" in row:
            return str(row["firstName"])
        return f"mail {row['email']}" if "email" in row else f"lead {row.get('id')}"

    def facts(self) -> dict[str, Any]:
        """Everything the checker looks at, as plain values."""
        self.marketo.logged()  # first: whatever is late has come by then
        # whoever died or slept with a guard has lost it by then
        final = self.engine.now(timedelta(minutes=46))
        return {
            "calls": [self._call_facts(call) for call in self.plan.calls],
            "executions": {name: dict(item) for name, item in self.inbox.logged.items()},
            "ends": dict(self.inbox.ends),
            "waiting": [event.execution_id for event in self.inbox.waiting.values()],
            "kept": sorted(self.inbox.kept),
            "guards": {guard: (owner, until > final) for guard, (owner, until) in self.keys.held().items()},
            "claims": self.keys.claimed(),
            "journal": [
                (what, f"{of} {lead}", {"lead": lead, "of": of} | row) for what, of, lead, row in self.marketo.journal
            ],
            "leads": {number: dict(lead) for number, lead in self.marketo.leads.items()},
            "members": {number: sorted(members) for number, members in self.marketo.lists.values()},
            "activities": [],
            "counted": [
                (lane, action, buffer.count, buffer.bytes)
                for lane, buffers in self.lanes.counted().items()
                for action, buffer in buffers.items()
            ],
            "parked": sorted(self.parked),
            "redone": sorted(self.inbox.redone),
            "paused": sorted(self.pauses.broken),
            "held": sorted({what for _, _, what in self.plan.pauses if what in ACTIONS}),
            "stalled": any(name.startswith("stall") for name in self.engine.tally),
            "doubted": sorted(self.doubted),
            "refused": sorted(self.refused),
        }

    def _call_facts(self, call: Call) -> dict[str, Any]:
        return {
            "marker": call.marker,
            "execution": call.execution_id,
            "kind": call.kind,
            "action": call.action,
            "person": call.person,
            "sequence": call.sequence,
            "event_id": call.payload.get("event_id"),
            "lead": dict(call.lead),
            "received": call.received,
            "stored": self.stored.get(call.execution_id),
        }
