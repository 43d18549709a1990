"""Chained objects with the product's clients: what reaches Salesforce, in which order, and what is told of it."""

from functools import partial
from typing import Any

import pytest

from leadbridge.domain.action import Action
from tests.builders.actions import an_action
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import CREATE, QUERY, UPDATE, Build, WiredWorld

type Members = dict[str, Any]


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes a world on the twins."""
    return partial(WiredWorld, clients, marketo, salesforce)


@pytest.fixture
def campaign(salesforce: Twin) -> str:
    """The id of the org's one campaign."""
    salesforce.post("load", {"Campaign": [{"Name": "Webinar"}]})
    (record,) = salesforce.get("records/Campaign")
    return str(record["Id"])


def a_task(**changes: Any) -> Members:
    """A follow-up about the person."""
    mappings = [{"field": "Id", "to": "WhoId"}, {"template": "Call {{firstName}}", "to": "Subject"}]
    return {"name": "follow_up", "object": "Task", "type": "create", "mappings": mappings} | changes


def a_member(campaign: str, **changes: Any) -> Members:
    """The person's membership in the campaign."""
    return {
        "name": "membership",
        "object": "CampaignMember",
        "type": "upsert",
        "match": [{"field": "Id", "to": "LeadId"}, {"static": campaign, "to": "CampaignId"}],
        "mappings": [{"static": "Responded", "to": "Status"}],
    } | changes


def chained(*links: Members, **changes: Any) -> Action:
    """An Action that upserts a Lead by e-mail, with these links."""
    return an_action(chained=list(links), **changes)


def written(world: WiredWorld) -> list[tuple[str, str]]:
    """The record writes that reached Salesforce, in order: the method and the object."""
    return [
        (known.split()[0], body["records"][0]["attributes"]["type"])
        for known, body in world.bodies
        if known in {CREATE, UPDATE}
    ]


@pytest.mark.cap("A42", "A43")
def test_the_task_of_a_new_person_is_made_after_the_lead_with_its_own_mappings_and_the_leads_id(build: Build) -> None:
    """At the wire the Lead's create is answered before the Task's is sent; the Task refers to the Lead that was made
    and carries what its own mappings say, and nothing of the Lead's."""
    world = build(chained(a_task()))

    execution = world.receive(1, firstName="Ada")
    world.run_out()

    (lead,), (task,) = world.leads(), world.salesforce_twin.get("records/Task")
    assert written(world) == [("POST", "Lead"), ("POST", "Task")]
    sent = world.sent(CREATE)[1][0]
    assert {name: value for name, value in sent.items() if name != "attributes"} == {
        "WhoId": lead["Id"],
        "Subject": "Call Ada",
    }
    assert (task["WhoId"], task["Subject"]) == (lead["Id"], "Call Ada")
    log = [each for each in world.salesforce_twin.get("log?since=0") if each["path"] == CREATE.split()[1]]
    assert [each["status"] for each in log] == [200, 200]
    assert world.ended(execution) == ("created", "")


@pytest.mark.cap("A43")
@pytest.mark.parametrize(
    ("after", "known", "tasks"),
    [("created", False, 1), ("created", True, 0), ("updated", False, 0), ("updated", True, 1), ("both", True, 1)],
)
def test_a_chained_object_follows_what_it_is_set_to(build: Build, after: str, known: bool, tasks: int) -> None:
    """After created, after updated, after both: the task comes strictly after the Lead's write, or not at all."""
    world = build(chained(a_task(after=after)))
    if known:
        lead = {"LastName": "L", "Company": "C", "Email": "person1@example.com"}
        world.salesforce_twin.post("load", {"Lead": [lead]})

    world.receive(1)
    world.run_out()

    primary = ("PATCH" if known else "POST", "Lead")
    assert written(world) == [primary, *[("POST", "Task")] * tasks]
    assert [task["WhoId"] for task in world.salesforce_twin.get("records/Task")] == [world.leads()[0]["Id"]] * tasks


