"""View Query and Preview on in-memory ports: what is asked of which object, edits, and what cannot be shown."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from leadbridge.errors import ConfigurationError
from leadbridge.usecases.preview_sync import PreviewSync
from leadbridge.usecases.start_sync import vendor_of
from leadbridge.usecases.view_sync import ViewSync
from tests.builders.sync_runs import SyncWorld
from tests.builders.syncs import a_sync


def view(world: SyncWorld) -> ViewSync:
    """The use-case of a world."""
    return ViewSync(
        documents=world.documents,
        runs=world.runs,
        vendors=world.vendors(),
        facts=world.facts(),
        vendor=partial(vendor_of, world.documents),
        clock=world.clock,
    )


def test_a_version_is_shown_as_it_was_and_what_is_not_there_is_told() -> None:
    """An older version has its own query; a Sync and a version that are not there end with a sentence."""
    world = SyncWorld(a_sync(conditions={"clauses": [{"column": "Email", "operator": "is_empty"}]}))
    world.documents.put(a_sync())
    looking = view(world)

    assert "WHERE Email = null" in looking(world.sync.id, 1).query.soql
    assert "WHERE" not in looking(world.sync.id).query.soql
    for identifier, version, said in (("nobody", None, "there is no Sync nobody"), (world.sync.id, 9, "no version 9")):
        with pytest.raises(ConfigurationError, match=said):
            looking(identifier, version)


def test_each_edit_is_asked_of_what_it_names() -> None:
    """What was learnt for one edit is not taken for another one, whose list there may not be."""
    world = SyncWorld()
    looking = view(world)
    asked: dict[str, Any] = {"clauses": [{"column": "Email", "operator": "in_list", "value": "friends"}]}

    assert "WHERE" not in looking.viewed(looking.opened(world.sync.id, document=a_sync())).query.soql
    with pytest.raises(ConfigurationError, match="there is no list friends"):
        looking.opened(world.sync.id, document=a_sync(conditions=asked))


def test_a_field_that_the_destination_lost_is_told() -> None:
    """The org or instance changed since the Sync was saved: the preview names the field."""
    world = SyncWorld()
    world.row(1)
    world.destination.described = replace(world.destination.described, fields={})
    use_case = PreviewSync(view=view(world), runs=world.runs, vendors=world.vendors())

    with pytest.raises(ConfigurationError, match="leads has no field email; correct the Sync"):
        use_case(world.sync.id)


def test_an_empty_source_previews_nothing_and_counts_zero() -> None:
    """No row, no look at the destination."""
    world = SyncWorld()
    use_case = PreviewSync(view=view(world), runs=world.runs, vendors=world.vendors())

    found = use_case(world.sync.id)

    assert (found.total.rows, found.total.exact, list(found.rows)) == (0, True, [])
    assert world.destination.calls == 0
