"""Composition root: the only place where adapters meet use-cases. Built lazily, kept for the process."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from leadbridge.aws.configurations import DynamoConfigurations
from leadbridge.aws.heartbeat import LeaseHeartbeat
from leadbridge.aws.inbox import DynamoInbox
from leadbridge.aws.keys import DynamoKeys
from leadbridge.aws.lanes import DynamoLanes
from leadbridge.aws.services import LambdaBell, Secret, Signer, SystemClock
from leadbridge.config import (
    InboxSettings,
    RunActionsSettings,
    RunBulkStepSettings,
    Settings,
    StoreEventsSettings,
    SweepSettings,
    VendorSettings,
)
from leadbridge.observability import EmbeddedMetrics
from leadbridge.usecases.store_events import StoreEvents
from leadbridge.usecases.sweep import Sweep

if TYPE_CHECKING:
    from leadbridge.domain.limits import Lane
    from leadbridge.vendors.connections import VendorConnections

#: AWS answers in milliseconds; a worker would rather try again than wait
CLIENT = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 4, "mode": "standard"})


@cache
def _session() -> Any:  # the stubs know one type per service name; here the name is a variable
    # one for all clients: a session of its own would make each read the service descriptions anew
    return boto3.Session()


@cache
def _client(service: str) -> Any:
    return _session().client(service, config=CLIENT)


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


def hash_key(secret: Secret) -> Callable[[], bytes]:
    """The key under which persons are indexed; it never changes, or nothing would be found again."""
    return lambda: str(secret.value()["key"]).encode()


@cache
def store_events() -> StoreEvents:
    """The use-case of `store_events`."""
    settings = StoreEventsSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    return StoreEvents(
        configurations=DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE),
        inbox=_inbox(settings, clock, keys=""),
        lanes=_lanes(settings),
        bell=LambdaBell(_later("lambda"), settings.RUN_ACTIONS_FUNCTION),
        clock=clock,
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
        keys=DynamoKeys(_client("dynamodb"), table=settings.KEYS_TABLE, executions=settings.EXECUTIONS_TABLE),
        connections=connections,
        clock=clock,
        meter=meter(),
        hash_key=hash_key(index),
        settings=RunSettings(retry_seconds=settings.RETRY_SECONDS, settle=timedelta(seconds=settings.SETTLE_SECONDS)),
    )
    return DrainLane(
        inbox=inbox,
        lanes=lanes,
        bell=LambdaBell(_later("lambda"), settings.AWS_LAMBDA_FUNCTION_NAME),
        clock=clock,
        heartbeat=LeaseHeartbeat(lanes, clock, settings.LEASE_SECONDS),
        run_events=run_events,
        sleep=time.sleep,
        settings=DrainSettings(),
    )


@cache
def run_bulk_step() -> Any:
    """The use-case of `run_bulk_step`."""
    from leadbridge.aws.jobs import DynamoBulkRuns
    from leadbridge.aws.objects import S3Objects
    from leadbridge.domain.jobs import Policy
    from leadbridge.domain.limits import Lane
    from leadbridge.usecases.run_bulk_step import RunBulkStep
    from leadbridge.vendors.bulk_jobs import VendorBulkJobs

    settings = RunBulkStepSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    configurations = DynamoConfigurations(_client("dynamodb"), table=settings.CONFIG_TABLE)
    return RunBulkStep(
        runs=DynamoBulkRuns(
            _client("dynamodb"),
            table=settings.EXECUTIONS_TABLE,
            retention=timedelta(days=settings.RETENTION_DAYS),
            now=clock.now,
        ),
        objects=S3Objects(_client("s3"), bucket=settings.DATA_BUCKET),
        vendors=VendorBulkJobs(_connections(settings, clock, configurations, Lane.SCHEDULED)),
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
def sweep() -> Sweep:
    """The use-case of `sweep`."""
    settings = SweepSettings.from_environment()
    clock = SystemClock(settings.CLOCK_URL)
    client = _client("dynamodb")
    return Sweep(
        inbox=DynamoInbox(
            client, executions=settings.EXECUTIONS_TABLE, hash_key=bytes, retention=timedelta(), now=clock.now
        ),
        lanes=DynamoLanes(client, table=settings.STATE_TABLE, lease=timedelta(seconds=settings.LEASE_SECONDS)),
        bell=LambdaBell(_later("lambda"), settings.RUN_ACTIONS_FUNCTION),
        clock=clock,
        meter=meter(),
    )


def _connections(
    settings: VendorSettings, clock: SystemClock, configurations: DynamoConfigurations, lane: "Lane"
) -> "VendorConnections":
    """The vendor clients of a function; `lane` says whose work its calls do."""
    from leadbridge.aws.limits import DynamoLimits
    from leadbridge.vendors.connections import VendorConnections, VendorLimits

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
        shares=VendorLimits(
            marketo_calls_per_20s=settings.MARKETO_CALLS_PER_20S,
            marketo_daily_calls=settings.MARKETO_DAILY_CALLS,
            marketo_reserve_percent=settings.MARKETO_RESERVE_PERCENT,
            marketo_concurrent=settings.MARKETO_CONCURRENT,
            salesforce_concurrent=settings.SALESFORCE_CONCURRENT,
            salesforce_reserve_percent=settings.SALESFORCE_RESERVE_PERCENT,
            place_seconds=settings.PLACE_SECONDS,
        ),
        lane=lane,
    )


def _lanes(settings: InboxSettings) -> DynamoLanes:
    return DynamoLanes(_client("dynamodb"), table=settings.STATE_TABLE, lease=timedelta(seconds=settings.LEASE_SECONDS))


def _inbox(settings: InboxSettings, clock: SystemClock, *, keys: str) -> DynamoInbox:
    return DynamoInbox(
        _client("dynamodb"),
        executions=settings.EXECUTIONS_TABLE,
        keys=keys,
        hash_key=hash_key(Secret(_client("secretsmanager"), settings.INDEX_KEY_SECRET_ARN)),
        retention=timedelta(days=settings.RETENTION_DAYS),
        now=clock.now,
    )
