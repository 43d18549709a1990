"""Every reason says what happened and what to do, in a file that people have read."""

import re

import pytest

from leadbridge.domain.outcome import WORDS, Outcome, Reason, State
from tests.integration.reasons.happenings import BESIDE, REASONS
from tests.integration.reasons.shown import GOLDEN, PAGE, golden, page, shown

ANEW = "run: python -m tests.integration.reasons.shown"
HAPPENINGS = {**REASONS, **BESIDE}
#: values of the persons that are sent
VALUES = ("ada@", "Ada", "Lovelace", "Analytical", "Engines", "plenty", "nobody", "Zoë")
ID = r"[0-9a-z-]*[0-9a-f]{32}"


def test_every_reason_happens_and_no_other() -> None:
    """Each reason of the closed list has its happening and its file; a new one gets them before it is given."""
    missing = {reason.value for reason in Reason} - REASONS.keys()
    assert not missing, "let it happen in tests/integration/reasons/happenings.py"
    assert {file.stem for file in GOLDEN.iterdir()} == set(HAPPENINGS), ANEW


@pytest.mark.parametrize("name", sorted(HAPPENINGS))
def test_what_show_prints_is_what_was_read(name: str) -> None:
    """What happens is shown as in its file, to the letter, under the reason that it is about."""
    text = shown(HAPPENINGS[name])

    assert text == (GOLDEN / f"{name}.txt").read_text("utf-8"), ANEW
    if name in REASONS:
        assert f"Reason code: {name}\n" in text


@pytest.mark.parametrize("name", sorted(HAPPENINGS))
def test_no_text_holds_a_class_a_stack_or_a_value(name: str) -> None:
    """No value of a person, no name of a class or module, no place in a source, and no placeholder is shown."""
    text = (GOLDEN / f"{name}.txt").read_text("utf-8")

    assert not [value for value in VALUES if value in text]
    assert not re.search(r"Traceback|Error\b|Exception|leadbridge\.\w|\.py|line \d+, in|None\b|\{|\}", text)
    assert not re.search(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?!:\d\d\+00:00)", text), "every time has its offset"


@pytest.mark.parametrize("name", sorted(HAPPENINGS))
def test_every_tree_is_one(name: str) -> None:
    """The first line names the execution and how it stands; below it a person and, but for successes, the remedy."""
    head, *lines = (GOLDEN / f"{name}.txt").read_text("utf-8").splitlines()

    stands = re.fullmatch(rf"Execution {ID}: ([a-z ]+)", head)
    assert stands is not None
    assert stands[1] in {*(each.value for each in Outcome), *(each.value.replace("_", " ") for each in State)}
    assert all(re.match(r"(│  |   )*(├─|└─) \S", line) for line in lines)
    remedy = [line for line in lines if line.startswith(("├─ What to do: ", "└─ What to do: "))]
    fine = {
        "created",
        "updated",
        "thin",
        "writeback_refused",
        "member",
        "member_before",
        "program_gone",
        "sent_in_batch",
    }
    assert len(remedy) == (name not in fine)
    assert all(line.endswith(".") for line in remedy)


def test_the_page_is_made_from_the_table_and_the_files() -> None:
    """`docs/reasons.md` says every reason's sentence and remedy, and what `show` prints, as the product does."""
    texts = {name: (GOLDEN / f"{name}.txt").read_text("utf-8") for name in HAPPENINGS}

    assert PAGE.read_text("utf-8") == page(texts), ANEW
    assert texts.keys() == golden().keys()


@pytest.mark.parametrize("reason", sorted(WORDS))
def test_every_remedy_is_a_sentence_without_facts(reason: str) -> None:
    """A remedy begins with a capital, ends with a stop, and reads alike for every execution."""
    assert re.fullmatch(r"[A-Z][^{}]{10,}\.", WORDS[reason].remedy)


@pytest.mark.pain("P36")
@pytest.mark.parametrize("name", ["identifier_missing", "identifier_invalid"])
def test_a_person_without_a_usable_address_makes_no_record(name: str) -> None:
    """No record is looked for or made by a blank or by something that is no address, and `show` names the field."""
    world, execution = REASONS[name]()

    assert world.leads() == []
    assert world.salesforce.trouble.made("find", "create", "upsert") == 0
    assert world.ended(execution) == ("skipped", name)
    assert "email" in shown(REASONS[name])


@pytest.mark.pain("P37")
def test_a_refused_owner_says_who_must_do_what() -> None:
    """An owner that Salesforce does not take is told in words, with the vendor's code and what to do."""
    text = shown(BESIDE["owner_refused"])

    assert "Salesforce refused the record: TRANSFER_REQUIRES_READ" in text
    assert "What to do: Give the new owner read access, or choose another owner." in text
