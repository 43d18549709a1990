"""When people are alerted: the thresholds, as the one document of kind `alerts`, with defaults where there is none.

Shares are percent, times are minutes, hours or days as the member's name says. Each threshold has a lower one, below
which an alert ends (`EASED`), so that a figure that wavers about its threshold does not flap.
"""

from collections.abc import Collection
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from leadbridge.domain.counted import BUCKET_MINUTES
from leadbridge.domain.documents import Document, Identifier, Name

#: an alert that was raised ends below this part of its threshold
EASED = 0.5
#: nobody hears of one and the same thing more often
MOST_OFTEN_HOURS = 1


def _whole_buckets(minutes: int) -> int:
    if minutes % BUCKET_MINUTES:
        raise ValueError(f"is no multiple of {BUCKET_MINUTES} minutes; calls are counted in pieces of that length")
    return minutes


def _ascending(levels: list[int]) -> list[int]:
    if levels != sorted(set(levels)):
        raise ValueError("is not in order; give each level once, the lowest first")
    return levels


Window = Annotated[int, Field(ge=5, le=180), AfterValidator(_whole_buckets)]
Percent = Annotated[int, Field(ge=1, le=100)]
#: 0: told once, and when it is over
Repeat = Annotated[int, Field(ge=0, le=168)]


class Rule(Document):
    """What every kind of alert has."""

    # not `on`, which YAML reads as true
    enabled: bool = True


class FailedRule(Rule):
    """Calls that fail: `count` of them in the window, or `share_percent` of at least `least` that ended in it."""

    window_minutes: Window = 15
    count: int = Field(default=25, ge=1)
    share_percent: Percent = 20
    least: int = Field(default=10, ge=1)
    repeat_hours: Repeat = 1


class NewReasonRule(Rule):
    """A reason for which no call of the Action failed, was parked or rejected in the last `forget_days` days."""

    forget_days: int = Field(default=30, ge=1, le=90)


class ParkedRule(Rule):
    """Calls of the Action that wait for a person."""

    count: int = Field(default=1, ge=1)
    repeat_hours: Repeat = 24


class LagRule(Rule):
    """The oldest call that waits for a connection is older than this."""

    oldest_minutes: int = Field(default=15, ge=1)
    repeat_hours: Repeat = 1


class QuotaRule(Rule):
    """Parts of a vendor's daily calls at which people are told, and whether they last at this pace."""

    levels_percent: Annotated[list[Percent], AfterValidator(_ascending)] = Field(
        default_factory=lambda: [50, 80, 95], min_length=1, max_length=10
    )


class CertificateRule(Rule):
    """Days before its end at which a connection's certificate is spoken of."""

    days: int = Field(default=30, ge=1, le=365)
    repeat_hours: Repeat = 24


class SilenceRule(Rule):
    """Fewer than `share_percent` of the usual calls arrive, where `least` are usual in these hours of the week."""

    window_minutes: Window = 60
    least: int = Field(default=20, ge=1)
    share_percent: Percent = 10
    repeat_hours: Repeat = 6


class ActionRules(Document):
    """Rules of one Action; a rule that is absent is as for all, one that is given stands for itself."""

    failed: FailedRule | None = None
    new_reason: NewReasonRule | None = None
    parked: ParkedRule | None = None
    silence: SilenceRule | None = None


class ConnectionRules(Document):
    """Rules of one connection; a rule that is absent is as for all, one that is given stands for itself."""

    failed: FailedRule | None = None
    lag: LagRule | None = None
    quota: QuotaRule | None = None
    certificate: CertificateRule | None = None


class SyncRowsRule(Rule):
    """Rows of a run of a Sync that fail: `count` of them, or `share_percent` of at least `least`."""

    count: int = Field(default=100, ge=1)
    share_percent: Percent = 20
    least: int = Field(default=10, ge=1)
    repeat_hours: Repeat = 24


class SyncFailedRule(Rule):
    """A run of a Sync that failed, until one has gone well."""

    repeat_hours: Repeat = 24


class SyncParkedRule(Rule):
    """A run of a Sync that waits for a quota, a connection or a person."""

    repeat_hours: Repeat = 24


class SyncLagRule(Rule):
    """So long ago a run should have moved the watermark of an incremental Sync."""

    oldest_minutes: int = Field(default=60, ge=1)
    repeat_hours: Repeat = 24


class SyncRules(Document):
    """Rules of Syncs; of one Sync, a rule that is absent is as for all, one that is given stands for itself."""

    rows: SyncRowsRule = SyncRowsRule()
    failed: SyncFailedRule = SyncFailedRule()
    parked: SyncParkedRule = SyncParkedRule()
    lag: SyncLagRule = SyncLagRule()


