"""What is read from one vendor and written to the other by the two clients, as the two twins hold it."""

from leadbridge.domain.ids import is_id
from tests.integration.vendors.conftest import Clients, Twin


def test_sales_persons_are_known_by_the_id_of_their_salesforce_user(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """Users as queried become sales persons: the external ids at Marketo are the users' ids, in 18 characters."""
    users = [
        {"Username": f"s{n}@example.com", "Email": f"s{n}@example.com", "LastName": f"Ö'Neil {n}"} for n in range(3)
    ]
    salesforce.post("load", {"User": users})
    found = clients.salesforce().query("SELECT Id, Email, LastName FROM User WHERE Email LIKE 's%@example.com'")
    rows = [
        {"externalSalesPersonId": each["Id"], "email": each["Email"], "lastName": each["LastName"]} for each in found
    ]

    persons = clients.marketo().sales_persons
    said = persons.sync(rows)
    read = list(persons.by_filter("externalSalesPersonId", [row["externalSalesPersonId"] for row in rows]))

    assert [row.status for row in said] == ["created"] * 3
    held = {each["Id"]: each["Email"] for each in salesforce.get("records/User") if each["Email"].startswith("s")}
    assert {each["externalSalesPersonId"]: each["email"] for each in marketo.get("records/salesPersons")} == held
    assert {each["externalSalesPersonId"] for each in read} == held.keys()
    assert all(is_id(each) and len(each) == 18 for each in held)


def test_a_program_and_its_members_become_a_campaign_and_its_members(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """Statuses of the channel are those of the campaign, each member has the one it has in the program."""
    steps = [{"name": "Invited", "step": 10, "success": False}, {"name": "Attended", "step": 20, "success": True}]
    ids = marketo.post(
        "load",
        {
            "leads": [{"email": f"p{n}@example.com", "lastName": f"P{n}"} for n in range(3)],
            "programs": [{"name": "Fair", "channel": "Trade fair", "progressionStatuses": steps}],
        },
    )
    (program_id,), leads = ids["programs"], ids["leads"]
    names = ["Invited", "Attended", "Attended"]
    members = [
        {"programId": program_id, "leadId": lead, "statusName": name} for lead, name in zip(leads, names, strict=True)
    ]
    marketo.post("load", {"programMembers": members})
    ours, theirs = clients.marketo(), clients.salesforce()
    program = ours.programs.one(program_id)
    assert program is not None
    channel = ours.programs.channel(program.channel)
    assert channel is not None

    [campaign] = theirs.create("Campaign", [{"Name": program.name}])
    people = theirs.upsert(
        "Lead",
        "External_Key__c",
        [{"External_Key__c": str(lead), "LastName": f"P{lead}", "Company": "C"} for lead in leads],
    )
    theirs.create(
        "CampaignMemberStatus",
        [
            {"CampaignId": campaign.id, "Label": each.name, "HasResponded": each.success}
            for each in channel.progression_statuses
        ],
    )
    by_lead = {lead: person.id for lead, person in zip(leads, people, strict=True)}
    read = list(ours.members.by_filter(program_id, "leadId", leads, ["statusName"]))
    made = theirs.create(
        "CampaignMember",
        [
            {"CampaignId": campaign.id, "LeadId": by_lead[each.lead_id], "Status": each.fields["statusName"]}
            for each in read
        ],
    )

    assert [row.ok for row in made] == [True] * 3
    held = {each["LeadId"]: (each["Status"], each["HasResponded"]) for each in salesforce.get("records/CampaignMember")}
    assert held == {by_lead[lead]: (name, name == "Attended") for lead, name in zip(leads, names, strict=True)}
