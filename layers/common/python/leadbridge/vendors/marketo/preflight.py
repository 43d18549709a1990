"""A look through a Marketo connection before anything depends on it: login, quota, permissions, entitlements, CRM mode.

A permission is tried with an input that can write nothing (ids that no record has): whatever Marketo then says of the
input, it has let us in. Source: Marketo REST API, "Custom Services", "Error Codes"; the permission of each call stands
beside it in `endpoints`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadbridge.domain.preflight import Finding, Level
from leadbridge.errors import AuthenticationError, PermanentError, QuotaExhaustedError, SyncError, TransientError
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.api import Api
from leadbridge.vendors.marketo.endpoints import Endpoint
from leadbridge.vendors.marketo.quota import calls_by_user, calls_today

DENIED = "603"
#: Marketo's own CRM sync owns the object
NATIVE = "1018"
#: the subscription lacks the feature
MISSING = frozenset({"616", "703", "1026", "1035"})
#: of these, that it lacks a filter only
NO_FILTER = "1035"

_NOBODY = 0
_NO_NAME = "leadbridgePreflightNone"
#: API users whose calls are named, those with most of them
_USERS = 5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Probe:
    """One permission, what needs it, and the call that tries it."""

    endpoint: Endpoint
    needed_for: str
    essential: bool = False
    parts: Mapping[str, object] = field(default_factory=dict)
    params: Mapping[str, str] | None = None
    body: Mapping[str, Any] | None = None
    without_filter: str = ""


def _update_of_nothing(**key: object) -> dict[str, Any]:
    return {"action": "updateOnly", "dedupeBy": "idField", "input": [key]}


#: writes that Marketo's own CRM sync closes
_CLOSED_BY_CRM_SYNC = (endpoints.COMPANIES.sync, endpoints.OPPORTUNITIES.sync, endpoints.SALES_PERSONS.sync)
#: the same by what Syncs call the objects; roles are closed with their opportunities
_CRM_OBJECTS: Mapping[str, Endpoint] = {
    "companies": endpoints.COMPANIES.sync,
    "opportunities": endpoints.OPPORTUNITIES.sync,
    "opportunity_roles": endpoints.OPPORTUNITIES.sync,
    "sales_persons": endpoints.SALES_PERSONS.sync,
}

PROBES = (
    Probe(endpoint=endpoints.DESCRIBE_LEADS, needed_for="Actions", essential=True),
    Probe(
        endpoint=endpoints.SYNC_LEADS,
        needed_for="write-backs, list actions and writing people",
        essential=True,
        body={"action": "updateOnly", "lookupField": "id", "input": [{"id": _NOBODY}]},
    ),
    Probe(endpoint=endpoints.ACTIVITY_TYPES_OF_INSTANCE, needed_for="results as custom activities", essential=True),
    Probe(endpoint=endpoints.CUSTOM_TYPES, needed_for="results as custom activities", essential=True),
    Probe(
        endpoint=endpoints.ADD_CUSTOM_ACTIVITIES,
        needed_for="results as custom activities",
        essential=True,
        body={
            "input": [
                {
                    "leadId": _NOBODY,
                    "activityTypeId": _NOBODY,
                    "activityDate": "2000-01-01T00:00:00Z",
                    "primaryAttributeValue": "none",
                    "attributes": [],
                }
            ]
        },
    ),
    Probe(
        endpoint=endpoints.DISCARD_CUSTOM_TYPE,
        needed_for="`leadbridge setup marketo --create`",
        parts={"type": _NO_NAME},
    ),
    Probe(endpoint=endpoints.COMPANIES.describe, needed_for="the CRM cycle"),
    Probe(endpoint=endpoints.COMPANIES.sync, needed_for="the CRM cycle", body=_update_of_nothing(id=_NOBODY)),
    Probe(endpoint=endpoints.OPPORTUNITIES.describe, needed_for="the CRM cycle"),
    Probe(
        endpoint=endpoints.OPPORTUNITIES.sync, needed_for="the CRM cycle", body=_update_of_nothing(marketoGUID=_NO_NAME)
    ),
    Probe(endpoint=endpoints.SALES_PERSONS.describe, needed_for="the CRM cycle"),
    Probe(endpoint=endpoints.SALES_PERSONS.sync, needed_for="the CRM cycle", body=_update_of_nothing(id=_NOBODY)),
    Probe(endpoint=endpoints.CUSTOM_OBJECT_LIST, needed_for="custom objects"),
    Probe(
        endpoint=endpoints.CUSTOM_OBJECTS.sync,
        needed_for="custom objects",
        parts={"object": _NO_NAME},
        body=_update_of_nothing(marketoGUID=_NO_NAME),
    ),
    Probe(endpoint=endpoints.LISTS, needed_for="list actions", params={"batchSize": "1"}),
    Probe(endpoint=endpoints.PROGRAMS, needed_for="programs and lists by name", params={"maxReturn": "1"}),
    Probe(
        endpoint=endpoints.REQUEST_CAMPAIGN,
        needed_for="transactional e-mail",
        parts={"campaign": _NOBODY},
        body={"input": {"leads": [{"id": _NOBODY}]}},
    ),
    Probe(endpoint=endpoints.LEAD_EXPORT.list, needed_for="bulk extracts", params={"batchSize": "1"}),
    Probe(
        endpoint=endpoints.LEAD_EXPORT.create,
        needed_for="bulk extracts by time of change",
        # longer than any extract may cover, so that no job is made
        body={
            "fields": ["id"],
            "filter": {"updatedAt": {"startAt": "2000-01-01T00:00:00Z", "endAt": "2001-01-01T00:00:00Z"}},
        },
        without_filter=(
            "Leadbridge extracts people by createdAt and takes changes from the log of activities; changes of custom "
            "objects cannot be read until Marketo has included the filter updatedAt."
        ),
    ),
    Probe(
        endpoint=endpoints.LEAD_FIELDS.list, needed_for="`leadbridge setup marketo --create`", params={"batchSize": "1"}
    ),
)


def permissions() -> dict[str, list[str]]:
    """What the API user's role may have to allow, and what for."""
    needed: dict[str, dict[str, None]] = {}
    for probe in PROBES:
        needed.setdefault(probe.endpoint.permission, {})[probe.needed_for] = None
    return {name: list(uses) for name, uses in needed.items()}


