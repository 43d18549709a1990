"""SOQL: one query, all its pages, and look-ups of many values.

Source: REST API, Query, Query More Results, QueryAll, Query Options header.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from leadbridge.domain.soql import (
    URI_BYTES,
    Value,
    encoded_length,
    identifier,
    in_list_chunks,
    literals_of,
)
from leadbridge.errors import ContractError, PermanentError
from leadbridge.vendors.salesforce.answers import without_attributes
from leadbridge.vendors.salesforce.api import Api, api_name
from leadbridge.vendors.salesforce.auth import VENDOR
from leadbridge.vendors.salesforce.endpoints import QUERY, QUERY_ALL

_EXPIRED = "INVALID_QUERY_LOCATOR"


class Queries:
    """Reading by SOQL."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def pages(
        self, soql: str, *, include_deleted: bool = False, batch_size: int | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """Page after page, without the type notes of the vendor; an empty page is not the end.

        `batch_size` from 200 to 2,000 is a wish: the vendor may give less.

        Raises:
            PermanentError: The query is too long for an address; or, after the first page, its position
                expired (INVALID_QUERY_LOCATOR): start again from the watermark.
        """
        if encoded_length(soql) > URI_BYTES:
            raise PermanentError("the query is too long", vendor=VENDOR, operation="query", code="http_414")
        endpoint = QUERY_ALL if include_deleted else QUERY
        for page in self._api.pages(endpoint, params={"q": soql}, headers=_options(batch_size), sent=literals_of(soql)):
            found = page.get("records")
            if not isinstance(found, list):
                raise ContractError("a page without records", vendor=VENDOR, operation=endpoint.operation)
            yield without_attributes(found)

    def all(self, soql: str, *, include_deleted: bool = False, batch_size: int | None = None) -> list[dict[str, Any]]:
        """All records of a query; one whose position expired is read once from the start.

        Aggregates come as records too, by their alias (`expr0` where they have none).

        Raises:
            PermanentError: The query is longer than an address may be; `soql.in_list_chunks` keeps them short.
        """

        def once() -> list[dict[str, Any]]:
            pages = self.pages(soql, include_deleted=include_deleted, batch_size=batch_size)
            return [record for page in pages for record in page]

        try:
            return once()
        except PermanentError as error:
            if error.code != _EXPIRED:
                raise
            return once()

    def count(self, soql: str) -> int:
        """The number that `SELECT COUNT() FROM …` finds, which stands beside the records.

        Raises:
            ContractError: The answer has no number.
        """
        total = self._api.read(QUERY, params={"q": soql}, sent=literals_of(soql)).get("totalSize")
        if not isinstance(total, int):
            raise ContractError("no count", vendor=VENDOR, operation="query")
        return total

    def count_of(self, object_name: str, field: str, values: Collection[str]) -> int:
        """How many records hold one of the values in a field; as few queries as addresses allow."""
        select = f"SELECT COUNT() FROM {api_name(object_name)} WHERE"  # noqa: S608  # names are checked, values quoted
        return sum(self.count(soql) for soql in in_list_chunks(field, values, select))

    def total_of(self, object_name: str) -> int:
        """How many records of an object there are."""
        return self.count(f"SELECT COUNT() FROM {api_name(object_name)}")  # noqa: S608  # the name is checked

    def find(
        self, object_name: str, fields: Sequence[str], field: str, values: Sequence[Value]
    ) -> list[dict[str, Any]]:
        """Records whose `field` equals one of the values, with the named fields; as few queries as addresses allow."""
        select = f"SELECT {', '.join(identifier(name) for name in fields)} FROM {api_name(object_name)} WHERE"  # noqa: S608  # identifiers are checked, values quoted
        return [record for soql in in_list_chunks(field, values, select) for record in self.all(soql)]


def _options(batch_size: int | None) -> Mapping[str, str]:
    return {} if batch_size is None else {"Sforce-Query-Options": f"batchSize={batch_size}"}
