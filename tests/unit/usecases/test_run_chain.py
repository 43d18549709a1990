"""Chained objects in a run: order, references, failure policy, and what is told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import PermanentError, QuotaExhaustedError, TransientError
from tests.builders.chains import (
    CAMPAIGN,
    ChainWorld,
    a_chained_action,
    a_task,
    account,
    an_account,
    follow_up,
    membership,
)
from tests.builders.descriptions import a_field
from tests.fakes.steps import Crash
from tests.unit.usecases.deaths import recover
from tests.unit.usecases.test_flow_step_events import messages, told

LEAD, TASK, MEMBER, ACCOUNT = "00Q", "00T", "00v", "001"


def test_two_chained_objects_are_written_in_order_with_the_ids_of_those_before() -> None:
    """The record, the task with its id, the membership with both ids: in this order, each once."""
    world = ChainWorld()

    execution = world.receive(7, firstName="Ada")
    world.run_out()

    (lead,), (task,), (member,) = (world.salesforce.records(name) for name in ("Lead", "Task", "CampaignMember"))
    assert world.writes() == [f"created {LEAD}", f"created {TASK}", f"created {MEMBER}"]
    assert (task["WhoId"], task["Subject"]) == (lead["Id"], "Ada")
    assert (member["LeadId"], member["CampaignId"], member["Note__c"]) == (lead["Id"], CAMPAIGN, task["Id"])
    assert world.ended(execution) == ("created", "")
    assert world.links(execution) == {"follow_up": "created", "membership": "created"}


def test_two_hundred_persons_need_two_calls_for_each_chained_object() -> None:
    """One query and one write for each chained object of a whole batch."""
    world = ChainWorld()
    for number in range(1, 201):
        world.receive(number)

    world.run_out()

    assert world.salesforce.trouble.made("create") == 3
    assert world.salesforce.trouble.made("find") == 3
    assert len(world.salesforce.records("CampaignMember")) == 200


def test_an_upsert_updates_what_it_finds_by_all_of_its_match() -> None:
    """The membership in this campaign is updated, that in another is left alone; what cannot be changed is not sent."""
    world = ChainWorld()
    lead = world.salesforce.load("Lead", Email="person7@example.com")
    other = world.salesforce.load("CampaignMember", LeadId=lead, CampaignId="701000000000009AAA", Status="Sent")
    mine = world.salesforce.load("CampaignMember", LeadId=lead, CampaignId=CAMPAIGN, Status="Sent")

    execution = world.receive(7, firstName="Ada")
    world.run_out()

    held = {record["Id"]: record["Status"] for record in world.salesforce.records("CampaignMember")}
    assert held == {other: "Sent", mine: "Ada"}
    assert world.links(execution) == {"follow_up": "created", "membership": "updated"}
    what, record, fields = world.salesforce.journal[-1]
    assert (what, record, set(fields) & {"LeadId", "CampaignId"}) == ("updated", mine, set())


@pytest.mark.parametrize(("after", "new", "known"), [("created", 1, 0), ("updated", 0, 1), ("both", 1, 1)])
def test_a_chained_object_runs_after_what_it_is_set_to(after: str, new: int, known: int) -> None:
    """A task after a created record, an updated one, or either; the other one says that it was not run."""
    world = ChainWorld(a_chained_action(follow_up(after=after)))
    world.salesforce.load("Lead", Email="person2@example.com")
    created, updated = world.receive(1), world.receive(2)

    world.run_out()

    subjects = [world.links(execution)["follow_up"] for execution in (created, updated)]
    assert subjects == [["not_after", "created"][new], ["not_after", "created"][known]]
    assert len(world.salesforce.records("Task")) == new + known


@pytest.mark.parametrize(
    ("changes", "lead", "ended"),
    [
        ({}, {"lastName": None}, "failed"),
        ({"conditions": {"clauses": [{"column": "title", "operator": "equals", "value": "Dr"}]}}, {}, "skipped"),
        ({"type": "update"}, {}, "skipped"),
        ({}, {"email": None}, "skipped"),
    ],
)
def test_nothing_is_chained_to_what_was_not_written(changes: dict[str, Any], lead: Any, ended: str) -> None:
    """A record that failed or was skipped: no call about a chained object."""
    world = ChainWorld(a_chained_action(**changes))

    execution = world.receive(7, **lead)
    world.run_out()

    assert world.ended(execution)[0] == ended
    assert world.salesforce.records("Task") == world.salesforce.records("CampaignMember") == []
    assert world.links(execution) == {}


def test_nothing_is_chained_to_a_duplicate() -> None:
    """The second call within the window makes no second task."""
    world = ChainWorld(a_chained_action(deduplicate={"columns": ["email"]}))
    world.receive(7)
    second = world.receive(7)

    world.run_out()

    assert world.ended(second)[0] == "duplicate"
    assert len(world.salesforce.records("Task")) == 1


@pytest.mark.parametrize(("policy", "second"), [("continue", "created"), ("stop", "stopped")], ids=["continue", "stop"])
def test_a_failed_chained_object_is_told_and_its_policy_holds(policy: str, second: str) -> None:
    """The task is refused: the record counts as created, Marketo hears of an error, the membership goes by policy."""
    world = ChainWorld(a_chained_action(follow_up(on_failure=policy), membership()))
    world.salesforce.trouble.refuse_rows("create", lambda row: "WhoId" in row, "STRING_TOO_LONG", times=9)

    execution = world.receive(7)
    world.run_out()

    assert world.ended(execution) == ("created", "chained_failed")
    assert world.links(execution) == {"follow_up": "failed", "membership": second}
    assert "follow_up (Task): Salesforce refused the record: STRING_TOO_LONG" in world.execution(execution)["message"]
    (activity,) = world.marketo.logged()
    assert activity.primary_attribute_value == "Error"
    assert world.marketo.leads[7]["salesforceId"] == world.leads()[0]["Id"]
    assert len(world.salesforce.records("CampaignMember")) == (second == "created")


def test_a_value_that_is_required_and_missing_fails_the_link_alone() -> None:
    """What a failed link would have given is blank to the next one, which says that it must not be."""
    strict = [{"field": "Id", "of": "follow_up", "to": "Note__c", "blank": "fail"}]
    world = ChainWorld(a_chained_action(follow_up(), membership(mappings=strict)))
    world.salesforce.trouble.refuse_rows("create", lambda row: "WhoId" in row, "INVALID", times=9)

    execution = world.receive(7)
    world.run_out()

    assert world.links(execution) == {"follow_up": "failed", "membership": "failed"}
    assert "membership (CampaignMember): Missing value: Id is blank" in world.execution(execution)["message"]


def test_an_update_that_finds_nothing_and_a_match_without_a_value_are_skipped() -> None:
    """Neither writes anything, both say why, and the execution is as well as without them."""
    nobody = follow_up(
        name="nobody",
        type="update",
        match=[{"field": "Id", "to": "WhoId"}],
        mappings=[{"static": "x", "to": "Subject"}],
    )
    world = ChainWorld(a_chained_action(nobody, account()))

    execution = world.receive(7, company="Engines")
    nameless = world.receive(8, company=None, lastName="L")
    world.run_out()

    assert world.ended(execution) == ("created", "")
    assert world.links(execution) == {"nobody": "skipped", "account": "created"}
    assert world.ended(nameless)[0] == "failed", "a Lead needs a company"
    reasons = {link["name"]: link.get("reason") for link in world.execution(execution)["decision"]["chained"]["links"]}
    assert reasons == {"nobody": "no_match", "account": None}


def test_several_found_records_are_a_failure_that_names_them() -> None:
    """Two accounts of the company's name: none is written."""
    world = ChainWorld(a_chained_action(account()))
    ids = [world.salesforce.load("Account", Name="Engines") for _ in range(2)]

    execution = world.receive(7, company="Engines")
    world.run_out()

    assert world.links(execution) == {"account": "failed"}
    assert all(each in world.execution(execution)["message"] for each in ids)


