"""Rules one by one: what the page's examples leave open, and what holds for each of them whatever comes."""

import json
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.transforms import Kind, Place, Rule, RuleFailedError
from leadbridge.domain.transforms.base import kind_of
from leadbridge.domain.values import blank, kind, text
from tests.unit.domain.rules import a_rule, applied, rule_types
from tests.unit.domain.test_mapping_page import rows

#: every rule that the page shows, and some that it does not
RULES = [a_rule(**json.loads(rule)) for rule, _, _ in rows("Rule", "in", "out")] + [
    a_rule(type="truncate"),
    a_rule(type="phone", region="DE", check="valid"),
    a_rule(type="number_format"),
    a_rule(type="number_parse", decimal=",", thousands=" "),
    a_rule(type="date_format", format="Z A h ss MMM YY [at]"),
]
PLACE = Place(zone=ZoneInfo("America/Denver"), length=9)
#: stands in every text that is tried, so that it would show in a failure
MARK = "qjx"

texts = st.text(max_size=40) | st.from_regex(r"[0-9.,:+\- ]{0,24}", fullmatch=True)
anything = (
    texts
    | texts.map(lambda written: f"{MARK}{written}")
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14)), ZoneInfo("Asia/Kathmandu")]))
)


@given(st.sampled_from(RULES), anything)
def test_a_rule_raises_nothing_but_its_own_failure_which_hides_the_value(rule: Rule, value: Any) -> None:
    """Whatever comes, there is a result or a failure that names rule and type and repeats nothing of the value."""
    failures: list[RuleFailedError] = []
    try:
        rule.compiled(PLACE)(value, {"LAST_NAME": value})
    except RuleFailedError as failed:
        failures.append(failed)

    for failure in failures:
        assert (failure.rule, failure.found) == (rule.type, kind(value))
        assert MARK not in str(failure)


@given(st.sampled_from(RULES), anything)
def test_what_is_known_beforehand_is_true(rule: Rule, value: Any) -> None:
    """The kind that the checks expect after a rule is the kind that comes out; a kind it does not take never passes."""
    before = kind_of(value)
    after = rule.kind_after(before)
    try:
        result = rule.compiled(PLACE)(value, {"LAST_NAME": "x"})
    except RuleFailedError:
        return
    if rule.otherwise is None and not rule.takes_blanks:
        assert before in rule.takes
    if not blank(result) and after is not Kind.ANY:
        assert kind_of(result) is (Kind.TEXT if after is Kind.WORD else after)


def test_each_rule_is_tried() -> None:
    """The examples leave no rule out."""
    assert {rule.type for rule in RULES} == rule_types()


@pytest.mark.parametrize(
    ("value", "length", "on", "expected"),
    [
        ("Analytical Engines", 10, "word", "Analytical"),
        ("Analytical Engines", 11, "word", "Analytical"),
        ("Analytical Engines", 12, "word", "Analytical"),
        ("Analytical Engines", 18, "word", "Analytical Engines"),
        ("Analytical", 4, "word", "Anal"),
        (" Analytical", 4, "word", " Ana"),
        ("a b c", 4, "word", "a b"),
        ("a b c", 3, "word", "a b"),
        ("a  b", 2, "character", "a"),
        ("äöü", 2, "character", "äö"),
    ],
)
def test_a_cut_text_is_never_longer_and_ends_in_no_space(value: str, length: int, on: str, expected: str) -> None:
    """Cut on a word where there is one to cut on, else in the word, and nothing is left hanging."""
    assert applied(value, type="truncate", length=length, on=on) == expected


def test_without_a_length_of_its_own_a_text_is_cut_to_the_field() -> None:
    """`truncate` takes the field's length."""
    assert applied("Analytical", Place(length=4), type="truncate") == "Anal"


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [(1, None, "Lovelace"), (2, 3, "ove"), (8, 5, "e"), (9, 1, ""), (-3, None, "ace"), (-3, 1, "a"), (-99, 2, "Lo")],
)
def test_a_part_is_counted_from_one_or_from_the_end(start: int, length: int | None, expected: str) -> None:
    """Beyond the text there is nothing, which is a blank."""
    assert applied("Lovelace", type="substring", start=start, length=length) == expected


