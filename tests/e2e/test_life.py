"""Actions that rest and go on: trial, pause of one, of everything and of a connection, what is not processed."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.e2e.actions import SUCCESS, an_action, as_yaml
from tests.e2e.lab import Lab, Person, wait_for

PILOTS = "E2E pilots"
NOT_PROCESSED = "Left out"


def set_up(lab: Lab, identity: str, command: str, **changes: object) -> None:
    """Apply an Action of one test, and take it a step on."""
    lab.cli("apply", lab.file(f"{identity}.yaml", as_yaml([an_action(identity, **changes)])))
    lab.cli(command, identity)


@contextmanager
def resumed_at_the_end(lab: Lab, *words: str) -> Iterator[None]:
    """What a test paused does not stay so for the others."""
    try:
        yield
    finally:
        lab.cli("resume", *words)


def nothing_begins(lab: Lab, ids: list[str], reason: str) -> None:
    """The calls are in their lane, wait for the pause, and are not begun by workers that look past them."""
    wait_for("the calls are stored", lambda: all(lab.stored(one) for one in ids))
    assert {lab.stored(one)["state"] for one in ids} == {"waiting"}
    shown = {row["execution_id"]: row for row in lab.json("executions", "--reason", reason)}
    assert set(ids) <= shown.keys()
    assert {shown[one]["state"] for one in ids} == {"waiting"}


def first_names(lab: Lab, person: Person) -> list[str]:
    """What the org has of a person."""
    return [str(lead["FirstName"]) for lead in lab.leads(person.email)]


def test_calls_of_a_paused_action_are_kept_and_run_in_order_when_it_is_resumed(lab: Lab) -> None:
    """Six calls of two people are answered as accepted and reach no vendor, while other Actions run; they say why they
    wait. Resumed, each person has one Lead with the values of the last call, and every call is told once."""
    set_up(lab, "resting", "activate")
    lab.cli("pause", "resting")
    people = lab.persons(2)
    mark = lab.salesforce.mark()
    with resumed_at_the_end(lab, "resting"):
        ids = lab.send(
            "resting", *(person.body(firstName=f"Call {number}") for number in range(3) for person in people)
        )
        [other] = lab.run("upsert", lab.person().body())
        nothing_begins(lab, ids, "action_paused")
        assert other["outcome"] == "created"
        assert [lab.writes_since(mark, person.email) for person in people] == [[], []]
        assert "Kept: the Action resting is paused." in lab.cli("show", ids[0])

    ended = lab.ended(ids)

    assert [each["outcome"] for each in ended] == ["created"] * 2 + ["updated"] * 4
    assert [first_names(lab, person) for person in people] == [["Call 2"], ["Call 2"]]
    assert [len(lab.results(person)) for person in people] == [3, 3]


def test_everything_is_paused_and_goes_on_by_one_command_each(lab: Lab) -> None:
    """Calls of two Actions are kept with the reason and nothing of them is written; afterwards each runs once, and
    every Action is in the state it was in."""
    states = {row["id"]: row["state"] for row in lab.json("actions")}
    people = lab.persons(2)
    mark = lab.salesforce.mark()
    lab.cli("pause", "--all")
    with resumed_at_the_end(lab, "--all"):
        ids = [*lab.send("upsert", people[0].body()), *lab.send("create", people[1].body())]
        nothing_begins(lab, ids, "all_paused")
        assert [lab.writes_since(mark, person.email) for person in people] == [[], []]

    assert [each["outcome"] for each in lab.ended(ids)] == ["created", "created"]
    assert [len(lab.leads(person.email)) for person in people] == [1, 1]
    assert {row["id"]: row["state"] for row in lab.json("actions")} == states


def test_a_trial_runs_for_its_people_only_and_tells_the_others_so(lab: Lab) -> None:
    """A named lead and a member of the static list are written for real; a third person is skipped as trial, reaches
    no vendor but the log of results, and runs once the Action is active."""
    named, member, other = lab.persons(3)
    [list_id] = lab.marketo.load("staticLists", {"name": PILOTS})
    lab.marketo.load("listMembers", {"listId": list_id, "leadId": member.lead_id})
    results = an_action("tried")["results"] | {"not_processed": NOT_PROCESSED}
    set_up(lab, "tried", "trial", trial={"leads": [named.lead_id], "static_list": PILOTS}, results=results)

    ended = lab.run("tried", *(person.body() for person in (named, member, other)))

    assert [(each["outcome"], each["reason"]) for each in ended] == [
        ("created", ""),
        ("created", ""),
        ("skipped", "trial"),
    ]
    assert [len(lab.leads(person.email)) for person in (named, member, other)] == [1, 1, 0]
    assert [[each["value"] for each in lab.results(person)] for person in (named, member, other)] == [
        [SUCCESS],
        [SUCCESS],
        [NOT_PROCESSED],
    ]
    assert lab.cli("activate", "tried") == "tried is active. Webhooks notice within 30 seconds.\n"
    [after] = lab.run("tried", other.body())
    assert after["outcome"] == "created"
