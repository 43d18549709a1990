"""What must be known of a source before it can be asked: its fields, and the ids of what a Sync names by name."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial

from leadbridge.domain.clauses import ListDocument, named_lists
from leadbridge.domain.cycle_syncs import is_derived
from leadbridge.domain.dedupe_rules import Vendor
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.source_query import Facts
from leadbridge.domain.sync import Sync
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Clock, Connections, Documents, Marketo
from leadbridge.usecases.kept_descriptions import Ask, KeptDescriptions

#: fields change rarely, and asking costs a call
AGE = timedelta(minutes=15)


class _Described(Mapping[str, FieldDescription]):
    """Fields that are asked for when somebody looks at the first of them: a run that finds no change does not."""

    def __init__(self, describe: Callable[[], ObjectDescription]) -> None:
        self._describe = describe
        self._known: Mapping[str, FieldDescription] | None = None

    def _fields(self) -> Mapping[str, FieldDescription]:
        if self._known is None:
            self._known = self._describe().fields
        return self._known

    def __getitem__(self, name: str) -> FieldDescription:
        return self._fields()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields())

    def __len__(self) -> int:
        return len(self._fields())


class SourceFacts:
    """Facts by Sync; asked for once in a while."""

    def __init__(
        self, *, connections: Connections, documents: Documents, clock: Clock, kept: KeptDescriptions | None = None
    ) -> None:
        """`kept` are the descriptions of cycles; without it each process asks for itself."""
        self._kept = kept
        self._connections = connections
        self._documents = documents
        self._clock = clock
        self._known: dict[tuple[str, str, int], tuple[datetime, Facts]] = {}

    def __call__(self, sync: Sync, version: int, vendor: Vendor) -> Facts:
        """What is known of the source of a version.

        Raises:
            ConfigurationError: The vendor has nothing of a name that the Sync uses, or there is no such list.
        """
        key, now = (sync.id, vendor, version), self._clock.now()
        known = self._known.get(key)
        if known is None or now - known[0] > AGE:
            known = self._known[key] = (now, self.asked(sync, vendor))
        return known[1]

    def asked(self, sync: Sync, vendor: Vendor) -> Facts:
        """The same, asked for now: for a Sync that is no stored version."""
        lists = dict(self._lists(sync))
        source = sync.source
        if vendor == "salesforce":
            salesforce = self._connections.salesforce(source.connection)
            described = partial(self.described, sync, source.object, partial(salesforce.describe, source.object))
            return Facts(fields=_Described(described), lists=lists)
        marketo = self._connections.marketo(source.connection)
        # members of a list are leads
        name = "leads" if source.object == "list_members" else source.object
        ask: Ask = marketo.describe_leads if name == "leads" else partial(marketo.describe, name)
        return Facts(
            fields=_Described(partial(self.described, sync, name, ask)),
            lists=lists,
            static_list=_static_list(sync, marketo),
            program=_program(sync, marketo),
            activity_types=_activity_types(sync, marketo),
        )

    def described(self, sync: Sync, object_name: str, ask: Ask) -> ObjectDescription:
        """An object that a Sync reads or writes; of a cycle's Sync as it was described when the run was opened."""
        return self._kept.of_sync(sync.id, object_name, ask) if self._kept and is_derived(sync.id) else ask()

    def _lists(self, sync: Sync) -> Iterator[tuple[str, frozenset[str]]]:
        for name in sorted(named_lists(sync.conditions)):
            stored = self._documents.get("list", name)
            if stored is None or not isinstance(stored.document, ListDocument):
                raise ConfigurationError([f"conditions: there is no list {name}; apply it"])
            yield name, stored.document.members


def _static_list(sync: Sync, marketo: Marketo) -> int | None:
    named = sync.source.static_list
    if named is None or isinstance(named, int):
        return named
    found = marketo.static_list(named)
    if found is None:
        raise ConfigurationError([f"source.static_list: Marketo has no static list {named}, or several; give its id"])
    return found


def _program(sync: Sync, marketo: Marketo) -> int | None:
    named = sync.source.program
    if named is None or isinstance(named, int):
        return named
    found = marketo.program(named)
    if found is None:
        raise ConfigurationError([f"source.program: Marketo has no program {named}; give its id"])
    return found.id


def _activity_types(sync: Sync, marketo: Marketo) -> list[int]:
    named = sync.source.activity_types or []
    ids = [each for each in named if isinstance(each, int)]
    if len(ids) < len(named):
        known = {each.name: each.id for each in marketo.activity_types()}
        if unknown := [name for name in named if isinstance(name, str) and name not in known]:
            raise ConfigurationError([f"source.activity_types: Marketo has no activity type {unknown[0]}; correct it"])
        ids += [known[name] for name in named if isinstance(name, str)]
    return sorted(set(ids))