def test_persons_of_one_company_share_one_account() -> None:
    """Twenty persons of a new company at once make one account; the newest has the last word."""
    world = ChainWorld(a_chained_action(account()))
    for number in range(1, 21):
        world.receive(number, company=" Engines " if number % 2 else "engines", firstName=f"n{number}")

    world.run_out()

    (held,) = world.salesforce.records("Account")
    assert held["Site"] == "n20"
    assert world.outcomes() == {"created": 20}
    assert not any(world.keys.held_by(execution) for execution in world.inbox.logged)


def test_fields_of_the_record_are_read_once_for_a_batch() -> None:
    """A task takes the record's Title, which the call did not set; one read for all persons."""
    mappings = [{"field": "Id", "to": "WhoId"}, {"field": "Title", "to": "Subject"}]
    world = ChainWorld(a_chained_action(follow_up(mappings=mappings)))
    for number in (1, 2):
        world.salesforce.load("Lead", Email=f"person{number}@example.com", Title=f"Dr {number}")
        world.receive(number)

    world.run_out()

    assert sorted(task["Subject"] for task in world.salesforce.records("Task")) == ["Dr 1", "Dr 2"]
    assert world.salesforce.trouble.made("find") == 3  # the persons, their titles, their tasks


def test_a_lookup_that_cannot_hold_the_record_is_left_alone() -> None:
    """An Action that finds Leads or Contacts maps the id to both lookups; each takes what it refers to."""
    both = [{"field": "Id", "to": "LeadId"}, {"field": "Id", "to": "ContactId"}]
    mappings = [*both, {"static": CAMPAIGN, "to": "CampaignId"}]
    destination = {"connection": "salesforce-demo", "object": "Lead", "match_in": ["Contact", "Lead"]}
    link = {"name": "joined", "object": "CampaignMember", "type": "create", "mappings": mappings}
    world = ChainWorld(a_chained_action(link, destination=destination))
    contact = world.salesforce.load("Contact", Email="person1@example.com")
    world.receive(1)
    world.receive(2)

    world.run_out()

    members = {(one.get("LeadId"), one.get("ContactId")) for one in world.salesforce.records("CampaignMember")}
    assert members == {(world.leads()[0]["Id"], None), (None, contact)}


