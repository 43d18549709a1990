"""Merges, conversions and deletions of people in whole cycles on in-memory ports."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.cycle_ports import Heard
from leadbridge.domain.carried import Asked
from leadbridge.domain.cycling import CycleRun, CycleStep, asked_for
from leadbridge.domain.fates import News
from leadbridge.domain.waits import Waiting
from leadbridge.usecases.fate_files import FateFiles
from tests.builders.whole_cycles import CycleWorld, a_cycle
from tests.fakes.systems import Table

FLAG, GONE = {"flag": "Deleted_in_Marketo__c"}, {"flag": "goneFromCrm"}


def a_world(**persons: Any) -> CycleWorld:
    """A cycle whose document says this of persons."""
    return CycleWorld(a_cycle(**persons))


def a_lead(world: CycleWorld, name: str = "Ada", **fields: Any) -> tuple[str, str]:
    """A Lead and its person, in step."""
    return _made(world, "Lead", name, Company="Acme", **fields)


def a_contact(world: CycleWorld, name: str = "Ada", **fields: Any) -> tuple[str, str]:
    """A Contact and its person, in step."""
    return _made(world, "Contact", name, **fields)


def _made(world: CycleWorld, kind: str, name: str, **fields: Any) -> tuple[str, str]:
    values = {"Email": f"{name.lower()}@example.com", "LastName": name, **fields}
    record = world.system.tables[kind].make(**values)
    world.done()
    world.done(minutes=30)
    (person,) = [number for number, each in world.people.records.items() if each.get("crmId") == record]
    return record, person


def held(world: CycleWorld) -> dict[str, tuple[str, str]]:
    """The people of Marketo: which record each names, and as what."""
    return {number: (str(each["crmId"]), str(each["crmType"])) for number, each in world.people.records.items()}


def told(world: CycleWorld, run: CycleRun) -> list[tuple[str, str]]:
    """What became of those who were merged, converted or deleted."""
    files = FateFiles(world.objects, run)
    return [(each["reason"], each["outcome"]) for name in ("begun", "finished") for each in files.done(name)]


def ends(world: CycleWorld, cycles: int = 2) -> None:
    """Writes stop within two cycles."""
    for _ in range(cycles):
        world.done()
    writes, records = world.written(), {name: dict(table.records) for name, table in world.system.tables.items()}
    for _ in range(2):
        world.done()
    assert world.written() == writes
    assert {name: table.records for name, table in world.system.tables.items()} == records


# conversions


def test_a_converted_lead_is_the_same_person_of_its_contact() -> None:
    """Same Marketo id; the person carries the Contact's id and what only the Contact has."""
    world = a_world()
    lead, person = a_lead(world)
    contact = world.system.convert(lead, Title="CTO")
    run = world.done()
    assert told(world, run) == [("converted", "updated")]
    assert held(world) == {person: (contact, "Contact")}
    assert world.people.records[person]["title"] == "CTO"
    world.people.edit(person, lastName="Lovelace")
    world.done()
    assert world.contacts.records[contact]["LastName"] == "Lovelace"
    assert "LastName" not in world.leads.refused
    ends(world)


@pytest.mark.parametrize("contact_first", [True, False])
def test_news_of_a_conversion_may_come_in_any_order(contact_first: bool) -> None:
    """The Contact in a cycle before its Lead, or the Lead while the Contact is not shown yet."""
    world = a_world()
    lead, person = a_lead(world)
    contact = world.system.convert(lead, Title="CTO")
    later = world.leads.records.pop(lead) if contact_first else world.contacts.records.pop(contact)
    if contact_first:
        # as it was before, so that nobody knows of the conversion
        world.leads.records[lead] = {**later, "IsConverted": None, "ConvertedContactId": None}
    world.cycle()
    if contact_first:
        world.leads.edit(lead, IsConverted=True, ConvertedContactId=contact)
    else:
        world.contacts.records[contact] = later
        world.contacts.edit(contact)
    world.done()
    world.done(minutes=30)
    assert held(world) == {person: (contact, "Contact")}
    assert world.people.records[person]["title"] == "CTO"
    ends(world)


