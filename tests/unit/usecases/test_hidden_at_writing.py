"""A field that is hidden, or closed to us, between the decision of a cycle and its writes."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from leadbridge.domain.cycle_people import LEADS_UPDATED
from leadbridge.domain.cycling import CycleRun
from tests.builders.whole_cycles import CYCLE, CycleWorld
from tests.fakes.systems import Table
from tests.unit.usecases.test_schema_of_a_cycle import asides, hide, linked, show


def close(table: Table, name: str) -> None:
    """Nobody may write a field any more."""
    show(table, replace(table.described.fields[name], createable=False, updateable=False))


class Hiding(CycleWorld):
    """A world in which something happens when Leads are about to be written."""

    def __init__(self, happens: Callable[[Table, str], object]) -> None:
        super().__init__()
        self.happens = happens

    def writing(self) -> CycleRun:
        """A run behind whose decision it happens."""
        carry = self.drive_sync

        def carried(sync: str, slot: str) -> None:
            if sync == f"{CYCLE}.{LEADS_UPDATED}":
                self.happens(self.leads, "Phone")
            carry(sync, slot)

        self.drive_sync = carried  # type: ignore[method-assign]  # once
        run = self.done(minutes=30)
        self.drive_sync = carry  # type: ignore[method-assign]
        return run


@pytest.mark.parametrize("happens", [hide, close])
def test_a_field_that_goes_before_it_is_written_puts_its_pair_aside_and_parks_nobody(
    happens: Callable[[Table, str], object],
) -> None:
    """Who has no value for it is written by that run, who has one by the next, but for this field; once it can be
    written again its edit arrives, and none was lost or taken back."""
    world = Hiding(happens)
    lead, person = linked(world)
    shown = world.leads.described.fields["Phone"]
    other = world.leads.make(Email="o@example.com", LastName="O", Company="Acme", Phone="5")
    world.done(minutes=30)
    people = {each["email"]: str(each["id"]) for each in world.people.records.values()}
    world.people.edit(person, phone="2", firstName="Ida")
    world.people.edit(people["o@example.com"], firstName="Oda")
    run = world.writing()
    assert world.leads.records[other]["FirstName"] == "Oda"
    assert (world.leads.records[lead]["Phone"], world.leads.records[lead]["FirstName"]) == ("1", "Ada")
    [failed] = [each for each in world.outcomes(run) if each["outcome"] == "failed"]
    assert (failed["salesforce_id"], failed["reason"]) == (lead, "drifted")
    assert "Phone of Lead cannot be written by now" in failed["message"]

    world.done()
    assert (world.leads.records[lead]["Phone"], world.leads.records[lead]["FirstName"]) == ("1", "Ida")
    assert (asides(world), dict(world.due.records)) == (["persons.Lead phone=Phone"], {})
    show(world.leads, shown)
    world.done(minutes=30)
    assert (world.leads.records[lead]["Phone"], world.people.records[person]["phone"]) == ("2", "2")
