"""Activities, their types and custom activities: the client's verbs against the Marketo twin, over HTTP."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from leadbridge.domain.marketo import ActivityAttribute
from leadbridge.domain.records import CustomActivity
from leadbridge.errors import PermanentError
from leadbridge.vendors.marketo.bulk import window, windows
from tests.integration.vendors.conftest import Clients, Twin

ACTIVITIES = "/rest/v1/activities.json"
TOKEN = "/rest/v1/activities/pagingtoken.json"
VISIT, FORM = 1, 2
ONE_MORE = 301


@pytest.fixture
def since() -> datetime:
    """Before everything that a test does."""
    return datetime.now(UTC) - timedelta(minutes=30)


@pytest.fixture
def visits(marketo: Twin, since: datetime) -> list[int]:
    """One more visit than a page holds, of two leads, ten minutes ago; gives the leads."""
    leads: list[int] = marketo.post("load", {"leads": [{"email": "a@example.com"}, {"email": "b@example.com"}]})[
        "leads"
    ]
    at = (since + timedelta(minutes=20)).isoformat(timespec="seconds")
    rows = [
        {
            "leadId": leads[number % 2],
            "activityTypeId": VISIT,
            "activityDate": at,
            "primaryAttributeValueId": 7,
            "primaryAttributeValue": f"page {number} Ünï😀",
            "attributes": [{"name": "Webpage URL", "value": f"/p/{number}?q=a,b"}],
        }
        for number in range(ONE_MORE)
    ]
    marketo.post("load", {"activities": rows})
    return leads


@pytest.mark.cap("M061")
def test_each_way_to_read_activities_gives_all_of_them(
    clients: Clients, marketo: Twin, visits: list[int], since: datetime
) -> None:
    """By extract and by call over two pages, changes and deletions of leads: each as often as it happened."""
    client = clients.marketo()
    now = datetime.now(UTC)
    exports = client.bulk.activity_exports
    ends = {"startAt": f"{since:%Y-%m-%dT%H:%M:%SZ}", "endAt": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"}
    changes = [{"id": each, "firstName": "New"} for each in visits]
    client.leads.sync(changes, action="updateOnly", lookup_field="id")
    client.leads.delete([visits[1]])

    read = list(client.activity_log.since(since, [VISIT]))
    changed = list(client.activity_log.lead_changes(since, ["firstName"]))
    deleted = list(client.activity_log.deleted_leads(since))
    job = exports.create({"createdAt": ends, "activityTypeIds": [VISIT]})
    exports.enqueue(job.export_id)
    marketo.post("clock", {"advance_seconds": 120})
    extracted = b"".join(exports.file(job.export_id))

    assert sorted(str(each.primary_attribute_value) for each in read) == sorted(
        f"page {number} Ünï😀" for number in range(ONE_MORE)
    )
    assert exports.status(job.export_id).number_of_records == extracted.count(b",page ") == ONE_MORE
    new = [(each.lead_id, field.name, field.new_value) for each in changed for field in each.fields]
    assert [each for each in new if each[2] == "New"] == [(each, "firstName", "New") for each in visits]
    assert [each.lead_id for each in deleted] == [visits[1]]


@pytest.mark.cap("M053", "M058")
def test_all_that_an_activity_says_survives_and_its_key_is_the_same_by_file(
    clients: Clients, marketo: Twin, visits: list[int], since: datetime
) -> None:
    """GUID, lead, type, date, primary value and its id, attributes: by call as loaded; the GUIDs are the file's."""
    client = clients.marketo()
    exports = client.bulk.activity_exports
    now = datetime.now(UTC)
    ends = {"startAt": f"{since:%Y-%m-%dT%H:%M:%SZ}", "endAt": f"{now + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"}

    read = {each.marketo_guid: each for each in client.activity_log.since(since, [VISIT])}
    job = exports.create({"createdAt": ends, "activityTypeIds": [VISIT]}, fields=["marketoGUID"])
    exports.enqueue(job.export_id)
    marketo.post("clock", {"advance_seconds": 120})
    by_file = b"".join(exports.file(job.export_id)).decode().split()[1:]

    assert sorted(by_file) == sorted(read)
    first = next(each for each in read.values() if each.primary_attribute_value == "page 0 Ünï😀")
    assert (first.lead_id, first.activity_type_id, first.primary_attribute_value_id) == (visits[0], VISIT, 7)
    assert first.activity_date == (since + timedelta(minutes=20)).replace(microsecond=0)
    assert first.attributes == {"Webpage URL": "/p/0?q=a,b"}


