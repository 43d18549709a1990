"""Leads: describe, reads, and the rules of Sync Leads.

The documented answers: every read and write in `{requestId, success, result}`, empty members left out; a sync's
results in the order of its input, `created`, `updated` or `skipped` with `reasons`.
"""

from __future__ import annotations

import asyncio
import gzip
import re
from typing import Any

import httpx
import pytest

LEADS = "/rest/v1/leads.json"


def load(client: httpx.Client, *records: dict[str, Any]) -> list[int]:
    """Load leads through the control plane and give their ids."""
    ids: list[int] = client.post("/_sim/load", json={"leads": records}).raise_for_status().json()["leads"]
    return ids


def sync(client: httpx.Client, records: list[dict[str, Any]], **parameters: Any) -> list[dict[str, Any]]:
    """Sync leads and give the results of the rows."""
    envelope = client.post(LEADS, json={"input": records, **parameters}).json()
    assert envelope["success"] is True, envelope
    result: list[dict[str, Any]] = envelope["result"]
    return result


def reason(row: dict[str, Any]) -> str:
    """Give the code of a skipped row, which has neither id nor seq."""
    assert row.keys() == {"status", "reasons"}
    assert row["status"] == "skipped"
    code: str = row["reasons"][0]["code"]
    return code


def find(client: httpx.Client, **parameters: Any) -> dict[str, Any]:
    """Read leads by filter and give the envelope."""
    envelope: dict[str, Any] = client.get(LEADS, params=parameters).json()
    return envelope


def failure(envelope: dict[str, Any]) -> str:
    """Give the code of a call that failed as a whole."""
    assert envelope["success"] is False
    assert envelope.keys() == {"requestId", "success", "errors"}
    code: str = envelope["errors"][0]["code"]
    return code


# describe


def test_describe_has_ids_and_both_names(marketo: httpx.Client) -> None:
    """Each field has id, display name and type; `rest` is absent where REST does not reach a field."""
    fields = {each["displayName"]: each for each in marketo.get("/rest/v1/leads/describe.json").json()["result"]}

    assert fields["Email Address"]["rest"] == {"name": "email", "readOnly": False}
    assert fields["Email Address"]["dataType"] == "email"
    assert fields["Id"]["rest"]["readOnly"] is True
    assert fields["Salesforce Id"]["length"] == 255
    assert "rest" not in fields["Relative Score"]
    assert len({each["id"] for each in fields.values()}) == len(fields)


def test_describe2_names_fields_and_what_can_be_searched(marketo: httpx.Client) -> None:
    """One result named API Lead; native sync fields are not updateable; custom string fields are searchable."""
    [described] = marketo.get("/rest/v1/leads/describe2.json").json()["result"]
    fields = {each["name"]: each for each in described["fields"]}

    assert described["name"] == "API Lead"
    assert ["email"] in described["searchableFields"]
    assert ["externalKey"] in described["searchableFields"]
    assert ["updatedAt"] not in described["searchableFields"]
    assert fields["sfdcAccountId"]["updateable"] is False
    assert fields["sfdcAccountId"]["crmManaged"] is True
    assert {"salesforceId", "leadbridgeStatus", "externalKey", "firstName", "leadScore"} <= fields.keys()


# reads


def test_a_read_has_the_documented_envelope_and_default_fields(marketo: httpx.Client) -> None:
    """requestId is hex#hex of milliseconds; a page without more has no further members; nulls are explicit."""
    [lead_id] = load(marketo, {"email": "a@example.com", "lastName": "B"})

    envelope = find(marketo, filterType="email", filterValues="a@example.com")

    assert envelope.keys() == {"requestId", "success", "result"}
    assert re.fullmatch(r"[0-9a-f]+#[0-9a-f]+", envelope["requestId"])
    [lead] = envelope["result"]
    assert list(lead) == ["id", "email", "firstName", "lastName", "createdAt", "updatedAt"]
    assert (lead["id"], lead["firstName"], lead["lastName"]) == (lead_id, None, "B")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", lead["createdAt"])


