"""Imports by file against the Marketo twin: what it is sent, what it holds afterwards, how each call ends."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from leadbridge.domain.action import as_document
from leadbridge.ports import BulkVendors
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from leadbridge.vendors.bulk_jobs import VendorBulkJobs
from tests.builders.connectors import LIST, LIST_ID
from tests.builders.imports import Imports, an_import
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import WiredWorld

IMPORT = "/bulk/v1/leads.json"
LONG = ("notes", "billingStreet", "address")


class TwinImports(Imports, WiredWorld):
    """Imports on the twin; `sent` are the files that it was sent, with what was asked of it."""

    def __init__(self, clients: Clients, *others: Any) -> None:
        super().__init__(clients, *others)
        self.uploads: list[tuple[dict[str, str], bytes]] = []
        clients.http.event_hooks["request"].append(self._note_file)

    def bulk_vendors(self) -> BulkVendors:
        """The product's client of the twin."""
        return VendorBulkJobs(self.wired, day_bytes=500_000_000, now=self.clock.now)

    def persons_by_mail(self) -> dict[str, dict[str, Any]]:
        """The instance's leads by address."""
        return {str(lead["email"]): lead for lead in self.persons().values()}

    def members(self) -> set[int]:
        """Who is in the list."""
        return {each["leadId"] for each in self.marketo_twin.get("records/listMembers") if each["listId"] == LIST_ID}

    def _note_file(self, request: httpx.Request) -> None:
        if request.url.path == IMPORT and request.method == "POST":
            _, _, after = request.read().partition(b"text/csv")
            content = after.partition(b"\r\n\r\n")[2].rpartition(b"\r\n--")[0]
            asked = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
            self.uploads.append((asked, content))


type Connect = Callable[..., TwinImports]


@pytest.fixture
def connect(clients: Clients, marketo: Twin, salesforce: Twin) -> Connect:
    """Makes a world on the twins, with persons 1 to 3 and a list."""

    def made(*actions: Any) -> TwinImports:
        world = TwinImports(clients, marketo, salesforce, *(actions or (an_import(),)))
        people = [{"id": number, "email": f"person{number}@example.com"} for number in range(1, 4)]
        marketo.post("load", {"leads": people, "staticLists": [{"id": LIST_ID, "name": LIST}]})
        return world

    return made


@pytest.mark.cap("T66")
@pytest.mark.pain("P44")
def test_a_call_ends_only_when_failures_and_warnings_are_read_and_with_what_they_say_of_it(connect: Connect) -> None:
    """While the file is queued and imported no call has an outcome. Then Marketo has the people, and each call says
    what became of its row: imported, imported with the warning, refused with the reason; no value of the row in it."""
    mappings = [{"column": name, "to": name} for name in ("twitterId", "email", "leadScore")]
    world = connect(an_import(lookup_field="twitterId", mappings=mappings, batch={"count": 3, "seconds": 60}))
    good = world.call(email="ada@example.com", twitterId="Lovelace", leadScore="7")
    odd = world.call(email="no.address", twitterId="Byron", leadScore="8")
    bad = world.call(email="eve@example.com", twitterId="Evil", leadScore="9" * 30)
    calls = (good, odd, bad)

    world.drain()
    world.work()
    assert len(world.uploads) == 1
    assert {world.execution(each)["state"] for each in calls} == {"writing"}
    world.run_out()

    people = {lead.get("twitterId"): lead for lead in world.persons().values()}
    assert (people["Lovelace"]["leadScore"], "Byron" in people, "Evil" in people) == (7, True, False)
    assert [world.ended(each) for each in calls] == [
        ("updated", "imported"),
        ("updated", "import_warned"),
        ("failed", "import_refused"),
    ]
    assert "no.address" not in world.execution(odd)["message"]
    assert "9" * 30 not in world.execution(bad)["message"]


@pytest.mark.pain("P44")
def test_a_job_that_fails_late_is_no_success_and_is_not_repeated(connect: Connect) -> None:
    """Marketo took the file and gave it up while it worked: the calls end as uncertain, and no second file is sent."""
    world = connect()
    world.marketo_twin.post("limits", {"jobs_fail": True})
    calls = [world.call(email=f"{name}@example.com") for name in ("ada", "bob")]
    world.run_out()

    assert [world.ended(each) for each in calls] == [("failed", "request_uncertain")] * 2
    assert len(world.uploads) == 1


@pytest.mark.cap("T60")
def test_a_file_goes_when_the_oldest_has_waited_for_thirty_minutes(connect: Connect) -> None:
    """With nothing said of batches: no file a second before, one after; a buffer of another import waits on."""
    world = connect(an_import(batch=None), an_import("other", batch=None))
    world.call(email="ada@example.com")
    world.clock.advance(60)
    other = world.call("other", email="bob@example.com")
    world.clock.advance(1739)
    assert world.sweep()() == []
    world.drain()
    assert not world.machine.orders

    world.clock.advance(1)
    assert world.sweep()() == [world.lane]
    world.minute()
    assert [content.splitlines()[1:] for _, content in world.uploads] == [[b"ada@example.com"]]
    assert world.execution(other)["state"] == "waiting"


