"""The Salesforce client against the Salesforce twin, over HTTP."""

from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from leadbridge.domain.records import Resolution
from leadbridge.domain.soql import in_list_chunks, literal
from leadbridge.errors import AuthenticationError, PermanentError, UncertainWriteError
from tests.integration.vendors.conftest import Clients, Twin

TOKEN = "/services/oauth2/token"
COLLECTIONS = "/services/data/v67.0/composite/sobjects"


def test_an_assertion_signed_with_the_uploaded_certificate_s_key_buys_a_session(
    clients: Clients, salesforce: Twin
) -> None:
    """The twin verifies the RS256 signature; one signed by another key is refused with its remedy."""
    assert clients.salesforce().query("SELECT Id FROM Lead") == []
    clients.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    with pytest.raises(AuthenticationError, match="certificate"):
        clients.salesforce().query("SELECT Id FROM Lead")


@pytest.mark.cap("U04")
@pytest.mark.parametrize("minutes", [-10, -60], ids=["ten minutes slow", "an hour slow"])
def test_a_wrong_clock_of_ours_does_not_stop_the_login(clients: Clients, salesforce: Twin, minutes: int) -> None:
    """The signed assertion is refused as expired, then made anew with the server's time and exchanged."""
    clients.clock_offset = timedelta(minutes=minutes)
    assert clients.salesforce().query("SELECT Id FROM Lead") == []
    assert len(salesforce.calls_of("POST", TOKEN)) == 2


@pytest.mark.cap("U05")
@pytest.mark.fault("FS01")
def test_a_session_that_ended_costs_one_new_assertion_and_one_replay(clients: Clients, salesforce: Twin) -> None:
    """The refused create is repeated after a new login and makes one record."""
    client = clients.salesforce()
    client.query("SELECT Id FROM Lead")
    salesforce.post("revoke")
    (result,) = client.create("Lead", [{"LastName": "Doe", "Company": "Acme"}])
    assert result.ok
    assert len(salesforce.get("records/Lead")) == 1
    assert len(salesforce.calls_of("POST", TOKEN)) == 2
    assert len(salesforce.calls_of("POST", COLLECTIONS)) == 2


@pytest.mark.parametrize(
    "condition",
    [
        pytest.param(f"Email = {{}} AND {'(' * 24}Gone__c = 'a'{')' * 24}", id="its end is left"),
        pytest.param("Gone__c = 'a' AND LastName != 'b' AND Email = {}", id="its beginning is left"),
    ],
)
def test_a_refused_query_is_told_without_the_piece_that_salesforce_quotes(clients: Clients, condition: str) -> None:
    """It is cut off in the middle of an address, so nobody could know the rest of it again to mask it."""
    query = f"SELECT Id FROM Lead WHERE {condition.format(literal('jo.ohara-of-somewhere@example.com'))}"
    with pytest.raises(PermanentError) as refused:
        clients.salesforce().query(query)
    told = str(refused.value)
    assert "No such column 'Gone__c' on entity 'Lead'" in told
    assert [piece for piece in ("'jo", "ohara", "ple.com", "WHERE", "AND") if piece in told] == []


def test_records_are_created_updated_upserted_and_read_in_batches(clients: Clients, salesforce: Twin) -> None:
    """300 rows cost two calls each time, and the twin holds what was sent."""
    client = clients.salesforce()
    people = [
        {"LastName": f"Doe {n}", "Company": "Acme", "Email": f"p{n}@example.com", "External_Key__c": f"K{n}"}
        for n in range(300)
    ]
    created = client.create("Lead", people)
    updated = client.update("Lead", [{"Id": row.id, "Title": "CTO"} for row in created])
    upserted = client.upsert(
        "Lead",
        "External_Key__c",
        [
            {"External_Key__c": "K0", "Title": "CEO"},
            {"External_Key__c": "K-new", "LastName": "Roe", "Company": "Beta"},
        ],
    )
    assert {row.status for row in created} == {"created"}
    assert {row.status for row in updated} == {"updated"}
    assert [row.status for row in upserted] == ["updated", "created"]

    emails = [str(person["Email"]) for person in people]
    found = [
        record
        for soql in in_list_chunks("Email", emails, "SELECT Id, Email, Title FROM Lead WHERE")
        for record in client.query(soql)
    ]
    assert {record["Email"] for record in found} == set(emails)
    assert sorted({record["Title"] for record in found}) == ["CEO", "CTO"]
    assert client.api_usage is not None
    assert client.api_usage.used > 0


def test_a_bad_row_fails_alone(clients: Clients, salesforce: Twin) -> None:
    """The good row is written; the bad one names its field and has its value masked."""
    good, bad = clients.salesforce().create(
        "Lead",
        [
            {"LastName": "Doe", "Company": "Acme"},
            {"LastName": "Roe", "Company": "Beta", "Email": "not-an-address"},
        ],
    )
    assert good.ok
    assert (bad.ok, bad.code, bad.resolution) == (False, "INVALID_EMAIL_ADDRESS", Resolution.REJECT)
    assert bad.fields == ("Email",)
    assert "not-an-address" not in bad.message


@pytest.mark.fault("FS16")
def test_a_create_whose_answer_was_lost_is_uncertain_and_not_repeated(clients: Clients, salesforce: Twin) -> None:
    """The record is there once, and the client does not claim to know."""
    salesforce.post("faults", [{"match": f"POST {COLLECTIONS}", "nth": 1, "times": 1, "kind": "drop_answer"}])
    with pytest.raises(UncertainWriteError):
        clients.salesforce().create("Lead", [{"LastName": "Doe", "Company": "Acme"}])
    assert len(salesforce.get("records/Lead")) == 1
    assert len(salesforce.calls_of("POST", COLLECTIONS)) == 1


def test_describe_knows_the_demo_org_s_fields(clients: Clients, salesforce: Twin) -> None:
    """Required, external id and look-up fields are told apart."""
    lead = clients.salesforce().describe("Lead")
    assert lead.createable
    assert lead.fields["LastName"].required_on_create
    assert lead.fields["External_Key__c"].external_id
    assert lead.fields["Email"].id_lookup


def test_every_character_reaches_the_query_parser_unchanged(clients: Clients, salesforce: Twin) -> None:
    """12,000 characters of all scripts, quotes and escapes survive quoting, address, parser and comparison."""
    scalars = [chr(n) for n in range(0x20, 0x3000) if not 0x7F <= n < 0xA0]
    scalars += ["\t", "\n", "\U0001f600", "\U0010fffd", chr(0xFFFD)]
    client = clients.salesforce()
    texts = ["x" + "".join(scalars[start : start + 250]) + "x" for start in range(0, len(scalars), 250)]
    texts += ["x' OR LastName != 'y", "\\", "\\'", 'a"b', "50%_", "x\\nx", "é" * 200]
    # long text lives in a field that a filter may use
    rows = [{"LastName": "Doe", "Company": text[:255]} for text in texts]
    created = client.create("Lead", rows)
    assert [row.message for row in created if not row.ok] == []
    for row, text in zip(created, texts, strict=True):
        soql = f"SELECT Id, Company FROM Lead WHERE Company = {literal(text[:255])} AND Id = {literal(row.id)}"
        if len(soql.encode()) < 3_000:
            assert [record["Company"] for record in client.query(soql)] == [text[:255]]