def test_nothing_found_is_success_with_an_empty_result(marketo: httpx.Client) -> None:
    """No match is no error."""
    envelope = find(marketo, filterType="email", filterValues="nobody@example.com")

    assert envelope["success"] is True
    assert envelope["result"] == []


@pytest.mark.parametrize(
    ("filter_type", "value"),
    [("email", "A@EXAMPLE.com"), ("externalKey", "k-1"), ("customerNumber", "77"), ("secondaryEmail", "S@example.com")],
)
def test_leads_are_found_by_standard_and_custom_fields_in_any_case(
    marketo: httpx.Client, filter_type: str, value: str
) -> None:
    """E-mail and custom string, e-mail and integer fields can be filtered by; texts match in any case."""
    record = {"email": "a@example.com", "externalKey": "K-1", "customerNumber": 77, "secondaryEmail": "s@example.com"}
    [lead_id, _] = load(marketo, record, {"email": "other@example.com"})

    envelope = find(marketo, filterType=filter_type, filterValues=value)

    assert [lead["id"] for lead in envelope["result"]] == [lead_id]


def test_ids_are_found_in_one_call(marketo: httpx.Client) -> None:
    """Several ids, comma-separated, answer the leads that exist, once each, with the fields asked for."""
    ids = load(marketo, *({"email": f"p{number}@example.com"} for number in range(3)))

    envelope = find(
        marketo, filterType="id", filterValues=f"{ids[2]},{ids[0]},{ids[0]},999999", fields="email,unsubscribed,company"
    )

    assert envelope["result"] == [
        {"id": ids[0], "email": "p0@example.com", "unsubscribed": False, "company": None},
        {"id": ids[2], "email": "p2@example.com", "unsubscribed": False, "company": None},
    ]


def test_pages_end_with_the_absence_of_a_token(marketo: httpx.Client) -> None:
    """450 matches come as 300 and 150; the token ends in = and belongs to its query."""
    load(marketo, *({"externalKey": "same", "email": f"p{number}@example.com"} for number in range(450)))
    query = {"filterType": "externalKey", "filterValues": "same"}

    first = find(marketo, **query)
    second = find(marketo, **query, nextPageToken=first["nextPageToken"])
    foreign = find(marketo, filterType="email", filterValues="x", nextPageToken=first["nextPageToken"])
    broken = find(marketo, **query, nextPageToken="nonsense")

    assert first["nextPageToken"].endswith("=")
    assert (len(first["result"]), len(second["result"])) == (300, 150)
    assert "nextPageToken" not in second
    assert len({lead["id"] for lead in first["result"] + second["result"]}) == 450
    assert (failure(foreign), failure(broken)) == ("1003", "1003")


def test_more_than_a_thousand_matches_are_refused(marketo: httpx.Client) -> None:
    """1,000 matches can be read, 1,001 are 1003 Too many results match the filter."""
    load(marketo, *({"externalKey": "same"} for _ in range(1000)))
    fits = find(marketo, filterType="externalKey", filterValues="same")
    load(marketo, {"externalKey": "same"})
    too_many = find(marketo, filterType="externalKey", filterValues="same")

    assert fits["success"] is True
    assert failure(too_many) == "1003"
    assert too_many["errors"][0]["message"] == "Too many results match the filter"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"filterValues": "1"}, "1002"),
        ({"filterType": "id"}, "1002"),
        ({"filterType": "id", "filterValues": ""}, "1002"),
        ({"filterType": "updatedAt", "filterValues": "2026-01-01T00:00:00Z"}, "1011"),
        ({"filterType": "isCustomer", "filterValues": "true"}, "1011"),
        ({"filterType": "nonsense", "filterValues": "1"}, "1006"),
        ({"filterType": "id", "filterValues": "1", "fields": "email,nonsense"}, "1006"),
        ({"filterType": "id", "filterValues": ",".join(map(str, range(1, 302)))}, "1003"),
        ({"filterType": "id", "filterValues": "1", "batchSize": "301"}, "1003"),
        ({"filterType": "id", "filterValues": "1", "batchSize": "ten"}, "1003"),
    ],
)
def test_a_read_that_is_not_allowed_fails_as_a_whole(
    marketo: httpx.Client, parameters: dict[str, str], code: str
) -> None:
    """Missing parameters, unsupported filters, unknown fields and too many values each have their code."""
    assert failure(find(marketo, **parameters)) == code


