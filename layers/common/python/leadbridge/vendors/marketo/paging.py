"""Marketo's ways of ending a page sequence; each call family has its own."""

from collections.abc import Mapping
from typing import Any, Protocol

from leadbridge.errors import ContractError

# the most that one page of assets holds; the default is 20
ASSET_PAGE = 200


class Paging(Protocol):
    """How a sequence of pages goes on."""

    def first(self) -> Mapping[str, str]:
        """The parameters of the first page."""
        ...

    def following(self, answer: Mapping[str, Any]) -> Mapping[str, str] | None:
        """The parameters of the page after this one, None after the last."""
        ...


class PositionPaging:
    """Leads and other records: more pages follow while a token is present, whatever `moreResult` says."""

    def __init__(self, operation: str) -> None:
        self._seen = _SeenTokens(operation)

    def first(self) -> Mapping[str, str]:
        """The first page needs no token."""
        return {}

    def following(self, answer: Mapping[str, Any]) -> Mapping[str, str] | None:
        """The token, if there is one; the page may be empty or short."""
        token = answer.get("nextPageToken")
        return {"nextPageToken": self._seen.new(token)} if token else None


class OffsetPaging:
    """Assets: by number, until a page is empty; a short one need not be the last."""

    def __init__(self) -> None:
        self._offset = 0

    def first(self) -> Mapping[str, str]:
        """From the beginning, as many as one page takes."""
        return {"offset": "0", "maxReturn": str(ASSET_PAGE)}

    def following(self, answer: Mapping[str, Any]) -> Mapping[str, str] | None:
        """The next offset, None after an empty page."""
        if not answer.get("result"):
            return None
        self._offset += ASSET_PAGE
        return {"offset": str(self._offset), "maxReturn": str(ASSET_PAGE)}


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
