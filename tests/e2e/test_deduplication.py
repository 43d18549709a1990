"""Suppressing what came a moment ago. The clock is the session's and is only ever advanced."""

from datetime import timedelta

import pytest

from tests.e2e.lab import Lab, Record, since


@pytest.mark.cap("A13", "A71")
def test_the_same_identifier_within_the_window_is_a_readable_duplicate(lab: Lab) -> None:
    """The second call for one address is recorded as a duplicate with a sentence that names the first, counts as no
    failure, and Salesforce hears nothing of it."""
    person = lab.person()
    [first] = lab.run("once", person.body())
    mark = lab.salesforce.mark()

    [second] = lab.run("once", person.body(lastName="Changed"))

    assert first["outcome"] == "created"
    assert (second["outcome"], second["reason"]) == ("duplicate", "duplicate_window")
    assert second["message"].startswith("Duplicate: the same email arrived within 300 seconds")
    assert first["execution_id"] in second["message"]
    assert lab.salesforce.calls_since(mark, person.email) == []
    assert lab.writes_since(mark, str(first["salesforce_id"])) == []
    [lead] = lab.leads(person.email)
    assert lead["LastName"] == person.fields["lastName"]
    assert lab.json("show", second["execution_id"])["counts"]["failed"] == 0
    assert [each["value"] for each in lab.results(person)] == ["Well done"]


@pytest.mark.cap("A14")
def test_the_window_ends_after_five_minutes(lab: Lab) -> None:
    """At 4:59 after the first call a burst over several receiving processes is suppressed; at 5:01 one of a burst is
    processed, the rest of it suppressed by that one."""
    person = lab.person()
    [first] = lab.run("once", person.body())
    arrived = since(first["received_at"])

    def burst_at(seconds: float) -> list[Record]:
        lab.advance_to(arrived + timedelta(seconds=seconds))
        executions = lab.ended(lab.send_at_once("once", [person.body()] * 6))
        ages = [(since(each["received_at"]) - arrived).total_seconds() for each in executions]
        print(f"calls {min(ages):.3f} s to {max(ages):.3f} s after the first")
        return [each | {"age": age} for each, age in zip(executions, ages, strict=True)]

    early = [each for each in burst_at(298.5) if each["age"] < 300]
    late = burst_at(301)

    assert early, "the machine was too slow to send anything before the window ended"
    assert {each["reason"] for each in early} == {"duplicate_window"}
    assert min(each["age"] for each in late) > 300
    assert sorted(each["outcome"] for each in late) == ["duplicate"] * 5 + ["updated"]


@pytest.mark.pain("P09")
@pytest.mark.cap("A15")
def test_a_combination_of_fields_tells_campaigns_apart(lab: Lab) -> None:
    """With address and campaign as fields, the other campaign's call is processed and the same campaign's is not."""
    person = lab.person()
    webinar, fair = {"id": "2001", "name": "Webinar"}, {"id": "2002", "name": "Fair"}

    executions = lab.run(
        "once-per-campaign",
        person.body(campaign=webinar),
        person.body(campaign=fair),
        person.body(campaign=webinar),
    )

    assert [each["outcome"] for each in executions] == ["created", "updated", "duplicate"]
