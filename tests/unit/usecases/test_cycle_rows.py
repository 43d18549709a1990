"""What became of the records of whole cycles: rows of a run, one record over runs, and what is due."""

import csv
import io
from datetime import timedelta

import pytest

from leadbridge.cycle_ports import DueRecord, Link
from leadbridge.domain.cycle_words import due_said, link_said
from leadbridge.domain.fates import Parted
from leadbridge.domain.three_way import Side
from leadbridge.errors import ConfigurationError
from leadbridge.usecases import cycle_rows
from leadbridge.usecases.cycle_rows import FATES, CycleRow, CycleRows
from leadbridge.usecases.cycle_rows_told import row_lines, row_sentence, story_lines, story_members
from tests.builders.whole_cycles import CYCLE, CycleWorld, a_cycle


def rows_of(world: CycleWorld) -> CycleRows:
    """The use-case on a world's ports."""
    return CycleRows(
        documents=world.documents,
        runs=world.cycles,
        syncs=world.runs,
        objects=world.objects,
        links=lambda _: world.links,
        due=lambda _: world.due,
    )


def a_lead(world: CycleWorld, **values: str) -> tuple[str, str]:
    """A Lead and the person that a first cycle makes of it."""
    lead = world.leads.make(
        **{"Email": "ada@example.com", "FirstName": "Ada", "LastName": "B", "Company": "Acme", **values}
    )
    world.done()
    world.done(minutes=30)
    return lead, world.links.links[lead].marketo_id


def test_each_record_of_a_run_says_what_became_of_it_and_why() -> None:
    """Made, left out by a condition: ids of both systems, outcome, reason and sentence; filtered and counted."""
    world = CycleWorld(a_cycle(create_in_salesforce="never"))
    lead = world.leads.make(Email="ada@example.com", FirstName="Ada", LastName="B", Company="Acme")
    alone = world.people.make(email="eve@example.com", firstName="Eve", lastName="C")
    run = world.done()
    rows = rows_of(world)
    person = world.links.links[lead].marketo_id

    told = {row.outcome: row for row in rows.rows(CYCLE, run.slot)}

    made, left = told["created"], told["skipped"]
    assert (made.kind, made.object, made.salesforce_id, made.marketo_id) == ("persons", "Lead", lead, person)
    assert (left.salesforce_id, left.marketo_id, left.reason) == ("", alone, "not_made_in_salesforce")
    assert left.message == "Not made in Salesforce: `create_in_salesforce` leaves the person out."
    assert list(rows.rows(CYCLE, run.slot, "skipped")) == [left]
    assert list(rows.rows(CYCLE, run.slot, kind="companies")) == []
    # a first run compares the links of both systems, which is told of it as a whole
    assert rows.counts(CYCLE, run.slot).counts == {
        "persons": {"created": 1, "skipped": 1},
        "fates": {"compared": 1},
    }
    (compared,) = rows.rows(CYCLE, run.slot, kind=FATES)
    assert compared.message.startswith("0 links, 0 gone or moved; calls: ")
    with pytest.raises(ConfigurationError, match="has no run never"):
        rows.page(CYCLE, "never")


def test_fields_that_were_left_are_named_each_with_its_reason() -> None:
    """Both sides edited two fields of different policies; the row says of each which one it was."""
    world = CycleWorld()
    lead, person = a_lead(world, Phone="1", Title="Dr")
    world.leads.edit(lead, Phone="2", Title="Prof", FirstName="Ida")
    world.people.edit(person, phone="3", title="Count")
    run = world.done(minutes=30)

    (row,) = rows_of(world).rows(CYCLE, run.slot)

    assert (row.outcome, row.reason) == ("updated", "conflict_left")
    assert row.fields == {"phone=Phone": "conflict_left", "title=Title": "decided"}
    assert row_sentence(row) == (
        f"persons: Marketo {person}, Lead {lead}: updated, conflict_left. Both systems changed phone=Phone; the policy "
        "leaves both as they are. (phone=Phone: conflict_left; title=Title: decided)"
    )


def test_a_person_is_found_by_either_systems_id_in_the_newest_runs() -> None:
    """Newest first, with the link; runs that did nothing about it are not listed; other people's rows neither."""
    world = CycleWorld()
    lead, person = a_lead(world)
    first = world.cycles.runs(CYCLE, 10)[-1].slot
    other = world.leads.make(Email="eve@example.com", FirstName="Eve", LastName="C", Company="Acme")
    world.done()
    world.leads.edit(lead, FirstName="Ida")
    last = world.done(minutes=30).slot
    rows = rows_of(world)

    story = rows.record(CYCLE, person)

    assert story == rows_of(world).record(CYCLE, person)
    found = [(each.slot, row.outcome) for each in story.runs for row in each.rows]
    assert (found[0], found[-1]) == ((last, "updated"), (first, "created"))
    assert {row.salesforce_id for each in story.runs for row in each.rows} == {lead}
    assert [(link.salesforce_id, link.marketo_id) for link in story.links] == [(lead, person)]
    by_record = rows.record(CYCLE, lead[:15])
    assert (by_record.id, by_record.runs, by_record.links) == (lead, story.runs, story.links)
    assert rows.record(CYCLE, other).runs != story.runs
    assert f"Linked: {lead} in Salesforce and {person} in Marketo." in list(story_lines(CYCLE, story, str))
    assert story_members(story)["links"][0]["parted"] is None
    with pytest.raises(ConfigurationError, match="Marketo's id of a person"):
        rows.record(CYCLE, "ada@example.com")
    nobody = list(story_lines(CYCLE, rows.record(CYCLE, "999"), str))
    assert nobody == ["999 is not linked.", f"In the newest {story.looked} runs nothing was done about it."]


