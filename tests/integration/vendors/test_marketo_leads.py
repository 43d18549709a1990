"""Leads, their fields and partitions: the client's verbs against the Marketo twin, over HTTP."""

import csv
import io
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from leadbridge.domain.marketo import FieldMetadata
from leadbridge.domain.records import Resolution
from leadbridge.errors import ConfigurationError, PermanentError
from leadbridge.vendors.marketo.bulk import window
from leadbridge.vendors.marketo.leads import LeadAction
from tests.integration.vendors.conftest import Clients, Twin

LEADS = "/rest/v1/leads.json"
#: one more than a page, a call or a filter takes
ONE_MORE = 301


@pytest.fixture
def people(marketo: Twin) -> dict[int, str]:
    """One more lead than a page holds, by id; their first names are not plain ASCII."""
    records = [
        {"email": f"p{number:03d}@example.com", "firstName": f'Ünï "{number}", {chr(0x1F600)}'}
        for number in range(ONE_MORE)
    ]
    ids = marketo.post("load", {"leads": records})["leads"]
    return dict(zip(ids, [record["firstName"] for record in records], strict=True))


@pytest.mark.cap("M021")
def test_each_way_to_read_leads_gives_all_of_them_over_all_pages(
    clients: Clients, marketo: Twin, people: dict[int, str]
) -> None:
    """By id, by filter, by list, by program and by extract: 301 leads as they were loaded, none twice."""
    (list_id,) = marketo.post("load", {"staticLists": [{"name": "All"}]})["staticLists"]
    (program_id,) = marketo.post("load", {"programs": [{"name": "Fair"}]})["programs"]
    members = [{"listId": list_id, "leadId": lead_id} for lead_id in people]
    joined = [{"programId": program_id, "leadId": lead_id, "statusName": "Invited"} for lead_id in people]
    marketo.post("load", {"listMembers": members, "programMembers": joined})
    client = clients.marketo()
    names = ["id", "firstName"]

    by_filter = client.leads.by_filter("id", [str(each) for each in people], names)
    of_list = list(client.leads.of_list(list_id, names))
    of_program = list(client.leads.of_program(program_id, names))
    first = next(iter(people))
    exported = _exported_names(clients, marketo)

    for found in (by_filter, of_list, of_program):
        assert len(found) == ONE_MORE
        assert {lead["id"]: lead["firstName"] for lead in found} == people
    assert client.leads.by_id(first, names) == {"id": first, "firstName": people[first]}
    assert exported == people


def _exported_names(clients: Clients, marketo: Twin) -> dict[int, str]:
    """What a bulk extract of the last day says, read by the standard library."""
    exports = clients.marketo().bulk.lead_exports
    now = datetime.now(UTC)
    last_day = window("createdAt", now - timedelta(days=1), now + timedelta(hours=1))
    job = exports.create(last_day, fields=["id", "firstName"])
    exports.enqueue(job.export_id)
    marketo.post("clock", {"advance_seconds": 120})
    text = b"".join(exports.file(job.export_id)).decode()
    return {int(row["id"]): row["firstName"] for row in csv.DictReader(io.StringIO(text, newline=""))}


VALUES = {
    "boolean": True,
    "integer": 3,
    "score": 3,
    "float": 2.5,
    "currency": 2.5,
    "percent": 2,
    "date": "2026-03-02",
    "datetime": "2026-03-02T03:04:05Z",
    "email": "second@example.com",
    "url": "https://example.com",
    "phone": "+41 44 000 00 00",
}


def test_describe_tells_which_fields_may_be_written(clients: Clients, marketo: Twin) -> None:
    """Each field alone: what Describe calls updateable is written, anything else refused, and nothing of it is held."""
    client = clients.marketo()
    (lead_id,) = marketo.post("load", {"leads": [{"email": "a@example.com"}]})["leads"]
    fields = client.describe_leads().fields
    sent = {name: VALUES.get(each.type, "text") for name, each in fields.items() if name != "id"}
    (before,) = marketo.get("records/leads")

    taken = {
        name
        for name, value in sent.items()
        if client.leads.sync([{"id": lead_id, name: value}], action="updateOnly", lookup_field="id")[0].ok
    }

    writable = {name for name in sent if fields[name].updateable}
    assert taken == writable
    assert 0 < len(writable) < len(sent)
    (held,) = marketo.get("records/leads")
    assert {name: held[name] for name in writable} == {name: sent[name] for name in writable}
    assert {name: held[name] for name in sent.keys() - writable} == {
        name: before[name] for name in sent.keys() - writable
    } | {"updatedAt": held["updatedAt"]}


