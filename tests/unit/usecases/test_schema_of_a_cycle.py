"""Whole cycles while schemas change: a field that is hidden or retyped, what is told, and what arrives afterwards."""

from dataclasses import replace

import pytest

from leadbridge.domain.cycling import CycleStep
from leadbridge.domain.records import FieldDescription
from leadbridge.errors import PermanentError
from tests.builders.company_cycles import CompanyWorld
from tests.builders.whole_cycles import CYCLE, CycleWorld, a_cycle
from tests.fakes.steps import nothing
from tests.fakes.systems import Table

PHONE = "phone=Phone"


def hide(table: Table, name: str) -> FieldDescription:
    """A field is described no more; gives what it was."""
    fields = dict(table.described.fields)
    hidden = fields.pop(name)
    table.described = replace(table.described, fields=fields)
    return hidden


def show(table: Table, field: FieldDescription) -> None:
    """A field is described, as it is said here."""
    table.described = replace(table.described, fields={**table.described.fields, field.name: field})


def linked(world: CycleWorld) -> tuple[str, str]:
    """A Lead and her person, in step since a while."""
    lead = world.leads.make(
        Email="ada@example.com", FirstName="Ada", LastName="B", Company="Acme", Phone="1", Title="1"
    )
    world.done()
    (person,) = world.people.records
    assert world.people.records[person]["phone"] == "1"
    world.done(minutes=30)
    return lead, person


def asides(world: CycleWorld) -> list[str]:
    """The pairs that are aside between runs."""
    schemas = world.cycles.standing(CYCLE).schemas
    return [f"{name} {pair}" for name, each in sorted(schemas.items()) for pair in each.aside]


@pytest.mark.pain("P50")
@pytest.mark.cap("M014")
def test_a_hidden_field_puts_its_own_pair_aside_and_is_told_once() -> None:
    """The other fields go on both ways; the standing says what is aside for as long as it is."""
    world = CycleWorld()
    lead, person = linked(world)
    hide(world.leads, "Phone")
    world.leads.edit(lead, FirstName="Ida")
    world.people.edit(person, lastName="C", phone="2")
    first = world.done(minutes=30)
    assert (world.people.records[person]["firstName"], world.leads.records[lead]["LastName"]) == ("Ida", "C")
    assert world.leads.records[lead]["Phone"] == "1"
    (told,) = first.warnings
    assert told.startswith("Lead: Salesforce has no field Phone of Lead, or hides it; show it again")
    assert asides(world) == [f"persons.Lead {PHONE}"]
    assert world.done().warnings == ()
    assert asides(world) == [f"persons.Lead {PHONE}"]


@pytest.mark.parametrize("side", ["marketo", "salesforce"])
def test_what_was_edited_while_a_field_was_hidden_arrives_once_it_is_shown(side: str) -> None:
    """Of either side, without another edit, though later runs have read past it; then no more is read than usual."""
    world = CycleWorld()
    lead, person = linked(world)
    hidden = hide(world.leads, "Phone")
    world.done(minutes=30)
    if side == "marketo":
        world.people.edit(person, phone="2")
    else:
        world.leads.edit(lead, Phone="2")
    for _ in range(3):
        world.done(minutes=30)
    assert (world.people.records[person]["phone"], world.leads.records[lead]["Phone"]) in {("2", "1"), ("1", "2")}
    show(world.leads, hidden)
    shown = world.done(minutes=30)
    assert (world.people.records[person]["phone"], world.leads.records[lead]["Phone"]) == ("2", "2")
    assert (shown.warnings, asides(world)) == ((), [])
    assert shown.again is not None
    world.done(minutes=30)
    after = world.done(minutes=30)
    assert after.again is None
    assert sum(after.rows.values()) == 0


def test_a_pair_that_was_hidden_at_the_very_first_run_is_caught_up_with_once_it_is_shown() -> None:
    """Nobody ever compared it: those who are linked meet in it without another edit, whichever side has the value, and
    who was not linked is nobody new by that."""
    world = CycleWorld()
    hidden = hide(world.leads, "Phone")
    lead = world.leads.make(Email="ada@example.com", LastName="A", Company="Acme", Phone="1")
    strange = world.leads.make(Email="strange@example.com", LastName="S", Company="Acme", Phone="3")
    world.leads.records[strange]["SystemModstamp"] = "2026-01-01T00:00:00+00:00"
    other = world.people.make(email="bea@example.com", lastName="B", company="Acme", phone="2")
    assert [each.split(":")[0] for each in world.done().warnings] == ["Lead"]
    for _ in range(2):
        world.done(minutes=30)
    people = {each["email"]: each for each in world.people.records.values()}
    made = next(each for each in world.leads.records.values() if each["Email"] == "bea@example.com")
    assert (people["ada@example.com"].get("phone"), made.get("Phone")) == (None, None)
    show(world.leads, hidden)
    world.done(minutes=30)
    assert (people["ada@example.com"]["phone"], made["Phone"]) == ("1", "2")
    assert (world.leads.records[lead]["Phone"], world.people.records[other]["phone"]) == ("1", "2")
    assert (len(people), asides(world)) == (2, [])
    written = world.written()
    assert world.done(minutes=30).compared == ()
    assert (world.written(), len(world.people.records)) == (written, 2)