@pytest.mark.parametrize("keyed", [False, True], ids=["by lookup", "by key"])
@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_answer_makes_no_second_task(keyed: bool, committed: bool) -> None:
    """The answer about the task is lost: it is looked for, and made again only if it is not there."""
    link = follow_up(**({"idempotency_field": "External__c"} if keyed else {}))
    world = ChainWorld(a_chained_action(link, membership()))
    lead = world.salesforce.load("Lead", Email="person7@example.com")
    world.salesforce.load("Task", WhoId=lead, Subject="older")
    execution = world.receive(7)
    world.salesforce.trouble.lose_answer("create", committed=committed)

    world.run_out()

    tasks = [task for task in world.salesforce.records("Task") if task["Subject"] != "older"]
    assert len(tasks) == 1
    assert (tasks[0].get("External__c") == f"{execution}-follow_up") is keyed
    assert world.links(execution) == {"follow_up": "created", "membership": "created"}
    assert world.ended(execution) == ("updated", "")


def test_a_task_that_comes_late_is_found_before_it_is_made_again() -> None:
    """A create that Salesforce executes after we gave up is found by the next look; the next call comes after it."""
    world = ChainWorld()
    world.receive(7, firstName="Older")
    world.salesforce.load("Lead", Email="person7@example.com")
    world.salesforce.trouble.lose_answer("create", late_seconds=30)
    newer = world.receive(7, firstName="Newer")

    world.run_out()

    assert [task["Subject"] for task in world.salesforce.records("Task")] == ["Older", "Newer"]
    assert world.links(newer) == {"follow_up": "created", "membership": "updated"}
    assert world.salesforce.records("CampaignMember")[0]["Status"] == "Newer"


def test_a_locked_record_and_an_outage_only_put_the_chain_off() -> None:
    """A task whose lead is locked, and a query that fails: the record is not written again, everything comes once."""
    world = ChainWorld()
    world.salesforce.trouble.refuse_rows(
        "create", lambda row: "WhoId" in row, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY
    )
    world.salesforce.trouble.fail("find", TransientError("down", vendor="salesforce", code="503"), nth=2)

    execution = world.receive(7)
    world.run_out()

    assert world.writes() == [f"created {LEAD}", f"created {TASK}", f"created {MEMBER}"]
    assert world.ended(execution) == ("created", "")