@pytest.mark.parametrize("in_form", [True, False])
def test_a_long_get_travels_as_post(marketo: httpx.Client, in_form: bool) -> None:
    """`_method=GET` in the query or in the form, parameters in the form: the same answer as by GET."""
    emails = [f"person.with.a.rather.long.address.{number:04}@subdomain.example.com" for number in range(300)]
    load(marketo, *({"email": email} for email in emails))
    form = {"filterType": "email", "filterValues": ",".join(emails), "fields": "email"}

    if in_form:
        answer = marketo.post(LEADS, data=form | {"_method": "GET"})
    else:
        answer = marketo.post(f"{LEADS}?_method=GET", data=form)

    assert [lead["email"] for lead in answer.json()["result"]] == emails


def test_one_lead_is_read_by_id(marketo: httpx.Client) -> None:
    """The singular path gives one lead; a missing one is 1004, a path that is no number 610."""
    [lead_id] = load(marketo, {"email": "a@example.com", "leadScore": 5})

    found = marketo.get(f"/rest/v1/lead/{lead_id}.json", params={"fields": "leadScore"}).json()
    missing = marketo.get("/rest/v1/lead/999999.json").json()
    wrong = marketo.get("/rest/v1/lead/abc.json").json()
    unknown_field = marketo.get(f"/rest/v1/lead/{lead_id}.json", params={"fields": "nonsense"}).json()

    assert found["result"] == [{"id": lead_id, "leadScore": 5}]
    assert [failure(each) for each in (missing, wrong, unknown_field)] == ["1004", "610", "1006"]


def test_long_answers_are_compressed_for_clients_that_take_it(marketo: httpx.Client) -> None:
    """Bodies from 1,024 bytes come with gzip when asked for, shorter ones never."""
    asked = {"Accept-Encoding": "gzip"}
    with marketo.stream("GET", "/rest/v1/leads/describe2.json", headers=asked) as response:
        raw = b"".join(response.iter_raw())
    plain = marketo.get("/rest/v1/leads/describe2.json", headers={"Accept-Encoding": "identity"})
    short = marketo.get("/rest/v1/stats/usage.json", headers=asked)

    assert response.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(raw)) == pytest.approx(len(plain.content), abs=8)
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in short.headers


# sync


def test_create_or_update_is_the_default_and_keeps_the_order(marketo: httpx.Client) -> None:
    """By e-mail, in any case: the known person is updated, the new one created, results in input order."""
    [known] = load(marketo, {"email": "known@example.com"})

    rows = sync(marketo, [{"email": "new@example.com"}, {"email": "KNOWN@example.com", "firstName": "Kim"}])

    assert rows == [{"id": rows[0]["id"], "status": "created"}, {"id": known, "status": "updated"}]
    assert find(marketo, filterType="id", filterValues=known)["result"][0]["firstName"] == "Kim"


def test_create_only_skips_who_exists(marketo: httpx.Client) -> None:
    """1005 for a known key, created for a new one."""
    load(marketo, {"email": "known@example.com"})

    rows = sync(marketo, [{"email": "known@example.com"}, {"email": "new@example.com"}], action="createOnly")

    assert reason(rows[0]) == "1005"
    assert rows[1]["status"] == "created"


def test_update_only_skips_who_is_missing(marketo: httpx.Client) -> None:
    """1004 for an unknown key; nobody is created."""
    load(marketo, {"email": "known@example.com"})

    rows = sync(marketo, [{"email": "new@example.com"}, {"email": "known@example.com"}], action="updateOnly")

    assert reason(rows[0]) == "1004"
    assert rows[1]["status"] == "updated"
    assert len(marketo.get("/_sim/records/leads").json()) == 1


