"""Calls that are received but not to be run."""

import json

import pytest

from tests.e2e.actions import an_action, as_yaml
from tests.e2e.conditions import CASES, FAMILIES, LIST, action_of
from tests.e2e.lab import Lab


@pytest.mark.cap("A47", "A73")
def test_a_condition_that_is_not_met_skips_and_names_its_clause(lab: Lab) -> None:
    """A person who fails the condition causes no Salesforce call and no failure; the message names the clause. One who
    meets it is processed."""
    refused, met = lab.person(leadStatus="Disqualified"), lab.person(leadStatus="qualified ")
    mark = lab.salesforce.mark()

    skipped, processed = lab.run("qualified", refused.body(), met.body())

    assert (skipped["outcome"], skipped["reason"]) == ("skipped", "condition_not_met")
    assert skipped["message"] == "Skipped by a condition: leadStatus equals 'Qualified'."
    assert lab.salesforce.calls_since(mark, refused.email) == []
    assert lab.leads(refused.email) == []
    assert lab.results(refused) == []
    counts = lab.json("show", skipped["execution_id"])["counts"]
    assert (counts["skipped"], counts["failed"]) == (1, 0)
    assert processed["outcome"] == "created"


@pytest.mark.cap("A72")
def test_a_missing_identifier_skips_and_names_the_field(lab: Lab) -> None:
    """A payload without an address, with a blank one or with null says "missing identifier: email" and causes no
    Salesforce call; it is skipped, not failed."""
    person = lab.person()
    lab.run("upsert", lab.person().body())  # so that no describe or login is due
    mark = lab.salesforce.mark()
    null = person.body()
    null["lead"]["email"] = None

    executions = lab.run("upsert", person.body(email=None), person.body(email="  \t"), null)

    assert {(each["outcome"], each["reason"]) for each in executions} == {("skipped", "identifier_missing")}
    assert all(each["message"].lower().startswith("missing identifier: email") for each in executions)
    assert [call for call in lab.salesforce.calls_since(mark) if not call["path"].endswith("/describe")] == []
    assert lab.leads(person.email) == []


@pytest.mark.cap("A46")
def test_without_conditions_everybody_is_processed(lab: Lab) -> None:
    """Three persons, one with odd values and one with hardly any, call an Action without conditions: three Leads."""
    persons = [lab.person(), lab.person(leadStatus="Disqualified", title="  "), lab.person(firstName=None)]

    executions = lab.run("upsert", *(person.body() for person in persons))

    assert [each["outcome"] for each in executions] == ["created"] * 3
    assert [len(lab.leads(person.email)) for person in persons] == [1, 1, 1]


@pytest.mark.cap("A50", "A51", "A52")
def test_all_wants_both_and_any_wants_one(lab: Lab) -> None:
    """Of the same four persons `all` lets the one pass who meets both clauses; with the toggle flipped and saved, all
    pass but the one who meets none. The saved Action shows the toggle as it is set."""
    clauses = [
        {"column": "title", "operator": "contains", "value": "Head"},
        {"column": "country", "operator": "equals", "value": "Elbonia"},
    ]
    given = [
        {"title": "Head of Forms", "country": "Elbonia"},
        {"title": "Head of Forms", "country": "Exampleland"},
        {"title": "Clerk", "country": "elbonia"},
        {"title": "Clerk", "country": ""},
    ]
    said, shown = [], []
    for match in ("all", "any"):
        document = an_action("toggled", conditions={"match": match, "clauses": clauses})
        lab.cli("apply", lab.file("toggled.yaml", as_yaml([document])))
        lab.cli("activate", "toggled")
        shown.append(json.loads(lab.cli("view", "toggled", "--page", "4", "--json"))["pages"][0]["members"])
        bodies = [lab.person(**values).body() for values in given]
        said.append([(each["outcome"], each.get("message", "")) for each in lab.run("toggled", *bodies)])

    skipped = "Skipped by a condition: "
    first, second = "title contains 'Head'", "country equals 'Elbonia'"
    assert [outcome for outcome, _ in said[0]] == ["created", "skipped", "skipped", "skipped"]
    assert [text for _, text in said[0][1:]] == [f"{skipped}{each}." for each in (second, first, first)]
    assert [outcome for outcome, _ in said[1]] == ["created", "created", "created", "skipped"]
    assert said[1][3][1] == f"{skipped}{first} or {second}."
    assert [page["conditions"]["match"] for page in shown] == ["all", "any"]


@pytest.fixture(scope="module")
def asking(lab: Lab) -> Lab:
    """The stack with an Action for each type of columns."""
    documents = [action_of(family) for family in FAMILIES]
    lab.cli("apply", lab.file("asking.yaml", as_yaml([*documents, LIST])))
    lab.cli("activate", *(document["id"] for document in documents))
    return lab


@pytest.mark.cap("A48")
def test_every_operator_of_every_type_tells_who_passes(asking: Lab) -> None:
    """For each type of columns five persons: one who meets every question passes, so does a blank one where all is
    denied; one whose values meet none, a blank one, and one who meets no denial are skipped, every clause named."""
    # the values come with the call: Marketo itself takes no white space for a number
    sent = [
        (family, case, asking.send(action_of(family)["id"], asking.person().body(token={"case": case}, **values))[0])
        for family in FAMILIES
        for case in CASES
        for values in [FAMILIES[family].values(case)]
    ]

    ends = asking.ended([execution for _, _, execution in sent])

    found = {
        (family, case): (end["outcome"], end.get("message", ""))
        for (family, case, _), end in zip(sent, ends, strict=True)
    }
    assert found == {
        (family, case): ("skipped", FAMILIES[family].message(case))
        if case in {"fails", "blank", "denied"}
        else ("created", "")
        for family in FAMILIES
        for case in CASES
    }
