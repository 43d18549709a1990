"""Marketo's ways of ending a page sequence; each call family has its own."""

from collections.abc import Mapping
from typing import Any

from leadbridge.errors import ContractError


class PositionPaging:
    """Leads and other records: more pages follow while a token is present, whatever `moreResult` says."""

    def __init__(self, operation: str) -> None:
        self._seen = _SeenTokens(operation)

    def next_token(self, page: Mapping[str, Any]) -> str | None:
        """The token of the next page, or None after the last one."""
        token = page.get("nextPageToken")
        return self._seen.new(token) if token else None


class DatePaging:
    """Activities: a token always comes, only `moreResult` says whether more follows; pages may be empty."""

    def __init__(self, operation: str, first_token: str) -> None:
        self._operation = operation
        self._seen = _SeenTokens(operation)
        self._seen.new(first_token)

    def next_token(self, page: Mapping[str, Any]) -> str | None:
        """The token of the next page, or None after the last one."""
        if page.get("moreResult") is not True:
            return None
        token = page.get("nextPageToken")
        if not token:
            raise ContractError(
                "more results are announced without a token", vendor="marketo", operation=self._operation
            )
        return self._seen.new(token)


class _SeenTokens:
    """Refuses a token that came before: following it would never end."""

    def __init__(self, operation: str) -> None:
        self._operation = operation
        self._tokens: set[str] = set()

    def new(self, token: Any) -> str:
        if not isinstance(token, str) or token in self._tokens:
            raise ContractError("a paging token came twice or is no text", vendor="marketo", operation=self._operation)
        self._tokens.add(token)
        return token
