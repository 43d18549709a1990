"""Which step leads a document from one state to the next, and which is refused."""

from itertools import product

import pytest

from leadbridge.domain.lifecycle import (
    NEXT,
    REFUSALS,
    Change,
    DocumentState,
    Move,
    Stored,
    next_version,
    refusal,
    taken,
)
from leadbridge.errors import ConfigurationError
from tests.builders.actions import a_marketo_connection, an_action

DRAFT, VALIDATED, TRIAL, ACTIVE, PAUSED, INACTIVE = DocumentState


def stored_in(state: DocumentState, version: int = 3) -> Stored:
    """An Action in a state."""
    return Stored(document=an_action(), version=version, state=state)


@pytest.mark.parametrize(("move", "state"), list(product(Move, DocumentState)))
def test_every_step_is_allowed_or_refused_with_a_sentence(move: Move, state: DocumentState) -> None:
    """For each step and state exactly one of the two tables has an entry."""
    assert (state in NEXT[move]) != ((move, state) in REFUSALS)


def test_every_state_is_reached() -> None:
    """From the states of a first version the steps lead to every state, and from everywhere back to active."""
    reached = {DRAFT, VALIDATED}
    for _ in DocumentState:
        reached |= {NEXT[move][state] for move, state in product(Move, reached) if state in NEXT[move]}

    assert reached == set(DocumentState)
    assert {NEXT[Move.ACTIVATE][state] for state in DocumentState if refusal(Move.ACTIVATE, state) is None} == {ACTIVE}


@pytest.mark.parametrize("move", [Move.STORE, Move.STORE_DRAFT, Move.TRY, Move.PAUSE, Move.DEACTIVATE])
def test_only_activating_and_resuming_make_active(move: Move) -> None:
    """No other step makes an Action active that was not."""
    assert {state for state, after in NEXT[move].items() if after is ACTIVE} <= {ACTIVE}


@pytest.mark.parametrize("state", [TRIAL, ACTIVE])
def test_a_resumed_action_is_what_it_was_before_its_pause(state: DocumentState) -> None:
    """Paused once or twice, with a new version stored meanwhile, it is resumed to that state and keeps nothing."""
    paused = taken(taken(stored_in(state), Move.PAUSE), Move.PAUSE)
    assert (paused.state, paused.active, paused.keeps) == (PAUSED, True, True)

    later = next_version(paused, an_action(name="New"), Change(), sound=True, follows=3, versions=lambda: 99)
    resumed = taken(later, Move.RESUME)

    assert (later.version, later.state) == (4, PAUSED)
    assert (resumed.state, resumed.keeps) == (state, False)


def test_an_action_that_is_deactivated_while_it_is_paused_keeps_what_it_has() -> None:
    """It takes no calls any more, what waits stays kept until it is activated, and it cannot be resumed."""
    inactive = taken(taken(stored_in(ACTIVE), Move.PAUSE), Move.DEACTIVATE)

    assert (inactive.state, inactive.active, inactive.keeps) == (INACTIVE, False, True)
    with pytest.raises(ConfigurationError, match="is not paused; `leadbridge activate`"):
        taken(inactive, Move.RESUME)
    assert not taken(inactive, Move.ACTIVATE).keeps


def test_an_action_that_names_nobody_is_not_tried() -> None:
    """A trial needs the member `trial`; the sentence says so, and with it the Action is on trial and takes calls."""
    with pytest.raises(ConfigurationError, match="names nobody for its trial; give it `trial`"):
        taken(stored_in(VALIDATED), Move.TRY)

    named = Stored(document=an_action(trial={"leads": [7]}), version=3, state=VALIDATED)
    assert (taken(named, Move.TRY).state, taken(named, Move.TRY).active) == (TRIAL, True)


def test_a_refusal_names_the_document_and_the_remedy() -> None:
    """A refused step is told with kind and id, why, and what to do."""
    with pytest.raises(ConfigurationError) as caught:
        taken(stored_in(DRAFT), Move.ACTIVATE)

    [told] = caught.value.findings
    assert told.startswith("action person-to-lead is a draft that was stored with findings; ")
    assert "apply it again" in told


@pytest.mark.parametrize(
    ("state", "sound", "after"),
    [
        (DRAFT, True, VALIDATED),
        (DRAFT, False, DRAFT),
        (VALIDATED, True, VALIDATED),
        (VALIDATED, False, DRAFT),
        (TRIAL, True, TRIAL),
        (ACTIVE, True, ACTIVE),
        (PAUSED, True, PAUSED),
        (INACTIVE, True, INACTIVE),
        (INACTIVE, False, DRAFT),
    ],
)
def test_a_new_version_stands_where_the_old_one_stood_unless_it_has_findings(
    state: DocumentState, sound: bool, after: DocumentState
) -> None:
    """An active Action stays active, an inactive one inactive; findings make a draft, their end a validated one."""
    made = next_version(stored_in(state), an_action(name="New"), Change(), sound=sound, follows=3, versions=lambda: 99)

    assert (made.version, made.state) == (4, after)


@pytest.mark.parametrize(
    ("document", "sound", "state"),
    [
        (an_action(), True, VALIDATED),
        (an_action(), False, DRAFT),
        (a_marketo_connection(), True, ACTIVE),
    ],
)
def test_a_first_version_counts_on_from_removed_ones(document: object, sound: bool, state: DocumentState) -> None:
    """Without a current version the number follows the removed ones; a connection may be used at once."""
    made = next_version(None, document, Change(), sound=sound, follows=0, versions=lambda: 7)  # type: ignore[arg-type]  # parametrised

    assert (made.version, made.state) == (8, state)
