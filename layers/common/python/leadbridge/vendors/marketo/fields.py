"""The schema of fields: what there is, and creating fields of leads and program members.

A field that was created can be hidden, never deleted. Source: Marketo REST API, "Leads", "Program Members" (schema).
"""

from collections.abc import Iterator, Sequence
from typing import Any

from leadbridge.domain.marketo import FieldMetadata
from leadbridge.domain.records import RowResult
from leadbridge.errors import ConfigurationError, PermanentError
from leadbridge.vendors.marketo.api import Api
from leadbridge.vendors.marketo.endpoints import Endpoint, FieldEndpoints


class Fields:
    """The fields of one object."""

    def __init__(self, api: Api, calls: FieldEndpoints) -> None:
        self._api = api
        self._calls = calls

    def all(self) -> Iterator[FieldMetadata]:
        """All fields."""
        return self._api.records(FieldMetadata, self._calls.list)

    def one(self, name: str) -> FieldMetadata | None:
        """The field of a name, None if there is none (1006)."""
        try:
            return self._api.find(FieldMetadata, self._calls.one, parts={"field": name})
        except PermanentError as error:
            if error.code != "1006":
                raise
            return None

    def create(self, fields: Sequence[FieldMetadata]) -> list[RowResult]:
        """Create fields, at most 100 in an instance; one result per field, in order.

        Raises:
            ConfigurationError: Fields of this object are not created by the API.
        """
        return self._api.write(_offered(self._calls.create), [_document(each) for each in fields])

    def update(self, name: str, *, display_name: str | None = None, is_hidden: bool | None = None) -> None:
        """Change what a field is called in Marketo, or whether it is shown there; name and type are for good.

        Raises:
            ConfigurationError: Fields of this object are not changed by the API.
        """
        changes = {"displayName": display_name, "isHidden": is_hidden}
        own = {member: value for member, value in changes.items() if value is not None}
        self._api.send(_offered(self._calls.update), parts={"field": name}, body={"input": [own]})


def _offered(endpoint: Endpoint | None) -> Endpoint:
    if endpoint is None:
        raise ConfigurationError(["Marketo's API does not create or change fields of this object"])
    return endpoint


def _document(field: FieldMetadata) -> dict[str, Any]:
    document = {"name": field.name, "displayName": field.display_name, "dataType": field.data_type}
    return document | ({"description": field.description} if field.description else {})
