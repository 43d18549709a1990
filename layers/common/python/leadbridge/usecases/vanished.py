"""Which linked records of Salesforce are gone, that are no people: as it tells, and after a long outage as it has them.

Salesforce tells of deletions for 15 days, or fewer where its list is long. Where a cycle comes later than that, each
linked record of the kind is looked for instead, as `follow_fates` does with people.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from leadbridge.domain.cycling import CycleRun
from leadbridge.domain.fates import News
from leadbridge.domain.outages import deletions_lost
from leadbridge.domain.three_way import Side
from leadbridge.usecases.cycle_pieces import KeepPorts, PieceFiles

#: what is told late is asked for once more
_OVERLAP = timedelta(minutes=10)
_NOTHING = News()


@dataclass(frozen=True, slots=True, kw_only=True)
class Vanished:
    """Hears of the deletions and merges of one kind of records."""

    ports: KeepPorts
    object_name: str
    #: what reads these records; deletions are heard of from where it goes on
    queue: str

    def __call__(self, run: CycleRun, files: PieceFiles, until: datetime) -> News | None:
        """What was told, or found; None if a comparison goes on behind `until`.

        Raises:
            SyncError: Salesforce cannot be asked now.
        """
        news, since = self.ports.news, run.since.get(self.queue)
        if news is None or since is None:
            return _NOTHING
        told = news.of_records(self.object_name, since - _OVERLAP, run.ceilings[Side.SALESFORCE.value])
        if not deletions_lost(Side.SALESFORCE, since, self.ports.clock.now(), told.known_from):
            return told.news
        comparison, prefix = files.comparison(), self.ports.describe(self.object_name).key_prefix
        while not comparison.over:
            page, mark = self.ports.links.listed(comparison.mark, prefix)
            ids = [link.salesforce_id for link in page if link.marketo_id]
            comparison.records += sorted(news.of_those(self.object_name, ids).ids[Side.SALESFORCE]) if ids else []
            comparison.links += len(ids)
            comparison.mark, comparison.over = mark, not mark
            files.keep_comparison(comparison)
            if self.ports.clock.now() >= until:
                break
        if not comparison.over:
            return None
        missing = comparison.records
        return told.news | (news.of_those(self.object_name, missing) if missing else _NOTHING)
