"""Companies, opportunities, opportunity roles and sales persons.

The documented answers: results carry `seq`, `status` and the id field; `dedupeBy` idField goes with updateOnly only;
a record that is not there is 1013, one that is there 1017, one in use 1022; with native sync on, writes are 1018.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

COMPANIES = "/rest/v1/companies"
OPPORTUNITIES = "/rest/v1/opportunities"
ROLES = "/rest/v1/opportunities/roles"
SALES_PERSONS = "/rest/v1/salespersons"
# path, id field, the records' key fields, a valid record
OBJECTS: list[tuple[str, str, list[str], dict[str, Any]]] = [
    (COMPANIES, "id", ["externalCompanyId"], {"externalCompanyId": "C-1", "company": "Acme"}),
    (OPPORTUNITIES, "marketoGUID", ["externalOpportunityId"], {"externalOpportunityId": "O-1", "name": "Deal"}),
    (SALES_PERSONS, "id", ["externalSalesPersonId"], {"externalSalesPersonId": "S-1", "email": "s@example.com"}),
]


def load(client: httpx.Client, **document: Any) -> dict[str, list[Any]]:
    """Load records and give their ids by object."""
    ids: dict[str, list[Any]] = client.post("/_sim/load", json=document).raise_for_status().json()
    return ids


def result(answer: httpx.Response) -> list[dict[str, Any]]:
    """Give the result of a call that succeeded."""
    envelope = answer.json()
    assert envelope["success"] is True, envelope
    rows: list[dict[str, Any]] = envelope["result"]
    return rows


def failure(answer: httpx.Response) -> str:
    """Give the code of a call that failed as a whole."""
    envelope = answer.json()
    assert envelope["success"] is False, envelope
    code: str = envelope["errors"][0]["code"]
    return code


def sync(client: httpx.Client, path: str, *records: Any, **parameters: Any) -> list[dict[str, Any]]:
    """Sync records and give the results."""
    return result(client.post(f"{path}.json", json={"input": records, **parameters}))


def find(client: httpx.Client, path: str, filter_type: str, values: Any, **parameters: Any) -> list[dict[str, Any]]:
    """Read records by filter."""
    query = {"filterType": filter_type, "filterValues": values, **parameters}
    return result(client.get(f"{path}.json", params=query))


def codes(rows: list[dict[str, Any]]) -> list[str]:
    """Give each row's status, or the code of its reason."""
    return [row["reasons"][0]["code"] if "reasons" in row else row["status"] for row in rows]


@pytest.mark.parametrize(("path", "id_field", "key", "record"), OBJECTS)
def test_describe_names_the_keys_and_the_fields(
    marketo: httpx.Client, path: str, id_field: str, key: list[str], record: dict[str, Any]
) -> None:
    """The id field, the dedupe fields and what can be searched; system fields cannot be written."""
    [described] = result(marketo.get(f"{path}/describe.json"))
    fields = {each["name"]: each for each in described["fields"]}

    assert (described["idField"], described["dedupeFields"]) == (id_field, key)
    assert [id_field] in described["searchableFields"]
    assert record.keys() <= fields.keys()
    assert not any(fields[name]["updateable"] for name in (id_field, "createdAt", "updatedAt"))


def test_a_role_has_a_compound_key(marketo: httpx.Client) -> None:
    """Opportunity, lead and role together; only isPrimary and the date can be updated."""
    [described] = result(marketo.get(f"{ROLES}/describe.json"))

    assert described["dedupeFields"] == ["externalOpportunityId", "leadId", "role"]
    assert described["dedupeFields"] in described["searchableFields"]
    updateable = {each["name"] for each in described["fields"] if each["updateable"]}
    assert updateable == {"isPrimary", "externalCreatedDate"}
    assert [each["relatedTo"]["name"] for each in described["relationships"]] == ["opportunity", "lead"]


