"""Chunks of flow steps in hostile schedules: each is called back once, with a row for each of its people."""

from collections import Counter

from tests.fault.simulation.handover import POINTS, Handover

SEEDS = 240


def test_each_chunk_is_called_back_once_with_a_row_for_each_person() -> None:
    """Workers and senders die around every step, messages come twice, rings are lost, Marketo does not answer: it takes
    one callback for each chunk, whose rows tell each person's end; whatever was sent again was sent as before."""
    seen: Counter[str] = Counter()
    for seed in range(SEEDS):
        world = Handover(seed)
        world.run()
        wrong = list(world.violations())
        assert not wrong, f"seed {seed}: {wrong}"
        seen.update(world.seen())
    # the schedules are worth something only if all of this happened
    missing = [point for point in POINTS if not seen[f"crash at {point}"]]
    assert missing == []
    for what in ("repeated callbacks", "callback: no answer", "callback: busy", "message redelivered", "ring lost"):
        assert seen[what] >= 5, what
