"""Schedules of calls of Actions: played, added up, and printed as a table in which no fault may be missing."""

from collections.abc import Iterable, Iterator

from tests.fakes.steps import CONNECTOR_WRITES, VENDOR_WRITES
from tests.fault.simulation.checker import violations
from tests.fault.simulation.connector_checker import connector_violations
from tests.fault.simulation.connectors import CONNECTOR_SEEDS, ConnectorSimulation, connector_schedule
from tests.fault.simulation.playing import Played, Tally, in_processes, played, played_into
from tests.fault.simulation.product import Simulation
from tests.fault.simulation.schedule import DELIVERY_TROUBLE, REACHED, VENDOR_TROUBLE, Plan, schedule

#: what must have happened at least once in any run that claims to have shown something, beside the crashes
FAULTS = (
    "stall",
    "stall beyond the lease",
    "killed at its time limit",
    "store throttled",
    "store answer lost",
    *(f"{vendor}: {kind}" for vendor in ("salesforce", "marketo") for kind in VENDOR_TROUBLE),
    *(f"crash in flight of {operation}" for operation in (*VENDOR_WRITES, *CONNECTOR_WRITES)),
    *DELIVERY_TROUBLE,
    "message redelivered",
    "batch failed in part",
    "guard held by another writer",
    "guard abandoned by another writer",
    "redriven by a person",
    "configuration changed",
    "paused",
    "kept by a pause",
)


class Report(Tally[Simulation]):
    """What happened in many schedules."""

    title = "I/O point"
    points = REACHED
    faults = FAULTS

    def count(self, simulation: Simulation) -> None:
        """Calls and who ran them, and how they ended."""
        tally = simulation.engine.tally
        self.totals["events"] += len(simulation.plan.calls)
        self.totals["workers"] += simulation.workers
        self.totals["crashes"] += tally["crash"]
        self.totals["lost answers"] += simulation.lost_answers
        self.totals["redeliveries"] += tally["message redelivered"]
        for item in simulation.inbox.logged.values():
            self.end("ends", {item.get("outcome") or item["state"]: 1})


def play(plan: Plan | int, *, tracing: bool = False) -> Played[Simulation]:
    """Play one schedule, given as such or by its seed.

    Raises:
        BrokenScheduleError: The product raised.
    """
    plan = plan_of(plan) if isinstance(plan, int) else plan
    simulation = (ConnectorSimulation if plan.connectors else Simulation)(plan, tracing=tracing)
    return played(plan.seed, simulation, connector_violations if plan.connectors else violations)


def plan_of(seed: int) -> Plan:
    """The schedule of a seed."""
    return connector_schedule(seed) if seed % 16 in CONNECTOR_SEEDS else schedule(seed)


def play_all(seeds: Iterable[int], *, until_found: bool = False) -> Report:
    """Play schedules in this process; with `until_found` the first violation ends it."""
    return played_into(Report(), play, seeds, until_found=until_found, rest=50)


def in_parallel(first: int, schedules: int, jobs: int) -> Iterator[Report]:
    """Play schedules in several processes; gives a report for each piece of the work, in order."""
    return in_processes(play_all, first, schedules, jobs, piece=200)


def transcript(played: Played[Simulation]) -> Iterator[str]:
    """A schedule as text: each step, the ends of its calls, what both vendors hold, what is wrong."""
    simulation = played.simulation
    yield from simulation.engine.trace or ()
    facts = simulation.facts()
    for call in facts["calls"]:
        item = facts["executions"].get(call["execution"], {})
        end = " ".join(str(item.get(name, "")) for name in ("state", "outcome", "reason", "salesforce_id", "message"))
        yield f"{call['marker']} {call['action']} of person {call['person']}, received {call['received']:.3f}: {end}"
    yield from (f"{what} {record} {sorted(row.items())}" for what, record, row in facts["journal"])
    yield from (f"lead {number} {sorted(lead.items())}" for number, lead in facts["leads"].items())
    yield from (f"activity {sorted(activity.items())}" for activity in facts["activities"])
    yield from (f"WRONG: {text}" for text in played.wrong)
