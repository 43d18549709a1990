"""How a declared endpoint becomes calls: addresses, bodies, pages, writes in pieces."""

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.marketo import Folder
from leadbridge.domain.records import Resolution
from leadbridge.errors import ContractError, PermanentError, UncertainWriteError
from leadbridge.vendors.marketo.client import MarketoClient
from tests.unit.vendors.doubles import ScriptedVendor, failure, marketo_client, success

DESCRIBED = {
    "name": "role",
    "idField": "marketoGUID",
    "dedupeFields": ["externalOpportunityId", "leadId"],
    "searchableFields": [["externalOpportunityId", "leadId"], ["marketoGUID"], ["leadId"]],
    "fields": [],
}


class Echo:
    """Answers Describe, and every write with a result for each record; remembers the bodies."""

    def __init__(self, result: Callable[[int, dict[str, Any]], dict[str, Any]]) -> None:
        self.vendor = ScriptedVendor(success())
        self.result = result
        self.bodies: list[list[dict[str, Any]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("token"):
            return self.vendor(request)
        if request.url.path.endswith("describe.json"):
            return success([DESCRIBED])
        rows = json.loads(request.read())["input"]
        self.bodies.append(rows)
        return success([self.result(place, row) for place, row in enumerate(rows)])


@given(
    keys=st.lists(st.sampled_from(["a@example.com", "A@example.com ", "b@example.com", "", None]), max_size=30),
)
def test_records_of_one_key_never_share_a_call_and_keep_their_result(keys: list[str | None]) -> None:
    """Compared as Marketo does; rows without the key do not wait for each other; results are in input order."""
    echo = Echo(lambda place, row: {"id": row["n"], "status": "updated"})
    rows = [{"email": key, "n": number} for number, key in enumerate(keys)]

    results = marketo_client(echo).sync_leads(rows, action="createOrUpdate", lookup_field="email")

    assert [row.id for row in results] == [str(number) for number in range(len(keys))]
    for body in echo.bodies:
        told = Counter(row["email"].strip().casefold() for row in body if row["email"] is not None)
        assert max(told.values(), default=1) == 1
    sent = [row["n"] for body in echo.bodies for row in body]
    assert sorted(sent) == list(range(len(keys)))
    most = max(Counter(key.strip().casefold() for key in keys if key is not None).values(), default=1)
    assert len(echo.bodies) <= most


def test_results_by_seq_are_told_apart_in_the_second_round_too() -> None:
    """Each call counts its records from 0: the third row's result is the first one of the second call."""
    echo = Echo(lambda place, row: {"seq": place, "marketoGUID": f"g-{row['leadId']}-{row['n']}", "status": "created"})
    rows = [{"externalOpportunityId": "O", "leadId": lead, "n": n} for n, lead in enumerate([1, 2, 1])]

    results = marketo_client(echo).opportunity_roles.sync(rows)

    assert [row.id for row in results] == ["g-1-0", "g-2-1", "g-1-2"]
    assert [len(body) for body in echo.bodies] == [2, 1]


def test_a_later_round_that_fails_leaves_the_first_one_s_results() -> None:
    """What was written is not forgotten; the rows of the failed call are in doubt, in their own places."""
    vendor = ScriptedVendor(
        success([DESCRIBED]),
        success([{"seq": 0, "marketoGUID": "g", "status": "created"}, {"seq": 1, "status": "updated"}]),
        httpx.ReadTimeout("late"),
    )
    rows = [{"externalOpportunityId": "O", "leadId": lead} for lead in (1, 1, 2)]

    results = marketo_client(vendor).opportunity_roles.sync(rows)

    assert [row.resolution for row in results] == [Resolution.OK, Resolution.UNCERTAIN, Resolution.OK]


def test_a_compound_query_is_a_post_that_says_get_with_its_keys_on_every_page() -> None:
    """The exact JSON that Marketo asks for, repeated with the token."""
    vendor = ScriptedVendor(
        success([DESCRIBED]),
        success([{"seq": 0, "marketoGUID": "g-1"}], nextPageToken="T==", moreResult=True),
        success([{"seq": 0, "marketoGUID": "g-2"}]),
    )
    key = {"externalOpportunityId": "O", "leadId": 1, "role": "not part of this key"}

    found = list(marketo_client(vendor).opportunity_roles.by_keys([key], ["marketoGUID"]))

    assert [row["marketoGUID"] for row in found] == ["g-1", "g-2"]
    pages = vendor.requests[1:]
    assert {(page.method, page.url.query, page.headers["content-type"]) for page in pages} == {
        ("POST", b"_method=GET", "application/json")
    }
    asked = {
        "filterType": "dedupeFields",
        "fields": ["marketoGUID"],
        "input": [{"externalOpportunityId": "O", "leadId": 1}],
    }
    assert [json.loads(page.content) for page in pages] == [asked, asked | {"nextPageToken": "T=="}]


def test_a_long_token_travels_in_a_form() -> None:
    """Some tokens would make the address too long: the question goes as POST, whole."""
    token = "T" * 9_000
    vendor = ScriptedVendor(success([{"id": 1}], nextPageToken=token), success([{"id": 2}]))

    found = list(marketo_client(vendor).leads.of_list(7, ["id", "email"]))

    assert [lead["id"] for lead in found] == [1, 2]
    first, second = vendor.requests
    assert (first.method, second.method, second.url.query) == ("GET", "POST", b"_method=GET")
    assert parse_qs(second.content.decode()) == {"fields": ["id,email"], "nextPageToken": [token]}


def test_assets_are_written_as_forms_with_json_in_them() -> None:
    """Absent members are left out; folders, lists and times are written as Marketo reads them."""
    vendor = ScriptedVendor(success([{"id": 1, "name": "P", "type": "Email", "channel": "Email Send"}]))
    programs = marketo_client(vendor).programs

    programs.clone(7, "P & “Q”", Folder(id=3), description=None)
    programs.update(7, start_date=datetime(2026, 3, 2, 12, 0, 0, 5, tzinfo=UTC), replace_costs=True)

    clone, update = (parse_qs(request.content.decode()) for request in vendor.requests)
    assert {request.headers["content-type"] for request in vendor.requests} == {"application/x-www-form-urlencoded"}
    assert clone == {"name": ["P & “Q”"], "folder": ['{"id":3,"type":"Folder"}']}
    assert update == {"startDate": ["2026-03-02T12:00:00Z"], "costsDestructiveUpdate": ["true"]}


def test_an_import_is_a_multipart_form_with_one_file() -> None:
    """The part is called file, has a name and a type, and its bytes are those given."""
    content = b'email\r\n"a,\r\nb"@example.com\r\n'
    vendor = ScriptedVendor(success([{"batchId": 1, "importId": "1", "status": "Queued"}]))

    marketo_client(vendor).bulk.lead_imports.create_leads(content, lookup_field="id", list_id=7)

    (request,) = vendor.requests
    assert request.headers["content-type"].startswith("multipart/form-data; boundary=")
    assert dict(request.url.params) == {"format": "csv", "lookupField": "id", "listId": "7"}
    assert content in request.content
    assert b'name="file"; filename="import.csv"\r\nContent-Type: text/csv' in request.content


def test_names_in_an_address_cannot_leave_their_place() -> None:
    """A slash or question mark in an API name stays a character of the name."""
    vendor = ScriptedVendor(success([DESCRIBED]))
    marketo_client(vendor).custom_objects("a/../b?c#d").describe()
    assert vendor.requests[0].url.raw_path == b"/rest/v1/customobjects/a%2F..%2Fb%3Fc%23d/describe.json"


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.leads.delete([1]),
        lambda client: client.members.set_status(1, "Invited", [1]),
        lambda client: client.bulk.lead_exports.cancel("e"),
    ],
    ids=["delete", "status", "cancel"],
)
def test_what_may_happen_twice_is_repeated_after_a_lost_answer(call: Callable[[MarketoClient], Any]) -> None:
    """No doubt: the second time changes nothing more."""
    done = success([{"id": 1, "seq": 0, "status": "added", "exportId": "e"}])
    vendor = ScriptedVendor(httpx.ReadTimeout("late"), done)
    call(marketo_client(vendor))
    assert len(vendor.requests) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.static_lists.add(1, [1]),
        lambda client: client.static_lists.remove(1, [1]),
        lambda client: client.leads.merge(1, [2]),
        lambda client: client.leads.push([{"email": "a@example.com"}], program_name="P"),
        lambda client: client.campaigns.request(1, [1]),
        lambda client: client.bulk.lead_exports.create({"createdAt": {}}, fields=["id"]),
        lambda client: client.bulk.lead_imports.create_leads(b"email\r\n"),
        lambda client: client.programs.clone(1, "x", Folder(id=1)),
    ],
    ids=["add to list", "remove from list", "merge", "push", "request", "export", "import", "clone"],
)
def test_what_must_not_happen_twice_is_doubt_after_a_lost_answer(call: Callable[[MarketoClient], Any]) -> None:
    """One call, and nobody claims to know."""
    vendor = ScriptedVendor(httpx.ReadTimeout("late"))
    with pytest.raises(UncertainWriteError):
        call(marketo_client(vendor))
    assert len(vendor.requests) == 1


