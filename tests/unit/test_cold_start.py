"""What keeps a cold start short: no garbage is looked for while modules are imported."""

import subprocess
import sys

SCRIPT = """
import gc
from leadbridge import cold_start
during = gc.isenabled()
made = [[] for _ in range(1000)]
cold_start.over()
frozen = gc.get_freeze_count()
gc.disable()
gc.enable()
more = [[] for _ in range(1000)]
cold_start.over()
print(during, gc.isenabled(), frozen >= 1000, gc.get_freeze_count() == frozen)
"""


def test_garbage_is_collected_from_the_first_call_on_and_not_before() -> None:
    """Off as soon as it is imported, on once all is built; what was there by then stays, later calls freeze nothing."""
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, check=True, text=True)

    assert told.stdout.split() == ["False", "True", "True", "True"]