@pytest.mark.cap("M022")
def test_each_way_to_write_leads_tells_the_result_of_every_record(clients: Clients, marketo: Twin) -> None:
    """Create and update, push and import: a good record is there, a bad one is told from it with its code."""
    marketo.post("load", {"programs": [{"name": "Fair"}]})
    client = clients.marketo()
    good, bad = {"email": "jo@example.com", "lastName": "Jo"}, {"email": "no address"}

    synced = client.leads.sync([good, bad], action="createOrUpdate", lookup_field="email")
    pushed = client.leads.push([good, bad], program_name="Fair", program_status="Invited", source="test")
    imports = client.bulk.lead_imports
    job = imports.create_leads(b"email,numberOfEmployees\r\njo@example.com,12\r\nann@example.com,many\r\n")
    marketo.post("clock", {"advance_seconds": 60})

    assert [(row.ok, row.status, row.code) for row in synced] == [(True, "created", ""), (False, "skipped", "1003")]
    assert [(row.ok, row.status, row.code) for row in pushed] == [(True, "updated", ""), (False, "skipped", "1003")]
    ended = imports.status(job.batch_id)
    assert (ended.status, ended.processed, ended.num_of_rows_failed) == ("Complete", 1, 1)
    assert b"ann@example.com" in b"".join(imports.failures(job.batch_id))
    (lead,) = marketo.get("records/leads")
    assert (lead["lastName"], lead["numberOfEmployees"]) == ("Jo", 12)
    (member,) = marketo.get("records/programMembers")
    assert (member["leadId"], member["statusName"]) == (lead["id"], "Invited")


@pytest.mark.cap("M023")
def test_leads_are_merged_25_at_a_time_and_deleted_300_at_a_time(
    clients: Clients, marketo: Twin, people: dict[int, str]
) -> None:
    """26 losers are two calls, 274 deletes and one of them again are one: each id has its result, in order."""
    client = clients.marketo()
    winner, *others = people
    losers, rest = others[:26], others[26:]

    merged = client.leads.merge(winner, losers)
    again = client.leads.delete([*rest, losers[0]])
    more = client.leads.delete([winner, *range(900_001, 900_301)])

    assert [row.status for row in merged] == ["merged"] * 26
    assert len(marketo.calls_of("POST", f"/rest/v1/leads/{winner}/merge.json")) == 2
    assert [row.id for row in again] == [str(each) for each in [*rest, losers[0]]]
    assert [row.code for row in again] == [""] * len(rest) + ["1004"]
    assert all(row.ok for row in again), "who is gone already is no failure"
    assert [row.ok for row in more] == [True] * 301
    assert len(marketo.calls_of("POST", "/rest/v1/leads/delete.json")) == 3
    assert marketo.get("records/leads") == []


def test_a_lead_that_is_not_there_is_none(clients: Clients, marketo: Twin) -> None:
    """An unknown id is no error: there is nobody."""
    assert clients.marketo().leads.by_id(999_999_999) is None


def test_an_empty_field_reads_as_null_and_a_boolean_as_false(clients: Clients, marketo: Twin) -> None:
    """Null clears a text; a boolean that is cleared is false, never null."""
    client = clients.marketo()
    full = {"email": "jo@example.com", "firstName": "Jo", "unsubscribed": True}
    client.leads.sync([full], action="createOrUpdate", lookup_field="email")

    client.leads.sync([{**full, "firstName": None, "unsubscribed": None}], action="updateOnly", lookup_field="email")

    (lead,) = client.leads.by_filter("email", ["jo@example.com"], ["firstName", "unsubscribed", "lastName"])
    assert (lead["firstName"], lead["unsubscribed"], lead["lastName"]) == (None, False, None)


def test_rows_of_one_address_never_share_a_call(clients: Clients, marketo: Twin) -> None:
    """Three rows of one person, differently spelt, are three calls: the last one wins, and nobody exists twice."""
    rows = [{"email": each, "firstName": each} for each in ("Jo@example.com", "jo@Example.com", "jo@example.com")]

    results = clients.marketo().leads.sync(rows, action="createOrUpdate", lookup_field="email")

    assert [row.status for row in results] == ["created", "updated", "updated"]
    (lead,) = marketo.get("records/leads")
    assert lead["firstName"] == "jo@example.com"
    assert len(marketo.calls_of("POST", LEADS)) == 3