@pytest.mark.parametrize("policy", ["honour", "ignore"])
def test_a_conversion_into_a_contact_with_a_person_leaves_the_contacts_person(policy: str) -> None:
    """The Lead's person is merged into the one of the Contact, and lacks nothing that the Lead's had."""
    world = a_world(merged_in_salesforce=policy)
    lead, first = a_lead(world, Phone="123")
    contact, second = a_contact(world, "Bea")
    world.system.convert(lead, contact)
    run = world.done()
    assert told(world, run) == [("converted_into_contact", "deleted")]
    assert held(world) == {second: (contact, "Contact")}
    assert (world.people.merged[first][0], world.people.records[second]["phone"]) == (second, "123")
    ends(world)


def test_a_lead_that_is_merged_and_then_converted_in_one_go_is_followed_to_its_contact() -> None:
    """The person of the loser as well as the winner's end as one, the Contact's."""
    world = a_world()
    lead, first = a_lead(world)
    other, second = a_lead(world, "Bea")
    world.leads.merge(other, lead)
    contact = world.system.convert(other)
    world.done()
    assert held(world) == {min(first, second, key=int): (contact, "Contact")}
    ends(world)


@pytest.mark.fault("FS11")
def test_a_write_to_a_lead_that_is_converted_meanwhile_goes_to_its_contact() -> None:
    """Refused as converted, it is asked after in the next cycle, also when the conversion was not told."""
    world = a_world()
    lead, person = a_lead(world)
    world.people.edit(person, lastName="Lovelace")
    world.leads.refused["Lovelace"] = "CANNOT_UPDATE_CONVERTED_LEAD"
    contact = ""

    def convert(_object: str) -> None:
        nonlocal contact
        contact = contact or world.system.convert(lead)
        # the window of news is behind it
        world.leads.records[lead]["SystemModstamp"] = world.contacts.records[contact]["SystemModstamp"]

    world.system.on_read = convert
    world.cycle()
    world.system.on_read = lambda _: None
    world.leads.records[lead]["SystemModstamp"] = "2026-01-01T00:00:00+00:00"
    world.cycle(minutes=15)
    world.done()
    assert held(world) == {person: (contact, "Contact")}
    assert world.contacts.records[contact]["LastName"] == "Lovelace"
    ends(world)


@pytest.mark.parametrize("later", [False, True], ids=["Salesforce edited last", "Marketo edited last"])
def test_our_own_merge_is_no_edit_of_which_the_newest_counts(*, later: bool) -> None:
    """What Marketo's winner takes of the loser is nobody's edit; when a person edited it, it still counts."""
    world = a_world()
    first, person = _made(world, "Lead", "Ada")
    second, _ = a_lead(world, "Eve")
    world.leads.edit(first, Company="Umbrella")
    world.leads.merge(first, second)
    world.clock.advance(60)
    if later:
        world.people.edit(person, company="Initech")
    run = world.done()
    assert told(world, run) == [("merged_like_records", "deleted")]
    kept = (world.leads.records[first]["Company"], world.people.records[person]["company"])
    assert kept == (("Initech",) * 2 if later else ("Umbrella",) * 2)
    ends(world)


@pytest.mark.parametrize("later", [False, True], ids=["Salesforce edited last", "Marketo edited last"])
def test_the_id_of_a_contact_is_no_edit_of_which_the_newest_counts(*, later: bool) -> None:
    """A converted Lead's person takes the Contact's id from us: who edited the title last is right as ever."""
    titles = {"marketo": "title", "salesforce": "Title", "conflict": "newest"}
    world = a_world(contacts={"fields": [{"marketo": "email", "salesforce": "Email"}, titles]})
    lead, person = a_lead(world, Title="CEO")
    if not later:
        world.people.edit(person, title="CFO")
    world.clock.advance(60)
    contact = world.system.convert(lead)
    world.contacts.edit(contact, Title="CTO")
    world.clock.advance(60)
    if later:
        world.people.edit(person, title="CFO")
    world.done()
    kept = (world.contacts.records[contact]["Title"], world.people.records[person]["title"])
    assert kept == (("CFO",) * 2 if later else ("CTO",) * 2)
    ends(world)


# merges


def test_a_merge_in_marketo_that_is_honoured_deletes_the_second_lead_after_the_winner_is_written() -> None:
    """The winner's values are in Salesforce, the second Lead is deleted, and that deletion is not carried back."""
    world = a_world(deleted_in_salesforce="delete")
    lead, first = a_lead(world)
    other, second = a_lead(world, "Bea", Phone="123")
    world.people.merge(first, second)
    run = world.done()
    assert told(world, run) == [("person_merged_deleted", "deleted")]
    assert ([*world.leads.records], held(world)) == ([lead], {first: (lead, "Lead")})
    assert world.leads.records[lead]["Phone"] == "123"
    ends(world)
    assert (other in world.leads.bin, [*world.people.records]) == (True, [first])


