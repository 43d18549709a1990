"""Composition root: the only place where adapters meet use-cases. Built lazily, kept for the process."""

import time
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from leadbridge.aws.chunks import DynamoChunks
from leadbridge.aws.configurations import DynamoConfigurations
from leadbridge.aws.heartbeat import LeaseHeartbeat
from leadbridge.aws.inbox import DynamoInbox
from leadbridge.aws.keys import DynamoKeys
from leadbridge.aws.lanes import DynamoLanes
from leadbridge.aws.log import DynamoLog
from leadbridge.aws.services import CallbackBell, LambdaBell, Secret, Signer, SystemClock, hash_key
from leadbridge.aws.tally import DynamoTally
from leadbridge.config import (
    AdminApiSettings,
    AnswerInlineSettings,
    CallBackSettings,
    ForgetPersonSettings,
    HearOfChangesSettings,
    InboxSettings,
    IntakeSettings,
    ReceiveOutboundMessageSettings,
    RecoverCallsSettings,
    RunActionsSettings,
    RunBulkStepSettings,
    RunCycleStepSettings,
    RunSyncStepSettings,
    SendAlertsSettings,
    Settings,
    StartSyncSettings,
    StoreEventsSettings,
    SweepSettings,
    VendorSettings,
)
from leadbridge.observability import EmbeddedMetrics
from leadbridge.usecases.counting import CountingInbox, flush
from leadbridge.usecases.holds import Holds
from leadbridge.usecases.ripening import Ripen, Ripeness
from leadbridge.usecases.send_callbacks import ChunkEnds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from leadbridge.announcements import OutboundMessages
    from leadbridge.aws.cycles import DynamoCycleRuns
    from leadbridge.aws.due import DynamoDueRecords
    from leadbridge.aws.jobs import DynamoBulkRuns
    from leadbridge.aws.links import DynamoLinks
    from leadbridge.aws.recoveries import DynamoRecoveries
    from leadbridge.aws.syncs import DynamoSyncRuns
    from leadbridge.domain.limits import Lane
    from leadbridge.ports import Documents
    from leadbridge.usecases.check_connection import CheckConnection
    from leadbridge.usecases.connection_secrets import ConnectionSecrets
    from leadbridge.usecases.count_outcomes import CountOutcomes
    from leadbridge.usecases.cycle_rows import CycleRows
    from leadbridge.usecases.hear_of_changes import HearOfChanges
    from leadbridge.usecases.import_files import ImportPorts
    from leadbridge.usecases.late_calls import LateCalls
    from leadbridge.usecases.lint_attribution import LintAttribution
    from leadbridge.usecases.list_connections import ListConnections
    from leadbridge.usecases.order_erasure import OrderErasure
    from leadbridge.usecases.overview import ShowOverview
    from leadbridge.usecases.propose_cycle import ProposeCycle
    from leadbridge.usecases.setup_sheet import ShowSetup
    from leadbridge.usecases.start_cycle import StartCycle
    from leadbridge.usecases.start_sync import Started, StartSync
    from leadbridge.usecases.store_events import StoreEvents
    from leadbridge.usecases.sweep import Sweep
    from leadbridge.usecases.webhook_sheet import ShowWebhook
    from leadbridge.vendors.connections import VendorConnections, VendorLimits
    from leadbridge.vendors.http.deadline import Deadline

#: AWS answers in milliseconds; a worker would rather try again than wait
CLIENT = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 4, "mode": "standard"})
#: what we ask of tables is made by our own code, and DynamoDB checks it: the SDK's look at each value of thousands of
#: items costs more than to send them. Elsewhere it stays: at S3 an empty key would name the bucket.
TABLES = CLIENT.merge(Config(parameter_validation=False))
#: an erasure reads everything: the admin API waits for it as long as it can, and never asks twice
ERASER = CLIENT.merge(Config(read_timeout=22, retries={"total_max_attempts": 1}))


@cache
def _session() -> Any:  # the stubs know one type per service name; here the name is a variable
    # one for all clients: a session of its own would make each read the service descriptions anew
    return boto3.Session()


@cache
def _client(service: str) -> Any:
    return _session().client(service, config=TABLES if service == "dynamodb" else CLIENT)


