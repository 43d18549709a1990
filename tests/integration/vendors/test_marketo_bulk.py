"""Bulk extract and import: the client's verbs against the Marketo twin, over HTTP."""

import csv
import hashlib
import io
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from leadbridge.domain.marketo import ExportJob, ImportJob
from leadbridge.errors import PermanentError, QuotaExhaustedError, TransientError, UncertainWriteError
from leadbridge.files.cells import MARKETO_IMPORT
from leadbridge.vendors.marketo.bulk import IMPORT_BYTES, Exports, Imports, window, windows
from leadbridge.vendors.marketo.client import MarketoClient
from tests.integration.vendors.conftest import Clients, Twin

#: what a careless reader of CSV breaks on
AWKWARD = 'Zoë "Zo" O’Neil,\r\nsecond line\u2028third 😀'
CREATE = "/bulk/v1/leads/export/create.json"


def last_day() -> dict[str, Any]:
    """The filter for what was made today."""
    now = datetime.now(UTC)
    return window("createdAt", now - timedelta(days=1), now + timedelta(hours=1))


def rows_of(pieces: Iterable[bytes]) -> list[dict[str, str]]:
    """A file's rows, read by the standard library."""
    return list(csv.DictReader(io.StringIO(b"".join(pieces).decode(), newline="")))


def completed(exports: Exports, marketo: Twin, job: ExportJob) -> ExportJob:
    """Run a job to its end."""
    exports.enqueue(job.export_id)
    marketo.post("clock", {"advance_seconds": 120})
    return exports.status(job.export_id)


@pytest.fixture
def world(marketo: Twin) -> dict[str, list[Any]]:
    """Three leads, one of them with an awkward name, in a program and with a custom object each; gives the ids."""
    leads = [{"email": f"p{number}@example.com", "firstName": AWKWARD, "lastName": None} for number in range(3)]
    kind = {
        "apiName": "pet_c",
        "displayName": "Pet",
        "fields": [
            {"name": "tag", "displayName": "Tag", "dataType": "string", "isDedupeField": True},
            {
                "name": "leadId",
                "displayName": "Lead",
                "dataType": "link",
                "relatedTo": {"name": "lead", "field": "id"},
            },
        ],
    }
    ids = marketo.post("load", {"leads": leads, "programs": [{"name": "Fair"}], "customObjectTypes": [kind]})
    members = [
        {"programId": ids["programs"][0], "leadId": lead_id, "statusName": "Invited"} for lead_id in ids["leads"]
    ]
    pets = [{"tag": f"T{lead_id}", "leadId": lead_id} for lead_id in ids["leads"]]
    marketo.post("load", {"programMembers": members, "pet_c": pets})
    found: dict[str, list[Any]] = ids
    return found


def _leads(client: MarketoClient, world: dict[str, list[Any]]) -> tuple[Exports, ExportJob, str]:
    exports = client.bulk.lead_exports
    return exports, exports.create(last_day(), fields=["id", "firstName", "lastName"]), "id"


def _activities(client: MarketoClient, world: dict[str, list[Any]]) -> tuple[Exports, ExportJob, str]:
    rows = [{"id": each, "firstName": "Jo"} for each in world["leads"]]
    client.leads.sync(rows, action="updateOnly", lookup_field="id")
    exports = client.bulk.activity_exports
    return exports, exports.create({**last_day(), "activityTypeIds": [13]}), "leadId"


def _members(client: MarketoClient, world: dict[str, list[Any]]) -> tuple[Exports, ExportJob, str]:
    exports = client.bulk.member_exports
    return exports, exports.create({"programId": world["programs"][0]}, fields=["leadId", "statusName"]), "leadId"


def _objects(client: MarketoClient, world: dict[str, list[Any]]) -> tuple[Exports, ExportJob, str]:
    now = datetime.now(UTC)
    exports = client.bulk.object_exports("pet_c")
    changed = window("updatedAt", now - timedelta(days=1), now + timedelta(hours=1))
    return exports, exports.create(changed, fields=["tag", "leadId"]), "leadId"


