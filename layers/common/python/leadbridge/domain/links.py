"""Chained objects made ready to run: their fields bound to what Describe says of them, once for an Action version."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import tzinfo

from leadbridge.domain.chained import Chained, LinkMapping, LinkMatch
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sources import FAILURES, LEFT_ALONE, CompiledSource, Inputs, compile_source
from leadbridge.domain.transforms import Place
from leadbridge.domain.values import ID_TYPES, TEXT_TYPES, coercion, normalised

#: the person's own record, where it stands beside the names of links
PRIMARY = ""


class LinkFieldError(KeyError):
    """A chained object lacks a field; the org changed since the Action was saved."""

    def __init__(self, field: str, object_name: str) -> None:
        super().__init__(field)
        self.object = object_name


def object_of(missing: KeyError, own: str) -> str:
    """The object that lacks a field; `own` unless the error says another."""
    return missing.object if isinstance(missing, LinkFieldError) else own


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkField:
    """One field of a chained record, and its source."""

    field: FieldDescription
    source: CompiledSource
    #: the id of the person's own record, as it is, in a reference
    is_lookup: bool
    #: an id that the vendor gave
    is_known_id: bool

    def takes(self, primary: str) -> bool:
        """Whether it can hold the id of a record of the object `primary`; of what is no such id it can."""
        return not self.is_lookup or not self.field.reference_to or primary in self.field.reference_to

    def guard_part(self, inputs: Inputs) -> str | None:
        """The value as a part of a key; None without one."""
        with suppress(*FAILURES):
            value = self.source.value(inputs)
            return None if value is LEFT_ALONE or value is None else normalised(value)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledLink:
    """A chained object made ready."""

    document: Chained
    fields: tuple[LinkField, ...]
    match: tuple[LinkField, ...]
    #: the field of the idempotency key, if there is one
    marker: FieldDescription | None
    #: how ids of its records begin
    key_prefix: str
    #: fields beside the id that must be read of records written before, by the names of their links
    needs: Mapping[str, frozenset[str]]

    @property
    def name(self) -> str:
        """What it is called."""
        return self.document.name

    @property
    def object(self) -> str:
        """The object of its records."""
        return self.document.object

    @property
    def creates(self) -> bool:
        """Whether it always makes a record of its own."""
        return self.document.type == "create"

    def lookup(self, primary: str) -> FieldDescription:
        """The field that refers to the person's own record, which is one of the object `primary`.

        Raises:
            LinkFieldError: There is none, so that a repeated create could not be told from the first.
        """
        for each in self.fields:
            if each.is_lookup and each.takes(primary) and each.field.filterable:
                return each.field
        raise LinkFieldError(f"for the Id of a {primary}", self.object)

    def guard_parts(self, inputs: Inputs) -> tuple[str, ...]:
        """What its record is found by, where that is known before anything is written; else nothing.

        A record that is found by one that was written before is nobody else's.
        """
        if any(each.source.kind == "field" for each in self.match):
            return ()
        parts: list[str] = []
        for each in sorted(self.match, key=lambda one: one.field.name):
            part = each.guard_part(inputs)
            if part is None:
                return ()
            parts += (each.field.name, part)
        return (self.object, *parts) if parts else ()


def compile_link(link: Chained, described: ObjectDescription, zone: tzinfo, primaries: Collection[str]) -> CompiledLink:
    """Bind a chained object to its fields; `primaries` are the objects of which the person's own record may be.

    Raises:
        LinkFieldError: A field is not described (checked when the Action was saved; the org changed since).
    """
    needs: dict[str, frozenset[str]] = {}
    for _, _, each in link.sources:
        if each.field and each.field != "Id":
            of = each.of or PRIMARY
            needs[of] = needs.get(of, frozenset()) | {each.field}
    compiled = CompiledLink(
        document=link,
        fields=tuple(_fields(link.mappings, described, zone)),
        match=tuple(_fields(link.match or (), described, zone)),
        marker=_field(described, link.idempotency_field) if link.idempotency_field else None,
        key_prefix=described.key_prefix,
        needs=needs,
    )
    if compiled.creates and compiled.marker is None:
        for primary in primaries:
            compiled.lookup(primary)
    return compiled


def refers_to_primary(source: LinkMapping | LinkMatch) -> bool:
    """Whether a source is the id of the person's own record, as it is."""
    return source.field == "Id" and source.of is None and not source.rules


def link_guards(links: tuple[CompiledLink, ...], inputs: Inputs, guard: Callable[..., str]) -> dict[str, str]:
    """The keys that stand for records which several persons may have in common, by the names of the links."""
    parts = {link.name: link.guard_parts(inputs) for link in links}
    return {name: guard(*found) for name, found in parts.items() if found}


def _fields(
    sources: "list[LinkMapping] | list[LinkMatch] | tuple[()]", described: ObjectDescription, zone: tzinfo
) -> Iterator[LinkField]:
    for source in sources:
        field = _field(described, source.to)
        place = Place(zone=zone, length=field.length if field.type in TEXT_TYPES else None)
        yield LinkField(
            field=field,
            source=compile_source(source, place, coercion(field, zone)),
            is_lookup=refers_to_primary(source) and field.type in ID_TYPES,
            is_known_id=source.field == "Id" and not source.rules,
        )


def _field(described: ObjectDescription, name: str) -> FieldDescription:
    try:
        return described.fields[name]
    except KeyError:
        raise LinkFieldError(name, described.name) from None