@pytest.mark.parametrize("policy", ["honour", "ignore"])
def test_what_a_merge_in_marketo_fills_goes_to_the_winners_record(policy: str) -> None:
    """Marketo logs no change of it, and the loser was in step long since: the winner is read all the same."""
    world = a_world(merges=policy)
    lead, first = a_lead(world)
    other, second = a_lead(world, "Bea", Phone="123")
    world.done(minutes=60)
    world.people.merge(first, second)
    held_before: list[Any] = []
    delete = world.system.delete

    def deleted(*wanted: Any) -> Any:
        held_before.append(world.leads.records[lead].get("Phone"))
        return delete(*wanted)

    world.system.delete = deleted  # type: ignore[method-assign,assignment]  # what the winner's record holds by then
    world.done()
    assert world.leads.records[lead]["Phone"] == "123"
    assert (held_before, other in world.leads.bin) == ((["123"], True) if policy == "honour" else ([], False))
    ends(world)


def test_a_winner_takes_what_a_merge_fills_from_somebody_without_a_record() -> None:
    """Nothing else follows from such a merge, but the winner holds more than its record."""
    world = a_world(create_in_salesforce="never")
    lead, first = a_lead(world)
    stranger = world.people.make(email="bea@example.com", lastName="Bea", phone="123")
    world.done(minutes=60)
    world.people.merge(first, stranger)
    run = world.done()
    assert (world.leads.records[lead].get("Phone"), told(world, run)) == ("123", [])
    ends(world)


def test_a_plan_notes_nobody_whom_a_merge_filled() -> None:
    """It changes nothing, so whoever is to be read is noted by the run that follows."""
    world = a_world()
    _, first = a_lead(world)
    _, second = a_lead(world, "Bea", Phone="123")
    world.people.merge(first, second)
    world.cycle(planning=True)
    assert world.due.records == {}


@pytest.mark.parametrize(("policy", "flagged"), [(FLAG, True), ("ignore", None)])
def test_a_merge_in_marketo_may_leave_the_second_lead_with_a_flag_or_without(policy: Any, flagged: bool | None) -> None:
    """It stays, edits of it go nowhere, and no new person is made of it."""
    world = a_world(merges=policy)
    lead, first = a_lead(world)
    other, second = a_lead(world, "Bea")
    world.people.merge(first, second)
    world.done()
    assert world.leads.records[other].get("Deleted_in_Marketo__c") is flagged
    world.leads.edit(other, LastName="Bee")
    run = world.done()
    assert held(world) == {first: (lead, "Lead")}
    assert ("person_merged", "skipped") in {(each["reason"], each["outcome"]) for each in world.outcomes(run)}
    ends(world)


def test_a_merge_in_salesforce_is_carried_over_and_the_losers_deletion_is_none() -> None:
    """The two people are one, the master's, though deletions are carried over."""
    world = a_world(deleted_in_salesforce="delete", deleted_in_marketo="delete")
    contact, first = a_contact(world)
    other, second = a_contact(world, "Bea")
    world.contacts.merge(contact, other)
    run = world.done()
    assert told(world, run) == [("merged_like_records", "deleted")]
    assert (held(world), [*world.contacts.records]) == ({first: (contact, "Contact")}, [contact])
    assert world.people.merged[second][0] == first
    ends(world)


def test_a_merge_that_marketo_refuses_is_tried_again_and_nothing_is_made_anew() -> None:
    """Until Marketo takes it the second person is left alone."""
    world = a_world()
    contact, first = a_contact(world)
    other, second = a_contact(world, "Bea")
    world.contacts.merge(contact, other)
    world.people.refused[second] = "712"
    run = world.done()
    assert told(world, run) == [("merged_like_records", "failed")]
    world.people.edit(second, lastName="Bee")
    world.done()
    assert sorted(world.people.records) == sorted([first, second])
    world.people.refused.clear()
    world.done(minutes=10)
    assert held(world) == {first: (contact, "Contact")}
    ends(world)


def test_a_winner_in_marketo_without_a_record_takes_that_of_the_loser() -> None:
    """The linked one lost: nothing is deleted, and the winner's values go to the record."""
    world = a_world(create_in_salesforce="never")
    lead, person = a_lead(world)
    winner = world.people.make(email="ada@example.com", lastName="Lovelace")
    world.people.merge(winner, person)
    world.done()
    assert held(world) == {winner: (lead, "Lead")}
    assert world.leads.records[lead]["LastName"] == "Lovelace"
    ends(world)