def test_create_duplicate_always_creates(marketo: httpx.Client) -> None:
    """The same e-mail a second time is a second lead, and from then on the key is ambiguous: 1007."""
    load(marketo, {"email": "twice@example.com"})

    duplicate = sync(marketo, [{"email": "twice@example.com"}], action="createDuplicate")
    ambiguous = [
        sync(marketo, [{"email": "twice@example.com"}], action=action)[0]
        for action in ("createOrUpdate", "createOnly", "updateOnly")
    ]

    assert duplicate[0]["status"] == "created"
    assert [reason(row) for row in ambiguous] == ["1007", "1007", "1007"]
    assert ambiguous[0]["reasons"][0]["message"] == "Multiple lead match lookup criteria"


def test_lookup_by_a_custom_field(marketo: httpx.Client) -> None:
    """A searchable custom string field can be the key."""
    [known] = load(marketo, {"externalKey": "K-1", "email": "a@example.com"})

    rows = sync(marketo, [{"externalKey": "K-1", "city": "Bern"}, {"externalKey": "K-2"}], lookupField="externalKey")

    assert rows[0] == {"id": known, "status": "updated"}
    assert rows[1]["status"] == "created"


def test_lookup_by_id_updates_only(marketo: httpx.Client) -> None:
    """By id with updateOnly even the e-mail can change; an id that does not exist is 1004."""
    [known] = load(marketo, {"email": "old@example.com"})

    rows = sync(
        marketo,
        [{"id": known, "email": "new@example.com"}, {"id": 999_999, "email": "x@example.com"}],
        action="updateOnly",
        lookupField="id",
    )

    assert rows[0] == {"id": known, "status": "updated"}
    assert reason(rows[1]) == "1004"
    assert find(marketo, filterType="email", filterValues="new@example.com")["result"][0]["id"] == known
    assert find(marketo, filterType="email", filterValues="old@example.com")["result"] == []


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"firstName": "Nobody"}, "1003"),
        ({"email": ""}, "1003"),
        ({"email": "a@example.com", "nonsense": 1}, "1006"),
        ({"email": "a@example.com", "id": 7}, "1003"),
        ({"email": "a@example.com", "createdAt": "2026-01-01T00:00:00Z"}, "1003"),
        ({"email": "a@example.com", "sfdcAccountId": "001"}, "1003"),
        ({"email": "not an address"}, "1003"),
        ({"email": "ümlaut@example.com"}, "1003"),
        ({"email": "a@example.com", "numberOfEmployees": 1.5}, "1003"),
        ({"email": "a@example.com", "numberOfEmployees": "many"}, "1003"),
        ({"email": "a@example.com", "isCustomer": "maybe"}, "1003"),
        ({"email": "a@example.com", "satisfaction": "high"}, "1003"),
        ({"email": "a@example.com", "discount": "100%"}, "1003"),
        ({"email": "a@example.com", "renewalDate": "31.12.2026"}, "1003"),
        ({"email": "a@example.com", "lastContactAt": "yesterday"}, "1003"),
        ({"email": "a@example.com", "firstName": "x" * 256}, "1003"),
        ({"email": "a@example.com", "firstName": ["Ann"]}, "1003"),
    ],
)
def test_a_record_that_breaks_a_rule_is_skipped_alone(marketo: httpx.Client, record: dict[str, Any], code: str) -> None:
    """The record is skipped with its code, the other one of the call is written."""
    rows = sync(marketo, [record, {"email": "fine@example.com"}])

    assert reason(rows[0]) == code
    assert rows[1]["status"] == "created"
    assert [lead["email"] for lead in marketo.get("/_sim/records/leads").json()] == ["fine@example.com"]


def test_a_bad_value_is_named_in_the_message(marketo: httpx.Client) -> None:
    """The message names field and value."""
    [row] = sync(marketo, [{"email": "a@example.com", "discount": "100%"}])

    assert row["reasons"][0]["message"] == "Invalid value for field 'discount' and value '100%'"


