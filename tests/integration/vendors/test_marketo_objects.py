"""Companies, opportunities, roles, sales persons and custom objects: the client's verbs against the Marketo twin."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import ConfigurationError, PermanentError
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.marketo.objects import Objects
from tests.integration.vendors.conftest import Clients, Twin

ONE_MORE = 301
type Row = Mapping[str, Any]


def objects_of(client: MarketoClient, name: str) -> Objects:
    """The group of verbs of an object."""
    groups = {
        "companies": client.companies,
        "opportunities": client.opportunities,
        "salesPersons": client.sales_persons,
    }
    return groups[name]


def record_of(name: str, number: int) -> dict[str, Any]:
    """A valid record; its key and its words differ by number."""
    return {
        "companies": {"externalCompanyId": f"C-{number}", "company": f'Ünï "{number}", 😀'},
        "opportunities": {"externalOpportunityId": f"O-{number}", "name": f'Ünï "{number}", 😀'},
        "salesPersons": {"externalSalesPersonId": f"S-{number}", "lastName": f'Ünï "{number}", 😀'},
    }[name]


PATHS = {"companies": "companies", "opportunities": "opportunities", "salesPersons": "salespersons"}
KEYS = {
    "companies": "externalCompanyId",
    "opportunities": "externalOpportunityId",
    "salesPersons": "externalSalesPersonId",
}


@pytest.mark.cap("M032", "M047", "M039")
@pytest.mark.parametrize("name", list(PATHS))
def test_records_are_created_read_updated_and_deleted_with_a_result_for_each(
    clients: Clients, marketo: Twin, name: str
) -> None:
    """301 are two calls to write and to delete, two pages to read; a second delete is no failure, words survive."""
    objects = objects_of(clients.marketo(), name)
    rows = [record_of(name, number) for number in range(ONE_MORE)]
    key = KEYS[name]
    words = next(each for each in rows[0] if each != key)

    created = objects.sync(rows)
    updated = objects.sync([{**rows[0], words: "changed"}], action="updateOnly")
    missing = objects.sync([record_of(name, 9_999)], action="updateOnly")
    found = list(objects.by_filter(key, [row[key] for row in rows], [key, words]))
    gone = objects.delete([{key: row[key]} for row in rows[1:]])
    again = objects.delete([{key: rows[1][key]}])

    assert [row.status for row in created] == ["created"] * ONE_MORE
    assert len({row.id for row in created}) == ONE_MORE
    assert [(row.status, row.id) for row in updated] == [("updated", created[0].id)]
    assert [(row.ok, row.code, row.resolution) for row in missing] == [(False, "1013", Resolution.REJECT)]
    assert {row[key]: row[words] for row in found} == {row[key]: row[words] for row in rows} | {rows[0][key]: "changed"}
    assert [row.status for row in gone] == ["deleted"] * 300
    assert [(row.ok, row.code) for row in again] == [(True, "1013")]
    assert [record[key] for record in marketo.get(f"records/{name}")] == [rows[0][key]]
    assert len(marketo.calls_of("POST", f"/rest/v1/{PATHS[name]}.json")) == 4


@pytest.mark.cap("M031")
@pytest.mark.parametrize("name", list(PATHS))
def test_a_filter_that_is_not_searchable_is_refused_before_any_call(clients: Clients, marketo: Twin, name: str) -> None:
    """The finding names the fields that Marketo allows; the twin sees Describe and no query."""
    objects = objects_of(clients.marketo(), name)

    with pytest.raises(ConfigurationError, match=f"updatedAt is not searchable; Marketo allows .*{KEYS[name]}"):
        objects.by_filter("updatedAt", ["2026-01-01T00:00:00Z"])

    assert marketo.calls_of("GET", f"/rest/v1/{PATHS[name]}.json") == []


@pytest.mark.cap("M025")
def test_the_key_of_a_company_is_never_changed_nor_sent_twice_in_a_call(clients: Clients, marketo: Twin) -> None:
    """By id, a row with a key is refused; two rows of one key are two calls, and the second updates the first."""
    companies = clients.marketo().companies
    twice = [
        {"externalCompanyId": "C-1", "company": "First"},
        {"externalCompanyId": "C-2", "company": "Other"},
        {"externalCompanyId": "C-1", "company": "Second"},
    ]

    results = companies.sync(twice)

    assert [row.status for row in results] == ["created", "created", "updated"]
    assert results[0].id == results[2].id
    assert {each["externalCompanyId"]: each["company"] for each in marketo.get("records/companies")} == {
        "C-1": "Second",
        "C-2": "Other",
    }
    by_id = [{"id": int(str(results[0].id)), "externalCompanyId": "C-3"}]
    with pytest.raises(ConfigurationError, match="identifies the record and cannot be changed"):
        companies.sync(by_id, action="updateOnly", by="idField")
    with pytest.raises(ConfigurationError, match="updateOnly only"):
        companies.sync([{"id": 1, "company": "x"}], by="idField")
    assert len(marketo.calls_of("POST", "/rest/v1/companies.json")) == 2


@pytest.fixture
def deal(marketo: Twin) -> list[dict[str, Any]]:
    """Two leads and two opportunities; gives the keys of all four roles between them."""
    leads = marketo.post("load", {"leads": [{"email": "a@example.com"}, {"email": "b@example.com"}]})["leads"]
    deals = [{"externalOpportunityId": f"O-{number}", "name": "Deal"} for number in range(2)]
    marketo.post("load", {"opportunities": deals})
    return [
        {"externalOpportunityId": each["externalOpportunityId"], "leadId": lead, "role": "Buyer, “main”"}
        for each in deals
        for lead in leads
    ]


@pytest.mark.cap("M040", "M044")
def test_a_role_is_known_by_its_three_key_fields_together(
    clients: Clients, marketo: Twin, deal: list[dict[str, Any]]
) -> None:
    """Without one of them nothing is sent; with all, each role is created, read, changed and deleted as itself."""
    roles = clients.marketo().opportunity_roles
    for name in ("externalOpportunityId", "leadId", "role"):
        short = {each: value for each, value in deal[0].items() if each != name}
        with pytest.raises(ConfigurationError, match=f"{name} is part of the key"):
            roles.sync([short])
        with pytest.raises(ConfigurationError, match=f"{name} is part of the key"):
            roles.by_keys([short])
    assert marketo.calls_of("POST", "/rest/v1/opportunities/roles.json") == []

    created = roles.sync(deal)
    changed = roles.sync([{**deal[0], "isPrimary": True}])
    found = list(roles.by_keys(deal[:3], ["externalOpportunityId", "leadId", "isPrimary"]))
    deleted = roles.delete(deal[1:])

    assert [row.status for row in created] == ["created"] * 4
    assert [(row.status, row.id) for row in changed] == [("updated", created[0].id)]
    assert sorted((row["externalOpportunityId"], row["leadId"]) for row in found) == sorted(
        (each["externalOpportunityId"], each["leadId"]) for each in deal[:3]
    )
    assert [row.get("isPrimary") for row in found if row["marketoGUID"] == created[0].id] == [True]
    assert [row.status for row in deleted] == ["deleted"] * 3
    (left,) = marketo.get("records/opportunityRoles")
    assert left["marketoGUID"] == created[0].id


def test_a_role_carries_who_is_primary_and_since_when(
    clients: Clients, marketo: Twin, deal: list[dict[str, Any]]
) -> None:
    """The CRM's flag and date are what the twin stores."""
    joined = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)

    clients.marketo().opportunity_roles.sync(
        [{**deal[0], "isPrimary": True, "externalCreatedDate": f"{joined:%Y-%m-%dT%H:%M:%SZ}"}]
    )

    (role,) = marketo.get("records/opportunityRoles")
    assert (role["isPrimary"], datetime.fromisoformat(role["externalCreatedDate"])) == (True, joined)


