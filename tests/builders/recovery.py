"""A Leadbridge whose Action recovers calls, and the calls that Marketo logs."""

from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.action import Action
from leadbridge.domain.event import Arrival
from leadbridge.domain.records import Activity
from leadbridge.domain.recovery import CALL_WEBHOOK
from leadbridge.ports import Connections
from leadbridge.usecases.late_calls import LateCalls
from leadbridge.usecases.recover_calls import RecoverCalls
from tests.builders.actions import ACTION, an_action
from tests.builders.events import SECRET, a_payload, an_arrival
from tests.builders.world import World
from tests.fakes.clock import SettableClock
from tests.fakes.recoveries import InMemoryRecoveries

WEBHOOK = "To CRM"
RETENTION = timedelta(days=30)


def a_recovering_action(**changes: Any) -> Action:
    """An Action that recovers the calls of the webhook."""
    return an_action(**({"recovery": {"webhook": WEBHOOK}} | changes))


def late_calls(world: World, recoveries: InMemoryRecoveries) -> LateCalls:
    """The use-case of `store_events` in a world."""
    return LateCalls(
        store=world.store_events(),
        configurations=world.configurations,
        log=world.log,
        inbox=world.inbox,
        recoveries=recoveries,
        clock=world.clock,
        hash_key=lambda: SECRET,
    )


def recover_calls(world: World, recoveries: InMemoryRecoveries, connections: Connections) -> RecoverCalls:
    """The use-case of `recover_calls` in a world, with these clients."""
    return RecoverCalls(
        configurations=world.configurations,
        connections=connections,
        log=world.log,
        recoveries=recoveries,
        store=world.store_events(),
        clock=world.clock,
        meter=world.meter,
        hash_key=lambda: SECRET,
        retention=RETENTION,
    )


class RecoveryWorld(World):
    """What outlives a process, with what recovery remembers."""

    def __init__(self, *actions: Action, clock: SettableClock | None = None) -> None:
        super().__init__(*(actions or (a_recovering_action(),)), clock=clock)
        self.recoveries = InMemoryRecoveries(step=self.steps)
        self.numbers = 0

    # -- things that happen

    def call(
        self,
        lead_id: int,
        *,
        arrives: bool = True,
        answered: bool = True,
        webhook: str = WEBHOOK,
        offset: float = 0.0,
        logged: datetime | None = None,
    ) -> Arrival:
        """Marketo calls the webhook now and logs that; gives the call as it arrives, whether or not it does.

        `offset` is how many seconds our clock is ahead of Marketo's, `logged` when the activity shows.
        """
        self.numbers += 1
        if lead_id not in self.marketo.leads:
            self.marketo.load(
                lead_id, **{name: value for name, value in a_payload(lead_id)["lead"].items() if name != "id"}
            )
        at = self.clock.now() + timedelta(seconds=offset)
        arrival = an_arrival(self.numbers, at=at, payload=a_payload(lead_id))
        response = f'{{"status": "accepted", "execution_id": "{arrival.execution_id}"}}'
        failed: dict[str, Any] = {"Error Type": "Read timed out", "Response": None}
        activity = Activity(
            marketo_guid=f"guid-{self.numbers}",
            lead_id=lead_id,
            activity_type_id=CALL_WEBHOOK,
            activity_date=self.clock.now().replace(microsecond=0),
            primary_attribute_value=webhook,
            attributes={"Error Type": None, "Response": response} if arrives and answered else failed,
            campaign_id=1001,
        )
        self.marketo.log(activity, visible_at=logged)
        if arrives:
            self.store(arrival)
        return arrival

    def store(self, *arrivals: Arrival) -> list[str]:
        """Calls come out of the queue; gives the ids of those that must come again."""
        return self.late_calls()([(each.execution_id, each) for each in arrivals])

    def start(self) -> None:
        """The first run, which only takes its start; the next one comes an hour later."""
        self.recover_calls()()

    def later(self, *, hours: float = 1.0) -> None:
        """Some time passes, in which nothing is called."""
        self.clock.advance(hours * 3600)

    # -- use-cases

    def late_calls(self) -> LateCalls:
        """The use-case in front of the one that stores arrivals."""
        return late_calls(self, self.recoveries)

    def recover_calls(self) -> RecoverCalls:
        """The scheduled use-case."""
        return recover_calls(self, self.recoveries, self.connections)

    def recovered(self) -> list[dict[str, Any]]:
        """The executions of recovered calls."""
        return [item for name, item in sorted(self.inbox.logged.items()) if name.startswith("rec")]

    def reached(self) -> datetime | None:
        """Up to when the Action's calls were decided on."""
        return self.recoveries.reached(ACTION)