@pytest.mark.parametrize(("pick", "expected"), [(1, "a"), (3, "c"), (4, ""), (-1, "c"), (-3, "a"), (-4, "")])
def test_a_piece_that_is_not_there_is_a_blank(pick: int, expected: str) -> None:
    """Pieces count from either end."""
    assert applied("a; b ;c", type="split", by=";", pick=pick) == expected


@pytest.mark.parametrize(
    ("written", "decimal", "thousands", "expected"),
    [
        ("1,234", ".", ",", Decimal(1234)),
        ("12,34", ".", ",", None),
        ("1,2345", ".", ",", None),
        ("1,234,5", ".", ",", None),
        (",234", ".", ",", None),
        ("1.234.567", ",", ".", Decimal(1234567)),
        ("1.234", ",", "", None),
        ("1\u202f234\u00a0567,89", ",", " ", Decimal("1234567.89")),
        ("1’234.50", ".", "'", Decimal("1234.5")),
        ("+7", ".", "", Decimal(7)),
        ("1e5", ".", "", None),
        ("٣", ".", "", None),
        ("0.1000000000000000000000000001", ".", "", Decimal("0.1000000000000000000000000001")),
        ("1" * 31, ".", "", None),
        ("1." + "1" * 31, ".", "", None),
    ],
)
def test_a_number_is_read_to_the_last_digit_or_not_at_all(
    written: str, decimal: str, thousands: str, expected: Decimal | None
) -> None:
    """Separators stand where they belong, no digit is lost, and what is no number is not guessed at."""
    members: dict[str, Any] = {"type": "number_parse", "decimal": decimal, "thousands": thousands, "otherwise": "blank"}

    assert applied(written, **members) == expected


@pytest.mark.parametrize(
    ("number", "places", "expected"),
    [
        (Decimal("2.675"), 2, "2.68"),
        (2.675, 2, "2.68"),
        ("-0.001", 2, "0.00"),
        (-1.005, 2, "-1.01"),
        (Decimal("12345678901234567890123456.789"), 1, "12,345,678,901,234,567,890,123,456.8"),
        (1234, None, "1,234"),
        ("1e3", 0, "1,000"),
    ],
)
def test_numbers_are_written_exactly(number: Any, places: int | None, expected: str) -> None:
    """Rounded half up, however many digits there are; a zero has no sign."""
    assert applied(number, type="number_format", places=places, thousands=",") == expected


@pytest.mark.parametrize("written", ["1e-999999999", "1e999999999", "NaN", "Infinity", "1_000", "0." + "0" * 40 + "1"])
def test_numbers_that_would_fill_the_memory_are_refused(written: str) -> None:
    """A text of a few characters never becomes a number of a billion digits."""
    with pytest.raises(RuleFailedError):
        applied(written, type="number_format", places=2)


