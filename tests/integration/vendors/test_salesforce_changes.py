"""Queries, replication and what became of leads, through the client against the Salesforce twin."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from leadbridge.errors import PermanentError
from leadbridge.vendors.salesforce.client import SalesforceClient
from tests.integration.vendors.conftest import Clients, Twin

DATA = "/services/data/v67.0"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def client(clients: Clients, salesforce: Twin) -> SalesforceClient:
    return clients.salesforce()


@pytest.fixture
def now(clients: Clients, salesforce: Twin) -> Callable[[], datetime]:
    """The twin's time; what it shows and we use are one."""
    return lambda: datetime.fromisoformat(salesforce.get("clock")["now"]).astimezone(UTC)


def load(salesforce: Twin, count: int) -> list[str]:
    rows = [{"LastName": f"Doe {n}", "Company": "Acme", "External_Key__c": f"K{n}"} for n in range(count)]
    ids: list[str] = salesforce.post("load", {"Lead": rows})["Lead"]
    return ids


@pytest.mark.cap("U43")
def test_more_than_two_pages_are_read_completely_and_no_row_twice(client: SalesforceClient, salesforce: Twin) -> None:
    """5,001 rows come in three pages of the default size."""
    ids = load(salesforce, 5_001)
    found = [record["Id"] for record in client.query("SELECT Id FROM Lead")]
    assert sorted(found) == sorted(ids)
    assert len(set(found)) == 5_001


@pytest.mark.parametrize(("rows", "pages"), [(400, 2), (401, 3)])
def test_a_smaller_page_is_a_wish_that_is_sent(
    client: SalesforceClient, salesforce: Twin, rows: int, pages: int
) -> None:
    """Page boundary and one more: pages of 200 until the vendor says that it is done."""
    load(salesforce, rows)
    found = [len(page) for page in client.queries.pages("SELECT Id FROM Lead", batch_size=200)]
    assert (len(found), sum(found)) == (pages, rows)


def test_a_position_that_expires_in_mid_reading_is_told_and_a_whole_reading_begins_anew(
    clients: Clients, salesforce: Twin
) -> None:
    """Page by page the caller learns of it; read as a whole, every row is there once."""
    client = clients.salesforce()
    ids = load(salesforce, 2_001)
    pages = client.queries.pages("SELECT Id FROM Lead")
    assert len(next(pages)) == 2_000
    salesforce.post("clock", {"advance_seconds": 3 * 86_400})
    clients.clock_offset += timedelta(days=3)
    with pytest.raises(PermanentError) as caught:
        next(pages)
    assert caught.value.code == "INVALID_QUERY_LOCATOR"

    rule = {"match": f"GET {DATA}/query/*", "nth": 1, "times": 1, "kind": "vendor_error"}
    salesforce.post("faults", [{**rule, "code": "INVALID_QUERY_LOCATOR"}])
    assert sorted(record["Id"] for record in client.query("SELECT Id FROM Lead")) == sorted(ids)


def test_deleted_records_are_counted_and_read_only_where_asked_for(client: SalesforceClient, salesforce: Twin) -> None:
    """queryAll shows what query hides; COUNT() stands beside the records."""
    ids = load(salesforce, 3)
    client.rows.delete(ids[:1])
    assert client.queries.count("SELECT COUNT() FROM Lead") == 2
    everything = client.queries.all("SELECT Id, IsDeleted FROM Lead", include_deleted=True)
    assert {record["Id"]: record["IsDeleted"] for record in everything} == {ids[0]: True, ids[1]: False, ids[2]: False}


def test_changes_and_deletions_of_a_window_are_listed_with_what_it_covers(
    client: SalesforceClient, salesforce: Twin, now: Callable[[], datetime]
) -> None:
    """Created and changed ids on one side, deleted ones with their time on the other, each up to the asked end."""
    begun = now() - MINUTE
    first, second, third = load(salesforce, 3)
    client.rows.delete([third])
    salesforce.post("clock", {"advance_seconds": 180})
    end = now() - MINUTE
    changed, gone = client.changes.updated("Lead", begun, end), client.changes.deleted("Lead", begun, end)
    assert set(changed.ids) == {first, second}
    assert list(gone.at) == [third]
    whole = end.replace(second=0, microsecond=0)
    assert changed.covered_to == gone.covered_to == whole
    assert gone.known_from <= begun


def test_a_record_that_is_committed_late_lies_in_the_window_that_begins_where_the_last_was_covered(
    client: SalesforceClient, salesforce: Twin, now: Callable[[], datetime]
) -> None:
    """The stamp is older than the commit: the answer's own end, not the asked one, is where to go on."""
    begun = now() - MINUTE
    rule = {"match": f"POST {DATA}/composite/sobjects", "nth": 1, "times": 1, "kind": "late_commit", "seconds": 600}
    salesforce.post("faults", [rule])
    (made,) = client.create("Lead", [{"LastName": "Late", "Company": "Acme"}])
    salesforce.post("clock", {"advance_seconds": 300})
    early = client.changes.updated("Lead", begun, now())
    assert made.id not in early.ids
    assert early.covered_to < now() - timedelta(seconds=299)

    salesforce.post("clock", {"advance_seconds": 600})
    late = client.changes.updated("Lead", early.covered_to, now())
    assert made.id in late.ids


