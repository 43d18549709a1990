"""Value sources: days in their zone, what a blank does, and the trace, which tells the same without the values."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.action import ActivityMapping, Mapping, WriteBack
from leadbridge.domain.sources import (
    FAILURES,
    LEFT_ALONE,
    CompiledSource,
    Inputs,
    NoValueError,
    ValueSource,
    compile_source,
    trace,
)
from leadbridge.domain.transforms import Place, RuleFailedError
from leadbridge.domain.values import coercion
from tests.builders.descriptions import a_field
from tests.unit.domain.test_mapping_page import rows
from tests.unit.domain.test_transforms import MARK, anything

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = [json.loads(rule) for rule, _, _ in rows("Rule", "in", "out")]
TYPES = ("string", "double", "int", "boolean", "date", "datetime", "reference")


def a_source(*, field: str = "string", zone: str = "UTC", **members: Any) -> CompiledSource:
    """A mapping to a field of a type."""
    place = Place(zone=ZoneInfo(zone))
    source = Mapping.model_validate({"to": "F"} | members)
    return compile_source(source, place, coercion(a_field("F", field), place.zone))


def inputs(at: datetime = NOON, **columns: Any) -> Inputs:
    """An event that arrived at noon."""
    return Inputs(columns=columns, at=at)


# -- days


@pytest.mark.parametrize(
    ("arrived", "zone", "yesterday", "today", "tomorrow"),
    [
        ("2026-03-09T05:30Z", "America/Chicago", "2026-03-08", "2026-03-09", "2026-03-10"),
        ("2026-03-09T05:30Z", "America/Denver", "2026-03-07", "2026-03-08", "2026-03-09"),
        # the clocks went forward in Chicago at 2026-03-08 02:00, back at 2026-11-01 02:00
        ("2026-03-09T04:30Z", "America/Chicago", "2026-03-07", "2026-03-08", "2026-03-09"),
        ("2026-03-08T05:30Z", "America/Chicago", "2026-03-06", "2026-03-07", "2026-03-08"),
        ("2026-11-02T05:30Z", "America/Chicago", "2026-10-31", "2026-11-01", "2026-11-02"),
        ("2026-11-01T04:30Z", "America/Chicago", "2026-10-30", "2026-10-31", "2026-11-01"),
        ("2026-12-31T12:00Z", "UTC", "2026-12-30", "2026-12-31", "2027-01-01"),
        ("2026-12-31T12:00Z", "Pacific/Kiritimati", "2026-12-31", "2027-01-01", "2027-01-02"),
        ("2028-02-29T00:00Z", "UTC", "2028-02-28", "2028-02-29", "2028-03-01"),
        ("2027-02-28T23:59Z", "UTC", "2027-02-27", "2027-02-28", "2027-03-01"),
        # Samoa left 2011-12-30 out, and still it has a yesterday in the calendar
        ("2011-12-30T11:00Z", "Pacific/Apia", "2011-12-30", "2011-12-31", "2012-01-01"),
    ],
)
def test_days_are_those_of_the_calendar_in_the_zone(
    arrived: str, zone: str, yesterday: str, today: str, tomorrow: str
) -> None:
    """A day is that of the zone's calendar at the time of the call, whatever its clocks do around it."""
    at = inputs(datetime.fromisoformat(arrived))

    found = [a_source(zone=zone, day=day, field="date").value(at) for day in ("yesterday", "today", "tomorrow")]

    assert found == [yesterday, today, tomorrow]