@pytest.mark.parametrize(
    ("written", "form", "zone", "expected"),
    [
        ("29.02.2028", "DD.MM.YYYY", None, date(2028, 2, 29)),
        ("29.02.2027", "DD.MM.YYYY", None, None),
        ("31122026", "DDMMYYYY", None, date(2026, 12, 31)),
        ("1/2/26", "M/D/YY", None, date(2026, 1, 2)),
        ("12:00 AM, 1 January 2026", "hh:mm A, D MMMM YYYY", "UTC", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-03-09T05:30:00+0200", "YYYY-MM-DD[T]HH:mm:ssZ", None, datetime(2026, 3, 9, 3, 30, tzinfo=UTC)),
        # in Berlin the clocks go from 2 to 3 on 29 March, and from 3 to 2 on 25 October
        ("2026-03-29 01:30", "YYYY-MM-DD HH:mm", "Europe/Berlin", datetime(2026, 3, 29, 0, 30, tzinfo=UTC)),
        ("2026-03-29 03:30", "YYYY-MM-DD HH:mm", "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-10-25 02:30", "YYYY-MM-DD HH:mm", "Europe/Berlin", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
        ("2026-10-25 03:30", "YYYY-MM-DD HH:mm", "Europe/Berlin", datetime(2026, 10, 25, 2, 30, tzinfo=UTC)),
        ("0001-01-01 00:00", "YYYY-MM-DD HH:mm", "Asia/Tokyo", None),
        ("2026-03-09", "DD.MM.YYYY", None, None),
        ("50%/1/2026", "DD[%]/M/YYYY", None, None),
        ("5%/1/2026", "DD[%]/M/YYYY", None, date(2026, 1, 5)),
    ],
)
def test_dates_are_read_in_their_zone(written: str, form: str, zone: str | None, expected: date | None) -> None:
    """Days that there are, times as the clocks of the zone show them, on both sides of a change of the clocks too."""
    members: dict[str, Any] = {"type": "date_parse", "format": form, "zone": zone, "otherwise": "blank"}

    found = applied(written, **members)

    # a time that the zone has twice equals no time of another zone, so both are compared as they are written
    assert type(found) is type(expected)
    assert found is None or text(found) == text(expected)


def test_months_are_written_in_english_and_years_with_four_digits() -> None:
    """What is written hangs on no setting of the machine."""
    form: dict[str, Any] = {"type": "date_format", "format": "D MMM YYYY|MMMM|YY"}

    assert applied("0999-05-01", **form) == "1 May 0999|May|99"
    assert applied(date(2026, 9, 30), **form) == "30 Sep 2026|September|26"


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ("ADA@EXAMPLE.COM", "ada@example.com"),
        ("mailto:ada@example.com", "ada@example.com"),
        ("\ufeffada\u200b@example.com", "ada@example.com"),
        ('"Lovelace, Ada" <Ada@Example.com>', "ada@example.com"),
        ("<>", None),
        ("ada@example", None),
        ("ada@@example.com", None),
        ("ada@example.com, bob@example.com", None),
        (" " * 50_000 + "<", None),
    ],
)
def test_one_address_comes_out_or_none(given_: str, expected: str | None) -> None:
    """What a copy brings along is taken off; two addresses are none."""
    assert applied(given_, type="email", otherwise="blank") == expected


@pytest.mark.parametrize(
    ("given_", "region", "check", "expected"),
    [
        ("+1 212-555-0123 ext. 5", None, "possible", "+12125550123"),
        ("0049 30 1234567", "DE", "possible", "+49301234567"),
        (2125550123, "US", "possible", "+12125550123"),
        ("12", "DE", "possible", None),
        ("+1 111 111 1111", None, "valid", None),
        ("1" * 60_000, "US", "possible", None),
    ],
)
def test_telephone_numbers_become_e164_or_nothing(
    given_: Any, region: str | None, check: str, expected: str | None
) -> None:
    """With country, without one, with an extension; what cannot be a number is none."""
    assert applied(given_, type="phone", region=region, check=check, otherwise="blank") == expected


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS)[::20])
def test_a_number_of_a_region_keeps_its_country(region: str) -> None:
    """The library's example of a region, written as people there write it, becomes the same number in E.164."""
    example = phonenumbers.example_number(region)
    assert example is not None
    national = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.NATIONAL)

    assert applied(national, type="phone", region=region) == phonenumbers.format_number(
        example, phonenumbers.PhoneNumberFormat.E164
    )


@pytest.mark.parametrize(
    ("otherwise", "expected"),
    [({"otherwise": "keep"}, "seven"), ({"otherwise": "blank"}, None), ({"otherwise": "default", "default": 0}, 0)],
)
def test_a_rule_does_otherwise_what_it_is_told(otherwise: dict[str, Any], expected: Any) -> None:
    """A value that cannot be read stays, is dropped, or is exchanged; one that can be read is read."""
    assert applied("seven", type="number_parse", **otherwise) == expected
    assert applied("7", type="number_parse", **otherwise) == Decimal(7)


@pytest.mark.parametrize(
    "members",
    [
        {"type": "replace", "find": "a", "by": "b" * 500},
        {"type": "pattern_replace", "pattern": "a", "by": "b" * 500},
        {"type": "concat", "after": "{{LONG}}" * 60},
    ],
    ids=lambda members: members["type"],
)
def test_no_rule_makes_more_than_a_field_can_hold(members: dict[str, Any]) -> None:
    """A text that grows beyond the longest field fails there, so that rules in a row cannot fill the memory."""
    with pytest.raises(RuleFailedError, match="at most 131072 characters"):
        a_rule(**members).compiled(Place())("a" * 1000, {"LONG": "b" * 3000})