def test_what_only_a_person_can_repair_parks_the_event_and_a_redrive_goes_on_with_the_link() -> None:
    """A refused object parks the call; redriven it makes the task, without touching the record again."""
    world = ChainWorld()
    denied = PermanentError("no", vendor="salesforce", operation="create", code="INVALID_TYPE")
    world.salesforce.trouble.poison("create", lambda row: "WhoId" in row, denied)
    execution = world.receive(7)
    world.drain()
    assert world.execution(execution)["state"] == "parked"
    assert world.keys.held_by(execution) == []

    world.salesforce.trouble.heal()
    assert world.redrive(execution).done
    world.run_out()

    assert world.writes() == [f"created {LEAD}", f"created {TASK}", f"created {MEMBER}"]
    assert world.ended(execution) == ("created", "")


def test_a_newer_call_has_the_last_word_about_what_an_older_one_left_for_a_person() -> None:
    """The older call is parked before its membership; redriven after a newer one it leaves that one's values alone."""
    world = ChainWorld()
    denied = PermanentError("no", vendor="salesforce", operation="create", code="INVALID_TYPE")
    world.salesforce.trouble.poison("create", lambda row: "LeadId" in row, denied)
    older = world.receive(7, firstName="Older")
    world.drain()
    world.salesforce.trouble.heal()
    world.clock.advance(5)
    newer = world.receive(7, firstName="Newer")
    world.run_out()

    assert world.redrive(older).done
    world.run_out()

    assert world.links(older) == {"follow_up": "created", "membership": "superseded"}
    assert world.links(newer) == {"follow_up": "created", "membership": "created"}
    assert [one["Status"] for one in world.salesforce.records("CampaignMember")] == ["Newer"]
    assert world.ended(older) == ("created", "")


def test_the_marketer_can_be_told_of_each_chained_object() -> None:
    """A mapped attribute of the result names the links, what became of them, and their ids."""
    results = {
        "activity": "leadbridgeResult",
        "success": "Success",
        "errored": "Error",
        "mappings": [{"execution": "chained", "to": "message"}],
    }
    world = ChainWorld(a_chained_action(results=results))
    world.receive(7)

    world.run_out()

    task, member = (world.salesforce.records(name)[0]["Id"] for name in ("Task", "CampaignMember"))
    (activity,) = world.marketo.logged()
    assert activity.attributes["message"] == f"follow_up created {task}; membership created {member}"


def test_a_chain_that_waits_for_a_quota_keeps_its_person_waiting() -> None:
    """The task waits an hour for calls; the person's next call is not run before it, whose word is last."""
    world = ChainWorld()
    spent = QuotaExhaustedError(
        "spent", vendor="salesforce", code="REQUEST_LIMIT_EXCEEDED", resets_at=world.clock.now() + timedelta(hours=1)
    )
    world.salesforce.trouble.fail("create", spent, nth=2)
    world.receive(7, firstName="Older")
    world.drain()
    world.clock.advance(1200)
    world.receive(7, firstName="Newer")
    world.drain()
    assert world.writes() == [f"created {LEAD}"]

    world.run_out(limit=90)

    assert [task["Subject"] for task in world.salesforce.records("Task")] == ["Older", "Newer"]
    assert [one["Status"] for one in world.salesforce.records("CampaignMember")] == ["Newer"]


def test_what_was_left_in_doubt_for_a_person_is_not_taken_for_another_calls_task() -> None:
    """Two workers die over a task that never reached the vendor; by the redrive another call has made one of its own:
    whose it is cannot be told, so none is made and the doubt is told."""
    world = ChainWorld(a_chained_action(follow_up()))
    older = world.receive(7, firstName="Older")
    create = world.salesforce.create

    def kill(object_name: str, rows: Any, **options: Any) -> Any:
        if object_name == "Task":
            raise Crash("the task that kills")
        return create(object_name, rows, **options)

    world.salesforce.create = kill  # type: ignore[method-assign]  # a task that kills
    for _ in range(2):
        with pytest.raises(Crash):
            world.run_out()
        world.clock.advance(61)
    world.salesforce.create = create  # type: ignore[method-assign]  # the cause was repaired
    world.drain()
    assert world.execution(older)["reason"] == "worker_crashed"
    world.receive(7, firstName="Newer")
    world.run_out()

    assert world.redrive(older).done
    world.run_out()

    assert [task["Subject"] for task in world.salesforce.records("Task")] == ["Newer"]
    assert world.links(older) == {"follow_up": "failed"}
    assert world.ended(older) == ("created", "chained_failed")
    assert world.salesforce.records("Task")[0]["Id"] in world.execution(older)["message"]