def test_edits_of_both_sides_are_a_conflict_once_the_field_is_shown() -> None:
    """What was remembered before it was hidden is remembered still: the pair's policy decides, here nobody's."""
    world = CycleWorld()
    lead, person = linked(world)
    hidden = hide(world.leads, "Phone")
    # her record is looked at meanwhile, and remembered anew
    world.leads.edit(lead, FirstName="Ida", Phone="3")
    world.people.edit(person, phone="2")
    world.done(minutes=30)
    world.done(minutes=30)
    show(world.leads, hidden)
    run = world.done(minutes=30)
    assert (world.people.records[person]["phone"], world.leads.records[lead]["Phone"]) == ("2", "3")
    assert [each["reason"] for each in world.outcomes(run) if each["salesforce_id"] == lead] == ["conflict_left"]


def test_what_could_not_be_committed_is_read_again_by_the_next_run() -> None:
    """A run whose reading fails leaves all that waited to the next one."""
    world = CycleWorld()
    lead, person = linked(world)
    hidden = hide(world.leads, "Phone")
    world.done(minutes=30)
    world.people.edit(person, phone="2")
    world.done(minutes=30)
    world.done(minutes=30)
    show(world.leads, hidden)
    world.system.errors["leads", "page"] = [(PermanentError(vendor="marketo", code="broken"), False)]
    assert world.cycle(30).step is CycleStep.FAILED
    assert asides(world) == [f"persons.Lead {PHONE}"]
    world.done(minutes=30)
    assert asides(world) == []
    assert world.leads.records[lead]["Phone"] == "2"


def test_a_retyped_field_is_aside_until_the_next_version_of_the_document() -> None:
    """It is told what it held and holds; the others go on. What was edited meanwhile arrives then."""
    world = CycleWorld()
    lead, person = linked(world)
    show(world.leads, replace(world.leads.described.fields["Title"], type="double"))
    world.people.edit(person, title="2", firstName="Ida")
    run = world.done(minutes=30)
    (told,) = run.warnings
    assert told.startswith("Lead: Title of Salesforce held texts and holds numbers now; change it back, or, if")
    assert (world.leads.records[lead]["Title"], world.leads.records[lead]["FirstName"]) == ("1", "Ida")
    world.done(minutes=30)
    assert asides(world) == ["persons.Lead title=Title"]
    world.documents.put(a_cycle().model_copy(update={"name": "Main, with numbers"}))
    world.done(minutes=30)
    assert world.leads.records[lead]["Title"] == 2
    assert asides(world) == []


def test_a_field_that_is_hidden_while_a_run_reads_is_aside_at_once_and_told_by_the_next() -> None:
    """What the run had read of it arrives once it is shown."""
    world = CycleWorld()
    lead, person = linked(world)
    world.people.edit(person, phone="2", firstName="Ida")
    world.later(minutes=30)
    hidden = world.leads.described.fields["Phone"]
    world.system.on_read = lambda name: hide(world.leads, "Phone") if name == "leads" else None
    first = world.done()
    assert (world.leads.records[lead]["Phone"], world.leads.records[lead]["FirstName"]) == ("1", "Ida")
    assert first.warnings == ()
    world.system.on_read = nothing
    assert len(world.done(minutes=30).warnings) == 1
    show(world.leads, hidden)
    world.done(minutes=30)
    assert world.leads.records[lead]["Phone"] == "2"


def test_a_hidden_link_parks_persons_alone_before_anything_is_read() -> None:
    """Without the field of the Salesforce id nobody can be told who is who."""
    world = CycleWorld()
    linked(world)
    hide(world.people, "crmId")
    run = world.cycle(30)
    assert (run.step, run.reason) == (CycleStep.FAILED, "all_parked")
    assert "persons.id_field: Marketo has no field crmId, or hides it; show it again" in run.message


def test_a_hidden_field_of_companies_is_caught_up_with_too() -> None:
    """An Account's industry that was edited while Marketo hid the field."""
    world = CompanyWorld()
    account = world.accounts.make(Name="Acme", Industry="Tin")
    world.done()
    ((_, company),) = world.companies.records.items()
    assert company["industry"] == "Tin"
    hidden = hide(world.companies, "industry")
    world.accounts.edit(account, Name="Apex", Industry="Gold")
    run = world.done(minutes=30)
    assert [each.split(":")[0] for each in run.warnings] == ["Account"]
    assert (company["company"], company["industry"]) == ("Apex", "Tin")
    world.done(minutes=30)
    world.done(minutes=30)
    show(world.companies, hidden)
    world.done(minutes=30)
    assert company["industry"] == "Gold"
