"""The recipes that are cycles, as they stand: something is edited in one simulator, time passes, the other shows it.

By poll, or by outbound message: then the org announces the edit to the receiver behind a gateway, and no poll comes.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import yaml

from devstack.demo import RECIPES
from leadbridge.domain.announced import Announcement, address
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.usecases.check_cycle import described_lines
from leadbridge.usecases.hear_of_changes import HearOfChanges
from leadbridge.usecases.start_sync import StartSync, vendor_of
from leadbridge.vendors.cycle_look import VendorLook
from tests.bench.idle_day import GAP, Asking, Ticking
from tests.builders.actions import a_salesforce_connection
from tests.fakes.announced import InMemoryAnnouncements, InMemoryLater
from tests.fakes.outbound_door import CRM, OutboundDoor
from tests.fakes.syncs import FakeStarter
from tests.gateway import serving
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.cycles import CYCLE, WiredCycle

#: fields that the recipes name and the simulators have under another name
CALLED = {
    "leadbridgeCrmId": "salesforceId",
    "Marketo_Activity__c": "External_Key__c",
    "opportunityStage": "lastInterestingMoment",
}
#: of a company, as the use case names them
FIRMOGRAPHICS = ("annualRevenue", "numberOfEmployees", "industry", "billingCity")
#: an edit in Marketo is read ten minutes after it, by the next poll
SOON = 3 * GAP


class Polled(Ticking):
    """A recipe that runs by itself, from now on, on the twins of a test."""

    def __init__(self, clients: Clients, marketo: Twin, salesforce: Twin, recipe: str) -> None:
        """Nothing that is there already is read."""
        text = (RECIPES / f"{recipe}.yaml").read_text("utf-8")
        for name, ours in CALLED.items():
            text = text.replace(name, ours)
        document: Mapping[str, Any] = yaml.safe_load(text)
        cycle = CrmCycle.model_validate({**document, "id": CYCLE, "marketo": "marketing", "salesforce": "crm"})
        WiredCycle.__init__(self, clients, marketo, salesforce, cycle)
        assert list(described_lines(cycle, self.connections)) == []
        asking = Asking(self.connections.marketo("marketing"), self.connections.salesforce("crm"))
        self.look = VendorLook(asking, self.clock)
        self.starter = FakeStarter()
        self.carried(self.starting().now(CYCLE, from_now=True).slot)

    def passed(self, seconds: int) -> None:
        """Time passes; polls come of themselves."""
        for _ in range(seconds // GAP):
            self.clock.advance(GAP)
            self.tick()

    @contextmanager
    def announcing(self, *objects: str) -> Iterator[None]:
        """The org announces what changes in the block, and says so twice; ten seconds behind it is heard of."""
        door = OutboundDoor()
        [org] = self.salesforce.get("records/Organization")
        door.documents.keep(a_salesforce_connection(id=CRM, organization_id=org["Id"]))
        with serving(lambda event: door.receive(event).as_proxy()) as url:
            rule = {"endpoint": address(url, CRM, door.key()), "duplicates": True, "skip_integration_user": False}
            self.salesforce.post("outbound", [{"object": each, "fields": [], **rule} for each in objects])
            yield
            self.clock.advance(10)
            sent = self.salesforce.post("outbound/send")
            self.salesforce.post("outbound", [])
        assert {each["acknowledged"] for each in sent} == {True}
        announcements = InMemoryAnnouncements()
        for announcement in door.kept():
            self._heard(announcement, announcements)

    def _heard(self, announcement: Announcement, announcements: InMemoryAnnouncements) -> None:
        """What the queue brings; nothing of it waits for a Sync."""
        hear = HearOfChanges(
            configurations=self.documents,
            announcements=announcements,
            later=InMemoryLater(),
            due=lambda _: self.due,
            tick=self._rung,
            runs=self.syncs,
            start=StartSync(
                documents=self.documents,
                runs=self.syncs,
                vendor=partial(vendor_of, self.documents),
                starter=self.starter,
                clock=self.clock,
            ),
            clock=self.clock,
            meter=self.meter,
            look_seconds=15,
        )
        assert not hear(announcement)

    def _rung(self, cycle: str) -> None:
        assert cycle == CYCLE
        self.tick()

    @contextmanager
    def edited(self, entry: str, *objects: str) -> Iterator[None]:
        """What people do in Salesforce in the block is carried over: by the next poll, or as it is announced."""
        if entry == "poll":
            yield
            self.passed(GAP)
            return
        while self.tick().because != "idle":
            self.clock.advance(GAP)
        self.clock.advance(60)
        # the last poll found nothing; the next is minutes ahead
        before = self.clock.now()
        with self.announcing(*objects):
            yield
        assert self.clock.now() - before < timedelta(minutes=1)

    def people(self, *people: Mapping[str, Any]) -> None:
        """Somebody edits people in Marketo, or makes new ones."""
        marketing = self.connections.marketo("marketing")
        marketing.sync_leads([dict(each) for each in people], action="createOrUpdate", lookup_field="email")

    def records(self, name: str) -> list[dict[str, Any]]:
        """What Salesforce shows."""
        found: list[dict[str, Any]] = self.salesforce.get(f"records/{name}")
        return found


type Run = Callable[[str], Polled]
ENTRIES = pytest.mark.parametrize("entry", ["poll", "outbound message"])


@pytest.fixture
def run(clients: Clients, marketo: Twin, salesforce: Twin) -> Run:
    """Lets a recipe run."""
    return lambda recipe: Polled(clients, marketo, salesforce, recipe)


@pytest.mark.cap("U13", "U17", "U18")
def test_who_qualifies_between_two_polls_becomes_a_lead_once(run: Run) -> None:
    """Score, source and last interesting moment are on the Lead; a later score is too; others become no Lead."""
    world = run("mql-to-lead")
    world.people(
        {"email": "cold@example.com", "lastName": "Cold", "leadScore": 10},
        {"email": "hot@example.com", "lastName": "Pepper", "company": "Acme", "leadSource": "Web", "leadScore": 64},
    )
    world.passed(SOON)
    assert world.records("Lead") == []

    world.people({"email": "hot@example.com", "leadScore": 65, "lastInterestingMoment": "Asked for a demo"})
    world.passed(SOON)

    [lead] = world.records("Lead")
    assert {name: lead[name] for name in ("Email", "LastName", "Company", "LeadSource", "Lead_Score__c")} == {
        "Email": "hot@example.com",
        "LastName": "Pepper",
        "Company": "Acme",
        "LeadSource": "Web",
        "Lead_Score__c": 65,
    }
    assert lead["Last_Interesting_Moment__c"] == "Asked for a demo"

    world.people({"email": "hot@example.com", "leadScore": 80})
    world.passed(2 * SOON)
    [after] = world.records("Lead")
    assert (after["Id"], after["Lead_Score__c"]) == (lead["Id"], 80)


@pytest.mark.cap("U12")
@ENTRIES
def test_what_sales_edits_on_a_qualified_lead_is_in_marketo_once(run: Run, entry: str) -> None:
    """However often it is announced, and whatever polls follow, it is written once."""
    world = run("mql-to-lead")
    world.people({"email": "hot@example.com", "lastName": "Pepper", "company": "Acme", "leadScore": 90})
    world.passed(2 * SOON)
    [lead] = world.records("Lead")
    written = len(world.written())

    with world.edited(entry, "Lead"):
        world.connections.salesforce("crm").update("Lead", [{"Id": lead["Id"], "LastName": "Salt"}])

    assert [each["lastName"] for each in world.marketo.get("records/leads")] == ["Salt"]
    world.passed(2 * SOON)
    assert world.written()[written:] == ["leads.json"]


@pytest.mark.cap("U14", "U15", "U16")
@pytest.mark.parametrize(
    ("entry", "objects"),
    [("poll", ()), ("outbound message", ("Lead",)), ("outbound message", ("Contact",))],
    ids=["poll", "outbound message of the Lead", "outbound message of the Contact"],
)
def test_a_converted_lead_is_the_same_person_in_the_next_stage(run: Run, entry: str, objects: tuple[str, ...]) -> None:
    """The Contact's id and the stage, once each; what the Contact shows then is the person's, too."""
    world = run("lead-to-contact")
    lead = {"LastName": "Vex", "Email": "ada@example.com", "Company": "Acme", "Status": "Working - Contacted"}
    [made] = world.salesforce.post("load", {"Lead": [lead]})["Lead"]
    world.passed(2 * GAP)
    [person] = world.marketo.get("records/leads")
    assert (person["leadStatus"], person["salesforceId"]) == ("Working - Contacted", made)
    begun = world.clock.now()

    with world.edited(entry, *objects):
        wanted = {"leadId": made, "doNotCreateOpportunity": True}
        [conversion] = world.salesforce.post("convert", {"leads": [wanted]})
        crm = world.connections.salesforce("crm")
        crm.update("Contact", [{"Id": conversion["contactId"], "FirstName": "Ada"}])

    [after] = world.marketo.get("records/leads")
    assert {name: after[name] for name in ("id", "leadStatus", "salesforceId", "firstName")} == {
        "id": person["id"],
        "leadStatus": "SQL",
        "salesforceId": conversion["contactId"],
        "firstName": "Ada",
    }
    world.passed(2 * SOON)
    changes = world.connections.marketo("marketing").activity_log.lead_changes(begun, ["leadStatus", "salesforceId"])
    assert sorted(str(change.new_value) for each in changes for change in each.fields) == [
        conversion["contactId"],
        "SQL",
    ]


@pytest.mark.cap("U19")
@pytest.mark.parametrize("rule", [True, "01QHs0000000001MAA", None])
def test_the_rule_that_is_said_gives_a_new_lead_its_owner(run: Run, clients: Clients, rule: str | bool | None) -> None:
    """The org's or one by its id: the header says which, and the owner is not our user, unless no rule is said."""
    world = run("mql-to-lead")
    assert world.cycle.persons is not None
    persons = world.cycle.persons.model_copy(update={"assignment_rule": rule})
    world.documents.put(world.cycle.model_copy(update={"persons": persons}))
    world.salesforce.post("limits", {"assignment_rule": True})
    sent: list[str | None] = []
    clients.http.event_hooks["request"].append(
        lambda request: (
            sent.append(request.headers.get("Sforce-Auto-Assign")) if "sobjects" in request.url.path else None
        )
    )
    world.people({"email": "hot@example.com", "lastName": "Pepper", "company": "Acme", "leadScore": 90})
    world.passed(SOON)
    [lead] = world.records("Lead")
    [ours] = [each["Id"] for each in world.records("User") if each["LastName"] == "Integration"]
    assert (lead["OwnerId"] == ours) is (rule is None)
    assert (rule if isinstance(rule, str) else "TRUE" if rule else "FALSE") in sent


