"""The generator keeps its promises about size, skew and share, and the demo's file is its work."""

import json
from collections import Counter
from pathlib import Path

import pytest

from devstack import model, persons
from tests.unit.devstack.runs import loaded
from tools import generate_persons

DEMO = Path(__file__).resolve().parents[3] / "events" / "persons.jsonl"


def test_the_demo_file_is_made_by_the_generator() -> None:
    """Generating with the documented arguments gives the file as it is kept."""
    lines = generate_persons.odd() + generate_persons.generate(persons=180, events=260, seed=1, hot_share=0.1)

    assert DEMO.read_text(encoding="utf-8") == "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)


def test_the_demo_file_meets_every_outcome() -> None:
    """At least 200 persons, and among their calls every outcome and reason of the demo Action."""
    lines = [dict(line) for line in persons.read(DEMO)]
    ids = loaded(lines)

    results = model.expect(lines, ids.lead_ids, ids.record_ids).results.values()

    assert len(lines) >= 200
    assert {(result.outcome, result.reason) for result in results} == {
        ("created", None),
        ("updated", None),
        ("skipped", "condition_not_met"),
        ("skipped", "identifier_missing"),
        ("skipped", "identifier_invalid"),
        ("duplicate", "duplicate_event_id"),
        ("failed", "ambiguous_match"),
        ("failed", "salesforce_REQUIRED_FIELD_MISSING"),
        ("failed", "salesforce_STRING_TOO_LONG"),
        ("rejected", None),
    }


def test_a_skewed_file_gives_half_of_the_calls_to_one_percent() -> None:
    """Of 1,000 persons ten get half of 2,000 calls, everybody is called, and 300 are known to Salesforce."""
    lines = generate_persons.generate(persons=1000, events=2000, seed=3)

    calls = Counter({line["person"]: len(line["calls"]) for line in lines})
    assert sum(count for _, count in calls.most_common(10)) == 1000
    assert min(calls.values()) == 1
    assert sum("salesforce" in line for line in lines) == 300
    assert 1990 <= calls.total() <= 2030


@pytest.mark.parametrize("seed", [1, 2])
def test_a_generated_file_is_of_the_documented_format(tmp_path: Path, seed: int) -> None:
    """What the generator writes is read without a finding; the seed decides what it is."""
    lines = generate_persons.generate(persons=300, events=600, seed=seed)
    path = tmp_path / "persons.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    assert persons.read(path) == lines
    assert lines == generate_persons.generate(persons=300, events=600, seed=seed)
    assert lines != generate_persons.generate(persons=300, events=600, seed=seed + 10)
