"""Whole cycles of persons: edits on either side, what the other side holds then, and that writes end."""

from dataclasses import replace

import pytest

from leadbridge.cycle_ports import DueRecord
from leadbridge.domain.cycle_latency import latency_members
from leadbridge.domain.cycle_people import PEOPLE_CREATED
from leadbridge.domain.cycling import CycleRun, CycleStep
from leadbridge.domain.ids import canonical
from leadbridge.domain.three_way import Side
from leadbridge.domain.waits import Waiting
from leadbridge.errors import TransientError, UncertainWriteError
from leadbridge.usecases import decide_people
from tests.builders.whole_cycles import CYCLE, LEAD_FIELDS, CycleWorld, a_cycle
from tests.fakes.steps import nothing

#: record types of Contacts and of Leads
PARTNER, RESELLER = canonical("0125g0000000001"), canonical("0125g0000000002")


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


def quiet(world: CycleWorld, cycles: int = 3) -> None:
    """Nobody edits any more: nothing is written by any of the next cycles."""
    writes = world.written()
    for _ in range(cycles):
        world.done()
    assert world.written() == writes


@pytest.mark.cap("U28", "U29", "U30")
def test_names_and_addresses_are_copied_in_the_form_that_is_documented() -> None:
    """An address in other capitals is no edit; a name is copied as it stands."""
    world = CycleWorld()
    lead, person = linked(world)
    world.leads.edit(lead, Email="ADA@Example.com", FirstName="Éda", LastName="McB")
    world.done()
    kept = world.people.records[person]
    assert (kept["email"], kept["firstName"], kept["lastName"]) == ("ada@example.com", "Éda", "McB")
    quiet(world)


def test_a_new_person_becomes_a_lead_and_takes_its_id() -> None:
    """In one cycle: the Lead is made, and Marketo's own fields say which it is. Nobody is made twice."""
    world = CycleWorld()
    person = world.people.make(email="eve@example.com", firstName="Eve", lastName="C", company="Acme")
    run = world.done()
    ((lead, made),) = world.leads.records.items()
    assert (made["Email"], made["LastName"], made["Company"]) == ("eve@example.com", "C", "Acme")
    assert (world.people.records[person]["crmId"], world.people.records[person]["crmType"]) == (lead, "Lead")
    assert [(each["salesforce_id"], each["marketo_id"], each["outcome"]) for each in world.outcomes(run)] == [
        (lead, person, "created")
    ]
    quiet(world)
    world.people.edit(person, firstName="Eva")
    world.done()
    assert world.leads.records[lead]["FirstName"] == "Eva"


def test_people_of_both_sides_meet_by_address_and_are_linked() -> None:
    """Whom both systems know already is nobody new: Salesforce is right, what she has not is Marketo's."""
    world = CycleWorld()
    person = world.people.make(email="eve@example.com", firstName="Eve", lastName="C", title="CEO")
    lead = world.leads.make(Email="EVE@example.com", FirstName="Eva", Company="Acme")
    world.done()
    assert (len(world.people.records), len(world.leads.records)) == (1, 1)
    kept, record = world.people.records[person], world.leads.records[lead]
    assert (kept["crmId"], kept["firstName"], record["LastName"], record["Title"]) == (lead, "Eva", "C", "CEO")
    quiet(world)


@pytest.mark.cap("M015")
def test_another_address_in_salesforce_makes_no_second_person() -> None:
    """People are found, and made, by the field that holds the Salesforce id."""
    world = CycleWorld()
    lead, person = linked(world)
    world.leads.edit(lead, Email="countess@example.com")
    world.done()
    assert [(each["id"], each["email"]) for each in world.people.records.values()] == [(person, "countess@example.com")]
    other = world.leads.make(Email="ada@example.com", LastName="Other", Company="Acme")
    world.done()
    assert {each["crmId"]: each["email"] for each in world.people.records.values()} == {
        lead: "countess@example.com",
        other: "ada@example.com",
    }


def test_a_new_lead_is_looked_for_by_its_address_and_made_by_its_id() -> None:
    """Marketo itself leaves alone who has the id, so that nobody looks for it before."""
    world = CycleWorld()
    for each in ("ada@example.com", "eve@example.com"):
        world.leads.make(Email=each, LastName="B", Company="Acme")
    world.done()
    assert len(world.people.records) == 2
    asked = {what: world.system.calls.get(("leads", what), 0) for what in ("lookup", "find", "create", "update")}
    assert asked == {"lookup": 1, "find": 0, "create": 1, "update": 0}