@given(
    st.datetimes(datetime(1975, 1, 1), datetime(2037, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
    st.sampled_from(sorted(available_timezones() - {"localtime"})),
)
def test_yesterday_and_tomorrow_are_one_day_away(at: datetime, zone: str) -> None:
    """In every zone and at every instant the three days follow each other, and today is the zone's."""
    found = [
        date.fromisoformat(a_source(zone=zone, day=day, field="date").value(inputs(at)))
        for day in ("yesterday", "today", "tomorrow")
    ]

    assert found[1] == at.astimezone(ZoneInfo(zone)).date()
    assert [found[1] - found[0], found[2] - found[1]] == [timedelta(days=1)] * 2


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("UTC", "2026-03-09T00:00:00Z"),
        ("America/Denver", "2026-03-08T07:00:00Z"),
        ("Europe/Berlin", "2026-03-08T23:00:00Z"),
    ],
)
def test_a_day_in_a_field_with_a_time_is_its_first_moment(zone: str, expected: str) -> None:
    """Midnight in the zone, before the clocks change on that day in Denver."""
    found = a_source(zone=zone, day="today", field="datetime").value(inputs(datetime(2026, 3, 9, 5, 30, tzinfo=UTC)))

    assert found == expected


def test_a_day_can_be_written_in_words() -> None:
    """Rules apply to days too."""
    rule = {"type": "date_format", "format": "D MMMM YYYY"}

    assert a_source(day="tomorrow", transforms=[rule]).value(inputs()) == "3 March 2026"


# -- templates


@given(st.text(max_size=20), st.none() | st.just("") | st.just(" \t") | st.text(max_size=20))
def test_a_template_holds_what_the_person_has_and_nothing_in_its_place(first: str, last: str | None) -> None:
    """A value stands as it is, one that is not there leaves nothing: no null, no token."""
    columns: dict[str, Any] = {"FIRST": first} | ({} if last is None else {"LAST": last})
    found = a_source(template="<{{FIRST}}|{{ LAST }}>").read(inputs(**columns))

    shown = ["" if not (value or "").strip() else value for value in (first, last)]
    assert found == f"<{shown[0]}|{shown[1]}>"


def test_a_template_fills_no_memory() -> None:
    """A template that becomes longer than any field fails, before a rule makes more of it, and so does its trace."""
    source = a_source(template="{{c}}" * 500)

    with pytest.raises(RuleFailedError, match="template: at most 131072 characters expected"):
        source.value(inputs(c="x" * 300))
    [told] = trace([source], inputs(c="x" * 300))
    assert told.fate.value == "failed"


@pytest.mark.parametrize("column", ["campaign.name", "token.Event: Name & Place", "id"])
def test_a_template_takes_every_column(column: str) -> None:
    """Names with blanks, dots and colons can stand in braces."""
    assert a_source(template=f"({{{{{column}}}}})").value(Inputs(columns={column: 5}, at=NOON)) == "(5)"


# -- blanks


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({}, LEFT_ALONE),
        ({"blank": "skip"}, LEFT_ALONE),
        ({"blank": "clear"}, None),
        ({"blank": "default", "default": "7"}, 7),
        ({"blank": "fail"}, NoValueError),
    ],
)
@pytest.mark.parametrize("value", [None, "", " ", "\u00a0\t"])
@pytest.mark.parametrize("rules", [[], [{"type": "trim"}], [{"type": "replace", "find": "x"}]])
def test_a_blank_result_does_what_the_policy_says(
    policy: dict[str, Any], expected: Any, value: str | None, rules: list[dict[str, Any]]
) -> None:
    """What is blank when it comes, or after the rules, is left alone, cleared, exchanged, or fails."""
    source = a_source(column="c", field="int", transforms=rules, **policy)

    if expected is NoValueError:
        with pytest.raises(NoValueError):
            source.value(inputs(c=value))
    else:
        assert source.value(inputs(c=value)) == expected
    assert source.value(inputs(c="5")) == 5


def test_a_rule_can_make_a_blank() -> None:
    """The policy looks at what comes out of the rules."""
    rule = {"type": "lookup", "table": {"none": None}}

    assert a_source(column="c", transforms=[rule], blank="clear").value(inputs(c="None")) is None


def test_a_fixed_blank_is_written_as_it_stands() -> None:
    """Who writes an empty text means it."""
    assert a_source(static="").value(inputs()) == ""


