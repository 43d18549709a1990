"""One deployed stack for the whole test session: starting it takes longer than most tests."""

from collections.abc import Iterator

import httpx
import pytest

from devstack import demo
from devstack.stack import Stack, up
from tests.e2e.actions import ACTIVE, PROGRAM, SLEEPING, as_yaml
from tests.e2e.lab import PATIENCE, Lab, Twin
from tests.forked_demo import forked_commands


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The template, deployed to the emulator with IAM enforced, beside both simulators."""
    with up(by_sam=True) as running:
        yield running


@pytest.fixture(scope="session")
def lab(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The stack with the demo connections and every Action of `actions.py`, set up with the command line.

    The files it needs are the session's own, so that a `make run` beside it is not disturbed.
    """
    folder = tmp_path_factory.mktemp("lab")
    with (
        forked_commands(),
        demo.prepared(stack, lambda _: None, file=folder / "stack.json") as facts,
        httpx.Client(timeout=PATIENCE, trust_env=False, limits=httpx.Limits(max_connections=20)) as web,
    ):
        made = Lab(
            stack=stack,
            facts=facts,
            folder=folder,
            marketo=Twin(facts["marketo_url"], web),
            salesforce=Twin(facts["salesforce_url"], web),
            web=web,
        )
        [made.program] = made.marketo.load("programs", PROGRAM)
        made.cli("apply", made.file("actions.yaml", as_yaml([*SLEEPING, *ACTIVE])))
        # called before it is activated: it takes half a minute until the webhook notices, time for other tests
        for person in made.persons(2):
            answer = made.call("sleeper", person.body())
            made.asleep.append((person, {"status_code": answer.status_code, **answer.json()}))
        made.cli("activate", "sleeper", *(document["id"] for document in ACTIVE))
        yield made
