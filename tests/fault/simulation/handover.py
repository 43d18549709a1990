"""The hand-over of flow steps under the faults of the simulation: chunks arrive, people end, callbacks go out.

Everything is drawn from a seed of its own kind, so that the other schedules stay as they are.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from random import Random
from typing import Any

from leadbridge.domain.event import Arrival
from leadbridge.domain.flow_step import Chunk, ChunkState
from leadbridge.domain.flow_step_queue import LOOK
from leadbridge.domain.outcome import State
from leadbridge.errors import TransientError, UncertainWriteError
from leadbridge.usecases.send_callbacks import ChunkEnds, SendCallbacks
from tests.builders.events import SECRET
from tests.builders.flow_steps import CALLBACK_URL
from tests.fakes.bell import RecordingBell
from tests.fakes.chunks import FakeCallbackDoor, InMemoryChunks
from tests.fakes.clock import NOON
from tests.fakes.inbox import InMemoryInbox
from tests.fakes.log import InMemoryLog
from tests.fakes.steps import DONE, HANDOVER
from tests.fault.simulation.engine import Blow
from tests.fault.simulation.product import Message, Simulation, SkewedClock
from tests.fault.simulation.schedule import VENDOR_TROUBLE, Plan, person_fields

#: Actions that people of a chunk name: with conditions and memberships, by key, looking only
NAMED = ("by-mail", "by-key", "windowed", "only-update", "look-up")
#: chances of an answer that is no answer, or a refusal for now, for each callback
TROUBLED = (0.0, 0.0, 0.3)
#: time-out of the function that sends callbacks (template)
SENDER_SECONDS = 300.0
#: points at which a process of the hand-over dies, besides those that are drawn by number
POINTS = tuple(f"{operation}{suffix}" for operation in HANDOVER for suffix in ("", DONE))


def plan_of(seed: int) -> Plan:
    """A schedule whose calls all come in chunks."""
    rng = Random(f"handover {seed}")
    # whoever is told of as not run or parked stays so: what a redrive makes of him goes to Marketo by API
    plan = Plan(seed=seed, redrive_all=False)
    for person in (1, 2, 3, 4):
        plan.records[person] = rng.choice((0, 0, 1))
    hostile = rng.random() < 0.7
    for kind in VENDOR_TROUBLE:
        plan.chance[kind] = rng.choice((0.0, 0.0, 0.05)) if hostile else 0.0
    # nothing that parks everybody
    plan.chance |= dict.fromkeys(("quota spent", "login refused", "refused as a whole"), 0.0)
    for kind in ("ring lost", "ring twice", "ring refused", "message twice at once", "delete lost"):
        plan.chance[kind] = rng.choice((0.0, 0.1, 0.4))
    plan.chance |= {"sweep twice": 0.1, "sweep missed": rng.choice((0.0, 0.3))}
    plan.batch = rng.choice((200, 3, 1))
    for _ in range(rng.choice((0, 1, 2, 3))):
        plan.by_number[rng.randint(1, 250)] = Blow(rng.choice(("crash", "crash", "store")))
    for _ in range(rng.choice((0, 1, 1, 2))):
        plan.aimed[rng.choice(POINTS)] = (rng.choice((1, 1, 2)), Blow(rng.choice(("crash", "crash", "store"))))
    return plan


class Door(FakeCallbackDoor):
    """Marketo's end: takes a token once; answers late, never, or asks for another time."""

    def __init__(self, world: "Handover", chance: float) -> None:
        super().__init__(step=world.engine.step)
        self._world = world
        self._chance = chance
        #: every body that was sent with a token, in order
        self.sent: dict[str, list[Mapping[str, Any]]] = {}

    def post(self, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> int:
        """Take one callback, or trouble it."""
        engine = self._world.engine
        if not engine.calm and engine.rng.random() < self._chance:
            kind = engine.rng.choice(("no connection", "no answer", "busy"))
            engine.count(f"callback: {kind}")
            if kind == "no connection":
                raise TransientError("no connection", vendor="marketo")
            if kind == "busy":
                self.answers.append(503)
            else:
                self.answers.append(UncertainWriteError("no answer", vendor="marketo"))
        self.sent.setdefault(headers["x-callback-token"], []).append(body)
        return super().post(url, headers, body)


class ChunkBell(RecordingBell):
    """Starts senders: late, twice or never."""

    def __init__(self, world: "Handover") -> None:
        super().__init__(step=world.engine.step)
        self._world = world

    def ring(self, lane: str) -> None:
        """Ask for the callback of a chunk."""
        world = self._world
        super().ring(lane)
        times = 0 if world.happens("ring lost") else 2 if world.happens("ring twice") else 1
        for _ in range(times):
            world.engine.later(world.engine.rng.random() * 2, lambda: world.send(lane))


class Handover(Simulation):
    """One schedule of chunks."""

    def __init__(self, seed: int, *, tracing: bool = False) -> None:
        super().__init__(plan_of(seed), tracing=tracing)
        rng = Random(f"chunks {seed}")
        step = self.engine.step
        self.chunks = InMemoryChunks(step=step)
        self.inbox = InMemoryInbox(
            keys=self.keys, hash_key=lambda: SECRET, now=self.engine.local_now, step=step, chunks=self.chunks
        )
        self.inbox.on_park = lambda *parked: self.parked.add(parked)
        self.door = Door(self, rng.choice(TROUBLED))
        self.chunk_ends = ChunkEnds(chunks=self.chunks, bell=ChunkBell(self))
        self.arrived: dict[str, list[Arrival]] = {}
        for number in range(1, rng.choice((2, 3, 4)) + 1):
            self._arrive(rng, number)

    def _arrive(self, rng: Random, number: int) -> None:
        """A chunk, its people in as many messages as is drawn."""
        at = rng.random() * 120
        people = rng.sample((1, 2, 3, 4), rng.randint(1, 4))
        received = NOON + timedelta(milliseconds=int(at * 1000))
        chunk = Chunk(
            id=f"chunk-{number}",
            munchkin_id="123-ABC-456",
            token=f"token-{number}",
            callback_key="callback-key",
            callback_url=CALLBACK_URL,
            lead_ids=tuple(people),
            received_at=received,
            due_at=received + LOOK,
        )
        for person in people:
            execution = f"{number:016x}{person:016x}"
            lead = {"id": person, **person_fields(person)}
            if rng.random() < 0.15:
                lead["email"] = ""
            if rng.random() < 0.1:
                lead["leadStatus"] = "Disqualified"
            kind = "not_run" if rng.random() < 0.1 else "event"
            arrival = Arrival(
                kind=kind,
                execution_id=execution,
                action_id=rng.choice(NAMED),
                sequence=f"{int((NOON.timestamp() + at) * 1000):014d}#{execution}",
                received_at=received,
                payload={"lead": lead, "token": {"mark": f"e{number}{person}"}},
                reason="not_active" if kind == "not_run" else "",
                chunk=chunk,
            )
            self.arrived.setdefault(chunk.id, []).append(arrival)
            self.engine.later(at + rng.random() * 3, lambda arrival=arrival: self._queue_arrival(arrival))  # type: ignore[misc]  # bound now

    def _queue_arrival(self, arrival: Arrival) -> None:
        self._messages.append(Message(len(self._messages), arrival, self.engine.time))
        self.engine.later(self.engine.rng.random(), self._deliver)

    def send(self, chunk_id: str = "") -> None:
        """Start one sender."""
        engine = self.engine

        def work() -> None:
            SendCallbacks(
                chunks=self.chunks,
                standings=InMemoryLog(self.inbox),
                door=self.door,
                clock=SkewedClock(engine, engine.process.skew),
                meter=self.meter,
            )(chunk_id)

        self._start("sender", work, SENDER_SECONDS)

    def _minute(self) -> None:
        self.send()
        super()._minute()

    def _at_rest(self) -> bool:
        waits = any(chunk.state is ChunkState.OPEN for chunk in self.chunks.chunks.values())
        return not waits and super()._at_rest()

    def violations(self) -> Iterator[str]:
        """Everything that is wrong once nothing moves any more."""
        if self.never_rests:
            yield self.never_rests
            return
        for chunk_id, arrivals in self.arrived.items():
            yield from (f"{chunk_id}: {wrong}" for wrong in self._of_chunk(self.chunks.chunks[chunk_id], arrivals))
        written = self.marketo.trouble.made("sync_leads", "add_custom_activities")
        if written:
            yield f"{written} calls of Marketo's API for people who are called back"

    def _of_chunk(self, chunk: Chunk, arrivals: list[Arrival]) -> Iterator[str]:
        token = arrivals[0].chunk.token if arrivals[0].chunk else ""
        if chunk.state is not ChunkState.SENT or token not in self.door.taken:
            yield f"not called back: {chunk.state} {chunk.reason}"
            return
        taken = self.door.taken[token]
        if any(body != taken for body in self.door.sent[token]):
            yield "repeated with another body"
        rows = {row["leadData"]["id"]: row for row in taken["objectData"]}
        if len(rows) != len(taken["objectData"]) or sorted(rows) != sorted(chunk.lead_ids):
            yield f"tells of {[row['leadData']['id'] for row in taken['objectData']]}, came {chunk.lead_ids}"
            return
        for arrival in arrivals:
            lead_id = int((arrival.payload or {})["lead"]["id"])
            said, item = rows[lead_id]["activityData"], self.inbox.logged[arrival.execution_id]
            if item["state"] != State.ENDED:
                if said["success"]:
                    yield f"{lead_id} is told as a success and is {item['state']}"
            elif said["outcome"] != item["outcome"]:
                yield f"{lead_id} is told as {said['outcome']}, ended {item['outcome']}"
            elif item["outcome"] in {"created", "updated"} and said["outcome"] == item["outcome"]:
                yield from self._of_values(lead_id, rows[lead_id], item)

    @staticmethod
    def _of_values(lead_id: int, row: Mapping[str, Any], item: Mapping[str, Any]) -> Iterator[str]:
        told = (row["leadData"].get("salesforceId"), row["activityData"].get("salesforceId"))
        if told != (item["salesforce_id"], item["salesforce_id"]):
            yield f"{lead_id} is told {told}, and the record is {item['salesforce_id']}"

    def seen(self) -> Counter[str]:
        """What happened, for whoever wants to know whether it was worth anything."""
        found = Counter(self.engine.tally)
        found["chunks"] = len(self.arrived)
        found["repeated callbacks"] = sum(len(bodies) - 1 for bodies in self.door.sent.values())
        return found
