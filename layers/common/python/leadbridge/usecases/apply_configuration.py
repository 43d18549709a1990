"""Plan what applying documents changes, and do just that: all of them or none.

The documents are checked as they would stand among those that are stored, so that an Action can be checked through
a connection that is new. Applying takes a plan and nothing else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from leadbridge.domain.action import Action, Configuration, MarketoConnection, as_document
from leadbridge.domain.alert_rules import AlertsDocument, check_alerts
from leadbridge.domain.checks import check_action
from leadbridge.domain.clauses import named_lists
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.differences import Difference, changes
from leadbridge.domain.findings import Finding, at, label, of_line, read_document
from leadbridge.domain.lifecycle import RUN, USED, Change, DocumentState, Move, Stored, refusal
from leadbridge.domain.reading import changed_members
from leadbridge.domain.records import CustomActivityType, ObjectDescription
from leadbridge.domain.retention import retention_lines
from leadbridge.domain.sync import Sync
from leadbridge.domain.trial_checks import NO_TRIAL_LIST, check_trial
from leadbridge.domain.unnoticed import fulfilled_unnoticed, objects_of_cycle, unnoticed_in_cycle, unnoticed_in_sync
from leadbridge.errors import ConfigurationError, PermanentError, SyncError
from leadbridge.ports import Clock, Configurations, Connections, Documents
from leadbridge.usecases.check_connector import connector_lines
from leadbridge.usecases.check_cycle import ENDS, described_lines, relinked_line, rival, rival_line
from leadbridge.usecases.check_marketo import marketo_lines
from leadbridge.usecases.check_sync import CONNECTION_KINDS, sync_lines

#: an item of the table may have 400 KB (AWS), and holds the document and its text
MOST_BYTES = 350_000
#: before any time that a document names
NO_PAST = datetime(1970, 1, 1, tzinfo=UTC)
VENDORS: Mapping[str, str] = {"marketo_connection": "Marketo", "salesforce_connection": "Salesforce"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A document as it is given: its plain values, and its text where somebody wrote one."""

    raw: Any
    text: str = ""