class _Later:
    """A client that is made when it is first used: most runs ring for nobody, and a client costs milliseconds."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(_client(self._service), name)


def _later(service: str) -> Any:
    return _Later(service)


@cache
def meter() -> EmbeddedMetrics:
    """The counters of this process."""
    return EmbeddedMetrics(Settings.from_environment().STACK_NAME)


@cache
def store_events() -> "StoreEvents":
    """The use-case that stores calls, also those of chunks."""
    settings = StoreEventsSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    return _store(settings, clock, _chunk_ends(settings, settings.CALL_BACK_FUNCTION, clock))


def _store(settings: IntakeSettings, clock: SystemClock, chunks: ChunkEnds | None = None) -> "StoreEvents":
    from leadbridge.usecases.placing import Placing
    from leadbridge.usecases.store_events import StoreEvents

    return StoreEvents(
        configurations=DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE),
        inbox=_inbox(settings, clock, keys=""),
        lanes=_lanes(settings),
        bell=LambdaBell(_later("lambda"), settings.RUN_ACTIONS_FUNCTION),
        clock=clock,
        chunks=chunks,
        place=Placing(
            configurations=DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE),
            hash_key=hash_key(Secret(_client("secretsmanager"), settings.INDEX_KEY_SECRET_ARN)),
        ),
    )


@cache
def late_calls() -> "LateCalls":
    """The use-case of `store_events`: it stores calls, unless they were recovered meanwhile."""
    from leadbridge.usecases.late_calls import LateCalls

    settings = StoreEventsSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    return LateCalls(
        store=store_events(),
        configurations=DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE),
        log=DynamoLog(_client("dynamodb"), table=settings.EXECUTIONS_TABLE),
        inbox=_table_inbox(settings, clock, keys=""),
        recoveries=_recoveries(settings, clock),
        clock=clock,
        hash_key=hash_key(Secret(_client("secretsmanager"), settings.INDEX_KEY_SECRET_ARN)),
    )


@cache
def recover_calls() -> Any:
    """The use-case of `recover_calls`."""
    from leadbridge.domain.limits import Lane
    from leadbridge.usecases.recover_calls import RecoverCalls

    settings = RecoverCallsSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    return RecoverCalls(
        configurations=configurations,
        connections=_connections(settings, clock, configurations, Lane.SCHEDULED),
        log=DynamoLog(_client("dynamodb"), table=settings.EXECUTIONS_TABLE),
        recoveries=_recoveries(settings, clock),
        store=_store(settings, clock),
        clock=clock,
        meter=meter(),
        hash_key=hash_key(Secret(_client("secretsmanager"), settings.INDEX_KEY_SECRET_ARN)),
        retention=timedelta(days=settings.RETENTION_DAYS),
    )


@cache
def drain_lane() -> Any:
    """The use-case of `run_actions`."""
    # httpx and the vendor clients are imported by this function alone
    from leadbridge.domain.limits import Lane
    from leadbridge.usecases.batch import RunSettings
    from leadbridge.usecases.drain_lane import DrainLane, DrainSettings
    from leadbridge.usecases.run_events import RunEvents

    settings = RunActionsSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    lanes = _lanes(settings)
    inbox = _inbox(settings, clock, keys=settings.KEYS_TABLE)
    index = Secret(_client("secretsmanager"), settings.INDEX_KEY_SECRET_ARN)
    connections = _connections(settings, clock, configurations, Lane.ON_DEMAND)
    run_events = RunEvents(
        configurations=configurations,
        inbox=inbox,
        keys=_keys(settings),
        connections=connections,
        clock=clock,
        meter=meter(),
        hash_key=hash_key(index),
        settings=RunSettings(
            retry_seconds=settings.RETRY_SECONDS,
            settle=timedelta(seconds=settings.SETTLE_SECONDS),
            patience=timedelta(days=settings.RETRY_DAYS),
            look=timedelta(seconds=settings.BULK_POLL_SECONDS or 30),
        ),
        chunks=_chunk_ends(settings, settings.CALL_BACK_FUNCTION, clock),
        imports=lambda: _imports(settings, clock),
    )
    return DrainLane(
        inbox=inbox,
        lanes=lanes,
        bell=LambdaBell(_later("lambda"), settings.AWS_LAMBDA_FUNCTION_NAME),
        clock=clock,
        heartbeat=LeaseHeartbeat(lanes, clock, settings.LEASE_SECONDS),
        run_events=run_events,
        holds=Holds(configurations),
        sleep=time.sleep,
        settings=DrainSettings(),
        ripen=Ripen(inbox=inbox, lanes=lanes, ripeness=Ripeness(configurations), meter=meter()),
    )


def _bulk_runs(
    settings: AdminApiSettings | RunActionsSettings | RunBulkStepSettings, clock: SystemClock
) -> "DynamoBulkRuns":
    from leadbridge.aws.jobs import DynamoBulkRuns

    return DynamoBulkRuns(
        _client("dynamodb"),
        table=settings.EXECUTIONS_TABLE,
        retention=timedelta(days=settings.RETENTION_DAYS),
        now=clock.now,
    )


def _imports(settings: RunActionsSettings, clock: SystemClock) -> "ImportPorts":
    """What imports need; clients are made with the first of them."""
    from leadbridge.aws.machines import StepFunctionsImports
    from leadbridge.aws.objects import S3Objects
    from leadbridge.usecases.import_files import ImportPorts
    from leadbridge.vendors.http.redaction import leaf_values, mask

    return ImportPorts(
        objects=S3Objects(_later("s3"), bucket=settings.DATA_BUCKET),
        runs=_bulk_runs(settings, clock),
        machine=StepFunctionsImports(_later("stepfunctions"), machine=settings.BULK_IMPORT_MACHINE),
        mask=lambda text, sent: mask(text, leaf_values(sent)),
    )


@cache
def answer_inline() -> Any:
    """The use-case of `answer_inline`; what it holds serves one call at a time, as a process of Lambda does."""
    from leadbridge.aws.services import PatientBell
    from leadbridge.domain.limits import Lane
    from leadbridge.usecases.answer_inline import AnswerInline
    from leadbridge.usecases.batch import RunSettings
    from leadbridge.usecases.run_events import RunEvents
    from leadbridge.usecases.watching import Watch
    from leadbridge.vendors.http.deadline import Deadline

    settings = AnswerInlineSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    inbox = _inbox(settings, clock, keys=settings.KEYS_TABLE)
    watch, deadline = Watch(), Deadline()
    connections = _connections(settings, clock, configurations, Lane.ON_DEMAND, deadline)
    run_events = RunEvents(
        configurations=configurations,
        inbox=inbox,
        keys=_keys(settings),
        connections=connections,
        clock=clock,
        meter=meter(),
        hash_key=hash_key(Secret(_client("secretsmanager"), settings.INDEX_KEY_SECRET_ARN)),
        # what is given back is the lane's at once: the waits of a worker are for itself
        settings=RunSettings(retry_seconds=0, busy=timedelta(0), settle=timedelta(seconds=settings.SETTLE_SECONDS)),
        watch=watch,
    )
    return AnswerInline(
        configurations=configurations,
        inbox=inbox,
        lanes=_lanes(settings),
        bell=PatientBell(LambdaBell(_later("lambda"), settings.RUN_ACTIONS_FUNCTION)),
        clock=clock,
        meter=meter(),
        holds=Holds(configurations),
        run_events=run_events,
        watch=watch,
        deadline=deadline,
        give_back=connections.give_back,
    )


@cache
def run_bulk_step() -> Any:
    """The use-case of `run_bulk_step`."""
    from leadbridge.aws.objects import S3Objects
    from leadbridge.domain.jobs import Policy
    from leadbridge.domain.limits import Lane
    from leadbridge.usecases.run_bulk_step import RunBulkStep
    from leadbridge.vendors.bulk_jobs import VendorBulkJobs

    settings = RunBulkStepSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    return RunBulkStep(
        runs=_bulk_runs(settings, clock),
        objects=S3Objects(_client("s3"), bucket=settings.DATA_BUCKET),
        vendors=VendorBulkJobs(
            _connections(settings, clock, configurations, Lane.SCHEDULED),
            day_bytes=settings.MARKETO_EXTRACT_MEGABYTES * 1_000_000,
            now=clock.now,
        ),
        clock=clock,
        meter=meter(),
        policy=Policy(
            stuck_after=timedelta(minutes=settings.BULK_STUCK_MINUTES),
            settle=timedelta(seconds=settings.SETTLE_SECONDS),
            poll_seconds=settings.BULK_POLL_SECONDS,
        ),
        most_turns=settings.BULK_TURNS,
    )


@cache
def run_sync_step() -> Any:
    """The use-case of `run_sync_step`."""
    from functools import partial

    from leadbridge.aws.objects import S3Objects
    from leadbridge.aws.queue import CallQueue
    from leadbridge.aws.schemas import DynamoSchemas
    from leadbridge.domain.hashing import digests
    from leadbridge.domain.limits import Lane
    from leadbridge.usecases.custom_objects import CompletedSyncs
    from leadbridge.usecases.derived_syncs import WithDerived
    from leadbridge.usecases.hand_over import HandOver
    from leadbridge.usecases.kept_descriptions import KeptDescriptions
    from leadbridge.usecases.load_partition import LoadPartition
    from leadbridge.usecases.looked_up_rows import LookingVendors
    from leadbridge.usecases.run_sync_step import RunSyncStep
    from leadbridge.usecases.source_facts import SourceFacts
    from leadbridge.usecases.start_sync import vendor_of
    from leadbridge.vendors.sync_vendors import VendorSyncs

    settings = RunSyncStepSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    connections = _connections(settings, clock, configurations, Lane.SCHEDULED)
    runs = _sync_runs(settings, clock)
    objects = S3Objects(_client("s3"), bucket=settings.DATA_BUCKET)
    queue = CallQueue(_later("sqs"), settings.EVENTS_QUEUE_URL)
    calls = HandOver(documents=configurations, clock=clock, queue=lambda: queue)
    schemas = DynamoSchemas(_client("dynamodb"), table=settings.STATE_TABLE)
    whose = partial(vendor_of, configurations)
    vendors = LookingVendors(VendorSyncs(connections, whose, calls, schemas), connections, whose)
    kept = KeptDescriptions(objects, clock)
    facts = SourceFacts(connections=connections, documents=configurations, clock=clock, kept=kept)
    index = hash_key(Secret(_later("secretsmanager"), settings.INDEX_KEY_SECRET_ARN))
    load = LoadPartition(
        runs=runs,
        objects=objects,
        vendors=vendors,
        facts=facts,
        clock=clock,
        sleep=time.sleep,
        keys=_keys(settings),
        hash_key=index,
        settle=timedelta(seconds=settings.SETTLE_SECONDS),
        digest=digests(index),
    )
    return RunSyncStep(
        documents=WithDerived(configurations, CompletedSyncs(connections, clock, kept)),
        runs=runs,
        objects=objects,
        vendors=vendors,
        facts=facts,
        load=load,
        clock=clock,
        meter=meter(),
        first_reading=connections.first_reading,
        links=lambda cycle: _links(settings.STATE_TABLE, cycle),
    )


@cache
def run_cycle_step() -> Any:
    """The use-case of `run_cycle_step`."""
    from functools import partial

    from leadbridge.aws.objects import S3Objects
    from leadbridge.domain.limits import Lane
    from leadbridge.usecases.cycle_entities import CycleEntities, EntityStores, hands_nothing_over
    from leadbridge.usecases.kept_descriptions import KeptDescriptions
    from leadbridge.usecases.run_cycle_step import RunCycleStep
    from leadbridge.usecases.start_sync import vendor_of
    from leadbridge.vendors.cycle_news import VendorChanges, VendorNews
    from leadbridge.vendors.sync_vendors import VendorSyncs

    settings = RunCycleStepSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    connections = _connections(settings, clock, configurations, Lane.SCHEDULED)
    syncs = _sync_runs(settings, clock)
    objects = S3Objects(_client("s3"), bucket=settings.DATA_BUCKET)
    stores = EntityStores(
        runs=syncs,
        objects=objects,
        links=lambda cycle: _links(settings.STATE_TABLE, cycle),
        due=lambda cycle: _due(settings.STATE_TABLE, cycle),
        news=lambda cycle: VendorNews(connections.marketo(cycle.marketo), connections.salesforce(cycle.salesforce)),
        changes=lambda cycle: VendorChanges(
            connections.marketo(cycle.marketo), connections.salesforce(cycle.salesforce)
        ),
        hash_key=hash_key(Secret(_client("secretsmanager"), settings.INDEX_KEY_SECRET_ARN)),
        clock=clock,
        described=KeptDescriptions(objects, clock),
    )
    return RunCycleStep(
        documents=configurations,
        runs=_cycle_runs(settings, clock),
        syncs=syncs,
        entities=CycleEntities(connections, stores),
        # what a cycle reads and writes becomes no calls of an Action
        vendors=VendorSyncs(connections, partial(vendor_of, configurations), hands_nothing_over),
        clock=clock,
        meter=meter(),
        first_reading=connections.first_reading,
    )


@cache
def start_sync() -> "StartSync":
    """The use-case of `start_sync`."""
    settings = StartSyncSettings.from_environment()
    return _start_sync(settings, settings.SYNC_MACHINE, SystemClock(settings.CLOCK_URL))


@cache
def outbound_messages() -> "OutboundMessages":
    """The receiver of outbound messages."""
    from leadbridge.announcements import OutboundMessages

    settings = ReceiveOutboundMessageSettings.from_environment()
    return OutboundMessages(
        queue_url=settings.ANNOUNCEMENTS_QUEUE_URL,
        config_table=settings.CONFIG_TABLE,
        secret_arn=settings.WEBHOOK_SECRET_ARN,
        now=SystemClock(settings.CLOCK_URL).now,
    )


@cache
def forget_person() -> "Callable[[Mapping[str, Any]], dict[str, Any]]":
    """The use-case of `forget_person`."""
    from functools import partial

    from leadbridge.aws.shelves import AwsShelves
    from leadbridge.usecases.forget_person import CONFIG, EXECUTIONS, KEYS, STATE, ForgetPerson
    from leadbridge.usecases.order_erasure import answered

    settings = ForgetPersonSettings.from_environment()
    dead = (settings.EVENTS_DEAD_LETTERS, settings.ANNOUNCEMENTS_DEAD_LETTERS, settings.DEAD_LETTERS)
    shelves = AwsShelves(
        dynamodb=_client("dynamodb"),
        tables={
            CONFIG: settings.CONFIG_TABLE,
            EXECUTIONS: settings.EXECUTIONS_TABLE,
            KEYS: settings.KEYS_TABLE,
            STATE: settings.STATE_TABLE,
        },
        s3=_client("s3"),
        bucket=settings.DATA_BUCKET,
        sqs=_client("sqs"),
        queues={"on_the_way": (settings.EVENTS_QUEUE_URL, settings.ANNOUNCEMENTS_QUEUE_URL), "dead": dead},
    )
    secret = hash_key(Secret(_client("secretsmanager"), settings.INDEX_KEY_SECRET_ARN))
    return partial(answered, ForgetPerson(shelves=shelves, secret=secret, clock=SystemClock(settings.CLOCK_URL)))


def _order_erasure(settings: AdminApiSettings, secret: "Callable[[], bytes]") -> "OrderErasure":
    from leadbridge.aws.erasing import LambdaEraser, LoggedErasures
    from leadbridge.usecases.forget_person import LOGGED
    from leadbridge.usecases.order_erasure import OrderErasure

    return OrderErasure(
        eraser=LambdaEraser(_session().client("lambda", config=ERASER), settings.FORGET_PERSON_FUNCTION),
        logged=LoggedErasures(_client("dynamodb"), state=settings.STATE_TABLE, partition=LOGGED),
        secret=secret,
    )


@cache
def hear_of_changes() -> "HearOfChanges":
    """The use-case that takes up what an org has announced."""
    from leadbridge.aws.announced import AnnouncementQueue, DynamoAnnouncements
    from leadbridge.aws.services import CycleBell
    from leadbridge.usecases.hear_of_changes import HearOfChanges

    settings = HearOfChangesSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    client = _client("dynamodb")
    return HearOfChanges(
        configurations=DynamoConfigurations(client, table=settings.CONFIG_TABLE),
        announcements=DynamoAnnouncements(client, table=settings.KEYS_TABLE, now=clock.now),
        later=AnnouncementQueue(_later("sqs"), settings.ANNOUNCEMENTS_QUEUE_URL),
        due=lambda cycle: _due(settings.STATE_TABLE, cycle),
        tick=CycleBell(_later("lambda"), settings.START_SYNC_FUNCTION).tick,
        runs=_sync_runs(settings, clock),
        start=_start_sync(settings, settings.SYNC_MACHINE, clock),
        clock=clock,
        meter=meter(),
        look_seconds=settings.ANNOUNCED_LOOK_SECONDS,
    )


@cache
def schedule_syncs(function: str) -> Any:
    """The use-case that keeps the scheduler's entries; `function` is what they call."""
    from leadbridge.aws.schedules import Schedules
    from leadbridge.usecases.schedule_syncs import ScheduleSyncs

    settings = StartSyncSettings.from_environment()
    return ScheduleSyncs(
        configurations=DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE),
        schedules=Schedules(
            _client("scheduler"),
            group=settings.SCHEDULE_GROUP,
            function=function,
            role=settings.SCHEDULE_ROLE,
            dead_letters=settings.DEAD_LETTERS,
        ),
        start=start_sync(),
        clock=SystemClock(settings.CLOCK_URL),
    )


