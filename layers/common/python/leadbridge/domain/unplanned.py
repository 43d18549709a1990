"""What a plan of a Sync does not show, said beside what it shows, so that nobody takes a part for the whole."""

from collections.abc import Iterator

from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import SyncRun


def unplanned(run: SyncRun, sync: Sync) -> Iterator[str]:
    """Sentences about a plan; none where it shows all that a run would do."""
    if run.most and run.pulled >= run.most:
        yield f"Not planned: rows behind the first {run.most}, which alone were read; `--all` plans every row."
    if sync.writeback:
        names = ", ".join(each.to for each in sync.writeback)
        yield f"Not planned: what is written back to the source ({names})."
    if sync.destination.duplicate_rules == "use_match":
        yield (
            "Not planned: what the org's duplicate rules find; a row that is to be created may become an update of the "
            "record that a rule names, and applying the plan does not write it."
        )