@pytest.mark.cap("T61")
def test_no_file_passes_the_bytes_that_marketo_takes(connect: Connect) -> None:
    """Rows of 83,325 bytes each: the 121st would make the file too large and has it go, nearly full and in one job; the
    others go in the next."""
    mappings = [{"column": name, "to": name} for name in ("email", *LONG)]
    world = connect(an_import(mappings=mappings, batch={"seconds": 1800}))
    notes = dict.fromkeys(LONG, "ü" * 13_884)
    calls = [world.call(email=f"p{number}@example.com", **notes) for number in range(120)]
    world.drain()
    world.work()
    assert world.uploads == []
    calls += [world.call(email=f"p{number}@example.com", **notes) for number in range(120, 130)]
    world.drain()
    world.work()
    assert [content.count(b"@example.com") for _, content in world.uploads] == [120]
    assert 9_998_000 < len(world.uploads[0][1]) < 10_000_000
    world.clock.advance(1800)
    world.run_out()

    assert [content.count(b"@example.com") for _, content in world.uploads] == [120, 10]
    assert [world.ended(each)[1] for each in calls] == ["imported"] * 130


@pytest.mark.cap("T62")
def test_a_new_version_sends_no_file(connect: Connect) -> None:
    """A list action's buffer would go with it; that of an import waits for its thresholds."""
    world = connect(an_import(batch=None))
    world.call(email="ada@example.com")
    world.configurations.put(an_import(batch=None, description="once more"))
    assert world.sweep()() == []
    world.drain()
    assert not world.machine.orders

    world.clock.advance(1800)
    world.run_out()
    assert len(world.uploads) == 1


@pytest.mark.cap("T63", "T64")
@pytest.mark.parametrize("listed", [pytest.param(True, id="with a list"), pytest.param(False, id="without")])
def test_imported_people_are_members_of_the_list_if_there_is_one(connect: Connect, listed: bool) -> None:
    """Without a list the people are imported, with one they are its members, too; the lookup field is the Action's:
    who is known by it is updated, whatever the address."""
    mappings = [{"column": name, "to": name} for name in ("email", "twitterId")]
    world = connect(an_import(lookup_field="twitterId", mappings=mappings, list=LIST if listed else None))
    world.marketo_twin.post("load", {"leads": [{"id": 40, "email": "old@example.com", "twitterId": "tw-40"}]})
    people = {"tw-40": "new@example.com", "tw-41": "x@example.com"}
    calls = [world.call(email=mail, twitterId=name) for name, mail in people.items()]
    world.run_out()

    found = world.persons_by_mail()
    assert [world.ended(each) for each in calls] == [("updated", "imported")] * 2
    assert found["new@example.com"]["id"] == 40
    assert "old@example.com" not in found
    assert world.members() == ({40, found["x@example.com"]["id"]} if listed else set())
    (asked, _), *others = world.uploads
    assert (asked["lookupField"], asked.get("listId")) == ("twitterId", str(LIST_ID) if listed else None)
    assert not others


@pytest.mark.cap("T65")
def test_a_document_without_what_an_import_needs_is_refused(connect: Connect) -> None:
    """No lookup field, no mappings, a lookup field that is not mapped, or that Marketo does not look by: each is
    a finding that names the member, and nothing is stored."""
    world = connect()
    apply = ApplyConfiguration(configurations=world.configurations, connect=lambda _: world.wired)
    sound = as_document(an_import("fresh"))

    def findings(**changes: Any) -> str:
        end = sound["destination"] | changes.pop("destination", {})
        raw = {**sound, "destination": {name: value for name, value in end.items() if value is not None}, **changes}
        return " ".join(f"{each.pointer} {each.what}" for each in apply.plan([Given(raw=raw)]).findings)

    assert findings() == ""
    assert "lookup_field" in findings(destination={"lookup_field": None})
    assert "mappings" in findings(mappings=[])
    assert "lookup field email is not among them" in findings(mappings=[{"column": "firstName", "to": "firstName"}])
    assert "does not find people by firstName" in findings(
        destination={"lookup_field": "firstName"}, mappings=[{"column": "firstName", "to": "firstName"}]
    )


def test_a_person_who_comes_twice_ends_with_the_later_values(connect: Connect) -> None:
    """Two files, one after the other; the lead has the later values, also where the first file was slow."""
    world = connect(an_import(batch={"count": 2, "seconds": 60}))
    world.marketo_twin.post("limits", {"import_run_seconds": 600})
    for name in ("First", "Second"):
        world.call(email="person1@example.com", firstName=name)
    world.call(email="person2@example.com", firstName="Other")
    world.run_out()

    assert [content.count(b"@example.com") for _, content in world.uploads] == [2, 1]
    assert world.persons()[1]["firstName"] == "Second"


def test_a_blank_leaves_a_field_and_a_cleared_one_is_emptied(connect: Connect) -> None:
    """As with every write: a mapping that clears a blank value empties the field, others leave it. Rows with other
    fields than those before go in a file of their own, since nobody says what Marketo makes of a blank cell."""
    mappings = [
        {"column": "email", "to": "email"},
        {"column": "firstName", "to": "firstName"},
        {"column": "lastName", "to": "lastName", "blank": "clear"},
    ]
    world = connect(an_import(mappings=mappings, batch={"count": 2, "seconds": 60}))
    known = {"id": 9, "email": "person9@example.com", "firstName": "Ada", "lastName": "Lovelace"}
    world.marketo_twin.post("load", {"leads": [known]})
    world.call(email="person9@example.com", firstName="", lastName="")
    world.call(email="person1@example.com", firstName="Eve", lastName="Moore")
    world.run_out()

    assert (world.persons()[9]["firstName"], world.persons()[9].get("lastName")) == ("Ada", None)
    assert (world.persons()[1]["firstName"], world.persons()[1].get("lastName")) == ("Eve", "Moore")
    assert [content.splitlines()[0] for _, content in world.uploads] == [b"email,lastName", b"email,firstName,lastName"]
