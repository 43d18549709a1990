"""Tokens such as `{{lead.Email Address}}`: which there are, what they stand for, and how a request carries them.

Source: the vendor's webhook and token pages. Lead, company and system tokens are always there; campaign, program
and my tokens where the campaign and its program are; trigger tokens as the event that started the campaign gives
them. Names are taken in any case. Where a person has no value the token is blank, or what follows `:default=`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote_plus

from simulator.control import ControlError
from simulator.marketo.schema import LeadField

type Values = Mapping[str, Any]
"""Token names in lower case, as `lead.email address`, with their values; None where there is none."""
type Encoder = Callable[[Any], str]

_TOKEN = re.compile(r"\{\{\s*([A-Za-z]+\.[^{}:]+?)\s*(?::default=([^{}]*))?\}\}")
# their names are a campaign's or an event's own
_OPEN_KINDS = ("my.", "trigger.", "member.")
_FIXED = {
    *("campaign.id", "campaign.name", "campaign.description"),
    *("program.id", "program.name", "program.description"),
    *("system.date", "system.time", "system.datetime"),
}


def field_tokens(fields: Iterable[LeadField]) -> dict[str, str]:
    """Give the tokens of lead and company fields, in lower case, with the REST name of the field."""
    tokens: dict[str, str] = {}
    for each in fields:
        kind = "company" if each.company else "lead"
        # the display names of older instances say Lead where newer ones say Person
        for shown in {each.display_name, each.display_name.replace("Person ", "Lead ")}:
            tokens[f"{kind}.{shown}".lower()] = each.name
    return tokens


def names_in(template: str, fields: Iterable[LeadField]) -> set[str]:
    """Give the names of the tokens in a template, in lower case.

    Raises:
        ControlError: a token that the vendor's editor would not offer.
    """
    names = {match[1].lower() for match in _TOKEN.finditer(template)}
    known = field_tokens(fields).keys() | _FIXED
    for name in sorted(names):
        if name not in known and not name.startswith(_OPEN_KINDS):
            raise ControlError(f"there is no token {{{{{name}}}}}")
    return names


def render(template: str, values: Values, encode: Encoder) -> str:
    """Replace every token of a template, in one pass: a value that looks like a token stays as it is."""

    def replace(match: re.Match[str]) -> str:
        value = values.get(match[1].lower())
        return encode(match[2] if match[2] is not None and value in {None, ""} else value)

    return _TOKEN.sub(replace, template)


def as_text(value: Any) -> str:
    """Write a value as a token shows it: blank for none, `true` and `false`, numbers in digits."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def quoted(value: Any) -> str:
    """Write a value for a JSON body: the quotes come with the token, also for numbers, booleans and blanks."""
    return json.dumps(as_text(value), ensure_ascii=False)


def bare_numbers(value: Any) -> str:
    """Write a value for a JSON body, numbers and booleans without quotes; a blank has no type and is quoted."""
    return as_text(value) if isinstance(value, bool | int | float) else quoted(value)


def form_encoded(value: Any) -> str:
    """Write a value for a form body or a query."""
    return quote_plus(as_text(value))
