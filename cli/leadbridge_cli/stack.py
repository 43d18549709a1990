"""Which deployment the command line talks to: a local stack's file, or a CloudFormation stack by name."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from leadbridge.aws.alerts import DynamoWatch
    from leadbridge.aws.configurations import DynamoConfigurations
    from leadbridge.aws.cycles import DynamoCycleRuns
    from leadbridge.aws.lanes import DynamoLanes
    from leadbridge.aws.log import DynamoLog
    from leadbridge.aws.services import LambdaBell, Signer, SystemClock
    from leadbridge.aws.syncs import DynamoSyncRuns
    from leadbridge.domain.batching import Buffer
    from leadbridge.domain.limits import Lane
    from leadbridge.ports import Documents, Journal
    from leadbridge.usecases.apply_configuration import ApplyConfiguration
    from leadbridge.usecases.cycle_planned import CyclePlanned
    from leadbridge.usecases.cycle_results import CycleResults
    from leadbridge.usecases.cycle_rows import CycleRows
    from leadbridge.usecases.failed_callbacks import FailedCallbacks
    from leadbridge.usecases.forget_person import ForgetPerson
    from leadbridge.usecases.lint_attribution import LintAttribution
    from leadbridge.usecases.pausing import Pausing
    from leadbridge.usecases.preview_sync import PreviewSync
    from leadbridge.usecases.price_cycle import PriceCycle
    from leadbridge.usecases.price_sync import PriceSync
    from leadbridge.usecases.redrive import Redrive
    from leadbridge.usecases.schedule_syncs import ScheduleSyncs
    from leadbridge.usecases.start_cycle import StartCycle
    from leadbridge.usecases.start_sync import StartSync
    from leadbridge.usecases.sync_results import SyncResults
    from leadbridge.usecases.view_sync import ViewSync
    from leadbridge.vendors.connections import VendorConnections, VendorLimits
    from leadbridge.vendors.sync_vendors import VendorSyncs

STACK_FILE = Path(".local/stack.json")
#: setting: the file of a local stack that is not the checkout's own
STACK_FILE_SETTING = "LEADBRIDGE_STACK_FILE"
#: credentials of the emulator's account owner; worthless anywhere else
LOCAL_ACCOUNT = "test"


class NoMeter:
    """The command line publishes no metrics."""

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Count nothing."""

    def gauge(self, name: str, value: float) -> None:
        """Note nothing."""


