"""What a bulk job's result files say about one row; the columns that were sent tell which row it is.

Source: Bulk API 2.0 guide, successful and failed record results. Rows come in an order of their own, so an input is
found again by a key column that was sent with it. The grammar of `sf__Error` is not documented; it reads
`CODE:message:fields --`, and codes are those of the REST API.
"""

import re
from collections.abc import Mapping

from leadbridge.domain.records import RowResult
from leadbridge.vendors.salesforce.answers import row_result

ID, CREATED, ERROR = "sf__Id", "sf__Created", "sf__Error"
#: columns of the vendor; all others are those of the file sent
OWN_COLUMNS = frozenset({ID, CREATED, ERROR})

_TOLD = re.compile(r"(?P<code>[A-Za-z_0-9]+):(?P<message>.*?)(?::(?P<fields>[\w, .]*))?\s*-{2,}\s*", re.DOTALL)


def written(cells: Mapping[str, str], *, done: str) -> RowResult:
    """A line of the successful results; `done` is the word where the vendor does not say that it created."""
    created = cells.get(CREATED, "").strip().lower() == "true"
    return RowResult(ok=True, status="created" if created else done, id=cells.get(ID) or None)


def refused(cells: Mapping[str, str]) -> RowResult:
    """A line of the failed results, by the same table as the rows of a collection."""
    sent = [cell for name, cell in cells.items() if name not in OWN_COLUMNS]
    return refusal(cells.get(ERROR, ""), sent=sent, record_id=cells.get(ID, ""))


def refusal(text: str, *, sent: object, record_id: str = "") -> RowResult:
    """What `sf__Error` says about a row; the values in `sent` are masked in its message."""
    told = _TOLD.fullmatch(text)
    error: dict[str, object] = {"statusCode": "unreadable_code", "message": text}
    if told is not None:
        fields = [name.strip() for name in (told["fields"] or "").split(",") if name.strip()]
        error = {"statusCode": told["code"], "message": told["message"], "fields": fields}
    return row_result({"id": record_id or None, "success": False, "errors": [error]}, sent, done="")