def test_an_answer_without_the_record_it_should_hold_is_no_success() -> None:
    """The status of a job that is not there, said as success."""
    with pytest.raises(ContractError, match="holds no record"):
        marketo_client(ScriptedVendor(success())).bulk.lead_exports.status("e")


def test_a_lead_that_is_not_there_is_none_in_either_way_of_saying_so() -> None:
    """An empty result or a code: the vendor does not document which; other refusals stay refusals."""
    assert marketo_client(ScriptedVendor(success())).leads.by_id(1) is None
    assert marketo_client(ScriptedVendor(failure("1004"))).leads.by_id(1) is None
    with pytest.raises(PermanentError):
        marketo_client(ScriptedVendor(failure("603"))).leads.by_id(1)


def test_entries_without_the_newer_id_are_each_given_once() -> None:
    """The older id may be shared by two entries: both are given, a repeated one is not."""
    at = "2026-03-02T12:00:00Z"
    entry = {"id": 7, "leadId": 1, "activityDate": at, "activityTypeId": 1, "attributes": []}
    other = entry | {"leadId": 2}
    vendor = ScriptedVendor(success(nextPageToken="A"), success([entry, other, entry], moreResult=False))
    found = list(marketo_client(vendor).activities(datetime(2026, 3, 2, tzinfo=UTC), [1]))
    assert [(each.marketo_guid, each.lead_id) for each in found] == [("7", 1), ("7", 2)]


def test_what_a_filter_cannot_name_is_not_asked_for() -> None:
    """A comma would make two values of one: such values and blank ones find nothing, and cost no call."""
    vendor = ScriptedVendor(success([DESCRIBED]))
    client = marketo_client(vendor)

    assert client.leads.by_filter("email", ["a,b", " "], ["id"]) == []
    assert list(client.members.by_filter(1, "statusName", ["Came, saw"])) == []
    assert list(client.static_lists.all(names=["Guests, new"])) == []
    assert list(client.opportunities.by_filter("leadId", ["1,2"])) == []
    assert [request.url.path for request in vendor.requests] == ["/rest/v1/opportunities/describe.json"]