def test_more_matches_than_marketo_returns_are_asked_for_in_halves(clients: Clients, marketo: Twin) -> None:
    """1,002 leads share three values; all are found although more than 1,000 are refused."""
    records = [{"email": f"p{number}@example.com", "lastName": f"Name{number % 3}"} for number in range(1_002)]
    for start in range(0, len(records), 300):
        marketo.post("load", {"leads": [{**each, "externalKey": each["lastName"]} for each in records[start:][:300]]})

    found = clients.marketo().leads.by_filter("externalKey", ["Name0", "Name1", "Name2"], ["email"])

    assert sorted(lead["email"] for lead in found) == sorted(each["email"] for each in records)


def test_a_token_that_expires_between_two_pages_costs_one_login(
    clients: Clients, marketo: Twin, people: dict[int, str]
) -> None:
    """The vendor's hour ends after the first page: the second comes after a login, and nothing is missing."""
    (list_id,) = marketo.post("load", {"staticLists": [{"name": "All"}]})["staticLists"]
    marketo.post("load", {"listMembers": [{"listId": list_id, "leadId": lead_id} for lead_id in people]})
    reading = clients.marketo().leads.of_list(list_id, ["id"])

    found = [next(reading)]
    marketo.post("clock", {"advance_seconds": 3_601})
    found += reading

    assert [lead["id"] for lead in found] == list(people)
    assert [call.code for call in clients.calls if call.operation == "leads_of_list"] == ["", "602", ""]


def test_one_606_between_two_pages_is_waited_out(clients: Clients, marketo: Twin, people: dict[int, str]) -> None:
    """The second page is refused once for the rate: a window later it comes, and nothing is missing or doubled."""
    (list_id,) = marketo.post("load", {"staticLists": [{"name": "All"}]})["staticLists"]
    marketo.post("load", {"listMembers": [{"listId": list_id, "leadId": lead_id} for lead_id in people]})
    path = f"/rest/v1/lists/{list_id}/leads.json"
    marketo.post("faults", [{"match": f"GET {path}", "nth": 2, "kind": "vendor_error", "code": "606"}])

    found = [lead["id"] for lead in clients.marketo().leads.of_list(list_id, ["id"])]

    assert found == list(people)
    assert clients.slept == [20.0]


@pytest.mark.cap("M010")
@pytest.mark.parametrize("action", ["createOnly", "createOrUpdate", "createDuplicate"])
def test_an_insert_with_an_id_is_never_sent_and_the_twin_would_refuse_it(
    clients: Clients, marketo: Twin, action: LeadAction
) -> None:
    """The client refuses it and no call is made; the same over plain HTTP is 1003, and nothing is stored."""
    client = clients.marketo()
    client.usage()
    row = {"id": 7, "email": "jo@example.com"}

    with pytest.raises(ConfigurationError, match="Marketo gives it itself"):
        client.leads.sync([row], action=action, lookup_field="email")

    assert marketo.calls_of("POST", LEADS) == []
    token = httpx.get(clients.announced["marketo_url"] + "/identity/oauth/token", params=_login(clients)).json()
    answer = marketo.http.post(
        LEADS,
        json={"action": action, "input": [row]},
        headers={"Authorization": f"Bearer {token['access_token']}"},
    ).json()
    assert answer["result"][0]["reasons"][0]["code"] == "1003"
    assert marketo.get("records/leads") == []


def _login(clients: Clients) -> dict[str, str]:
    known = clients.announced["marketo_credentials"]
    return {
        "grant_type": "client_credentials",
        "client_id": known["client_id"],
        "client_secret": known["client_secret"],
    }


def test_partitions_are_listed_and_leads_moved(clients: Clients, marketo: Twin) -> None:
    """A lead is in another partition afterwards; an unknown lead is told from it."""
    (known,) = marketo.post("load", {"leads": [{"email": "a@example.com"}]})["leads"]
    client = clients.marketo()
    partitions = client.leads.partitions()

    moved = client.leads.move({known: partitions[-1].name, 999_999_999: partitions[-1].name})

    assert [(row.ok, row.code) for row in moved] == [(True, ""), (False, "1004")]
    (lead,) = marketo.get("records/leads")
    assert lead["leadPartitionId"] == partitions[-1].id


def test_memberships_of_a_lead_are_listed(clients: Clients, marketo: Twin) -> None:
    """The lists and the programs that a lead is in, by id."""
    ids = marketo.post("load", {"leads": [{}], "staticLists": [{"name": "L"}], "programs": [{"name": "P"}]})
    lead_id, list_id, program_id = (ids[name][0] for name in ("leads", "staticLists", "programs"))
    marketo.post("load", {"listMembers": [{"listId": list_id, "leadId": lead_id}]})
    marketo.post("load", {"programMembers": [{"programId": program_id, "leadId": lead_id, "statusName": "Invited"}]})
    leads = clients.marketo().leads

    assert leads.lists_of(lead_id) == [list_id]
    assert [each["id"] for each in leads.programs_of(lead_id)] == [program_id]


