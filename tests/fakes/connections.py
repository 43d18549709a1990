"""Connections to the vendor doubles."""

from collections.abc import Mapping

from leadbridge.errors import ConfigurationError, DisabledError
from tests.fakes.marketo import FakeMarketo
from tests.fakes.salesforce import FakeSalesforce


class FakeConnections:
    """`ports.Connections` over given doubles; an unknown name is an error as in the product."""

    def __init__(self, *, marketo: Mapping[str, FakeMarketo], salesforce: Mapping[str, FakeSalesforce]) -> None:
        self._marketo = dict(marketo)
        self._salesforce = dict(salesforce)
        self.disabled: set[str] = set()
        self.quota_reports = 0

    def marketo(self, connection: str) -> FakeMarketo:
        """The double behind a Marketo connection."""
        if connection not in self._marketo:
            raise ConfigurationError([f"there is no connection {connection}; apply its document first"])
        self._require_enabled(connection)
        return self._marketo[connection]

    def salesforce(self, connection: str) -> FakeSalesforce:
        """The double behind a Salesforce connection."""
        if connection not in self._salesforce:
            raise ConfigurationError([f"there is no connection {connection}; apply its document first"])
        self._require_enabled(connection)
        return self._salesforce[connection]

    def _require_enabled(self, connection: str) -> None:
        if connection in self.disabled:
            raise DisabledError(connection)

    def report_quota(self) -> None:
        """Count that somebody asked."""
        self.quota_reports += 1
