"""The player: sends webhook calls as Marketo's campaigns would.

Up to 20 calls at a time, 30 seconds for an answer, never a second try: a call that fails is a lost event,
here as there. Calls of one person go one after the other, different persons go in parallel.
"""

import asyncio
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from devstack.persons import Group, Request

# Marketo keeps about 20 webhook connections open per instance and gives up on each after 30 s
CONCURRENCY = 20
TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What became of one call; `status` is None and `fault` a sentence where no answer came."""

    person: str
    call: int
    seconds: float
    status: int | None = None
    answer: dict[str, Any] = field(default_factory=dict)
    fault: str | None = None

    @property
    def execution_id(self) -> str:
        """Give the execution that the answer names, or an empty text."""
        return str(self.answer.get("execution_id") or "")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """How long the answers took, in milliseconds."""

    p50: float
    p99: float

    @classmethod
    def of(cls, sent: Sequence[Sent]) -> "Acknowledgement":
        """Take the nearest-rank percentiles over every call that was answered."""
        times = sorted(each.seconds * 1000 for each in sent if each.status is not None) or [math.nan]
        return cls(*(times[max(0, math.ceil(len(times) * share) - 1)] for share in (0.50, 0.99)))


def play(
    groups: Sequence[Group],
    *,
    webhook_url: str,
    key: str,
    action_id: str,
    seed: int = 0,
    concurrency: int = CONCURRENCY,
    timeout: float = TIMEOUT_SECONDS,
    on_answer: Callable[[Sent], None] = lambda _: None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> list[Sent]:
    """Send every call once and give what became of each, in the order of the answers.

    The groups are started in an order that depends on the seed only.
    """
    order = list(groups)
    random.Random(seed).shuffle(order)  # noqa: S311 - an order of play, nothing secret
    return asyncio.run(
        _play(
            order,
            url=f"{webhook_url}/{action_id}",
            key=key,
            concurrency=concurrency,
            timeout=timeout,
            on_answer=on_answer,
            transport=transport,
        )
    )


async def _play(
    groups: Sequence[Group],
    *,
    url: str,
    key: str,
    concurrency: int,
    timeout: float,
    on_answer: Callable[[Sent], None],
    transport: httpx.AsyncBaseTransport | None,
) -> list[Sent]:
    sent: list[Sent] = []
    # first come, first served: the next call of a busy person queues behind everybody else's
    turns = asyncio.Semaphore(concurrency)
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx.AsyncClient(
        timeout=timeout,
        limits=limits,
        transport=transport,
        trust_env=False,
        headers={"X-Leadbridge-Key": key},
    ) as client:

        async def call(request: Request) -> None:
            async with turns:
                each = await _send(client, url, request, timeout)
            sent.append(each)
            on_answer(each)

        async def run(group: Group) -> None:
            if group.burst:
                await asyncio.gather(*(call(request) for request in group.requests))
                return
            for request in group.requests:
                await call(request)

        await asyncio.gather(*(run(group) for group in groups))
    return sent


async def _send(client: httpx.AsyncClient, url: str, request: Request, seconds: float) -> Sent:
    headers = {} if request.content_type is None else {"Content-Type": request.content_type}
    begun = time.perf_counter()
    status, answer, fault = None, {}, None
    try:
        # the client's own timeout is per read; Marketo's is for the whole call
        async with asyncio.timeout(seconds):
            response = await client.post(url, content=request.body, headers=headers)
        status = response.status_code
        document = response.json()
        answer = document if isinstance(document, dict) else {}
        fault = None if answer else "the answer is not a JSON object"
    except (TimeoutError, httpx.TimeoutException):
        fault = f"no answer within {seconds:g} s"
    except httpx.HTTPError as error:
        fault = f"no answer: {type(error).__name__}"
    except ValueError:
        fault = "the answer is not JSON"
    return Sent(
        person=request.person,
        call=request.call,
        seconds=time.perf_counter() - begun,
        status=status,
        answer=answer,
        fault=fault,
    )
