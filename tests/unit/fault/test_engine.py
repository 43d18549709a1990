"""What the engine of the simulation tells the checker of processes that sleep."""

from datetime import timedelta
from random import Random

from tests.fault.simulation.engine import Blow, Engine


def test_whatever_a_thread_stores_after_a_sleep_is_in_doubt_though_another_thread_wakes_first() -> None:
    """A worker sleeps, renews its lease on waking, and only then stores its intent: that is in doubt."""
    engine = Engine(Random(1), tracing=False)
    engine.aimed["inbox.save"] = (1, Blow("stall", 120.0))
    stored: list[str] = []
    doubted: list[str] = []
    engine.on_doubt = lambda _: doubted.extend(stored)

    def renew() -> None:
        engine.pause(1.0)  # is over while the process sleeps
        engine.step("lanes.renew")

    def work() -> None:
        engine.thread(renew)
        engine.pause(0.5)
        engine.step("inbox.save")
        stored.append("intent")
        engine.step("inbox.save.done")

    engine.start("worker", work, skew=timedelta(0), limit=600.0)
    engine.run(until=lambda: False)

    assert stored == ["intent"]
    assert doubted == ["intent"]
    engine.close()


def test_a_call_that_has_been_begun_leaves_soon_whichever_thread_is_to_be_stalled() -> None:
    """The lease is renewed while a write is about to leave: the long stall drawn for that moment comes after it."""
    engine = Engine(Random(1), tracing=False)
    engine.aimed["lanes.renew"] = (1, Blow("stall", 400.0))
    passed: dict[str, float] = {}

    def renew() -> None:
        engine.pause(0.005)
        engine.step("lanes.renew")

    def work() -> None:
        engine.thread(renew)
        engine.step("marketo.add_custom_activities")
        passed["left"] = engine.time
        engine.step("marketo.add_custom_activities.done")
        passed["answered"] = engine.time

    engine.start("worker", work, skew=timedelta(0), limit=600.0)
    engine.run(until=lambda: False)

    assert 0.005 < passed["left"] < 1.0
    assert passed["answered"] >= 400.0
    engine.close()
