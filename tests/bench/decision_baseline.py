"""The decision of one record in straight line: filter, map, plan; what the pipeline's figure is compared with."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

WORDS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
TYPED: dict[str, Any] = {
    "boolean": lambda value: WORDS[value.lower()],
    "int": int,
    "double": lambda value: int(value) if (value := Decimal(value)) == int(value) else float(value),
    "date": lambda value: date.fromisoformat(value).isoformat(),
    "datetime": lambda value: datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
}


def decide(lead: Mapping[str, Any], types: Sequence[tuple[str, str, str]], ids: Sequence[str]) -> tuple[Any, ...]:
    if lead["leadStatus"].strip().casefold() == "disqualified":
        return "skipped", "condition_not_met"
    email = lead["email"].strip()
    if not re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", email):
        return "skipped", "identifier_invalid" if email else "identifier_missing"
    fields: dict[str, Any] = {"LeadSource": "Marketo"}
    try:
        for column, name, kind in types:
            if value := lead[column].strip():
                fields[name] = TYPED[kind](value) if kind in TYPED else lead[column]
    except (KeyError, ValueError, InvalidOperation):
        return "failed", "value_invalid"
    return ("failed", "ambiguous_match") if len(ids) > 1 else ("update" if ids else "create", *ids, fields)