@pytest.mark.parametrize("path", ["opportunities/roles", "salespersons"])
def test_a_fixed_schema_is_described_once_per_client(
    clients: Clients, marketo: Twin, deal: list[dict[str, Any]], path: str
) -> None:
    """Three writes ask Describe once; asked for it, it is read anew."""
    client = clients.marketo()
    objects = client.opportunity_roles if path == "opportunities/roles" else client.sales_persons
    row = deal[0] if path == "opportunities/roles" else record_of("salesPersons", 1)
    for _ in range(3):
        objects.sync([row])
    assert len(marketo.calls_of("GET", f"/rest/v1/{path}/describe.json")) == 1
    objects.describe(fresh=True)
    assert len(marketo.calls_of("GET", f"/rest/v1/{path}/describe.json")) == 2


def test_a_sales_person_in_use_stays(clients: Clients, marketo: Twin) -> None:
    """1022 for the one that a lead belongs to, in its own place; the other is deleted."""
    client = clients.marketo()
    people = [record_of("salesPersons", number) for number in range(2)]
    client.sales_persons.sync(people)
    owned = [{"email": "a@example.com", "externalSalesPersonId": "S-0"}]
    client.leads.sync(owned, action="createOrUpdate", lookup_field="email")

    results = client.sales_persons.delete([{"externalSalesPersonId": f"S-{number}"} for number in range(2)])

    assert [(row.ok, row.code) for row in results] == [(False, "1022"), (True, "")]
    assert [each["externalSalesPersonId"] for each in marketo.get("records/salesPersons")] == ["S-0"]