def test_a_record_that_failed_says_when_it_is_tried_again_and_why() -> None:
    """The row has the vendor's words, the record is due with the number of tries, and the story has both."""
    world = CycleWorld()
    lead, person = a_lead(world)
    noted = DueRecord(
        side=Side.SALESFORCE,
        object="Lead",
        id=lead,
        reason="STRING_TOO_LONG",
        noted_at=world.clock.now(),
        not_before=world.clock.now() + timedelta(minutes=10),
        tries=1,
    )
    world.due.add([noted])
    world.due.add([DueRecord(side=Side.SALESFORCE, object="Account", id="001000000000001AAA", noted_at=noted.noted_at)])

    for asked in (lead, person):
        (due,) = rows_of(world).record(CYCLE, asked).due
        assert due.record == noted
        assert due.message.startswith("Its write was refused with STRING_TOO_LONG;")
        assert due.message.endswith("Tried 1 time again since.")
    assert len(rows_of(world).due(CYCLE)) == 2
    assert due_said("", 0) == "It changed, or somebody asked for it; the next run looks at it."
    assert due_said("drifted", 2).endswith("Tried 2 times again since.")


def test_a_converted_lead_leads_on_to_its_contact() -> None:
    """The link of the Lead says where it lives on; the conversion is a row of its own with a sentence."""
    world = CycleWorld()
    lead, person = a_lead(world)
    contact = world.contacts.make(Email="ada@example.com", LastName="B")
    world.leads.edit(lead, IsConverted=True, ConvertedContactId=contact)
    run = world.done(minutes=30)
    rows = rows_of(world)

    story = rows.record(CYCLE, lead)

    assert [(link.salesforce_id, link.moved_to) for link in story.links] == [(lead, contact), (contact, "")]
    assert link_said(story.links[0]) == (
        f"Moved: {lead}, which was linked to {person} in Marketo, lives on in {contact}: it was merged, or converted."
    )
    (fate,) = rows.rows(CYCLE, run.slot, kind=FATES)
    assert (fate.object, fate.salesforce_id, fate.marketo_id) == ("Contact", contact, person)
    assert (fate.reason, fate.outcome) == ("converted", "updated")
    assert fate in [row for each in story.runs for row in each.rows]


def test_companies_numbers_are_not_taken_for_peoples() -> None:
    """An Account's company with the number of a person: the person's story has nothing of it."""
    world = CycleWorld()
    lead, person = a_lead(world)
    account = "001000000000001AAA"
    world.links.keep([Link(salesforce_id=account, marketo_id=person)])
    rows = rows_of(world)
    assert [link.salesforce_id for link in rows.record(CYCLE, person).links] == [lead]
    story = rows.record(CYCLE, account)
    assert [link.salesforce_id for link in story.links] == [account]
    assert story.runs == []


def test_pages_go_on_where_the_last_one_ended_and_reads_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """One file a page gives each row once; one file in all says that not everything was read."""
    world = CycleWorld()
    lead, _ = a_lead(world)
    run = world.cycles.runs(CYCLE, 10)[-1]
    rows = rows_of(world)
    everything = list(rows.rows(CYCLE, run.slot))
    assert rows.record(CYCLE, lead).whole
    assert rows.counts(CYCLE, run.slot).whole

    monkeypatch.setattr(cycle_rows, "MOST_PIECES", 1)
    monkeypatch.setattr(cycle_rows, "MOST_FILES", 1)
    page = rows.page(CYCLE, run.slot)
    paged, places = [*page.rows], [page.following]
    while page.following:
        page = rows.page(CYCLE, run.slot, begin=page.following)
        paged += page.rows
        places.append(page.following)
    assert paged == everything
    assert places[:2] == [1, 2]
    assert not rows.counts(CYCLE, run.slot).whole
    story = rows.record(CYCLE, lead)
    assert (story.looked, story.whole) == (1, False)
    assert any("not all files were read" in line for line in story_lines(CYCLE, story, str))


def test_a_file_for_a_spreadsheet_holds_no_formula() -> None:
    """What a vendor says may begin like one."""
    row = CycleRow(
        kind="persons", object="Lead", marketo_id="1", salesforce_id="", outcome="failed", reason="x", message="=1+1"
    )
    header, line = csv.reader(io.StringIO("".join(row_lines([row]))))
    assert header == ["kind", "object", "marketo_id", "salesforce_id", "outcome", "reason", "message", "fields"]
    assert line == ["persons", "Lead", "1", "", "failed", "x", "'=1+1", ""]


@pytest.mark.parametrize("parted", list(Parted))
def test_each_reason_to_stay_alone_has_its_sentence(parted: Parted) -> None:
    """Beside who is linked."""
    said = link_said(Link(salesforce_id="00Q000000000001EAA", marketo_id="1", parted=parted))
    assert said.startswith("Linked: ")
    assert said.count(". ") >= 1