def test_the_same_key_twice_in_one_call_is_1036(marketo: httpx.Client) -> None:
    """The second record with a key is skipped."""
    rows = sync(marketo, [{"email": "a@example.com"}, {"email": "A@example.com"}])

    assert rows[0]["status"] == "created"
    assert reason(rows[1]) == "1036"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"lookupField": "nonsense"}, "1006"),
        ({"lookupField": "updatedAt"}, "1011"),
        ({"lookupField": "id"}, "1003"),
        ({"lookupField": "id", "action": "createOnly"}, "1003"),
        ({"action": "upsert"}, "1003"),
        ({"input": []}, "1002"),
        ({"input": "a@example.com"}, "1002"),
        ({"input": [{"email": f"p{number}@example.com"} for number in range(301)]}, "1003"),
    ],
)
def test_a_wrong_parameter_fails_the_whole_sync(marketo: httpx.Client, parameters: dict[str, Any], code: str) -> None:
    """An unknown or unsupported lookup field, action or input fails the call; nothing is written."""
    envelope = marketo.post(LEADS, json={"input": [{"email": "a@example.com"}]} | parameters).json()

    assert failure(envelope) == code
    assert marketo.get("/_sim/records/leads").json() == []


def test_an_unknown_lookup_field_is_named(marketo: httpx.Client) -> None:
    """The message is the observed one."""
    envelope = marketo.post(LEADS, json={"input": [{}], "lookupField": "x"}).json()

    assert envelope["errors"] == [{"code": "1006", "message": "Lookup field 'x' not found"}]


def test_an_unknown_partition_skips_every_record(marketo: httpx.Client) -> None:
    """1008 at record level; the default partition can be named."""
    refused = sync(marketo, [{"email": "a@example.com"}], partitionName="Europe")
    written = sync(marketo, [{"email": "a@example.com"}], partitionName="Default")

    assert reason(refused[0]) == "1008"
    assert written[0]["status"] == "created"


def test_company_fields_of_a_linked_lead_are_read_only(marketo: httpx.Client) -> None:
    """1021 once a lead belongs to a company; an unlinked lead's company fields can be written."""
    load(marketo, {"email": "linked@example.com", "externalCompanyId": "001A"}, {"email": "free@example.com"})

    rows = sync(
        marketo,
        [{"email": "linked@example.com", "company": "New"}, {"email": "free@example.com", "company": "New"}],
    )

    assert reason(rows[0]) == "1021"
    assert rows[1]["status"] == "updated"


@pytest.mark.parametrize(
    ("name", "written", "read"),
    [
        ("lastContactAt", "2020-08-30T05:49:48.900Z", "2020-08-30T05:49:48Z"),
        ("lastContactAt", "2020-08-30T07:49:48+02:00", "2020-08-30T05:49:48Z"),
        ("renewalDate", "2026-12-31", "2026-12-31"),
        ("isCustomer", "true", True),
        ("isCustomer", None, False),
        ("isCustomer", "", False),
        ("leadScore", "12", 12),
        ("contractValue", "12.50", 12.5),
        ("firstName", 7, "7"),
        ("firstName", "", None),
        ("firstName", 'Zoë "Z" 你好', 'Zoë "Z" 你好'),
    ],
)
def test_values_are_stored_by_data_type(marketo: httpx.Client, name: str, written: Any, read: Any) -> None:
    """Times keep whole seconds in UTC, booleans are never null, blanks store null, numbers may come as text."""
    [row] = sync(marketo, [{"email": "a@example.com", name: written}])

    envelope = find(marketo, filterType="id", filterValues=row["id"], fields=name)

    assert envelope["result"] == [{"id": row["id"], name: read}]