@pytest.mark.parametrize("name", list(PATHS))
def test_native_sync_closes_the_objects_to_writes_and_not_to_reads(clients: Clients, marketo: Twin, name: str) -> None:
    """1018 for the whole write; the record that is there is still read."""
    objects = objects_of(clients.marketo(), name)
    objects.sync([record_of(name, 1)])
    marketo.post("limits", {"native_crm": True})
    try:
        with pytest.raises(PermanentError) as closed:
            objects.sync([record_of(name, 2)])
        found = list(objects.by_keys([{KEYS[name]: record_of(name, 1)[KEYS[name]]}]))
    finally:
        marketo.post("limits", {"native_crm": False})
    assert closed.value.code == "1018"
    assert len(found) == 1


COURSE = {"name": "courseId", "displayName": "Course Id", "dataType": "string", "isDedupeField": True}
TITLE = {"name": "title", "displayName": "Title", "dataType": "string"}


def link(name: str, to: str, field: str, *, in_key: bool = True) -> dict[str, Any]:
    """A field that links to an object."""
    return {
        "name": name,
        "displayName": name.title(),
        "dataType": "link",
        "isDedupeField": in_key,
        "relatedTo": {"name": to, "field": field},
    }


def make_type(client: MarketoClient, api_name: str, *fields: dict[str, Any]) -> None:
    """Draft a type and approve it."""
    types = client.custom_object_types
    types.sync({"action": "createOnly", "apiName": api_name, "displayName": api_name.title().replace("_", " ")})
    types.add_fields(api_name, fields)
    types.approve(api_name)


