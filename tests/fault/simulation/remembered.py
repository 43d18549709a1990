"""What is made of an Action's document or of a key is made once for all schedules, not anew in each process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from leadbridge.domain import connecting, hashing, pipeline


def remembered[R](make: Callable[..., R]) -> Callable[..., R]:
    """A pure function of documents and descriptions that is asked once for the same ones; they must not change."""
    known: dict[tuple[object, ...], tuple[object, R]] = {}

    def made(document: object, version: int, *described: object, **named: Any) -> R:
        parts = [part for each in named.values() for part in (each.items() if isinstance(each, dict) else [("", each)])]
        key = (id(document), version, *map(id, described), *((name, id(part)) for name, part in parts))
        if key not in known:
            # what is known by its id must stay where it is
            known[key] = ((document, described, parts), make(document, version, *described, **named))
        return known[key][1]

    return made


#: functions by the module in which they are looked up, as they are and as they remember
_ONCE: tuple[tuple[object, str, object, object], ...] = (
    (pipeline, "compile_action", pipeline.compile_action, remembered(pipeline.compile_action)),
    (connecting, "compile_connector", connecting.compile_connector, remembered(connecting.compile_connector)),
    (hashing, "_digest", hashing._digest, lru_cache(maxsize=100_000)(hashing._digest)),
)


@contextmanager
def compiled_once() -> Iterator[None]:
    """Remember while the context is open: of documents that other tests make nothing would come back."""
    for module, name, _, once in _ONCE:
        setattr(module, name, once)
    try:
        yield
    finally:
        for module, name, plain, _ in _ONCE:
            setattr(module, name, plain)
