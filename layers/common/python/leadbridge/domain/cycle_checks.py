"""What is wrong with a CRM cycle, given what both systems describe; nothing is asked here."""

from collections.abc import Iterator, Mapping, Sequence

from leadbridge.domain.crm_cycle import CrmCycle, CycleField, Flag, Persons
from leadbridge.domain.cycle_custom_objects import kept_objects
from leadbridge.domain.cycle_fields import bind_fields
from leadbridge.domain.cycle_opportunities import CONTACT_ROLE, DEAL, OPPORTUNITY, ROLE
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.three_way import Direction, Side
from leadbridge.domain.transforms import zone_finding

#: what opportunities are reported and attributed by, and where Salesforce keeps it
MANDATORY: Mapping[str, str] = {"amount": "Amount", "stage": "StageName", "closeDate": "CloseDate"}


def objects_of(cycle: CrmCycle) -> Mapping[Side, tuple[str, ...]]:
    """What has to be described of both systems."""
    found: dict[Side, list[str]] = {side: [] for side in Side}
    if cycle.persons is not None:
        found[Side.MARKETO].append("leads")
        for name, kind in (("Lead", cycle.persons.leads), ("Contact", cycle.persons.contacts)):
            if kind is not None:
                found[Side.SALESFORCE].append(name)
    if cycle.companies is not None:
        found[Side.MARKETO].append("companies")
        found[Side.SALESFORCE].append("Account")
    if cycle.sales_persons is not None:
        found[Side.MARKETO].append("sales_persons")
        found[Side.SALESFORCE].append("User")
    for member, theirs, ours in (
        (cycle.opportunities, OPPORTUNITY, DEAL),
        (cycle.opportunity_roles, CONTACT_ROLE, ROLE),
    ):
        if member is not None:
            found[Side.SALESFORCE].append(theirs)
            found[Side.MARKETO].append(ours)
    for kept in kept_objects(cycle).values():
        # of what goes to Salesforce Marketo's log tells
        found[Side.SALESFORCE] += [kept.salesforce] if kept.direction is Direction.TO_MARKETO else []
    return {side: tuple(names) for side, names in found.items()}


def zone_lines(cycle: CrmCycle) -> Iterator[str]:
    """Whether its time zone is one."""
    if cycle.time_zone is not None and (said := zone_finding(cycle.time_zone)):
        yield f"time_zone: {said}"


def mode_lines(cycle: CrmCycle, *, native: bool) -> Iterator[str]:
    """Whether its mode is possible; `native`: Marketo's own CRM sync is on, which keeps companies for itself."""
    if cycle.mode == "replace_native" and native:
        yield (
            "mode: Marketo's own CRM sync is on, which keeps companies, sales persons and opportunities for itself; "
            "have that sync switched off, or say `mode: beside_native` and keep `persons` only"
        )


def cycle_lines(cycle: CrmCycle, described: Mapping[tuple[Side, str], ObjectDescription]) -> Iterator[str]:
    """Findings as lines, of what could be described."""
    if cycle.persons is not None:
        yield from _persons(cycle, cycle.persons, described)
    companies = described.get((Side.MARKETO, "companies"))
    accounts = described.get((Side.SALESFORCE, "Account"))
    if cycle.companies is not None and companies is not None and accounts is not None:
        yield from _fields(cycle, "companies.fields", cycle.companies.fields, companies, accounts)
        yield from _gone("companies.deleted_in_salesforce", cycle.companies.deleted_in_salesforce, companies)
    deals, deal = described.get((Side.MARKETO, DEAL)), described.get((Side.SALESFORCE, OPPORTUNITY))
    if cycle.opportunities is not None and deals is not None and deal is not None:
        yield from _fields(cycle, "opportunities.fields", cycle.opportunities.fields, deals, deal)
        yield from _mandatory("opportunities.fields", cycle.opportunities.fields, deals, deal)
        if cycle.opportunities.stage_field is not None and (Side.MARKETO, "leads") in described:
            leads = described[Side.MARKETO, "leads"]
            yield from _link("opportunities.stage_field", cycle.opportunities.stage_field, leads)
        yield from _gone("opportunities.deleted_in_salesforce", cycle.opportunities.deleted_in_salesforce, deals)


def _persons(
    cycle: CrmCycle, persons: Persons, described: Mapping[tuple[Side, str], ObjectDescription]
) -> Iterator[str]:
    leads = described.get((Side.MARKETO, "leads"))
    if leads is None:
        return
    for member, name, kind in (("leads", "Lead", persons.leads), ("contacts", "Contact", persons.contacts)):
        record = described.get((Side.SALESFORCE, name))
        if kind is not None and record is not None:
            yield from _fields(cycle, f"persons.{member}.fields", kind.fields, leads, record)
            yield from _gone("persons.deleted_in_marketo", persons.deleted_in_marketo, record)
            yield from _gone("persons.merges", persons.merges, record)
    yield from _link("persons.id_field", persons.id_field, leads)
    if persons.type_field is not None:
        yield from _link("persons.type_field", persons.type_field, leads)
    yield from _gone("persons.merged_in_salesforce", persons.merged_in_salesforce, leads)
    yield from _gone("persons.deleted_in_salesforce", persons.deleted_in_salesforce, leads)


def _fields(
    cycle: CrmCycle, where: str, pairs: Sequence[CycleField], marketo: ObjectDescription, salesforce: ObjectDescription
) -> Iterator[str]:
    enabled = [pair for pair in pairs if pair.enabled]
    bound = bind_fields(enabled, {Side.MARKETO: marketo, Side.SALESFORCE: salesforce}, cycle.zone)
    for index, pair in enumerate(pairs):
        if pair.enabled and pair.pair in bound.aside:
            yield f"{where}[{index}]: {bound.aside[pair.pair]}"


def _mandatory(
    where: str, pairs: Sequence[CycleField], marketo: ObjectDescription, salesforce: ObjectDescription
) -> Iterator[str]:
    """Pairs that no opportunity can do without, as far as both systems show their fields."""
    kept = {pair.marketo for pair in pairs if pair.enabled}
    for name, other in MANDATORY.items():
        if name not in kept and name in marketo.fields and other in salesforce.fields:
            yield (
                f"{where}: {name} of an opportunity is mandatory, reports and attribution go by it; add a pair of it "
                f"and {other}, or switch it on"
            )


def _link(where: str, name: str, leads: ObjectDescription) -> Iterator[str]:
    """A field of ours in Marketo, which no person fills."""
    field = leads.fields.get(name)
    if field is None:
        yield f"{where}: Marketo has no field {name} of leads; make one of type string there, or name another"
    elif not field.updateable:
        yield f"{where}: {name} of Marketo cannot be changed; name a field of your own"


def _gone(where: str, what: str | Flag, described: ObjectDescription) -> Iterator[str]:
    """A field that marks a record whose counterpart is gone, or was merged."""
    if not isinstance(what, Flag):
        return
    field = described.fields.get(what.flag)
    if field is None:
        yield f"{where}.flag: {described.name} has no field {what.flag}; correct it, or choose `ignore`"
    elif not field.updateable or field.type != "boolean":
        yield f"{where}.flag: {what.flag} of {described.name} is no yes/no field that can be changed; choose one"
