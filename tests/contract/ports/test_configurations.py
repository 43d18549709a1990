"""The configuration documents: every version with how it came about, and a document's state beside them."""

from datetime import UTC, datetime

import pytest

from leadbridge.aws.items import dump
from leadbridge.domain.action import MarketoConnection
from leadbridge.domain.lifecycle import UNSIGNED, Change, DocumentState, Move
from leadbridge.errors import ConfigurationError, UnknownVersionError
from tests.contract.ports.builders import an_action
from tests.contract.ports.worlds import DynamoWorld, World


def a_connection(name: str = "Marketo", identifier: str = "marketo-demo") -> MarketoConnection:
    """A Marketo connection."""
    return MarketoConnection(
        kind="marketo_connection", id=identifier, name=name, base_url="https://000-aaa-000.mktorest.example.com"
    )


def test_a_document_that_was_never_applied_is_not_there(world: World) -> None:
    """Neither a current nor a numbered version is found, and the list is empty."""
    assert world.configurations.get("action", "person-to-lead") is None
    assert world.configurations.get("action", "person-to-lead", 1) is None
    assert list(world.configurations.list("action")) == []


def test_an_applied_document_comes_back_equal(world: World) -> None:
    """The first version is 1, equal to what was applied, and an Action begins inactive."""
    action = an_action(name="Ünïcode 🎈")

    stored, changed = world.configurations.put(action)

    assert changed is True
    assert (stored.document, stored.version, stored.active) == (action, 1, False)
    assert world.configurations.get("action", action.id) == stored
    assert world.configurations.get("action", action.id, 1) == stored


def test_applying_the_same_document_again_changes_nothing(world: World) -> None:
    """The second time the version stays and the answer says that nothing changed."""
    first, _ = world.configurations.put(an_action())

    assert world.configurations.put(an_action()) == (first, False)


def test_every_version_stays_readable(world: World) -> None:
    """After two changes the current version is the third and the first two are as they were."""
    documents = [an_action(name=name) for name in ("one", "two", "three")]
    for document in documents:
        world.configurations.put(document)

    current = world.configurations.get("action", "person-to-lead")

    assert current is not None
    assert (current.version, current.document) == (3, documents[2])
    older = [world.configurations.get("action", "person-to-lead", version) for version in (1, 2, 3, 4)]
    assert [stored.document if stored else None for stored in older] == [*documents, None]


def test_an_active_action_stays_active_when_it_is_changed(world: World) -> None:
    """A new version neither activates nor deactivates; the two verbs do."""
    world.configurations.put(an_action())
    world.configurations.move("action", "person-to-lead", Move.ACTIVATE)

    stored, _ = world.configurations.put(an_action(name="Changed"))
    assert stored.active is True

    world.configurations.move("action", "person-to-lead", Move.DEACTIVATE)
    current = world.configurations.get("action", "person-to-lead")
    assert current is not None
    assert (current.active, current.version) == (False, 2)


def test_a_connection_is_active_from_the_start_until_it_is_disabled(world: World) -> None:
    """A new connection may be used; disabled it stays so when its document is changed."""
    stored, _ = world.configurations.put(a_connection("M", "marketo-demo"))
    assert stored.active is True

    world.configurations.move("marketo_connection", "marketo-demo", Move.DEACTIVATE)

    changed, _ = world.configurations.put(a_connection("Changed", "marketo-demo"))
    assert changed.active is False


def test_a_removed_document_goes_on_counting_where_it_was(world: World) -> None:
    """Removed it is not found and not listed; its versions stay, and the next one gets the next number."""
    world.configurations.put(a_connection("one", "marketo-demo"))
    world.configurations.put(a_connection("two", "marketo-demo"))

    world.configurations.remove("marketo_connection", "marketo-demo")

    assert world.configurations.get("marketo_connection", "marketo-demo") is None
    assert world.configurations.list("marketo_connection") == []
    again, changed = world.configurations.put(a_connection("two", "marketo-demo"))
    assert (again.version, changed) == (3, True)
    first = world.configurations.get("marketo_connection", "marketo-demo", 1)
    assert first is not None
    assert first.document.name == "one"


@pytest.mark.parametrize("sound", [True, False])
def test_a_new_action_is_validated_or_a_draft(world: World, sound: bool) -> None:
    """Stored without findings an Action is validated, with findings a draft; neither is active."""
    stored, _ = world.configurations.put(an_action(), sound=sound)

    assert stored.state is (DocumentState.VALIDATED if sound else DocumentState.DRAFT)
    assert not stored.active
    assert world.configurations.get("action", "person-to-lead") == stored