def test_a_field_left_out_stays_and_null_clears(marketo: httpx.Client) -> None:
    """An update touches the fields it names only; null empties one and takes it out of the lookup."""
    [lead_id] = load(marketo, {"email": "a@example.com", "externalKey": "K", "city": "Bern"})

    sync(marketo, [{"email": "a@example.com", "externalKey": None}])

    envelope = find(marketo, filterType="id", filterValues=lead_id, fields="externalKey,city")
    assert envelope["result"] == [{"id": lead_id, "externalKey": None, "city": "Bern"}]
    assert find(marketo, filterType="externalKey", filterValues="K")["result"] == []


def test_updated_at_moves_for_standard_fields_only(marketo: httpx.Client) -> None:
    """A change of a custom field leaves the visible updatedAt alone, one of a standard field moves it."""
    [lead_id] = load(marketo, {"email": "a@example.com"})
    times: list[str] = []
    for change in ({}, {"leadbridgeStatus": "done"}, {"city": "Bern"}):
        marketo.post("/_sim/clock", json={"advance_seconds": 60})
        sync(marketo, [{"email": "a@example.com", **change}])
        times.append(find(marketo, filterType="id", filterValues=lead_id)["result"][0]["updatedAt"])

    assert times[0] == times[1] < times[2]


def test_a_fresh_leads_updated_at_can_precede_its_created_at(marketo: httpx.Client) -> None:
    """Of ten leads created in a row, one reads back an updatedAt of one second before createdAt."""
    load(marketo, *({"email": f"p{number}@example.com"} for number in range(10)))

    records = marketo.get("/_sim/records/leads").json()

    assert sum(record["updatedAt"] < record["createdAt"] for record in records) == 1


@pytest.mark.parametrize("action", ["createOrUpdate", "createOnly"])
def test_two_calls_at_the_same_moment_with_one_new_key_create_two_leads(marketo: httpx.Client, action: str) -> None:
    """The documented race: both look up before either commits, and both answer created."""
    marketo.post("/_sim/limits", json={"race_window_seconds": 0.3})
    body = {"action": action, "input": [{"email": "one@example.com"}]}

    async def race() -> list[dict[str, Any]]:
        async with httpx.AsyncClient(base_url=marketo.base_url, headers=marketo.headers, verify=False) as client:
            answers = await asyncio.gather(*(client.post(LEADS, json=body) for _ in range(2)))
        return [answer.json()["result"][0] for answer in answers]

    first, second = asyncio.run(race())

    assert (first["status"], second["status"]) == ("created", "created")
    assert first["id"] != second["id"]
    assert len(find(marketo, filterType="email", filterValues="one@example.com")["result"]) == 2


def test_two_calls_one_after_the_other_create_one_lead(marketo: httpx.Client) -> None:
    """Without overlap there is no race."""
    rows = [sync(marketo, [{"email": "one@example.com"}])[0]["status"] for _ in range(2)]

    assert rows == ["created", "updated"]


# the gateway


@pytest.mark.parametrize(
    ("content", "content_type", "code"),
    [
        (b'{"input":[{"email":"a@example.com"}]}', "text/plain", "612"),
        (b'{"input":[{"email":"a@example.com"}]}', "", "612"),
        (b'{"input":[', "application/json", "609"),
        (b"[]", "application/json", "609"),
        (b"", "application/json", "609"),
    ],
)
def test_a_body_that_is_not_json_is_refused(
    marketo: httpx.Client, content: bytes, content_type: str, code: str
) -> None:
    """612 for the content type, 609 for the content."""
    answer = marketo.post(LEADS, content=content, headers={"Content-Type": content_type})

    assert failure(answer.json()) == code


def test_unknown_paths_and_methods_are_refused_inside_a_200(marketo: httpx.Client) -> None:
    """610 for a path that does not exist (also with a double slash), 605 for a wrong method."""
    unknown = marketo.get("/rest/v1/unicorns.json")
    doubled = marketo.get("//rest/v1/leads.json")
    wrong = marketo.request("PUT", LEADS)

    assert {each.status_code for each in (unknown, doubled, wrong)} == {200}
    assert [failure(each.json()) for each in (unknown, doubled, wrong)] == ["610", "610", "605"]