@pytest.mark.parametrize(("path", "id_field", "key", "record"), OBJECTS)
def test_records_are_created_updated_read_and_deleted(
    marketo: httpx.Client, path: str, id_field: str, key: list[str], record: dict[str, Any]
) -> None:
    """Every answer has seq and the id; a read by either key gives the record, fields without value left out."""
    [created] = sync(marketo, path, record)
    [updated] = sync(marketo, path, record, action="updateOnly")
    by_key = find(marketo, path, "dedupeFields", record[key[0]].lower())
    by_id = find(marketo, path, "idField", created[id_field], fields=",".join([*record, key[0], "createdAt"]))
    [deleted] = result(marketo.post(f"{path}/delete.json", json={"input": [{key[0]: record[key[0]]}]}))
    gone = find(marketo, path, "dedupeFields", record[key[0]])

    assert created.keys() == {"seq", "status", id_field}
    assert [created["status"], updated["status"], deleted["status"]] == ["created", "updated", "deleted"]
    assert {created[id_field], updated[id_field], deleted[id_field], by_key[0][id_field]} == {created[id_field]}
    assert {"seq", id_field, key[0], "createdAt", "updatedAt"} <= by_key[0].keys()
    assert by_id[0].items() >= record.items()
    assert gone == []


@pytest.mark.parametrize(("path", "id_field", "key", "record"), OBJECTS)
def test_actions_and_keys_are_kept_apart(
    marketo: httpx.Client, path: str, id_field: str, key: list[str], record: dict[str, Any]
) -> None:
    """createOnly of a known key is 1017, updateOnly of an unknown one 1013; by id only with updateOnly."""
    [created] = sync(marketo, path, record)
    own_id = created[id_field]
    by_id = {id_field: own_id}

    assert codes(sync(marketo, path, record, action="createOnly")) == ["1017"]
    assert codes(sync(marketo, path, record | {key[0]: "X-9"}, action="updateOnly")) == ["1013"]
    assert codes(sync(marketo, path, by_id | record, action="updateOnly", dedupeBy="idField")) == ["updated"]
    assert codes(sync(marketo, path, by_id | record)) == ["1003"]
    body = {"input": [by_id], "dedupeBy": "idField"}
    assert failure(marketo.post(f"{path}.json", json=body)) == "1003"
    assert failure(marketo.post(f"{path}.json", json=body | {"dedupeBy": "email"})) == "1003"
    assert failure(marketo.post(f"{path}.json", json=body | {"action": "upsert"})) == "1003"
    removed = result(marketo.post(f"{path}/delete.json", json={"deleteBy": "idField", "input": [by_id, {id_field: 0}]}))
    assert codes(removed) == ["deleted", "1013"]


@pytest.mark.parametrize(("path", "id_field", "key", "record"), OBJECTS)
def test_record_errors_skip_the_record(
    marketo: httpx.Client, path: str, id_field: str, key: list[str], record: dict[str, Any]
) -> None:
    """No key is 1002, the same key twice 1036, an unknown field 1006, a system field or too long a key 1003."""
    rows = sync(
        marketo,
        path,
        {name: value for name, value in record.items() if name not in key},
        record,
        record,
        record | {key[0]: "X-1", "favouriteColour": "red"},
        record | {key[0]: "X-2", "createdAt": "2026-01-01T00:00:00Z"},
        record | {key[0]: "x" * 256},
        "no object",
        record | {key[0]: ["list"]},
    )

    assert codes(rows) == ["1002", "created", "1036", "1006", "1003", "1003", "1003", "1003"]
    assert [row["seq"] for row in rows] == list(range(8))


@pytest.mark.parametrize("path", [COMPANIES, OPPORTUNITIES, ROLES, SALES_PERSONS])
def test_wrong_calls_fail_as_a_whole(marketo: httpx.Client, path: str) -> None:
    """No input is 1002, more than 300 are refused; a filter is required, has to exist and to be searchable."""
    too_many: dict[str, Any] = {"input": [{}] * 301}
    queries: list[tuple[dict[str, str], str]] = [
        ({"filterValues": "1"}, "1002"),
        ({"filterType": "idField"}, "1002"),
        ({"filterType": "nonsense", "filterValues": "1"}, "1006"),
        ({"filterType": "updatedAt", "filterValues": "1"}, "1011"),
        ({"filterType": "idField", "filterValues": ",".join(map(str, range(301)))}, "1003"),
        ({"filterType": "idField", "filterValues": "1", "fields": "nonsense"}, "1006"),
        ({"filterType": "idField", "filterValues": "1", "batchSize": "301"}, "1003"),
    ]

    assert [failure(marketo.post(f"{path}.json", json=body)) for body in ({}, too_many)] == ["1002", "1003"]
    assert [failure(marketo.post(f"{path}/delete.json", json=body)) for body in ({}, too_many)] == ["1002", "1003"]
    assert failure(marketo.post(f"{path}/delete.json", json={"input": [{}], "deleteBy": "email"})) == "1003"
    assert [failure(marketo.get(f"{path}.json", params=query)) for query, _ in queries] == [code for _, code in queries]


