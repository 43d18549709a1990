"""Is all well? What somebody wants to see first, from what alerts look at."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from leadbridge.cycle_ports import CycleRuns
from leadbridge.domain.action import MarketoConnection, SalesforceConnection
from leadbridge.domain.alert_readings import Quota, spent_at
from leadbridge.domain.alert_texts import Said, said_of
from leadbridge.domain.alerts import Alert
from leadbridge.domain.counted import ParkedWork, Waiting
from leadbridge.domain.limits import moment
from leadbridge.domain.sync import Sync
from leadbridge.ports import AlertStore, Clock, Configurations, Extracted, Watch
from leadbridge.sync_ports import SyncRuns
from leadbridge.usecases.count_outcomes import KINDS, CountOutcomes
from leadbridge.usecases.list_connections import ConnectionSummary, ListConnections
from leadbridge.usecases.quotas import MarketoDay, extracts_of, host_of, quotas_of

#: outcomes of so long are counted
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The calls of one vendor instance, whose they are, and until when it takes none.

    `extracts`: bytes that we extracted of Marketo today; what others extract is in no list that we see.
    """

    quota: Quota
    used: int
    connections: Sequence[str]
    spent_at: datetime | None
    shut_until: datetime | None
    shut_because: str
    extracts: Quota | None
    extracts_spent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedOver:
    """An active Sync or cycle, and up to when it has carried over what changed: None before its first run."""

    kind: str
    id: str
    name: str
    up_to: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Everything of one moment."""

    at: datetime
    #: all Actions together
    paused: bool
    connections: Sequence[ConnectionSummary]
    quotas: Sequence[Standing]
    parked: Sequence[ParkedWork]
    waiting: Sequence[Waiting]
    alerts: Sequence[tuple[Alert, Said]]
    #: number of calls by what became of them, and since when they are counted
    outcomes: Sequence[tuple[str, int]]
    since: datetime
    #: Syncs by watermark, then cycles
    carried_over: Sequence[CarriedOver]


class ShowOverview:
    """Looks at everything, and asks no vendor."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        connections: ListConnections,
        watch: Watch,
        outcomes: CountOutcomes,
        store: AlertStore,
        clock: Clock,
        day: MarketoDay,
        syncs: SyncRuns,
        cycles: CycleRuns,
        extracted: Extracted,
        stack: str,
    ) -> None:
        """`stack`: what commands are to be given as `--stack`, empty on a local one."""
        self._configurations = configurations
        self._connections = connections
        self._watch = watch
        self._outcomes = outcomes
        self._store = store
        self._clock = clock
        self._day = day
        self._syncs = syncs
        self._cycles = cycles
        self._extracted = extracted
        self._stack = stack

    def __call__(self) -> Overview:
        """How things stand now."""
        now = self._clock.now()
        memory, _, _ = self._store.load()
        return Overview(
            at=now,
            paused=self._configurations.paused(),
            connections=self._connections(),
            quotas=self._quotas(memory.used, now),
            parked=self._watch.parked(),
            waiting=self._watch.waiting(),
            alerts=[
                (each, said_of(each, self._stack))
                for each in sorted(memory.alerts.values(), key=lambda each: (each.since, each.subject))
            ],
            outcomes=self._outcomes_of_all(),
            since=now - DAY,
            carried_over=[*self._synced(), *self._cycled()],
        )

    def _synced(self) -> Iterator[CarriedOver]:
        """Active Syncs that read what changed; one that reads everything each time is behind by its schedule alone."""
        for each in self._configurations.list("sync"):
            sync = each.document
            if each.active and isinstance(sync, Sync) and sync.incremental:
                up_to = self._syncs.standing(sync.id).watermark
                yield CarriedOver(kind="sync", id=sync.id, name=sync.name, up_to=up_to)

    def _cycled(self) -> Iterator[CarriedOver]:
        """Active cycles, each by the queue that is furthest behind."""
        for each in self._configurations.list("crm_cycle"):
            if each.active:
                marks = self._cycles.standing(each.document.id).watermarks
                up_to = min(marks.values(), default=None)
                yield CarriedOver(kind="crm_cycle", id=each.document.id, name=each.document.name, up_to=up_to)

    def _quotas(self, before: Mapping[str, Sequence[tuple[datetime, int]]], now: datetime) -> list[Standing]:
        instances = self._watch.instances()
        marketo = [each.document for each in self._configurations.list("marketo_connection")]
        salesforce = [each.document for each in self._configurations.list("salesforce_connection")]
        own = [each for each in marketo if isinstance(each, MarketoConnection)]
        orgs = [each for each in salesforce if isinstance(each, SalesforceConnection)]
        found = quotas_of(instances, marketo=own, before=before, day=self._day, now=now)
        only = len(orgs) == 1 and sum(each.vendor == "salesforce" for each in found) == 1
        standings = []
        for quota in found:
            gate = instances[f"{quota.vendor}#{quota.instance}"].gate
            extracts = None
            if quota.vendor == "marketo":
                users = [each.id for each in own if host_of(each) == quota.instance.lower()]
                files = [file for each in users for file in self._extracted.files(each)]
                extracts = extracts_of(quota.instance, files, day=self._day, now=now)
            else:
                # an org answers at another host than the one at which one logs in, so the only one is the only one's
                users = [each.id for each in orgs if only or urlsplit(each.token_host).netloc == quota.instance]
            standings.append(
                Standing(
                    quota=quota,
                    used=quota.used_at(now),
                    connections=users,
                    spent_at=spent_at(quota, now),
                    shut_until=moment(gate.until) if gate else None,
                    shut_because=gate.code if gate else "",
                    extracts=extracts,
                    extracts_spent_at=spent_at(extracts, now) if extracts else None,
                )
            )
        return standings

    def _outcomes_of_all(self) -> list[tuple[str, int]]:
        numbers: Counter[str] = Counter()
        for each in self._outcomes(DAY).values():
            numbers.update(each)
        return [(kind, numbers[kind]) for kind in KINDS if numbers[kind]]