@pytest.mark.cap("U23")
def test_engagement_becomes_tasks_of_leads_and_contacts(run: Run) -> None:
    """Opens, clicks, forms and interesting moments, with pages of the log between them that hold nothing; one each."""
    world = run("engagement-to-tasks")
    world.salesforce.post(
        "load",
        {
            "Lead": [{"LastName": "Vex", "Email": "ada@example.com", "Company": "Acme"}],
            "Contact": [{"LastName": "King", "Email": "bea@example.com"}],
        },
    )
    world.passed(GAP)
    found = {each["email"]: each for each in world.marketo.get("records/leads")}
    ada, bea = found["ada@example.com"], found["bea@example.com"]
    world.marketo.post("limits", {"activity_scan": 20})
    for person, kind, what in ((ada, 10, "Spring"), (bea, 11, "Spring"), (ada, 2, "Demo"), (bea, 46, "Milestone")):
        shown = {"leadId": person["id"], "activityDate": world.clock.now().isoformat(), "attributes": []}
        visits = [{**shown, "activityTypeId": 1, "primaryAttributeValue": "Home"}] * 30
        world.marketo.post(
            "load", {"activities": [*visits, {**shown, "activityTypeId": kind, "primaryAttributeValue": what}]}
        )
        world.passed(GAP)

    world.passed(SOON)

    assert sorted((each["WhoId"], each["Subject"]) for each in world.records("Task")) == sorted(
        [
            (ada["salesforceId"], "Open Email: Spring"),
            (ada["salesforceId"], "Fill Out Form: Demo"),
            (bea["salesforceId"], "Click Email: Spring"),
            (bea["salesforceId"], "Interesting Moment: Milestone"),
        ]
    )
    world.marketo.post("limits", {"activity_scan": 0})


