"""The commands for callbacks that Marketo did not take, and what they print."""

import json

from click.testing import CliRunner

from leadbridge.domain.flow_step import ChunkState
from leadbridge.usecases.failed_callbacks import FailedCallbacks
from leadbridge_cli.main import main
from tests.builders.flow_steps import NOON, a_chunk
from tests.builders.world import World
from tests.integration.reasons.shown import WorldTarget


class ChunkTarget(WorldTarget):
    """A deployment in memory with its chunks."""

    def callbacks(self) -> FailedCallbacks:
        """The use-case behind `callbacks`."""
        world: World = self.__dict__["world"]
        return FailedCallbacks(chunks=world.chunks, clock=world.clock)


def said(world: World, *words: str, refused: bool = False) -> str:
    """What a command prints, or says where it is refused."""
    target = ChunkTarget(world)
    target.__dict__["world"] = world
    done = CliRunner().invoke(main, ["callbacks", *words], obj=target)
    assert done.exit_code == refused, done.output
    return done.stderr if refused else done.stdout


def test_callbacks_that_failed_are_shown_and_sent_again() -> None:
    """How many people, since when, why and what to do; by id or all together; what is sent is not shown any more."""
    world = World()
    for name in ("c1", "c2", "c3"):
        world.chunks.open(a_chunk(2, id=name))
        taken = world.chunks.take(name, NOON)
        assert taken is not None
        world.chunks.keep(taken.evolve(state=ChunkState.FAILED, reason="key_refused", attempts=1))

    lines = said(world, "list").splitlines()
    one = said(world, "send", "c1", "other").splitlines()
    rest = json.loads(said(world, "send", "--all", "--json"))

    assert lines[-1] == "Send again: leadbridge callbacks send ID..., or --all"
    assert lines[0] == (
        "c3: 2 people, since 2026-03-02 12:00:00+00:00: key_refused. "
        "Marketo refuses the key that it gave for the callback."
    )
    assert one == [
        "c1: Is sent again within a minute.",
        "other: No callback of this chunk failed, or it has been sent since.",
        "1 of 2 are sent again.",
    ]
    assert [(each["id"], each["done"]) for each in rest] == [("c3", True), ("c2", True)]
    assert (json.loads(said(world, "list", "--json")), said(world, "list")) == ([], "Marketo took every callback.\n")


def test_it_must_be_said_which() -> None:
    """Neither ids nor --all, or both, is refused."""
    for words in ([], ["c1", "--all"]):
        assert "Say which" in said(World(), "send", *words, refused=True)