def _start_sync(
    settings: "StartSyncSettings | AdminApiSettings | HearOfChangesSettings", machine: str, clock: SystemClock
) -> "StartSync":
    from functools import partial

    from leadbridge.aws.machines import Machine
    from leadbridge.usecases.start_sync import StartSync, vendor_of

    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    return StartSync(
        documents=configurations,
        runs=_sync_runs(settings, clock),
        vendor=partial(vendor_of, configurations),
        starter=Machine(_later("stepfunctions"), machine),
        clock=clock,
    )


@cache
def start_cycle() -> "Callable[[str], Started]":
    """The use-case behind the tick of a cycle's schedule."""
    from leadbridge.domain.limits import Lane

    settings = StartSyncSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    connections = _connections(settings, clock, configurations, Lane.SCHEDULED)
    return _start_cycle(settings, clock, connections).tick


def _start_cycle(
    settings: "StartSyncSettings | AdminApiSettings", clock: SystemClock, connections: "VendorConnections"
) -> "StartCycle":
    from leadbridge.aws.machines import Machine
    from leadbridge.domain.cycle_syncs import derived_syncs
    from leadbridge.usecases.start_cycle import StartCycle
    from leadbridge.vendors.cycle_look import VendorLook

    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    return StartCycle(
        documents=configurations,
        runs=_cycle_runs(settings, clock),
        syncs=_sync_runs(settings, clock),
        queues=lambda cycle: derived_syncs(cycle)[0],
        due=lambda cycle: _due(settings.STATE_TABLE, cycle),
        look=VendorLook(connections, clock),
        starter=Machine(_later("stepfunctions"), settings.CYCLE_MACHINE, owner="cycle"),
        ask_sync=_start_sync(settings, settings.SYNC_MACHINE, clock).ask,
        clock=clock,
    )