@pytest.mark.fault("FM21")
def test_a_person_who_is_merged_between_the_look_and_the_write_is_followed_to_the_winner() -> None:
    """The write finds nobody, nobody is made anew, and the next cycle writes to the winner."""
    world = a_world(create_in_salesforce="never")
    lead, person = a_lead(world)
    winner = world.people.make(email="other@example.com", lastName="Byron")
    world.done()
    world.leads.edit(lead, FirstName="Ida")
    find = world.system.called

    def merged_meanwhile(table: Table, what: str) -> None:
        if (table, what) == (world.people, "find") and person in world.people.records:
            world.people.merge(winner, person)
        find(table, what)

    world.system.called = merged_meanwhile  # type: ignore[method-assign]  # somebody is quicker than the write
    run = world.done()
    assert {each["marketo_id"]: each["outcome"] for each in world.outcomes(run)}[person] == "failed"
    world.system.called = find  # type: ignore[method-assign]
    world.done(minutes=10)
    assert held(world) == {winner: (lead, "Lead")}
    assert world.people.records[winner]["firstName"] == "Ida"
    ends(world)


# opt-outs


OPT_OUT = {"marketo": "unsubscribed", "salesforce": "HasOptedOutOfEmail"}
CONTACTS = {"fields": [{"marketo": "email", "salesforce": "Email"}, OPT_OUT]}


def says_no(world: CycleWorld, record: str, person: str) -> tuple[Any, Any]:
    """What both sides say of an opt-out."""
    kind = world.contacts if record.startswith("003") else world.leads
    return kind.records[record].get("HasOptedOutOfEmail"), world.people.records[person].get("unsubscribed")


def test_an_opt_out_of_a_lead_is_said_by_the_contact_whose_person_its_own_is_merged_into() -> None:
    """The merge is ours, and a "no" that the Contact's person never said is a value that would stay."""
    world = a_world(contacts=CONTACTS)
    lead, _ = a_lead(world, HasOptedOutOfEmail=True)
    contact, person = a_contact(world, "Bea", HasOptedOutOfEmail=False)
    world.people.edit(person, unsubscribed=False)
    world.done(minutes=60)
    world.system.convert(lead, contact)
    run = world.done()
    assert told(world, run) == [
        ("record_opted_out", "updated"),
        ("person_opted_out", "updated"),
        ("converted_into_contact", "deleted"),
    ]
    assert says_no(world, contact, person) == (True, True)
    ends(world)


@pytest.mark.parametrize("policy", ["honour", "ignore"])
def test_an_opt_out_of_a_merged_record_is_said_by_the_master_and_its_person(policy: str) -> None:
    """Whether the two people are merged or not: the records are one, and the master's values were kept."""
    world = a_world(merged_in_salesforce=policy)
    lead, person = a_lead(world, HasOptedOutOfEmail=False)
    other, _ = a_lead(world, "Bea", HasOptedOutOfEmail=True)
    world.people.edit(person, unsubscribed=False)
    world.done(minutes=60)
    world.leads.merge(lead, other)
    world.done()
    assert says_no(world, lead, person) == (True, True)
    ends(world)


@pytest.mark.parametrize("policy", ["honour", "ignore", FLAG])
def test_an_opt_out_of_a_merged_person_is_said_by_the_winner_and_its_record(policy: Any) -> None:
    """Both of the loser's may vanish, and nobody else has heard of it."""
    world = a_world(merges=policy)
    lead, person = a_lead(world, HasOptedOutOfEmail=False)
    _, second = a_lead(world, "Bea", HasOptedOutOfEmail=True)
    world.people.edit(person, unsubscribed=False)
    world.done(minutes=60)
    world.people.merge(person, second)
    world.done()
    assert says_no(world, lead, person) == (True, True)
    ends(world)


def test_an_opt_out_that_was_said_just_before_a_merge_counts() -> None:
    """The last look knew nothing of it, but who is still there is asked: the second record, before it is deleted."""
    world = a_world()
    lead, person = a_lead(world)
    other, second = a_lead(world, "Bea")
    world.people.edit(person, unsubscribed=False)
    world.done(minutes=60)
    world.leads.edit(other, HasOptedOutOfEmail=True)
    world.people.merge(person, second)
    run = world.done()
    assert ("person_merged_deleted", "deleted") in told(world, run)
    assert says_no(world, lead, person) == (True, True)
    ends(world)


