"""What is said beforehand of values that change without a change of the record: whoever reads changes misses them.

A formula or a roll-up has another value as soon as what it is made of has, also today's date. A condition that names a
day, or a list, is fulfilled by other records tomorrow. No moment of the record moves by that.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from leadbridge.domain.clauses import OPERATORS, Takes, walk
from leadbridge.domain.condition_values import day_word
from leadbridge.domain.crm_cycle import CrmCycle, CycleField
from leadbridge.domain.cycle_custom_objects import kept_objects
from leadbridge.domain.cycle_schema import is_unnoticed
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.source_query import columns_of
from leadbridge.domain.sync import Sync
from leadbridge.domain.three_way import Side


def unnoticed_in_cycle(cycle: CrmCycle, described: Mapping[str, ObjectDescription]) -> Iterator[str]:
    """Warnings, one for each pair that takes such a field to Marketo; `described` are Salesforce's objects by name."""
    for where, name, pairs in _compared(cycle):
        for index, pair in _unnoticed(pairs, described.get(name)):
            yield (
                f"{where}[{index}]: {_worked_out([pair.salesforce], name)}; so once a day all records of {name} are "
                "read and compared for its sake"
            )
    for key, kept in kept_objects(cycle).items():
        for index, pair in _unnoticed(kept.fields, described.get(kept.salesforce)):
            yield (
                f"custom_objects.objects.{key}.fields[{index}]: {_worked_out([pair.salesforce], kept.salesforce)}; it "
                "is carried over with the next change of the record itself"
            )


def unnoticed_in_sync(sync: Sync, described: ObjectDescription) -> Iterator[str]:
    """The same of a Sync that reads changes of a Salesforce object."""
    names = [name for name in columns_of(sync, "salesforce", described.fields) if _is(described.fields.get(name))]
    if sync.incremental and names:
        yield (
            f"extraction: {_worked_out(names, described.name)}, so no run that reads changes sees it; let a second "
            "Sync read everything (`extraction: full`) as often as it matters"
        )


def fulfilled_unnoticed(sync: Sync) -> Iterator[str]:
    """Warnings of conditions that a record may come to fulfil without a change of its own, where changes are read."""
    clauses = walk(sync.conditions) if sync.conditions and sync.incremental else ()
    for where, clause in clauses:
        takes = OPERATORS[clause.operator].takes
        if takes is Takes.SPAN or any(isinstance(each, str) and day_word(each) is not None for each in clause.values):
            why = "who fulfils it changes from day to day"
        elif takes is Takes.LIST:
            why = "who fulfils it changes with the list"
        else:
            continue
        yield (
            f"{where}: {why}, and a run that reads changes judges a record only when it changes; let a "
            "second Sync read everything (`extraction: full`) as often as it matters"
        )


def objects_of_cycle(cycle: CrmCycle) -> frozenset[str]:
    """The objects of Salesforce whose pairs are looked at."""
    own = (each.salesforce for each in kept_objects(cycle).values())
    return frozenset({*(name for _, name, _ in _compared(cycle)), *own})


def _compared(cycle: CrmCycle) -> Iterator[tuple[str, str, Sequence[CycleField]]]:
    """Where pairs stand of kinds whose records are compared, and of which object they are."""
    persons = cycle.persons
    if persons is not None:
        for member, name, kind in (("leads", "Lead", persons.leads), ("contacts", "Contact", persons.contacts)):
            if kind is not None:
                yield f"persons.{member}.fields", name, kind.fields
    if cycle.companies is not None:
        yield "companies.fields", "Account", cycle.companies.fields
    if cycle.opportunities is not None:
        yield "opportunities.fields", "Opportunity", cycle.opportunities.fields


def _unnoticed(pairs: Sequence[CycleField], described: ObjectDescription | None) -> Iterator[tuple[int, CycleField]]:
    for index, pair in enumerate(pairs):
        field = described.fields.get(pair.salesforce) if described else None
        if pair.enabled and pair.policy.from_side(Side.SALESFORCE) and _is(field):
            yield index, pair


def _is(field: FieldDescription | None) -> bool:
    return field is not None and is_unnoticed(field)


def _worked_out(names: Iterable[str], object_name: str) -> str:
    return (
        f"Salesforce works {', '.join(names)} of {object_name} out (a formula or a roll-up), and tells no change of it"
    )