def _links(table: str, cycle: str) -> "DynamoLinks":
    from leadbridge.aws.links import DynamoLinks

    return DynamoLinks(_client("dynamodb"), table=table, cycle=cycle)


def _due(table: str, cycle: str) -> "DynamoDueRecords":
    from leadbridge.aws.due import DynamoDueRecords

    return DynamoDueRecords(_client("dynamodb"), table=table, cycle=cycle)


def _cycle_runs(
    settings: "RunCycleStepSettings | StartSyncSettings | AdminApiSettings", clock: SystemClock
) -> "DynamoCycleRuns":
    from leadbridge.aws.cycles import DynamoCycleRuns

    return DynamoCycleRuns(
        _client("dynamodb"),
        executions=settings.EXECUTIONS_TABLE,
        state=settings.STATE_TABLE,
        retention=timedelta(days=settings.RETENTION_DAYS),
        now=clock.now,
    )


def _sync_runs(
    settings: (
        "RunSyncStepSettings | RunCycleStepSettings | StartSyncSettings | AdminApiSettings | HearOfChangesSettings"
    ),
    clock: SystemClock,
) -> "DynamoSyncRuns":
    from leadbridge.aws.syncs import DynamoSyncRuns

    return DynamoSyncRuns(
        _client("dynamodb"),
        executions=settings.EXECUTIONS_TABLE,
        state=settings.STATE_TABLE,
        retention=timedelta(days=settings.RETENTION_DAYS),
        now=clock.now,
    )