class Effect(StrEnum):
    """What applying does to a document."""

    CREATE = "create"
    CHANGE = "change"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One document of a plan."""

    document: Configuration
    text: str
    before: Stored | None
    #: without findings; what is not sound is only stored as a draft
    sound: bool = True

    @property
    def name(self) -> str:
        """How the document is called."""
        return label(self.document.kind, self.document.id)

    @property
    def effect(self) -> Effect:
        """What applying does to it."""
        if self.before is None:
            return Effect.CREATE
        leaves_draft = self.sound and self.before.state is DocumentState.DRAFT
        becomes_draft = not self.sound and self.before.state is not DocumentState.DRAFT
        same = self.before.says(self.document, self.text) and not (leaves_draft or becomes_draft)
        return Effect.NOTHING if same else Effect.CHANGE

    @property
    def differences(self) -> list[Difference]:
        """What differs from the current version; nothing where only the text or the state does."""
        if self.before is None:
            return []
        return changes(self.before.document, self.document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What applying would do, and what is wrong; a plan that is `refused` cannot be applied."""

    documents: Sequence[Planned] = ()
    findings: Sequence[Finding] = ()
    refused: bool = False
    #: what nobody can change, but should know of
    warnings: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying did to one document."""

    stored: Stored
    changed: bool


@dataclass(frozen=True, slots=True)
class _Overlay:
    """The stored documents with the planned ones before them."""

    stored: Documents
    planned: dict[tuple[str, str], Stored] = field(default_factory=dict)

    def get(self, kind: str, identifier: str, version: int | None = None) -> Stored | None:
        """The document, by default as it would be."""
        planned = self.planned.get((kind, identifier)) if version is None else None
        return planned or self.stored.get(kind, identifier, version)

    def add(self, planned: Planned) -> None:
        """Let a document stand before the stored one, as the version that it would become."""
        document, before = planned.document, planned.before
        stored = Stored(document=document, version=1, state=DocumentState.ACTIVE)
        if before is not None:
            version = before.version + (planned.effect is Effect.CHANGE)
            stored = replace(before, document=document, version=version)
        self.planned[document.kind, document.id] = stored


class ApplyConfiguration:
    """Plan and apply documents as people write them."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        connect: Callable[[Documents], Connections],
        clock: Clock | None = None,
    ) -> None:
        """`connect` gives clients of the connections that it finds among documents.

        Without a `clock` no time that a document names is past.
        """
        self._configurations = configurations
        self._connect = connect
        self._now: Callable[[], datetime] = clock.now if clock else lambda: NO_PAST

    def plan(self, given: Sequence[Given], *, draft: bool = False, thorough: bool = False) -> Plan:
        """What applying the documents would do; nothing is written.

        Args:
            given: The documents.
            draft: Actions with findings are to be stored as drafts.
            thorough: Check what is unchanged, too.
        """
        planned, findings = self._read(given)
        refused = bool(findings)
        broken = {finding.document for finding in findings}
        overlay = _Overlay(self._configurations)
        for each in planned:
            overlay.add(each)
        connections = self._connect(overlay)
        checked: list[Planned] = []
        for each in planned:
            found: list[Finding] = []
            if isinstance(each.document, Action) and (thorough or each.effect is not Effect.NOTHING):
                found = [*_check(each.document, overlay, connections, broken), *check_trial(each.document, each.before)]
            if isinstance(each.document, ConnectorAction) and (thorough or each.effect is not Effect.NOTHING):
                found = [
                    *_check_connector(each.document, overlay, connections, broken),
                    *check_trial(each.document, each.before),
                ]
            if isinstance(each.document, Sync) and (thorough or each.effect is not Effect.NOTHING):
                before = each.before.document if each.before else None
                same = isinstance(before, Sync) and before.schedule == each.document.schedule
                # a time that was to come when it was stored may be past by now
                now = NO_PAST if same else self._now()
                found = list(_check_sync(each.document, overlay, connections, broken, now=now))
            if isinstance(each.document, CrmCycle) and (thorough or each.effect is not Effect.NOTHING):
                found = [
                    *_check_cycle(each.document, overlay, connections, broken),
                    *self._beside(each, each.document, overlay),
                ]
            if isinstance(each.document, AlertsDocument):
                found = list(_check_names(each.document, overlay))
            if each.document.kind in VENDORS and (thorough or each.effect is not Effect.NOTHING):
                enabled = each.before is None or each.before.active
                found = list(_check_address(each, connections if enabled else self._enabled(each)))
            forbidden = refusal(Move.STORE_DRAFT, each.before.state) if found and draft and each.before else None
            if forbidden:
                found.append(at(each.name, "", forbidden))
            refused |= bool(found) and (not draft or forbidden is not None)
            checked.append(replace(each, sound=not found))
            findings += found
        return Plan(
            documents=checked,
            findings=findings,
            refused=refused,
            warnings=list(self._warnings(checked, overlay, connections)),
        )

    def _warnings(self, planned: Sequence[Planned], documents: Documents, connections: Connections) -> Iterator[str]:
        """What nobody can change.

        What Marketo has no more when a cycle first runs, that a changed Sync reads everything, and which changes
        Salesforce tells of to nobody.
        """
        now = self._now()
        for each in planned:
            if isinstance(each.document, CrmCycle) and each.effect is not Effect.NOTHING and now != NO_PAST:
                yield from (f"{each.name}: {line}" for line in retention_lines(each.document, {}, now))
            if (line := _read_anew(each)) is not None:
                yield f"{each.name}: {line}"
            if each.sound and each.effect is not Effect.NOTHING:
                yield from (f"{each.name}: {line}" for line in _unnoticed(each.document, documents, connections))

    def _beside(self, planned: Planned, cycle: CrmCycle, documents: Documents) -> Iterator[Finding]:
        """Whether a cycle would be beside another active one of the same instances, or forget who is who."""
        active = planned.before is not None and planned.before.active
        if active and (other := rival(self._configurations, documents, cycle)):
            yield of_line(planned.name, rival_line(other))
        before = planned.before
        if before is None or before.state not in {*USED, DocumentState.INACTIVE}:
            return  # nobody was ever linked by it
        if isinstance(before.document, CrmCycle) and (line := relinked_line(before.document, cycle)):
            yield of_line(planned.name, line)

    def _enabled(self, planned: Planned) -> Connections:
        """Clients by which a disabled connection can be looked at as others are."""
        document = planned.document
        enabled = Stored(document=document, version=1, state=DocumentState.ACTIVE)
        return self._connect(_Overlay(self._configurations, {(document.kind, document.id): enabled}))

    def plan_rollback(self, kind: str, identifier: str, version: int) -> Plan:
        """What making an older version the current one again would do.

        Raises:
            ConfigurationError: There is no such version.
        """
        old = self._configurations.get(kind, identifier, version)
        if old is None:
            raise ConfigurationError([f"{label(kind, identifier)} has no version {version}"])
        return self.plan([Given(raw=as_document(old.document), text=old.change.text)])

    def apply(self, plan: Plan, *, author: str, at: datetime, note: str = "") -> list[Applied]:
        """Do what a plan says.

        Raises:
            ConfigurationError: The plan is refused, with every finding, and nothing is stored; or somebody else stored
                a version since the plan was made, and only documents before that one are stored.
        """
        if plan.refused:
            raise ConfigurationError([finding.line() for finding in plan.findings])
        applied = []
        for each in plan.documents:
            stored, changed = self._configurations.put(
                each.document,
                Change(author=author, at=at, note=note, text=each.text),
                sound=each.sound,
                follows=each.before.version if each.before else 0,
            )
            applied.append(Applied(stored=stored, changed=changed))
        return applied

    def _read(self, given: Sequence[Given]) -> tuple[list[Planned], list[Finding]]:
        """The documents that have the shape of one, those that run last, and what is wrong with the others."""
        planned: dict[tuple[str, str], Planned] = {}
        findings: list[Finding] = []
        for each in given:
            parsed = read_document(each.raw)
            if isinstance(parsed, list):
                findings += parsed
                continue
            key, name = (parsed.kind, parsed.id), label(parsed.kind, parsed.id)
            if key in planned:
                findings.append(at(name, "", "is given twice; keep one"))
            if len(f"{parsed.model_dump_json()}{each.text}".encode()) > MOST_BYTES:
                findings.append(at(name, "", f"has more than {MOST_BYTES} bytes with its text; make it smaller"))
            planned[key] = Planned(document=parsed, text=each.text, before=self._configurations.get(*key))
        return sorted(planned.values(), key=lambda each: each.document.kind in RUN), findings