def test_records_are_paged_by_token(marketo: httpx.Client) -> None:
    """301 records of one filter value come as 300 and 1; the last page has no token."""
    load(marketo, companies=[{"externalCompanyId": f"C-{number}", "company": "Same"} for number in range(301)])
    query = {"filterType": "company", "filterValues": "Same"}

    first = marketo.get(f"{COMPANIES}.json", params=query).json()
    second = marketo.get(f"{COMPANIES}.json", params=query | {"nextPageToken": first["nextPageToken"]}).json()

    assert [len(first["result"]), len(second["result"])] == [300, 1]
    assert [first["result"][-1]["seq"], second["result"][0]["seq"]] == [299, 0]
    assert "nextPageToken" not in second


def test_native_sync_closes_all_four_to_writes_but_not_to_reads(marketo: httpx.Client) -> None:
    """1018 for sync and delete, the record stays as it was; describe and query answer."""
    load(marketo, companies=[{"externalCompanyId": "C-1"}])
    marketo.post("/_sim/limits", json={"native_crm": True})
    body = {"input": [{"externalCompanyId": "C-1", "company": "New"}]}

    answers = [
        marketo.post(f"{path}{suffix}", json=body)
        for path in (COMPANIES, OPPORTUNITIES, ROLES, SALES_PERSONS)
        for suffix in (".json", "/delete.json")
    ]

    assert {failure(answer) for answer in answers} == {"1018"}
    assert "company" not in find(marketo, COMPANIES, "externalCompanyId", "C-1", fields="company")[0]
    assert result(marketo.get(f"{COMPANIES}/describe.json"))


def test_a_row_error_is_given_with_seq(marketo: httpx.Client) -> None:
    """An injected error of one row leaves its neighbour written."""
    rule = {"match": f"POST {COMPANIES}.json", "kind": "row_error", "rows": [0], "code": "1014", "message": "No"}
    marketo.post("/_sim/faults", json=[rule])

    rows = sync(marketo, COMPANIES, {"externalCompanyId": "C-1"}, {"externalCompanyId": "C-2"})

    assert codes(rows) == ["1014", "created"]
    assert [each["externalCompanyId"] for each in marketo.get("/_sim/records/companies").json()] == ["C-2"]


# companies and leads


def test_linked_leads_follow_their_company(marketo: httpx.Client) -> None:
    """A lead that is linked takes the company's values; a later change shows on it and is logged as type 13."""
    sync(marketo, COMPANIES, {"externalCompanyId": "C-1", "company": "Acme", "industry": "Tools"})
    lead = {"email": "a@example.com", "externalCompanyId": "C-1"}
    [made] = result(marketo.post("/rest/v1/leads.json", json={"input": [lead]}))
    linked = marketo.get("/_sim/records/leads").json()[0]

    sync(marketo, COMPANIES, {"externalCompanyId": "C-1", "company": "Acme Ltd"})
    own = result(marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "company": "Mine"}]}))

    assert (linked["company"], linked["industry"]) == ("Acme", "Tools")
    after = marketo.get("/_sim/records/leads").json()[0]
    assert (after["company"], after["industry"]) == ("Acme Ltd", "Tools")
    last = marketo.get("/_sim/records/activities").json()[-1]
    assert (last["activityTypeId"], last["leadId"], last["primaryAttributeValue"]) == (13, made["id"], "Company Name")
    assert codes(own) == ["1021"]


