"""When a sequence of pages ends: each family has its own sign, and an empty page is one for assets only."""

from typing import Any

import pytest

from leadbridge.errors import ContractError
from leadbridge.vendors.marketo.paging import DatePaging, OffsetPaging, PositionPaging


@pytest.mark.parametrize(
    ("answer", "following"),
    [
        ({"result": [1], "nextPageToken": "A=="}, {"nextPageToken": "A=="}),
        ({"result": [], "nextPageToken": "A=="}, {"nextPageToken": "A=="}),
        ({"result": [1], "nextPageToken": "A==", "moreResult": False}, {"nextPageToken": "A=="}),
        ({"result": [1], "moreResult": True}, None),
        ({"result": [1]}, None),
        ({"result": [1], "nextPageToken": ""}, None),
    ],
)
def test_positions_go_on_while_there_is_a_token(answer: dict[str, Any], following: dict[str, str] | None) -> None:
    """Whatever else is said, and however short the page."""
    paging = PositionPaging("leads_by_filter")
    assert paging.first() == {}
    assert paging.following(answer) == following


@pytest.mark.parametrize(
    ("answer", "following"),
    [
        ({"result": [], "nextPageToken": "B", "moreResult": True}, "B"),
        ({"result": [1], "nextPageToken": "B", "moreResult": False}, None),
        ({"result": [1], "nextPageToken": "B"}, None),
    ],
)
def test_dates_go_on_while_more_is_announced(answer: dict[str, Any], following: str | None) -> None:
    """The token is always there and means nothing by itself."""
    assert DatePaging("activities", "A").next_token(answer) == following


def test_assets_go_on_until_a_page_is_empty() -> None:
    """A short page is not the last one; the offset counts what was asked for."""
    paging = OffsetPaging()
    assert paging.first() == {"offset": "0", "maxReturn": "200"}
    assert paging.following({"result": [1]}) == {"offset": "200", "maxReturn": "200"}
    assert paging.following({"result": [1]}) == {"offset": "400", "maxReturn": "200"}
    assert paging.following({"success": True, "warnings": ["No assets found for the given search criteria."]}) is None


def test_a_token_that_comes_twice_ends_in_an_error() -> None:
    """Following it would never end."""
    position, date = PositionPaging("leads_by_filter"), DatePaging("activities", "A")
    position.following({"nextPageToken": "A"})
    with pytest.raises(ContractError):
        position.following({"nextPageToken": "A"})
    with pytest.raises(ContractError):
        date.next_token({"nextPageToken": "A", "moreResult": True})
    with pytest.raises(ContractError):
        DatePaging("activities", "A").next_token({"moreResult": True})
