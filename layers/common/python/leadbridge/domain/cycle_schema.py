"""What becomes of pairs of fields when a schema changes: put aside one by one, told once, caught up with later.

A field that is hidden, deleted, closed to us or changed to another kind of values puts its own pair aside, and nothing
else. A kind that changed is accepted by the document's next version. When a pair can be kept in step once more,
everything that was edited since it could last is read again.

What Salesforce works out, formulas and roll-ups, changes without a change of the record, so no reading of changes shows
it. Where such a field is kept in step, all records are read once a day and compared with what is remembered of them.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from leadbridge.domain.cycle_fields import BoundFields
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.three_way import Side
from leadbridge.domain.values import family

#: how often all records are compared whose fields change without notice
COMPARED_EVERY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """A pair that is put aside: why, as a sentence, and from when on edits wait; None: it never worked."""

    why: str
    since: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """What is known of the pairs of one kind of Salesforce record from the last look at both schemas."""

    #: of the document
    version: int
    #: what was edited before is carried over, of pairs that are not aside
    carried_to: datetime
    #: by pair the kinds of values that Marketo's and Salesforce's field hold
    kinds: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    aside: Mapping[str, Aside] = field(default_factory=dict)
    #: when all records were last compared, where a field changes without notice; None: none does, or they never were
    compared_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """The pairs that can be kept in step now."""

    bound: BoundFields
    schema: Schema
    #: sentences that were not told before
    warnings: tuple[str, ...] = ()
    #: everything that was edited since then is read again, on both sides; None: nothing more than usual
    read_again_from: datetime | None = None
    #: all records of Salesforce are read, for fields that change without notice, or that nobody ever compared
    compares: bool = False


def checked(
    bound: BoundFields,
    described: Mapping[Side, ObjectDescription],
    before: Schema | None,
    *,
    version: int,
    carried_to: datetime,
    now: datetime | None = None,
) -> Checked:
    """Compare the pairs as the systems describe their fields now with what was known of them.

    `carried_to`: what was edited before was seen to already. `now`: without it records are never compared as a whole.
    """
    kinds = _kinds(bound)
    known = before.kinds if before else {}
    # a new version of the document means the fields as they are
    held = known if before and before.version == version else {}
    why = dict(bound.aside)
    for name, found in kinds.items():
        if name in held and held[name] != found:
            why[name] = _changed(name, held[name], found)
    was = before.aside if before else {}
    worked_at = before.carried_to if before else None
    aside = {
        name: Aside(why=said, since=was[name].since if name in was else worked_at if name in known else None)
        for name, said in why.items()
    }
    repaired = [each.since for name, each in was.items() if name in kinds and name not in aside]
    object_name = described[Side.SALESFORCE].name
    kept = BoundFields(fields=tuple(each for each in bound.fields if each.name not in aside), aside=why)
    compared_at = _compared_at(kept, before, now) if now is not None else None
    return Checked(
        bound=kept,
        schema=Schema(
            version=version,
            carried_to=carried_to,
            # of a pair that is aside the kinds are those it had while it worked
            kinds={**kinds, **{name: held[name] for name in aside if name in held}},
            aside=aside,
            compared_at=compared_at,
        ),
        # who knew nothing before reads all there is anyhow; of a pair that never worked nobody knows since when
        compares=before is not None
        and now is not None
        and (None in repaired or (compared_at is not None and compared_at != before.compared_at)),
        warnings=tuple(
            f"{object_name}: {said}" for name, said in why.items() if name not in was or was[name].why != said
        ),
        read_again_from=min((since for since in repaired if since is not None), default=None),
    )


def is_unnoticed(described: FieldDescription) -> bool:
    """Whether a field of Salesforce may change without a change of its record: a formula or a roll-up."""
    return described.calculated


def _compared_at(bound: BoundFields, before: Schema | None, now: datetime) -> datetime | None:
    """When all records are compared, or were: once a day, and as soon as a pair is new."""
    names = {
        each.name
        for each in bound.fields
        if is_unnoticed(each.fields[Side.SALESFORCE]) and each.policy.from_side(Side.SALESFORCE)
    }
    if not names:
        return None
    if before is None or before.compared_at is None or not names <= before.kinds.keys():
        return now
    return now if now - before.compared_at >= COMPARED_EVERY else before.compared_at


def as_opened(bound: BoundFields, opened: Schema | None) -> BoundFields:
    """The pairs that worked when a run was opened and still do; what was read is read for those only."""
    if opened is None:
        return bound
    why = {name: each.why for name, each in opened.aside.items()} | dict(bound.aside)
    for name, found in _kinds(bound).items():
        if name not in why and opened.kinds.get(name, found) != found:
            why[name] = _changed(name, opened.kinds[name], found)
    return BoundFields(fields=tuple(each for each in bound.fields if each.name not in why), aside=why)


def kept_as(kind: str, object_name: str) -> str:
    """By which name the schema of an object is kept; `kind` is that of its records, as the document calls it."""
    return f"{kind}.{object_name}"


def of_kinds(schemas: Mapping[str, Schema], kinds: Collection[str]) -> dict[str, Schema]:
    """Those schemas that are of these kinds of records."""
    return {name: each for name, each in schemas.items() if name.split(".")[0] in kinds}


def schema_members(schema: Schema) -> dict[str, Any]:
    """A schema as JSON."""
    return {
        "version": schema.version,
        "carried_to": schema.carried_to.isoformat(),
        "kinds": {name: list(each) for name, each in schema.kinds.items()},
        "aside": {
            name: {"why": each.why, "since": each.since.isoformat() if each.since else None}
            for name, each in schema.aside.items()
        },
        "compared_at": schema.compared_at.isoformat() if schema.compared_at else None,
    }


def schema_from(members: Mapping[str, Any]) -> Schema:
    """A schema that was JSON."""
    return Schema(
        version=members["version"],
        carried_to=datetime.fromisoformat(members["carried_to"]),
        kinds={name: (each[0], each[1]) for name, each in members["kinds"].items()},
        aside={
            name: Aside(why=each["why"], since=datetime.fromisoformat(each["since"]) if each["since"] else None)
            for name, each in members["aside"].items()
        },
        # what an earlier version stored does not say it
        compared_at=datetime.fromisoformat(members["compared_at"]) if members.get("compared_at") else None,
    )


def _kinds(bound: BoundFields) -> dict[str, tuple[str, str]]:
    return {
        each.name: (family(each.fields[Side.MARKETO]), family(each.fields[Side.SALESFORCE])) for each in bound.fields
    }


def _changed(name: str, held: tuple[str, str], found: tuple[str, str]) -> str:
    vendor, position = ("Marketo", 0) if held[0] != found[0] else ("Salesforce", 1)
    field_name = name.split("=")[position]
    return (
        f"{field_name} of {vendor} held {_WORDS.get(held[position], held[position])} and holds "
        f"{_WORDS.get(found[position], found[position])} now; change it back, or, if that is meant, apply the "
        "document with any change, a comment will do"
    )


_WORDS = {"text": "texts", "number": "numbers", "boolean": "yes or no", "date": "days", "datetime": "moments"}
