"""Calls that arrive twice, at once, out of order, unreadable or not at all."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.fault.rig import TOLD, Rig, wait_for


@pytest.mark.fault("FA07")
def test_a_message_that_comes_again_after_its_end_changes_nothing(rig: Rig) -> None:
    """I2: the same message put on the queue again leaves one execution, one Lead, one activity, and no vendor call."""
    person = rig.person()
    message = rig.message(person)
    rig.enqueue(json.dumps(message))
    (before,) = rig.whole(person, message["execution_id"])
    marks = rig.marketo.mark(), rig.salesforce.mark()
    rig.enqueue(json.dumps(message))
    wait_for("an empty queue", lambda: rig.queued() == 0)
    rig.sweep()
    assert rig.whole(person, message["execution_id"]) == [before]
    assert not rig.marketo.calls_since(marks[0], "POST /rest/*")
    assert not rig.salesforce.calls_since(marks[1], "* */composite/*")


@pytest.mark.fault("FA09")
def test_a_message_that_comes_again_much_later_is_no_duplicate_of_itself(rig: Rig) -> None:
    """I2: after 5 minutes, after 4 days, out of the dead-letter queue: no second write and no outcome `duplicate`."""
    person = rig.person()
    message = rig.message(person)
    rig.enqueue(json.dumps(message))
    (before,) = rig.whole(person, message["execution_id"])
    for seconds in (300, 4 * 86_400, 0):
        rig.advance(seconds)
        if seconds:
            rig.enqueue(json.dumps(message))
        else:
            rig.enqueue_from_dead_letters(json.dumps(message))
        wait_for("an empty queue", lambda: rig.queued() == 0)
        rig.sweep()
        assert rig.whole(person, message["execution_id"]) == [before]


@pytest.mark.fault("FA08")
def test_a_message_delivered_to_several_workers_at_once_runs_once(rig: Rig) -> None:
    """I2: six parallel deliveries of one message make one execution, one Lead and one activity."""
    person = rig.person()
    message = rig.message(person)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(rig.enqueue, [json.dumps(message)] * 6))
    (item,) = rig.whole(person, message["execution_id"])
    assert item["outcome"] == "created"
    wait_for("an empty queue", lambda: rig.queued() == 0)
    assert rig.whole(person, message["execution_id"]) == [item]


@pytest.mark.fault("FT07")
@pytest.mark.pain("P08")
@pytest.mark.parametrize("same_lead", [True, False], ids=["one-lead-id", "fifty-lead-ids"])
def test_fifty_parallel_calls_for_one_new_address_make_one_lead(rig: Rig, *, same_lead: bool) -> None:
    """I3: whatever the letter case and the blanks around the address: one Lead, one created, no Marketo lead added."""
    first = rig.person()
    persons = [first] * 50 if same_lead else [first, *rig.persons(49)]
    known = len(rig.marketo.records("leads"))
    plain = first.email
    spellings = [plain, plain.upper(), plain.title(), f"  {plain} ", f"{plain.upper()}\t"]
    bodies = [
        person.body(email=spellings[number % 5], title=f"Title {number}") for number, person in enumerate(persons)
    ]
    ids = rig.send_at_once(bodies)
    assert len(set(ids)) == 50
    items = rig.ended(ids)
    outcomes = Counter(item["outcome"] for item in items)
    assert outcomes["created"] == 1
    assert outcomes.keys() <= {"created", "updated", "superseded"}
    lead = rig.lead(first.email)
    told = rig.told()
    assert {each: told[each] for each in ids} == {each["execution_id"]: int(each["outcome"] in TOLD) for each in items}
    leads = rig.marketo.records("leads")
    assert len(leads) == known
    assert {each["salesforceId"] for each in leads if each["id"] in {p.lead_id for p in persons}} == {lead["Id"]}
    newest = max(items, key=lambda item: str(item["sequence"]))
    assert lead["Title"] == f"Title {ids.index(str(newest['execution_id']))}"


@pytest.mark.parametrize("first", [0, 1], ids=["by-email-first", "by-key-first"])
def test_two_actions_that_match_one_new_person_differently_make_one_lead(
    rig: Rig, actions: tuple[str, str], first: int
) -> None:
    """I3: an Action by e-mail address racing one by external key, both mapping both, end on the same record."""
    rounds = []
    for number in range(3):
        person = rig.person(externalKey=f"K-{first}-{number}-{rig.salesforce.mark()}")
        with ThreadPoolExecutor(2) as pool:
            order = (actions[first], actions[1 - first])
            answers = list(pool.map(lambda action, who=person: rig.send(who, action=action)[0], order))
        rounds.append((person, answers))
    for person, ids in rounds:
        items = rig.whole(person, *ids)
        assert sorted(item["outcome"] for item in items) == ["created", "updated"]
        assert rig.lead(person.email)["External_Key__c"] == person.fields["externalKey"]


@pytest.mark.fault("FT06")
def test_an_event_overtaken_by_a_newer_written_one_is_superseded(rig: Rig) -> None:
    """I3: a call that reaches the inbox after a newer one of its person was written leaves the newer values alone."""
    person = rig.person()
    older = rig.message(person, payload=person.body(title="Older"))
    newer = rig.message(person, payload=person.body(title="Newer"), sequence=f"9{older['sequence'][1:]}")
    rig.enqueue(json.dumps(newer))
    rig.ended([newer["execution_id"]])
    rig.enqueue(json.dumps(older))
    (first, second) = rig.whole(person, newer["execution_id"], older["execution_id"])
    assert (first["outcome"], second["outcome"], second["reason"]) == ("created", "superseded", "overtaken")
    assert rig.lead(person.email)["Title"] == "Newer"


def test_a_message_that_is_not_ours_ends_in_the_dead_letter_queue_alone(rig: Rig) -> None:
    """I1: neighbours of unreadable messages end normally, and the unreadable ones are kept for a person to look at."""
    before = rig.queued("EventsDeadLetterQueueUrl")
    persons = rig.persons(3)
    messages = [rig.message(person) for person in persons]
    foreign = ["this is not JSON", '{"v": 1}', "[]"]
    for ours, theirs in zip(messages, foreign, strict=True):
        rig.enqueue(theirs)
        rig.enqueue(json.dumps(ours))
    for person, message in zip(persons, messages, strict=True):
        (item,) = rig.whole(person, message["execution_id"])
        assert item["outcome"] == "created"
    wait_for("the dead letters", lambda: rig.queued("EventsDeadLetterQueueUrl") == before + len(foreign))
    wait_for("an empty queue", lambda: rig.queued() == 0)


@pytest.mark.fault("FA18")
def test_a_message_of_an_unknown_version_is_parked_and_its_neighbour_runs(rig: Rig) -> None:
    """I1, I8: a message from a newer version waits as parked with its reason, and nothing is written for it."""
    stranger, person = rig.persons(2)
    unknown, known = rig.message(stranger, v=99), rig.message(person)
    rig.enqueue(json.dumps(unknown))
    rig.enqueue(json.dumps(known))
    rig.whole(person, known["execution_id"])
    (item,) = rig.reached([unknown["execution_id"]], "parked")
    assert item["reason"] == "unknown_version"
    assert "99" in item["message"]
    assert not rig.leads(stranger.email)


def test_a_lane_whose_ring_was_lost_is_found_by_the_sweep(rig: Rig) -> None:
    """I1: a call that nobody was rung for waits, and the schedule's next sweep names its lane and has it run."""
    person = rig.person()
    with rig.lane_closed():
        ids = rig.send(person)
        rig.stored(ids)
    assert rig.sweep() == ["salesforce-demo"]
    (item,) = rig.whole(person, *ids)
    assert item["outcome"] == "created"
    assert rig.sweep() == []
