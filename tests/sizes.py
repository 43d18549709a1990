"""How much of an exhaustive test is run: a choice that fits `make test`, or everything (`make test SIZES=all`)."""

import os
from collections.abc import Collection, Sequence

SETTING = "LEADBRIDGE_SIZES"


def chosen[T](everything: Sequence[T], labels: Sequence[str], later: Collection[str]) -> list[T]:
    """The cases to run; those whose labels stand in `later` only where every size is asked for.

    Raises:
        ValueError: `later` names a case that there is not.
    """
    if unknown := set(later) - set(labels):
        raise ValueError(f"no case is called {', '.join(sorted(unknown))}")
    if os.environ.get(SETTING) == "all":
        return list(everything)
    return [each for each, label in zip(everything, labels, strict=True) if label not in later]