def _check(action: Action, documents: Documents, connections: Connections, broken: Set[str]) -> Iterator[Finding]:
    """What is wrong with an Action, asking both vendors once its connections are there.

    `broken`: names of documents that have findings of their own; what hangs on them cannot be told yet.
    """
    name = label(action.kind, action.id)
    ends = [
        ("/source/connection", "marketo_connection", action.source.connection),
        ("/destination/connection", "salesforce_connection", action.destination.connection),
    ]
    if broken & {name, *(label(kind, connection) for _, kind, connection in ends)}:
        return
    unusable = [at(name, pointer, why) for pointer, *end in ends if (why := _why_unusable(documents, *end))]
    if unusable:
        yield from unusable
        return
    marketo = connections.marketo(action.source.connection)
    salesforce = connections.salesforce(action.destination.connection)
    leads = _described(name, "/source/connection", marketo.describe_leads)
    described = _described(name, "/destination/object", lambda: salesforce.describe(action.destination.object))
    others = [
        _described(name, "/destination/match_in", lambda each=each: salesforce.describe(each))  # type: ignore[misc]  # bound now
        for each in action.objects
        if each != action.destination.object
    ]
    if isinstance(leads, list) or isinstance(described, list) or any(isinstance(each, list) for each in others):
        every = (leads, described, *others)
        yield from (finding for each in every if isinstance(each, list) for finding in each)
        return
    chained = [
        _described(name, f"/chained/{index}/object", lambda each=each: salesforce.describe(each.object))  # type: ignore[misc]  # bound now
        for index, each in enumerate(action.chained or ())
    ]
    yield from (finding for each in chained if isinstance(each, list) for finding in each)
    activity: CustomActivityType | None = None
    try:
        activity = marketo.custom_activity_type(action.results.activity)
    except (ConfigurationError, PermanentError):
        activity = None  # the check below says so and what to do
    if activity is not None and not activity.status.startswith("approved"):
        activity = None
    trial_list = action.trial.static_list if action.trial else None
    if trial_list is not None and marketo.static_list(trial_list) is None:
        yield at(name, "/trial/static_list", NO_TRIAL_LIST)
    lists = [each for each in named_lists(action.conditions) if documents.get("list", each) is not None]
    lines = check_action(
        action,
        leads=leads,
        destination=described,
        others=[each for each in others if not isinstance(each, list)],
        chained=[each for each in chained if not isinstance(each, list)],
        activity=activity,
        lists=lists,
    )
    records = {each.name: each for each in (described, *others) if not isinstance(each, list)}
    for line in (*lines, *marketo_lines(action, marketo, records)):
        yield of_line(name, line)


