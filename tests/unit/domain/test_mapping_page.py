"""docs/mapping.md: its examples are run, and everything there is stands on it."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args
from zoneinfo import ZoneInfo

import pytest

from leadbridge.domain.action import Fact, Mapping
from leadbridge.domain.outcome import MESSAGES
from leadbridge.domain.sources import BlankPolicy, Inputs, ValueSource, compile_source
from leadbridge.domain.transforms import Place, RuleFailedError
from leadbridge.domain.transforms.dates import PARTS
from tests.unit.domain.rules import rule_types

#: without its comments, which are for scanners
PAGE = re.sub(r" <!--.*?-->", "", (Path(__file__).parents[3] / "docs/mapping.md").read_text("utf-8"))
#: the person of the page, and the words of a failure
PERSON = json.loads(PAGE.split("```json\n")[1].split("```")[0])
ARRIVED_AT = datetime(2026, 3, 9, 5, 30, tzinfo=UTC)
PLACE = Place(zone=ZoneInfo("America/Denver"))
FAILS = re.compile(r"\*fails: (.+) expected\*")


def rows(*columns: str) -> list[list[str]]:
    """The rows of every table of the page with these columns; a single one is that of the sources."""
    found = []
    heading = f"| {' | '.join(columns)} |"
    for table in PAGE.split(heading)[1:]:
        lines = table.strip().splitlines()[1:]
        for line in lines:
            if not line.startswith("| `"):
                break
            found.append([cell.strip().removeprefix("`").removesuffix("`") for cell in line[1:-1].split(" | ")])
    return found


def made(document: dict[str, Any], **columns: Any) -> Any:
    """What a mapping gives for the person of the page."""
    source = compile_source(Mapping.model_validate({"to": "F", "blank": "clear"} | document), PLACE)
    return source.value(Inputs(columns=PERSON | columns, at=ARRIVED_AT))


@pytest.mark.parametrize(("source", "given"), rows("Source", "gives"))
def test_each_example_of_a_source_is_true(source: str, given: str) -> None:
    """The page's source gives the page's value, of the page's type."""
    found = made(json.loads(source))

    assert (found, type(found)) == (json.loads(given), type(json.loads(given)))


@pytest.mark.parametrize(("rule", "before", "after"), rows("Rule", "in", "out"))
def test_each_example_of_a_rule_is_true(rule: str, before: str, after: str) -> None:
    """The page's rule makes of the page's value what the page says, or fails with its words."""
    document = {"column": "example", "transforms": [json.loads(rule)]}
    value = json.loads(before)

    if fails := FAILS.fullmatch(after):
        with pytest.raises(RuleFailedError) as failed:
            made(document, example=value)
        assert (failed.value.rule, failed.value.expected) == (json.loads(rule)["type"], fails[1])
    else:
        found = made(document, example=value)
        wanted = json.loads(after) or None if after == '""' else json.loads(after)
        assert (found, type(found)) == (wanted, type(wanted))


def test_every_rule_source_and_policy_stands_on_the_page() -> None:
    """Each rule and each source has an example; policies, facts and parts of a date's format are named."""
    ruled = {json.loads(rule)["type"] for rule, _, _ in rows("Rule", "in", "out")}
    sourced = {name for source, _ in rows("Source", "gives") for name in json.loads(source)}
    named = set(re.findall(r"`(\w+)`", PAGE))

    assert ruled == rule_types()
    assert sourced == set(ValueSource.kinds)
    assert {*get_args(BlankPolicy), *get_args(Fact), *PARTS, "field", "execution"} <= named


@pytest.mark.parametrize("reason", ["rule_failed", "value_invalid", "value_missing"])
def test_the_page_says_what_a_failure_says(reason: str) -> None:
    """The page's sentence of a reason is the beginning of the product's."""
    facts = {"rule": "number_parse", "column": "score", "field": "NumberOfEmployees", "found": "a text of 5 characters"}
    facts["type"] = "a number" if reason == "rule_failed" else "a whole number"
    [sentence] = [row[1] for row in rows("Code", "Sentence", "What to do") if row[0] == reason]

    assert MESSAGES[reason].format(**facts).startswith(sentence)