@pytest.mark.cap("A44")
@pytest.mark.parametrize("how", ["failed", "skipped"])
def test_no_chained_call_is_made_where_the_record_was_not_written(build: Build, campaign: str, how: str) -> None:
    """Salesforce refuses the Lead, or a condition leaves the person out: nothing chained is asked for or written."""
    clause = {"column": "company", "operator": "equals", "value": "Nobody Ltd"}
    conditions = {"conditions": {"match": "all", "clauses": [clause]}} if how == "skipped" else {}
    world = build(chained(a_task(), a_member(campaign), **conditions))
    # a Lead must have a last name, and the twin says so
    execution = world.receive(1, lastName=None)
    world.run_out()

    assert world.ended(execution)[0] == how
    assert [one for one in written(world) if one[1] != "Lead"] == []
    # the one query is that for the Lead
    assert world.calls(QUERY) == (how == "failed")
    assert world.salesforce_twin.get("records/Task") == world.salesforce_twin.get("records/CampaignMember") == []


@pytest.mark.cap("A45")
@pytest.mark.parametrize(("policy", "members"), [("continue", 1), ("stop", 0)])
def test_two_chained_objects_run_in_order_and_the_policy_of_the_first_holds(
    build: Build, campaign: str, policy: str, members: int
) -> None:
    """In order where both are taken; where a rule of the org refuses the task, the result says so in Marketo and in
    the execution, and the membership is written or not, as the policy says."""
    world = build(chained(a_task(on_failure=policy), a_member(campaign)))
    well = world.receive(1)
    world.run_out()
    assert written(world) == [("POST", "Lead"), ("POST", "Task"), ("POST", "CampaignMember")]
    assert world.ended(well) == ("created", "")
    rule = {"object": "Task", "kind": "validation_rule", "text": "No calls on Sundays"}
    world.salesforce_twin.post("automation", [rule])

    ill = world.receive(2)
    world.run_out()

    tasks, held = (world.salesforce_twin.get(f"records/{name}") for name in ("Task", "CampaignMember"))
    assert (len(tasks), len(held), len(world.leads())) == (1, 1 + members, 2)
    assert world.ended(ill) == ("created", "chained_failed")
    links = {link["name"]: link["state"] for link in world.execution(ill)["decision"]["chained"]["links"]}
    assert links == {"follow_up": "failed", "membership": "created" if members else "stopped"}
    assert (
        "follow_up (Task): Salesforce refused the record: FIELD_CUSTOM_VALIDATION_EXCEPTION"
        in (world.execution(ill)["message"])
    )
    told = [item for item in world.marketo_twin.get("records/activities") if item["activityTypeId"] > 100_000]
    assert [item["primaryAttributeValue"] for item in told] == ["Success", "Error"]
    # the record was written, so the person has its id
    assert world.persons()[2]["salesforceId"] in {lead["Id"] for lead in world.leads()}


def test_a_second_call_updates_what_an_upsert_made_and_an_earlier_result_is_used(build: Build, campaign: str) -> None:
    """The second call finds the account by its name and the membership by its lookups; the visits name the account."""
    account = {
        "name": "company",
        "object": "Account",
        "type": "upsert",
        "match": [{"column": "company", "to": "Name"}],
        "mappings": [{"static": "Customer - Direct", "to": "Type"}],
    }
    # Salesforce takes no account beside a Lead in one task, so this one is found again by its key
    mappings = [{"field": "Id", "of": "company", "to": "WhatId"}, {"static": "Visit", "to": "Subject"}]
    visit = a_task(name="visit", idempotency_field="Leadbridge_Execution__c", mappings=mappings)
    world = build(chained(account, visit, a_member(campaign)))

    executions = []
    for _ in range(2):
        executions.append(world.receive(1))
        world.run_out()

    (made,), tasks = world.salesforce_twin.get("records/Account"), world.salesforce_twin.get("records/Task")
    assert [task["WhatId"] for task in tasks] == [made["Id"]] * 2
    assert [task["Leadbridge_Execution__c"] for task in tasks] == [f"{each}-visit" for each in executions]
    (member,) = world.salesforce_twin.get("records/CampaignMember")
    assert (member["Status"], member["LeadId"]) == ("Responded", world.leads()[0]["Id"])
    assert written(world)[4:] == [
        ("PATCH", "Lead"),
        ("PATCH", "Account"),
        ("POST", "Task"),
        ("PATCH", "CampaignMember"),
    ]