def test_a_cookie_is_tied_to_a_lead_and_a_bad_one_refused(clients: Clients, marketo: Twin) -> None:
    """A cookie with `&` in it arrives whole; another text is 1012."""
    (lead_id,) = marketo.post("load", {"leads": [{}]})["leads"]
    leads = clients.marketo().leads

    leads.associate(lead_id, "id:123-ABC-456&token:_mch-example.com-1594662481190-60776")

    with pytest.raises(PermanentError) as refused:
        leads.associate(lead_id, "nonsense")
    assert refused.value.code == "1012"


def test_fields_are_listed_created_and_hidden(clients: Clients, marketo: Twin) -> None:
    """A new field is described and takes values; its label and visibility change, a second one of the name fails."""
    client = clients.marketo()
    fresh = FieldMetadata(name="leadScoreBand", data_type="string", display_name="Lead Score Band")

    (created,) = client.lead_fields.create([fresh])
    client.lead_fields.update("leadScoreBand", display_name="Band", is_hidden=True)

    assert (created.ok, created.status) == (True, "created")
    found = client.lead_fields.one("leadScoreBand")
    assert found is not None
    assert (found.display_name, found.is_hidden, found.data_type) == ("Band", True, "string")
    assert "leadScoreBand" in {each.name for each in client.lead_fields.all()}
    assert client.lead_fields.one("nobodyKnows") is None
    for fields in (client.company_fields, client.opportunity_fields, client.member_fields):
        assert len({each.name for each in fields.all()}) > 3


def test_field_ids_are_those_that_activities_name(clients: Clients, marketo: Twin) -> None:
    """The id of a changed field in an activity is the id that Describe gives to its REST name."""
    client = clients.marketo()
    since = datetime.now(UTC) - timedelta(minutes=5)
    client.leads.sync([{"email": "a@example.com"}], action="createOrUpdate", lookup_field="email")
    changed = [{"email": "a@example.com", "firstName": "Ann"}]
    client.leads.sync(changed, action="createOrUpdate", lookup_field="email")

    (activity,) = (each for each in client.activity_log.since(since, [13]) if each.attributes.get("New Value") == "Ann")

    assert activity.primary_attribute_value_id == client.leads.field_ids()["firstName"]


@pytest.mark.fault("FM21")
def test_a_lead_that_was_merged_between_read_and_write_is_not_created_anew_and_its_winner_named(
    clients: Clients, marketo: Twin
) -> None:
    """An update by id of a loser is refused (1004), nobody new is there, and the log names the winner."""
    winner, loser = marketo.post("load", {"leads": [{"email": "a@example.com"}, {"email": "b@example.com"}]})["leads"]
    client = clients.marketo()
    since = datetime.now(UTC) - timedelta(minutes=5)
    (read,) = client.leads.by_filter("id", [str(loser)], ["id", "email"])
    clients.marketo().leads.merge(winner, [loser])

    (result,) = client.leads.sync([{**read, "firstName": "Late"}], action="updateOnly", lookup_field="id")

    assert (result.ok, result.code, result.resolution) == (False, "1004", Resolution.REJECT)
    assert [lead["id"] for lead in marketo.get("records/leads")] == [winner]
    assert [(each.winner, each.losers) for each in client.activity_log.merges(since)] == [(winner, (loser,))]


@pytest.mark.fault("FM22")
def test_a_lead_that_was_deleted_between_read_and_write_is_not_brought_back(clients: Clients, marketo: Twin) -> None:
    """An update by id is refused (1004) and the log tells of the deletion; only an upsert by address makes it anew."""
    (lead_id,) = marketo.post("load", {"leads": [{"email": "a@example.com"}]})["leads"]
    client = clients.marketo()
    since = datetime.now(UTC) - timedelta(minutes=5)
    (read,) = client.leads.by_filter("id", [str(lead_id)], ["id", "email"])
    clients.marketo().leads.delete([lead_id])

    (result,) = client.leads.sync([{**read, "firstName": "Late"}], action="updateOnly", lookup_field="id")

    assert (result.ok, result.code) == (False, "1004")
    assert marketo.get("records/leads") == []
    assert [each.lead_id for each in client.activity_log.deleted_leads(since)] == [lead_id]
    asked_for = [{"email": "a@example.com"}]
    assert client.leads.sync(asked_for, action="createOrUpdate", lookup_field="email")[0].status == "created"