def test_an_older_call_of_another_person_of_the_company_is_written_all_the_same() -> None:
    """Its own record is not overtaken by somebody who shares the account; the account keeps the newer values."""
    world = ChainWorld(a_chained_action(account()))
    denied = PermanentError("no", vendor="salesforce", operation="create", code="FORBIDDEN")
    world.salesforce.trouble.poison("create", lambda row: row.get("FirstName") == "Older", denied)
    older = world.receive(1, company="Engines", firstName="Older")
    world.drain()
    world.salesforce.trouble.heal()
    world.clock.advance(5)
    newer = world.receive(2, company="Engines", firstName="Newer")
    world.run_out()

    assert world.redrive(older).done
    world.run_out()

    assert (world.ended(older), world.ended(newer)) == (("created", ""), ("created", ""))
    assert world.links(older) == {"account": "superseded"}
    assert [one["Site"] for one in world.salesforce.records("Account")] == ["Newer"]


def test_an_org_that_has_changed_parks_the_call_with_the_field_that_is_missing() -> None:
    """A field of a chained object that was removed after the Action was saved is named with its object."""
    world = ChainWorld()
    task = a_task()
    fields = {name: field for name, field in task.fields.items() if name != "Subject"}
    world.salesforce.describe_as(replace(task, fields=fields))

    execution = world.receive(7)
    world.drain()

    assert world.execution(execution)["reason"] == "mapping_broken"
    assert "Task has no field Subject" in world.execution(execution)["message"]
    assert world.writes() == []


def test_somebody_elses_record_of_the_same_key_is_updated() -> None:
    """The account appears between the look and the create: the refusal makes the worker look again, and update."""
    accounts = an_account(Name=a_field("Name", length=255, unique=True))
    world = ChainWorld(a_chained_action(account()))
    world.salesforce.describe_as(accounts)
    find = world.salesforce.find

    def find_late(object_name: str, *asked: Any) -> Any:
        found = find(object_name, *asked)
        if object_name == "Account" and not found:
            world.salesforce.load("Account", Name="Engines", Site="Theirs")
        return found

    world.salesforce.find = find_late  # type: ignore[method-assign, assignment]  # somebody else is quicker
    execution = world.receive(7, company="Engines", firstName="Ours")
    world.run_out()

    assert [one["Site"] for one in world.salesforce.records("Account")] == ["Ours"]
    assert world.links(execution) == {"account": "updated"}


def test_a_flow_step_hears_of_a_failed_chained_object() -> None:
    """The callback's person is no success, and says why; the values of the record are told all the same."""
    world = ChainWorld()
    world.salesforce.trouble.refuse_rows("create", lambda row: "WhoId" in row, "INVALID", times=9)
    world.receive_chunk(*messages(1))
    world.run_out()
    world.call_back()

    assert told(world) == {1: (False, "created", "chained_failed")}
    (body,) = world.door.taken.values()
    assert body["objectData"][0]["leadData"]["salesforceId"] == world.leads()[0]["Id"]


def test_a_refused_second_attempt_leaves_the_doubt_about_the_first() -> None:
    """The first create comes late, the second is told to wait: the third attempt looks, and finds what came."""
    world = ChainWorld(a_chained_action(follow_up()))
    world.salesforce.load("Lead", Email="person7@example.com")
    world.salesforce.trouble.lose_answer("create", late_seconds=75)
    world.receive(7)
    world.drain(remaining=lambda: 152.0)
    world.clock.advance(61)
    world.salesforce.trouble.refuse_rows("create", lambda _: True, "UNABLE_TO_LOCK_ROW", resolution=Resolution.RETRY)
    world.drain(remaining=lambda: 152.0)
    world.clock.advance(30)

    world.run_out()

    assert len(world.salesforce.records("Task")) == 1


def test_what_a_chained_object_reads_of_the_person_is_read_from_marketo() -> None:
    """A call that brings the lead id alone: the column that only the task maps comes from Marketo with the others."""
    mappings = [{"field": "Id", "to": "WhoId"}, {"column": "title", "to": "Subject"}]
    world = ChainWorld(a_chained_action(follow_up(mappings=mappings)))
    person = {"email": "ada@example.com", "firstName": "Ada", "lastName": "Lovelace", "company": "Engines"}
    world.marketo.load(7, **person, title="Countess")

    world.receive_payload({"lead": {"id": 7}})
    world.run_out()

    assert [task["Subject"] for task in world.salesforce.records("Task")] == ["Countess"]
    assert world.marketo.trouble.made("leads_by_filter") == 1


