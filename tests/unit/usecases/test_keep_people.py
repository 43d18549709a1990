"""Whole cycles of persons: edits on either side, what the other side holds then, and that writes end."""

import pytest

from tests.builders.whole_cycles import CycleWorld


def linked(world: CycleWorld) -> tuple[str, str]:
    """A Lead and the person that it was made of, in step since a while."""
    lead = world.leads.make(Email="ada@example.com", FirstName="Ada", LastName="B", Company="Acme", Status="Open")
    world.done()
    world.done(minutes=30)
    (person,) = world.people.records
    return lead, person


@pytest.mark.cap("M004")
def test_an_edit_on_either_side_shows_on_the_other_within_a_cycle() -> None:
    """A new Lead becomes a person; then each side edits in turn."""
    world = CycleWorld()
    lead, person = linked(world)
    made = world.people.records[person]
    assert (made["email"], made["firstName"], made["lastName"]) == ("ada@example.com", "Ada", "B")
    assert (made["crmId"], made["crmType"]) == (lead, "Lead")
    world.leads.edit(lead, FirstName="Ida")
    world.done()
    assert world.people.records[person]["firstName"] == "Ida"
    world.people.edit(person, firstName="Eda")
    world.done()
    assert world.leads.records[lead]["FirstName"] == "Eda"
    writes = world.written()
    for _ in range(3):
        world.done()
    assert world.written() == writes
