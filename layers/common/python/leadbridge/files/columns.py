"""Rows by the names of their columns: places are looked up once, in the header."""

from collections import Counter
from collections.abc import Callable, Sequence
from operator import itemgetter

from leadbridge.files.errors import SchemaDriftError


def picker(header: Sequence[str], wanted: Sequence[str]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """What takes the wanted columns out of a row, in the order wanted; other columns do not matter.

    Raises:
        SchemaDriftError: A wanted column is missing, or is there more than once; all of them are named.
    """
    times = Counter(header)
    missing = [name for name in wanted if not times[name]]
    repeated = [name for name in wanted if times[name] > 1]
    if missing or repeated:
        raise SchemaDriftError(missing=missing, repeated=repeated)
    places = [header.index(name) for name in wanted]
    if len(places) > 1:
        return itemgetter(*places)
    # itemgetter gives a lone value bare, and takes no empty list
    return lambda row: tuple(row[place] for place in places)


def unexpected(header: Sequence[str], known: Sequence[str]) -> tuple[str, ...]:
    """The columns of a header that nobody asked for, in their order."""
    names = frozenset(known)
    return tuple(name for name in header if name not in names)
