"""Everything that an Action does beyond the person's own record, at once, on the deployed stack.

People of a campaign become Leads, members of a Salesforce campaign that is made for their event, and members of a
Marketo program; a title comes from Marketo's activity log.
"""

from datetime import timedelta

import pytest

from tests.e2e.actions import ERROR, SUCCESS
from tests.e2e.lab import Lab, Record

#: id of the activity type that the Action names
NEW_LEAD = 12
EVENT = "Webinar of the chained"


@pytest.mark.cap("A35", "A36", "A37")
def test_people_get_records_that_refer_to_each_other_and_a_membership_and_what_fails_is_shown(lab: Lab) -> None:
    """The event of one has a name that Salesforce refuses. Of the other the ids of Lead and campaign are back, and the
    seat refers to both; the policy spares the first the seat, and `show` says why. Both are members of the program with
    its own fields filled, the invited one has moved on, and the title is the form by which each came at last."""
    well, ill = people = lab.persons(2, leadScore=4)
    yesterday = lab.marketo.now() - timedelta(hours=20)
    for person in people:
        for hours, value in ((1, "newest"), (0, "older")):
            came: Record = {"leadId": person.lead_id, "activityTypeId": NEW_LEAD, "primaryAttributeValue": None}
            came |= {"activityDate": (yesterday + timedelta(hours=hours)).isoformat()}
            attributes = {"Form Name": value, "Source Type": "Web form"}
            told = [{"name": name, "value": text} for name, text in attributes.items()]
            lab.marketo.load("activities", came | {"attributes": told})
    lab.marketo.load("programMembers", {"programId": lab.program, "leadId": well.lead_id, "statusName": "Invited"})

    bodies = [well.body(token={"my.Event": EVENT}), ill.body(token={"my.Event": "W" * 81})]
    executions = lab.ended(lab.send_at_once("linked", bodies))

    assert [each["outcome"] for each in executions] == ["created"] * 2
    good, bad = leads = [lab.leads(person.email)[0] for person in people]
    assert [(lead["Title"], lead["LeadSource"]) for lead in leads] == [("newest", "by Web form")] * 2
    [event] = [each for each in lab.salesforce.records("Campaign") if each["Name"] == EVENT]
    assert event["Description"] == "Made for Example Ltd"
    seats = {each["LeadId"]: each for each in lab.salesforce.records("CampaignMember")}
    assert (seats[good["Id"]]["CampaignId"], seats[good["Id"]]["Status"]) == (event["Id"], "Responded")
    assert bad["Id"] not in seats
    back = [(one["salesforceId"], one["department"]) for one in map(lab.marketo_lead, people)]
    assert back == [(good["Id"], event["Id"]), (bad["Id"], None)]
    members = {
        each["leadId"]: each for each in lab.marketo.records("programMembers") if each["programId"] == lab.program
    }
    for person, seat in ((well, seats[good["Id"]]["Id"]), (ill, None)):
        member = members[person.lead_id]
        assert (member["statusName"], member.get("registrationCode"), member["seats"]) == ("Registered", seat, 4)
        assert member["statusReason"] == f"{person.fields['lastName']} comes"
    assert [lab.results(person)[0]["value"] for person in people] == [SUCCESS, ERROR]
    shown = lab.cli("show", executions[1]["execution_id"])
    assert "event (Campaign): failed" in shown
    assert "STRING_TOO_LONG" in shown
    assert "seat (CampaignMember): not written, because event failed" in shown
    assert "Reason code: chained_failed" in shown