class CycleFailedRule(Rule):
    """A run of a cycle that failed, until one has gone well."""

    repeat_hours: Repeat = 24


class CycleWaitsRule(Rule):
    """A run of a cycle that waits for a quota, a connection or a person, who confirms what a guard has counted."""

    repeat_hours: Repeat = 24


class CycleParkedRule(Rule):
    """Kinds of records with which a cycle cannot go on while the others do."""

    repeat_hours: Repeat = 24


class CycleAsideRule(Rule):
    """Pairs of fields of a cycle that cannot be kept in step."""

    repeat_hours: Repeat = 24


class CycleDueRule(Rule):
    """`count` records of a cycle whose write was tried `tries` times again; six times are some five hours."""

    count: int = Field(default=1, ge=1)
    tries: int = Field(default=6, ge=1, le=100)
    repeat_hours: Repeat = 24


class CycleRules(Document):
    """Rules of CRM cycles; of one cycle, a rule that is absent is as for all, one that is given stands for itself."""

    failed: CycleFailedRule = CycleFailedRule()
    waits: CycleWaitsRule = CycleWaitsRule()
    parked: CycleParkedRule = CycleParkedRule()
    aside: CycleAsideRule = CycleAsideRule()
    due: CycleDueRule = CycleDueRule()


class AlertsDocument(Document):
    """Who is told of what: rules for all, and those of single Actions and connections."""

    format: Literal[1] = 1
    kind: Literal["alerts"]
    #: there is one, so that there is no question which holds
    id: Literal["alerts"]
    name: Name = "Alerts"
    failed: FailedRule = FailedRule()
    new_reason: NewReasonRule = NewReasonRule()
    parked: ParkedRule = ParkedRule()
    lag: LagRule = LagRule()
    quota: QuotaRule = QuotaRule()
    certificate: CertificateRule = CertificateRule()
    silence: SilenceRule = SilenceRule()
    sync: SyncRules = SyncRules()
    cycle: CycleRules = CycleRules()
    actions: dict[Identifier, ActionRules] = Field(default_factory=dict)
    syncs: dict[Identifier, SyncRules] = Field(default_factory=dict)
    cycles: dict[Identifier, CycleRules] = Field(default_factory=dict)
    connections: dict[Identifier, ConnectionRules] = Field(default_factory=dict)

    def for_action(self, action: str) -> ActionRules:
        """The rules of an Action, every one filled in."""
        own = self.actions.get(action, ActionRules())
        return ActionRules(
            failed=own.failed or self.failed,
            new_reason=own.new_reason or self.new_reason,
            parked=own.parked or self.parked,
            silence=own.silence or self.silence,
        )

    def for_sync(self, sync: str) -> SyncRules:
        """The rules of a Sync: what its own leave out is as for all."""
        own = self.syncs.get(sync)
        return self.sync.model_copy(update={name: getattr(own, name) for name in own.model_fields_set} if own else {})

    def for_cycle(self, cycle: str) -> CycleRules:
        """The rules of a CRM cycle: what its own leave out is as for all."""
        own = self.cycles.get(cycle)
        return self.cycle.model_copy(update={name: getattr(own, name) for name in own.model_fields_set} if own else {})

    def for_connection(self, connection: str) -> ConnectionRules:
        """The rules of a connection, every one filled in."""
        own = self.connections.get(connection, ConnectionRules())
        return ConnectionRules(
            failed=own.failed or self.failed,
            lag=own.lag or self.lag,
            quota=own.quota or self.quota,
            certificate=own.certificate or self.certificate,
        )


DEFAULTS = AlertsDocument(kind="alerts", id="alerts")


def check_alerts(
    document: AlertsDocument,
    *,
    actions: Collection[str],
    connections: Collection[str],
    syncs: Collection[str],
    cycles: Collection[str],
) -> list[tuple[str, str]]:
    """Findings about what the document names: a JSON pointer and a sentence each."""
    missing = [
        (f"/actions/{name}", "there is no Action of this id; `leadbridge actions` lists them")
        for name in document.actions
        if name not in actions
    ]
    missing += [
        (f"/syncs/{name}", "there is no Sync of this id; `leadbridge syncs list` shows them")
        for name in document.syncs
        if name not in syncs
    ]
    missing += [
        (f"/cycles/{name}", "there is no cycle of this id; `leadbridge cycle list` shows them")
        for name in document.cycles
        if name not in cycles
    ]
    missing += [
        (f"/connections/{name}", "there is no connection of this id; `leadbridge connections list` shows them")
        for name in document.connections
        if name not in connections
    ]
    return missing
