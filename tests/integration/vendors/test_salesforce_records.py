"""Single records, collections, composites and describe through the client against the Salesforce twin."""

import pytest

from leadbridge.domain.records import Resolution
from leadbridge.errors import PermanentError, TransientError
from leadbridge.vendors.salesforce.client import SalesforceClient, WriteOptions
from leadbridge.vendors.salesforce.composite import Graph, Part, reference
from tests.integration.vendors.conftest import Clients, Twin

DATA = "/services/data/v67.0"
ODD = 'O\'Brien "Zoë" \\ 李 / ? # % + & ä\u2028x'


@pytest.fixture
def client(clients: Clients, salesforce: Twin) -> SalesforceClient:
    return clients.salesforce()


def a_lead(salesforce: Twin, **fields: object) -> str:
    """The id of one more lead."""
    record = {"LastName": "Doe", "Company": "Acme", **fields}
    found = salesforce.post("load", {"Lead": [record]})["Lead"]
    return str(found[0])


def held(salesforce: Twin) -> list[dict[str, object]]:
    found: list[dict[str, object]] = salesforce.get("records/Lead")
    return found


@pytest.mark.cap("U10")
def test_one_client_reaches_records_collections_composites_pages_and_bulk_jobs(
    client: SalesforceClient, salesforce: Twin
) -> None:
    """401 leads made in five ways are all in the org, and read back over three pages."""
    row = {"LastName": "Doe", "Company": "Acme"}
    single = client.records.create("Lead", row)
    assert single.id is not None
    assert client.records.update("Lead", single.id, {"Title": "CTO"}).ok
    assert client.records.get("Lead", single.id, ["Title"]) == {"Title": "CTO"}
    part = Part(reference_id="One", method="POST", path="/sobjects/Lead", body=row)
    (composed,) = client.composite.send([part], all_or_none=True)
    many = client.create("Lead", [row] * 200)
    job = client.bulk_ingest.create("Lead", "insert")
    client.bulk_ingest.upload(job.id, b"LastName,Company\n" + b"Doe,Acme\n" * 200)
    client.bulk_ingest.close(job.id)
    salesforce.post("clock", {"advance_seconds": 10})
    assert client.bulk_ingest.status(job.id).records_processed == 200
    assert client.records.delete("Lead", str(many[0].id)).ok

    pages = list(client.queries.pages("SELECT Id FROM Lead", batch_size=200))
    ids = {record["Id"] for page in pages for record in page}
    assert [len(page) for page in pages] == [200, 200, 1]
    assert ids == {lead["Id"] for lead in held(salesforce)}
    assert {single.id, composed.body["id"], *(each.id for each in many[1:])} <= ids


def test_one_record_is_created_read_changed_and_deleted(client: SalesforceClient, salesforce: Twin) -> None:
    """Odd characters survive, None clears, and a deleted record is not found any more, by either spelling of its id."""
    created = client.records.create("Lead", {"LastName": ODD, "Company": "Acme", "Title": "CTO"})
    assert (created.ok, created.status) == (True, "created")
    assert created.id is not None
    for spelling in (created.id, created.id[:15]):
        found = client.records.get("Lead", spelling, ["Id", "LastName", "Title"])
        assert found == {"Id": created.id, "LastName": ODD, "Title": "CTO"}

    updated = client.records.update("Lead", created.id[:15], {"Title": None})
    assert (updated.ok, updated.status, updated.id) == (True, "updated", created.id)
    assert held(salesforce)[0]["Title"] is None

    assert client.records.delete("Lead", created.id).status == "deleted"
    again = client.records.delete("Lead", created.id)
    assert (again.status, again.resolution) == ("gone", Resolution.OK)
    assert client.records.get("Lead", created.id, ["Id"]) is None
    assert held(salesforce) == []


def test_a_record_is_written_and_found_by_its_own_key_whatever_characters_it_has(
    client: SalesforceClient, salesforce: Twin
) -> None:
    """The key stands in the address, percent-encoded, and never in the body."""
    row = {"External_Key__c": ODD, "LastName": "Doe", "Company": "Acme"}
    first = client.records.upsert("Lead", "External_Key__c", ODD, row)
    second = client.records.upsert("Lead", "External_Key__c", ODD, {**row, "Title": "CEO"})
    assert (first.status, second.status, second.id) == ("created", "updated", first.id)
    found = client.records.get_by_key("Lead", "External_Key__c", ODD, ["Title"])
    assert found == {"Title": "CEO"}
    assert client.records.get_by_key("Lead", "External_Key__c", "nobody", ["Id"]) is None

    absent = client.records.upsert("Lead", "External_Key__c", "nobody", row, update_only=True)
    assert (absent.ok, absent.code, absent.resolution) == (False, "NOT_FOUND", Resolution.REJECT)
    assert len(held(salesforce)) == 1