@dataclass(frozen=True)
class Target:
    """One deployment: its outputs and how its services are reached."""

    outputs: Mapping[str, str]
    session: Any
    endpoint_url: str | None = None
    facts: Mapping[str, Any] | None = None
    #: what was given to `--stack`
    stack_name: str = ""

    def client(self, service: str) -> Any:
        """A client of the deployment's account and Region."""
        return self.session.client(service, endpoint_url=self.endpoint_url)

    @cached_property
    def clock(self) -> "SystemClock":
        """Real time, on a local stack the simulators' time."""
        from leadbridge.aws.services import SystemClock

        return SystemClock(f"{self.facts['marketo_url']}/_sim/clock" if self.facts else "")

    @property
    def local_hosts(self) -> frozenset[str]:
        """`host:port` pairs that a local stack may call without TLS."""
        if not self.facts:
            return frozenset()
        return frozenset(str(url).split("//")[1] for url in (self.facts["marketo_url"], self.facts["salesforce_url"]))

    @cached_property
    def configurations(self) -> "DynamoConfigurations":
        """The stored documents; what is done to them comes into the activity log."""
        from leadbridge.aws.noting import NotedConfigurations

        return NotedConfigurations(self.client("dynamodb"), table=self.outputs["ConfigTableName"], note=self.note)

    @cached_property
    def journal(self) -> "Journal":
        """The activity log."""
        from leadbridge.aws.journal import DynamoJournal

        return DynamoJournal(self.client("dynamodb"), table=self.outputs["ConfigTableName"])

    def note(self, did: str, kind: str = "", identifier: str = "", detail: str = "") -> None:
        """Keep in the activity log what we have done."""
        from leadbridge.domain.journal import Entry

        at = self.clock.now()
        self.journal.note(Entry(at=at, who=self.author(), did=did, kind=kind, id=identifier, detail=detail))

    @cached_property
    def log(self) -> "DynamoLog":
        """The executions."""
        from leadbridge.aws.log import DynamoLog

        return DynamoLog(self.client("dynamodb"), table=self.outputs["ExecutionsTableName"])

    @cached_property
    def index_key(self) -> bytes:
        """The key under which persons are indexed."""
        from leadbridge.aws.services import Secret, hash_key

        return hash_key(Secret(self.client("secretsmanager"), self.outputs["IndexKeySecretArn"]))()

    @cached_property
    def signer(self) -> "Signer":
        """The signing key."""
        from leadbridge.aws.services import Signer

        return Signer(self.client("kms"), self.outputs["SigningKeyId"])

    @cached_property
    def connections(self) -> "VendorConnections":
        """Clients of the configured connections; somebody waits for what they do."""
        from leadbridge.domain.limits import Lane

        return self.connect(Lane.ON_DEMAND)

    def connect(self, lane: "Lane", documents: "Documents | None" = None) -> "VendorConnections":
        """Clients of connections for one lane of work; their calls count with those of the workers.

        `documents` says what the connections are, by default what is stored.
        """
        from leadbridge.aws.limits import DynamoLimits
        from leadbridge.aws.services import Secret
        from leadbridge.vendors.connections import VendorConnections

        secret = Secret(self.client("secretsmanager"), self.outputs["VendorSecretArn"])
        return VendorConnections(
            configurations=documents or self.configurations,
            secret=secret.value,
            keep_secret=secret.keep,
            sign=self.signer.sign,
            clock=self.clock,
            meter=NoMeter(),
            allowed_hosts=self.local_hosts,
            limits=DynamoLimits(self.client("dynamodb"), table=self.outputs["StateTableName"]),
            shares=self.shares,
            lane=lane,
            even_disabled=True,
        )

    @cached_property
    def shares(self) -> "VendorLimits":
        """What of the vendors' limits is ours."""
        from leadbridge.vendors.connections import VendorLimits

        return VendorLimits(**json.loads(self.outputs["VendorShares"]))

    def apply(self) -> "ApplyConfiguration":
        """The use-case behind `apply`."""
        from leadbridge.domain.limits import Lane
        from leadbridge.usecases.apply_configuration import ApplyConfiguration

        return ApplyConfiguration(
            configurations=self.configurations,
            connect=lambda documents: self.connect(Lane.ON_DEMAND, documents),
            clock=self.clock,
        )

    def author(self) -> str:
        """Who we are to AWS: the ARN that the history keeps."""
        return str(self.client("sts").get_caller_identity()["Arn"])

    def pausing(self) -> "Pausing":
        """The use-case behind `pause` and `resume`."""
        from leadbridge.usecases.pausing import Pausing

        return Pausing(configurations=self.configurations, lanes=self._lanes(), bell=self._bell(), clock=self.clock)

    def buffers(self) -> "Mapping[str, Mapping[str, Buffer]]":
        """What waits for batches, by lane and Action, where nobody is at it."""
        return self._lanes().idle(self.clock.now())

    def _lanes(self) -> "DynamoLanes":
        from leadbridge.aws.lanes import DynamoLanes

        table = self.outputs["StateTableName"]
        return DynamoLanes(self.client("dynamodb"), table=table, lease=timedelta(seconds=60))

    def _bell(self) -> "LambdaBell":
        from leadbridge.aws.services import LambdaBell

        return LambdaBell(self.client("lambda"), self.outputs["RunActionsFunctionName"])

    def redrive(self) -> "Redrive":
        """The use-case behind `redrive`."""
        from leadbridge.aws.inbox import DynamoInbox
        from leadbridge.usecases.redrive import Redrive

        dynamodb = self.client("dynamodb")
        return Redrive(
            configurations=self.configurations,
            log=self.log,
            inbox=DynamoInbox(
                dynamodb,
                executions=self.outputs["ExecutionsTableName"],
                hash_key=lambda: self.index_key,
                retention=self._retention,
                now=self.clock.now,
            ),
            lanes=self._lanes(),
            bell=self._bell(),
            clock=self.clock,
        )

    @property
    def _retention(self) -> timedelta:
        """How long the deployment keeps executions."""
        return timedelta(days=int(self.outputs["RetentionDays"]))

    def callbacks(self) -> "FailedCallbacks":
        """The use-case behind `callbacks`."""
        from leadbridge.aws.chunks import DynamoChunks
        from leadbridge.usecases.failed_callbacks import FailedCallbacks

        chunks = DynamoChunks(
            self.client("dynamodb"),
            table=self.outputs["ExecutionsTableName"],
            retention=self._retention,
            now=self.clock.now,
        )
        return FailedCallbacks(chunks=chunks, clock=self.clock)

    def start_sync(self) -> "StartSync":
        """The use-case behind `syncs run`."""
        from functools import partial

        from leadbridge.aws.machines import Machine
        from leadbridge.usecases.start_sync import StartSync, vendor_of

        return StartSync(
            documents=self.configurations,
            runs=self._sync_runs(),
            vendor=partial(vendor_of, self.configurations),
            starter=Machine(self.client("stepfunctions"), self.outputs["SyncMachineArn"]),
            clock=self.clock,
        )

    def view_sync(self) -> "ViewSync":
        """The use-case behind `syncs query`."""
        from functools import partial

        from leadbridge.usecases.source_facts import SourceFacts
        from leadbridge.usecases.start_sync import vendor_of
        from leadbridge.usecases.view_sync import ViewSync

        return ViewSync(
            documents=self.configurations,
            runs=self._sync_runs(),
            vendors=self._sync_vendors(),
            facts=SourceFacts(connections=self.connections, documents=self.configurations, clock=self.clock),
            vendor=partial(vendor_of, self.configurations),
            clock=self.clock,
        )

    def preview_sync(self) -> "PreviewSync":
        """The use-case behind `syncs preview`."""
        from leadbridge.usecases.preview_sync import PreviewSync

        return PreviewSync(view=self.view_sync(), runs=self._sync_runs(), vendors=self._sync_vendors())

    def price_sync(self) -> "PriceSync":
        """The use-case behind `syncs price`."""
        from leadbridge.usecases.price_sync import PriceSync

        return PriceSync(
            documents=self.configurations,
            preview=self.preview_sync(),
            instances=self._watch().instances,
            clock=self.clock,
            day_megabytes=int(self.outputs["ExtractMegabytes"]),
        )

    def price_cycle(self) -> "PriceCycle":
        """The use-case behind `cycle price`."""
        from leadbridge.usecases.derived_syncs import WithDerived
        from leadbridge.usecases.price_cycle import PriceCycle
        from leadbridge.usecases.source_facts import SourceFacts

        documents = WithDerived(self.configurations)
        return PriceCycle(
            documents=self.configurations,
            connections=self.connections,
            vendors=self._sync_vendors(),
            facts=SourceFacts(connections=self.connections, documents=documents, clock=self.clock),
            instances=self._watch().instances,
            clock=self.clock,
            day_megabytes=int(self.outputs["ExtractMegabytes"]),
        )

    def _watch(self) -> "DynamoWatch":
        from leadbridge.aws.alerts import DynamoWatch

        return DynamoWatch(
            self.client("dynamodb"),
            executions=self.outputs["ExecutionsTableName"],
            state=self.outputs["StateTableName"],
        )

    def _sync_vendors(self) -> "VendorSyncs":
        from functools import partial

        from leadbridge.usecases.hand_over import looked_at
        from leadbridge.usecases.start_sync import vendor_of
        from leadbridge.vendors.sync_vendors import VendorSyncs

        calls = looked_at(self.configurations, self.clock)
        return VendorSyncs(self.connections, partial(vendor_of, self.configurations), calls)

    def schedule_syncs(self) -> "ScheduleSyncs":
        """The use-case behind `syncs activate`."""
        from leadbridge.aws.schedules import Schedules
        from leadbridge.usecases.schedule_syncs import ScheduleSyncs

        return ScheduleSyncs(
            configurations=self.configurations,
            schedules=Schedules(self.client("scheduler"), **json.loads(self.outputs["SyncSchedules"])),
            start=self.start_sync(),
            clock=self.clock,
        )

    def sync_results(self) -> "SyncResults":
        """The use-case behind `syncs executions`."""
        from leadbridge.aws.objects import S3Objects
        from leadbridge.usecases.derived_syncs import WithDerived
        from leadbridge.usecases.sync_results import SyncResults

        objects = S3Objects(self.client("s3"), bucket=self.outputs["DataBucketName"])
        return SyncResults(documents=WithDerived(self.configurations), runs=self._sync_runs(), objects=objects)

    def start_cycle(self) -> "StartCycle":
        """The use-case behind `cycle run`."""
        from leadbridge.aws.due import DynamoDueRecords
        from leadbridge.aws.machines import Machine
        from leadbridge.domain.cycle_syncs import derived_syncs
        from leadbridge.usecases.start_cycle import StartCycle
        from leadbridge.vendors.cycle_look import VendorLook

        table = self.outputs["StateTableName"]
        return StartCycle(
            documents=self.configurations,
            runs=self._cycle_runs(),
            syncs=self._sync_runs(),
            queues=lambda cycle: derived_syncs(cycle)[0],
            due=lambda cycle: DynamoDueRecords(self.client("dynamodb"), table=table, cycle=cycle),
            look=VendorLook(self.connections, self.clock),
            starter=Machine(self.client("stepfunctions"), self.outputs["CycleMachineArn"], owner="cycle"),
            ask_sync=self.start_sync().ask,
            clock=self.clock,
        )

    def cycle_results(self) -> "CycleResults":
        """The use-case behind `cycle executions`."""
        from leadbridge.usecases.cycle_results import CycleResults

        return CycleResults(documents=self.configurations, runs=self._cycle_runs(), syncs=self._sync_runs())

    def cycle_planned(self) -> "CyclePlanned":
        """The use-case behind `cycle plan`."""
        from leadbridge.aws.objects import S3Objects
        from leadbridge.usecases.cycle_planned import CyclePlanned

        return CyclePlanned(
            documents=self.configurations,
            runs=self._cycle_runs(),
            syncs=self._sync_runs(),
            objects=S3Objects(self.client("s3"), bucket=self.outputs["DataBucketName"]),
            clock=self.clock,
        )

    def cycle_rows(self) -> "CycleRows":
        """The use-case behind `cycle record`."""
        from leadbridge.aws.due import DynamoDueRecords
        from leadbridge.aws.links import DynamoLinks
        from leadbridge.aws.objects import S3Objects
        from leadbridge.usecases.cycle_rows import CycleRows

        client, table = self.client("dynamodb"), self.outputs["StateTableName"]
        return CycleRows(
            documents=self.configurations,
            runs=self._cycle_runs(),
            syncs=self._sync_runs(),
            objects=S3Objects(self.client("s3"), bucket=self.outputs["DataBucketName"]),
            links=lambda cycle: DynamoLinks(client, table=table, cycle=cycle),
            due=lambda cycle: DynamoDueRecords(client, table=table, cycle=cycle),
        )

    def attribution(self) -> "LintAttribution":
        """The use-case behind `attribution`."""
        from leadbridge.aws.links import DynamoLinks
        from leadbridge.usecases.lint_attribution import LintAttribution

        client, table = self.client("dynamodb"), self.outputs["StateTableName"]
        return LintAttribution(
            documents=self.configurations,
            connections=self.connections,
            rows=self.cycle_rows(),
            links=lambda cycle: DynamoLinks(client, table=table, cycle=cycle),
        )

    def forget_person(self) -> "ForgetPerson":
        """The use-case behind `forget`."""
        from leadbridge.aws.shelves import AwsShelves
        from leadbridge.usecases.forget_person import CONFIG, EXECUTIONS, KEYS, STATE, ForgetPerson

        outputs = self.outputs
        named = {CONFIG: "Config", EXECUTIONS: "Executions", KEYS: "Keys", STATE: "State"}
        queues = {
            "on_the_way": ("EventsQueueUrl", "AnnouncementsQueueUrl"),
            "dead": ("EventsDeadLetterQueueUrl", "AnnouncementsDeadLetterQueueUrl", "InvocationsDeadLetterQueueUrl"),
        }
        shelves = AwsShelves(
            dynamodb=self.client("dynamodb"),
            tables={table: outputs[f"{name}TableName"] for table, name in named.items()},
            s3=self.client("s3"),
            bucket=outputs["DataBucketName"],
            sqs=self.client("sqs"),
            queues={kind: [outputs[name] for name in names] for kind, names in queues.items()},
        )
        return ForgetPerson(shelves=shelves, secret=lambda: self.index_key, clock=self.clock)

    def _cycle_runs(self) -> "DynamoCycleRuns":
        from leadbridge.aws.cycles import DynamoCycleRuns

        return DynamoCycleRuns(
            self.client("dynamodb"),
            executions=self.outputs["ExecutionsTableName"],
            state=self.outputs["StateTableName"],
            retention=self._retention,
            now=self.clock.now,
        )

    def _sync_runs(self) -> "DynamoSyncRuns":
        from leadbridge.aws.syncs import DynamoSyncRuns

        return DynamoSyncRuns(
            self.client("dynamodb"),
            executions=self.outputs["ExecutionsTableName"],
            state=self.outputs["StateTableName"],
            retention=timedelta(days=int(self.outputs["RetentionDays"])),
            now=self.clock.now,
        )