def test_a_batch_of_two_hundred_spends_two_calls_on_each_chained_object(build: Build, campaign: str) -> None:
    """One query and one write for the tasks of 200 persons, and for their memberships."""
    world = build(chained(a_task(), a_member(campaign)))
    for number in range(1, 201):
        world.receive(number)

    world.run_out()

    assert world.outcomes() == {"created": 200}
    assert [len(world.salesforce_twin.get(f"records/{name}")) for name in ("Task", "CampaignMember")] == [200, 200]
    assert world.calls(CREATE) == 3
    # a person's id is longer in an address than a person's e-mail may be: some queries are cut
    assert world.calls(QUERY) <= 6


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "not committed"])
def test_a_lost_answer_about_a_task_makes_no_second_one(build: Build, committed: bool) -> None:
    """The answer about the Task is lost: it is looked for by the Lead, and made again only if it is not there."""
    world = build(chained(a_task()))
    lead = {"LastName": "L", "Company": "C", "Email": "person1@example.com"}
    world.salesforce_twin.post("load", {"Lead": [lead]})
    world.fault(CREATE, "drop_answer" if committed else "close", times=1)

    execution = world.receive(1)
    world.run_out()

    assert len(world.salesforce_twin.get("records/Task")) == 1
    assert world.ended(execution) == ("updated", "")
    assert len(world.told()) == 1


@pytest.mark.parametrize(
    ("policy", "partners", "ended"),
    [("block", 1, "chained_failed"), ("allow", 2, ""), ("use_match", 1, "")],
)
def test_the_orgs_duplicate_rule_is_as_the_chained_object_says(
    build: Build, policy: str, partners: int, ended: str
) -> None:
    """A second Lead is chained, for an address that a third has: refused, made all the same, or that one is updated."""
    mappings = [{"column": "title", "to": "Email"}, {"column": "firstName", "to": "LastName"}]
    mappings += [{"column": "company", "to": "Company"}]
    partner = {"name": "partner", "object": "Lead", "type": "create", "duplicate_rules": policy, "mappings": mappings}
    world = build(chained(partner | {"idempotency_field": "External_Key__c"}))
    known = {"LastName": "Before", "Company": "C", "Email": "partner@example.com"}
    world.salesforce_twin.post("load", {"Lead": [known]})
    world.salesforce_twin.post("limits", {"duplicate_rule_alert": True})

    execution = world.receive(1, firstName="Augusta", title="partner@example.com", company="Engines")
    world.run_out()

    names = [each["LastName"] for each in world.leads() if each["Email"] == "partner@example.com"]
    assert (len(names), "Augusta" in names) == (partners, policy != "block")
    assert world.ended(execution) == ("created", ended)


def test_what_failed_is_brought_back_alone(build: Build, campaign: str) -> None:
    """A rule of the org refuses the membership and is taken away: a redrive sends the one create that is missing, and
    Marketo is told of the success."""
    world = build(chained(a_task(), a_member(campaign)))
    rule = {"object": "CampaignMember", "kind": "validation_rule", "text": "Not on Sundays", "times": 1}
    world.salesforce_twin.post("automation", [rule])
    execution = world.receive(1)
    world.run_out()
    assert world.ended(execution) == ("created", "chained_failed")
    before = len(written(world))

    assert world.redrive(execution).done
    world.run_out()

    assert written(world)[before:] == [("POST", "CampaignMember")]
    (member,) = world.salesforce_twin.get("records/CampaignMember")
    assert member["LeadId"] == world.leads()[0]["Id"]
    assert world.ended(execution) == ("created", "")
    told = [item for item in world.marketo_twin.get("records/activities") if item["activityTypeId"] > 100_000]
    assert [item["primaryAttributeValue"] for item in told] == ["Error", "Success"]
