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
