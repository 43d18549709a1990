"""Calls that are received but not to be run."""

import pytest

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
