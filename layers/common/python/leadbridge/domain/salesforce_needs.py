"""What Actions, Syncs and CRM cycles want of a Salesforce org: objects, their fields, and what is done with them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from leadbridge.domain.action import Action, ActionType
from leadbridge.domain.crm_cycle import CrmCycle, Flag
from leadbridge.domain.cycle_people import kinds
from leadbridge.domain.cycle_syncs import derived_syncs
from leadbridge.domain.source_query import columns_of
from leadbridge.domain.sync import FlagDeletes, ImportRule, Sync
from leadbridge.domain.three_way import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What Actions and Syncs want of one object; `written` and `read` are field names."""

    create: bool
    edit: bool
    delete: bool = False
    written: frozenset[str]
    read: frozenset[str]


def needs(
    connection: str, actions: Iterable[Action], syncs: Iterable[Sync] = (), cycles: Iterable[CrmCycle] = ()
) -> dict[str, Need]:
    """The objects and fields of a connection's org that these Actions, Syncs and cycles read and write.

    What cycles move is among the Syncs (`syncs_of`); of `cycles` themselves it is what becomes of records whose person
    was deleted or merged.
    """
    found: dict[str, Need] = {}
    for name, need in (*_of_actions(actions), *_of_syncs(connection, syncs), *of_fates(connection, cycles)):
        before = found.get(name, Need(create=False, edit=False, written=frozenset(), read=frozenset()))
        found[name] = Need(
            create=before.create or need.create,
            edit=before.edit or need.edit,
            delete=before.delete or need.delete,
            written=before.written | need.written,
            read=before.read | need.read,
        )
    return found


def syncs_of(cycle: CrmCycle) -> list[Sync]:
    """What a cycle reads of Salesforce and writes to it."""
    return [each.sync for some in derived_syncs(cycle) for each in some if each.side is Side.SALESFORCE]


def _of_syncs(connection: str, syncs: Iterable[Sync]) -> Iterator[tuple[str, Need]]:
    for sync in syncs:
        if sync.source.connection == connection:
            back = frozenset(each.to for each in sync.writeback)
            read = frozenset(columns_of(sync, "salesforce", {}))
            yield sync.source.object, Need(create=False, edit=bool(back), written=back, read=read)
        if sync.destination.connection == connection:
            into, flag = sync.destination, {sync.deletes.flag} if isinstance(sync.deletes, FlagDeletes) else set()
            marker = {into.idempotency_field} if into.idempotency_field else set()
            back = frozenset(each.field for each in sync.writeback if each.field)
            yield (
                into.object,
                Need(
                    create=sync.import_rule is not ImportRule.UPDATE,
                    edit=sync.import_rule is not ImportRule.CREATE or bool(flag),
                    delete=sync.deletes == "delete",
                    written=frozenset({mapping.to for mapping in sync.mappings} | marker | flag),
                    read=frozenset(sync.key_fields) | back,
                ),
            )


def of_fates(connection: str, cycles: Iterable[CrmCycle]) -> Iterator[tuple[str, Need]]:
    """What becomes of records whose person was deleted or merged, object by object."""
    for persons in (cycle.persons for cycle in cycles if cycle.salesforce == connection):
        ends = (persons.merges, persons.deleted_in_marketo) if persons is not None else ()
        flags = frozenset(each.flag for each in ends if isinstance(each, Flag))
        deletes = any(each in {"honour", "delete"} for each in ends if isinstance(each, str))
        for name in kinds(persons) if persons is not None else ():
            yield name, Need(create=False, edit=bool(flags), delete=deletes, written=flags, read=frozenset())


def _of_actions(actions: Iterable[Action]) -> Iterator[tuple[str, Need]]:
    for action in actions:
        name, marker = action.destination.object, action.destination.idempotency_field
        yield (
            name,
            Need(
                create=action.type is not ActionType.UPDATE,
                edit=action.type is not ActionType.CREATE,
                written=frozenset({mapping.to for mapping in action.mappings} | ({marker} if marker else set())),
                read=frozenset(
                    {action.identifier.field}
                    | {back.field for back in (*action.writeback, *action.member_mappings) if back.field}
                ),
            ),
        )
        for link in action.chained or ():
            sought = frozenset(each.to for each in link.match or ())
            key = {link.idempotency_field} if link.idempotency_field else set()
            given = frozenset({mapping.to for mapping in link.mappings} | key)
            yield (
                link.object,
                Need(
                    create=link.type != "update",
                    edit=link.type != "create",
                    written=given | (sought if link.type == "upsert" else frozenset()),
                    # a lookup is looked for, too, where a create was not answered
                    read=sought | given,
                ),
            )
