"""A worker dies at every single step of an import: nothing is lost, nothing is imported twice, order holds."""

from functools import partial

import pytest

from leadbridge.domain.event import Batch
from leadbridge.usecases.drain_lane import isolated
from tests.builders.imports import Imports, an_import
from tests.contract.ports.builders import an_event
from tests.fakes.steps import Crash
from tests.unit.usecases.deaths import die_at_every_step

ENDS = {"ada": "imported", "bad": "import_refused", "odd": "import_warned", "Ada": "imported"}


class Scene(Imports):
    """Three people, one of whom comes twice, are about to be imported."""

    def __init__(self, *, at_once: bool = False) -> None:
        """`at_once`: the machine has taken its first steps before whoever started it goes on."""
        super().__init__(an_import(batch={"count": 3, "seconds": 60}))
        if at_once:
            self.machine.on_start = self.work
        self.calls = {name: self.call(email=f"{name}@example.com", firstName=name) for name in ENDS}


def check(scene: Scene) -> None:
    """Each call has the one end of its row, each person stands in as few files as it has calls, in their order."""
    assert {name: scene.ended(each)[1] for name, each in scene.calls.items()} == ENDS
    assert scene.inbox.ends == dict.fromkeys(scene.calls.values(), 1)
    rows = [line.split(",")[0] for file in scene.files for line in file]
    assert sorted(rows) == sorted(f"{name}@example.com" for name in ENDS)
    assert rows.index("ada@example.com") < rows.index("Ada@example.com")
    assert len(scene.files) == 2


@pytest.mark.parametrize("at_once", [pytest.param(False, id="slow machine"), pytest.param(True, id="fast machine")])
def test_wherever_a_worker_dies_each_row_is_imported_once(at_once: bool) -> None:
    """At each step in turn, from the batch that is taken to the last result that is read, the worker dies; the others
    bring every call to the end of its row, and Marketo was sent each row once, in two files."""
    die_at_every_step(partial(Scene, at_once=at_once), check, least=120, most=400)


STEPS = (
    "inbox.ripen.done",
    "inbox.save.done",
    "objects.put",
    "objects.put.done",
    "machine.start",
    "machine.start.done",
    "inbox.load",
    "inbox.load.done",
    "runs.find.done",
    "objects.read.done",
    "inbox.loaded.done",
    "inbox.finish.done",
    "inbox.unload.done",
    "objects.delete",
    "objects.delete.done",
)


@pytest.mark.parametrize("step", STEPS)
def test_a_worker_that_dies_twice_at_one_step_changes_nothing(step: str) -> None:
    """Its successor dies there, too; the third goes on."""
    scene = Scene()
    for _ in range(2):
        scene.steps.die_of(step)
        try:
            scene.run_out()
        except Crash:
            scene.clock.advance(61)
    scene.steps.disarm()
    scene.run_out()

    assert {name: scene.ended(each)[1] for name, each in scene.calls.items()} == ENDS
    assert scene.inbox.ends == dict.fromkeys(scene.calls.values(), 1)
    rows = [line.split(",")[0] for file in scene.files for line in file]
    assert sorted(rows) == sorted(f"{name}@example.com" for name in ENDS)
    assert rows.index("ada@example.com") < rows.index("Ada@example.com")


@pytest.mark.parametrize(("size", "number"), [(300, 1), (301, 2), (25_000, 84)])
def test_suspects_of_a_file_are_run_in_pieces(size: int, number: int) -> None:
    """After two deaths those of a call run one by one; those of a file in 300 pieces, in their order."""
    mark = Batch(trigger="count", size=size, cut="z")
    events = [an_event(each, crashes=2, batch=mark) for each in range(1, 91)]

    assert list(isolated(events, 3)) == events[:number]
