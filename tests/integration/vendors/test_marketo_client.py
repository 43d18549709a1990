"""The Marketo client against the Marketo twin, over HTTP."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from leadbridge.domain.records import CustomActivity, Resolution
from leadbridge.errors import (
    AuthenticationError,
    QuotaExhaustedError,
    RateLimitedError,
    UncertainWriteError,
)
from tests.integration.vendors.conftest import Clients, Twin

LEADS = "/rest/v1/leads.json"
IDENTITY = "/identity/oauth/token"


@pytest.mark.cap("U07")
@pytest.mark.parametrize("code", ["601", "602"])
def test_a_token_refused_as_601_or_602_costs_one_login_and_one_replay(
    clients: Clients, marketo: Twin, code: str
) -> None:
    """The token comes from the identity endpoint; after a refusal the twin sees one more login and the same call."""
    client = clients.marketo()
    client.usage()
    marketo.post(
        "faults",
        [{"match": f"POST {LEADS}", "nth": 1, "times": 1, "kind": "vendor_error", "code": code, "message": "m"}],
    )

    (result,) = client.sync_leads([{"email": "jo@example.com"}], action="createOrUpdate", lookup_field="email")

    assert result.status == "created"
    assert len(marketo.get("records/leads")) == 1
    assert len(marketo.calls_of("POST", IDENTITY)) == 2
    assert len(marketo.calls_of("POST", LEADS)) == 2


@pytest.mark.fault("FM03")
def test_a_token_refused_for_good_ends_after_one_more_login(clients: Clients, marketo: Twin) -> None:
    """Nothing goes round in a circle: two calls, two logins, then a human is needed."""
    client = clients.marketo()
    marketo.post("faults", [{"match": f"GET {LEADS}", "kind": "vendor_error", "code": "601", "message": "m"}])
    with pytest.raises(AuthenticationError):
        client.leads_by_filter("id", ["1"], ["id"])
    assert len(marketo.calls_of("POST", IDENTITY)) == 2
    assert len(marketo.calls_of("GET", LEADS)) == 2


@pytest.mark.fault("FM02")
def test_a_token_that_really_expired_is_replaced_and_the_call_replayed(clients: Clients, marketo: Twin) -> None:
    """The vendor's hour passes while our clock stands still: 602, a login, the replay."""
    client = clients.marketo()
    client.usage()
    marketo.post("clock", {"advance_seconds": 3_601})
    client.usage()
    assert [call.code for call in clients.calls] == ["", "", "602", "", ""]


@pytest.mark.cap("U08")
def test_every_call_carries_the_token_in_its_header_alone(clients: Clients, marketo: Twin) -> None:
    """The twin refuses a token in the query and accepts all calls of the client, reads and writes."""
    client = clients.marketo()
    client.describe_leads()
    client.sync_leads([{"email": "jo@example.com"}], action="createOnly", lookup_field="email")
    client.leads_by_filter("email", [f"p{n:03d}.long.address@example.com" for n in range(300)], ["id"])
    client.usage()
    assert {call.code for call in clients.calls} == {""}

    token = httpx.post(
        clients.announced["marketo_url"] + IDENTITY,
        params={
            "grant_type": "client_credentials",
            **{name: clients.announced["marketo_credentials"][name] for name in ("client_id", "client_secret")},
        },
    ).json()["access_token"]
    refused = marketo.http.get("/rest/v1/stats/usage.json", params={"access_token": token}).json()
    assert refused["success"] is False


@pytest.mark.cap("U11")
@pytest.mark.parametrize("lookup_field", ["email", "externalKey"])
def test_leads_are_upserted_by_e_mail_or_by_a_custom_field(clients: Clients, marketo: Twin, lookup_field: str) -> None:
    """The first call creates, the second updates the same person by the configured field."""
    client = clients.marketo()
    key = {"email": "jo@example.com", "externalKey": "K-1"}
    (created,) = client.sync_leads([key], action="createOrUpdate", lookup_field=lookup_field)
    (updated,) = client.sync_leads(
        [{lookup_field: key[lookup_field], "firstName": "Jo"}],
        action="createOrUpdate",
        lookup_field=lookup_field,
    )
    (lead,) = marketo.get("records/leads")
    assert (created.status, updated.status, created.id) == ("created", "updated", updated.id)
    assert (lead["externalKey"], lead["email"], lead["firstName"]) == ("K-1", "jo@example.com", "Jo")


def test_rows_of_one_write_are_told_apart_by_position(clients: Clients, marketo: Twin) -> None:
    """A good row between two bad ones is written; the others carry Marketo's code."""
    (known,) = marketo.post("load", {"leads": [{"email": "a@example.com"}]})["leads"]
    results = clients.marketo().sync_leads(
        [{"id": 999_999_999, "firstName": "x"}, {"id": known, "firstName": "Ann"}],
        action="updateOnly",
        lookup_field="id",
    )
    assert [(r.ok, r.code, r.resolution) for r in results] == [
        (False, "1004", Resolution.REJECT),
        (True, "", Resolution.OK),
    ]