@pytest.mark.parametrize("minutes", [5, 15])
def test_who_came_by_another_way_while_a_run_waited_is_not_made_a_second_time(
    minutes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten minutes after the run began, people who are to be made are looked for by their addresses once more, in one
    call: who is there by now is met by the next run. Nobody is met who belongs to another record."""
    world = CycleWorld()
    for each in ("ada@example.com", "eve@example.com"):
        world.leads.make(Email=each, LastName="B", Company="Acme")
    drive = world.drive_sync

    def waited(sync: str, slot: str) -> None:
        if sync.endswith(PEOPLE_CREATED):
            world.later(minutes=minutes)
            if minutes > 10:
                world.people.make(email="ADA@example.com", lastName="Form")
                world.people.make(email="eve@example.com", lastName="Form", crmId=canonical("00Q5g0000000999"))
        drive(sync, slot)

    monkeypatch.setattr(world, "drive_sync", waited)
    run = world.done()
    assert world.system.calls.get(("leads", "find"), 0) == (minutes > 10)
    assert [each["reason"] for each in world.outcomes(run)].count("drifted") == (minutes > 10)
    monkeypatch.undo()
    world.done()
    addresses = sorted(str(each["email"]).lower() for each in world.people.records.values())
    assert addresses == ["ada@example.com", "eve@example.com", *(["eve@example.com"] if minutes > 10 else [])]
    assert {*world.leads.records} <= {each["crmId"] for each in world.people.records.values()}
    quiet(world)


@pytest.mark.cap("M015")
def test_a_person_of_another_address_who_has_the_id_is_met_as_another_is_to_be_made() -> None:
    """Of whom nothing is remembered the address tells who it is; where it tells nobody, the id does, a run later."""
    world = CycleWorld()
    lead, person = linked(world)
    world.links.links.clear()
    world.leads.edit(lead, Email="countess@example.com", FirstName="Ida")
    run = world.done()
    assert [(each["salesforce_id"], each["reason"]) for each in world.outcomes(run)] == [(lead, "drifted")]
    world.done()
    ((only, kept),) = world.people.records.items()
    assert (only, kept["email"], kept["firstName"], kept["crmId"]) == (person, "countess@example.com", "Ida", lead)
    assert world.links.links[lead].marketo_id == person
    quiet(world)


def test_who_names_a_record_comes_along_where_nobody_is_made() -> None:
    """Whatever the address: where no person would be made of the Lead, Marketo would not say that there is one."""
    world = CycleWorld(a_cycle(create_in_marketo="never"))
    lead = world.leads.make(Email="ada@example.com", FirstName="Ada", LastName="B", Company="Acme")
    person = world.people.make(email="other@example.com", crmId=lead, crmType="Lead", firstName="Ada")
    world.done()
    world.done(minutes=30)
    world.links.links.clear()
    world.leads.edit(lead, Email="countess@example.com", FirstName="Ida")
    world.done()
    kept = world.people.records[person]
    assert (kept["firstName"], kept["email"]) == ("Ida", "countess@example.com")
    assert len(world.people.records) == 1
    quiet(world)


@pytest.mark.cap("M017")
def test_leads_and_contacts_have_fields_of_their_own() -> None:
    """A title goes both ways with Leads, and only to Marketo with Contacts; the first name only with Leads."""
    world = CycleWorld()
    lead = world.leads.make(Email="l@example.com", FirstName="L", LastName="One", Company="Acme", Title="CEO")
    contact = world.contacts.make(Email="c@example.com", FirstName="C", LastName="Two", Title="CFO")
    world.done()
    people = {each["crmId"]: each for each in world.people.records.values()}
    assert (people[lead].get("firstName"), people[contact].get("firstName")) == ("L", None)
    for each in people.values():
        world.people.edit(each["id"], title="COO", lastName="Both")
    world.done()
    assert (world.leads.records[lead]["Title"], world.contacts.records[contact]["Title"]) == ("COO", "CFO")
    assert (world.leads.records[lead]["LastName"], world.contacts.records[contact]["LastName"]) == ("Both", "Both")


def test_a_person_whose_type_says_contact_is_met_and_made_as_one() -> None:
    """The type field decides which kind of record a person is; without it a new one is a Lead."""
    world = CycleWorld()
    lead = world.leads.make(Email="both@example.com", LastName="B", Company="Acme")
    world.contacts.make(Email="both@example.com", LastName="B")
    both = world.people.make(email="both@example.com", lastName="B", crmType="lead")
    new = world.people.make(email="new@example.com", lastName="N", crmType="Contact")
    plain = world.people.make(email="plain@example.com", lastName="P", company="Acme")
    world.done()
    made = {each["Email"]: each["Id"] for each in (*world.contacts.records.values(), *world.leads.records.values())}
    links = {name: world.people.records[name]["crmId"] for name in (both, new, plain)}
    assert links == {both: lead, new: made["new@example.com"], plain: made["plain@example.com"]}
    assert [each["Email"] for each in world.contacts.records.values()] == ["both@example.com", "new@example.com"]
    assert [world.people.records[name]["crmType"] for name in (both, new, plain)] == ["Lead", "Contact", "Lead"]
    quiet(world)


@pytest.mark.cap("M018")
@pytest.mark.parametrize(
    ("said", "kind", "record_type"),
    [
        pytest.param("Contact", "Contact", None, id="the object"),
        pytest.param(PARTNER, "Contact", PARTNER, id="the id of a record type"),
        pytest.param(RESELLER[:15], "Lead", RESELLER, id="a short one of the other object"),
        pytest.param("Reseller", "Lead", RESELLER, id="its developer name"),
        pytest.param("Nobody", "Lead", None, id="no type that there is"),
    ],
)
def test_a_field_of_marketo_decides_the_object_and_the_record_type(
    said: str, kind: str, record_type: str | None
) -> None:
    """A value that names an object or a record type routes a new person there; one who names a type keeps saying so."""
    world = CycleWorld()
    world.contacts.described = replace(world.contacts.described, record_types={"Partner": PARTNER})
    world.leads.described = replace(world.leads.described, record_types={"Reseller": RESELLER})
    person = world.people.make(email="new@example.com", lastName="N", company="Acme", crmType=said)
    world.done()
    tables = {"Contact": world.contacts.records, "Lead": world.leads.records}
    ((_, made),) = tables[kind].items()
    assert [len(records) for records in tables.values()].count(0) == 1
    assert (made["Email"], made.get("RecordTypeId")) == ("new@example.com", record_type)
    kept = world.people.records[person]
    assert (kept["crmId"], kept["crmType"]) == (made["Id"], said if record_type else kind)
    quiet(world)
    world.people.edit(person, lastName="M")
    world.done()
    assert (tables[kind][made["Id"]]["LastName"], world.people.records[person]["crmType"]) == ("M", kept["crmType"])


@pytest.mark.cap("M002")
def test_what_is_not_mapped_is_not_written() -> None:
    """Neither a field that no pair names, nor one that goes the other way only, nor a pair that is switched off."""
    fields = [{**each, "enabled": each["marketo"] != "title"} for each in LEAD_FIELDS]
    world = CycleWorld(a_cycle(leads={"fields": fields}))
    lead, person = linked(world)
    writes = world.written()
    world.leads.edit(lead, Rating="Hot", Title="CEO", Score__c=99)
    world.people.edit(person, middleName="X", title="CFO")
    world.done()
    assert world.written() == writes
    assert {"Rating", "title", "Score__c"}.isdisjoint(world.people.records[person].keys() - {"title"})


@pytest.mark.pain("P49")
def test_edits_of_one_person_in_both_systems_pass_each_other() -> None:
    """Other fields of one person are edited on either side before a run, and once more while that run is at work: no
    record is locked for a direction, each field goes its own way, and what was written comes back to nobody."""
    world = CycleWorld()
    lead, person = linked(world)
    world.leads.edit(lead, FirstName="Ida", Score__c=99)
    world.people.edit(person, lastName="C", leadScore=5)
    world.later(minutes=30)
    edits = [lambda: world.people.edit(person, company="Birch"), lambda: world.leads.edit(lead, Phone="2")]
    world.system.on_read = lambda _: edits.pop()() if edits else None
    world.done()
    record, held = world.leads.records[lead], world.people.records[person]
    assert (record["FirstName"], record["LastName"], record["Score__c"]) == ("Ida", "C", 5)
    assert (held["firstName"], held["lastName"], held["leadScore"]) == ("Ida", "C", 5)
    world.done(minutes=30)
    assert edits == []
    assert (record["Company"], record["Phone"]) == (held["company"], held["phone"]) == ("Birch", "2")
    quiet(world)


@pytest.mark.cap("M121", "M122")
def test_several_edits_are_one_write_of_the_fields_that_changed() -> None:
    """Three edits in one cycle are one write to Marketo, which holds the last values and no other field."""
    world = CycleWorld()
    lead, person = linked(world)
    world.people.written.clear()
    for name in ("Ida", "Eda", "Oda"):
        world.leads.edit(lead, FirstName=name)
        world.later(seconds=30)
    world.done()
    assert world.people.written == [(person, {"firstName": "Oda"})]


@pytest.mark.cap("M123")
def test_a_new_record_is_sent_whole() -> None:
    """Where nothing is known of the other side all mapped fields go."""
    world = CycleWorld()
    values = {"Email": "n@example.com", "FirstName": "N", "LastName": "O", "Company": "Acme", "Phone": "1"}
    world.leads.make(**values, Status="Open", Title="CEO", HasOptedOutOfEmail=True)
    world.done()
    ((_, made),) = world.people.records.items()
    names = {"email", "firstName", "lastName", "company", "phone", "leadStatus", "title", "unsubscribed"}
    assert names <= {name for name, value in made.items() if value}


def test_who_is_made_takes_the_defaults_of_blank_fields() -> None:
    """A pair's default, or what a rule makes of a blank, stands in the new record on either side, and comes back to
    nobody; two who know each other already give each other none."""
    given: dict[str, dict[str, object]] = {
        "Title": {"blank": "default", "default": "Unknown", "conflict": "salesforce"},
        "Phone": {"blank": "keep", "to_salesforce": [{"type": "default", "value": "0"}]},
    }
    fields = [{**each, **given.get(str(each["salesforce"]), {})} for each in LEAD_FIELDS]
    world = CycleWorld(a_cycle(leads={"fields": fields}))
    lead = world.leads.make(Email="n@example.com", LastName="N", Company="Acme", Phone="1")
    person = world.people.make(email="m@example.com", lastName="M", company="Acme", title="CEO")
    met = {"email": "b@example.com", "lastName": "B", "company": "Acme"}
    world.people.make(**met)
    both = world.leads.make(Email="b@example.com", LastName="B", Company="Acme")
    world.done()
    people = {each["email"]: each for each in world.people.records.values()}
    leads = {each["Email"]: each for each in world.leads.records.values()}
    assert (people["n@example.com"]["title"], people["n@example.com"]["phone"]) == ("Unknown", "1")
    assert (leads["m@example.com"]["Title"], leads["m@example.com"]["Phone"]) == ("CEO", "0")
    assert (people["b@example.com"].get("title"), leads["b@example.com"].get("Title")) == (None, None)
    quiet(world)
    assert [world.leads.records[lead].get("Title"), world.people.records[person].get("phone")] == [None, None]
    # an emptied field still gives it
    world.leads.edit(both, Title="CFO")
    world.done(minutes=30)
    world.leads.edit(both, Title="")
    world.done(minutes=30)
    assert people["b@example.com"]["title"] == "Unknown"


CONFLICTS = [
    pytest.param("FirstName", "firstName", "sf", id="salesforce by default", marks=pytest.mark.cap("U01")),
    pytest.param("Title", "title", "mk", id="marketo", marks=pytest.mark.cap("U02")),
    pytest.param("Company", "company", "mk", id="the newer, which is Marketo's"),
    pytest.param("Phone", "phone", "both", id="never"),
]


@pytest.mark.pain("P33")
@pytest.mark.parametrize(("salesforce", "marketo", "right"), CONFLICTS)
def test_edits_of_both_sides_are_decided_by_the_policy(salesforce: str, marketo: str, right: str) -> None:
    """Both sides edit one field between two looks."""
    world = CycleWorld()
    lead, person = linked(world)
    world.leads.edit(lead, **{salesforce: "sf"})
    world.later(seconds=30)
    world.people.edit(person, **{marketo: "mk"})
    run = world.done()
    held = (world.leads.records[lead][salesforce], world.people.records[person][marketo])
    assert held == {"sf": ("sf", "sf"), "mk": ("mk", "mk"), "both": ("sf", "mk")}[right]
    (told,) = world.outcomes(run)
    assert told["reason"] == ("conflict_left" if right == "both" else "decided")
    quiet(world)


@pytest.mark.cap("U39")
def test_a_score_is_written_to_salesforce_as_a_number() -> None:
    """And never back."""
    world = CycleWorld()
    lead, person = linked(world)
    world.people.edit(person, leadScore=42)
    world.done()
    assert world.leads.records[lead]["Score__c"] == 42
    world.leads.edit(lead, Score__c=1)
    world.done()
    assert world.people.records[person]["leadScore"] == 42


@pytest.mark.cap("U32")
def test_a_status_that_salesforce_refuses_fails_that_record_alone() -> None:
    """A picklist goes to Marketo as text; a value that it does not have fails its own record, with the reason."""
    world = CycleWorld()
    lead, person = linked(world)
    world.leads.edit(lead, Status="Working")
    other = world.leads.make(Email="o@example.com", LastName="Other", Company="Acme")
    world.done()
    assert world.people.records[person]["leadStatus"] == "Working"
    world.done(minutes=30)
    world.leads.refused["Nonsense"] = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    second = next(each for each in world.people.records.values() if each["crmId"] == other)
    world.people.edit(person, leadStatus="Nonsense")
    world.people.edit(second["id"], leadStatus="Open")
    run = world.done()
    assert (world.leads.records[lead]["Status"], world.leads.records[other]["Status"]) == ("Working", "Open")
    failed = [each for each in world.outcomes(run) if each["outcome"] == "failed"]
    assert [(each["salesforce_id"], each["reason"]) for each in failed] == [
        (lead, "salesforce_INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
    ]


def test_a_record_that_failed_is_tried_again_later_and_then_told_with_its_reason() -> None:
    """Its pause grows; once the cause is gone it goes over, though nobody edited it again."""
    world = CycleWorld()
    lead, person = linked(world)
    world.leads.refused["Nonsense"] = "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST"
    world.people.edit(person, leadStatus="Nonsense")
    world.done()
    # so long that Marketo's log does not show the edit any more
    pauses = []
    for _ in range(4):
        (due,) = world.due.records.values()
        assert due.not_before is not None
        assert (due.object, due.id) == ("Lead", lead)
        pauses.append(due.not_before - due.noted_at)
        run = world.done(minutes=max(20.0, pauses[-1].total_seconds() / 60 + 1))
        assert [each["reason"] for each in world.outcomes(run)] == [due.reason]
    assert pauses == sorted(pauses)
    assert pauses[-1] > pauses[0]
    world.leads.refused.clear()
    world.done(minutes=200)
    assert world.leads.records[lead]["Status"] == "Nonsense"
    assert world.due.records == {}
    quiet(world)


def test_an_edit_behind_the_read_is_not_overwritten_unread() -> None:
    """Only the changed side is read; whether the other one is as it was is seen when it is written."""
    world = CycleWorld()
    lead, person = linked(world)
    world.leads.edit(lead, Title="from Salesforce", FirstName="Ida")
    world.later(minutes=5)

    def edit_late(read: str) -> None:
        if read == "leads":
            world.system.on_read = lambda _: None
            world.people.edit(person, title="from Marketo, who is right")

    world.system.on_read = edit_late
    run = world.done()
    assert [each["reason"] for each in world.outcomes(run)] == ["drifted"]
    world.done()
    held = (world.leads.records[lead], world.people.records[person])
    assert (held[0]["Title"], held[1]["title"]) == ("from Marketo, who is right",) * 2
    assert held[1]["firstName"] == "Ida"
    quiet(world)


@pytest.mark.parametrize("lost", [False, True], ids=["Salesforce refused", "the answer was lost, and answered"])
def test_two_who_met_are_remembered_once_the_person_has_the_key(*, lost: bool) -> None:
    """Whatever else of their first meeting failed: who deletes the person does not get another one."""
    world = CycleWorld()
    person = world.people.make(email="eve@example.com", lastName="Byron", title="CEO")
    lead = world.leads.make(Email="eve@example.com", LastName="King", Company="Acme")
    if lost:
        # what an automation makes of the write is found where the look after the lost answer expects the write
        world.people.automation = lambda record: {"lastName": str(record["lastName"]).lower()}
        world.system.errors["leads", "update"] = [(UncertainWriteError("lost", vendor="marketo"), True)]
    else:
        world.leads.refused["CEO"] = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    run = world.done()
    why = "drifted" if lost else "salesforce_FIELD_CUSTOM_VALIDATION_EXCEPTION"
    assert [each["reason"] for each in world.outcomes(run)] == [why]
    assert run.changed == {}, "nothing was in step that could be damaged"
    (link,) = world.links.of([lead]).values()
    assert (link.marketo_id, link.memory) == (person, {})
    world.people.delete(person)
    for minutes in (5, 30, 60):
        run = world.done(minutes)
    assert (world.people.records, len(world.leads.records)) == ({}, 1)
    assert world.links.links[lead].parted == "person_deleted"


@pytest.mark.parametrize("changed", ["lead", "person"])
def test_a_new_lead_whose_person_did_not_take_its_id_is_known_whatever_the_addresses_are(changed: str) -> None:
    """The next run gives the id to the person of whom the Lead was made; neither of them is made a second time."""
    world = CycleWorld()
    person = world.people.make(email="eve@example.com", lastName="Byron", company="Acme")
    lead = canonical("00Q5g0000000001")
    world.people.refused[lead] = "1003"
    [row] = world.outcomes(world.done())
    assert (row["salesforce_id"], row["marketo_id"], row["outcome"]) == (lead, person, "failed")
    assert world.people.records[person].get("crmId") is None
    world.people.refused.clear()
    if changed == "lead":
        world.leads.edit(lead, Email="other@example.com")
    else:
        world.people.edit(person, email="other@example.com")
    world.done(30)
    ((number, kept),) = world.people.records.items()
    assert (number, kept["crmId"], [*world.leads.records]) == (person, lead, [lead])
    quiet(world)


def test_two_who_never_agreed_meet_again_and_are_no_damage() -> None:
    """Of a pair that is only known nothing is remembered: all its fields meet, and none of them counts as changed."""
    world = CycleWorld()
    world.people.make(email="eve@example.com", lastName="Byron", title="CEO")
    lead = world.leads.make(Email="eve@example.com", LastName="King", Company="Acme")
    world.leads.refused["CEO"] = "FIELD_CUSTOM_VALIDATION_EXCEPTION"
    world.done()
    world.leads.refused.clear()
    run = world.done(30)
    assert (world.leads.records[lead]["Title"], run.changed) == ("CEO", {})
    assert world.links.links[lead].memory
    quiet(world)


def test_a_person_who_changed_before_taking_the_key_is_not_taken_for_met() -> None:
    """The write of the key was left out as drifted, so nothing is known of the two but what they hold."""
    world = CycleWorld()
    person = world.people.make(email="eve@example.com", lastName="Byron")
    lead = world.leads.make(Email="eve@example.com", LastName="King", Company="Acme")

    def edit_late(step: str) -> None:
        if step == "table.find":  # the look before the write
            world.steps.on_step = nothing
            world.people.edit(person, lastName="Noel")

    world.steps.on_step = edit_late
    run = world.done()
    assert [each["reason"] for each in world.outcomes(run)] == ["drifted"]
    assert world.links.links == {}
    world.done()
    assert world.people.records[person]["crmId"] == lead
    quiet(world)


def test_an_automation_that_rewrites_ends() -> None:
    """What the other side makes of a write is taken over; two that go on rewriting are left to themselves."""
    world = CycleWorld()
    lead, person = linked(world)
    world.leads.automation = lambda record: {"LastName": str(record["LastName"]).upper()}
    world.people.edit(person, lastName="Byron")
    world.done()
    world.done()
    assert (world.leads.records[lead]["LastName"], world.people.records[person]["lastName"]) == ("BYRON", "BYRON")
    quiet(world)
    world.people.automation = lambda record: {"lastName": str(record["lastName"]).lower()}
    world.leads.edit(lead, LastName="Noel")
    for _ in range(5):
        world.done()
    quiet(world)


@pytest.mark.parametrize("email", [None, "", "no address"])
def test_a_person_without_a_key_becomes_no_lead_and_is_told(email: str | None) -> None:
    """Nothing would tell a second Lead from the first."""
    world = CycleWorld()
    person = world.people.make(email=email, lastName="Nobody", company="Acme")
    run = world.done()
    assert world.leads.records == {}
    assert [(each["marketo_id"], each["outcome"], each["reason"]) for each in world.outcomes(run)] == [
        (person, "skipped", "no_key")
    ]


def test_a_person_without_address_becomes_a_lead_by_its_number() -> None:
    """Where Leads have a field for it; the second look finds the Lead though the person did not take its id."""
    world = CycleWorld(a_cycle(marketo_id_field="Marketo_Id__c"))
    person = world.people.make(lastName="Nobody", company="Acme")
    world.people.refused["Lead"] = "1003"
    world.done()
    assert world.people.records[person].get("crmId") is None
    world.people.refused.clear()
    world.done(minutes=30)
    world.done(minutes=30)
    ((lead, made),) = world.leads.records.items()
    assert made["Marketo_Id__c"] == person
    assert [each.get("crmId") for each in world.people.records.values()] == [lead]
    quiet(world)


def test_nothing_is_made_where_nothing_is_to_be_made() -> None:
    """Each record that is left out says so."""
    world = CycleWorld(a_cycle(create_in_salesforce="never", create_in_marketo="never"))
    world.people.make(email="p@example.com")
    world.leads.make(Email="l@example.com")
    run = world.done()
    assert (len(world.people.records), len(world.leads.records)) == (1, 1)
    assert sorted(each["reason"] for each in world.outcomes(run)) == ["not_made_in_marketo", "not_made_in_salesforce"]
    assert all(each["message"] for each in world.outcomes(run))


def test_only_those_are_made_that_the_conditions_want() -> None:
    """Marketing qualified people become Leads, the others stay."""
    wanted = {"match": "all", "clauses": [{"column": "leadScore", "operator": "greater_than", "value": 49}]}
    world = CycleWorld(a_cycle(create_in_salesforce={"conditions": wanted}))
    world.people.make(email="cold@example.com", lastName="C", leadScore=10)
    hot = world.people.make(email="hot@example.com", lastName="H", leadScore=50)
    world.done()
    assert [each["Email"] for each in world.leads.records.values()] == ["hot@example.com"]
    assert world.people.records[hot]["crmId"]


def test_a_hidden_field_is_left_out_and_comes_back() -> None:
    """The others go on; shown again it is compared on both sides at the next edit."""
    world = CycleWorld()
    lead, person = linked(world)
    shown = world.leads.described
    fields = {name: each for name, each in shown.fields.items() if name != "Title"}
    world.leads.described = replace(shown, fields=fields)
    world.leads.edit(lead, FirstName="Ida", Title="hidden")
    world.done()
    assert (world.people.records[person]["firstName"], world.people.records[person].get("title")) == ("Ida", None)
    world.leads.described = shown
    world.leads.edit(lead, FirstName="Oda")
    world.done()
    assert (world.people.records[person]["firstName"], world.people.records[person]["title"]) == ("Oda", "hidden")
    quiet(world)


def test_a_hidden_link_parks_persons() -> None:
    """Without the field of the Salesforce id nobody is known, so nobody is made; later the same is read again."""
    world = CycleWorld()
    lead, person = linked(world)
    shown = world.people.described
    fields = {name: each for name, each in shown.fields.items() if name != "crmId"}
    world.people.described = replace(shown, fields=fields)
    world.leads.edit(lead, FirstName="Ida")
    run = world.cycle()
    assert run.step is CycleStep.FAILED
    assert "crmId" in run.parked["persons"]
    assert len(world.people.records) == 1
    world.people.described = shown
    world.done()
    assert world.people.records[person]["firstName"] == "Ida"


def test_somebody_who_emptied_the_link_gets_it_back() -> None:
    """By the address, of the record that is remembered as theirs."""
    world = CycleWorld()
    lead, person = linked(world)
    world.people.edit(person, crmId=None)
    world.done()
    assert world.people.records[person]["crmId"] == lead
    assert (len(world.people.records), len(world.leads.records)) == (1, 1)
    quiet(world)


def test_somebody_who_emptied_the_link_and_has_another_address_gets_it_back() -> None:
    """By the record that is remembered as theirs, which takes the edits: no second one is made."""
    world = CycleWorld()
    lead, person = linked(world)
    world.people.edit(person, crmId=None, email="other@example.com")
    world.done()
    assert world.people.records[person]["crmId"] == lead
    assert (len(world.people.records), [*world.leads.records]) == (1, [lead])
    assert world.leads.records[lead]["Email"] == "other@example.com"
    quiet(world)


@pytest.mark.parametrize("parts", [1, 3, 7])
def test_many_people_are_decided_a_partition_at_a_time(parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """New, linked and met by address, on either side: the same comes of them however they are partitioned."""
    monkeypatch.setattr(decide_people, "partitions_for", lambda rows, size: parts if rows else 1)
    world = CycleWorld()
    for number in range(12):
        name = {"LastName": f"L{number}", "Company": "Acme"}
        if number % 3:
            world.leads.make(Email=f"p{number}@example.com", **name)
        if number % 3 < 2:
            world.people.make(email=f"P{number}@example.com", lastName=f"L{number}", company="Acme")
    world.done()
    assert len(world.leads.records) == len(world.people.records) == 12
    for number, person in enumerate(list(world.people.records)):
        world.people.edit(person, firstName=f"F{number}")
    for lead in world.leads.records:
        world.leads.edit(lead, Title="T")
    world.done()
    leads = {each["Email"].casefold(): each for each in world.leads.records.values()}
    for each in world.people.records.values():
        met = leads[each["email"].casefold()]
        held = (met["FirstName"], met["Title"], met["Id"])
        assert held == (each["firstName"], each["title"], each["crmId"])
        assert each["title"] == "T"
    quiet(world)


def test_an_unchanged_record_costs_no_call() -> None:
    """What was written by us is read once more, and nobody is looked up for it; deletions are asked for in each run."""
    world = CycleWorld()
    linked(world)
    calls = dict(world.system.calls)
    world.done(minutes=30)
    spent = {key: count - calls.get(key, 0) for key, count in world.system.calls.items()}
    assert {what for (_, what), count in spent.items() if count} == {"page", "news"}
    assert world.due.records == {}


def test_a_death_at_any_point_loses_and_doubles_nothing() -> None:
    """Whatever step of a cycle dies, at whichever I/O: it goes on, both sides agree, nobody is there twice.

    The deaths of what reads and writes are those of every Sync.
    """
    begin = CycleWorld()
    lead, person = linked(begin)
    begin.leads.edit(lead, FirstName="Ida")
    begin.people.edit(person, lastName="Byron")
    # one who failed before, and a new one on each side
    begin.due.add([DueRecord(side=Side.SALESFORCE, object="Lead", id=lead, noted_at=begin.clock.now())])
    begin.leads.make(Email="new@example.com", LastName="N", Company="Acme")
    begin.people.make(email="eve@example.com", lastName="C", company="Acme")
    begin.steps.taken.clear()
    living = begin.copy()
    living.done()
    points = [at + 1 for begun, ended in living.own_steps for at in range(begun, ended)]
    assert len(points) > 60
    for at in points:
        world = begin.copy()
        world.steps.arm(at)
        world.done()
        assert world.deaths == 1
        world.done(minutes=6)
        leads = {each["Email"]: (each["LastName"], each["Id"]) for each in world.leads.records.values()}
        people = {each["email"]: (each["lastName"], each["crmId"]) for each in world.people.records.values()}
        assert leads == people, at
        assert len(leads) == len(world.leads.records) == len(world.people.records) == 3
        assert world.due.records == {}
        assert len(world.links.links) == 3


@pytest.mark.parametrize("was_done", [False, True])
@pytest.mark.parametrize(("object_name", "what"), [("Lead", "create"), ("leads", "create"), ("Lead", "update")])
def test_an_answer_that_is_lost_doubles_nothing(object_name: str, what: str, was_done: bool) -> None:
    """A write whose answer never came is looked for before it is made again."""
    world = CycleWorld()
    lead, person = linked(world)
    world.people.edit(person, firstName="Ida")
    world.leads.make(Email="new@example.com", LastName="N", Company="Acme")
    world.people.make(email="eve@example.com", lastName="C", company="Acme")
    error = (
        UncertainWriteError("lost", vendor="salesforce") if was_done else TransientError("away", vendor="salesforce")
    )
    world.system.errors[object_name, what] = [(error, was_done)]
    run = world.done()
    assert sorted(each["outcome"] for each in world.outcomes(run)) == ["created", "created", "updated"]
    for _ in range(2):
        world.done()
    assert world.leads.records[lead]["FirstName"] == "Ida"
    assert len(world.leads.records) == len(world.people.records) == 3
    assert {each["crmId"] for each in world.people.records.values()} == set(world.leads.records)
    quiet(world)


@pytest.mark.cap("U54")
def test_a_run_tells_how_long_edits_took_to_each_side() -> None:
    """From the edit to the remembered write, each direction for itself, as members and as metrics."""
    world = CycleWorld()
    lead, person = linked(world)
    world.meter.gauges.clear()
    world.leads.edit(lead, FirstName="Ida")
    world.clock.advance(100)
    world.people.edit(person, lastName="C")
    run = world.done(minutes=5)
    told = latency_members(run.latencies)
    for direction, seconds in {"to_marketo": 400, "to_salesforce": 300}.items():
        assert told[direction]["writes"] == 1
        assert seconds <= told[direction]["p50_seconds"] == told[direction]["p95_seconds"] <= 1.1 * seconds + 1
    assert world.meter.gauges == {
        "CycleToMarketoP50Seconds": told["to_marketo"]["p50_seconds"],
        "CycleToMarketoP95Seconds": told["to_marketo"]["p95_seconds"],
        "CycleToSalesforceP50Seconds": told["to_salesforce"]["p50_seconds"],
        "CycleToSalesforceP95Seconds": told["to_salesforce"]["p95_seconds"],
    }
    assert world.done().latencies == {}


def test_a_bootstrap_tells_no_latency() -> None:
    """What it reads is as old as it is."""
    world = CycleWorld()
    world.leads.make(Email="ada@example.com", LastName="B", Company="Acme")
    world.clock.advance(300)
    now, standing = world.clock.now(), world.cycles.standing(CYCLE)
    taken = world.cycles.take(CYCLE, "20261201T080000Z", standing, now)
    assert taken is not None
    first = CycleRun(cycle=CYCLE, slot="20261201T080000Z", version=1, epoch=taken.epoch, started_at=now, bootstrap=True)
    world.cycles.begin(first)
    run = world.drive(first.slot)
    assert len(world.people.records) == 1
    assert run.latencies == {}


def emptied(world: CycleWorld, count: int) -> CycleRun:
    """So many people are in step; then an accident empties a whole column of Leads, and a run begins."""
    leads = [world.leads.make(Email=f"p{each}@example.com", LastName="P", Phone="1") for each in range(count)]
    first = world.done()
    assert (first.changed, len(world.people.records)) == ({}, count)
    world.done(minutes=30)
    for lead in leads:
        world.leads.edit(lead, Phone=None)
    return world.cycle(30)


def test_a_column_that_was_emptied_in_salesforce_empties_nothing_before_somebody_says_so() -> None:
    """The run tells the numbers and waits; confirmed it goes on. Its first run, which wrote more, was no damage."""
    world = CycleWorld()
    run = emptied(world, 101)
    assert (run.step, run.waiting) == (CycleStep.DECIDE, Waiting.GUARD)
    assert (
        "persons changes: the run would empty 101 values (the limit is 1 % of 101 records) "
        "and change 101 records (the limit is 25 % of 101 records) by people-updated; nothing of that is written yet"
    ) in run.message
    assert {each["phone"] for each in world.people.records.values()} == {"1"}
    # whoever looks again, nothing happens without a yes
    world.later(minutes=5)
    assert world.drive(run.slot).waiting is Waiting.GUARD
    assert {each["phone"] for each in world.people.records.values()} == {"1"}

    assert world.confirm(run.slot).step is CycleStep.DONE
    assert {each["phone"] for each in world.people.records.values()} == {None}
    quiet(world, 1)


def test_limits_of_a_document_are_those_of_its_guard() -> None:
    """One that allows nothing parks a single emptied value; an ordinary edit goes through."""
    guard = a_cycle().guard.model_copy(update={"blanked_percent": 0})
    world = CycleWorld(a_cycle().model_copy(update={"guard": guard}))
    run = emptied(world, 1)
    assert "empty 1 values (the limit is 0 % of 1 records)" in run.message
    world.confirm(run.slot)
    (lead,) = world.leads.records
    world.leads.edit(lead, FirstName="Ida")
    world.done(minutes=30)
    assert [each["firstName"] for each in world.people.records.values()] == ["Ida"]