@cache
def admin_api() -> Any:
    """The admin API."""
    from functools import partial

    from leadbridge.admin.app import AdminApi
    from leadbridge.admin.services import Services
    from leadbridge.aws.alerts import DynamoWatch
    from leadbridge.aws.journal import DynamoJournal
    from leadbridge.aws.objects import S3Objects
    from leadbridge.aws.services import ScheduleBell
    from leadbridge.domain.limits import Lane
    from leadbridge.usecases.apply_configuration import ApplyConfiguration
    from leadbridge.usecases.catalogue import Catalogue
    from leadbridge.usecases.cycle_planned import CyclePlanned
    from leadbridge.usecases.cycle_results import CycleResults
    from leadbridge.usecases.derived_syncs import WithDerived
    from leadbridge.usecases.failed_callbacks import FailedCallbacks
    from leadbridge.usecases.hand_over import looked_at
    from leadbridge.usecases.list_connections import ListConnections
    from leadbridge.usecases.preview_sync import PreviewSync
    from leadbridge.usecases.price_cycle import PriceCycle
    from leadbridge.usecases.price_sync import PriceSync
    from leadbridge.usecases.redrive import Redrive
    from leadbridge.usecases.redrive_many import RedriveMany
    from leadbridge.usecases.search_executions import SearchExecutions
    from leadbridge.usecases.source_facts import SourceFacts
    from leadbridge.usecases.start_sync import vendor_of
    from leadbridge.usecases.sync_results import SyncResults
    from leadbridge.usecases.try_action import TryAction
    from leadbridge.usecases.view_sync import ViewSync
    from leadbridge.vendors.remedies import remedies
    from leadbridge.vendors.sync_vendors import VendorSyncs

    settings = AdminApiSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    # a connection that is disabled can be looked through before it is enabled
    connections, looking = (
        _connections(settings, clock, configurations, Lane.ON_DEMAND, even_disabled=even_disabled)
        for even_disabled in (False, True)
    )
    # a plan looks at connections that are not stored yet, through clients of its own
    planning: list[VendorConnections] = []

    def connect(documents: "Documents") -> "VendorConnections":
        planning.append(_connections(settings, clock, documents, Lane.ON_DEMAND))
        return planning[-1]

    def done() -> None:
        for each in (connections, looking, *planning):
            each.give_back()
        planning.clear()

    log = DynamoLog(_client("dynamodb"), table=settings.EXECUTIONS_TABLE)
    vault, index = (
        Secret(_client("secretsmanager"), settings.VENDOR_SECRET_ARN),
        hash_key(Secret(_client("secretsmanager"), settings.INDEX_KEY_SECRET_ARN)),
    )
    search = SearchExecutions(
        log=log, clock=clock, hash_key=index, configurations=configurations, lanes=_lanes(settings)
    )
    redrive = Redrive(
        configurations=configurations,
        log=log,
        inbox=_table_inbox(settings, clock, keys=""),
        lanes=_lanes(settings),
        bell=LambdaBell(_later("lambda"), settings.RUN_ACTIONS_FUNCTION),
        clock=clock,
    )
    runs, whose = _sync_runs(settings, clock), partial(vendor_of, configurations)
    sync_vendors = VendorSyncs(connections, whose, looked_at(configurations, clock))
    view = ViewSync(
        documents=configurations,
        runs=runs,
        vendors=sync_vendors,
        facts=SourceFacts(connections=connections, documents=configurations, clock=clock),
        vendor=whose,
        clock=clock,
    )
    preview = PreviewSync(view=view, runs=runs, vendors=sync_vendors)
    watch = DynamoWatch(_client("dynamodb"), executions=settings.EXECUTIONS_TABLE, state=settings.STATE_TABLE)
    listed = ListConnections(configurations=configurations, secrets=vault.value)
    return AdminApi(
        Services(
            configurations=configurations,
            overview=_overview(settings, clock, configurations, listed),
            outcomes=_outcomes(settings, clock),
            apply=ApplyConfiguration(configurations=configurations, connect=connect, clock=clock),
            connections=listed,
            check_connection=_check_connection(settings, configurations, looking),
            connection_secrets=_connection_secrets(configurations, vault),
            setup=_setup(configurations, looking),
            catalogue=Catalogue(connections=connections, clock=clock),
            trying=TryAction(documents=configurations, connections=connections, clock=clock, hash_key=index),
            webhook=_webhook(settings, looking),
            search=search,
            redrive=RedriveMany(search=search, redrive=redrive, documents=configurations),
            callbacks=FailedCallbacks(chunks=_chunks(settings, clock), clock=clock),
            erasing=_order_erasure(settings, index),
            view_sync=view,
            preview_sync=preview,
            price_sync=PriceSync(
                documents=configurations,
                preview=preview,
                instances=watch.instances,
                clock=clock,
                day_megabytes=settings.MARKETO_EXTRACT_MEGABYTES,
            ),
            start_sync=_start_sync(settings, settings.SYNC_MACHINE, clock),
            sync_results=SyncResults(
                documents=WithDerived(configurations),
                runs=runs,
                objects=S3Objects(_later("s3"), bucket=settings.DATA_BUCKET),
            ),
            start_cycle=_start_cycle(settings, clock, connections),
            cycle_results=CycleResults(documents=configurations, runs=_cycle_runs(settings, clock), syncs=runs),
            cycle_rows=_cycle_rows(settings, clock, configurations),
            cycle_planned=CyclePlanned(
                documents=configurations,
                runs=_cycle_runs(settings, clock),
                syncs=runs,
                objects=S3Objects(_later("s3"), bucket=settings.DATA_BUCKET),
                clock=clock,
            ),
            price_cycle=PriceCycle(
                documents=configurations,
                connections=connections,
                vendors=sync_vendors,
                facts=SourceFacts(connections=connections, documents=WithDerived(configurations), clock=clock),
                instances=watch.instances,
                clock=clock,
                day_megabytes=settings.MARKETO_EXTRACT_MEGABYTES,
            ),
            propose_cycle=_propose_cycle(connections),
            clients=connections,
            attribution=_attribution(settings, clock, configurations, connections),
            journal=DynamoJournal(_client("dynamodb"), table=settings.CONFIG_TABLE),
            keep_schedule=ScheduleBell(_later("lambda"), settings.START_SYNC_FUNCTION).keep,
            remedies=remedies,
            clock=clock,
            done=done,
        )
    )