@pytest.mark.parametrize("start", [_leads, _activities, _members, _objects])
def test_each_kind_of_record_is_extracted_whole_and_checked(
    clients: Clients,
    marketo: Twin,
    world: dict[str, list[Any]],
    start: Callable[[MarketoClient, dict[str, list[Any]]], tuple[Exports, ExportJob, str]],
) -> None:
    """Created, queued, completed; the file has the announced size, checksum and rows, one for each lead."""
    exports, created, id_column = start(clients.marketo(), world)

    ended = completed(exports, marketo, created)
    content = b"".join(exports.whole_file(ended.export_id))

    assert (created.status, ended.status) == ("Created", "Completed")
    assert (ended.file_size, ended.number_of_records) == (len(content), 3)
    assert ended.file_checksum == "sha256:" + hashlib.sha256(content).hexdigest()
    assert sorted(int(row[id_column]) for row in rows_of([content])) == world["leads"]
    assert [job.export_id for job in exports.jobs(["completed"])] == [ended.export_id]


def test_a_file_is_read_in_parts_that_make_up_the_whole(
    clients: Clients, marketo: Twin, world: dict[str, list[Any]]
) -> None:
    """Any two parts joined are the file, byte for byte, and its awkward values survive."""
    exports, job, _ = _leads(clients.marketo(), world)
    completed(exports, marketo, job)
    whole = b"".join(exports.file(job.export_id))

    for cut in (1, 7, len(whole) - 1):
        parts = [*exports.file(job.export_id, stop=cut), *exports.file(job.export_id, start=cut)]
        assert b"".join(parts) == whole
    assert {row["firstName"] for row in rows_of([whole])} == {AWKWARD}
    assert {row["lastName"] for row in rows_of([whole])} == {"null"}


def test_a_download_renews_a_dead_token_and_waits_out_one_606(
    clients: Clients, marketo: Twin, world: dict[str, list[Any]]
) -> None:
    """A refusal in place of a file is read as one: a login, a window's wait, then the file."""
    exports, job, _ = _leads(clients.marketo(), world)
    completed(exports, marketo, job)
    path = f"/bulk/v1/leads/export/{job.export_id}/file.json"
    refusals = [("602", 1), ("606", 2)]
    marketo.post(
        "faults",
        [{"match": f"GET {path}", "nth": nth, "kind": "vendor_error", "code": code} for code, nth in refusals],
    )

    content = b"".join(exports.file(job.export_id))

    assert len(rows_of([content])) == 3
    assert [call.code for call in clients.calls if call.operation == "file_of_leads_export"] == ["602", "606", ""]


def test_a_missing_file_is_told_from_a_broken_one(clients: Clients, marketo: Twin, world: dict[str, list[Any]]) -> None:
    """A job that is not complete, or whose file is lost, has none: `http_404`, after one call."""
    exports, job, _ = _leads(clients.marketo(), world)
    with pytest.raises(PermanentError) as early:
        list(exports.whole_file(job.export_id))
    marketo.post("limits", {"export_file_lost": True})
    try:
        completed(exports, marketo, job)
        with pytest.raises(PermanentError) as lost:
            list(exports.whole_file(job.export_id))
    finally:
        marketo.post("limits", {"export_file_lost": False})
    assert (early.value.code, lost.value.code) == ("http_404", "http_404")


