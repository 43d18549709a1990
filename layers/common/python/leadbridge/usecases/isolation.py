"""Find the records that spoil a call for all others, with few calls.

A vendor may refuse 300 records because of one of them. Halving finds it: each round one half is taken and the
other is halved again, so one culprit costs about two calls per round and the others are written. When nothing at
all is taken, no record is the cause, and the search ends early.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from leadbridge.domain.records import RowResult
from leadbridge.errors import SyncError

#: refusals after which the search ends if nothing was taken: the whole, its halves, its quarters
FRUITLESS_LIMIT = 7
#: refusals after which no piece is halved any more
REFUSALS_LIMIT = 40


@dataclass(slots=True)
class Isolated[T]:
    """What became of the items of one search; each item stands in exactly one of the lists."""

    #: the vendor answered; the answer may refuse the single record
    answered: list[tuple[T, RowResult]] = field(default_factory=list)
    #: refused while alone in its call, while the vendor took others
    culprits: list[tuple[T, SyncError]] = field(default_factory=list)
    #: not answered for another reason, or not worth searching further
    refused: list[tuple[Sequence[T], SyncError]] = field(default_factory=list)


def isolate[T](
    pieces: Sequence[Sequence[T]],
    call: Callable[[Sequence[T]], Sequence[RowResult]],
    spoiled: Callable[[Sequence[T], SyncError], bool],
) -> Isolated[T]:
    """Call piece by piece; a piece whose error says that one of its records may spoil it is halved.

    `call` answers in input order or raises; `spoiled` says whether the error of a piece may be one record's fault.
    """
    found: Isolated[T] = Isolated()
    alone: list[tuple[T, SyncError]] = []
    queue = deque(piece for piece in pieces if piece)
    refusals = 0
    while queue:
        piece = queue.popleft()
        try:
            rows = call(piece)
        except SyncError as error:
            if not spoiled(piece, error):
                found.refused.append((piece, error))
                continue
            refusals += 1
            if len(piece) == 1:
                alone.append((piece[0], error))
            elif refusals >= FRUITLESS_LIMIT and not found.answered:
                found.refused.extend((rest, error) for rest in [piece, *queue])
                break
            elif refusals >= REFUSALS_LIMIT:
                found.refused.append((piece, error))
            else:
                half = len(piece) // 2
                queue.extend((piece[:half], piece[half:]))
        else:
            found.answered.extend(zip(piece, rows, strict=True))
    if found.answered:
        found.culprits = alone
    else:  # nothing was taken, so nothing tells a bad record from a bad day
        found.refused.extend(([item], error) for item, error in alone)
    return found
