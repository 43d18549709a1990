"""Descriptions, pairs of fields and digests of a CRM cycle, as its use-cases take them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256

from leadbridge.domain.crm_cycle import CycleField
from leadbridge.domain.cycle_fields import bind_fields
from leadbridge.domain.ids import canonical
from leadbridge.domain.linked import LinkedField
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.three_way import Side

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def digest(value: str) -> str:
    """As short as those that are kept."""
    return sha256(value.encode()).hexdigest()[:16]


def record_id(prefix: str, number: int) -> str:
    """An id of a Salesforce record of 18 characters."""
    return canonical(f"{prefix}5g{number:010d}")


def described(name: str, **types: str) -> ObjectDescription:
    """An object with fields of these types."""
    return ObjectDescription(
        name=name, fields={each: FieldDescription(name=each, type=kind) for each, kind in types.items()}
    )


def bound(pairs: Sequence[CycleField]) -> list[LinkedField]:
    """Pairs of fields, all of them texts."""
    marketo = described("Marketo", **{each.marketo: "string" for each in pairs})
    salesforce = described("Salesforce", **{each.salesforce: "string" for each in pairs})
    return list(bind_fields(pairs, {Side.MARKETO: marketo, Side.SALESFORCE: salesforce}, UTC).fields)
