"""Columns of a source whose values are looked up elsewhere: what a record of one system is called in the other.

An object of one's own names its person by an id of its own system. Such a column says by its name what is read of the
row, and in which object what it stands for is found, so that whoever reads rows needs nothing else to fill it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from leadbridge.domain.three_way import Side

_LEAD = "looked up"
#: no name of either system has it
_BETWEEN, _OR = ":", "|"


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUpColumn:
    """What the field `gives` of a record holds whose field `by` holds what the row does in one of the columns `of`."""

    side: Side
    object: str
    by: str
    gives: str
    #: the first that is not blank counts
    of: tuple[str, ...]

    @property
    def name(self) -> str:
        """What the column is called."""
        return _BETWEEN.join((_LEAD, self.side.value, self.object, self.by, self.gives, _OR.join(self.of)))


def looked_up_columns(columns: Iterable[str]) -> Iterator[LookedUpColumn]:
    """Those of some columns that are looked up."""
    for name in columns:
        if name.startswith(_LEAD + _BETWEEN):
            _, side, object_name, by, gives, of = name.split(_BETWEEN)
            yield LookedUpColumn(side=Side(side), object=object_name, by=by, gives=gives, of=tuple(of.split(_OR)))


def read_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """The columns that are read of a source for these, each once."""
    every = tuple(columns)
    found = {each.name: each.of for each in looked_up_columns(every)}
    return tuple(dict.fromkeys(name for column in every for name in found.get(column, (column,))))