@pytest.mark.parametrize("winner", ["person", "record"])
def test_an_opt_out_outlives_a_merge_into_somebody_whom_nothing_links(winner: str) -> None:
    """Who takes over the loser's counterpart says no by no, and takes nothing back by it."""
    world = a_world(create_in_marketo="never", create_in_salesforce="never")
    world.documents.put(a_cycle())
    lead, person = a_lead(world, HasOptedOutOfEmail=True)
    world.documents.put(a_cycle(create_in_marketo="never", create_in_salesforce="never"))
    world.done()
    if winner == "person":
        loser, person = person, world.people.make(email="new@example.com", lastName="N", unsubscribed=False)
        world.people.merge(person, loser)
    else:
        loser, lead = lead, world.leads.make(Email="new@example.com", LastName="N", HasOptedOutOfEmail=False)
        world.leads.merge(lead, loser)
    world.done()
    world.done()
    assert says_no(world, lead, person) == (True, True)
    ends(world)


def test_a_new_contact_that_says_nothing_takes_no_opt_out_back() -> None:
    """A conversion takes the field along only where the org maps it; the person meets the Contact in it."""
    world = a_world(contacts=CONTACTS)
    lead, person = a_lead(world, HasOptedOutOfEmail=True)
    contact = world.system.convert(lead, HasOptedOutOfEmail=False)
    run = world.done()
    assert told(world, run) == [("converted", "updated")]
    assert says_no(world, contact, person) == (True, True)
    ends(world)


def test_an_opt_out_by_a_field_that_is_hidden_is_told_and_the_other_side_says_it() -> None:
    """Nothing is written to a field that a system does not show; once it does the pair is caught up with."""
    world = a_world()
    lead, person = a_lead(world, HasOptedOutOfEmail=False)
    _, second = a_lead(world, "Bea", HasOptedOutOfEmail=True)
    world.people.edit(person, unsubscribed=False)
    world.done(minutes=60)
    whole = world.leads.described
    shown = {name: each for name, each in whole.fields.items() if name != "HasOptedOutOfEmail"}
    world.leads.described = replace(whole, fields=shown)
    world.people.merge(person, second)
    run = world.done()
    assert ("opt_out_left", "decided") in told(world, run)
    assert says_no(world, lead, person) == (False, True)
    world.leads.described = whole
    world.done()
    assert says_no(world, lead, person) == (True, True)


@pytest.mark.parametrize("later", [False, True], ids=["Marketo edited last", "Salesforce edited last"])
def test_our_opt_out_is_no_edit_of_which_the_newest_counts(*, later: bool) -> None:
    """The record says no by us; the company that Marketo edited last is right as ever."""
    world = a_world()
    lead, person = _made(world, "Lead", "Ada", Company="Acme")
    _, second = a_lead(world, "Bea", HasOptedOutOfEmail=True)
    world.done(minutes=60)
    if not later:
        world.leads.edit(lead, Company="Umbrella")
        world.clock.advance(60)
    world.people.edit(person, company="Initech")
    world.people.merge(person, second)
    world.clock.advance(60)
    if later:
        world.leads.edit(lead, Company="Umbrella")
    world.done()
    kept = (world.leads.records[lead]["Company"], world.people.records[person]["company"])
    assert (kept, says_no(world, lead, person)) == ((("Umbrella",) * 2 if later else ("Initech",) * 2), (True, True))
    ends(world)


# deletions


def test_deletions_are_left_alone_by_default_and_nobody_is_made_anew() -> None:
    """Edits of whoever stays go nowhere."""
    world = a_world()
    lead, person = a_lead(world)
    other, second = a_lead(world, "Bea")
    world.leads.delete(lead)
    world.people.delete(second)
    world.done()
    world.people.edit(person, lastName="Lovelace")
    world.leads.edit(other, LastName="Bee")
    run = world.done()
    assert ([*world.people.records], [*world.leads.records]) == ([person], [other])
    reasons = {(each["reason"], each["outcome"]) for each in world.outcomes(run)}
    assert {("record_deleted", "skipped"), ("person_deleted", "skipped")} <= reasons
    ends(world)


