"""What is made of an Action's document before any event is made once for all schedules, not anew in each process."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from leadbridge.domain import connecting, pipeline


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


_COMPILERS = (
    (pipeline, "compile_action", remembered(pipeline.compile_action)),
    (connecting, "compile_connector", remembered(connecting.compile_connector)),
)


@contextmanager
def compiled_once() -> Iterator[None]:
    """Remember while the context is open: of documents that other tests make nothing would come back."""
    with ExitStack() as open_:
        for module, name, once in _COMPILERS:
            open_.enter_context(patch.object(module, name, once))
        yield
