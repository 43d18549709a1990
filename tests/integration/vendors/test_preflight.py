"""What `connections test` finds: each lack is named with its remedy, and nothing is written by looking."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from leadbridge.domain.preflight import Finding, Level
from leadbridge.domain.salesforce_needs import Need
from leadbridge.vendors.marketo.auth import Credentials
from leadbridge.vendors.marketo.client import MarketoClient
from tests.fakes.limits import NoLimit
from tests.integration.vendors.conftest import Clients, Twin

LEAD = Need(
    create=True,
    edit=True,
    written=frozenset({"Email", "LastName", "Company", "Phone"}),
    read=frozenset({"Id", "Email"}),
)
MARKETO_OBJECTS = ("leads", "activities", "companies", "opportunities", "salespersons", "lists", "programs")


def marketo_findings(clients: Clients) -> list[Finding]:
    """What a new client finds."""
    return list(clients.marketo().preflight(daily_calls=50_000))


def salesforce_findings(clients: Clients, **needs: Need) -> list[Finding]:
    """What a new client finds."""
    return list(clients.salesforce().preflight(needs or {"Lead": LEAD}))


def wrong(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that are not fine."""
    return [each for each in findings if each.level is not Level.FINE]


def loaded(marketo: Twin) -> None:
    """A person, so that there is something that could be damaged."""
    marketo.post("load", {"leads": [{"email": "ada@example.com", "lastName": "Lovelace"}]})


def everything(twin: Twin, objects: Iterable[str]) -> dict[str, Any]:
    """All records of these objects, as they are."""
    return {name: twin.get(f"records/{name}") for name in objects}


def test_the_org_that_answers_is_compared_with_the_one_that_is_named(clients: Clients, salesforce: Twin) -> None:
    """The named one, or none: it is told which answers. Another one is an error with both ids and what to do."""
    [org] = salesforce.get("records/Organization")

    unnamed, same, other = (
        [each for each in clients.salesforce().preflight({}, organization=named) if "org that answers" in each.what]
        for named in (None, org["Id"], "00DDZ00000elseAAA")
    )

    assert [(each.level, each.what) for each in (*unnamed, *same)] == [
        (Level.FINE, f"the org that answers is {org['Id']}")
    ] * 2
    [found] = other
    assert found.level is Level.ERROR
    assert found.what == f"the org that answers is {org['Id']}, but `organization_id` names 00DDZ00000elseAAA"
    assert f"put {org['Id']} into `organization_id`" in found.remedy
    assert "correct `token_host`" in found.remedy


def test_a_sound_marketo_connection_has_no_finding_and_is_left_as_it_was(clients: Clients, marketo: Twin) -> None:
    """Login, quota, every permission and the CRM mode are fine; afterwards every record is what it was."""
    loaded(marketo)
    before = everything(marketo, MARKETO_OBJECTS)

    findings = marketo_findings(clients)

    assert [each.line() for each in wrong(findings)] == []
    words = " ".join(each.what for each in findings)
    assert "calls of today are used" in words
    assert "Read-Write Lead" in words
    assert "CRM sync is off" in words
    assert everything(marketo, MARKETO_OBJECTS) == before


@pytest.mark.pain("P23")
def test_whose_calls_use_the_quota_is_told_while_some_are_left(clients: Clients, marketo: Twin) -> None:
    """Another integration makes most of the calls: it is told with its own number before the quota is spent."""
    known = clients.announced["marketo_credentials"]
    other = {"client_id": known["other_client_id"], "client_secret": known["other_client_secret"]}
    there = MarketoClient(
        clients.settings(),
        base_url=clients.announced["marketo_url"],
        credentials=lambda *, fresh=False: Credentials(**other),
        limiter=NoLimit(),
    )
    for _ in range(9):
        there.usage()
    [usage] = there.stats.usage()
    ours = clients.marketo()
    [told] = [each for each in ours.preflight(daily_calls=12) if "calls of today" in each.what]

    [user] = [each.user_id for each in usage.users]
    assert told.level is Level.WARNING
    assert told.what.startswith(f"11 of 12 calls of today are used, by all integrations: {user} 10, ")
    assert told.what.endswith(" 1")
    assert "see who calls so much" in told.remedy


@pytest.mark.cap("M024")
@pytest.mark.parametrize(
    ("permission", "level"),
    [
        ("Read-Only Lead", Level.ERROR),
        ("Read-Write Lead", Level.ERROR),
        ("Read-Only Activity", Level.ERROR),
        ("Read-Write Activity", Level.ERROR),
        ("Read-Only Company", Level.WARNING),
        ("Read-Write Company", Level.WARNING),
        ("Read-Only Opportunity", Level.WARNING),
        ("Read-Write Opportunity", Level.WARNING),
        ("Read-Only Sales Person", Level.WARNING),
        ("Read-Write Sales Person", Level.WARNING),
        ("Read-Only Custom Object", Level.WARNING),
        ("Read-Write Custom Object", Level.WARNING),
        ("Read-Only Assets", Level.WARNING),
        ("Read-Write Activity Metadata", Level.WARNING),
        ("Execute Campaign", Level.WARNING),
    ],
)
def test_a_missing_permission_is_named_with_what_needs_it(
    clients: Clients, marketo: Twin, permission: str, level: Level
) -> None:
    """Without one permission of the role exactly that one is named, with what needs it and where to add it."""
    # a read-write permission includes the reading
    denied = {permission, permission.replace("Only", "Write")}
    marketo.post("permissions", {"denied": sorted(denied)})

    found = [each for each in wrong(marketo_findings(clients)) if permission in each.what]

    assert found
    assert {each.level for each in found} == {level}
    assert {each.level for each in wrong(marketo_findings(clients)) if not any(n in each.what for n in denied)} == set()
    assert all("Users & Roles" in each.remedy for each in found)


