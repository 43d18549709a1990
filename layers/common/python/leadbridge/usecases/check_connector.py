"""Check a connector action against its Marketo instance: fields, list, campaign, partition."""

from collections.abc import Callable, Iterator

from leadbridge.domain.condition_checks import check_conditions
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.match_checks import unknown_field
from leadbridge.domain.operations import Strategy
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.source_checks import check_source
from leadbridge.domain.transforms import Place, zone_finding
from leadbridge.domain.trial_checks import NO_TRIAL_LIST
from leadbridge.domain.values import TEXT_TYPES
from leadbridge.errors import PermanentError
from leadbridge.ports import Marketo


def connector_lines(action: ConnectorAction, marketo: Marketo, *, lists: list[str]) -> Iterator[str]:
    """Findings as lines. Nothing is asked of Marketo that the Action does not name; `lists` are those of conditions."""
    if action.time_zone is not None and (said := zone_finding(action.time_zone)):
        yield f"time_zone: {said}"
        return
    checks: tuple[tuple[str, Callable[[], list[str]]], ...] = (
        ("destination.list", lambda: list(_list(action, marketo))),
        ("destination.campaign", lambda: list(_campaign(action, marketo))),
        ("trial.static_list", lambda: list(_trial(action, marketo))),
        ("mappings", lambda: list(_fields(action, marketo, lists))),
    )
    for where, check in checks:
        try:
            yield from check()
        except PermanentError as error:
            yield f"{where}: cannot be looked up: {error}; give the API user's role access to it"


def _list(action: ConnectorAction, marketo: Marketo) -> Iterator[str]:
    named = action.destination.list
    if isinstance(named, str) and marketo.static_list(named) is None:
        yield "destination.list: Marketo has no static list of this name, or several; correct it, or give the list's id"
    if isinstance(named, int) and not marketo.has_list(named):
        yield "destination.list: Marketo has no static list of this id; correct it, or give the list's name"


def _campaign(action: ConnectorAction, marketo: Marketo) -> Iterator[str]:
    named = action.destination.campaign
    if named is None:
        return
    found = marketo.campaign(named)
    if found is None:
        yield "destination.campaign: Marketo has no such campaign; correct the name, or give its id"
    elif not (found.is_active and found.is_requestable):
        yield (
            "destination.campaign: cannot be requested; activate it, with the trigger Campaign is Requested and the "
            "source Web Service API"
        )


def _trial(action: ConnectorAction, marketo: Marketo) -> Iterator[str]:
    name = action.trial.static_list if action.trial else None
    if name is not None and marketo.static_list(name) is None:
        yield f"trial.static_list: {NO_TRIAL_LIST}"


def _fields(action: ConnectorAction, marketo: Marketo, lists: list[str]) -> Iterator[str]:
    if not (action.mappings or action.tokens or action.conditions or action.duplicate_record_rule):
        return
    leads = marketo.describe_leads()
    yield from _mapped(action, leads)
    for index, token in enumerate(action.tokens or ()):
        yield from check_source(f"tokens[{index}]", token, None, Place(zone=action.zone))
    rule = action.duplicate_record_rule
    if rule and rule.choose != "refuse" and rule.order_by not in leads.fields:
        yield unknown_field("duplicate_record_rule.order_by", rule.order_by, leads.fields, "the Marketo lead")
    if action.conditions:
        # another system names its columns as it likes: any may be asked about
        yield from check_conditions(action.conditions, fields=leads.fields, lists=lists, payload=lambda _: True)


def _mapped(action: ConnectorAction, leads: ObjectDescription) -> Iterator[str]:
    for index, mapping in enumerate(action.mappings):
        where, field = f"mappings[{index}]", leads.fields.get(mapping.to)
        if field is None:
            yield unknown_field(f"{where}.to", mapping.to, leads.fields, "the Marketo lead")
            continue
        if not field.updateable and mapping.to != action.lookup_field:
            yield f"{where}.to: Marketo does not let {mapping.to} be written by API; choose another field"
        place = Place(zone=action.zone, length=field.length if field.type in TEXT_TYPES else None)
        # dates come in more forms than a rule would leave them in: those are read when they are written
        dated = field.type in {"date", "datetime"} and not mapping.rules
        yield from check_source(where, mapping, None if dated else field, place)
    lookup = leads.fields.get(action.lookup_field)
    by_field = action.mappings and action.destination.strategy != Strategy.CREATE_DUPLICATE
    if by_field and lookup is not None and not (lookup.id_lookup or lookup.name == "id"):
        yield (
            f"destination.lookup_field: Marketo does not find people by {lookup.name}; "
            "choose email, id or a searchable field"
        )