def test_deletions_are_carried_over_both_ways_and_not_answered() -> None:
    """Each is deleted once; our own deletion is no news."""
    world = a_world(deleted_in_salesforce="delete", deleted_in_marketo="delete")
    lead, person = a_lead(world)
    other, second = a_lead(world, "Bea")
    world.leads.delete(lead)
    world.people.delete(second)
    run = world.done()
    assert sorted(told(world, run)) == [("person_deleted_deleted", "deleted"), ("record_deleted_deleted", "deleted")]
    assert (world.people.records, world.leads.records, world.links.links) == ({}, {}, {})
    assert (person in world.people.bin, other in world.leads.bin) == (True, True)
    assert told(world, world.done()) == []
    ends(world)


@pytest.mark.parametrize("policy", ["delete", "ignore"])
def test_a_deletion_that_marketo_tells_late_is_followed_and_nobody_is_made_anew(policy: str) -> None:
    """A write finds nobody, and the log says nothing yet: the record waits for it, also if it is edited meanwhile."""
    world = a_world(deleted_in_marketo=policy)
    lead, person = a_lead(world)
    told_at_once = world.system.of_people
    world.system.of_people = lambda *_: Heard(news=News())  # type: ignore[method-assign]  # the log is late
    world.people.delete(person)
    reasons = []
    for name in ("Ida", "Eda", "Uda"):
        world.leads.edit(lead, FirstName=name)
        [row] = [each for each in world.outcomes(world.done(minutes=3)) if each["salesforce_id"] == lead]
        reasons.append((row["object"], row["outcome"], row["reason"]))
    assert reasons == [("Lead", "failed", each) for each in ("drifted", "person_gone", "drifted")]
    world.system.of_people = told_at_once  # type: ignore[method-assign]
    world.done()
    assert world.people.records == {}
    assert (lead in world.leads.records) == (policy == "ignore")
    ends(world)
    assert world.people.records == {}


def test_a_person_of_whom_nothing_is_told_is_made_anew_once_it_must_have_been() -> None:
    """Ten minutes after the record was seen without a person."""
    world = a_world()
    lead, person = a_lead(world)
    world.system.of_people = lambda *_: Heard(news=News())  # type: ignore[method-assign]  # nothing is ever told
    world.people.delete(person)
    world.leads.edit(lead, FirstName="Ida")
    world.done()
    world.done()
    world.done()
    assert world.people.records == {}
    world.done()
    ((_, made),) = world.people.records.items()
    assert (made["crmId"], made["firstName"]) == (lead, "Ida")
    ends(world)


def test_deletions_are_flagged_and_a_record_that_is_back_is_in_step_again() -> None:
    """The flag is taken off, and what was edited since is taken over."""
    world = a_world(deleted_in_salesforce=GONE)
    lead, person = a_lead(world)
    world.leads.delete(lead)
    world.done()
    assert world.people.records[person]["goneFromCrm"] is True
    world.people.edit(person, phone="123")
    world.done()
    world.leads.undelete(lead)
    world.done()
    assert (world.people.records[person]["goneFromCrm"], held(world)) == (False, {person: (lead, "Lead")})
    assert world.leads.records[lead]["Phone"] == "123"
    ends(world)


@pytest.mark.parametrize(("made", "people"), [({}, 1), ("never", 0)])
def test_a_record_that_is_back_after_its_person_was_deleted_is_made_anew_by_policy(made: Any, people: int) -> None:
    """As any other new record."""
    world = a_world(deleted_in_salesforce="delete", create_in_salesforce="never")
    lead, person = a_lead(world)
    world.leads.delete(lead)
    world.done()
    world.documents.put(a_cycle(deleted_in_salesforce="delete", create_in_marketo=made, create_in_salesforce="never"))
    world.leads.undelete(lead)
    world.done()
    assert (len(world.people.records), person in world.people.records) == (people, False)


def test_too_many_deletions_are_asked_about_and_none_is_carried_over() -> None:
    """The guard counts them before anything is done, and the run waits; one that is cancelled leaves it to the next."""
    world = CycleWorld(a_cycle(deleted_in_salesforce="delete").model_copy(update={"guard": _guard(1)}))
    leads = [a_lead(world, name)[0] for name in ("Ada", "Bea")]
    world.leads.delete(*leads)
    run = world.cycle()
    assert (run.waiting, run.reason) == (Waiting.GUARD, "guard")
    assert "persons deletions: the run would delete 2 records (the limit is 1)" in run.message
    assert f'`leadbridge cycle confirm {run.cycle} {run.slot} --guard "persons deletions"` lets it go on' in run.message
    found = world.cycles.get(run.cycle, run.slot)
    assert found is not None
    world.cycles.save(asked_for(found[0], Asked.CANCEL, world.clock.now()), found[1])
    assert world.drive(run.slot).step is CycleStep.CANCELLED
    assert len(world.people.records) == 2
    again = world.cycle()
    assert (again.waiting, len(world.people.records)) == (Waiting.GUARD, 2)
    assert world.confirm(again.slot).step is CycleStep.DONE
    assert world.people.records == {}