def _propose_cycle(connections: "VendorConnections") -> "ProposeCycle":
    from leadbridge.usecases.propose_cycle import ProposeCycle

    return ProposeCycle(connections=connections)


def _cycle_rows(settings: AdminApiSettings, clock: SystemClock, configurations: DynamoConfigurations) -> "CycleRows":
    from leadbridge.aws.objects import S3Objects
    from leadbridge.usecases.cycle_rows import CycleRows

    return CycleRows(
        documents=configurations,
        runs=_cycle_runs(settings, clock),
        syncs=_sync_runs(settings, clock),
        objects=S3Objects(_later("s3"), bucket=settings.DATA_BUCKET),
        links=lambda cycle: _links(settings.STATE_TABLE, cycle),
        due=lambda cycle: _due(settings.STATE_TABLE, cycle),
    )


def _attribution(
    settings: AdminApiSettings,
    clock: SystemClock,
    configurations: DynamoConfigurations,
    connections: "VendorConnections",
) -> "LintAttribution":
    from leadbridge.usecases.lint_attribution import LintAttribution

    return LintAttribution(
        documents=configurations,
        connections=connections,
        rows=_cycle_rows(settings, clock, configurations),
        links=lambda cycle: _links(settings.STATE_TABLE, cycle),
    )


def _check_connection(
    settings: AdminApiSettings, configurations: DynamoConfigurations, clients: "VendorConnections"
) -> "CheckConnection":
    """The look through a connection, by clients that reach disabled ones, too."""
    from leadbridge.usecases.check_connection import CheckConnection

    return CheckConnection(configurations=configurations, clients=clients, shares=_vendor_limits(settings))