@pytest.mark.fault("FS08")
def test_a_key_that_several_records_have_writes_none_and_names_them(client: SalesforceClient, salesforce: Twin) -> None:
    """Answer 300 is neither success nor an error of the call: the row is refused with the ids found."""
    ids = [a_lead(salesforce, Email="twice@example.com"), a_lead(salesforce, Email="twice@example.com")]
    result = client.records.upsert("Lead", "Email", "twice@example.com", {"Title": "CTO"})
    assert (result.ok, result.code, result.resolution) == (False, "http_300", Resolution.REJECT)
    assert all(each in result.message for each in ids)
    assert {lead["Title"] for lead in held(salesforce)} == {None}


def test_a_record_that_is_refused_alone_is_a_result_and_no_error(client: SalesforceClient, salesforce: Twin) -> None:
    """The same code as in a collection, the value masked, nothing written."""
    row = {"LastName": "Doe", "Company": "Acme", "Email": "not-an-address"}
    result = client.records.create("Lead", row)
    assert (result.ok, result.code, result.resolution) == (False, "INVALID_EMAIL_ADDRESS", Resolution.REJECT)
    assert "not-an-address" not in result.message
    with pytest.raises(PermanentError) as caught:
        client.records.get("Lead", "no id at all", ["Id"])
    assert caught.value.code == "MALFORMED_ID"
    assert held(salesforce) == []


def test_2001_records_are_read_by_id_each_in_its_own_place(client: SalesforceClient, salesforce: Twin) -> None:
    """Page boundary + 1: two calls; a record that is gone leaves its place empty."""
    rows = [{"LastName": f"Doe {n}", "Company": "Acme"} for n in range(2_001)]
    ids = salesforce.post("load", {"Lead": rows})["Lead"]
    client.rows.delete([ids[5]])
    found = client.rows.retrieve("Lead", [each[:15] for each in ids], ["Id", "LastName"])
    assert found[5] is None
    assert [each and each["LastName"] for each in found if each] == [f"Doe {n}" for n in range(2_001) if n != 5]
    assert len(salesforce.calls_of("POST", f"{DATA}/composite/sobjects/Lead")) == 2


def test_deleting_many_tells_which_of_them_were_gone(client: SalesforceClient, salesforce: Twin) -> None:
    """One result per id, in the order of the ids, over two calls."""
    rows = [{"LastName": f"Doe {n}", "Company": "Acme"} for n in range(201)]
    ids = salesforce.post("load", {"Lead": rows})["Lead"]
    client.rows.delete([ids[7]])
    said = client.rows.delete(ids)
    assert [row.id for row in said if row.ok] == [each for n, each in enumerate(ids) if n != 7]
    assert said[7].code == "ENTITY_IS_DELETED"
    assert held(salesforce) == []


@pytest.mark.fault("FS10")
def test_all_or_none_rejects_the_culprit_and_sends_the_others_once_more(
    client: SalesforceClient, salesforce: Twin
) -> None:
    """The first call writes nothing; the second, without the culprit, writes all others."""
    rows = [{"LastName": f"Doe {n}", "Company": "Acme", "Email": f"p{n}@example.com"} for n in range(5)]
    rows[2]["Email"] = "not-an-address"
    said = client.rows.create("Lead", rows, all_or_none=True)
    assert [row.ok for row in said] == [True, True, False, True, True]
    assert (said[2].code, said[2].resolution) == ("INVALID_EMAIL_ADDRESS", Resolution.REJECT)
    assert sorted(str(lead["LastName"]) for lead in held(salesforce)) == ["Doe 0", "Doe 1", "Doe 3", "Doe 4"]
    assert len(salesforce.calls_of("POST", f"{DATA}/composite/sobjects")) == 2


def test_all_or_none_of_good_rows_is_one_call(client: SalesforceClient, salesforce: Twin) -> None:
    """Nothing is sent twice where nothing failed."""
    said = client.rows.create("Lead", [{"LastName": "A", "Company": "B"}] * 3, all_or_none=True)
    assert [row.status for row in said] == ["created"] * 3
    assert len(held(salesforce)) == 3


