"""What the tests of rules have in common."""

from typing import Any, get_args

from leadbridge.domain.action import Mapping
from leadbridge.domain.transforms import Place, Rule, Transform


def rule_classes() -> tuple[type[Rule], ...]:
    """Every rule that a document may name."""
    union, *_ = get_args(Transform)
    found: tuple[type[Rule], ...] = get_args(union)
    return found


def rule_types() -> set[str]:
    """The `type` of every rule."""
    return {get_args(rule.model_fields["type"].annotation)[0] for rule in rule_classes()}


def a_rule(**members: Any) -> Rule:
    """A rule as a document names it."""
    [rule] = Mapping.model_validate({"to": "F", "column": "c", "transforms": [members]}).rules
    return rule


def applied(value: Any, place: Place | None = None, **members: Any) -> Any:
    """What a rule makes of a value, with the columns of Ada Lovelace."""
    return a_rule(**members).compiled(place or Place())(value, {"FIRST_NAME": "Ada", "LAST_NAME": "Lovelace"})
