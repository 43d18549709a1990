"""The input of the figures: made-up persons of varying values, one call each, 30 % of them in Salesforce already."""

import json
import re
from typing import Any

from devstack.persons import Line
from tools.generate_persons import generate

EXISTING = 0.3
_ADDRESS = re.compile(r"^(\s*)(person|g)(?=\d)", re.IGNORECASE)


def distinct_persons(count: int, *, seed: int, prefix: str) -> list[Line]:
    """Give persons of whom no two share an address, each with exactly one call.

    Addresses begin with `prefix`, so that several inputs do not meet in one org.
    """
    lines = generate(persons=count, events=count, seed=seed, existing=EXISTING, hot_share=0)
    return [_renamed(line, prefix) for line in lines]


def _renamed(line: Line, prefix: str) -> Line:
    call = dict(line["calls"][0])
    # a second call with the same event id would be a second webhook
    call.pop("event_id", None)
    if "email" in call.get("lead", {}):
        call["lead"] = {**call["lead"], "email": _prefixed(call["lead"]["email"], prefix)}
    renamed: dict[str, Any] = {
        "person": f"{prefix}-{line['person']}",
        "lead": {**line["lead"], "email": _prefixed(line["lead"]["email"], prefix)},
        "calls": [call],
    }
    if "salesforce" in line:
        renamed["salesforce"] = [
            {**record, "Email": _prefixed(record["Email"], prefix)} for record in line["salesforce"]
        ]
    return renamed


def _prefixed(address: str, prefix: str) -> str:
    return _ADDRESS.sub(rf"\g<1>{prefix}", address)


def payload_of(body: bytes) -> dict[str, Any]:
    """The JSON object of a rendered webhook body."""
    payload: dict[str, Any] = json.loads(body)
    return payload