def _check_connector(
    action: ConnectorAction, documents: Documents, connections: Connections, broken: Set[str]
) -> Iterator[Finding]:
    """What is wrong with an Action whose destination is Marketo, asking it once its connection is there."""
    name, connection = label(action.kind, action.id), action.destination.connection
    if broken & {name, label("marketo_connection", connection)}:
        return
    if why := _why_unusable(documents, "marketo_connection", connection):
        yield at(name, "/destination/connection", why)
        return
    lists = [each for each in named_lists(action.conditions) if documents.get("list", each) is not None]
    try:
        lines = list(connector_lines(action, connections.marketo(connection), lists=lists))
    except ConfigurationError as error:
        # the connection itself lacks something, its secret above all
        yield from (at(name, "/destination/connection", each) for each in error.findings)
        return
    yield from (of_line(name, line) for line in lines)


def _check_sync(
    sync: Sync, documents: Documents, connections: Connections, broken: Set[str], *, now: datetime
) -> Iterator[Finding]:
    """What is wrong with a Sync, asking both vendors once its connections are there."""
    name = label(sync.kind, sync.id)
    ends: list[Vendor] = []
    for where, connection in (("source", sync.source.connection), ("destination", sync.destination.connection)):
        found = [(kind, vendor) for kind, vendor in CONNECTION_KINDS if documents.get(kind, connection) is not None]
        if len(found) != 1:
            several = f"{connection} is a connection of either vendor; give one of them another id"
            none = f"there is no connection {connection}; apply its document, or choose another"
            yield at(name, f"/{where}/connection", several if found else none)
            continue
        [(kind, vendor)] = found
        if label(kind, connection) in broken:
            return
        if why := _why_unusable(documents, kind, connection):
            yield at(name, f"/{where}/connection", why)
            continue
        ends.append(vendor)
    handed = sync.destination.action or ""
    if len(ends) < 2 or broken & {name, label("action", handed)}:
        return
    stored = documents.get("action", handed) if handed else None
    action = stored.document if stored and isinstance(stored.document, ConnectorAction) else None
    lists = [each for each in named_lists(sync.conditions) if documents.get("list", each) is not None]
    try:
        lines = list(sync_lines(sync, (ends[0], ends[1]), connections, lists=lists, now=now, action=action))
    except ConfigurationError as error:
        # a connection itself lacks something, its secret above all
        yield from (at(name, "", each) for each in error.findings)
        return
    yield from (of_line(name, line) for line in lines)


def _check_cycle(
    cycle: CrmCycle, documents: Documents, connections: Connections, broken: Set[str]
) -> Iterator[Finding]:
    """What is wrong with a CRM cycle, asking both vendors once its connections are there."""
    name = label(cycle.kind, cycle.id)
    ends = [(f"/{member}", kind, getattr(cycle, member)) for member, kind in ENDS]
    if broken & {name, *(label(kind, connection) for _, kind, connection in ends)}:
        return
    unusable = [at(name, pointer, why) for pointer, *end in ends if (why := _why_unusable(documents, *end))]
    if unusable:
        yield from unusable
        return
    try:
        lines = list(described_lines(cycle, connections))
    except ConfigurationError as error:
        # a connection itself lacks something, its secret above all
        yield from (at(name, "", each) for each in error.findings)
        return
    yield from (of_line(name, line) for line in lines)


