"""The webhook of an Action as Marketo's dialog asks for it, and the key that opens it."""

from collections.abc import Callable, Mapping
from typing import Any

from leadbridge.domain.action import Action
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.webhook import webhook_key
from leadbridge.domain.webhook_sheets import Encoding, Instance, Sheet, sheet


class ShowWebhook:
    """Works sheets out, and tells keys."""

    def __init__(
        self,
        *,
        leads: Callable[[str], ObjectDescription],
        soap_names: Callable[[str], Mapping[str, str]],
        secret: Callable[[], Mapping[str, Any]],
        api_url: str,
    ) -> None:
        """`leads` and `soap_names` ask the instance of a connection, `secret` gives the members keys are made of."""
        self._leads = leads
        self._soap_names = soap_names
        self._secret = secret
        self._api_url = api_url

    def sheet(self, action: Action, encoding: Encoding) -> Sheet | list[str]:
        """The sheet of an Action without its key, or what stands against it."""
        connection = action.source.connection
        # SOAP names are a call of their own, which only response mappings need
        wanted = action.inline is not None and bool(action.writeback)
        soap_names = self._soap_names(connection) if wanted else {}
        instance = Instance(leads=self._leads(connection), soap_names=soap_names)
        return sheet(action, instance, api_url=self._api_url, encoding=encoding)

    def key(self, action: str) -> str:
        """The key of an Action in the generation that is valid now."""
        secret = self._secret()
        return webhook_key(str(secret["key"]), action, int(secret["generation"]))
