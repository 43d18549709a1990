"""The table of calls: complete, unmistakable, patient enough."""

import re
from collections import Counter

import pytest

from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.endpoints import Endpoint, Paging

EVERY = endpoints.every()


def test_every_call_has_a_name_of_its_own() -> None:
    """The log, errors and metrics tell calls apart by it."""
    assert [name for name, count in Counter(each.operation for each in EVERY).items() if count > 1] == []
    assert len(EVERY) > 100


@pytest.mark.parametrize("endpoint", EVERY, ids=lambda each: each.operation)
def test_an_address_is_in_its_family_and_never_has_two_slashes(endpoint: Endpoint) -> None:
    """Lead database, assets, bulk: bulk has no `/rest`; a double slash is deprecated at Marketo's gateway."""
    assert re.fullmatch(r"(/rest/v1|/rest/asset/v1|/bulk/v1)/[\w/{}.]+\.json", endpoint.path)
    assert "//" not in endpoint.path


@pytest.mark.parametrize("endpoint", EVERY, ids=lambda each: each.operation)
def test_nobody_gives_up_before_marketo_does(endpoint: Endpoint) -> None:
    """Ten seconds more than the documented time-outs: 30 for most, 300 for assets; GET never leaves doubt."""
    least = 310.0 if endpoint.path.startswith("/rest/asset/") else 40.0
    assert endpoint.read_seconds >= least
    assert not (endpoint.is_write and endpoint.method == "GET")


@pytest.mark.parametrize(
    ("endpoint", "server_seconds"),
    [
        (endpoints.SYNC_LEADS, 90),
        (endpoints.PUSH_LEADS, 90),
        (endpoints.MERGE_LEADS, 180),
        (endpoints.ASSOCIATE_LEAD, 60),
        (endpoints.MOVE_LEADS, 60),
        (endpoints.LEADS_BY_FILTER, 60),
        (endpoints.LEADS_OF_LIST, 60),
        (endpoints.PAGING_TOKEN, 300),
        (endpoints.ADD_CUSTOM_ACTIVITIES, 90),
        (endpoints.COMPANIES.sync, 60),
        (endpoints.COMPANIES.delete, 60),
        (endpoints.CUSTOM_OBJECTS.sync, 120),
        (endpoints.CUSTOM_OBJECTS.delete, 60),
    ],
    ids=lambda value: getattr(value, "operation", value),
)
def test_slow_calls_have_more_patience(endpoint: Endpoint, server_seconds: int) -> None:
    """Marketo's own time-out and ten seconds."""
    assert endpoint.read_seconds >= server_seconds + 10


def test_every_way_of_paging_is_in_use() -> None:
    """And nothing but reads pages."""
    assert {each.paging for each in EVERY} == set(Paging)
    assert {each.method for each in EVERY if each.paging is not Paging.NONE} == {"GET"}


def test_the_one_delete_of_the_lead_database_is_that_of_list_members() -> None:
    """Everything else is deleted by POST."""
    assert [each.operation for each in EVERY if each.method == "DELETE"] == ["remove_from_list"]
    assert {each.method for each in EVERY} == {"GET", "POST", "DELETE"}


@pytest.mark.parametrize(
    "operation",
    [
        "sync_leads",
        "push_leads",
        "merge_leads",
        "add_custom_activities",
        "request_campaign",
        "schedule_campaign",
        "create_leads_export",
        "import_leads",
        "create_program",
        "clone_program",
        "sync_companies",
    ],
)
def test_what_could_happen_twice_is_never_repeated_blindly(operation: str) -> None:
    """A lost answer to these is doubt."""
    assert next(each for each in EVERY if each.operation == operation).is_write