def test_who_was_to_be_deleted_is_left_alone_if_that_is_wrong_by_the_time_somebody_says_yes() -> None:
    """Merged with somebody, linked to another record by hand, or the record is back: asked once more before a deletion.

    Whose record is back is in step again, and who belongs to another record is in step with that one.
    """
    world = CycleWorld(a_cycle(deleted_in_salesforce="delete").model_copy(update={"guard": _guard(1)}))
    made = {name: a_lead(world, name) for name in ("Ada", "Bea", "Cleo", "Dora")}
    people = {name: person for name, (_, person) in made.items()}
    world.leads.delete(*(lead for lead, _ in made.values()))
    run = world.cycle()
    assert run.waiting is Waiting.GUARD
    world.later(hours=2)
    stranger = world.people.make(email="stranger@example.com", lastName="Ada")
    world.people.merge(people["Ada"], stranger)
    other = world.system.tables["Lead"].make(LastName="Other", Email="other@example.com", Company="Acme")
    world.people.edit(people["Bea"], crmId=other)
    world.leads.undelete(made["Cleo"][0])

    run = world.confirm(run.slot)

    assert run.step is CycleStep.DONE
    assert sorted(told(world, run)) == [
        ("linked_anew", "decided"),
        ("person_merged_since", "decided"),
        ("record_back", "decided"),
        ("record_deleted_deleted", "deleted"),
    ]
    assert people["Dora"] in world.people.bin
    world.done()
    world.done(minutes=30)
    now = held(world)
    assert (now[people["Bea"]], now[people["Cleo"]]) == ((other, "Lead"), (made["Cleo"][0], "Lead"))
    world.leads.edit(made["Cleo"][0], Phone="123")
    world.leads.edit(other, Phone="456")
    world.done()
    assert [world.people.records[people[name]]["phone"] for name in ("Cleo", "Bea")] == ["123", "456"]
    ends(world)


def test_a_record_that_was_to_be_deleted_is_left_alone_if_that_is_wrong_by_the_time_somebody_says_yes() -> None:
    """Somebody names it again, it was merged with another one, or converted: asked once more before a deletion.

    Who names it is in step with it, and so is the person of the record that it took in.
    """
    world = CycleWorld(a_cycle(deleted_in_marketo="delete").model_copy(update={"guard": _guard(1)}))
    made = {name: a_lead(world, name) for name in ("Ada", "Bea", "Cleo", "Dora", "Emil")}
    leads = {name: record for name, (record, _) in made.items()}
    world.people.delete(*(person for name, (_, person) in made.items() if name != "Emil"))
    run = world.cycle()
    assert run.waiting is Waiting.GUARD
    world.later(hours=2)
    again = world.people.make(email="ada@example.com", lastName="Ada", crmId=leads["Ada"])
    world.leads.merge(leads["Bea"], leads["Emil"])
    contact = world.system.convert(leads["Cleo"])

    run = world.confirm(run.slot)

    assert run.step is CycleStep.DONE
    assert sorted(told(world, run)) == [
        ("person_deleted_deleted", "deleted"),
        ("record_converted_since", "decided"),
        ("record_merged_since", "decided"),
        ("record_named_again", "decided"),
    ]
    assert (contact in world.contacts.records, leads["Dora"] in world.leads.bin) == (True, True)
    world.done()
    world.done(minutes=30)
    assert held(world) == {again: (leads["Ada"], "Lead"), made["Emil"][1]: (leads["Bea"], "Lead")}
    world.people.edit(again, phone="123")
    world.people.edit(made["Emil"][1], phone="456")
    world.done()
    assert [world.leads.records[leads[name]]["Phone"] for name in ("Ada", "Bea")] == ["123", "456"]
    ends(world)


def _guard(deletes: int) -> Any:
    return a_cycle().guard.model_copy(update={"deletes": deletes})


# outages


