"""Price a Sync before it runs: from its preview, its schedule, and what is left of the vendors' calls of the day."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import ceil
from urllib.parse import urlsplit

from leadbridge.domain.action import MarketoConnection
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.handing_over import cost_of
from leadbridge.domain.limits import State
from leadbridge.domain.outcome import RowOutcome
from leadbridge.domain.sync import Sync
from leadbridge.domain.sync_plan import ROW_BYTES, Cost
from leadbridge.domain.sync_price import MARKETO_MEGABYTES, Amount, Left, Price, price, shares_of
from leadbridge.ports import Clock, Documents
from leadbridge.usecases.hand_over import action_of, why_not
from leadbridge.usecases.preview_sync import Preview, PreviewSync

#: vendor calls of one price, of both vendors together: Marketo counts the members of a list for nobody
BUDGET = 50


class PriceSync:
    """The use-case of `syncs price`."""

    def __init__(
        self,
        *,
        documents: Documents,
        preview: PreviewSync,
        instances: Callable[[], Mapping[str, State]],
        clock: Clock,
        day_megabytes: int = MARKETO_MEGABYTES,
    ) -> None:
        """`instances` tells what is known of each vendor instance's calls.

        `day_megabytes` may be extracted of Marketo in a day.
        """
        self._documents = documents
        self._preview = preview
        self._instances = instances
        self._clock = clock
        self._day_megabytes = day_megabytes

    def __call__(self, sync_id: str) -> Price:
        """The price of the next run, and of a day.

        Raises:
            ConfigurationError: There is no such Sync, or it does not fit what the vendors describe.
        """
        return self._price(sync_id)

    def plan(self, sync_id: str, rows: int) -> Mapping[Vendor, Cost]:
        """What a plan of so many rows takes at each vendor; of all of them where that is 0.

        Raises:
            ConfigurationError: As above.
        """
        return self._price(sync_id, planning=True, most=rows).run

    def _price(self, sync_id: str, *, planning: bool = False, most: int = 0) -> Price:
        found = self._preview(sync_id, budget=BUDGET)
        sync, source = found.viewed.sync, found.viewed.query.vendor
        destination: Vendor = "salesforce" if source == "marketo" else "marketo"
        total, choice = found.total, found.viewed.choice
        shares = shares_of(found.outcomes)
        told = price(
            sync,
            (source, destination),
            Amount(
                rows=total.rows if not most else most if total.rows is None else min(most, total.rows),
                exact=total.exact,
                basis=total.basis,
                row_bytes=found.row_bytes or ROW_BYTES,
            ),
            ways=("rest" if most else choice.way, "rest" if planning else found.load.way),
            windows=max(1, len(found.viewed.query.filters)),
            counted=not most and _counted(found, source),
            shares=replace(shares, created=0.0, updated=0.0, planned=True) if planning else shares,
            left=self._left(sync, source),
            now=self._clock.now(),
            handed=self._handed(sync, found),
            day_megabytes=self._day_megabytes,
        )
        # of an Action that takes no calls nothing will be asked
        obstacle = why_not(self._documents, sync)
        return replace(told, warnings=(*told.warnings, obstacle)) if obstacle else told

    def _handed(self, sync: Sync, found: Preview) -> Cost | None:
        """What the calls take that rows become, with the share of previewed rows that do; None where none does."""
        stored = action_of(self._documents, sync) if sync.destination.action else None
        if stored is None or not isinstance(stored.document, ConnectorAction):
            return None
        handed = [row.outcome == RowOutcome.HANDED_OVER for row in found.rows] or [True]
        return cost_of(stored.document, ceil((found.total.rows or 0) * sum(handed) / len(handed)))

    def _left(self, sync: Sync, source: Vendor) -> dict[Vendor, Left]:
        known = self._instances()
        marketo, salesforce = sync.source.connection, sync.destination.connection
        if source == "salesforce":
            marketo, salesforce = salesforce, marketo
        return {
            "marketo": left_of_marketo(self._documents, marketo, known),
            "salesforce": left_of_the_only_org(known),
        }


def _counted(found: Preview, source: Vendor) -> bool:
    """Whether a run that reads everything asks for a number before: of rows, or for the oldest one of all people."""
    choice = found.viewed.choice
    if found.viewed.window.since is not None:
        return False
    return choice.way == "bulk" if source == "marketo" else not choice.settled


def left_of_marketo(documents: Documents, connection: str, known: Mapping[str, State]) -> Left:
    """What is left of the calls of a connection's instance."""
    stored = documents.get("marketo_connection", connection)
    if stored is None or not isinstance(stored.document, MarketoConnection):
        return Left()
    document = stored.document
    state = known.get(f"marketo#{urlsplit(document.base_url).netloc.lower()}")
    allowed = document.limits.daily_calls if document.limits else None
    allowed = allowed or (state.allowed if state else None)
    if allowed is None or state is None:
        return Left(calls=allowed, daily=allowed)
    return Left(calls=max(0, allowed - state.used), daily=allowed)


def left_of_the_only_org(known: Mapping[str, State]) -> Left:
    """Its answers tell how many calls are left; of several orgs nobody can say which one is meant."""
    orgs = [state for name, state in known.items() if name.startswith("salesforce#") and state.allowed]
    if len(orgs) != 1 or orgs[0].allowed is None:
        return Left()
    return Left(calls=max(0, orgs[0].allowed - orgs[0].used), daily=orgs[0].allowed)
