"""Logs and metrics of the workers: one line per batch, never a value; metrics in embedded metric format.

The receive path uses plain `logging` instead, because these imports cost it a third of its cold start.
"""

import logging
from collections import defaultdict

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric

NAMESPACE = "Leadbridge"


def worker_logger(function: str, level: str) -> Logger:
    """The structured logger of one function; libraries may speak from WARNING on (httpx logs addresses at INFO)."""
    for library in ("httpx", "httpcore", "botocore", "urllib3"):
        logging.getLogger(library).setLevel(logging.WARNING)
    return Logger(service=function, level=level, utc=True)


class EmbeddedMetrics:
    """`ports.Meter` that counts in memory and writes embedded metric format at `flush`."""

    def __init__(self, stack: str) -> None:
        self._stack = stack
        self._levels: dict[str, float] = {}
        self._counts: dict[tuple[str, tuple[tuple[str, str], ...]], float] = defaultdict(float)

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Add to a counter, with labels also to the counter of the same name without them (alarms use that)."""
        self._counts[name, ()] += value
        named = tuple(sorted((label, content) for label, content in labels.items() if content))
        if named:  # CloudWatch refuses a line with an empty dimension
            self._counts[name, named] += value

    def gauge(self, name: str, value: float) -> None:
        """Note a level; of several the lowest counts, because that is the one to worry about."""
        self._levels[name] = min(value, self._levels.get(name, value))

    def flush(self) -> None:
        """Write what was counted and forget it."""
        counts = dict(self._counts)
        for name, level in self._levels.items():
            counts[name, ()] = level
        self._counts.clear()
        self._levels.clear()
        for (name, labels), value in counts.items():
            with single_metric(name=name, unit=MetricUnit.Count, value=value, namespace=NAMESPACE) as metric:
                metric.add_dimension(name="stack", value=self._stack)
                for label, content in labels:
                    metric.add_dimension(name=label, value=content)