@pytest.mark.parametrize(
    ("days", "compared"), [(1, False), (12, False), (14, True), (15, True), (30, True), (88, True)]
)
def test_after_an_outage_that_is_longer_than_the_vendors_remember_both_sides_are_compared(
    days: int, compared: bool
) -> None:
    """Deletions that nobody tells of any more are found by what is linked."""
    world = a_world(deleted_in_salesforce="delete", deleted_in_marketo="delete")
    leads = [a_lead(world, name) for name in ("Ada", "Bea", "Cid")]
    world.leads.delete(leads[0][0])
    world.people.delete(leads[1][1])
    world.later(days=days)
    world.people.told_from = world.clock.now() - timedelta(days=14)
    world.leads.told_from = world.clock.now() - timedelta(days=15)
    run = world.done()
    assert ([*world.people.records], [*world.leads.records]) == ([leads[2][1]], [leads[2][0]])
    row = FateFiles(world.objects, run).done("compared")
    assert bool(row) is compared
    if compared:
        assert (row[0]["outcome"], "marketo: 1" in row[0]["message"]) == ("3 links, 2 gone or moved", True)
    ends(world)


def test_a_purged_list_of_deletions_leads_to_a_comparison_at_once() -> None:
    """Salesforce drops its list early where it is long."""
    world = a_world(deleted_in_salesforce="delete")
    lead, _ = a_lead(world)
    a_lead(world, "Bea")
    world.leads.delete(lead)
    world.later(minutes=30)
    world.leads.told_from = world.clock.now()
    run = world.done()
    assert len(world.people.records) == 1
    assert FateFiles(world.objects, run).done("compared")


# deaths


def _a_conversion(world: CycleWorld) -> None:
    lead, _ = a_lead(world)
    other, _ = a_lead(world, "Bea", HasOptedOutOfEmail=True)
    contact, _ = a_contact(world, "Cid")
    world.system.convert(lead, Title="CTO")
    world.system.convert(other, contact)


def _merges_and_deletions(world: CycleWorld) -> None:
    said = {"Bea": True}
    one, two, three, four = (
        a_lead(world, name, HasOptedOutOfEmail=said.get(name)) for name in ("Ada", "Bea", "Cid", "Dot")
    )
    world.people.merge(one[1], two[1])
    world.leads.delete(three[0])
    world.people.delete(four[1])


@pytest.mark.parametrize("story", [_a_conversion, _merges_and_deletions])
def test_a_death_at_any_step_changes_nothing_of_the_end(story: Callable[[CycleWorld], None]) -> None:
    """Whoever comes after does the rest, and nothing twice."""

    begun = a_world(deleted_in_salesforce="delete", deleted_in_marketo=FLAG)
    story(begun)

    def played(step: int) -> tuple[Any, int, int]:
        world = copy.deepcopy(begun)
        world.steps.arm(step)
        world.done()
        deaths, steps = world.deaths, len(world.steps.taken)
        world.steps.disarm()
        world.done(minutes=30)
        return [_values(table) for table in world.system.tables.values()], deaths, steps

    whole, nobody, steps = played(100_000)
    assert (nobody, steps > 100) == (0, True)
    # each step is somebody's; a few dozen of them, so that this costs seconds
    for step in range(1, steps, 23):
        left, deaths, _ = played(step)
        assert (left, deaths) == (whole, 1), step


def _values(table: Table) -> list[list[tuple[str, str]]]:
    """What is in a table, but when."""
    stamps = {"SystemModstamp", "updatedAt"}
    return [
        sorted((name, str(value)) for name, value in each.items() if name not in stamps)
        for each in table.records.values()
    ]


def test_a_conversion_in_a_cycle_of_leads_alone_repoints_the_person_and_is_told_once() -> None:
    """The person takes the Contact's id and what a conversion says, and is left alone then; nothing stays due."""
    world = CycleWorld(a_cycle(contacts=None, on_conversion={"leadStatus": "SQL"}))
    lead, person = a_lead(world, "Ada")
    contact = world.contacts.make(Email="ada@example.com", LastName="Ada")
    world.leads.edit(lead, IsConverted=True, ConvertedContactId=contact, ConvertedDate="2026-03-02")
    run = world.done(minutes=30)
    kept = world.people.records[person]
    assert (kept["crmId"], kept["crmType"], kept["leadStatus"]) == (contact, "Contact", "SQL")
    told = {each["marketo_id"]: (each["outcome"], each["reason"]) for each in world.outcomes(run)}
    assert told[person] == ("skipped", "not_kept")
    assert world.due.records == {}
    written = world.written()
    world.people.edit(person, firstName="Ida")
    world.done(minutes=30)
    assert (world.written(), len(world.people.records), len(world.leads.records)) == (written, 1, 1)
