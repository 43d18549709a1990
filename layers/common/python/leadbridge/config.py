"""Settings of the functions, read from the environment here and nowhere else.

One frozen model per function, validated at cold start: a wrong setting fails before the first event.
"""

import os
from typing import Self

from pydantic import BaseModel, ConfigDict, Field


def local_hosts(stage: str, hosts: str) -> frozenset[str]:
    """Hosts that a local stack may call without TLS, of a setting with commas; none in any other stage."""
    return frozenset(host.strip() for host in hosts.split(",") if stage == "local" and host.strip())


class Settings(BaseModel):
    """What every function has."""

    # built when first used: each function reads one of them
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    STAGE: str
    #: dimension of every metric, because stacks share an account
    STACK_NAME: str
    LOG_LEVEL: str = "INFO"
    #: only a local stack has one (a rule of the template): where the simulators tell their clock
    CLOCK_URL: str = ""

    @classmethod
    def from_environment(cls) -> Self:
        """The settings of this process."""
        return cls.model_validate(dict(os.environ))


class InboxSettings(Settings):
    """Settings of every function that stores or runs events."""

    CONFIG_TABLE: str
    EXECUTIONS_TABLE: str
    STATE_TABLE: str
    INDEX_KEY_SECRET_ARN: str
    RETENTION_DAYS: int = Field(ge=1)
    LEASE_SECONDS: float = Field(default=60, gt=0)


class IntakeSettings(InboxSettings):
    """Settings of every function that stores new calls."""

    RUN_ACTIONS_FUNCTION: str


class StoreEventsSettings(IntakeSettings):
    """Settings of `store_events`."""

    CALL_BACK_FUNCTION: str


class VendorSettings(Settings):
    """Settings of every function that calls the vendors."""

    CONFIG_TABLE: str
    STATE_TABLE: str
    VENDOR_SECRET_ARN: str
    SIGNING_KEY_ID: str
    #: extra `host:port` pairs that vendor calls may go to, for the simulators of a local stack
    VENDOR_HOSTS: str = ""
    MARKETO_CALLS_PER_20S: int = Field(default=50, ge=1, le=100)
    MARKETO_DAILY_CALLS: int = Field(default=50_000, ge=1)
    MARKETO_CONCURRENT: int = Field(default=5, ge=1, le=10)
    MARKETO_RESERVE_PERCENT: float = Field(default=5, ge=0, lt=100)
    SALESFORCE_CONCURRENT: int = Field(default=20, ge=1, le=25)
    SALESFORCE_RESERVE_PERCENT: float = Field(default=5, ge=0, lt=100)
    PLACE_SECONDS: float = Field(default=15, ge=1, le=60)
    SETTLE_SECONDS: float = Field(default=60, ge=0)
    #: whether this function may store a refresh token that Salesforce replaced
    KEEP_REFRESH_TOKENS: bool = False

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """`VENDOR_HOSTS` as a set; empty outside of a local stack whatever the variable says."""
        return local_hosts(self.STAGE, self.VENDOR_HOSTS)


class RunActionsSettings(InboxSettings, VendorSettings):
    """Settings of `run_actions`."""

    #: set by Lambda; the template cannot name a function in its own environment
    AWS_LAMBDA_FUNCTION_NAME: str
    KEYS_TABLE: str
    CALL_BACK_FUNCTION: str
    DATA_BUCKET: str
    #: the ARN of the state machine that imports files
    BULK_IMPORT_MACHINE: str
    #: how often it is looked how an import is; 0: every 30 seconds
    BULK_POLL_SECONDS: float = Field(default=0, ge=0)
    RETRY_SECONDS: float = Field(default=5, gt=0)
    RETRY_DAYS: int = Field(default=14, ge=1, le=365)


class AnswerInlineSettings(IntakeSettings, VendorSettings):
    """Settings of `answer_inline`."""

    #: of its door, through which calls come that are not answered inline after all
    EVENTS_QUEUE_URL: str
    WEBHOOK_SECRET_ARN: str
    KEYS_TABLE: str


class RecoverCallsSettings(IntakeSettings, VendorSettings):
    """Settings of `recover_calls`."""


class AdminApiSettings(InboxSettings, VendorSettings):
    """Settings of `admin_api`."""

    RUN_ACTIONS_FUNCTION: str
    START_SYNC_FUNCTION: str
    FORGET_PERSON_FUNCTION: str
    SYNC_MACHINE: str
    CYCLE_MACHINE: str
    DATA_BUCKET: str
    WEBHOOK_SECRET_ARN: str
    #: where webhooks are reached
    API_URL: str
    MARKETO_EXTRACT_MEGABYTES: int = Field(default=500, ge=1)