@pytest.mark.cap("U26", "U27")
def test_firmographics_of_an_account_are_its_companys_and_bring_its_contacts_into_segments(run: Run) -> None:
    """The four fields by the Account's id; Contacts, old and new, are in a smart list once the Account is of its
    industry, and out of it when it is not any more. An edit in Marketo goes nowhere, and the next one overwrites it."""
    world = run("firmographics-to-companies")
    segment = {"name": "Energy", "where": {"industry": ["Energy"], "billingCity": ["Berlin"]}}
    world.marketo.post("load", {"smartLists": [segment]})
    figures = {"AnnualRevenue": 12_500_000, "NumberOfEmployees": 250, "Industry": "Banking", "BillingCity": "Łódź"}
    crm = world.connections.salesforce("crm")
    [account] = world.salesforce.post("load", {"Account": [{"Name": "Acme", **figures}]})["Account"]
    ada = {"LastName": "Vex", "Email": "ada@example.com", "AccountId": account}
    world.salesforce.post("load", {"Contact": [ada, {"LastName": "King", "Email": "bea@example.com"}]})
    world.passed(GAP)

    shown = world.of(world.marketo, "companies", "externalCompanyId")[account]
    assert {name: shown[name] for name in FIRMOGRAPHICS} == dict(zip(FIRMOGRAPHICS, figures.values(), strict=True))
    assert (shown["company"], len(account)) == ("Acme", 18)
    assert segmented(world) == []

    crm.update("Account", [{"Id": account, "Industry": "Energy", "BillingCity": "Berlin"}])
    crm.create("Contact", [{"LastName": "New", "Email": "ida@example.com", "AccountId": account}])
    world.passed(GAP)
    # who is in no Account is in no segment
    assert segmented(world) == ["ada@example.com", "ida@example.com"]
    people = world.of(world.marketo, "leads", "email")
    linked = {email for email, person in people.items() if person["externalCompanyId"] == account}
    assert linked == {"ada@example.com", "ida@example.com"}
    assert [people["ida@example.com"][name] for name in FIRMOGRAPHICS] == [12_500_000, 250, "Energy", "Berlin"]

    world.connections.marketo("marketing").companies.sync([{"externalCompanyId": account, "annualRevenue": 1}])
    before = world.records("Account")
    world.passed(SOON)
    assert world.records("Account") == before
    crm.update("Account", [{"Id": account, "Industry": None, "AnnualRevenue": 13_000_000}])
    world.passed(GAP)
    shown = world.of(world.marketo, "companies", "externalCompanyId")[account]
    assert (shown.get("industry"), shown["annualRevenue"], segmented(world)) == (None, 13_000_000, [])


