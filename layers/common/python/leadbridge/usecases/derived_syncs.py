"""Documents, and with them the Syncs of cycles, which their runs ask for and people cannot."""

from collections.abc import Callable
from dataclasses import replace

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_syncs import DOT, derived_sync, is_derived
from leadbridge.domain.lifecycle import Stored
from leadbridge.domain.sync import Sync
from leadbridge.ports import Documents

#: gives a Sync of a version of a cycle what only the systems know of it
type Complete = Callable[[CrmCycle, int, Sync], Sync]


class WithDerived:
    """`ports.Documents` where a Sync may be one of a cycle's: that of the same version of the cycle's document."""

    def __init__(self, documents: Documents, complete: Complete | None = None) -> None:
        """Without `complete` Syncs are as the document alone says: enough to tell of their runs."""
        self._documents = documents
        self._complete = complete
        #: those of a version never change
        self._known: dict[tuple[str, int], tuple[Stored, CrmCycle, Sync]] = {}

    def get(self, kind: str, identifier: str, version: int | None = None) -> Stored | None:
        """The document, by default its current version; None if there is none.

        Raises:
            ConfigurationError: It is of an object of one's own of which a system lacks something.
        """
        if kind != "sync" or not is_derived(identifier):
            return self._documents.get(kind, identifier, version)
        known = self._known.get((identifier, version)) if version is not None else None
        if known is None:
            stored = self._documents.get("crm_cycle", identifier.partition(DOT)[0], version)
            if stored is None or not isinstance(stored.document, CrmCycle):
                return None
            sync = derived_sync(stored.document, identifier)
            if sync is None:
                return None
            known = self._known[identifier, stored.version] = (stored, stored.document, sync)
        stored, cycle, sync = known
        found = self._complete(cycle, stored.version, sync) if self._complete else sync
        return replace(stored, document=found)