class RunBulkStepSettings(VendorSettings):
    """Settings of `run_bulk_step`."""

    EXECUTIONS_TABLE: str
    DATA_BUCKET: str
    RETENTION_DAYS: int = Field(ge=1)
    #: 0: the vendors' own pace
    BULK_POLL_SECONDS: float = Field(default=0, ge=0)
    BULK_STUCK_MINUTES: float = Field(default=480, gt=0)
    MARKETO_EXTRACT_MEGABYTES: int = Field(default=500, ge=1)
    BULK_TURNS: int = Field(default=500, ge=2)


class RunSyncStepSettings(VendorSettings):
    """Settings of `run_sync_step`."""

    EVENTS_QUEUE_URL: str
    EXECUTIONS_TABLE: str
    KEYS_TABLE: str
    INDEX_KEY_SECRET_ARN: str
    DATA_BUCKET: str
    RETENTION_DAYS: int = Field(ge=1)


class RunCycleStepSettings(VendorSettings):
    """Settings of `run_cycle_step`."""

    EXECUTIONS_TABLE: str
    DATA_BUCKET: str
    INDEX_KEY_SECRET_ARN: str
    RETENTION_DAYS: int = Field(ge=1)


class StartSyncSettings(VendorSettings):
    """Settings of `start_sync`; it asks the vendors before it starts a cycle."""

    EXECUTIONS_TABLE: str
    RETENTION_DAYS: int = Field(ge=1)
    SYNC_MACHINE: str
    CYCLE_MACHINE: str
    SCHEDULE_GROUP: str
    SCHEDULE_ROLE: str
    DEAD_LETTERS: str


class HearOfChangesSettings(Settings):
    """Settings of `hear_of_changes`."""

    CONFIG_TABLE: str
    EXECUTIONS_TABLE: str
    STATE_TABLE: str
    KEYS_TABLE: str
    RETENTION_DAYS: int = Field(ge=1)
    SYNC_MACHINE: str
    START_SYNC_FUNCTION: str
    ANNOUNCEMENTS_QUEUE_URL: str
    #: the first pause after a run was started for an announced change; the queue delays no longer
    ANNOUNCED_LOOK_SECONDS: int = Field(default=15, ge=1, le=900)


class ReceiveOutboundMessageSettings(Settings):
    """Settings of `receive_outbound_message`."""

    CONFIG_TABLE: str
    ANNOUNCEMENTS_QUEUE_URL: str
    WEBHOOK_SECRET_ARN: str


class SendAlertsSettings(Settings):
    """Settings of `send_alerts`."""

    CONFIG_TABLE: str
    EXECUTIONS_TABLE: str
    STATE_TABLE: str
    ALARM_TOPIC: str
    ALERTS_SECRET_ARN: str
    #: hosts, comma separated, that an incoming webhook may lie on
    ALERT_HOSTS: str = "hooks.slack.com"
    #: extra `host:port` pairs of a local stack
    VENDOR_HOSTS: str = ""
    MARKETO_DAILY_CALLS: int = Field(default=50_000, ge=1)

    @property
    def hosts(self) -> frozenset[str]:
        """`ALERT_HOSTS` as a set."""
        return _listed(self.ALERT_HOSTS)

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """`VENDOR_HOSTS` as a set; empty outside of a local stack whatever the variable says."""
        return _listed(self.VENDOR_HOSTS) if self.STAGE == "local" else frozenset()


def _listed(text: str) -> frozenset[str]:
    return frozenset(part.strip() for part in text.split(",") if part.strip())


class CallBackSettings(Settings):
    """Settings of `call_back`."""

    EXECUTIONS_TABLE: str
    RETENTION_DAYS: int = Field(ge=1)
    CALLBACK_HOSTS: str
    #: as for `VendorSettings`
    VENDOR_HOSTS: str = ""

    @property
    def allowed_hosts(self) -> frozenset[str]:
        """`VENDOR_HOSTS` as a set; empty outside of a local stack whatever the variable says."""
        return local_hosts(self.STAGE, self.VENDOR_HOSTS)


class ForgetPersonSettings(Settings):
    """Settings of `forget_person`."""

    CONFIG_TABLE: str
    EXECUTIONS_TABLE: str
    KEYS_TABLE: str
    STATE_TABLE: str
    DATA_BUCKET: str
    INDEX_KEY_SECRET_ARN: str
    EVENTS_QUEUE_URL: str
    ANNOUNCEMENTS_QUEUE_URL: str
    EVENTS_DEAD_LETTERS: str
    ANNOUNCEMENTS_DEAD_LETTERS: str
    DEAD_LETTERS: str


class SweepSettings(Settings):
    """Settings of `sweep`."""

    CONFIG_TABLE: str
    STATE_TABLE: str
    EXECUTIONS_TABLE: str
    RUN_ACTIONS_FUNCTION: str
    LEASE_SECONDS: float = Field(default=60, gt=0)