def _setup(configurations: DynamoConfigurations, clients: "VendorConnections") -> "ShowSetup":
    """The sheet of what to create at a vendor."""
    from leadbridge.usecases.setup_sheet import ShowSetup
    from leadbridge.vendors.marketo.preflight import permissions

    return ShowSetup(
        configurations=configurations,
        permissions=permissions(),
        soap_names=lambda connection: clients.marketo(connection).leads.soap_names(),
    )


def _webhook(settings: AdminApiSettings, clients: "VendorConnections") -> "ShowWebhook":
    """The sheets of webhooks, and their keys."""
    from leadbridge.usecases.webhook_sheet import ShowWebhook

    return ShowWebhook(
        leads=lambda connection: clients.marketo(connection).describe_leads(),
        soap_names=lambda connection: clients.marketo(connection).leads.soap_names(),
        secret=Secret(_client("secretsmanager"), settings.WEBHOOK_SECRET_ARN).value,
        api_url=settings.API_URL,
    )


def _connection_secrets(configurations: DynamoConfigurations, vault: Secret) -> "ConnectionSecrets":
    """Who stores what connections log in with."""
    from leadbridge.usecases.connection_secrets import ConnectionSecrets

    return ConnectionSecrets(configurations=configurations, vault=vault)


def _outcomes(settings: AdminApiSettings, clock: SystemClock) -> "CountOutcomes":
    from leadbridge.usecases.count_outcomes import CountOutcomes

    tally = DynamoTally(_client("dynamodb"), table=settings.EXECUTIONS_TABLE, now=clock.now)
    return CountOutcomes(tally=tally, clock=clock)


def _overview(
    settings: AdminApiSettings,
    clock: SystemClock,
    configurations: DynamoConfigurations,
    connections: "ListConnections",
) -> "ShowOverview":
    from leadbridge.aws.alerts import DynamoAlertStore, DynamoWatch
    from leadbridge.usecases.overview import ShowOverview
    from leadbridge.usecases.quotas import MarketoDay
    from leadbridge.vendors.marketo.quota import next_midnight

    client = _client("dynamodb")
    return ShowOverview(
        configurations=configurations,
        connections=connections,
        watch=DynamoWatch(client, executions=settings.EXECUTIONS_TABLE, state=settings.STATE_TABLE),
        outcomes=_outcomes(settings, clock),
        store=DynamoAlertStore(client, table=settings.STATE_TABLE),
        clock=clock,
        day=MarketoDay(
            calls=settings.MARKETO_DAILY_CALLS, ends=next_midnight, megabytes=settings.MARKETO_EXTRACT_MEGABYTES
        ),
        syncs=_sync_runs(settings, clock),
        cycles=_cycle_runs(settings, clock),
        extracted=_bulk_runs(settings, clock),
        stack="" if settings.STAGE == "local" else settings.STACK_NAME,
    )


@cache
def call_back() -> Any:
    """The use-case of `call_back`."""
    from leadbridge.domain.flow_step import callback_hosts
    from leadbridge.usecases.send_callbacks import SendCallbacks
    from leadbridge.vendors.http.transport import build_http_client
    from leadbridge.vendors.marketo.callbacks import HttpCallbackDoor

    settings = CallBackSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    return SendCallbacks(
        chunks=_chunks(settings, clock),
        standings=DynamoLog(_client("dynamodb"), table=settings.EXECUTIONS_TABLE),
        door=HttpCallbackDoor(
            build_http_client(),
            hosts=callback_hosts(settings.CALLBACK_HOSTS),
            local_hosts=settings.allowed_hosts,
        ),
        clock=clock,
        meter=meter(),
    )


@cache
def sweep() -> "Sweep":
    """The use-case of `sweep`."""
    from leadbridge.usecases.sweep import Sweep

    settings = SweepSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    client = _client("dynamodb")
    configurations = DynamoConfigurations(client, table=settings.CONFIG_TABLE)
    return Sweep(
        inbox=DynamoInbox(
            client, executions=settings.EXECUTIONS_TABLE, hash_key=bytes, retention=timedelta(), now=clock.now
        ),
        lanes=DynamoLanes(client, table=settings.STATE_TABLE, lease=timedelta(seconds=settings.LEASE_SECONDS)),
        bell=LambdaBell(_later("lambda"), settings.RUN_ACTIONS_FUNCTION),
        clock=clock,
        meter=meter(),
        holds=Holds(configurations),
        ripeness=Ripeness(configurations),
    )


