"""The Syncs of a cycle, which its runs ask for by name and people cannot, and how they run."""

import pytest

from leadbridge.domain.cycle_people import FROM_PEOPLE, PEOPLE_CREATED
from leadbridge.domain.cycle_syncs import derived_syncs
from leadbridge.domain.planned import Planned
from leadbridge.domain.syncing import Step, SyncRun
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.derived_syncs import WithDerived
from leadbridge.usecases.load_partition import without_key
from leadbridge.usecases.sync_files import read_page
from tests.builders.whole_cycles import CYCLE, CycleWorld, a_cycle
from tests.fakes.clock import NOON
from tests.fakes.configurations import InMemoryConfigurations


def documents(*cycles: object) -> InMemoryConfigurations:
    """Documents with a cycle, in the versions given."""
    found = InMemoryConfigurations()
    for cycle in cycles or (a_cycle(),):
        found.put(cycle)  # type: ignore[arg-type]  # cycles
    return found


def test_a_run_gets_the_sync_of_the_version_that_it_began_with() -> None:
    """And nobody gets one that the cycle has not, or that is no cycle's."""
    stored = documents(a_cycle(), a_cycle(id_field="otherId"))
    derived = WithDerived(stored)
    matches = [derived.get("sync", f"{CYCLE}.{PEOPLE_CREATED}", version) for version in (1, 2, None)]
    assert [each and each.document.match[0].field for each in matches] == ["crmId", "otherId", "otherId"]  # type: ignore[union-attr]  # Syncs
    for unknown in (f"{CYCLE}.nothing", f"other.{PEOPLE_CREATED}", CYCLE):
        assert derived.get("sync", unknown) is None
    # people ask the documents themselves
    assert stored.get("sync", f"{CYCLE}.{PEOPLE_CREATED}") is None
    assert derived.get("crm_cycle", CYCLE, 1) is not None


@pytest.mark.parametrize("version", [1, None])
def test_another_current_version_is_seen_at_once(version: int | None) -> None:
    """Only what never changes is kept."""
    stored = documents()
    derived = WithDerived(stored)
    assert derived.get("sync", f"{CYCLE}.{PEOPLE_CREATED}", version) is not None
    stored.put(a_cycle(id_field="otherId"))
    found = derived.get("sync", f"{CYCLE}.{PEOPLE_CREATED}", version)
    assert found is not None
    assert found.version == (version or 2)


def test_ids_of_a_cycles_syncs_are_those_of_no_document() -> None:
    """They have a dot, and each is there once."""
    queues, legs = derived_syncs(a_cycle())
    ids = [*(each.sync.id for each in queues), *(each.sync.id for each in legs)]
    assert len(ids) == len(set(ids))
    assert all(each.startswith(f"{CYCLE}.") for each in ids)


def test_a_run_that_only_reads_ends_with_its_last_page() -> None:
    """Within its window, without hidden columns; its Sync's lease and watermark are not touched."""
    world = CycleWorld()
    world.people.make(email="old@example.com")
    world.clock.advance(60)
    since = world.clock.now()
    for number in range(3):
        world.people.make(email=f"new{number}@example.com", title="CEO")
    fields = {name: each for name, each in world.people.described.fields.items() if name != "title"}
    world.people.described = type(world.people.described)(name="leads", fields=fields)
    sync = f"{CYCLE}.{FROM_PEOPLE}"
    run = SyncRun(
        sync=sync,
        slot="20260302T120000Z",
        version=1,
        source="marketo",
        destination="salesforce",
        epoch=7,
        started_at=NOON,
        incremental=True,
        reads_only=True,
        since=since,
        until=world.clock.now(),
    )
    world.runs.begin(run)
    world.drive_sync(sync, run.slot)
    found = world.runs.get(sync, run.slot)
    assert found is not None
    ended = found[0]
    assert (ended.step, ended.pulled, ended.pages, ended.partitions) == (Step.DONE, 3, 2, 0)
    rows = [row for page in (1, 2) for row in read_page(world.objects, ended, page, ["id", "email"])]
    assert [row["email"] for row in rows] == [f"new{number}@example.com" for number in range(3)]
    assert world.runs.standing(sync).epoch == 0


def test_a_planned_write_keeps_what_is_known_of_fields_that_were_not_read() -> None:
    """As it is stored; other plans say nothing of it."""
    known = Planned(
        position=1, does="update", columns={"Id": "1"}, record_id="1", before={}, after={"A": 1}, known={"A": "00ff"}
    )
    assert Planned.parse(known.as_line()) == known
    plain = Planned(position=1, does="update", columns={}, record_id="1", before={"A": 0}, after={"A": 1})
    assert "known" not in plain.as_line()
    assert Planned.parse(plain.as_line()) == plain


def test_without_the_key_nothing_is_taken_for_known() -> None:
    """A process that lacks it says so, instead of taking every record for another one."""
    with pytest.raises(ConfigurationError, match="key of digests"):
        without_key("text")


def test_a_leg_needs_no_field_that_is_hidden_by_now() -> None:
    """What was planned is written, though another field of the same leg is gone."""
    world = CycleWorld()
    lead = world.leads.make(Email="ada@example.com", FirstName="Ada", LastName="B", Company="Acme")
    world.done()
    world.done(minutes=30)
    (person,) = world.people.records
    world.people.edit(person, firstName="Ida")
    shown = world.leads.described
    hidden = {name: each for name, each in shown.fields.items() if name != "Phone"}

    def hide(read: str) -> None:
        if read == "leads":
            world.leads.described = type(shown)(name="Lead", fields=hidden, key_prefix="00Q")

    world.system.on_read = hide
    world.done()
    assert world.leads.records[lead]["FirstName"] == "Ida"
