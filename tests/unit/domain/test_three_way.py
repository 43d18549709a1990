"""Three-way merge: who is right about a field that both systems edit, and that writes come to an end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadbridge.domain.three_way import (
    ANSWER_TIME,
    Conflict,
    Direction,
    FieldPolicy,
    Memory,
    Merge,
    Merged,
    Seen,
    Side,
    Written,
    merge,
)

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
M, S = Side.MARKETO, Side.SALESFORCE
BOTH = FieldPolicy()


def seen(value: str, at: datetime | None = None) -> Seen:
    """A side that holds a value; its digest is the value itself, and it arrives as it is."""
    return Seen(value, value, blank=not value, opted_out=value == "true", edited_at=at)


def decided(policy: FieldPolicy, memory: Memory | None, **sides: str | Seen) -> Merge:
    """The decision about the sides that were read, by name."""
    found = {Side(name): each if isinstance(each, Seen) else seen(each) for name, each in sides.items()}
    return merge(policy, found, memory, NOW, opted_out="true")


@pytest.mark.parametrize(
    ("policy", "memory", "sides", "what", "write"),
    [
        pytest.param(BOTH, Memory("a", "a"), {"marketo": "b"}, Merged.TAKEN_OVER, S, id="one edit of Marketo"),
        pytest.param(BOTH, Memory("a", "a"), {"salesforce": "b"}, Merged.TAKEN_OVER, M, id="one of Salesforce"),
        pytest.param(BOTH, Memory("a", "a"), {"marketo": "a"}, Merged.SETTLED, None, id="read without an edit"),
        pytest.param(BOTH, Memory("a", "a"), {"marketo": "b", "salesforce": "b"}, Merged.SETTLED, None, id="the same"),
        pytest.param(BOTH, Memory("a", "b"), {"marketo": "b"}, Merged.SETTLED, None, id="the other holds it already"),
        pytest.param(
            FieldPolicy(direction=Direction.TO_MARKETO),
            Memory("a", "a"),
            {"marketo": "b"},
            Merged.SETTLED,
            None,
            id="an edit against the direction stays where it is",
        ),
        pytest.param(
            FieldPolicy(direction=Direction.TO_MARKETO),
            Memory("a", "a"),
            {"marketo": "b", "salesforce": "c"},
            Merged.TAKEN_OVER,
            M,
            id="no conflict where one side alone speaks",
        ),
        pytest.param(BOTH, Memory("a", "a"), {"marketo": ""}, Merged.SETTLED, None, id="a blank empties nothing"),
        pytest.param(
            FieldPolicy(blanks=True), Memory("a", "a"), {"marketo": ""}, Merged.TAKEN_OVER, S, id="a blank that may"
        ),
        pytest.param(
            FieldPolicy(blanks=True),
            None,
            {"marketo": "a", "salesforce": ""},
            Merged.TAKEN_OVER,
            S,
            id="at a first meeting a blank empties nothing in any case",
        ),
        pytest.param(BOTH, None, {"marketo": "a", "salesforce": "a"}, Merged.SETTLED, None, id="agree when they meet"),
        pytest.param(BOTH, None, {"marketo": "a", "salesforce": "b"}, Merged.DECIDED, M, id="differ when they meet"),
    ],
)
def test_an_edit_of_one_side_is_taken_over_by_the_other(
    policy: FieldPolicy, memory: Memory | None, sides: dict[str, str], what: Merged, write: Side | None
) -> None:
    """What is written where, of every combination of read, edited and blank."""
    found = decided(policy, memory, **sides)
    assert (found.what, found.write) == (what, write)


@pytest.mark.pain("P33")
@pytest.mark.parametrize(
    ("conflict", "marketo", "salesforce", "write"),
    [
        (Conflict.SALESFORCE, "m", "s", M),
        (Conflict.MARKETO, "m", "s", S),
        (Conflict.NEWEST, seen("m", NOW), seen("s", NOW - timedelta(seconds=1)), S),
        (Conflict.NEWEST, seen("m", NOW), seen("s", NOW), M),
        (Conflict.NEWEST, seen("m"), seen("s", NOW), M),
        (Conflict.NEWEST, seen("m", NOW), seen("s"), S),
        (Conflict.NON_EMPTY, "m", "s", M),
        (Conflict.NON_EMPTY, "m", "", S),
        (Conflict.NON_EMPTY, "", "s", M),
        (Conflict.NEVER, "m", "s", None),
    ],
)
def test_a_conflict_is_decided_by_the_policy_of_its_field(
    conflict: Conflict, marketo: str | Seen, salesforce: str | Seen, write: Side | None
) -> None:
    """Both sides were edited: Salesforce, Marketo, the newer, the one with a value, or nobody."""
    policy = FieldPolicy(conflict=conflict, blanks=True)
    found = decided(policy, Memory("a", "a"), marketo=marketo, salesforce=salesforce)
    assert (found.what, found.write) == (Merged.DECIDED if write else Merged.LEFT, write)


def test_a_conflict_that_is_left_alone_ends_with_the_next_edit() -> None:
    """Under `never` both keep what they have, and the next edit of one side alone is taken over."""
    left = decided(FieldPolicy(conflict=Conflict.NEVER), Memory("a", "a"), marketo="m", salesforce="s")
    found = decided(FieldPolicy(conflict=Conflict.NEVER), left.memory, salesforce="t")
    assert (left.memory, found.write) == (Memory("m", "s"), M)


def test_our_own_write_is_no_edit() -> None:
    """What we wrote is remembered as what the side holds, so reading it again changes nothing."""
    wrote = decided(BOTH, Memory("a", "a"), marketo="b")
    again = decided(BOTH, wrote.memory, salesforce="b")
    assert (again.what, again.write) == (Merged.SETTLED, None)


def test_what_an_automation_makes_of_our_write_is_taken_over_once() -> None:
    """Salesforce makes B of b, Marketo takes B; Marketo makes b of B again: contested, and nobody is written."""
    first = decided(BOTH, Memory("a", "a"), marketo="b")
    second = decided(BOTH, first.memory, salesforce="B")
    third = decided(BOTH, second.memory, marketo="b")
    assert [each.write for each in (first, second, third)] == [S, M, None]
    assert (third.what, third.memory) == (Merged.CONTESTED, Memory("b", "B"))
    fresh = decided(BOTH, third.memory, marketo="c")
    assert fresh.write is S


@pytest.mark.parametrize("moment", ["after it was shown", "long after"])
def test_an_edit_that_answers_nothing_is_no_automation(moment: str) -> None:
    """Edits of both sides in turn are people's, if the side was seen with our value or much time has passed."""
    at = NOW + ANSWER_TIME + timedelta(seconds=1) if moment == "long after" else NOW
    memory = Memory("b", "b", Written(M, NOW, "a", answers=1, shown=moment == "after it was shown"))
    assert decided(BOTH, memory, marketo=seen("c", at)).write is S