@pytest.mark.cap("M048", "M051", "M052")
def test_a_custom_object_is_made_described_and_used_by_its_whole_key(clients: Clients, marketo: Twin) -> None:
    """Keys and links come from Describe; each record is listed, read, created, changed and deleted by both keys."""
    (lead,) = marketo.post("load", {"leads": [{"email": "a@example.com"}]})["leads"]
    client = clients.marketo()
    make_type(client, "ticket_c", COURSE, link("leadId", "lead", "id"), TITLE)
    tickets = client.custom_objects("ticket_c")
    rows = [{"courseId": f"C-{number}", "leadId": lead, "title": f"“{number}”, 😀"} for number in range(ONE_MORE)]

    described = tickets.describe()
    with pytest.raises(ConfigurationError, match="leadId is part of the key"):
        tickets.sync([{"courseId": "C-1"}])
    created = tickets.sync(rows)
    changed = tickets.sync([{**rows[0], "title": "changed"}])
    keys = [{name: row[name] for name in ("courseId", "leadId")} for row in rows]
    found = list(tickets.by_keys(keys, ["courseId", "title"]))
    deleted = tickets.delete(keys[1:])

    assert "ticket_c" in {each.name for each in client.custom_objects.list()}
    assert set(described.dedupe_fields) == {"courseId", "leadId"}
    assert [(each.field, each.related_to.name, each.related_to.field) for each in described.relationships] == [
        ("leadId", "lead", "id")
    ]
    assert [row.status for row in created] == ["created"] * ONE_MORE
    assert [(row.status, row.id) for row in changed] == [("updated", created[0].id)]
    assert {row["courseId"]: row["title"] for row in found} == {row["courseId"]: row["title"] for row in rows} | {
        "C-0": "changed"
    }
    assert len(found) == ONE_MORE
    assert [row.status for row in deleted] == ["deleted"] * 300
    assert [each["courseId"] for each in marketo.get("records/ticket_c")] == ["C-0"]


@pytest.mark.cap("M049")
def test_objects_link_to_a_lead_and_by_a_bridge_to_each_other(clients: Clients, marketo: Twin) -> None:
    """One lead, two courses, a bridge between them: a bridge to a lead that is not there is refused alone."""
    (lead,) = marketo.post("load", {"leads": [{"email": "a@example.com"}]})["leads"]
    client = clients.marketo()
    make_type(client, "course_c", COURSE, TITLE)
    make_type(client, "visit_c", link("leadId", "lead", "id"), link("courseId", "course_c", "courseId"))
    courses = client.custom_objects("course_c").sync([{"courseId": "A"}, {"courseId": "B"}])

    visits = client.custom_objects("visit_c").sync(
        [
            {"leadId": lead, "courseId": "A"},
            {"leadId": lead, "courseId": "B"},
            {"leadId": 999_999_999, "courseId": "A"},
        ]
    )

    assert [row.ok for row in courses] == [True, True]
    assert [(row.ok, row.code) for row in visits] == [(True, ""), (True, ""), (False, "1004")]
    assert {(each["leadId"], each["courseId"]) for each in marketo.get("records/visit_c")} == {(lead, "A"), (lead, "B")}


def test_a_draft_is_changed_discarded_and_a_type_deleted(clients: Clients, marketo: Twin) -> None:
    """A field leaves the draft, the draft goes, and with the type its records."""
    client = clients.marketo()
    types = client.custom_object_types
    make_type(client, "course_c", COURSE)
    types.add_fields("course_c", [TITLE])

    drafted = types.describe("course_c", "draft")
    types.delete_fields("course_c", ["title"])
    types.add_fields("course_c", [TITLE])
    types.discard_draft("course_c")
    described = client.custom_objects("course_c").describe()
    types.delete("course_c")

    assert drafted.field_named("title") is not None
    assert described.field_named("title") is None
    assert [each.name for each in types.list()] == []


@pytest.mark.parametrize(("switch", "code"), [("custom_objects", "1026"), ("custom_object_schema", "616")])
def test_a_subscription_without_the_feature_says_so(clients: Clients, marketo: Twin, switch: str, code: str) -> None:
    """The schema is refused for good, with the code that names the missing entitlement."""
    marketo.post("limits", {switch: False})
    try:
        with pytest.raises(PermanentError) as refused:
            list(clients.marketo().custom_object_types.list())
    finally:
        marketo.post("limits", {switch: True})
    assert refused.value.code == code