def test_a_contact_and_its_task_are_written_in_one_call(client: SalesforceClient, salesforce: Twin) -> None:
    """The task names the contact by what the first part answers; each part has its own result, in order."""
    parts = [
        Part(reference_id="Person", method="POST", path="/sobjects/Contact", body={"LastName": ODD}),
        Part(
            reference_id="Log",
            method="POST",
            path="/sobjects/Task",
            body={"WhoId": reference("Person"), "Subject": "Opened", "Status": "Completed"},
        ),
        Part(reference_id="Back", method="GET", path="/query?q=SELECT+Id+FROM+Task"),
    ]
    person, log, back = client.composite.send(parts, all_or_none=True)
    assert [each.status for each in (person, log, back)] == [201, 201, 200]
    (task,) = salesforce.get("records/Task")
    assert task["WhoId"] == person.body["id"]
    assert back.body["records"][0]["Id"] == task["Id"] == log.body["id"]


@pytest.mark.parametrize("all_or_none", [True, False])
def test_a_part_that_fails_takes_the_others_back_only_if_asked(
    client: SalesforceClient, salesforce: Twin, all_or_none: bool
) -> None:
    """The outer status is 200 either way; the halted part may be sent again, the culprit not."""
    parts = [
        Part(reference_id="Good", method="POST", path="/sobjects/Lead", body={"LastName": "Doe", "Company": "Acme"}),
        Part(reference_id="Bad", method="POST", path="/sobjects/Lead", body={"LastName": "Roe"}),
    ]
    good, bad = client.composite.send(parts, all_or_none=all_or_none)
    assert (bad.ok, bad.code, bad.resolution) == (False, "REQUIRED_FIELD_MISSING", Resolution.REJECT)
    assert good.ok is not all_or_none
    if all_or_none:
        assert (good.code, good.resolution) == ("PROCESSING_HALTED", Resolution.RETRY)
    assert len(held(salesforce)) == (0 if all_or_none else 1)


def test_graphs_stand_or_fall_each_by_itself(client: SalesforceClient, salesforce: Twin) -> None:
    """Of the graph with a bad part nothing is there, of the other all; results keep their ids."""

    def graph(name: str, company: str | None) -> Graph:
        account = Part(reference_id="Firm", method="POST", path="/sobjects/Account", body={"Name": f"Firm {name}"})
        lead = {"LastName": name, **({"Company": company} if company else {})}
        return Graph(
            graph_id=name,
            parts=[account, Part(reference_id="Person", method="POST", path="/sobjects/Lead", body=lead)],
        )

    good, bad = client.composite.send_graphs([graph("good", "Acme"), graph("bad", None)])
    assert (good.graph_id, good.ok, [part.ok for part in good.parts]) == ("good", True, [True, True])
    assert (bad.graph_id, bad.ok, [part.code for part in bad.parts]) == (
        "bad",
        False,
        ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"],
    )
    assert [account["Name"] for account in salesforce.get("records/Account")] == ["Firm good"]


def test_describe_transfers_nothing_where_nothing_changed(client: SalesforceClient, salesforce: Twin) -> None:
    """The second answer is 304 and the description is the one we have."""
    first = client.describe("Lead")
    assert client.describe("Lead") is first
    path = f"{DATA}/sobjects/Lead/describe"
    assert [call["status"] for call in salesforce.calls_of("GET", path)] == [200, 304]
    assert (first.key_prefix, first.replicateable, first.queryable) == ("00Q", True, True)
    status = first.fields["Status"]
    assert "Open - Not Contacted" in status.picklist
    assert set(first.fields["OwnerId"].reference_to) == {"User", "Group"} or first.fields["OwnerId"].reference_to


@pytest.mark.parametrize("refused_in", ["a query", "a row", "a record"])
def test_a_field_that_disappears_in_mid_run_is_named_and_not_described_any_more(
    client: SalesforceClient, salesforce: Twin, refused_in: str
) -> None:
    """The refusal names it, other fields go on, and "not modified" is not believed after it."""
    assert "Title" in client.describe("Lead").fields
    row = {"LastName": "Doe", "Company": "Acme", "Title": "CTO"}
    salesforce.post("permissions", {"hidden": ["Lead.Title"]})
    try:
        if refused_in == "a query":
            with pytest.raises(PermanentError, match="Title") as caught:
                client.query("SELECT Id, Title FROM Lead")
            code = caught.value.code
        elif refused_in == "a row":
            code = _refusal(client, row)
        else:
            code = client.records.create("Lead", row).code
        assert code.startswith("INVALID_FIELD")
        assert "Title" not in client.describe("Lead").fields
        assert client.create("Lead", [{"LastName": "Doe", "Company": "Acme"}])[0].ok
    finally:
        salesforce.post("permissions", {"hidden": []})


