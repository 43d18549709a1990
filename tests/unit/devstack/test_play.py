"""The player behaves like Marketo: order within a person, 20 at a time, one try, 30 seconds."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest

from devstack import persons, play
from tests.unit.devstack.runs import a_person

type Answer = Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]


def groups(*lines: dict[str, Any]) -> list[persons.Group]:
    return persons.groups(list(lines), {line["person"]: str(n) for n, line in enumerate(lines)})


def send(answer: Answer, calls: list[persons.Group], **parameters: Any) -> list[play.Sent]:
    return play.play(
        calls,
        webhook_url="http://api/local/actions",
        key="v1.secret",
        action_id="person-to-lead",
        transport=httpx.MockTransport(answer),
        **parameters,
    )


class Counting:
    """An Action's URL that lets other calls in before it answers, and notes who was inside together."""

    def __init__(self) -> None:
        self.inside: list[str] = []
        self.seen: list[str] = []
        self.peak = 0
        self.together: set[frozenset[str]] = set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        name = body["lead"]["email"]
        self.inside.append(name)
        self.seen.append(f"{name} {body['lead']['title']}")
        number = len(self.seen)
        self.peak = max(self.peak, len(self.inside))
        self.together.update(frozenset((name, other)) for other in self.inside[:-1])
        for _ in range(5):
            await asyncio.sleep(0)
        self.inside.remove(name)
        return httpx.Response(200, json={"status": "accepted", "execution_id": f"x-{number}"})


def test_calls_of_one_person_never_overlap_and_keep_their_order() -> None:
    """Several calls of several persons: those of a person one after the other, in the order of the file."""
    titles = [{"lead": {"title": str(n)}} for n in range(4)]
    action = Counting()

    sent = send(action, groups(*(a_person(f"p{n}", *titles) for n in range(30))))

    assert len(sent) == 120
    assert all(len(pair) == 2 for pair in action.together)
    assert action.peak == 20
    for n in range(30):
        mine = [each for each in action.seen if each.startswith(f"p{n}@")]
        assert mine == [f"p{n}@example.com {title}" for title in range(4)]


def test_a_burst_goes_out_at_once() -> None:
    """The calls of a burst overlap, up to the 20 connections."""
    action = Counting()

    send(action, groups(a_person("ada", *[{}] * 50, burst=True)))

    assert action.peak == 20


def test_a_call_carries_the_key_and_the_content_type() -> None:
    """The key travels in its header to the Action's URL; the content type is as the file says, or absent."""
    seen: list[httpx.Request] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"status": "accepted", "execution_id": "x"})

    send(answer, groups(a_person("ada", {}, {"content_type": None})))

    assert {str(request.url) for request in seen} == {"http://api/local/actions/person-to-lead"}
    assert {request.headers["X-Leadbridge-Key"] for request in seen} == {"v1.secret"}
    assert [request.headers.get("Content-Type") for request in seen] == [
        "application/json; charset=utf-8",
        None,
    ]


def test_what_is_not_answered_is_a_fault_and_is_not_sent_again() -> None:
    """Time-out, broken connection and an answer that is no JSON object each make one fault from one try."""
    tries: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        name = json.loads(request.content)["lead"]["email"].partition("@")[0]
        tries.append(name)
        if name == "slow":
            await asyncio.Event().wait()
        if name == "broken":
            raise httpx.ReadError("gone")
        return httpx.Response(502, text="<html>") if name == "html" else httpx.Response(200, json=[])

    calls = groups(*(a_person(name) for name in ("slow", "broken", "html", "list")))
    sent = {each.person: each for each in send(answer, calls, timeout=0.02)}

    assert sorted(tries) == ["broken", "html", "list", "slow"]
    assert {name: (each.status, each.fault) for name, each in sent.items()} == {
        "slow": (None, "no answer within 0.02 s"),
        "broken": (None, "no answer: ReadError"),
        "html": (502, "the answer is not JSON"),
        "list": (200, "the answer is not a JSON object"),
    }


def test_the_answer_is_kept_and_told() -> None:
    """Status, answer and execution id are kept, and the listener hears of each call once."""
    heard: list[play.Sent] = []

    sent = send(Counting(), groups(a_person("ada"), a_person("bo")), on_answer=heard.append)

    assert heard == sent
    assert {(each.status, each.execution_id) for each in sent} == {(200, "x-1"), (200, "x-2")}


def test_the_seed_alone_decides_the_order() -> None:
    """The same seed plays in the same order, another one in another."""

    def order(seed: int) -> list[str]:
        action = Counting()
        send(action, groups(*(a_person(f"p{n}") for n in range(20))), seed=seed, concurrency=1)
        return action.seen

    assert order(1) == order(1)
    assert order(1) != order(2)


@pytest.mark.parametrize(("times", "p50", "p99"), [([1], 1, 1), (range(1, 101), 50, 99), (range(1, 201), 100, 198)])
def test_percentiles_are_by_nearest_rank(times: Any, p50: float, p99: float) -> None:
    """Half, and 99 of 100, of the answered calls took no longer; calls without an answer do not count."""
    sent = [play.Sent(person="a", call=n, seconds=n / 1000, status=200) for n in times]

    took = play.Acknowledgement.of([*sent, play.Sent(person="a", call=0, seconds=30.0, fault="no answer")])

    assert (round(took.p50, 6), round(took.p99, 6)) == (p50, p99)