@pytest.mark.fault("FM16")
def test_1029_waits_parks_or_is_fine(clients: Clients, marketo: Twin, world: dict[str, list[Any]]) -> None:
    """A full queue asks for a minute and takes the job later, a queued job stays so, spent megabytes name the reset."""
    exports, job, _ = _leads(clients.marketo(), world)
    others = [exports.create(last_day(), fields=["id"]) for _ in range(10)]
    for other in others:
        exports.enqueue(other.export_id)

    again = exports.enqueue(others[-1].export_id)
    with pytest.raises(TransientError) as full:
        exports.enqueue(job.export_id)
    marketo.post("clock", {"advance_seconds": 600})
    ended = completed(exports, marketo, job)
    marketo.post("limits", {"export_bytes_per_day": 1})
    try:
        with pytest.raises(QuotaExhaustedError) as spent:
            exports.create(last_day(), fields=["id"])
    finally:
        marketo.post("limits", {"export_bytes_per_day": 500_000_000})

    assert again.status in ("Queued", "Processing")
    assert (full.value.code, full.value.retry_after_seconds >= 60) == ("1029", True)
    assert ended.status == "Completed"
    assert spent.value.code == "1029"
    assert spent.value.resets_at > datetime.now(UTC)


@pytest.mark.parametrize("two_l", [True, False], ids=["Cancelled", "Canceled"])
def test_a_job_is_cancelled_in_either_spelling(
    clients: Clients, marketo: Twin, world: dict[str, list[Any]], *, two_l: bool
) -> None:
    """The word is Marketo's, whichever it is; the job is listed as cancelled."""
    marketo.post("limits", {"jobs_cancelled_with_two_l": two_l})
    try:
        exports, job, _ = _leads(clients.marketo(), world)
        cancelled = exports.cancel(job.export_id)
    finally:
        marketo.post("limits", {"jobs_cancelled_with_two_l": True})
    assert cancelled.status == ("Cancelled" if two_l else "Canceled")


def test_a_filter_that_the_subscription_lacks_is_told_by_its_code(
    clients: Clients, marketo: Twin, world: dict[str, list[Any]]
) -> None:
    """`updatedAt` is 1035 where it is not offered, and `createdAt` still works."""
    now = datetime.now(UTC)
    exports = clients.marketo().bulk.lead_exports
    marketo.post("limits", {"export_optional_filters": False})
    try:
        with pytest.raises(PermanentError) as refused:
            exports.create(window("updatedAt", now - timedelta(days=1), now), fields=["id"])
        assert exports.create(last_day(), fields=["id"]).status == "Created"
    finally:
        marketo.post("limits", {"export_optional_filters": True})
    assert refused.value.code == "1035"


def test_a_job_whose_answer_was_lost_is_found_in_the_list(
    clients: Clients, marketo: Twin, world: dict[str, list[Any]]
) -> None:
    """The create is uncertain and not repeated; the list of jobs shows the one that is there."""
    exports = clients.marketo().bulk.lead_exports
    marketo.post("faults", [{"match": f"POST {CREATE}", "nth": 1, "kind": "drop_answer"}])

    with pytest.raises(UncertainWriteError):
        exports.create(last_day(), fields=["id"])

    assert [job.status for job in exports.jobs()] == ["Created"]
    assert len(marketo.calls_of("POST", CREATE)) == 1