def find_target(stack_name: str | None, region: str | None) -> Target:
    """The deployment named by `--stack`, else the local stack that `make run` keeps up.

    Raises:
        click.ClickException: There is neither.
    """
    import boto3

    if stack_name:
        session = boto3.Session(region_name=region)
        stacks = session.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
        outputs = {item["OutputKey"]: item["OutputValue"] for item in stacks[0].get("Outputs", [])}
        return Target(outputs=outputs, session=session, stack_name=stack_name)
    path = _stack_file()
    if not path.exists():
        raise click.ClickException(
            "No stack. Name a deployed one with --stack NAME, or start a local one with `make run`."
        )
    facts = json.loads(path.read_text())
    session = boto3.Session(
        region_name=facts["region"], aws_access_key_id=LOCAL_ACCOUNT, aws_secret_access_key=LOCAL_ACCOUNT
    )
    return Target(outputs=facts["outputs"], session=session, endpoint_url=facts["aws_endpoint_url"], facts=facts)


def _stack_file() -> Path:
    """The file that the setting names, else that of the working directory, else that of the checkout."""
    named = os.environ.get(STACK_FILE_SETTING)
    if named:
        return Path(named)
    here, checkout = Path.cwd() / STACK_FILE, Path(__file__).resolve().parents[2] / STACK_FILE
    return here if here.exists() else checkout
