"""Settings are checked when a function starts, not when the first event comes."""

from typing import Any

import pytest
from pydantic import ValidationError

from leadbridge.config import RunActionsSettings, Settings, StoreEventsSettings, SweepSettings

STORE = {
    "STAGE": "prod",
    "STACK_NAME": "leadbridge",
    "CONFIG_TABLE": "config",
    "EXECUTIONS_TABLE": "executions",
    "STATE_TABLE": "state",
    "INDEX_KEY_SECRET_ARN": "arn:aws:secretsmanager:::secret:index",
    "RETENTION_DAYS": "30",
    "RUN_ACTIONS_FUNCTION": "run",
    "CALL_BACK_FUNCTION": "call back",
}
RUN = {name: value for name, value in STORE.items() if name != "RUN_ACTIONS_FUNCTION"} | {
    "AWS_LAMBDA_FUNCTION_NAME": "run",
    "KEYS_TABLE": "keys",
    "VENDOR_SECRET_ARN": "arn:aws:secretsmanager:::secret:vendor",
    "SIGNING_KEY_ID": "key",
    "DATA_BUCKET": "data",
    "BULK_IMPORT_MACHINE": "arn:aws:states:::stateMachine:import",
}


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings are the process's environment; what is none of ours in it is ignored."""
    for name, value in (STORE | {"UNRELATED": "x"}).items():
        monkeypatch.setenv(name, value)

    settings = StoreEventsSettings.from_environment()

    assert (settings.STAGE, settings.RETENTION_DAYS, settings.LEASE_SECONDS) == ("prod", 30, 60)
    assert (settings.LOG_LEVEL, settings.CLOCK_URL) == ("INFO", "")


@pytest.mark.parametrize("name", sorted(STORE))
def test_a_missing_setting_stops_the_function(name: str) -> None:
    """Without one of its settings `store_events` does not start, and the setting is named."""
    with pytest.raises(ValidationError, match=name):
        StoreEventsSettings.model_validate({key: value for key, value in STORE.items() if key != name})


@pytest.mark.parametrize("name", sorted(set(RUN) - set(STORE)))
def test_a_missing_setting_stops_the_worker(name: str) -> None:
    """Without one of its settings `run_actions` does not start, and the setting is named."""
    with pytest.raises(ValidationError, match=name):
        RunActionsSettings.model_validate({key: value for key, value in RUN.items() if key != name})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RETENTION_DAYS", "0"),
        ("LEASE_SECONDS", "0"),
        ("MARKETO_CALLS_PER_20S", "0"),
        ("MARKETO_CALLS_PER_20S", "101"),
        ("MARKETO_CONCURRENT", "11"),
        ("SALESFORCE_CONCURRENT", "26"),
        ("MARKETO_RESERVE_PERCENT", "100"),
        ("SALESFORCE_RESERVE_PERCENT", "-1"),
        ("PLACE_SECONDS", "61"),
        ("RETRY_SECONDS", "0"),
        ("SETTLE_SECONDS", "-1"),
        ("RETENTION_DAYS", "month"),
    ],
)
def test_a_setting_beyond_the_vendors_limits_stops_the_worker(name: str, value: str) -> None:
    """A setting outside its range, above all beyond a vendor's hard limit, is refused by name."""
    with pytest.raises(ValidationError, match=name):
        RunActionsSettings.model_validate(RUN | {name: value})


@pytest.mark.parametrize(
    ("stage", "hosts", "expected"),
    [
        ("local", "127.0.0.1:1, 127.0.0.1:2", {"127.0.0.1:1", "127.0.0.1:2"}),
        ("local", "", set()),
        ("local", " , ", set()),
        ("prod", "127.0.0.1:1", set()),
        ("", "127.0.0.1:1", set()),
    ],
)
def test_extra_hosts_exist_in_a_local_stack_only(stage: str, hosts: str, expected: set[str]) -> None:
    """Outside of a local stack no variable opens another host to vendor calls."""
    settings = RunActionsSettings.model_validate(RUN | {"STAGE": stage, "VENDOR_HOSTS": hosts})

    assert settings.allowed_hosts == expected


def test_settings_are_values() -> None:
    """Settings cannot be changed while a function runs."""
    settings: Any = SweepSettings.model_validate(STORE)

    with pytest.raises(ValidationError, match="frozen"):
        settings.STAGE = "other"
    assert isinstance(settings, Settings)