@pytest.mark.cap("U47")
def test_301_records_make_two_calls(clients: Clients, marketo: Twin) -> None:
    """One person more than a call takes: the twin sees two calls, and all 301 persons are there."""
    rows = [{"email": f"p{number}@example.com"} for number in range(301)]

    results = clients.marketo().sync_leads(rows, action="createOrUpdate", lookup_field="email")

    assert [row.status for row in results] == ["created"] * 301
    assert len(marketo.get("records/leads")) == 301
    assert len(marketo.calls_of("POST", LEADS)) == 2


@pytest.mark.fault("FM18")
def test_300_long_filter_values_never_make_marketo_answer_414(clients: Clients, marketo: Twin) -> None:
    """All of 300 persons are found by values that would not fit an address."""
    people = [{"email": f"person.number.{n:03d}@a-rather-long-domain.example.com"} for n in range(300)]
    marketo.post("load", {"leads": people})
    found = clients.marketo().leads_by_filter("email", [person["email"] for person in people], ["id", "email"])
    assert {lead["email"] for lead in found} == {person["email"] for person in people}
    assert "414" not in marketo.get("calls")["violations"]


def test_a_custom_activity_is_added_and_found_again_by_its_execution_id(clients: Clients, marketo: Twin) -> None:
    """What is needed to look before adding one a second time."""
    (lead,) = marketo.post("load", {"leads": [{"email": "a@example.com"}]})["leads"]
    client = clients.marketo()
    kind = client.custom_activity_type("leadbridgeResult")
    now = datetime.now(UTC)
    activity = CustomActivity(
        lead_id=lead,
        activity_type_id=kind.id,
        primary_attribute_value="created",
        activity_date=now,
        attributes={"executionId": "e-1"},
    )

    (added,) = client.add_custom_activities([activity])
    found = list(client.activities(now - timedelta(minutes=5), [kind.id], [lead]))

    assert kind.status.lower() == "approved"
    assert (added.ok, added.status) == (True, "added")
    assert [(each.lead_id, each.primary_attribute_value) for each in found] == [(lead, "created")]
    assert "e-1" in found[0].attributes.values()


@pytest.mark.fault("FM05")
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_answer"},
        {"kind": "vendor_error", "code": "604", "message": "Request timed out", "after_commit": True},
        {"kind": "http", "status": 502, "body": "<html>", "after_commit": True},
    ],
    ids=["lost", "604", "502"],
)
def test_a_write_that_was_committed_without_an_answer_is_uncertain_and_not_repeated(
    clients: Clients, marketo: Twin, fault: dict[str, object]
) -> None:
    """The record is there once, and the client does not claim to know."""
    marketo.post("faults", [{"match": f"POST {LEADS}", "nth": 1, "times": 1, **fault}])
    with pytest.raises(UncertainWriteError):
        clients.marketo().sync_leads([{"email": "jo@example.com"}], action="createOnly", lookup_field="email")
    assert len(marketo.get("records/leads")) == 1
    assert len(marketo.calls_of("POST", LEADS)) == 1


def test_the_twin_s_own_rate_and_quota_refusals_become_their_errors(clients: Clients, marketo: Twin) -> None:
    """606 asks for a whole window, 607 names the reset; neither is called a success."""
    client = clients.marketo()
    client.usage()
    marketo.post("limits", {"calls_per_20s": 1})
    with pytest.raises(RateLimitedError) as limited:
        client.usage()
    assert limited.value.code == "606"
    assert clients.slept == [20.0]
    marketo.post("limits", {"calls_per_20s": 100, "daily_calls": 1})
    with pytest.raises(QuotaExhaustedError) as spent:
        client.usage()
    assert spent.value.resets_at > datetime.now(UTC)
    marketo.post("limits", {"daily_calls": 50_000})


@pytest.mark.cap("U53")
def test_a_token_is_renewed_although_the_identity_service_repeats_it_until_its_end(
    clients: Clients, marketo: Twin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three seconds before the hour is over a new process gets the old token: it waits for its end and gets another.

    No call is refused for its token, in either process, before or after.
    """
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        marketo.post("clock", {"advance_seconds": seconds})

    monkeypatch.setattr(clients, "sleep", sleep)
    clients.marketo().usage()
    (login,) = marketo.calls_of("POST", IDENTITY)
    nearly = datetime.fromisoformat(login["at"]) + timedelta(seconds=3_597)
    marketo.post("clock", {"set": nearly.isoformat()})

    fresh = clients.marketo()
    fresh.usage()
    fresh.usage()

    assert [(call.operation, call.code) for call in clients.calls] == [
        ("token", ""),
        ("usage", ""),
        ("token", ""),
        ("token", ""),
        ("usage", ""),
        ("usage", ""),
    ]
    assert len(waited) == 1
    assert 1 <= waited[0] <= 5
