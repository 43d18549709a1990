"""Objects of the CRM as Syncs carry them: roles, sales persons, objects that bridge two others, campaign members."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from leadbridge.domain.syncing import Step, Totals
from tests.builders.syncs import a_sync
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_marketo_objects import link, make_type
from tests.integration.vendors.test_sync_objects import findings
from tests.integration.vendors.test_syncs import WiredSyncs

type Build = Callable[..., WiredSyncs]
PROGRAM = 1001
KEY = {"name": "code", "displayName": "Code", "dataType": "string", "isDedupeField": True}


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes the world of a Sync from a Salesforce object into one of Marketo's, from pairs of column and field."""

    def made(origin: str, into: str, pairs: dict[str, Any], key: list[str], **members: Any) -> WiredSyncs:
        mappings = [{"to": to, **(each if isinstance(each, dict) else {"column": each})} for to, each in pairs.items()]
        document = {
            "source": {"connection": "crm", "object": origin},
            "destination": {"connection": "marketing", "object": into},
            "match": [{"column": _column(pairs[field]), "field": field} for field in key],
            "mappings": mappings,
            "dedupe": "import_everything",
        }
        return WiredSyncs(clients, marketo, salesforce, a_sync(**document | members))

    return made


def _column(pair: Any) -> str:
    return str(pair["column"] if isinstance(pair, dict) else pair)


@pytest.mark.cap("M042", "M043")
def test_a_role_has_the_crms_primary_flag_and_the_date_of_joining(build: Build) -> None:
    """Two contacts joined an opportunity each, 40 days apart, one as the primary: Marketo's roles say the same."""
    world = build("Contact", "leads", {"email": "Email"}, ["email"])
    deal = {"Name": "Deal", "StageName": "Prospecting", "CloseDate": "2026-06-30"}
    world.salesforce.post("load", {"Opportunity": [deal, deal]})
    deals = [each["Id"] for each in world.salesforce.get("records/Opportunity")]
    world.contacts(2)
    world.people(2)
    contacts = [record["Id"] for record in world.records().values()]
    people = dict(zip(contacts, sorted(int(lead["id"]) for lead in world.leads().values()), strict=True))
    joined = {}
    for number, (opportunity, contact) in enumerate(zip(deals, contacts, strict=True)):
        joined[opportunity] = world.clock.now().replace(microsecond=0)
        row = {"OpportunityId": opportunity, "ContactId": contact, "Role": "Evaluator", "IsPrimary": number == 1}
        world.salesforce.post("load", {"OpportunityContactRole": [row]})
        world.clock.advance(40 * 86_400 + 3723)
    world.wired.marketo("marketing").opportunities.sync(
        [{"externalOpportunityId": each, "name": "Deal"} for each in deals]
    )
    roles = build(
        "OpportunityContactRole",
        "opportunity_roles",
        {
            "externalOpportunityId": "OpportunityId",
            "leadId": {"column": "ContactId", "transforms": [{"type": "lookup", "table": people}]},
            "role": "Role",
            "isPrimary": "IsPrimary",
            "externalCreatedDate": "CreatedDate",
        },
        ["externalOpportunityId"],
        id="roles",
    )
    # each world has a clock of its own, the twins have one
    roles.clock.advance(world.clock.now().timestamp() - roles.clock.now().timestamp())
    assert findings(roles) == []

    run = roles.ran()

    assert (run.step, run.totals) == (Step.DONE, Totals(created=2)), (run.message, roles.results())
    held = {each["externalOpportunityId"]: each for each in roles.marketo.get("records/opportunityRoles")}
    for record in world.salesforce.get("records/OpportunityContactRole"):
        role = held[record["OpportunityId"]]
        assert (role["leadId"], role["isPrimary"]) == (people[record["ContactId"]], record["IsPrimary"])
        assert datetime.fromisoformat(role["externalCreatedDate"]) == joined[record["OpportunityId"]]
        assert datetime.fromisoformat(record["CreatedDate"]).replace(microsecond=0) == joined[record["OpportunityId"]]
    assert {each["isPrimary"] for each in held.values()} == {True, False}


