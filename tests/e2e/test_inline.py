"""Calls that wait for their results, on the deployed stack: answers with values, and what happens without them."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from tests.e2e.lab import Lab, Person, wait_for

CREATE = "POST */composite/sobjects"
#: after which a call that held its event must be dead
HELD = timedelta(seconds=41)


def call(lab: Lab, person: Person, action: str = "inline", **members: Any) -> dict[str, Any]:
    """One call of a campaign that waits for its result; gives the answer."""
    answer = lab.web.post(
        f"{lab.stack.webhook_url}/{action}/inline",
        json=person.body(**members),
        headers={"X-Leadbridge-Key": lab.key(action)},
    )
    lab.answers.append(answer)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def write_backs(lab: Lab, mark: int, person: Person) -> list[dict[str, Any]]:
    """Calls that wrote to a person in Marketo."""
    about = lab.marketo.calls_since(mark, str(person.lead_id))
    return [each for each in about if each["path"].endswith("/leads.json") and each["method"] == "POST"]


@pytest.fixture
def calm(lab: Lab) -> Iterator[None]:
    """Takes the faults of a test away."""
    yield
    lab.salesforce.post("faults", [])


def warm(lab: Lab, action: str = "inline") -> None:
    """A process that has logged in: the first calls of a new one may be late, which is no failure."""
    wait_for("an answer with values", lambda: call(lab, lab.person(), action)["status"] == "done")


def test_the_answer_carries_what_was_written(lab: Lab) -> None:
    """Each new person has a Lead when the answer is there, and the answer has its id; the result is logged
    afterwards, and nothing is written back by API."""
    warm(lab)
    persons = lab.persons(4)
    mark = lab.marketo.mark()

    answers = [call(lab, person) for person in persons]

    for person, answer in zip(persons, answers, strict=True):
        [lead] = lab.leads(person.email)
        assert (answer["status"], answer["outcome"]) == ("done", "created"), answer
        assert answer["values"] == {"salesforceId": lead["Id"], "leadbridgeStatus": "Synced"}
    for person, execution in zip(persons, lab.ended([each["execution_id"] for each in answers]), strict=True):
        assert (execution["outcome"], execution["writeback"]["status"]) == ("created", "answered")
        assert len(lab.results(person)) == 1
        assert write_backs(lab, mark, person) == []


def test_past_the_budget_the_rest_is_written_back_by_api_once(lab: Lab, calm: None) -> None:
    """With a budget of two seconds and a create that takes four, the answer says late; the lane finds the record and
    writes its id back once."""
    warm(lab, "inline-short")
    person = lab.person()
    mark = lab.marketo.mark()
    lab.salesforce.post("faults", [{"match": CREATE, "kind": "delay", "seconds": 4.0, "nth": 1}])

    began = time.monotonic()
    answer = call(lab, person, "inline-short")
    took = time.monotonic() - began

    assert (answer["status"], answer["reason"]) == ("queued", "late")
    assert took < 4
    wait_for("the record of the create that took long", lambda: lab.leads(person.email))
    lab.advance_to(lab.marketo.now() + HELD)
    lab.swept_until("the write-back", lambda: lab.marketo_lead(person).get("salesforceId"))
    [execution] = lab.ended([answer["execution_id"]])
    assert (execution["outcome"], execution["writeback"]["status"]) == ("created", "written")
    [lead] = lab.leads(person.email)
    assert lab.marketo_lead(person)["salesforceId"] == lead["Id"]
    assert (len(write_backs(lab, mark, person)), len(lab.results(person))) == (1, 1)


def test_an_action_that_does_not_answer_inline_accepts_there_too(lab: Lab) -> None:
    """Through the same address such a call is queued and run as by the usual one."""
    person = lab.person()

    answer = call(lab, person, "upsert")

    assert answer["status"] == "accepted"
    [execution] = lab.ended([answer["execution_id"]])
    assert (execution["outcome"], execution["writeback"]["status"]) == ("created", "written")


def test_a_function_that_is_killed_loses_and_doubles_nothing(lab: Lab, calm: None) -> None:
    """The process that answers is killed while Salesforce creates the record: the caller has no answer with values,
    the lane finds the record, and writes its id back."""
    warm(lab)
    person = lab.person()
    lab.salesforce.post("faults", [{"match": CREATE, "kind": "delay", "seconds": 3.0, "nth": 1}])
    answers: list[int] = []

    def send() -> None:
        answer = lab.web.post(
            f"{lab.stack.webhook_url}/inline/inline",
            json=person.body(),
            headers={"X-Leadbridge-Key": lab.key("inline")},
        )
        answers.append(answer.status_code)

    sending = threading.Thread(target=send)
    sending.start()
    wait_for("the create", lambda: lab.salesforce.get("faults")[0]["hits"])
    pids = lab.stack.worker_pids("answer_inline")
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    sending.join()

    assert answers
    assert answers[0] >= 500
    lab.salesforce.post("faults", [])
    [lead] = wait_for("the Lead", lambda: lab.leads(person.email))
    # the event stays in the hands of its call until that must be dead
    lab.advance_to(lab.marketo.now() + HELD)
    lab.swept_until("the write-back", lambda: lab.marketo_lead(person).get("salesforceId") == lead["Id"])
    assert len(lab.leads(person.email)) == 1
    wait_for("the activity", lambda: len(lab.results(person)) == 1)