def preflight(api: Api, *, daily_calls: int) -> Iterator[Finding]:
    """Look at one thing after the other; without a login the first finding is the last. Costs about twenty calls."""
    try:
        answer = api.get(endpoints.USAGE)
    except (AuthenticationError, QuotaExhaustedError, TransientError) as error:
        yield Finding(level=Level.ERROR, what="Marketo does not let us in", remedy=_sentence(error.detail))
        return
    except PermanentError as error:
        what = f"the calls of today cannot be read ({error.code})"
        yield Finding(level=Level.WARNING, what=what, remedy=_sentence(error.detail))
    else:
        yield Finding(level=Level.FINE, what="the login works")
        yield _quota(calls_today(answer), calls_by_user(answer), daily_calls)
    codes = {probe: _try(api, probe) for probe in PROBES}
    yield from _missing([probe for probe, code in codes.items() if code == DENIED])
    yield from dict.fromkeys(finding for probe, code in codes.items() for finding in _lacking(probe, code))
    allowed = dict.fromkeys(probe.endpoint.permission for probe, code in codes.items() if _lets_in(code))
    if allowed:
        yield Finding(level=Level.FINE, what=f"permissions that are there: {', '.join(allowed)}")
    yield _crm_sync({probe: code for probe, code in codes.items() if probe.endpoint in _CLOSED_BY_CRM_SYNC})


def closed_by_crm_sync(api: Api, object_name: str) -> bool:
    """Whether Marketo's own CRM sync keeps an object from being written, as a Sync calls it; one call at most."""
    endpoint = _CRM_OBJECTS.get(object_name)
    return endpoint is not None and any(_try(api, probe) == NATIVE for probe in PROBES if probe.endpoint is endpoint)


def _lets_in(code: str) -> bool:
    return code not in {DENIED, *MISSING} and not code.startswith("?")


def _missing(denied: Sequence[Probe]) -> Iterator[Finding]:
    for permission in dict.fromkeys(probe.endpoint.permission for probe in denied):
        probes = [probe for probe in denied if probe.endpoint.permission == permission]
        uses = ", ".join(dict.fromkeys(probe.needed_for for probe in probes))
        yield Finding(
            level=Level.ERROR if any(probe.essential for probe in probes) else Level.WARNING,
            what=f"the permission {permission} is missing, which is needed for {uses}",
            remedy="Add it to the role of the API user (Admin > Users & Roles), or our address to the IP allow-list.",
        )


def _lacking(probe: Probe, code: str) -> Iterator[Finding]:
    if code in MISSING:
        yield Finding(
            level=Level.WARNING,
            what=f"the subscription does not include what {probe.needed_for} need ({code})",
            remedy=probe.without_filter if code == NO_FILTER else "Ask Marketo to include it, or do without.",
        )
    elif code.startswith("?"):
        yield Finding(
            level=Level.WARNING,
            what=f"the permission {probe.endpoint.permission} could not be tried",
            remedy=_sentence(f"Try again later: {code[1:]}"),
        )


def _crm_sync(codes: Mapping[Probe, str]) -> Finding:
    closed = [probe for probe, code in codes.items() if code == NATIVE]
    if not closed and not any(_lets_in(code) for code in codes.values()):
        return Finding(
            level=Level.WARNING,
            what="whether Marketo's own CRM sync is on could not be seen",
            remedy="Try again once the API user may write companies, opportunities or sales persons.",
        )
    if not closed:
        return Finding(level=Level.FINE, what="Marketo's own CRM sync is off, the CRM cycle may run")
    names = [probe.endpoint.operation.removeprefix("sync_").replace("_", " ") for probe in closed]
    return Finding(
        level=Level.WARNING,
        what=f"Marketo's own CRM sync is on: {', '.join(names)} are read-only",
        remedy=(
            "Actions, lists, activities and custom objects work beside it. A CRM cycle needs `mode: beside_native`, "
            "without companies, sales persons and opportunities, until Marketo support has switched that sync off."
        ),
    )


def _try(api: Api, probe: Probe) -> str:
    """The code that the call was refused with as a whole, empty if it was let in; "?" and why if nobody knows."""
    try:
        api.send(probe.endpoint, parts=probe.parts, params=probe.params, body=probe.body)
    except (TransientError, QuotaExhaustedError, AuthenticationError) as error:
        return f"?{error.detail}"
    except SyncError as error:
        return error.code
    return ""


def _quota(used: int, users: Mapping[str, int], daily_calls: int) -> Finding:
    most = sorted(users.items(), key=lambda each: (-each[1], each[0]))
    who = ", ".join(f"{user} {count:,}" for user, count in most[:_USERS])
    more = f", {len(most) - _USERS} more" if len(most) > _USERS else ""
    what = f"{used:,} of {daily_calls:,} calls of today are used, by all integrations{f': {who}{more}' if who else ''}"
    if used < 0.8 * daily_calls:
        return Finding(level=Level.FINE, what=what)
    return Finding(
        level=Level.WARNING,
        what=what,
        remedy="Compare `MarketoDailyCalls` with the subscription (Admin > Web Services) and see who calls so much.",
    )


def _sentence(text: str) -> str:
    return f"{text.removesuffix('.')}."