def _refusal(client: SalesforceClient, row: dict[str, str]) -> str:
    """The code of a collection or of its row: one unreadable record refuses its whole collection at the twin."""
    try:
        return client.create("Lead", [row])[0].code
    except PermanentError as error:
        return error.code


def test_the_org_tells_its_versions_and_who_we_are(client: SalesforceClient, salesforce: Twin) -> None:
    """The user's id is that of the records which we make."""
    assert client.user_id == ""
    versions = client.schema.versions()
    assert "67.0" in versions
    assert list(versions) == sorted(versions, key=float)
    made = client.records.create("Lead", {"LastName": "Doe", "Company": "Acme"})
    (lead,) = held(salesforce)
    assert (lead["Id"], lead["CreatedById"]) == (made.id, client.user_id)


@pytest.mark.parametrize("writes", ["alone", "together", "in a composite"])
def test_a_record_that_somebody_else_holds_fails_as_locked_and_may_be_sent_again(
    client: SalesforceClient, salesforce: Twin, writes: str
) -> None:
    """Lock contention concerns the row and not its neighbours; once it is over the same row is written."""
    busy, free = a_lead(salesforce), a_lead(salesforce)
    salesforce.post("locks", {"ids": [busy], "seconds": 60})

    def write() -> dict[str, Resolution]:
        if writes == "together":
            rows = [{"Id": each, "Title": "CTO"} for each in (busy, free)]
            said = client.update("Lead", rows)
            return {each["Id"]: row.resolution for each, row in zip(rows, said, strict=True)}
        if writes == "alone":
            return {each: client.records.update("Lead", each, {"Title": "CTO"}).resolution for each in (free,)} | {
                busy: _alone(client, busy)
            }
        parts = [
            Part(reference_id=each, method="PATCH", path=f"/sobjects/Lead/{each}", body={"Title": "CTO"})
            for each in (busy, free)
        ]
        return {each.reference_id: each.resolution for each in client.composite.send(parts, all_or_none=False)}

    assert write() == {busy: Resolution.RETRY, free: Resolution.OK}
    salesforce.post("clock", {"advance_seconds": 61})
    assert write() == {busy: Resolution.OK, free: Resolution.OK}
    assert {lead["Title"] for lead in held(salesforce)} == {"CTO"}


def _alone(client: SalesforceClient, lead: str) -> Resolution:
    """A single call that is locked is an error of the call, which nothing has executed."""
    try:
        return client.records.update("Lead", lead, {"Title": "CTO"}).resolution
    except TransientError:
        return Resolution.RETRY


def test_all_objects_are_listed_with_what_may_be_done(client: SalesforceClient, salesforce: Twin) -> None:
    """Key prefixes tell the objects of ids apart."""
    found = {each.name: each for each in client.schema.objects()}
    assert found["Contact"].key_prefix == "003"
    assert found["Lead"].createable
    assert found["Lead"].replicateable


def test_assignment_and_duplicate_headers_are_said_with_every_write(clients: Clients, salesforce: Twin) -> None:
    """With the rule on, a lead keeps the owner we set; passing an alert of the duplicate rule is our choice."""
    salesforce.post("limits", {"assignment_rule": True, "duplicate_rule_alert": True})
    a_lead(salesforce, Email="same@example.com")
    row = {"LastName": "Doe", "Company": "Acme", "Email": "same@example.com"}
    blocked = clients.salesforce().records.create("Lead", row)
    assert blocked.code == "DUPLICATES_DETECTED"
    client = clients.salesforce(WriteOptions(allow_duplicates=True))
    owner = client.query("SELECT Id FROM User")[0]["Id"]
    made = [
        client.records.create("Lead", {**row, "OwnerId": owner}),
        client.rows.create("Lead", [{**row, "OwnerId": owner}])[0],
        client.records.upsert("Lead", "External_Key__c", "K1", {**row, "OwnerId": owner}),
    ]
    part = Part(reference_id="P", method="POST", path="/sobjects/Lead", body={**row, "OwnerId": owner})
    (composed,) = client.composite.send([part], all_or_none=False)
    ids = {each.id for each in made} | {composed.body["id"]}
    assert {lead["OwnerId"] for lead in held(salesforce) if lead["Id"] in ids} == {owner}
    assert len(ids) == 4