def test_a_linked_lead_shows_what_its_company_has_and_lacks_what_that_lacks(marketo: httpx.Client) -> None:
    """Whoever joins loses values of its own; a company that is made later is shown by those who name it already."""
    sync(marketo, COMPANIES, {"externalCompanyId": "C-1", "company": "Acme"})
    load(marketo, leads=[{"email": "a@example.com", "company": "Mine", "industry": "Tools"}])
    rows = [
        {"email": "a@example.com", "externalCompanyId": "C-1"},
        {"email": "b@example.com", "externalCompanyId": "C-2"},
    ]

    linked = result(marketo.post("/rest/v1/leads.json", json={"input": rows}))
    sync(marketo, COMPANIES, {"externalCompanyId": "C-2", "company": "Later"})

    assert codes(linked) == ["updated", "created"]
    shown = [(each["company"], each["industry"]) for each in marketo.get("/_sim/records/leads").json()]
    assert shown == [("Acme", None), ("Later", None)]


def test_company_fields_do_not_go_through_a_lead_that_is_linked_or_is_being_linked(marketo: httpx.Client) -> None:
    """1021 for whoever is linked, also with the value that is there, and for a row that links; others take them."""
    load(marketo, companies=[{"externalCompanyId": "C-1", "company": "Acme"}], leads=[{"email": "a@example.com"}])
    [free] = result(
        marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "company": "Mine"}]})
    )
    both = {"externalCompanyId": "C-1", "company": "Acme"}
    new, old = {"email": "b@example.com", **both}, {"email": "a@example.com", **both}

    linking = result(marketo.post("/rest/v1/leads.json", json={"input": [new, old]}))
    marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "externalCompanyId": "C-1"}]})
    same = result(marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "company": "Acme"}]}))

    assert codes([free, *linking, *same]) == ["updated", "1021", "1021", "1021"]


def test_a_lead_leaves_a_company_for_another_one_only(marketo: httpx.Client) -> None:
    """An emptied link is refused, another company is taken, with its values."""
    companies = [{"externalCompanyId": "C-1", "company": "Acme"}, {"externalCompanyId": "C-2", "company": "Other"}]
    load(marketo, companies=companies)

    def link(company: str | None) -> str:
        row = {"email": "a@example.com", "externalCompanyId": company}
        return codes(result(marketo.post("/rest/v1/leads.json", json={"input": [row]})))[0]

    assert [link("C-1"), link(None), link("C-2")] == ["created", "1003", "updated"]
    assert marketo.get("/_sim/records/leads").json()[0]["company"] == "Other"


def test_a_company_takes_fields_that_leads_mirror(marketo: httpx.Client) -> None:
    """A field that an administrator adds is described for both, and a linked lead shows the company's value."""
    field = {"name": "segment", "displayName": "Segment", "dataType": "string"}
    load(marketo, companyFields=[field])
    sync(marketo, COMPANIES, {"externalCompanyId": "C-1", "segment": "Large"})

    marketo.post("/rest/v1/leads.json", json={"input": [{"email": "a@example.com", "externalCompanyId": "C-1"}]})

    described = [
        {each["name"] for each in result(marketo.get(path))[0]["fields"]}
        for path in (f"{COMPANIES}/describe.json", "/rest/v1/leads/describe2.json")
    ]
    assert all("segment" in names for names in described)
    assert marketo.get("/_sim/records/leads").json()[0]["segment"] == "Large"
    assert marketo.post("/_sim/load", json={"companyFields": [field]}).status_code == 400


def test_a_sales_person_of_a_company_stays_also_when_the_company_is_gone(marketo: httpx.Client) -> None:
    """1022 while a company names it, and for good once such a company was deleted with the reference."""
    load(
        marketo,
        salesPersons=[{"externalSalesPersonId": "S-1"}, {"externalSalesPersonId": "S-2"}],
        companies=[
            {"externalCompanyId": "C-1", "externalSalesPersonId": "S-1"},
            {"externalCompanyId": "C-2", "externalSalesPersonId": "S-2"},
        ],
    )

    def delete(path: str, record: dict[str, str]) -> str:
        return codes(result(marketo.post(f"{path}/delete.json", json={"input": [record]})))[0]

    both = [delete(SALES_PERSONS, {"externalSalesPersonId": each}) for each in ("S-1", "S-2")]
    delete(COMPANIES, {"externalCompanyId": "C-1"})
    sync(marketo, COMPANIES, {"externalCompanyId": "C-2", "externalSalesPersonId": None})

    assert both == ["1022", "1022"]
    assert [delete(SALES_PERSONS, {"externalSalesPersonId": each}) for each in ("S-1", "S-2")] == ["1022", "deleted"]