def test_extracts_of_activities_begin_at_the_watermark_and_leave_nothing_out(
    clients: Clients, marketo: Twin, visits: list[int]
) -> None:
    """40 days from the watermark on are two jobs: one asks from its very second, one goes on a second later.

    A visit of that second is in the file, one of a second before it is not.
    """
    asked: list[dict[str, str]] = []

    def note(request: httpx.Request) -> None:
        if request.url.path.endswith("/export/create.json"):
            asked.append(json.loads(request.read())["filter"]["createdAt"])

    clients.http.event_hooks["request"].append(note)
    watermark = datetime(2020, 2, 3, 4, 5, 6, 789_000, tzinfo=UTC)
    at = [watermark - timedelta(seconds=1), watermark, watermark + timedelta(days=40, seconds=-1)]
    marketo.post(
        "load",
        {"activities": [{"leadId": visits[0], "activityTypeId": 1, "activityDate": each.isoformat()} for each in at]},
    )
    marketo.post("limits", {"retention": False})
    exports = clients.marketo().bulk.activity_exports

    found = []
    for start, end in windows(watermark, watermark + timedelta(days=40)):
        job = exports.create({**window("createdAt", start, end), "activityTypeIds": [1]})
        exports.enqueue(job.export_id)
        marketo.post("clock", {"advance_seconds": 120})
        rows = csv.DictReader(io.StringIO(b"".join(exports.whole_file(job.export_id)).decode(), newline=""))
        found += [row["activityDate"] for row in rows]

    assert found == ["2020-02-03T04:05:06Z", "2020-03-14T04:05:05Z"]
    assert [each["startAt"] for each in asked] == ["2020-02-03T04:05:06Z", "2020-03-05T04:05:06Z"]
    assert [each["endAt"] for each in asked] == ["2020-03-05T04:05:05Z", "2020-03-14T04:05:05Z"]


@pytest.mark.cap("M057")
def test_the_types_are_those_of_the_instance_and_an_unknown_one_is_carried(
    clients: Clients, marketo: Twin, visits: list[int], since: datetime
) -> None:
    """Every type the twin has is listed, its custom one too; an activity keeps an id that no list was asked for."""
    client = clients.marketo()

    names = {each.id: each.name for each in client.activity_log.types()}

    assert {names[12], names[13], names[37]} == {"New Lead", "Change Data Value", "Delete Lead"}
    custom = {each.id: each for each in client.custom_activities.types()}
    assert custom.keys() <= names.keys()
    assert {each.activity_type_id for each in client.activity_log.since(since, [VISIT])} == {VISIT}


@pytest.mark.pain("P15")
@pytest.mark.fault("FM23")
def test_short_and_empty_pages_with_more_to_come_are_read_to_the_end(
    clients: Clients, marketo: Twin, visits: list[int], since: datetime
) -> None:
    """Three entries are looked at for a page, most of another type: pages are empty, and nothing is missing."""
    marketo.post("load", {"activities": [{"leadId": visits[0], "activityTypeId": FORM, "primaryAttributeValue": "f"}]})
    marketo.post("limits", {"activity_scan": 3, "calls_per_20s": 1_000})
    try:
        found = [each.primary_attribute_value for each in clients.marketo().activity_log.since(since, [FORM])]
    finally:
        marketo.post("limits", {"activity_scan": 0, "calls_per_20s": 100})

    assert found == ["f"]
    assert len(marketo.calls_of("GET", ACTIVITIES)) > ONE_MORE / 3


