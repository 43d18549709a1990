"""Every five minutes: look at everything that people want to be told of, decide what is told, and send it.

What is told is stored before it is sent, under the version that was read: of two that run at once, one sends. Who dies
after sending and before noting that sends again, so a message may come twice, and none is lost. A channel that is away
gets its messages later, for a day.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, tzinfo

from leadbridge.cycle_ports import CycleRuns, DueRecords
from leadbridge.domain.action import MarketoConnection, SalesforceConnection
from leadbridge.domain.alert_readings import (
    QUIET,
    Quota,
    Totals,
    certificates,
    failures,
    lags,
    new_reasons,
    parked,
    quotas,
    quotas_seen,
    same_hours,
    silence,
    totals,
)
from leadbridge.domain.alert_rules import DEFAULTS, AlertsDocument, FailedRule, SilenceRule
from leadbridge.domain.alert_texts import post
from leadbridge.domain.alerts import Memory, Notice, Reading, Unsent, step
from leadbridge.domain.connector import ACTIONS, AnyAction
from leadbridge.domain.counted import (
    ARRIVED,
    WEEKS,
    Counted,
)
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_readings import WatchedCycle, cycle_readings
from leadbridge.domain.holding import NOTHING, Held
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_readings import Watched, sync_readings
from leadbridge.domain.syncing import summed
from leadbridge.ports import AlertStore, Channel, Clock, Configurations, Meter, Tally, Watch
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.holds import kept_now
from leadbridge.usecases.quotas import MarketoDay, quotas_of

#: a message that no channel took for so long is given up
GIVE_UP = timedelta(days=1)
#: messages that wait for a channel; of more the oldest are given up
MOST_UNSENT = 20
#: runs of a Sync, or of a cycle, that a look sees
SYNC_RUNS = 10
#: records of a cycle that are due, of which so many are looked at
CYCLE_DUE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Of the deployment: what to give to `--stack` (empty on a local one), and Marketo's day."""

    stack: str
    marketo_day: MarketoDay


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a look came to: numbers of what was told and of what stays open, and messages by channel."""

    told: int = 0
    open: int = 0
    sent: Mapping[str, int] = field(default_factory=dict)
    unsent: Mapping[str, str] = field(default_factory=dict)
    overtaken: bool = False

    def as_dict(self) -> dict[str, object]:
        """The report for the log."""
        return {
            "told": self.told,
            "open": self.open,
            "sent": dict(self.sent),
            "unsent": dict(self.unsent),
            "overtaken": self.overtaken,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """What is configured at this moment."""

    rules: AlertsDocument
    actions: Mapping[str, AnyAction]
    syncs: Mapping[str, Sync]
    cycles: Sequence[str]
    marketo: Mapping[str, MarketoConnection]
    salesforce: Mapping[str, SalesforceConnection]


class SendAlerts:
    """Look, decide, store, send."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        tally: Tally,
        watch: Watch,
        runs: SyncRuns,
        cycles: CycleRuns,
        due: Callable[[str], DueRecords],
        store: AlertStore,
        channels: Callable[[], Sequence[Channel]],
        clock: Clock,
        meter: Meter,
        settings: AlertSettings,
    ) -> None:
        """`channels` gives those that are set up at this moment, `due` the records that are due of a cycle."""
        self._configurations = configurations
        self._tally = tally
        self._watch = watch
        self._runs = runs
        self._cycles = cycles
        self._due = due
        self._store = store
        self._channels = channels
        self._clock = clock
        self._meter = meter
        self._settings = settings

    def __call__(self) -> Report:
        """One look."""
        now = self._clock.now()
        memory, unsent, version = self._store.load()
        scene = self._scene()
        found = quotas_of(
            self._watch.instances(),
            marketo=scene.marketo.values(),
            before=memory.used,
            day=self._settings.marketo_day,
            now=now,
        )
        readings, reasons = self._readings(scene, memory, found, now)
        after, notices = step(memory, readings, now)
        after = replace(after, reasons=reasons, used=quotas_seen(found, now))
        young = [each for each in unsent if now - each.at < GIVE_UP][-MOST_UNSENT:]
        if len(young) < len(unsent):
            self._meter.count("AlertsGivenUp", len(unsent) - len(young))
        channels = self._channels()
        waiting = [*young, *self._messages(notices, channels, now)]
        stored = self._store.save(after, waiting, version)
        if stored is None:
            return Report(overtaken=True)
        report, left = self._send(waiting, channels)
        if left != waiting:
            self._store.save(after, left, stored)
        self._meter.count("AlertsOpen", len(after.alerts))
        return replace(report, told=len(notices), open=len(after.alerts))

    def _messages(self, notices: Sequence[Notice], channels: Sequence[Channel], now: datetime) -> list[Unsent]:
        if not notices:
            return []
        subject, text = post(notices, self._settings.stack)
        return [Unsent(channel=each.name, subject=subject, text=text, at=now) for each in channels]

    def _send(self, waiting: Sequence[Unsent], found: Sequence[Channel]) -> tuple[Report, list[Unsent]]:
        """Send what waits, oldest first, and tell what is left; a channel that does not take one is not asked again."""
        channels = {each.name: each for each in found}
        sent: dict[str, int] = {}
        unsent: dict[str, str] = {}
        left: list[Unsent] = []
        for each in waiting:
            if each.channel not in channels:
                continue  # it was taken out of the deployment
            why = unsent.get(each.channel) or channels[each.channel].send(each.subject, each.text)
            if why:
                left.append(each)
                unsent[each.channel] = why
            else:
                sent[each.channel] = sent.get(each.channel, 0) + 1
        for channel in unsent:
            self._meter.count("AlertsUnsent", channel=channel)
        return Report(sent=sent, unsent=unsent), left

    # -- looking

    def _scene(self) -> _Scene:
        stored = self._configurations.get("alerts", "alerts")
        rules = stored.document if stored and isinstance(stored.document, AlertsDocument) else DEFAULTS

        def active(kind: str) -> list[object]:
            return [each.document for each in self._configurations.list(kind) if each.active]

        return _Scene(
            rules=rules,
            actions={each.id: each for each in active("action") if isinstance(each, ACTIONS)},
            syncs={each.id: each for each in active("sync") if isinstance(each, Sync)},
            cycles=[each.id for each in active("crm_cycle") if isinstance(each, CrmCycle)],
            marketo={each.id: each for each in active("marketo_connection") if isinstance(each, MarketoConnection)},
            salesforce={
                each.id: each for each in active("salesforce_connection") if isinstance(each, SalesforceConnection)
            },
        )

    def _readings(
        self, scene: _Scene, memory: Memory, found: Sequence[Quota], now: datetime
    ) -> tuple[list[Reading], dict[tuple[str, str], datetime]]:
        of_actions = {action: scene.rules.for_action(action) for action in scene.actions}
        of_connections = {
            name: scene.rules.for_connection(name) for name in sorted({*scene.marketo, *scene.salesforce})
        }
        destinations = {*scene.salesforce, *(each.destination.connection for each in scene.actions.values())}
        failing = {action: rules.failed for action, rules in of_actions.items() if rules.failed}
        silent = {action: rules.silence for action, rules in of_actions.items() if rules.silence}
        counted = self._counted(failing, silent, now)
        reasons, seen = new_reasons(
            counted, {action: rules.new_reason for action, rules in of_actions.items() if rules.new_reason}, memory, now
        )
        readings = [
            *failures(
                counted,
                connections={each.id: each.destination.connection for each in scene.actions.values()},
                action_rules=failing,
                connection_rules={
                    name: rules.failed
                    for name, rules in of_connections.items()
                    if rules.failed and name in destinations
                },
                now=now,
            ),
            *reasons,
            *parked(
                self._watch.parked(), {action: rules.parked for action, rules in of_actions.items() if rules.parked}
            ),
            *lags(
                self._watch.waiting(self._kept()),
                {name: rules.lag for name, rules in of_connections.items() if rules.lag},
                now,
            ),
            *quotas(found, {name: rules.quota for name, rules in of_connections.items() if rules.quota}, now),
            *certificates(
                self._watch.certificates(),
                {
                    name: rules.certificate
                    for name, rules in of_connections.items()
                    if rules.certificate and _uses_certificate(scene.salesforce.get(name))
                },
                now,
            ),
            *self._silences(scene, silent, counted, now),
            *sync_readings(
                [self._watched(each) for each in scene.syncs.values()],
                {name: scene.rules.for_sync(name) for name in scene.syncs},
                now,
            ),
            *cycle_readings(
                [self._watched_cycle(each) for each in scene.cycles],
                {name: scene.rules.for_cycle(name) for name in scene.cycles},
                now,
            ),
        ]
        return readings, seen

    def _watched(self, sync: Sync) -> Watched:
        found = [
            run if run.over else summed(run, self._runs.parts(sync.id, run.slot))
            for run in self._runs.runs(sync.id, SYNC_RUNS)
        ]
        watermark = self._runs.standing(sync.id).watermark if sync.incremental else None
        return Watched(sync=sync, runs=found, watermark=watermark)

    def _watched_cycle(self, cycle: str) -> WatchedCycle:
        return WatchedCycle(
            id=cycle,
            runs=self._cycles.runs(cycle, SYNC_RUNS),
            standing=self._cycles.standing(cycle),
            tries=[each.tries for each in self._due(cycle).listed(CYCLE_DUE)],
        )

    def _kept(self) -> Callable[[str], Held]:
        """What does not wait too long in a lane: somebody paused it."""
        lanes = kept_now(self._configurations)
        return lambda lane: lanes.get(lane, NOTHING)

    def _counted(
        self, failing: Mapping[str, FailedRule], silent: Mapping[str, SilenceRule], now: datetime
    ) -> Sequence[Counted]:
        """Counts of the longest window that any rule looks back."""
        minutes = [each.window_minutes for each in failing.values()] + [each.window_minutes for each in silent.values()]
        windows = [timedelta(minutes=each) for each in minutes]
        return self._tally.between(now - max([QUIET, *windows]) - timedelta(minutes=5), now)

    def _silences(
        self, scene: _Scene, rules: Mapping[str, SilenceRule], counted: Sequence[Counted], now: datetime
    ) -> list[Reading]:
        """What is usual is read once for each range of time, whatever the number of Actions."""
        asked: dict[tuple[datetime, datetime], Sequence[Counted]] = {}
        readings = []
        for action, rule in rules.items():
            if not rule.enabled:
                continue
            window = timedelta(minutes=rule.window_minutes)
            arrived = totals(counted, now - window, now).get(action, Totals()).of(ARRIVED)
            before = [
                totals(self._week(asked, start, start + window), start, start + window)
                .get(action, Totals())
                .of(ARRIVED)
                for start in _weeks(now - window, scene.actions[action].zone)
            ]
            readings.append(silence(action, arrived=arrived, before=before, rule=rule, now=now))
        return readings

    def _week(
        self, asked: dict[tuple[datetime, datetime], Sequence[Counted]], start: datetime, end: datetime
    ) -> Sequence[Counted]:
        if (start, end) not in asked:
            asked[start, end] = self._tally.between(start - timedelta(minutes=5), end)
        return asked[start, end]


def _weeks(start: datetime, zone: tzinfo) -> list[datetime]:
    return [same_hours(start, zone, week) for week in range(1, WEEKS + 1)]


def _uses_certificate(connection: SalesforceConnection | None) -> bool:
    return connection is not None and (connection.login or "jwt") == "jwt"
