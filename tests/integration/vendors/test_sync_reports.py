"""What a run of a Sync tells of itself when the quota or an object stops it: where it stands, and what it has cost."""

from typing import Any

import pytest

from leadbridge.domain.sync_progress import members
from leadbridge.domain.syncing import Step, Totals
from leadbridge.usecases.sync_files import page_key
from leadbridge.vendors.marketo.quota import next_midnight
from leadbridge_cli.run_bar import sentence
from tests.builders.syncs import a_sync
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import TO_SALESFORCE, WiredSyncs, person

EXPORTS = "/bulk/v1/leads/export"
#: of Marketo's extracts, of 31 days at most
WINDOWS = 4


@pytest.fixture
def world(clients: Clients, marketo: Twin, salesforce: Twin) -> WiredSyncs:
    """All people of an instance go to Salesforce; of each month there are ten."""
    kind: dict[str, Any] = TO_SALESFORCE
    world = WiredSyncs(clients, marketo, salesforce, a_sync(**kind, extraction="full"))
    for month in range(WINDOWS):
        numbers = range(10 * month, 10 * month + 10)
        world.marketo.post("load", {"leads": [{"id": number + 1, **person(number)} for number in numbers]})
        world.clock.advance(30 * 86_400)
    return world


@pytest.mark.pain("P19")
def test_a_quota_that_ends_in_mid_run_loses_no_extract_and_is_waited_for(world: WiredSyncs) -> None:
    """By the second window another integration has spent the megabytes, and Marketo refuses: what was fetched is
    not fetched again, and after midnight US Central the run goes on by itself to its end."""
    began = world.clock.now()
    world.start()
    world.drive(until=Step.EXTRACT_FILES)
    world.step(child=world.bulk(world.step(begin=True)["child"]))
    first = world.run()
    world.marketo.post("limits", {"export_bytes_per_day": 100})
    run = world.drive()

    calls = world.marketo.get("calls")
    assert (first.pages, first.pulled) == (1, 10)
    assert calls["violations"]["1029"] > 0
    assert (run.step, run.pages, run.totals) == (Step.DONE, WINDOWS, Totals(created=40)), run.message
    assert run.ended_at is not None
    assert run.ended_at > next_midnight(began)
    assert len(world.records()) == 40
    for each in ("POST {}/{{export_id}}/enqueue.json", "GET {}/{{export_id}}/file.json"):
        assert calls["by_endpoint"][each.format(EXPORTS)] == WINDOWS


@pytest.mark.pain("P48")
def test_a_run_that_is_stopped_names_the_object_and_what_it_has_cost(world: WiredSyncs) -> None:
    """Salesforce hides a mapped field behind the run's first look: its line names the field and the object, and counts
    the megabytes of the extracts and the calls that both vendors have counted, those of jobs among them; logins and
    descriptions, which runs share, are left out or in."""
    world.start()
    world.drive(until=Step.LOAD)
    world.salesforce.post("permissions", {"hidden": ["Contact.Title"]})
    run = world.drive()
    told, line = members(run, world.clock.now()), sentence(run, world.clock.now())

    assert (run.step, world.records()) == (Step.FAILED, {})
    assert "'Title' on entity 'Contact'" in line
    found = [each for twin in (world.marketo, world.salesforce) for each in twin.get("calls")["by_endpoint"].items()]
    shared = ("/token", "/describe", "/describe2.json")
    least = sum(number for name, number in found if not name.endswith(shared))
    assert WINDOWS * 7 < least <= told["calls"] <= sum(number for _, number in found)
    assert f"{told['calls']} calls, {told['megabytes']} MB of extracts; {run.reason}: " in line
    stored = world.objects.stored
    assert run.extracted == sum(stored(page_key(run, number)).size for number in range(1, WINDOWS + 1)) > 0