def test_what_is_in_use_cannot_be_deleted(marketo: httpx.Client) -> None:
    """1022 for a company and a sales person with leads and for an opportunity with roles, until those are gone."""
    lead = {"email": "a@example.com", "externalCompanyId": "C-1", "externalSalesPersonId": "S-1"}
    load(
        marketo,
        companies=[{"externalCompanyId": "C-1"}],
        salesPersons=[{"externalSalesPersonId": "S-1"}],
        opportunities=[{"externalOpportunityId": "O-1", "name": "Deal"}],
    )
    [lead_id] = load(marketo, leads=[lead])["leads"]
    load(marketo, opportunityRoles=[{"externalOpportunityId": "O-1", "leadId": lead_id, "role": "Buyer"}])
    calls = [
        (COMPANIES, {"externalCompanyId": "C-1"}),
        (SALES_PERSONS, {"externalSalesPersonId": "S-1"}),
        (OPPORTUNITIES, {"externalOpportunityId": "O-1"}),
    ]

    def delete() -> list[str]:
        answers = [marketo.post(f"{path}/delete.json", json={"input": [record]}) for path, record in calls]
        return [codes(result(answer))[0] for answer in answers]

    in_use = delete()
    marketo.post("/rest/v1/leads/delete.json", json={"input": [{"id": lead_id}]})

    assert in_use == ["1022", "1022", "1022"]
    assert delete() == ["deleted", "deleted", "deleted"]


# opportunities and roles


def test_an_opportunity_needs_a_name_and_a_sales_person_that_exists(marketo: httpx.Client) -> None:
    """No name skips the record; an unknown externalSalesPersonId is 718 and fails the whole call."""
    good = {"externalOpportunityId": "O-1", "name": "Deal"}
    body = {"input": [good, good | {"externalOpportunityId": "O-2", "externalSalesPersonId": "S-1"}]}

    nameless = sync(marketo, OPPORTUNITIES, {"externalOpportunityId": "O-3"})
    refused = marketo.post(f"{OPPORTUNITIES}.json", json=body)
    left = marketo.get("/_sim/records/opportunities").json()
    sync(marketo, SALES_PERSONS, {"externalSalesPersonId": "S-1"})
    accepted = result(marketo.post(f"{OPPORTUNITIES}.json", json=body))
    emptied = sync(marketo, OPPORTUNITIES, {"externalOpportunityId": "O-1", "name": None})

    assert codes(nameless) == ["1003"]
    assert failure(refused) == "718"
    assert left == []
    assert codes(accepted) == ["created", "created"]
    assert codes(emptied) == ["1003"]


def test_a_role_needs_its_opportunity_and_lead(marketo: httpx.Client) -> None:
    """1013 without the opportunity, 1004 without the lead; the same three keys make one role."""
    [lead_id] = load(marketo, leads=[{}], opportunities=[{"externalOpportunityId": "O-1", "name": "Deal"}])["leads"]
    role = {"externalOpportunityId": "O-1", "leadId": lead_id, "role": "Buyer"}

    refused = sync(marketo, ROLES, role | {"externalOpportunityId": "O-9"}, role | {"leadId": 999_999})
    made = sync(marketo, ROLES, role, role | {"role": "Approver"})
    again = sync(marketo, ROLES, role | {"isPrimary": True})

    assert codes(refused) == ["1013", "1004"]
    assert codes(made) == ["created", "created"]
    assert (again[0]["status"], again[0]["marketoGUID"]) == ("updated", made[0]["marketoGUID"])