@pytest.mark.cap("M045")
def test_a_sales_person_has_the_id_of_the_crms_user(build: Build) -> None:
    """Users become sales persons whose key is the id of the user, all 18 characters of it, in the same capitals."""
    world = build(
        "User",
        "sales_persons",
        {"externalSalesPersonId": "Id", "email": "Email", "lastName": "LastName"},
        ["externalSalesPersonId"],
    )
    users = [
        {"LastName": f"Ünal {number}", "Email": f"seller{number}@example.com", "Username": f"s{number}@example.com"}
        for number in range(3)
    ]
    world.salesforce.post("load", {"User": users})
    world.clock.advance(3600)
    assert findings(world) == []

    run = world.ran()

    known = {each["Id"]: each["Email"] for each in world.salesforce.get("records/User")}
    assert (run.step, run.totals.created) == (Step.DONE, len(known)), run.message
    held = {each["externalSalesPersonId"]: each["email"] for each in world.marketo.get("records/salesPersons")}
    assert held == known
    assert {len(each) for each in held} == {18}
    assert world.again().totals == Totals(unchanged=len(known))


@pytest.mark.cap("M050")
def test_people_and_courses_are_bound_by_a_bridge_that_is_written_last(build: Build) -> None:
    """Both ends are there before the bridge, whose rows then hold both edges; written first it would have been refused,
    and says whose end is missing."""
    pairs = {"leadId": "Seats__c", "courseCode": "Registration_Key__c"}
    bridge = build("Event_Registration__c", "visit_c", pairs, ["leadId", "courseCode"], id="bridge")
    client = bridge.wired.marketo("marketing")
    make_type(client, "course_c", KEY)
    make_type(client, "visit_c", link("leadId", "lead", "id"), link("courseCode", "course_c", "code"))
    bridge.people(2)
    ids = sorted(int(lead["id"]) for lead in bridge.leads().values())
    rows = [{"Registration_Key__c": f"C-{number}", "Seats__c": lead} for number, lead in enumerate(ids)]
    bridge.salesforce.post("load", {"Event_Registration__c": rows, "Account": [{"Name": f"C-{n}"} for n in range(2)]})
    bridge.clock.advance(3600)
    assert findings(bridge) == []

    early = bridge.ran()
    courses = build("Account", "course_c", {"code": "Name"}, ["code"], id="courses").ran()
    late = bridge.again()

    assert (early.totals, bridge.marketo.get("records/course_c") == []) == (Totals(failed=2), False)
    assert courses.totals == Totals(created=2)
    assert late.totals == Totals(created=2), late.message
    assert {line["reason"] for line in bridge.results(early.slot).values()} == {"marketo_1013"}
    assert {(each["leadId"], each["courseCode"]) for each in bridge.marketo.get("records/visit_c")} == {
        (lead, f"C-{number}") for number, lead in enumerate(ids)
    }