@pytest.mark.cap("M091", "M104")
@pytest.mark.parametrize("kind", ["leads", "activities"])
def test_windows_of_31_days_at_most_extract_every_record_once(clients: Clients, marketo: Twin, kind: str) -> None:
    """Records on every border of three windows: the jobs' files hold each once, and the twin refuses no window."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(days=80)
    until = start + timedelta(days=70)
    borders = [start, start + timedelta(days=31), start + timedelta(days=62), until]
    moments = sorted({each + timedelta(seconds=apart) for each in borders for apart in (-1, 0, 1)})
    made = [{"email": f"p{n}@example.com", "createdAt": at.isoformat()} for n, at in enumerate(moments)]
    ids = marketo.post("load", {"leads": made})["leads"]
    wanted = {each for each, at in zip(ids, moments, strict=True) if start <= at < until}
    client = clients.marketo()
    exports = client.bulk.lead_exports
    options: dict[str, Any] = {"fields": ["id"]}
    if kind == "activities":
        visits = [
            {"leadId": each, "activityTypeId": 2, "activityDate": at.isoformat(), "primaryAttributeValue": "x"}
            for each, at in zip(ids, moments, strict=True)
        ]
        marketo.post("load", {"activities": visits})
        exports, options = client.bulk.activity_exports, {}
    asked = list(windows(start, until))

    found: list[int] = []
    for begin, end in asked:
        filters = window("createdAt", begin, end) | ({"activityTypeIds": [2]} if kind == "activities" else {})
        job = completed(exports, marketo, exports.create(filters, **options))
        column = "id" if kind == "leads" else "leadId"
        found += [int(row[column]) for row in rows_of(exports.whole_file(job.export_id))]

    assert all(end - begin < timedelta(days=31) for begin, end in asked)
    assert len(asked) == 3
    assert sorted(found) == sorted(wanted)


def ended(imports: Imports, marketo: Twin, job: ImportJob) -> ImportJob:
    """Run an import to its end."""
    marketo.post("clock", {"advance_seconds": 60})
    return imports.status(job.batch_id)


def test_leads_are_imported_and_failed_rows_come_back_with_their_reason(clients: Clients, marketo: Twin) -> None:
    """Good rows are there, byte for byte; a bad value fails its row, a bad address only warns."""
    imports = clients.marketo().bulk.lead_imports
    content = io.StringIO(newline="")
    writer = csv.writer(content)
    writer.writerow(["email", "firstName", "numberOfEmployees"])
    writer.writerows([["a@example.com", AWKWARD, 3], ["b@example.com", "Bo", "many"], ["nonsense", "Cy", ""]])

    queued = imports.create_leads(content.getvalue().encode())
    done = ended(imports, marketo, queued)

    assert (done.status, done.processed, done.num_of_rows_failed, done.num_of_rows_with_warning) == (
        "Complete",
        2,
        1,
        1,
    )
    (failed,) = rows_of(imports.failures(done.batch_id))
    (warned,) = rows_of(imports.warnings(done.batch_id))
    assert (failed["email"], "numberOfEmployees" in failed["Import Failure Reason"]) == ("b@example.com", True)
    assert (warned["email"], warned["Import Warning Reason"] != "") == ("nonsense", True)
    assert {lead["firstName"] for lead in marketo.get("records/leads")} == {AWKWARD, "Cy"}


def test_an_import_without_failures_has_no_files(clients: Clients, marketo: Twin) -> None:
    """No such file is what a good import looks like: nothing is given, nothing raised."""
    imports = clients.marketo().bulk.lead_imports

    done = ended(imports, marketo, imports.create_leads(b"email\r\na@example.com\r\n"))

    assert done.num_of_rows_failed == 0
    assert b"".join(imports.failures(done.batch_id)) == b"".join(imports.warnings(done.batch_id)) == b""


def test_an_import_by_id_changes_only_who_is_there(clients: Clients, marketo: Twin) -> None:
    """The known lead is changed; the unknown id fails and nobody is created."""
    (known,) = marketo.post("load", {"leads": [{"email": "a@example.com"}]})["leads"]
    imports = clients.marketo().bulk.lead_imports

    job = imports.create_leads(f"id,firstName\r\n{known},Ann\r\n4711,Bo\r\n".encode(), lookup_field="id")

    assert ended(imports, marketo, job).num_of_rows_failed == 1
    (lead,) = marketo.get("records/leads")
    assert lead["firstName"] == "Ann"


def test_an_import_adds_its_leads_to_a_list(clients: Clients, marketo: Twin) -> None:
    """Everybody in the file is a member of the list afterwards."""
    (list_id,) = marketo.post("load", {"staticLists": [{"name": "Imported"}]})["staticLists"]
    imports = clients.marketo().bulk.lead_imports

    ended(imports, marketo, imports.create_leads(b"email\r\na@example.com\r\nb@example.com\r\n", list_id=list_id))

    assert [each["listId"] for each in marketo.get("records/listMembers")] == [list_id, list_id]


def test_members_and_custom_objects_are_imported_too(
    clients: Clients, marketo: Twin, world: dict[str, list[Any]]
) -> None:
    """A new member by address with the status of the import; an object by its key, a row without it fails."""
    bulk = clients.marketo().bulk
    (program_id,) = world["programs"]
    members, objects = bulk.member_imports(program_id), bulk.object_imports("pet_c")

    joined = ended(members, marketo, members.create_members(b"email\r\nnew@example.com\r\n", status="Attended"))
    pets = ended(objects, marketo, objects.create(f"tag,leadId\r\nNEW,{world['leads'][0]}\r\n,1\r\n".encode()))

    assert (joined.status, joined.num_of_rows_failed) == ("Complete", 0)
    assert [each["statusName"] for each in marketo.get("records/programMembers")][-1] == "Attended"
    assert (pets.processed, pets.num_of_rows_failed) == (1, 1)
    assert "NEW" in {pet["tag"] for pet in marketo.get("records/pet_c")}


@pytest.mark.fault("FM17")
def test_a_full_import_queue_and_a_busy_list_wait_for_a_slot(clients: Clients, marketo: Twin) -> None:
    """1016 and 1019 ask for a minute each and lose nothing: later the same file goes in."""
    (list_id,) = marketo.post("load", {"staticLists": [{"name": "Busy"}]})["staticLists"]
    imports = clients.marketo().bulk.lead_imports
    for number in range(10):
        imports.create_leads(f"email\r\nq{number}@example.com\r\n".encode(), list_id=list_id if number == 0 else None)

    with pytest.raises(TransientError) as full:
        imports.create_leads(b"email\r\nlate@example.com\r\n")
    marketo.post("limits", {"import_queue": 20})
    try:
        with pytest.raises(TransientError) as busy:
            imports.create_leads(b"email\r\nlate@example.com\r\n", list_id=list_id)
    finally:
        marketo.post("limits", {"import_queue": 10})
    marketo.post("clock", {"advance_seconds": 600})
    done = ended(imports, marketo, imports.create_leads(b"email\r\nlate@example.com\r\n", list_id=list_id))

    assert [(each.value.code, each.value.retry_after_seconds >= 60) for each in (full, busy)] == [
        ("1016", True),
        ("1019", True),
    ]
    assert (done.status, done.processed) == ("Complete", 1)
    assert len(marketo.get("records/leads")) == 11


def test_a_file_of_ten_megabytes_is_not_sent(clients: Clients, marketo: Twin) -> None:
    """The largest file that the client takes goes through, with its form a byte less than ten million, and it is the
    largest that any file of ours may be; one byte more is refused before any call."""
    imports = clients.marketo().bulk.lead_imports
    # few long rows: the twin reads each of them
    head, line = b"email,address\r\n", b"a@example.com," + b"x" * 14_000 + b"Y\r\n"
    count, rest = divmod(IMPORT_BYTES - 1 - len(head), len(line))
    largest = head + line * (count - 1) + line.replace(b"Y", b"Y" * (rest + 1))

    assert len(largest) == IMPORT_BYTES - 1
    assert imports.create_leads(largest).status == "Queued"
    with pytest.raises(ValueError, match="less than"):
        imports.create_leads(largest + b"x")
    assert [each["bytes"] for each in marketo.calls_of("POST", "/bulk/v1/leads.json")] == [9_999_999]
    assert MARKETO_IMPORT.max_bytes == IMPORT_BYTES - 1
    assert marketo.get("calls")["violations"] == {}


def test_an_empty_file_is_refused_with_its_reason(clients: Clients, marketo: Twin) -> None:
    """1003 for the whole call: nothing is queued."""
    with pytest.raises(PermanentError) as refused:
        clients.marketo().bulk.lead_imports.create_leads(b"")
    assert refused.value.code == "1003"
