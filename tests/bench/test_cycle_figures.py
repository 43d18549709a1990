"""The figure of a CRM cycle's first run at a small size: counts and equality, never a time."""

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.bench import cycle_bootstrap
from tests.bench.sync_calls import twins

SEED = 7


@pytest.mark.parametrize(("made", "hours"), [(500, 0), (501, 18), (1000, 18), (1001, 42), (1501, 65)])
def test_what_the_megabytes_of_a_day_want_is_whole_days_of_the_central_time_zone(made: int, hours: int) -> None:
    """From seven in the morning of the day before the clocks go forward, which makes the third day an hour shorter."""
    began = datetime(2026, 3, 6, 12, tzinfo=UTC)
    seconds = cycle_bootstrap.least(made, 500, began) - cycle_bootstrap.STATUS_SECONDS
    assert seconds == hours * 3600


def test_a_first_run_leaves_what_the_input_says_and_what_differs_is_told(tmp_path: Path) -> None:
    """Two hundred people who did a thousand things: every record is right, and each that is altered then is found."""
    with twins(SEED) as pair, ExitStack() as done:
        given = cycle_bootstrap.Input(200, SEED)
        world = cycle_bootstrap.Bootstrapping(pair, given, 1.0, tmp_path)
        done.callback(world.close)
        cycle_bootstrap.first_run(world)
        assert world.wrong() == {"Leads": 0, "people": 0, "Tasks": 0}

        for name, fields in (("Lead", {"Title": "X"}), ("Task", {"Subject": "Y"})):
            [record, *_] = world.salesforce.get(f"records/{name}")
            world.salesforce.post("set", {"object": name, "ids": [record["Id"]], "fields": fields})
        assert world.wrong() == {"Leads": 1, "people": 0, "Tasks": 1}