def test_sides_that_never_met_are_compared_with_both_read() -> None:
    """Without a memory a side that was not read could hold anything."""
    with pytest.raises(ValueError, match="both sides read"):
        decided(BOTH, None, marketo="a")


CONSENT = FieldPolicy(consent=True, conflict=Conflict.MARKETO, blanks=True)


@pytest.mark.parametrize(
    ("memory", "sides", "write", "opt_out"),
    [
        pytest.param(Memory("false", "false"), {"marketo": "true"}, S, False, id="opts out in Marketo"),
        pytest.param(Memory("false", "false"), {"salesforce": "true"}, M, False, id="opts out in Salesforce"),
        pytest.param(Memory("true", "true"), {"marketo": "false"}, S, False, id="opts in again"),
        pytest.param(Memory("", ""), {"marketo": "false", "salesforce": "true"}, M, True, id="out and in at once: out"),
        pytest.param(None, {"marketo": "false", "salesforce": "true"}, M, True, id="meet for the first time: out"),
        pytest.param(None, {"marketo": "true", "salesforce": ""}, S, True, id="meet for the first time, blank: out"),
        pytest.param(Memory("true", "true"), {"marketo": ""}, M, True, id="emptied in Marketo: out again"),
        pytest.param(Memory("true", "true"), {"salesforce": ""}, S, True, id="emptied in Salesforce: out again"),
    ],
)
def test_an_opt_out_of_either_side_stands(
    memory: Memory | None, sides: dict[str, str], write: Side, opt_out: bool
) -> None:
    """Consent goes its own way: out wins over in and over blanks, whatever the other policies say."""
    found = decided(CONSENT, memory, **sides)
    assert (found.write, found.opt_out) == (write, opt_out)


