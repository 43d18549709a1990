"""From Marketo's JSON to our records: names lose their capitals, times become instants, types are checked."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from leadbridge.errors import ContractError
from leadbridge.vendors.marketo.auth import VENDOR
from leadbridge.vendors.marketo.values import unstray

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# building one costs milliseconds
_ADAPTERS: "dict[type[Any], TypeAdapter[Any]]" = {}


def read[T](kind: type[T], item: object, operation: str) -> T:
    """One object of an answer as a record of this kind; members that it does not have are left out.

    Raises:
        ContractError: A member is missing or has another type.
    """
    from pydantic import ValidationError  # this part of pydantic is loaded when the first record is read

    try:
        record: T = _adapter(kind).validate_python(_renamed(item))
    except ValidationError as error:
        # the text of the error repeats values, its places do not
        places = ", ".join(".".join(map(str, each["loc"])) for each in error.errors(include_input=False)[:3])
        raise ContractError(f"not as documented: {places}", vendor=VENDOR, operation=operation) from None
    return record


def text_of(record: object) -> str:
    """A record as text that can be kept: `read` of it as JSON gives the record."""
    return json.dumps(asdict(record), default=str, ensure_ascii=False, separators=(",", ":"))  # type: ignore[call-overload]  # records are dataclasses


def _adapter(kind: type[Any]) -> "TypeAdapter[Any]":
    from pydantic import TypeAdapter

    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]


def _renamed(item: object) -> Any:
    """Objects with our names, lists of them alike; a member that is null counts as absent."""
    if isinstance(item, Mapping):
        return {_HUMP.sub("_", str(name)).lower(): _renamed(value) for name, value in item.items() if value is not None}
    if isinstance(item, list):
        return [_renamed(each) for each in item]
    return unstray(item) if isinstance(item, str) else item