@pytest.mark.parametrize(
    ("switch", "code", "remedy"),
    [
        ("export_optional_filters", "1035", "createdAt"),
        ("custom_objects", "1026", "do without"),
        ("bulk_extract", "703", "do without"),
    ],
)
def test_what_a_subscription_lacks_is_told_with_what_to_do_instead(
    clients: Clients, marketo: Twin, switch: str, code: str, remedy: str
) -> None:
    """One warning for each use, with the vendor's code; no extract job is made to find out."""
    marketo.post("limits", {switch: False})
    findings = wrong(marketo_findings(clients))
    marketo.post("limits", {switch: True})

    assert findings
    assert {each.level for each in findings} == {Level.WARNING}
    assert all(code in each.what for each in findings)
    assert any(remedy in each.remedy for each in findings)
    assert len({each.what for each in findings}) == len(findings)
    assert list(clients.marketo().bulk.lead_exports.jobs()) == []


def test_marketos_own_crm_sync_is_told(clients: Clients, marketo: Twin) -> None:
    """In the native mode (V01) the closed objects are named, and what works beside it."""
    marketo.post("limits", {"native_crm": True})

    [found] = wrong(marketo_findings(clients))

    assert found.level is Level.WARNING
    assert "companies, opportunities, sales persons are read-only" in found.what
    assert "Actions, lists, activities and custom objects work beside it" in found.remedy


def test_a_crm_sync_that_cannot_be_seen_is_not_called_off(clients: Clients, marketo: Twin) -> None:
    """Where the role may write none of the objects that the sync would close, nothing is said of the sync."""
    names = [f"Read-Write {each}" for each in ("Company", "Opportunity", "Sales Person")]
    marketo.post("permissions", {"denied": names})

    words = [each.what for each in marketo_findings(clients) if "CRM sync" in each.what]

    assert words == ["whether Marketo's own CRM sync is on could not be seen"]


def test_wrong_marketo_credentials_are_the_only_finding(clients: Clients, marketo: Twin) -> None:
    """Nothing else is tried where the login is refused; the sentence says what to check."""
    clients.announced = clients.announced | {
        "marketo_credentials": {"client_id": "00000000-0000-0000-0000-000000000000", "client_secret": "wrong"}
    }

    findings = marketo_findings(clients)

    assert [each.level for each in findings] == [Level.ERROR]
    assert "LaunchPoint" in findings[0].remedy


def test_a_sound_salesforce_connection_has_no_finding_and_is_left_as_it_was(clients: Clients, salesforce: Twin) -> None:
    """Login, quota, objects, fields and writes are fine; afterwards every record is what it was."""
    salesforce.post("load", {"Lead": [{"LastName": "Lovelace", "Company": "Engines", "Email": "ada@example.com"}]})
    before = everything(salesforce, ["Lead", "Contact", "Account"])

    findings = salesforce_findings(clients)

    assert [each.line() for each in wrong(findings)] == []
    assert everything(salesforce, ["Lead", "Contact", "Account"]) == before


@pytest.mark.parametrize(
    ("denied", "words"),
    [
        ({"denied": ["Lead.create"]}, "may not create Lead"),
        ({"denied": ["Lead.update"]}, "may not edit Lead"),
        ({"hidden": ["Lead.Phone"]}, "does not see Lead.Phone"),
        ({"read_only": ["Lead.Phone"]}, "may not write Lead.Phone"),
    ],
)
def test_what_the_integration_user_may_not_do_is_named(
    clients: Clients, salesforce: Twin, denied: dict[str, Any], words: str
) -> None:
    """Each right that the permission set lacks is named with the place where it is given."""
    salesforce.post("permissions", denied)

    found = wrong(salesforce_findings(clients))

    assert [each.level for each in found] == [Level.ERROR]
    assert words in found[0].what
    assert "Permission Sets" in found[0].remedy


def test_an_object_that_the_user_does_not_see_is_named(clients: Clients, salesforce: Twin) -> None:
    """An object that is not there, or hidden, is told before anything is asked about it."""
    [found] = wrong(salesforce_findings(clients, Engine__c=LEAD))

    assert "does not see the object Engine__c" in found.what


@pytest.mark.parametrize(
    ("spoil", "remedy"),
    [
        (lambda known: known | {"audience": "https://example.com"}, "audience"),
        (lambda known: known | {"username": "nobody@example.com"}, "user"),
        (lambda known: known | {"client_id": "3MVG9unknown"}, "consumer key"),
    ],
    ids=["audience", "user", "consumer key"],
)
def test_a_refused_salesforce_login_is_explained(
    clients: Clients, salesforce: Twin, spoil: Callable[[dict[str, Any]], dict[str, Any]], remedy: str
) -> None:
    """The vendor's own words of a refused login become what to do; nothing else is tried."""
    clients.announced = clients.announced | {
        "salesforce_credentials": spoil(clients.announced["salesforce_credentials"])
    }

    findings = salesforce_findings(clients)

    assert [each.level for each in findings] == [Level.ERROR]
    assert remedy in findings[0].remedy