def test_no_automation_opts_a_person_in_again() -> None:
    """A side that resets the opt-out which we wrote is not followed, and not written for ever either."""
    out = decided(CONSENT, Memory("false", "false"), salesforce="true")
    reset = decided(CONSENT, out.memory, marketo="false")
    assert (reset.what, reset.write) == (Merged.CONTESTED, None)
    emptied, writes = out.memory, []
    for _ in range(4):
        found = decided(CONSENT, emptied, marketo="")
        writes.append(found.write)
        emptied = found.memory
    assert writes == [M, None, None, None]


AUTOMATIONS: dict[str, Callable[[str], str]] = {
    "none": lambda value: value,
    "upper": str.upper,
    "lower": str.lower,
    "constant": lambda _: "x",
    "longer": lambda value: (value + "!")[:3],
}


@settings(max_examples=300, deadline=None)
@given(
    conflict=st.sampled_from(Conflict),
    direction=st.sampled_from(Direction),
    blanks=st.booleans(),
    automations=st.tuples(st.sampled_from(sorted(AUTOMATIONS)), st.sampled_from(sorted(AUTOMATIONS))),
    cycles=st.lists(st.dictionaries(st.sampled_from(Side), st.sampled_from(["", "a", "B", "c"])), max_size=6),
)
def test_writes_end_within_two_cycles_after_edits_do(
    conflict: Conflict,
    direction: Direction,
    blanks: bool,
    automations: tuple[str, str],
    cycles: list[dict[Side, str]],
) -> None:
    """Whatever people edit, whatever the policies, and whatever both systems make of what is written to them.

    Without automations, and with edits that go both ways, both sides hold in the end what the last cycle with an edit
    decides; unless people edited in turn as quickly as automations do.
    """
    policy = FieldPolicy(conflict=conflict, direction=direction, blanks=blanks)
    makes = dict(zip(Side, automations, strict=True))
    holds = {M: "a", S: "a"}
    memory, touched, expected, now = Memory("a", "a"), set[Side](), "a", NOW
    writes: list[Side | None] = []
    contested = False
    for edits in [*cycles, {}, {}, {}, {}]:
        now += timedelta(minutes=5)
        real = {side: value for side, value in edits.items() if holds[side] != value}
        holds |= real
        touched |= real.keys()
        expected = _plain(policy, expected, real, holds)
        found = merge(policy, {side: seen(holds[side], now) for side in touched}, memory, now)
        memory, touched = found.memory, set()
        writes.append(found.write)
        contested |= found.what is Merged.CONTESTED
        if found.write:
            holds[found.write] = AUTOMATIONS[makes[found.write]](holds[found.write.other])
            touched.add(found.write)
    assert writes[-2:] == [None, None]
    plain = automations == ("none", "none") and direction is Direction.BOTH and conflict is not Conflict.NEVER
    if plain and blanks and not contested:
        assert holds == {M: expected, S: expected}


def _plain(policy: FieldPolicy, before: str, edits: dict[Side, str], holds: dict[Side, str]) -> str:
    """What both sides should hold after a cycle with these edits, as a person would say it."""
    if not edits:
        return before
    if len(edits) == 1:
        return next(iter(edits.values()))
    if policy.conflict is Conflict.MARKETO:
        return holds[M]
    if policy.conflict is Conflict.NON_EMPTY:
        return holds[S] or holds[M]
    return holds[S]