@pytest.mark.parametrize(
    ("model", "expected"), [(Mapping, LEFT_ALONE), (ActivityMapping, LEFT_ALONE), (WriteBack, None)]
)
def test_without_a_policy_a_blank_does_what_fits_the_place(model: type[ValueSource], expected: Any) -> None:
    """A mapping and a result leave it out, a write-back clears."""
    source = compile_source(model.model_validate({"to": "F", "column": "c"}), Place())

    assert source.value(inputs(c=" ")) is expected


# -- trace

documents = st.fixed_dictionaries(
    {
        "transforms": st.lists(st.sampled_from(RULES), max_size=3),
        "blank": st.sampled_from(["skip", "clear", "fail"]),
    }
)


@given(documents, anything, st.sampled_from(TYPES))
def test_the_trace_tells_what_is_written_and_its_kept_form_no_value(
    members: dict[str, Any], value: Any, field: str
) -> None:
    """For any rules, value and field the trace ends in what is written, or failed; what is kept holds types only."""
    source = a_source(column="c", field=field, zone="America/Denver", **members)
    event = inputs(c=value, LAST_NAME=f"{MARK} Lovelace")
    try:
        written = source.value(event)
        fate = {True: {"skipped_blank"}, False: {"written", "cleared"}}[written is LEFT_ALONE]
    except FAILURES:
        written, fate = LEFT_ALONE, {"failed"}

    [told] = trace([source], event)

    assert told.values == (value, None if written is LEFT_ALONE else written)
    assert told.fate.value in fate
    kept = json.dumps(told.stored())
    assert MARK not in kept
    assert MARK not in repr(told)
    if isinstance(value, str) and len(value) > 6 and not value.isascii():
        assert value not in json.loads(kept).values()
    json.dumps(told.shown(), allow_nan=False)


def test_a_trace_names_rules_and_types() -> None:
    """The kept form has field, source, column, rules with types, and the fate; the shown one has the values too."""
    rules = [{"type": "trim"}, {"type": "number_parse", "thousands": ","}]
    source = a_source(column="revenue", field="double", transforms=rules)

    [told] = trace([source], inputs(revenue=" 1,234 "))

    assert told.stored() == {
        "field": "F",
        "source": "column",
        "name": "revenue",
        "before": "a text",
        "after": "a number",
        "result": "written",
        "rules": [
            {"rule": "trim", "before": "a text", "after": "a text"},
            {"rule": "number_parse", "before": "a text", "after": "a number"},
        ],
    }
    shown = told.shown()
    assert (shown["value_before"], shown["value_after"]) == (" 1,234 ", 1234)
    assert [(rule["value_before"], rule["value_after"]) for rule in shown["rules"]] == [
        (" 1,234 ", "1,234"),
        ("1,234", 1234),
    ]


@pytest.mark.parametrize(
    ("members", "value", "fate", "failure"),
    [
        ({"blank": "default", "default": "x"}, " ", "default", ""),
        ({"blank": "clear"}, None, "cleared", ""),
        ({}, None, "skipped_blank", ""),
        ({"blank": "fail"}, None, "failed", "no value, which is required"),
        (
            {"transforms": [{"type": "trim"}, {"type": "boolean"}]},
            "perhaps",
            "failed",
            "boolean: one of the words for true and false expected, a text of 7 characters given",
        ),
    ],
)
def test_a_trace_says_what_became_of_the_field(members: dict[str, Any], value: Any, fate: str, failure: str) -> None:
    """Left alone, cleared, exchanged or failed, and why."""
    [told] = trace([a_source(column="c", **members)], inputs(c=value))

    assert (told.fate.value, told.failure) == (fate, failure)
    assert told.stored().get("failure", "") == failure


def test_a_failure_does_not_hide_the_fields_after_it() -> None:
    """A dry run shows every field."""
    told = trace([a_source(column="c", blank="fail"), a_source(static="x")], inputs())

    assert [each.fate.value for each in told] == ["failed", "written"]
