"""Two documents compared member by member, for people: what was added, removed and changed, and where.

Elements of a list are aligned first, so that one mapping in the middle is one line and not one for each that follows.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from leadbridge.domain.action import Configuration

SIGNS = {"added": "+", "removed": "-", "changed": "~"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One member that differs; `pointer` is its JSON pointer, of a removed one that in the older document."""

    change: Literal["added", "removed", "changed"]
    pointer: str
    before: Any = None
    after: Any = None

    def line(self) -> str:
        """The difference as one line."""
        values = {
            "added": _text(self.after),
            "removed": _text(self.before),
            "changed": f"{_text(self.before)} → {_text(self.after)}",
        }
        return f"{SIGNS[self.change]} {self.pointer or '/'}: {values[self.change]}"

    def as_json(self) -> dict[str, Any]:
        """The difference for scripts."""
        sides = {"before": self.before} if self.change != "added" else {}
        sides |= {"after": self.after} if self.change != "removed" else {}
        return {"change": self.change, "pointer": self.pointer, **sides}


def differences(before: Any, after: Any, pointer: str = "") -> Iterator[Difference]:
    """What differs between two JSON values, in the order of the newer one; removed members of an object come last."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_objects(before, after, pointer)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(before, after, pointer)
    elif not _equal(before, after):
        yield Difference(change="changed", pointer=pointer, before=before, after=after)


def changes(before: Configuration, after: Configuration) -> list[Difference]:
    """What differs between two documents; members at their defaults are as good as not there."""
    older, newer = (each.model_dump(mode="json", exclude_defaults=True) for each in (before, after))
    return list(differences(older, newer))


def step(pointer: str, member: object) -> str:
    """A JSON pointer one member deeper (RFC 6901)."""
    return f"{pointer}/{str(member).replace('~', '~0').replace('/', '~1')}"


def _of_objects(before: Mapping[str, Any], after: Mapping[str, Any], pointer: str) -> Iterator[Difference]:
    for name, value in after.items():
        where = step(pointer, name)
        if name in before:
            yield from differences(before[name], value, where)
        else:
            yield Difference(change="added", pointer=where, after=value)
    for name, value in before.items():
        if name not in after:
            yield Difference(change="removed", pointer=step(pointer, name), before=value)


def _of_lists(before: Sequence[Any], after: Sequence[Any], pointer: str) -> Iterator[Difference]:
    aligned = SequenceMatcher(None, [_text(each) for each in before], [_text(each) for each in after], autojunk=False)
    for tag, old, old_end, new, new_end in aligned.get_opcodes():
        if tag == "equal":
            continue
        pairs = min(old_end - old, new_end - new)
        for offset in range(pairs):
            yield from differences(before[old + offset], after[new + offset], step(pointer, new + offset))
        for index in range(old + pairs, old_end):
            yield Difference(change="removed", pointer=step(pointer, index), before=before[index])
        for index in range(new + pairs, new_end):
            yield Difference(change="added", pointer=step(pointer, index), after=after[index])


def _equal(before: Any, after: Any) -> bool:
    """Whether two values are the same in JSON; for Python `1`, `1.0` and `True` are equal."""
    return _text(before) == _text(after)


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
