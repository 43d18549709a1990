"""The first run of a cycle, which reads everything, against both vendor twins."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.usecases.sync_files import page_key
from tests.fakes.clock import NOON
from tests.integration.vendors.cycles import WiredCycle
from tests.integration.vendors.test_company_cycles import PERSONS, USER, Build, build, load

__all__ = ["build"]

#: companies that people are in: a call of 300, and one
NAMED = 301
#: what Marketo is asked for, by the end of the path
STEPS = {
    "leads/export/create.json": "people",
    "rest/v1/companies.json": "companies",
    "rest/v1/salespersons.json": "sales persons",
}
#: what the document says of people, their id and moments, and the links that a cycle keeps by itself
OF_PEOPLE = {"id", "createdAt", "updatedAt", "salesforceId", "email", "lastName", "company"}


def reading(world: WiredCycle) -> Iterator[tuple[str, Sequence[str]]]:
    """What Marketo was asked for before anything was written, one entry a call, with the keys that it found."""
    for call in world.calls(world.marketo, "/"):
        kind = next((kind for end, kind in STEPS.items() if call["path"].endswith(end)), None)
        if kind:
            yield kind, call["record_keys"]


def owned(world: WiredCycle, count: int) -> tuple[str, list[str]]:
    """So many people of Marketo, each in a company of its own, all of one sales person, as Salesforce has them.

    Another company, and another sales person, are there in both systems, and nobody names them.
    """
    user = load(world, "User", **USER)
    stranger = load(world, "User", **{**USER, "Username": "other@example.com"})
    owner, kept = {"externalSalesPersonId": user}, {"lastName": USER["LastName"], "email": USER["Email"]}
    rows = [{"Name": f"Acme {number}", "OwnerId": user} for number in range(count + 1)]
    accounts: list[str] = world.salesforce.post("load", {"Account": rows})["Account"]
    companies = [{"externalCompanyId": each, "company": rows[at]["Name"], **owner} for at, each in enumerate(accounts)]
    sellers = [{**owner, **kept}, {**kept, "externalSalesPersonId": stranger}]
    world.marketo.post("load", {"salesPersons": sellers, "companies": companies})
    at = (NOON - timedelta(days=40)).isoformat()
    people = [
        {"email": f"{place}@example.com", "lastName": "L", "externalCompanyId": each, **owner, "createdAt": at}
        for place, each in enumerate(accounts[:count])
    ]
    people = [{"id": str(place), **person} for place, person in enumerate(people, start=1)]
    world.marketo.post("load", {"leads": people})
    return user, accounts


@pytest.mark.cap("M095", "M099")
def test_the_first_run_finds_out_what_marketo_holds_in_adobes_order(build: Build) -> None:
    """People by windows of 31 days, companies by the ids that people name, 300 a call, sales persons likewise.

    Nothing is written that is equal; whom nobody names is found by the look before it would be made once more.
    """
    world = build(low_watermark=None)
    owned(world, NAMED)
    world.ran(bootstrap=True)

    windows = [each["filter"]["createdAt"] for each in world.extracts]
    assert len(windows) == 2
    assert windows[0]["endAt"] == "2026-02-20T11:59:59Z"
    assert windows[1]["startAt"] == "2026-02-20T12:00:00Z"
    made = list(reading(world))
    assert [kind for kind, _ in made] == [*["people"] * 2, *["companies"] * 2, *["sales persons"] * 2, "companies"]
    # before anything is written, only who is named by a person is asked for
    assert [len(keys) for kind, keys in made if kind == "companies"] == [NAMED - 1, 1, 1]
    assert [len(keys) for kind, keys in made if kind == "sales persons"] == [1, 1]
    assert world.written() == []


@pytest.mark.cap("M083", "M090")
def test_kinds_of_records_that_are_off_cost_no_call_and_of_the_others_only_their_fields_are_read(build: Build) -> None:
    """Of Salesforce's records as of Marketo's; companies that are switched off are nowhere in the fields either."""
    off = {"enabled": False, "fields": [{"marketo": "industry", "salesforce": "Industry"}]}
    world = build(low_watermark=None, companies=off, sales_persons={"enabled": False})
    person = {"id": 1, "email": "ada@example.com", "title": "Countess", "industry": "Mills"}
    load(world, "Lead", LastName="Free", Email="free@example.com", Company="Mine", Title="Queen")
    world.marketo.post("load", {"leads": [person]})
    run = world.ran(bootstrap=True)

    assert {frozenset(each["fields"]) for each in world.extracts} == {frozenset(OF_PEOPLE)}
    pages = {name: world.syncs.get(f"main.{name}", run.slot) for name in ("from-leads", "from-contacts")}
    read = {name: found[0] for name, found in pages.items() if found}
    columns = world.objects.contents[page_key(read["from-leads"], 1)].splitlines()[0].decode().split(",")
    assert set(columns) == {
        *("Id", "Email", "LastName", "Company", "SystemModstamp", "CreatedDate", "LastModifiedDate"),
        *("IsConverted", "ConvertedDate", "ConvertedContactId", "ConvertedAccountId"),
    }
    others = ("companies", "salespersons", "opportunities", "customobjects", "programs", "activities", "lists")
    # what the day's extracts took is asked of all kinds
    paths = [path for path in _paths(world) if not path.endswith("/export.json")]
    assert not [path for path in paths if any(f"/v1/{each}" in path for each in others)]
    assert not [path for path in _paths(world, salesforce=True) if "Account" in path or "/User" in path]


@pytest.mark.cap("M084")
@pytest.mark.parametrize(("low", "jobs", "oldest"), [("2025-12-01", 3, 0), ("2026-01-15", 2, 1), ("2026-02-15", 0, 2)])
def test_a_later_low_watermark_means_fewer_jobs_and_nothing_older_is_fetched(
    build: Build, low: str, jobs: int, oldest: int
) -> None:
    """Of people by their making; of Salesforce's records by their change. A month and less is in the log."""
    persons: dict[str, Any] = {**PERSONS, "low_watermark": f"{low}T00:00"}
    world = build(low_watermark=None, companies=None, sales_persons=None, persons=persons)
    days = ("2025-12-20", "2026-01-20", "2026-02-20")
    people = [{"email": f"{each}@example.com", "lastName": "P", "createdAt": f"{each}T08:00:00Z"} for each in days]
    first = {"id": 1, "email": "old@example.com", "createdAt": "2024-01-01T00:00:00Z"}
    world.marketo.post("load", {"leads": [first, *people]})
    stamps = [f"{each}T08:00:00Z" for each in days]
    leads = [{"LastName": "S", "Company": "Acme", "Email": f"s{each}@example.com"} for each in days]
    ids = world.salesforce.post("load", {"Lead": leads})["Lead"]
    for record, at in zip(ids, stamps, strict=True):
        world.salesforce.post("set", {"object": "Lead", "ids": [record], "fields": {"SystemModstamp": at}})

    run = world.ran(bootstrap=True)

    assert len(world.extracts) == jobs
    # a loaded person leaves nothing in the log
    assert (run.rows["from-people"], run.rows["from-leads"]) == (3 - oldest if jobs else 0, 3 - oldest)


def _paths(world: WiredCycle, *, salesforce: bool = False) -> list[str]:
    twin = world.salesforce if salesforce else world.marketo
    return [call["path"] for call in world.calls(twin, "/")]
