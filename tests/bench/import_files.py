"""Imports by file: calls of Marketo for so many people.

The use-cases and the product's own clients on real HTTP against the Marketo twin, whose log is counted, on its clock.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import ceil
from random import Random
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from leadbridge.vendors.http.transport import build_http_client
from tests.bench.batches import FREE, QUEUE_BATCH, REPEATED
from tests.bench.report import Figure, listed
from tests.builders.imports import an_import
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_imports import TwinImports
from tests.twins import running_twins

#: what a file of Marketo takes, repeated here so that no minimum comes from product code
FILE_PEOPLE = 25_000
#: for each file: the file, one look at its job, its failures, its warnings
CALLS_OF_A_FILE = 4
#: time within which the calls arrive, less than the half an hour that they may wait, and how long a job runs
SECONDS, RUN_SECONDS = 1_500, 60
#: calls of one message of the queue
MESSAGE_CALLS = 25
MOST_RATIO = 4.0


@dataclass(frozen=True, kw_only=True)
class Result:
    """What so many calls came to."""

    events: int
    people: int
    #: how often the person came who came most often
    times: int
    #: people of each file, in order
    files: list[int]
    calls: Counter[str]
    outcomes: Counter[str]
    #: files before the last call, and files once it had come
    crossing: tuple[int, int]
    #: people of Marketo who have a value of theirs, as the model says it is in the end
    right: int

    @property
    def least(self) -> int:
        """The fewest calls by which so many are imported, a later record of a person in a later file, all told."""
        return CALLS_OF_A_FILE * max(ceil(self.people / FILE_PEOPLE), self.times)


@contextmanager
def world_of(action: Any, seed: int) -> Iterator[TwinImports]:
    """A world on twins of its own."""
    with running_twins("--seed", str(seed)) as (_, announced), build_http_client() as http:
        twins = [
            Twin(httpx.Client(base_url=announced[f"{name}_url"], timeout=120)) for name in ("marketo", "salesforce")
        ]
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        twins[0].post("limits", FREE | {"import_run_seconds": RUN_SECONDS})
        yield TwinImports(Clients(announced, key, http), *twins, action)
        for twin in twins:
            twin.http.close()


def imported(size: int, seed: int, *, repeated: float = REPEATED) -> Result:
    """Calls that import people to a list, evenly over the time; half of the people are known, some come again."""
    rng = Random(seed)
    with world_of(an_import(list=1001, batch=None), seed) as world:
        known = [{"email": f"person{n}@example.com"} for n in range(0, size, 2)]
        world.marketo_twin.post("load", {"staticLists": [{"id": 1001, "name": "List"}], "leads": known})
        last: dict[int, str] = {}
        came: Counter[int] = Counter()
        step, before = MESSAGE_CALLS * QUEUE_BATCH, 0
        starts = [*range(0, size - 1, step), size - 1]
        for start, end in zip(starts, [*starts[1:], size], strict=True):
            world.clock.advance(SECONDS * (end - start) / size)
            before = len(world.uploads)
            arrivals = []
            for number in range(start, end):
                person = rng.choice(list(last)) if last and rng.random() < repeated else number
                last[person] = f"Call {number}"
                came[person] += 1
                lead = {"email": f"person{person}@example.com", "firstName": last[person], "lastName": "Ünal-Öz"}
                arrivals.append((f"m{number}", world.arrival({"lead": lead}, action_id="connector")))
            world.store_events()(arrivals)
            while world.bell.rung:
                world.bell.rung.clear()
                world.drain()
                world.work()
        crossing = (before, len(world.uploads))
        _run_out(world)
        held = {lead["email"]: lead.get("firstName") for lead in world.marketo_twin.get("records/leads")}
        return Result(
            events=size,
            people=len(last),
            times=max(came.values()),
            files=[content.count(b"@example.com") for _, content in world.uploads],
            calls=Counter(_named(each) for each in world.marketo_twin.get("log?since=0") if _named(each)),
            outcomes=world.outcomes(),
            crossing=crossing,
            right=sum(held.get(f"person{person}@example.com") == name for person, name in last.items()),
        )


def _run_out(world: TwinImports) -> None:
    """Let the time pass until nobody waits: a worker comes once a minute, the machine when its pause is over."""
    for tick in range(1_000):
        if tick % 12 == 0:
            world.drain()
        world.work()
        if not world.inbox.waiting:
            return
        world.clock.advance(5)
    raise RuntimeError(f"{len(world.inbox.waiting)} calls still wait")


def _named(call: dict[str, Any]) -> str:
    path = str(call["path"])
    if path.startswith(("/_sim", "/identity")):
        return ""
    if not path.startswith("/bulk/v1/leads"):
        return f"{call['method']} {path}"
    end = path.rpartition("/")[2]
    return {"leads.json": "file", "failures.json": "failures", "warnings.json": "warnings"}.get(end, "look at the job")


def figure(*, people: int, seed: int) -> Figure:
    """Calls of Marketo for so many imports, nobody twice and some twice."""
    found = Figure(
        title="connector actions, imports by file",
        size=f"seed {seed}, {people} calls within {SECONDS} s, half of them of people who are known; one list; "
        f"a job runs for {RUN_SECONDS} s",
    )
    for name, repeated in (("nobody twice", 0.0), (f"{REPEATED:.0%} repeat a person", REPEATED)):
        result = imported(people, seed, repeated=repeated)
        before, after = result.crossing
        total = result.calls.total()
        found.add(f"{name}: {result.events} calls about {result.people} people; outcomes: {listed(result.outcomes)}")
        found.add(f"{name}: files of {result.files} people; before the last call {before}, once it had come {after}")
        found.add(f"{name}: {total} calls ({listed(result.calls)}); people with their last values: {result.right}")
        found.add(f"{name}: minimum by the vendor's limits and the order of a person's records {result.least}")
        found.bound(f"{name}: calls / minimum", total / result.least, most=MOST_RATIO)
    return found