def test_roles_are_read_by_compound_key_and_by_each_part(marketo: httpx.Client) -> None:
    """A JSON body on POST with _method=GET; the same keys by GET are refused; lead and opportunity alone work."""
    ids = load(
        marketo,
        leads=[{}, {}],
        opportunities=[{"externalOpportunityId": "O-1", "name": "Deal"}],
    )["leads"]
    roles = [{"externalOpportunityId": "O-1", "leadId": each, "role": "Buyer"} for each in ids]
    sync(marketo, ROLES, *roles)
    body: dict[str, Any] = {
        "filterType": "dedupeFields",
        "fields": ["leadId", "role"],
        "input": [roles[1], roles[1] | {"role": "Nobody"}],
    }

    found = result(marketo.post(f"{ROLES}.json", params={"_method": "GET"}, json=body))
    paged = marketo.post(
        f"{ROLES}.json", params={"_method": "GET"}, json=body | {"input": roles, "batchSize": 1}
    ).json()
    rest = {"input": roles, "batchSize": 1, "nextPageToken": paged["nextPageToken"]}
    second = result(marketo.post(f"{ROLES}.json", params={"_method": "GET"}, json=body | rest))
    wrong = [
        marketo.get(f"{ROLES}.json", params={"filterType": "dedupeFields", "filterValues": "O-1"}),
        marketo.post(f"{ROLES}.json", params={"_method": "GET"}, json=body | {"input": [{"leadId": ids[0]}]}),
        marketo.post(f"{ROLES}.json", params={"_method": "GET"}, json=body | {"filterType": "leadId"}),
        marketo.post(f"{ROLES}.json", params={"_method": "GET"}, json=body | {"input": []}),
    ]

    assert [(row["leadId"], row["role"]) for row in found] == [(ids[1], "Buyer")]
    assert found[0].keys() == {"seq", "marketoGUID", "leadId", "role"}
    assert [row["leadId"] for row in paged["result"] + second] == ids
    assert [failure(answer) for answer in wrong] == ["1003", "1002", "1003", "1002"]
    assert [row["leadId"] for row in find(marketo, ROLES, "leadId", ids[0])] == [ids[0]]
    assert len(find(marketo, ROLES, "externalOpportunityId", "o-1")) == 2


def test_roles_and_opportunities_leave_activities_on_the_lead(marketo: httpx.Client) -> None:
    """34 when a role is made, 36 when the opportunity changes, 35 when the role ends."""
    [lead_id] = load(marketo, leads=[{}], opportunities=[{"externalOpportunityId": "O-1", "name": "Deal"}])["leads"]
    role = {"externalOpportunityId": "O-1", "leadId": lead_id, "role": "Buyer"}
    sync(marketo, ROLES, role)
    sync(marketo, OPPORTUNITIES, {"externalOpportunityId": "O-1", "name": "Deal", "stage": "Won"})
    marketo.post(f"{ROLES}/delete.json", json={"input": [role]})

    activities = marketo.get("/_sim/records/activities").json()

    assert [(each["activityTypeId"], each["leadId"]) for each in activities] == [
        (34, lead_id),
        (36, lead_id),
        (35, lead_id),
    ]
    assert {"name": "New Value", "value": "Won"} in activities[1]["attributes"]


def test_a_merge_hands_roles_over_and_a_delete_ends_them(marketo: httpx.Client) -> None:
    """The winner gets what it does not have; the deleted lead's roles go with it."""
    ids = load(marketo, leads=[{}, {}], opportunities=[{"externalOpportunityId": "O-1", "name": "Deal"}])["leads"]
    sync(
        marketo,
        ROLES,
        {"externalOpportunityId": "O-1", "leadId": ids[0], "role": "Buyer"},
        {"externalOpportunityId": "O-1", "leadId": ids[1], "role": "Buyer"},
        {"externalOpportunityId": "O-1", "leadId": ids[1], "role": "Approver"},
    )

    marketo.post(f"/rest/v1/leads/{ids[0]}/merge.json", params={"leadId": ids[1]})
    merged = [(each["leadId"], each["role"]) for each in marketo.get("/_sim/records/opportunityRoles").json()]
    marketo.post("/rest/v1/leads/delete.json", json={"input": [{"id": ids[0]}]})

    assert merged == [(ids[0], "Buyer"), (ids[0], "Approver")]
    assert marketo.get("/_sim/records/opportunityRoles").json() == []


def test_sales_persons_answer_every_field_that_has_a_value(marketo: httpx.Client) -> None:
    """Without `fields` all that is filled in comes, what is empty is left out."""
    sync(marketo, SALES_PERSONS, {"externalSalesPersonId": "S-1", "email": "s@example.com", "lastName": "Ngai"})

    [row] = find(marketo, SALES_PERSONS, "email", "S@example.com")

    assert row.keys() == {"seq", "id", "externalSalesPersonId", "email", "lastName", "createdAt", "updatedAt"}
