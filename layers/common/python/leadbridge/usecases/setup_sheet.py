"""The sheet of what a person creates at a vendor before a connection can be used."""

from collections.abc import Callable, Mapping, Sequence

from leadbridge.domain.action import Action, MarketoConnection, SalesforceConnection
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.setup_sheets import STANDARD_FIELDS, marketo_steps, salesforce_steps
from leadbridge.errors import SyncError
from leadbridge.ports import Configurations

#: what the command line calls the folder that it writes
FOLDER = "leadbridge-salesforce"


class ShowSetup:
    """Tells the steps of a set-up."""

    def __init__(
        self,
        *,
        configurations: Configurations,
        permissions: Mapping[str, Sequence[str]],
        soap_names: Callable[[str], Mapping[str, str]],
    ) -> None:
        """`permissions` are those of Marketo's API user with what each is for.

        `soap_names` tells those of an instance's fields by their REST names.
        """
        self._configurations = configurations
        self._permissions = permissions
        self._soap_names = soap_names

    def __call__(self, stored: Stored) -> list[str]:
        """The steps, in order."""
        document = stored.document
        if isinstance(document, SalesforceConnection):
            first = f"Have the folder written: leadbridge setup salesforce {document.id} --contact EMAIL"
            return [first, *salesforce_steps(document, output=FOLDER)]
        if not isinstance(document, MarketoConnection):
            return []
        return marketo_steps(document, self._permissions, self._fields(document.id))

    def _fields(self, connection: str) -> list[tuple[str, str]]:
        """The fields that Actions write back to, each with the name that response mappings want."""
        actions = [each.document for each in self._configurations.list("action")]
        backs = [
            back.to
            for each in actions
            if isinstance(each, Action) and each.source.connection == connection
            for back in each.writeback
        ]
        try:
            known = self._soap_names(connection)
        except SyncError:
            known = {}  # nothing is set up yet: the sheet says what to do first
        return [(name, known.get(name, "(not there yet)")) for name in dict.fromkeys(backs or STANDARD_FIELDS)]
