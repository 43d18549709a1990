"""Transformation rules: what may be done to a value on its way to a field, one class for each rule.

A new rule is one class, with its `type`, and its name in the list below; everything else follows from the class.
"""

from typing import Annotated

from pydantic import Field

from leadbridge.domain.transforms.base import Apply, Kind, Place, Rule, RuleFailedError
from leadbridge.domain.transforms.contacts import Email, Phone
from leadbridge.domain.transforms.dates import DateFormat, DateParse, zone_finding
from leadbridge.domain.transforms.numbers import Boolean, NumberFormat, NumberParse
from leadbridge.domain.transforms.tables import Country, Lookup, State
from leadbridge.domain.transforms.texts import (
    Case,
    CollapseSpaces,
    Concat,
    Default,
    Hash,
    PatternReplace,
    Replace,
    Split,
    Substring,
    Trim,
    Truncate,
)

Transform = Annotated[
    Trim
    | CollapseSpaces
    | Case
    | Replace
    | PatternReplace
    | Substring
    | Split
    | Concat
    | Default
    | Truncate
    | Hash
    | NumberParse
    | NumberFormat
    | Boolean
    | DateParse
    | DateFormat
    | Lookup
    | Country
    | State
    | Phone
    | Email,
    Field(discriminator="type"),
]

__all__ = ["Apply", "Kind", "Place", "Rule", "RuleFailedError", "Transform", "zone_finding"]
