"""What became of calls lately, by Action: about right, but no ledger."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta

from leadbridge.domain.alert_readings import Totals, totals
from leadbridge.domain.counted import BUCKET_MINUTES, ENDED, PARKED, REJECTED
from leadbridge.domain.outcome import Outcome
from leadbridge.ports import Clock, Tally

#: in this order they are told; what older versions counted has no outcome
KINDS = (*Outcome, ENDED, PARKED, REJECTED)


class CountOutcomes:
    """Counts calls that have ended by outcome, and those that were parked or refused."""

    def __init__(self, *, tally: Tally, clock: Clock) -> None:
        self._tally = tally
        self._clock = clock

    def __call__(self, lately: timedelta) -> Mapping[str, Mapping[str, int]]:
        """By Action and kind, of so long; kinds of which there were none are left out."""
        now = self._clock.now()
        counted = self._tally.between(now - lately - timedelta(minutes=BUCKET_MINUTES), now)
        return {action: _kinds(each) for action, each in totals(counted, now - lately, now).items()}


def _kinds(found: Totals) -> Mapping[str, int]:
    numbers: Counter[str] = Counter()
    for (what, reason), number in found.numbers.items():
        if what == ENDED:
            numbers[reason or ENDED] += number
        elif what in {PARKED, REJECTED}:
            numbers[what] += number
    return {kind: numbers[kind] for kind in KINDS if numbers[kind]}
