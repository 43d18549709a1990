"""Pairs of fields of a cycle while the schemas of both systems change."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, timedelta

import pytest

from leadbridge.domain.crm_cycle import CycleField
from leadbridge.domain.cycle_fields import bind_fields
from leadbridge.domain.cycle_schema import Checked, Schema, as_opened, checked
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.three_way import Side
from tests.fakes.clock import NOON

PAIRS = [CycleField(marketo="title", salesforce="Title"), CycleField(marketo="phone", salesforce="Phone")]
HOUR = timedelta(hours=1)


def described(**types: str) -> Mapping[Side, ObjectDescription]:
    """Both objects with fields of these types."""
    marketo = {name: FieldDescription(name=name, type=types.get(name, "string")) for name in ("title", "phone")}
    salesforce = {name: FieldDescription(name=name, type=types.get(name, "string")) for name in ("Title", "Phone")}
    both = {Side.MARKETO: ("leads", marketo), Side.SALESFORCE: ("Lead", salesforce)}
    return {
        side: ObjectDescription(
            name=name, fields={each: field for each, field in fields.items() if field.type != "hidden"}
        )
        for side, (name, fields) in both.items()
    }


def looked(
    before: Schema | None, hours: int, types: Mapping[str, str] | None = None, *, version: int = 1, **others: str
) -> Checked:
    """A look at both schemas, so many hours after noon."""
    found = described(**(types or {}), **others)
    bound = bind_fields(PAIRS, found, UTC)
    return checked(bound, found, before, version=version, carried_to=NOON + hours * HOUR)


def names(found: Checked) -> set[str]:
    """The pairs that are kept in step."""
    return {each.name for each in found.bound.fields}


def test_a_hidden_field_puts_its_pair_aside_is_told_once_and_caught_up_with() -> None:
    """The others go on; once shown again, all that was edited since it last worked is read again."""
    first = looked(None, 0)
    assert names(first) == {"title=Title", "phone=Phone"}
    assert first.warnings == ()
    hidden = looked(first.schema, 1, Phone="hidden")
    assert names(hidden) == {"title=Title"}
    (told,) = hidden.warnings
    assert told.startswith("Lead: Salesforce has no field Phone of Lead, or hides it; show it again")
    still = looked(hidden.schema, 2, Phone="hidden")
    assert (still.warnings, still.read_again_from) == ((), None)
    shown = looked(still.schema, 3)
    assert names(shown) == {"title=Title", "phone=Phone"}
    assert shown.read_again_from == NOON
    # and no more after that
    assert looked(shown.schema, 4).read_again_from is None


@pytest.mark.parametrize(("name", "vendor"), [("phone", "Marketo"), ("Phone", "Salesforce")])
def test_a_field_of_another_kind_is_aside_until_it_is_changed_back_or_meant(name: str, vendor: str) -> None:
    """The sentence names the field, what it held and holds, and the remedy."""
    first = looked(None, 0)
    retyped = looked(first.schema, 1, {name: "integer"})
    assert names(retyped) == {"title=Title"}
    (told,) = retyped.warnings
    assert told == (
        f"Lead: {name} of {vendor} held texts and holds numbers now; change it back, or, if that is meant, apply the "
        "document with any change, a comment will do"
    )
    back = looked(retyped.schema, 2)
    assert names(back) == {"title=Title", "phone=Phone"}
    assert back.read_again_from == NOON
    meant = looked(retyped.schema, 2, {name: "integer"}, version=2)
    assert names(meant) == {"title=Title", "phone=Phone"}
    assert meant.read_again_from == NOON
    # from then on that is its kind
    assert names(looked(meant.schema, 3, {name: "integer"}, version=2)) == {"title=Title", "phone=Phone"}


def test_another_type_of_the_same_kind_changes_nothing() -> None:
    """A longer text is a text."""
    assert names(looked(looked(None, 0).schema, 1, phone="text", Phone="textarea")) == {"title=Title", "phone=Phone"}


def test_a_pair_that_never_worked_is_read_as_usual_once_it_does() -> None:
    """A pair that meets for the first time is not remembered, so each record's next change reads both sides."""
    never = looked(None, 0, phone="hidden")
    assert never.schema.aside["phone=Phone"].since is None
    assert looked(never.schema, 1).read_again_from is None


def test_a_pair_that_was_aside_is_told_again_if_the_reason_is_another() -> None:
    """Hidden at Marketo first, then at both."""
    first = looked(looked(None, 0).schema, 1, Phone="hidden")
    second = looked(first.schema, 2, phone="hidden", Phone="hidden")
    assert len(second.warnings) == 1
    assert "Marketo" in second.warnings[0]
    assert second.schema.aside["phone=Phone"].since == NOON
    assert looked(replace(second.schema), 3, phone="hidden", Phone="hidden").warnings == ()


@pytest.mark.parametrize(
    ("types", "why"),
    [
        ({"Phone": "hidden"}, "Salesforce has no field Phone of Lead"),
        ({"phone": "integer"}, "phone of Marketo held texts and holds numbers now"),
    ],
)
def test_what_breaks_while_a_run_is_at_work_is_aside_in_it(types: Mapping[str, str], why: str) -> None:
    """Only what worked when the run was opened is decided; without such a look everything that can be is."""
    found = bind_fields(PAIRS, described(**types), UTC)
    kept = as_opened(found, looked(None, 0).schema)
    assert [each.name for each in kept.fields] == ["title=Title"]
    assert kept.aside["phone=Phone"].startswith(why)
    assert as_opened(found, None) == found


def test_what_is_shown_while_a_run_is_at_work_waits_for_the_next() -> None:
    """The run has not read it."""
    hidden = looked(looked(None, 0).schema, 1, Phone="hidden")
    kept = as_opened(bind_fields(PAIRS, described(), UTC), hidden.schema)
    assert [each.name for each in kept.fields] == ["title=Title"]
    assert kept.aside == hidden.bound.aside
