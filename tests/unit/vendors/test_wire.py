"""The exact requests of the common path, on a router that refuses every request it was not told of."""

import json
from collections.abc import Iterator

import httpx
import pytest
import respx

from leadbridge.vendors.http.transport import HttpSettings, build_http_client
from leadbridge.vendors.marketo.client import MarketoClient
from leadbridge.vendors.salesforce.client import SalesforceClient
from tests.fakes.limits import NoLimit
from tests.unit.vendors.doubles import LOGIN, MARKETO, ORG, FakeTime, credentials, marketo_token, session, success


@pytest.fixture
def router() -> Iterator[respx.MockRouter]:
    """Requests that are not routed fail, and so does a route that nobody asked for."""
    with respx.mock(assert_all_mocked=True, assert_all_called=True) as routes:
        yield routes


def settings() -> HttpSettings:
    time = FakeTime()
    return HttpSettings(client=build_http_client(), clock=time.clock, sleep=time.sleep)


def test_marketo_write_back_is_one_login_and_one_post(router: respx.MockRouter) -> None:
    """The lead's row goes to leads.json as an update by id, with the token in the header and nowhere else."""
    login = router.route(host="123-abc-456.mktorest.com", path="/identity/oauth/token").respond(json=marketo_token())
    leads = router.post(f"{MARKETO.lower()}/rest/v1/leads.json").mock(
        return_value=success([{"id": 7, "status": "updated"}])
    )
    client = MarketoClient(settings(), base_url=MARKETO, credentials=credentials, limiter=NoLimit())

    rows = client.sync_leads([{"id": 7, "salesforceId": "00Q1"}], action="updateOnly", lookup_field="id")

    sent = leads.calls.last.request
    assert [row.status for row in rows] == ["updated"]
    assert sent.headers["authorization"] == "Bearer token-1"
    assert "token-1" not in str(sent.url) + sent.content.decode()
    assert json.loads(sent.content) == {
        "action": "updateOnly",
        "lookupField": "id",
        "input": [{"id": 7, "salesforceId": "00Q1"}],
    }
    assert login.call_count == 1


def test_salesforce_create_is_one_collection_call_with_explicit_headers(router: respx.MockRouter) -> None:
    """Records go to the org's own host in one call that leaves nothing to the vendor's defaults."""
    router.post("https://login.salesforce.com/services/oauth2/token").respond(json=session())
    created = [{"id": "00Q000000000001AAA", "success": True, "errors": []}]
    route = router.post(url__regex=rf"{ORG}/services/data/v\d+\.0/composite/sobjects").mock(
        return_value=httpx.Response(200, json=created)
    )
    client = SalesforceClient(settings(), login=LOGIN, sign=lambda message: b"signature", limiter=NoLimit())

    rows = client.create("Lead", [{"LastName": "Nováková", "Company": "Example"}])

    sent = route.calls.last.request
    assert [(row.ok, row.id, row.status) for row in rows] == [(True, "00Q000000000001AAA", "created")]
    assert sent.headers["sforce-auto-assign"] == "FALSE"
    assert "allowSave=false" in sent.headers["sforce-duplicate-rule-header"]
    assert json.loads(sent.content) == {
        "allOrNone": False,
        "records": [{"attributes": {"type": "Lead"}, "LastName": "Nováková", "Company": "Example"}],
    }
