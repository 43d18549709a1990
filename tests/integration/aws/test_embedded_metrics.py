"""The workers' metrics: lines in CloudWatch's embedded metric format."""

import json
from typing import Any

import pytest

from leadbridge.observability import NAMESPACE, EmbeddedMetrics


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The JSON lines on standard output."""
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def found(line: dict[str, Any]) -> tuple[str, dict[str, str], float]:
    """Name, dimensions and value that CloudWatch takes from a line; anything it would refuse fails."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    assert isinstance(line["_aws"]["Timestamp"], int)
    (dimensions,) = directive["Dimensions"]
    (metric,) = directive["Metrics"]
    assert metric["Unit"] in {"Count", "Seconds", "Percent", "None"}
    (value,) = line[metric["Name"]]
    assert isinstance(value, int | float)
    assert all(isinstance(line[name], str) and line[name] for name in dimensions)
    assert set(line) == {"_aws", metric["Name"], *dimensions}
    return metric["Name"], {name: line[name] for name in dimensions}, value


def test_a_count_is_one_line_with_the_stack_as_dimension(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts of one name add up; alarms find them by the stack alone."""
    meter = EmbeddedMetrics("stack-a")
    meter.count("Parked")
    meter.count("Parked", 2)

    meter.flush()

    assert [found(line) for line in lines(capsys)] == [("Parked", {"stack": "stack-a"}, 3)]


def test_labels_are_counted_apart_and_together(capsys: pytest.CaptureFixture[str]) -> None:
    """A labelled count appears under its labels and in the sum without them."""
    meter = EmbeddedMetrics("stack-a")
    meter.count("Outcomes", outcome="created")
    meter.count("Outcomes", outcome="created")
    meter.count("Outcomes", outcome="failed")

    meter.flush()

    metrics = [found(line) for line in lines(capsys)]
    assert sorted(metrics, key=str) == sorted(
        [
            ("Outcomes", {"stack": "stack-a"}, 3),
            ("Outcomes", {"stack": "stack-a", "outcome": "created"}, 2),
            ("Outcomes", {"stack": "stack-a", "outcome": "failed"}, 1),
        ],
        key=str,
    )


def test_a_level_is_the_lowest_that_was_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """Of several levels of one name the lowest is written, whatever the order."""
    meter = EmbeddedMetrics("stack-a")
    for level in (40, 7.5, 90):
        meter.gauge("VendorQuotaLeftPercent", level)

    meter.flush()

    assert [found(line) for line in lines(capsys)] == [("VendorQuotaLeftPercent", {"stack": "stack-a"}, 7.5)]


def test_a_flush_forgets(capsys: pytest.CaptureFixture[str]) -> None:
    """A process that lives on starts from nothing: the second flush writes only what came since."""
    meter = EmbeddedMetrics("stack-a")
    meter.count("Parked", reason="marketo_607")
    meter.gauge("VendorQuotaLeftPercent", 3)
    meter.flush()
    lines(capsys)

    meter.flush()
    assert lines(capsys) == []

    meter.gauge("VendorQuotaLeftPercent", 60)
    meter.flush()
    assert [found(line) for line in lines(capsys)] == [("VendorQuotaLeftPercent", {"stack": "stack-a"}, 60)]


def test_an_empty_label_still_makes_a_line_that_is_valid(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch refuses an empty dimension, so an error without vendor is counted without that label."""
    meter = EmbeddedMetrics("stack-a")
    meter.count("VendorErrors", vendor="", code="configuration")

    meter.flush()

    assert [found(line) for line in lines(capsys)] == [
        ("VendorErrors", {"stack": "stack-a"}, 1),
        ("VendorErrors", {"stack": "stack-a", "code": "configuration"}, 1),
    ]