@pytest.mark.fault("FM24")
@pytest.mark.parametrize("nth", [2, 4])
def test_a_paging_token_that_expires_restarts_at_the_watermark(
    clients: Clients, marketo: Twin, visits: list[int], since: datetime, nth: int
) -> None:
    """A later page is refused with 1003: a new token, the pages again, and every activity is given once."""
    marketo.post("limits", {"activity_scan": 60})
    marketo.post(
        "faults",
        [{"match": f"GET {ACTIVITIES}", "nth": nth, "kind": "vendor_error", "code": "1003", "message": "old token"}],
    )
    try:
        found = [each.marketo_guid for each in clients.marketo().activity_log.since(since, [VISIT])]
    finally:
        marketo.post("limits", {"activity_scan": 0})

    assert len(found) == len(set(found)) == ONE_MORE
    assert len(marketo.calls_of("GET", TOKEN)) == 2


def test_a_token_that_is_never_taken_ends_in_the_refusal(
    clients: Clients, marketo: Twin, visits: list[int], since: datetime
) -> None:
    """Every second page is refused: reading does not go round in a circle."""
    marketo.post("limits", {"activity_scan": 60})
    marketo.post(
        "faults", [{"match": f"GET {ACTIVITIES}", "nth": 2, "times": 99, "kind": "vendor_error", "code": "1003"}]
    )
    try:
        with pytest.raises(PermanentError):
            list(clients.marketo().activity_log.since(since, [VISIT]))
    finally:
        marketo.post("limits", {"activity_scan": 0})
    assert len(marketo.calls_of("GET", TOKEN)) <= 5


@pytest.mark.cap("M054")
def test_no_verb_writes_a_standard_activity(clients: Clients, marketo: Twin, visits: list[int]) -> None:
    """The only write of activities takes custom types: a standard one is refused by the twin, and nothing is logged."""
    before = len(marketo.get("records/activities"))
    standard = CustomActivity(
        lead_id=visits[0],
        activity_type_id=VISIT,
        primary_attribute_value="page",
        activity_date=datetime.now(UTC),
        attributes={},
    )

    (result,) = clients.marketo().custom_activities.add([standard])

    assert not result.ok
    assert len(marketo.get("records/activities")) == before


@pytest.mark.cap("M062")
def test_a_custom_type_is_made_approved_and_takes_records(clients: Clients, marketo: Twin, since: datetime) -> None:
    """302 records are two calls; an unknown lead and a missing primary attribute are told apart; drafts take none."""
    (lead_id,) = marketo.post("load", {"leads": [{"email": "a@example.com"}]})["leads"]
    custom = clients.marketo().custom_activities
    primary = ActivityAttribute(name="Course", api_name="course")
    draft = custom.create_type(
        "attendedCourse", name="Attended Course", trigger_name="Attends Course", filter_name="Attended", primary=primary
    )
    custom.create_attributes("attendedCourse", [ActivityAttribute(name="Hours", api_name="hours", data_type="integer")])

    def record(lead: int, *, primary_value: str = "Zoë's course, 😀") -> CustomActivity:
        return CustomActivity(
            lead_id=lead,
            activity_type_id=draft.id,
            primary_attribute_value=primary_value,
            activity_date=datetime.now(UTC),
            attributes={"hours": "3"},
        )

    (early,) = custom.add([record(lead_id)])
    custom.approve_type("attendedCourse")
    described = custom.type("attendedCourse")
    results = custom.add([*[record(lead_id)] * 300, record(999_999_999), record(lead_id, primary_value="")])

    assert not early.ok
    assert (draft.status, described.status) == ("draft", "approved")
    assert (described.primary_attribute, described.attributes) == ("course", {"hours": "integer"})
    assert [row.ok for row in results] == [True] * 300 + [False, False]
    assert results[300].code == "1004"
    assert len(marketo.calls_of("POST", "/rest/v1/activities/external.json")) == 3
    read = list(clients.marketo().activity_log.since(since, [draft.id]))
    assert {each.primary_attribute_value for each in read} == {"Zoë's course, 😀"}
    assert len(read) == 300