def segmented(world: Polled) -> list[str]:
    """The addresses of those who are in the smart list, as Marketo extracts it."""
    exports = world.connections.marketo("marketing").bulk.lead_exports
    made = exports.create({"smartListName": "Energy"}, fields=["email"])
    exports.enqueue(made.export_id)
    while exports.status(made.export_id).status != "Completed":
        world.clock.advance(60)
    [_, *found] = b"".join(exports.whole_file(made.export_id)).decode().split()
    return sorted(found)


PROGRAMS = ("Acquisition Nurture", "Post-Sale Onboarding", "Re-engagement")


@pytest.mark.cap("U21", "U22")
def test_a_closed_opportunity_takes_its_contact_out_of_acquisition_and_onto_the_other_track(
    run: Run, marketo: Twin
) -> None:
    """Won goes after the sale, lost to re-engagement, an open one changes nothing."""
    kind = {"channel": "Tracks", "progressionStatuses": [{"name": "Member", "step": 10, "success": False}]}
    marketo.post("load", {"programs": [{"id": n, "name": each, **kind} for n, each in enumerate(PROGRAMS, start=1001)]})
    world = run("stage-to-programs")
    names = ("won", "lost", "open")
    contacts = [{"LastName": name, "Email": f"{name}@example.com"} for name in names]
    records = dict(zip(names, world.salesforce.post("load", {"Contact": contacts})["Contact"], strict=True))
    deal = {"StageName": "Prospecting", "CloseDate": "2026-06-30"}
    made = world.salesforce.post("load", {"Opportunity": [{**deal, "Name": name} for name in names]})["Opportunity"]
    deals = dict(zip(names, made, strict=True))
    roles = [{"OpportunityId": deals[each], "ContactId": records[each], "IsPrimary": True} for each in names]
    world.salesforce.post("load", {"OpportunityContactRole": roles})
    world.passed(2 * GAP)
    people = {str(each["lastName"]): int(each["id"]) for each in world.marketo.get("records/leads")}
    member = {"programId": 1001, "statusName": "Member"}
    world.marketo.post("load", {"programMembers": [{**member, "leadId": people[name]} for name in names]})
    stages = {"won": "Closed Won", "lost": "Closed Lost"}
    crm = world.connections.salesforce("crm")
    crm.update("Opportunity", [{"Id": deals[name], "StageName": stage} for name, stage in stages.items()])
    world.passed(GAP)

    assert memberships(world, people) == {
        ("open", "Acquisition Nurture"),
        ("won", "Post-Sale Onboarding"),
        ("lost", "Re-engagement"),
    }


def memberships(world: Polled, people: Mapping[str, int]) -> set[tuple[str, str]]:
    """Who is in which program."""
    names = {lead: name for name, lead in people.items()}
    found = world.marketo.get("records/programMembers")
    return {(names[int(each["leadId"])], PROGRAMS[int(each["programId"]) - 1001]) for each in found}
