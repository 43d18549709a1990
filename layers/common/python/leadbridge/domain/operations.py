"""What a connector action asks of Marketo: the operations, what each needs, and what goes together in one call.

A connector action (`domain.connector`) is an Action whose destination is Marketo. This is the one table of what it can
do; documents are checked against it, and calls are made by it.
"""

import csv
import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Literal

type Row = Mapping[str, Any]


class Operation(StrEnum):
    """What is asked of Marketo for a person."""

    ADD_TO_LIST = "add_to_list"
    REMOVE_FROM_LIST = "remove_from_list"
    SEND_EMAIL = "send_email"
    UPSERT_LEAD = "upsert_lead"
    MERGE_LEADS = "merge_leads"
    IMPORT_LEADS = "import_leads"


class Strategy(StrEnum):
    """What `upsert_lead` does with a person who is there, and with one who is not; Marketo's own words."""

    CREATE_OR_UPDATE = "createOrUpdate"
    CREATE_ONLY = "createOnly"
    UPDATE_ONLY = "updateOnly"
    CREATE_DUPLICATE = "createDuplicate"


#: how a call whose answer was lost is told apart from one that never was: `repeat` where doing it twice is as doing it
#: once, `look` where Marketo can show it, and what it does not show may be repeated, `prove` where it may show it, and
#: what it does not show is never repeated
Doubt = Literal["repeat", "look", "prove"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """One operation: its members of a document, the size of its calls, its doubts and its codes."""

    #: what it does, for `show` and the documentation
    words: str
    #: members that a document must, and may, have beside those of every Action
    required: frozenset[str]
    optional: frozenset[str] = frozenset()
    #: persons, and bytes of the body, of one call
    most: int = 1
    most_bytes: int = 1_000_000
    #: bytes that are sent around the rows of a call beside `body_bytes`
    form: int = 0
    doubt: Doubt = "repeat"
    #: whether calls may be kept until there are enough of them
    batched: bool = False
    #: codes of a whole call that speak of the person in it, not of the set-up
    of_person: frozenset[str] = frozenset()


_PERSON = frozenset({"person"})
_LIST_OPTIONS = frozenset({"duplicate_record_rule", "destination.partition", "batch"})
_MERGE_REFUSALS = frozenset({"712", "714", "1003", "1004", "1076", "1077", "1078", "1079"})

#: the cell that empties a field in an import's file
CLEAR = "null"
#: most rows and bytes of one import (Marketo: less than 10 MB)
IMPORT_ROWS, IMPORT_BYTES = 25_000, 10_000_000
#: what the form around a file has, and the byte by which both together stay below that
FORM_BYTES = 170 + 1
#: losers of one merge, since March 2026 (1080 above it)
MERGE_LOSERS = 25

OPERATIONS: Mapping[Operation, Facts] = {
    Operation.ADD_TO_LIST: Facts(
        words="adds the person to the list {list}",
        required=_PERSON | {"destination.list"},
        optional=_LIST_OPTIONS,
        most=300,
        batched=True,
    ),
    Operation.REMOVE_FROM_LIST: Facts(
        words="removes the person from the list {list}",
        required=_PERSON | {"destination.list"},
        optional=_LIST_OPTIONS,
        most=300,
        batched=True,
    ),
    Operation.SEND_EMAIL: Facts(
        words="requests the campaign {campaign} for the person",
        required=_PERSON | {"destination.campaign"},
        optional=frozenset({"tokens"}),
        most=100,
        doubt="prove",
        of_person=frozenset({"1004"}),
    ),
    Operation.UPSERT_LEAD: Facts(
        words="writes the person ({strategy} by {lookup_field})",
        required=frozenset({"destination.strategy", "mappings"}),
        optional=frozenset({"destination.lookup_field", "destination.partition", "batch"}),
        most=300,
        batched=True,
    ),
    Operation.MERGE_LEADS: Facts(
        words="merges persons into one",
        required=frozenset({"merge"}),
        doubt="look",
        of_person=_MERGE_REFUSALS,
    ),
    Operation.IMPORT_LEADS: Facts(
        words="imports the person by {lookup_field}",
        required=frozenset({"destination.lookup_field", "mappings"}),
        optional=frozenset({"destination.list", "destination.partition", "batch"}),
        most=IMPORT_ROWS,
        most_bytes=IMPORT_BYTES,
        form=FORM_BYTES,
        batched=True,
    ),
}

#: fields by which a person may be looked for and that can be written, so that a person can be made by them
WRITABLE_FILTERS = frozenset({"email", "twitterId", "facebookId", "linkedInId"})
#: values of one lookup call
LOOKUP_VALUES = 300
#: a lead id that is not known before the lookup counts as this, the longest there is
UNKNOWN_ID = 9_999_999_999


def doubt_of(operation: Operation, strategy: str) -> Doubt:
    """How a lost answer is told apart; creates of leads are looked for."""
    creates = strategy in {Strategy.CREATE_ONLY, Strategy.CREATE_DUPLICATE}
    return "look" if operation is Operation.UPSERT_LEAD and creates else OPERATIONS[operation].doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """What persons must have in common to share a call: equal groups, equal calls."""

    connection: str
    operation: Operation
    #: names or ids as the document has them
    list: str = ""
    campaign: str = ""
    strategy: str = ""
    #: the field that a sync goes by; for lists the filter by which persons are looked for
    lookup_field: str = ""
    partition: str = ""
    #: persons who are not there are made
    adds: bool = False
    #: of a campaign: names and values, in order; personal data
    tokens: tuple[tuple[str, str], ...] = ()
    #: of an import
    columns: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """A text that is the same for equal groups, in every process; it holds no value of a person."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()
        return f"{self.operation.value}-{digest[:24]}"

    @property
    def facts(self) -> Facts:
        """The facts of its operation."""
        return OPERATIONS[self.operation]


def body_bytes(group: Group, rows: Sequence[Row]) -> int:
    """How many bytes the body of the call has, in which these rows go, exactly as it is sent.

    Args:
        group: What the call is.
        rows: For lists `id` alone, for leads the fields of each, as `connecting.row_of` gives them.
    """
    return (
        len(import_file(group.columns, rows)) if group.operation is Operation.IMPORT_LEADS else len(body(group, rows))
    )


def body(group: Group, rows: Sequence[Row]) -> bytes:
    """The JSON body of a list call, a sync, or a campaign's request."""
    if group.operation is Operation.SEND_EMAIL:
        asked: dict[str, Any] = {"leads": [dict(row) for row in rows]}
        if group.tokens:
            asked["tokens"] = [{"name": name, "value": value} for name, value in group.tokens]
        return _json({"input": asked})
    return _json({**_head(group), "input": [dict(row) for row in rows]})


def import_file(columns: Sequence[str], rows: Sequence[Row]) -> bytes:
    """The CSV file of an import: the fields' names, then a line for each row. A value of None empties its field."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([_cell(row, name) for name in columns] for row in rows)
    return written.getvalue().encode(errors="replace")


def unsendable(row: Row) -> tuple[str, str, str] | None:
    """The field of a row that no file can carry, what it would have to hold, and what it holds; None if all can."""
    for name, value in row.items():
        if isinstance(value, str) and value.casefold() == CLEAR:
            return name, f"another text than {CLEAR}, which empties a field in a file,", "this word"
        if isinstance(value, str) and any("\ud800" <= each <= "\udfff" for each in value):
            return name, "valid text", "halves of characters"
    return None


def _head(group: Group) -> dict[str, Any]:
    if group.operation is not Operation.UPSERT_LEAD:
        return {}
    head: dict[str, Any] = {"action": group.strategy}
    if group.lookup_field and group.strategy != Strategy.CREATE_DUPLICATE:
        head["lookupField"] = group.lookup_field
    if group.partition:
        head["partitionName"] = group.partition
    return head


def _cell(row: Row, name: str) -> str:
    if name not in row:
        return ""
    value = row[name]
    if value is None:
        return CLEAR
    return str(value).lower() if isinstance(value, bool) else str(value)


def _json(value: Any) -> bytes:
    # as `vendors.http.bodies.dump_json`, which a test compares
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