def _read_anew(planned: Planned) -> str | None:
    """That a Sync which reads changes reads everything once, since it carries something else; None if it does not."""
    before = planned.before
    if before is None or not isinstance(before.document, Sync) or not isinstance(planned.document, Sync):
        return None
    changed = changed_members(before.document, planned.document)
    ran = before.state in {*USED, DocumentState.INACTIVE}
    if not (ran and changed and before.document.incremental and planned.document.incremental):
        return None
    return (
        f"the next run reads everything, since {', '.join(changed)} "
        f"{'has' if len(changed) == 1 else 'have'} changed; what is the same already is not written"
    )


def _unnoticed(document: Configuration, documents: Documents, connections: Connections) -> Iterator[str]:
    """What changes without a change of the record, of a sound document that reads changes."""
    if isinstance(document, CrmCycle):
        salesforce = connections.salesforce(document.salesforce)
        described = {name: salesforce.describe(name) for name in sorted(objects_of_cycle(document))}
        yield from unnoticed_in_cycle(document, described)
    if isinstance(document, Sync):
        yield from fulfilled_unnoticed(document)
    if isinstance(document, Sync) and documents.get("salesforce_connection", document.source.connection) is not None:
        described_source = connections.salesforce(document.source.connection).describe(document.source.object)
        yield from unnoticed_in_sync(document, described_source)


def _check_address(planned: Planned, connections: Connections) -> Iterator[Finding]:
    """Whether a connection leads to the vendor, as its client says when it is made; nothing is sent."""
    document = planned.document
    try:
        if isinstance(document, MarketoConnection):
            connections.marketo(document.id)
        else:
            connections.salesforce(document.id)
    except ConfigurationError as error:
        for each in error.findings:
            member, _, words = each.partition(" ")
            if member in type(document).model_fields:
                yield at(planned.name, f"/{member}", words)


def _check_names(document: AlertsDocument, documents: Documents) -> Iterator[Finding]:
    """What the alerts speak of and what is not there."""
    actions = [each for each in document.actions if documents.get("action", each)]
    connections = [each for each in document.connections if any(documents.get(kind, each) for kind in VENDORS)]
    syncs = [each for each in document.syncs if documents.get("sync", each)]
    cycles = [each for each in document.cycles if documents.get("crm_cycle", each)]
    found = check_alerts(document, actions=actions, connections=connections, syncs=syncs, cycles=cycles)
    for pointer, sentence in found:
        yield at(label(document.kind, document.id), pointer, sentence)


def _described(name: str, pointer: str, describe: Callable[[], ObjectDescription]) -> ObjectDescription | list[Finding]:
    """What a vendor says of the object at an end, or why it says nothing; a refused login is no finding."""
    try:
        return describe()
    except PermanentError as error:
        sentence = f"cannot be described: {error}; correct its name, or give the integration user access to it"
        return [at(name, pointer, sentence)]
    except ConfigurationError as error:
        # the connection itself lacks something, its secret above all
        return [at(name, f"{pointer.rpartition('/')[0]}/connection", each) for each in error.findings]


def _why_unusable(documents: Documents, kind: str, connection: str) -> str:
    """Why an Action may not name a connection, and what to do; empty if it may."""
    stored = documents.get(kind, connection)
    if stored is None:
        return f"there is no {VENDORS[kind]} connection {connection}; apply its document, or choose another"
    if not stored.active:
        return f"{connection} is disabled; `leadbridge connections enable {connection}`, or choose another"
    return ""


def explain(error: SyncError) -> list[str]:
    """The findings of an error as lines for a person."""
    return list(error.findings) if isinstance(error, ConfigurationError) else [str(error)]