@cache
def send_alerts() -> Any:
    """The use-case of `send_alerts`."""
    from leadbridge.aws.alerts import DynamoAlertStore, DynamoWatch
    from leadbridge.aws.cycles import DynamoCycleRuns
    from leadbridge.aws.notices import TopicChannel
    from leadbridge.aws.syncs import DynamoSyncRuns
    from leadbridge.usecases.alerting import AlertSettings, SendAlerts
    from leadbridge.usecases.quotas import MarketoDay
    from leadbridge.vendors.http.slack import SlackChannel
    from leadbridge.vendors.marketo.quota import next_midnight

    settings = SendAlertsSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    client = _client("dynamodb")
    secret = Secret(_client("secretsmanager"), settings.ALERTS_SECRET_ARN)
    slack = SlackChannel(secret.value, hosts=settings.hosts, allowed_hosts=settings.allowed_hosts)
    return SendAlerts(
        configurations=DynamoConfigurations(client, table=settings.CONFIG_TABLE),
        tally=DynamoTally(client, table=settings.EXECUTIONS_TABLE, now=clock.now),
        watch=DynamoWatch(client, executions=settings.EXECUTIONS_TABLE, state=settings.STATE_TABLE),
        # nothing is stored of a run
        runs=DynamoSyncRuns(
            client,
            executions=settings.EXECUTIONS_TABLE,
            state=settings.STATE_TABLE,
            retention=timedelta(),
            now=clock.now,
        ),
        cycles=DynamoCycleRuns(
            client,
            executions=settings.EXECUTIONS_TABLE,
            state=settings.STATE_TABLE,
            retention=timedelta(),
            now=clock.now,
        ),
        due=lambda cycle: _due(settings.STATE_TABLE, cycle),
        store=DynamoAlertStore(client, table=settings.STATE_TABLE),
        channels=lambda: [TopicChannel(_later("sns"), settings.ALARM_TOPIC), *([slack] if slack.configured else [])],
        clock=clock,
        meter=meter(),
        settings=AlertSettings(
            stack="" if settings.STAGE == "local" else settings.STACK_NAME,
            marketo_day=MarketoDay(calls=settings.MARKETO_DAILY_CALLS, ends=next_midnight),
        ),
    )


def _connections(
    settings: VendorSettings,
    clock: SystemClock,
    configurations: "Documents",
    lane: "Lane",
    deadline: "Deadline | None" = None,
    *,
    even_disabled: bool = False,
) -> "VendorConnections":
    """The vendor clients of a function; `lane` says whose work its calls do, `deadline` until when somebody waits."""
    from leadbridge.aws.limits import DynamoLimits
    from leadbridge.vendors.connections import VendorConnections

    secret = Secret(_client("secretsmanager"), settings.VENDOR_SECRET_ARN)
    return VendorConnections(
        configurations=configurations,
        secret=secret.value,
        keep_secret=secret.keep if settings.KEEP_REFRESH_TOKENS else None,
        sign=Signer(_client("kms"), settings.SIGNING_KEY_ID).sign,
        clock=clock,
        meter=meter(),
        allowed_hosts=settings.allowed_hosts,
        limits=DynamoLimits(_client("dynamodb"), table=settings.STATE_TABLE),
        shares=_vendor_limits(settings),
        lane=lane,
        deadline=deadline,
        even_disabled=even_disabled,
    )


def _vendor_limits(settings: VendorSettings) -> "VendorLimits":
    """What of the vendors' limits is ours."""
    from leadbridge.vendors.connections import VendorLimits

    return VendorLimits(
        marketo_calls_per_20s=settings.MARKETO_CALLS_PER_20S,
        marketo_daily_calls=settings.MARKETO_DAILY_CALLS,
        marketo_reserve_percent=settings.MARKETO_RESERVE_PERCENT,
        marketo_concurrent=settings.MARKETO_CONCURRENT,
        salesforce_concurrent=settings.SALESFORCE_CONCURRENT,
        salesforce_reserve_percent=settings.SALESFORCE_RESERVE_PERCENT,
        place_seconds=settings.PLACE_SECONDS,
    )


def _chunk_ends(settings: InboxSettings, function: str, clock: SystemClock) -> ChunkEnds:
    """Who rings for the callback of a chunk."""
    return ChunkEnds(chunks=_chunks(settings, clock), bell=CallbackBell(_later("lambda"), function))


def _chunks(settings: InboxSettings | CallBackSettings, clock: SystemClock) -> DynamoChunks:
    return DynamoChunks(
        _client("dynamodb"),
        table=settings.EXECUTIONS_TABLE,
        retention=timedelta(days=settings.RETENTION_DAYS),
        now=clock.now,
    )


def _lanes(settings: InboxSettings) -> DynamoLanes:
    return DynamoLanes(_client("dynamodb"), table=settings.STATE_TABLE, lease=timedelta(seconds=settings.LEASE_SECONDS))


@cache
def _tally() -> DynamoTally:
    """What this process counts for alerts."""
    settings = InboxSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    return DynamoTally(_client("dynamodb"), table=settings.EXECUTIONS_TABLE, now=clock.now)


def flush_counts() -> None:
    """Store what was counted for alerts and was not stored yet."""
    flush(_tally(), meter())
    meter().flush()


def _recoveries(settings: InboxSettings, clock: SystemClock) -> "DynamoRecoveries":
    from leadbridge.aws.recoveries import DynamoRecoveries

    return DynamoRecoveries(
        _client("dynamodb"),
        table=settings.EXECUTIONS_TABLE,
        retention=timedelta(days=settings.RETENTION_DAYS),
        now=clock.now,
    )


def _keys(settings: RunActionsSettings | AnswerInlineSettings | RunSyncStepSettings) -> DynamoKeys:
    return DynamoKeys(
        _client("dynamodb"),
        table=settings.KEYS_TABLE,
        executions=settings.EXECUTIONS_TABLE,
        retention=timedelta(days=settings.RETENTION_DAYS),
    )


def _inbox(settings: InboxSettings, clock: SystemClock, *, keys: str) -> CountingInbox:
    return CountingInbox(_table_inbox(settings, clock, keys=keys), tally=_tally(), meter=meter())


def _table_inbox(settings: InboxSettings, clock: SystemClock, *, keys: str) -> DynamoInbox:
    return DynamoInbox(
        _client("dynamodb"),
        executions=settings.EXECUTIONS_TABLE,
        keys=keys,
        hash_key=hash_key(Secret(_client("secretsmanager"), settings.INDEX_KEY_SECRET_ARN)),
        retention=timedelta(days=settings.RETENTION_DAYS),
        now=clock.now,
    )