def test_a_draft_is_not_activated_until_it_is_sound(world: World) -> None:
    """Activating a draft is refused with a sentence and changes nothing; stored again without findings it can be."""
    world.configurations.put(an_action(), sound=False)

    with pytest.raises(ConfigurationError, match="action person-to-lead is a draft"):
        world.configurations.move("action", "person-to-lead", Move.ACTIVATE)

    stored, changed = world.configurations.put(an_action())
    assert (stored.state, stored.version, changed) == (DocumentState.VALIDATED, 2, True)
    assert world.configurations.move("action", "person-to-lead", Move.ACTIVATE) is DocumentState.ACTIVE


def test_an_active_action_takes_no_draft(world: World) -> None:
    """A version with findings is refused while the Action is active; the current version stays what it was."""
    world.configurations.put(an_action())
    world.configurations.move("action", "person-to-lead", Move.ACTIVATE)

    with pytest.raises(ConfigurationError, match="deactivate it first"):
        world.configurations.put(an_action(name="Changed"), sound=False)

    current = world.configurations.get("action", "person-to-lead")
    assert current is not None
    assert (current.version, current.state) == (1, DocumentState.ACTIVE)


CHANGE = Change(
    author="arn:aws:sts::000000000000:assumed-role/Operator/somebody",
    at=datetime(2030, 4, 5, 6, 7, 8, tzinfo=UTC),
    note="Überarbeitet 🎈",
    text="# why\nkind: action\n",
)


def test_a_version_keeps_how_it_came_about(world: World) -> None:
    """Author, time, note and text come back with the current version, with its number, and in the history."""
    stored, _ = world.configurations.put(an_action(), CHANGE)

    assert stored.change == CHANGE
    assert world.configurations.get("action", "person-to-lead") == stored
    assert world.configurations.get("action", "person-to-lead", 1) == stored
    assert world.configurations.versions("action", "person-to-lead") == [stored]


def test_a_version_without_an_author_is_readable(world: World) -> None:
    """What nobody told is empty."""
    world.configurations.put(an_action())

    [stored] = world.configurations.versions("action", "person-to-lead")
    assert stored.change == UNSIGNED


def test_the_history_lists_every_version_and_no_other_document(world: World) -> None:
    """The newest comes first, also of more than nine, also after the document was removed; ids that begin alike and
    other kinds stay out."""
    for number in range(11):
        world.configurations.put(a_connection(f"{number}", "marketo"))
    world.configurations.put(a_connection("other", "marketo-demo"))
    world.configurations.put(an_action(id="marketo"))
    world.configurations.remove("marketo_connection", "marketo")

    found = world.configurations.versions("marketo_connection", "marketo")

    assert [stored.version for stored in found] == [*range(11, 0, -1)]
    assert [stored.document.name for stored in found] == [str(number) for number in range(10, -1, -1)]
    assert world.configurations.versions("marketo_connection", "nobody") == []


@pytest.mark.parametrize(
    ("before", "text", "changed"),
    [
        pytest.param("a: 1\n", "a: 1\n", False, id="the same text"),
        pytest.param("a: 1\n", "# why\na: 1\n", True, id="another comment"),
        pytest.param("a: 1\n", "", False, id="given without a text"),
        pytest.param("", "a: 1\n", False, id="stored without a text"),
    ],
)
def test_another_text_is_a_version_of_its_own(world: World, before: str, text: str, changed: bool) -> None:
    """The same document in other words is a new version; where one of the texts is not known it is none."""
    world.configurations.put(an_action(), Change(text=before))

    stored, told = world.configurations.put(an_action(), Change(text=text))

    assert (told, stored.version, stored.change.text) == (changed, 1 + changed, text if changed else before)


def test_a_version_that_follows_another_than_was_seen_is_refused(world: World) -> None:
    """Who planned with version 1 does not replace version 2, and is told so; what is stored already is fine."""
    world.configurations.put(an_action(name="seen"), follows=0)
    theirs, _ = world.configurations.put(an_action(name="theirs"), follows=1)

    with pytest.raises(ConfigurationError, match="became version 2 meanwhile"):
        world.configurations.put(an_action(name="ours"), follows=1)

    assert world.configurations.put(an_action(name="theirs"), follows=1) == (theirs, False)
    assert world.configurations.get("action", "person-to-lead") == theirs


def test_activating_an_action_that_does_not_exist_is_an_error(world: World) -> None:
    """Nothing appears by being activated."""
    with pytest.raises(ConfigurationError, match="no-such-action"):
        world.configurations.move("action", "no-such-action", Move.ACTIVATE)

    assert world.configurations.get("action", "no-such-action") is None