@pytest.mark.cap("M066")
def test_members_of_a_program_become_members_of_a_campaign_in_its_own_statuses(build: Build) -> None:
    """The program's campaign has statuses of its own: each member's status becomes the one that the mapping names,
    and a second run changes nobody."""
    world = build("Contact", "leads", {"email": "Email"}, ["email"])
    world.contacts(3)
    contacts = sorted(each["Id"] for each in world.records().values())
    world.salesforce.post("load", {"Campaign": [{"Name": "Webinar"}]})
    [campaign] = world.salesforce.get("records/Campaign")
    statuses = ["Signed up", "Was there"]
    world.salesforce.post(
        "load",
        {"CampaignMemberStatus": [{"CampaignId": campaign["Id"], "Label": each, "SortOrder": 9} for each in statuses]},
    )
    world.marketo.post(
        "load",
        {
            "leads": [
                {"id": number, "email": f"p{number}@example.com", "sfdcContactId": each}
                for number, each in enumerate(contacts, start=1)
            ],
            "programs": [{"id": PROGRAM, "name": "Webinar", "type": "Event", "channel": "Webinar"}],
        },
    )
    leads = {lead["sfdcContactId"]: int(lead["id"]) for lead in world.leads().values()}
    given = dict(zip(contacts, ["Registered", "Attended", "Registered"], strict=True))
    members = [
        {"programId": PROGRAM, "leadId": leads[contact], "statusName": status} for contact, status in given.items()
    ]
    world.marketo.post("load", {"programMembers": members})
    world.clock.advance(3600)
    words = {"type": "lookup", "table": {"Registered": "Signed up", "Attended": "Was there"}}
    sync = build(
        "Contact",
        "CampaignMember",
        {
            "ContactId": "sfdcContactId",
            "CampaignId": {"static": campaign["Id"]},
            "Status": {"column": "statusName", "transforms": [words]},
        },
        ["ContactId"],
        id="members",
        source={"connection": "marketing", "object": "program_members", "program": PROGRAM},
        destination={"connection": "crm", "object": "CampaignMember"},
    )
    assert findings(sync) == []

    first, second = sync.ran(), sync.again()

    assert (first.step, first.totals) == (Step.DONE, Totals(created=3)), (first.message, sync.results(first.slot))
    held = {each["ContactId"]: each for each in sync.salesforce.get("records/CampaignMember")}
    assert {each: record["Status"] for each, record in held.items()} == {
        contact: words["table"][status]  # type: ignore[index]  # it is the table above
        for contact, status in given.items()
    }
    assert {each["CampaignId"] for each in held.values()} == {campaign["Id"]}
    assert second.totals == Totals(unchanged=3)


@pytest.mark.cap("M041", "M046")
@pytest.mark.parametrize("name", ["opportunity_roles", "sales_persons"])
def test_a_fixed_schema_is_read_once_for_all_runs(build: Build, name: str) -> None:
    """Roles and sales persons are described for the first run that writes them; later runs, each in a process of its
    own and with rows to write, ask no more. What of it is kept is enough to find and write records by their keys."""
    path, store = {"opportunity_roles": ("opportunities/roles", "opportunityRoles")}.get(
        name, ("salespersons", "salesPersons")
    )
    rows: list[dict[str, Any]]
    if name == "sales_persons":
        world = build(
            "Contact", name, {"externalSalesPersonId": "Email", "lastName": "LastName"}, ["externalSalesPersonId"]
        )
        rows = [{"Email": f"s{number}@example.com", "LastName": "Before"} for number in range(3)]
        world.salesforce.post("load", {"Contact": rows})
    else:
        pairs = {"externalOpportunityId": "Registration_Key__c", "leadId": "Seats__c", "role": "Name"}
        pairs["externalCreatedDate"] = "Registered_On__c"
        world = build("Event_Registration__c", name, pairs, list(pairs)[:3])
        world.people(3)
        deals = [{"externalOpportunityId": f"O-{number}", "name": "Deal"} for number in range(3)]
        world.wired.marketo("marketing").opportunities.sync(deals)
        rows = [
            {"Registration_Key__c": f"O-{number}", "Seats__c": int(lead["id"]), "Name": "Buyer"}
            for number, lead in enumerate(world.leads().values())
        ]
        world.salesforce.post("load", {"Event_Registration__c": rows})
    change = {"Contact": {"LastName": "After"}, "Event_Registration__c": {"Registered_On__c": "2026-02-03"}}
    origin = world.sync.source.object
    world.clock.advance(3600)

    ends = []
    for _ in range(3):
        # a process of its own, which knows nothing
        world.connect()
        ends.append(world.again())
        [record, *_] = world.salesforce.get(f"records/{origin}")
        world.wired.salesforce("crm").update(origin, [{"Id": record["Id"], **change[origin]}])

    assert [each.totals for each in ends] == [
        Totals(created=3),
        Totals(updated=1, unchanged=2),
        Totals(unchanged=3),
    ], ends
    assert len(world.marketo.calls_of("GET", f"/rest/v1/{path}/describe.json")) == 1
    assert len(world.marketo.get(f"records/{store}")) == 3