@pytest.mark.parametrize(
    ("policy", "state", "tasks", "subject"),
    [
        (None, "failed", 1, "Before"),
        ("block", "failed", 1, "Before"),
        ("allow", "created", 2, "Before"),
        ("use_match", "updated", 1, "Ada"),
    ],
)
def test_what_the_orgs_duplicate_rule_finds_is_as_the_chained_object_says(
    policy: str | None, state: str, tasks: int, subject: str
) -> None:
    """The rule finds a task by its description: the new one is refused, made all the same, or that one is updated."""
    mappings = [*follow_up()["mappings"], {"column": "title", "to": "Description"}]
    world = ChainWorld(a_chained_action(follow_up(duplicate_rules=policy, mappings=mappings)))
    known = world.salesforce.load("Task", Subject="Before", Description="Dr")
    world.salesforce.duplicate_rule = "Description"

    execution = world.receive(7, firstName="Ada", title="Dr")
    world.run_out()

    held = {record["Id"]: record["Subject"] for record in world.salesforce.records("Task")}
    assert (world.links(execution)["follow_up"], len(held), held[known]) == (state, tasks, subject)
    assert world.ended(execution) == ("created", "chained_failed" if state == "failed" else "")


def test_several_records_of_a_duplicate_rule_and_those_of_other_objects_are_not_written_instead() -> None:
    """Two tasks that the org names, or a campaign member: the chained object fails, and the record says which."""
    mappings = [*follow_up()["mappings"], {"column": "title", "to": "Description"}]
    world = ChainWorld(a_chained_action(follow_up(duplicate_rules="use_match", mappings=mappings)))
    world.salesforce.duplicate_rule = "Description"
    two = [world.salesforce.load("Task", Subject="Before", Description="Dr") for _ in range(2)]
    other = world.salesforce.load("CampaignMember", Description="Prof")

    executions = [world.receive(number, title=title) for number, title in enumerate(("Dr", "Prof"), start=1)]
    world.run_out()

    said = [world.execution(each)["message"] for each in executions]
    assert all(each in said[0] for each in two)
    assert other in said[1]
    assert {record["Subject"] for record in world.salesforce.records("Task")} == {"Before"}


def test_a_record_that_is_written_instead_is_written_once_if_the_worker_dies() -> None:
    """The intent of the update is stored before its call: after a death right before it, or right after it, the known
    task holds the new subject and no other task is made."""
    mappings = [*follow_up()["mappings"], {"column": "title", "to": "Description"}]
    for point in ("salesforce.update", "salesforce.update.done"):
        world = ChainWorld(a_chained_action(follow_up(duplicate_rules="use_match", mappings=mappings)))
        world.salesforce.load("Task", Subject="Before", Description="Dr")
        world.salesforce.duplicate_rule = "Description"
        execution = world.receive(7, firstName="Ada", title="Dr")
        world.steps.die_of(point)

        with pytest.raises(Crash):
            world.run_out()
        recover(world)

        assert [record["Subject"] for record in world.salesforce.records("Task")] == ["Ada"], point
        assert world.links(execution)["follow_up"] == "updated", point


def test_the_ids_of_chained_records_are_told_where_there_are_any() -> None:
    """The task's id goes back to the person and into the result; that of a membership that failed is blank, which
    empties its field."""
    told = [{"field": "Id", "of": "follow_up", "to": "title"}, {"field": "Id", "of": "membership", "to": "phone"}]
    results = a_chained_action().results.model_dump(exclude_none=True)
    results["mappings"] += [{"field": "Id", "of": "follow_up", "to": "action"}]
    world = ChainWorld(a_chained_action(writeback=told, results=results))
    world.salesforce.trouble.refuse_rows("create", lambda row: "Status" in row, "INVALID")
    execution = world.receive(7)
    world.marketo.load(7, title="before", phone="before")

    world.run_out()

    (task,) = world.salesforce.records("Task")
    person, (logged,) = world.marketo.leads[7], world.marketo.logged(7)
    assert (person["title"], person["phone"]) == (task["Id"], None)
    assert (logged.attributes["action"], logged.attributes["executionId"]) == (task["Id"], execution)