def test_words_of_a_table_are_text() -> None:
    """A number in the place of a word is as it is written; what YAML took for true or false is refused, with advice."""
    assert applied("7", type="lookup", table={7: "seven"}) == "seven"
    assert applied(1, type="boolean", true_words=[1], false_words=["x"]) is True
    for members in ({"type": "lookup", "table": {False: "Norway"}}, {"type": "boolean", "true_words": [True]}):
        with pytest.raises(ValueError, match="quotation marks"):
            a_rule(**members)


def test_a_hostile_pattern_takes_no_time() -> None:
    """A pattern that other engines never finish is done at once, because the time grows with the text alone."""
    assert applied("a" * 5_000 + "!", type="pattern_replace", pattern="(a+)+$", by="x") == "a" * 5_000 + "!"


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"type": "pattern_replace", "pattern": "("}, "pattern: cannot be read: missing ): (; look-around"),
        ({"type": "pattern_replace", "pattern": "(?=x)"}, "pattern: cannot be read: invalid perl operator: (?=;"),
        ({"type": "pattern_replace", "pattern": "(a)", "by": "\\2"}, "by: \\2 stands for a group, the pattern has 1;"),
        ({"type": "pattern_replace", "pattern": "(a)", "by": "\\n"}, "by: a backslash stands before a group's number"),
        ({"type": "substring", "start": 0}, "start: there is no character 0;"),
        ({"type": "split", "by": ";", "pick": 0}, "pick: there is no piece 0;"),
        ({"type": "concat"}, "after: the rule adds nothing;"),
        ({"type": "truncate", "length": 99}, "length: the field takes 9 characters;"),
        ({"type": "hash"}, "type: a hash has 64 characters, the field takes 9;"),
        ({"type": "number_parse", "thousands": "."}, "thousands: is the decimal separator too;"),
        ({"type": "number_format", "decimal": ",", "thousands": ","}, "thousands: is the decimal separator too;"),
        ({"type": "boolean", "false_words": ["YES"]}, "false_words: yes stands among `true_words` too;"),
        ({"type": "date_parse", "format": "DD.MM"}, "format: names no year;"),
        ({"type": "date_parse", "format": "YYYY"}, "format: names no month;"),
        ({"type": "date_parse", "format": "DD.MM.YYYY DD"}, "format: names a part of the date twice;"),
        ({"type": "date_parse", "format": "DD.MM.YYYY YY"}, "format: names a part of the date twice;"),
        ({"type": "date_parse", "format": "DD.MM.YYYY hh:mm"}, "format: hh goes with A"),
        ({"type": "date_parse", "format": "dd.MM.YYYY"}, "format: d is no part of a date;"),
        ({"type": "date_format", "format": "[x"}, "format: [, x is no part of a date;"),
        ({"type": "date_format", "format": "DD", "zone": "Europe/Berln"}, "zone: there is no time zone Europe/Berln;"),
        ({"type": "date_parse", "zone": "../../etc/passwd"}, "zone: there is no time zone"),
        ({"type": "lookup", "table": {"A": 1, " a": 2}}, "table: ' a' and 'A' are the same value here;"),
        ({"type": "lookup", "table": {" ": 1}}, "table: a blank is never looked up;"),
        ({"type": "state", "country": "FR"}, "country: the states of FR are not known, only those of US, CA,"),
        ({"type": "phone", "region": "us"}, "region: no region is called us; did you mean US?"),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else "",
)
def test_a_mistake_in_a_rule_is_found(members: dict[str, Any], said: str) -> None:
    """Each mistake is told with the member it stands in, and what to do."""
    found = [f"{member}: {sentence}" for member, sentence in a_rule(**members).findings(PLACE)]

    assert any(finding.startswith(said) for finding in found), found
    assert all("; " in finding for finding in found)


def test_the_page_s_rules_hold_no_mistake() -> None:
    """What the page shows is accepted for a field that is long enough."""
    assert [said for rule in RULES for said in rule.findings(Place(length=255))] == []
