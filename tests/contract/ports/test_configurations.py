"""The configuration documents: versioned, and an Action's state beside them."""

import pytest

from leadbridge.domain.action import MarketoConnection
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
    world.configurations.set_active("action", "person-to-lead", active=True)

    stored, _ = world.configurations.put(an_action(name="Changed"))
    assert stored.active is True

    world.configurations.set_active("action", "person-to-lead", active=False)
    current = world.configurations.get("action", "person-to-lead")
    assert current is not None
    assert (current.active, current.version) == (False, 2)


def test_a_connection_is_active_from_the_start_until_it_is_disabled(world: World) -> None:
    """A new connection may be used; disabled it stays so when its document is changed."""
    stored, _ = world.configurations.put(a_connection("M", "marketo-demo"))
    assert stored.active is True

    world.configurations.set_active("marketo_connection", "marketo-demo", active=False)

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


def test_activating_an_action_that_does_not_exist_is_an_error(world: World) -> None:
    """Nothing appears by being activated."""
    with pytest.raises(Exception, match=r"no-such-action|ConditionalCheckFailed"):
        world.configurations.set_active("action", "no-such-action", active=True)

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