def test_documents_are_listed_by_kind_and_id(world: World) -> None:
    """The list holds the current version of each document of the kind, in order of id."""
    world.configurations.put(an_action())
    for name, identifier in (("B", "b-marketo"), ("A", "a-marketo"), ("B2", "b-marketo")):
        world.configurations.put(a_connection(name, identifier))

    found = world.configurations.list("marketo_connection")

    assert [(stored.document.id, stored.document.name, stored.version) for stored in found] == [
        ("a-marketo", "A", 1),
        ("b-marketo", "B2", 2),
    ]


def test_two_people_who_apply_at_once_make_two_versions(dynamo_world: DynamoWorld) -> None:
    """The later of two concurrent changes becomes the next version; neither overwrites the other's history."""
    world = dynamo_world
    world.configurations.put(an_action(name="before"))
    world.unsteady.meanwhile["transact_write_items"] = [lambda: world.configurations.put(an_action(name="theirs"))]

    stored, changed = world.configurations.put(an_action(name="ours"))

    assert (stored.version, changed) == (3, True)
    history = [world.configurations.get("action", "person-to-lead", version) for version in (1, 2, 3)]
    assert [found.document.name for found in history if found] == ["before", "theirs", "ours"]


def test_who_deactivates_while_a_version_is_stored_finds_it_inactive(dynamo_world: DynamoWorld) -> None:
    """An Action that is deactivated between the reading and the writing of a new version stays inactive."""
    world = dynamo_world
    world.configurations.put(an_action())
    world.configurations.move("action", "person-to-lead", Move.ACTIVATE)
    world.unsteady.meanwhile["transact_write_items"] = [
        lambda: world.configurations.move("action", "person-to-lead", Move.DEACTIVATE)
    ]

    stored, changed = world.configurations.put(an_action(name="Changed"))

    assert (stored.version, stored.state, changed) == (2, DocumentState.INACTIVE, True)
    assert world.configurations.get("action", "person-to-lead") == stored


def test_a_draft_that_is_stored_while_somebody_activates_is_not_active(dynamo_world: DynamoWorld) -> None:
    """Activating begins anew with what was stored meanwhile, and is refused for it."""
    world = dynamo_world
    world.configurations.put(an_action())
    world.unsteady.meanwhile["transact_write_items"] = [
        lambda: world.configurations.put(an_action(name="Changed"), sound=False)
    ]

    with pytest.raises(ConfigurationError, match="is a draft"):
        world.configurations.move("action", "person-to-lead", Move.ACTIVATE)


@pytest.mark.parametrize(("active", "state"), [(True, DocumentState.ACTIVE), (False, DocumentState.INACTIVE)])
def test_items_from_before_there_were_states_are_read(
    dynamo_world: DynamoWorld, active: bool, state: DocumentState
) -> None:
    """An item with `active` alone is active or inactive, and nothing is known of its author, time, note and text."""
    world = dynamo_world
    world.configurations.put(an_action(), CHANGE)
    for key in (("action", "person-to-lead"), ("action#history", "person-to-lead#000001")):
        world.raw.update_item(
            TableName="ConfigTable",
            Key=dump({"pk": key[0], "sk": key[1]}),
            UpdateExpression="SET active = :active REMOVE #state, #at, author, note, #text",
            ExpressionAttributeNames={"#state": "state", "#at": "at", "#text": "text"},
            ExpressionAttributeValues=dump({":active": active}),
        )

    stored = world.configurations.get("action", "person-to-lead")

    assert stored is not None
    assert (stored.state, stored.active, stored.change) == (state, active, UNSIGNED)
    assert world.configurations.versions("action", "person-to-lead") == [stored]
    assert world.configurations.move("action", "person-to-lead", Move.ACTIVATE) is DocumentState.ACTIVE


def test_a_state_of_a_newer_version_is_not_taken_for_another(dynamo_world: DynamoWorld) -> None:
    """A document in a state that this version does not know is read as written by a newer one."""
    world = dynamo_world
    world.configurations.put(an_action())
    world.raw.update_item(
        TableName="ConfigTable",
        Key=dump({"pk": "action", "sk": "person-to-lead"}),
        UpdateExpression="SET #state = :state",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues=dump({":state": "slumbering"}),
    )

    with pytest.raises(UnknownVersionError):
        world.configurations.get("action", "person-to-lead")


@pytest.mark.parametrize("move", [Move.ACTIVATE, Move.DEACTIVATE])
def test_the_receive_path_finds_what_it_reads(dynamo_world: DynamoWorld, move: Move) -> None:
    """The item tells `active` beside the state after every step: it is what the receive path looks at."""
    world = dynamo_world
    world.configurations.put(an_action())
    world.configurations.move("action", "person-to-lead", Move.ACTIVATE)

    world.configurations.move("action", "person-to-lead", move)

    [item] = [each for each in world.items("ConfigTable") if each["pk"] == "action"]
    assert (item["active"], item["format"]) == (move is Move.ACTIVATE, 1)
