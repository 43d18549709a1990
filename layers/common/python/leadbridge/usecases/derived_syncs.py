"""Documents, and with them the Syncs of cycles, which their runs ask for and people cannot."""

from dataclasses import replace

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_syncs import DOT, derived_sync, is_derived
from leadbridge.domain.lifecycle import Stored
from leadbridge.ports import Documents


class WithDerived:
    """`ports.Documents` where a Sync may be one of a cycle's: that of the same version of the cycle's document."""

    def __init__(self, documents: Documents) -> None:
        self._documents = documents
        #: those of a version never change
        self._known: dict[tuple[str, int], Stored] = {}

    def get(self, kind: str, identifier: str, version: int | None = None) -> Stored | None:
        """The document, by default its current version; None if there is none."""
        if kind != "sync" or not is_derived(identifier):
            return self._documents.get(kind, identifier, version)
        known = self._known.get((identifier, version)) if version is not None else None
        if known is not None:
            return known
        stored = self._documents.get("crm_cycle", identifier.partition(DOT)[0], version)
        if stored is None or not isinstance(stored.document, CrmCycle):
            return None
        sync = derived_sync(stored.document, identifier)
        if sync is None:
            return None
        found = self._known[identifier, stored.version] = replace(stored, document=sync)
        return found
