"""Keeps a cold start short: what modules make while they are imported is no garbage, and looking for it takes time.

A worker's handler imports this before everything else of ours; `over` is called once all is built.
"""

import gc

gc.disable()


def over() -> None:
    """Collect garbage from now on; what is there by the first call stays, so nobody looks through it again."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