def test_a_window_with_more_ids_than_the_vendor_lists_is_asked_for_in_halves(
    client: SalesforceClient, salesforce: Twin, now: Callable[[], datetime]
) -> None:
    """Every id comes once, though no single answer could hold them all."""
    salesforce.post("limits", {"replicated_ids": 20})
    client.limits()  # logs in while both clocks agree
    begun = now() - MINUTE
    made: list[str] = []
    for n in range(5):
        rows = [{"LastName": f"Doe {n} {m}", "Company": "Acme"} for m in range(10)]
        made += salesforce.post("load", {"Lead": rows})["Lead"]
        salesforce.post("clock", {"advance_seconds": 120})
    found = client.changes.updated("Lead", begun, now())
    assert sorted(found.ids) == sorted(made)
    client.rows.delete(made)
    salesforce.post("clock", {"advance_seconds": 120})
    salesforce.post("limits", {"replicated_ids": 600_000})
    assert sorted(client.changes.deleted("Lead", begun, now()).at) == sorted(made)


@pytest.mark.parametrize("days", [31, 16])
def test_a_window_that_is_too_old_is_refused_and_not_empty(
    client: SalesforceClient, salesforce: Twin, now: Callable[[], datetime], days: int
) -> None:
    """An empty list would say that nothing changed."""
    read = client.changes.updated if days == 31 else client.changes.deleted
    with pytest.raises(PermanentError) as caught:
        read("Lead", now() - timedelta(days=days), now())
    assert caught.value.code == "INVALID_REPLICATION_DATE"


def test_what_became_of_leads_is_told_by_their_18_characters(client: SalesforceClient, salesforce: Twin) -> None:
    """Converted ones name their contact, losers of a merge the winner; purged ones and nonsense are left out."""
    converted, loser, winner, deleted, alive, purged = load(salesforce, 6)
    (conversion,) = salesforce.post("convert", {"leads": [{"leadId": converted}]})
    salesforce.post("delete", {"object": "Lead", "ids": [purged]})
    salesforce.post("purge", {"object": "Lead"})
    salesforce.post("merge", {"object": "Lead", "master": winner, "losers": [loser]})
    salesforce.post("delete", {"object": "Lead", "ids": [deleted]})

    fates = client.lead_fates([each[:15] for each in (converted, loser, winner, deleted, alive, purged)] + ["x"])
    assert fates.keys() == {converted, loser, winner, deleted, alive}
    told = fates[converted]
    assert told.is_converted
    assert told.converted_on is not None
    assert (told.contact_id, told.account_id, told.opportunity_id) == (
        conversion["contactId"],
        conversion["accountId"],
        conversion["opportunityId"],
    )
    assert (fates[loser].is_deleted, fates[loser].merged_into) == (True, winner)
    assert (fates[deleted].is_deleted, fates[deleted].merged_into) == (True, "")
    assert not any((fates[alive].is_deleted, fates[alive].is_converted, fates[winner].is_deleted))


def test_changes_of_several_objects_come_in_one_call_and_are_the_same(
    client: SalesforceClient, salesforce: Twin, now: Callable[[], datetime]
) -> None:
    """Beside an object whose changes are not listed, which has to be asked for alone and says why."""
    ids = load(salesforce, 3)
    salesforce.post("clock", {"advance_seconds": 120})
    window = (now() - 10 * MINUTE, now())
    alone = client.changes.updated("Lead", *window)
    before = client.calls_made
    leads, nobody = client.changes.updated_each([("Lead", *window), ("Nothing__c", *window)])
    assert (leads, nobody, client.calls_made - before) == (alone, None, 1)
    assert sorted(alone.ids) == sorted(ids)


def test_objects_are_described_in_one_call_as_they_are_alone(client: SalesforceClient) -> None:
    """One that is not there is missing."""
    alone = {name: client.describe(name) for name in ("Lead", "Contact")}
    before = client.calls_made
    assert client.describe_each(["Lead", "Nothing__c", "Contact"]) == alone
    assert client.calls_made - before == 1


@pytest.mark.parametrize(("rows", "calls"), [(3, 1), (2_001, 3)])
def test_what_a_query_finds_and_what_went_come_in_one_call(
    client: SalesforceClient, salesforce: Twin, now: Callable[[], datetime], rows: int, calls: int
) -> None:
    """Where the query has more pages than one it is asked alone."""
    ids = load(salesforce, rows)
    salesforce.post("delete", {"object": "Lead", "ids": ids})
    salesforce.post("clock", {"advance_seconds": 120})
    before = client.calls_made
    statement = "SELECT Id FROM Lead WHERE IsDeleted = true"
    found, gone = client.changes.deleted_beside(statement, "Lead", now() - 10 * MINUTE, now())
    assert client.calls_made - before == calls
    assert sorted(each["Id"] for each in found) == sorted(gone.at) == sorted(ids)
