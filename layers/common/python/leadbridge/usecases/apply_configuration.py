"""Check documents against both vendors and store those that are sound, all or none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from leadbridge.domain.action import Action, Configuration
from leadbridge.domain.checks import check_action, parse_document
from leadbridge.domain.records import CustomActivityType
from leadbridge.errors import ConfigurationError, PermanentError, SyncError
from leadbridge.ports import Configurations, Connections, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """What applying did to one document."""

    stored: Stored
    changed: bool


class ApplyConfiguration:
    """Apply documents as people write them."""

    def __init__(self, *, configurations: Configurations, connections: Connections) -> None:
        self._configurations = configurations
        self._connections = connections

    def __call__(self, raw_documents: Sequence[Any]) -> list[Applied]:
        """Store the documents: connections first, then Actions, which are checked through them.

        Raises:
            ConfigurationError: With every finding; connections without findings are stored nevertheless,
                because the Actions' checks need them.
        """
        documents: list[Configuration] = []
        findings: list[str] = []
        for raw in raw_documents:
            parsed = parse_document(raw)
            if isinstance(parsed, list):
                findings.extend(parsed)
            else:
                documents.append(parsed)
        actions = [document for document in documents if isinstance(document, Action)]
        # a connection is stored before the Actions are checked through it, but not beside documents that are unsound
        applied = [self._put(document) for document in documents if not isinstance(document, Action) and not findings]
        for action in actions:
            findings.extend(self._check(action))
        if findings:
            raise ConfigurationError(findings)
        return applied + [self._put(action) for action in actions]

    def _put(self, document: Configuration) -> Applied:
        stored, changed = self._configurations.put(document)
        return Applied(stored=stored, changed=changed)

    def _check(self, action: Action) -> list[str]:
        missing = [
            f"action {action.id}: {where}: there is no connection {name}; apply its document first"
            for where, kind, name in (
                ("source.connection", "marketo_connection", action.source.connection),
                ("destination.connection", "salesforce_connection", action.destination.connection),
            )
            if self._configurations.get(kind, name) is None
        ]
        if missing:
            return missing
        marketo = self._connections.marketo(action.source.connection)
        salesforce = self._connections.salesforce(action.destination.connection)
        try:
            described = salesforce.describe(action.destination.object)
            leads = marketo.describe_leads()
        except PermanentError as error:
            return [f"action {action.id}: {error}"]
        activity: CustomActivityType | None = None
        try:
            activity = marketo.custom_activity_type(action.results.activity)
        except (ConfigurationError, PermanentError):
            activity = None  # the check below says so and what to do
        if activity is not None and not activity.status.startswith("approved"):
            activity = None
        return check_action(action, leads=leads, destination=described, activity=activity)


def explain(error: SyncError) -> list[str]:
    """The findings of an error as lines for a person."""
    return list(error.findings) if isinstance(error, ConfigurationError) else [str(error)]
