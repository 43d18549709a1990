"""Values on their way from the payload to the Salesforce record."""

import hashlib
from datetime import date, timedelta

import pytest

from tests.e2e.actions import FIFTY, an_action, as_yaml, columns
from tests.e2e.lab import Lab, accepted

#: ahead of UTC
KIRITIMATI = timedelta(hours=14)


@pytest.mark.cap("A22")
def test_mapped_fields_carry_the_values_and_others_stay(lab: Lab) -> None:
    """Each mapped value is in its field, and every field that no mapping names is as it was."""
    person = lab.person()
    [present] = lab.salesforce.load(
        "Lead",
        {
            "Email": person.email,
            "LastName": "Before",
            "Company": "Before Ltd",
            "Description": "kept",
            "Website": "https://kept.example.com",
            "Lead_Score__c": 7,
            "Rating": "Warm",
        },
    )
    before = lab.lead(present)

    lab.run("upsert", person.body(website="https://new.example.com", title="not mapped"))

    after = lab.lead(present)
    mapped = {"Email": "email", "FirstName": "firstName", "LastName": "lastName", "Company": "company"}
    assert {to: after[to] for to in mapped} == {to: person.fields[column] for to, column in mapped.items()}
    by_salesforce = {"Name", "LastModifiedDate", "LastModifiedById", "SystemModstamp"}
    assert {k: v for k, v in after.items() if k not in {*mapped, *by_salesforce}} == {
        k: v for k, v in before.items() if k not in {*mapped, *by_salesforce}
    }


@pytest.mark.cap("A23")
def test_fifty_mappings_apply_in_one_write_call(lab: Lab) -> None:
    """All fifty mapped values are on the Lead after one call that wrote it, on creating and on updating."""
    person = lab.person(firstName=None, lastName=None, company=None)
    assert len(FIFTY) + 1 == 50

    for outcome, values in (("created", FIFTY), ("updated", {**FIFTY, "Title": "Chief of Forms", "City": "Otherton"})):
        mark = lab.salesforce.mark()
        [execution] = lab.run("fifty", person.body(token={name: str(value) for name, value in values.items()}))

        assert execution["outcome"] == outcome, execution
        assert len(lab.writes_since(mark, person.email)) == 1
        [lead] = lab.leads(person.email)
        assert {name: lead[name] for name in values} == dict(values)
        assert lead["Email"] == person.email


@pytest.mark.cap("A26", "A27", "A28")
def test_static_values_arrive_as_text_number_and_boolean(lab: Lab) -> None:
    """A static text, number, true and false are on every Lead of the Action, whatever the payload says; the simulator
    refuses a number or boolean that is sent as text."""
    persons = lab.persons(2)

    lab.run("statics", persons[0].body(leadSource="Partner"), persons[1].body(leadSource="", doNotCall="true"))

    for person in persons:
        [lead] = lab.leads(person.email)
        assert (lead["LeadSource"], lead["Lead_Score__c"]) == ("Webinar", 42)
        assert not isinstance(lead["Lead_Score__c"], str)
        assert (lead["Opt_In__c"], lead["IsUnreadByOwner"]) == (True, False)
    # what proves that text would not have passed: the platform's own strictness
    refused = lab.web.post(
        f"{lab.salesforce.url}/_sim/load",
        json={"Lead": [{"LastName": "X", "Company": "X", "Lead_Score__c": "42"}]},
    )
    assert refused.status_code == 400
    assert "Cannot deserialize" in refused.text


@pytest.mark.cap("A29")
def test_a_column_is_written_and_an_unknown_one_is_refused(lab: Lab) -> None:
    """The named column's value is on the Lead; an Action that names a column Marketo does not have is refused when it
    is saved, naming it, and is not stored."""
    person = lab.person()
    document = an_action(
        "unknown-column", mappings=columns(email="Email", lastName="LastName", company="Company", favouriteTea="Title")
    )

    said = lab.cli_fails("apply", lab.file("unknown-column.yaml", as_yaml([document])))
    lab.run("texts", person.body(title="Named column"))

    assert "unknown-column" in said
    assert "/mappings/3/column: " in said
    assert "favouriteTea" in said
    assert lab.call("unknown-column", person.body()).status_code == 401
    [lead] = lab.leads(person.email)
    assert lead["Title"] == "Named column"


@pytest.mark.cap("A33", "A34", "A58")
def test_templates_days_and_rules_reach_both_sides(lab: Lab) -> None:
    """Templates, days of the Action's zone and rules are on the Lead, the person and in the activity; what a template
    misses leaves nothing behind."""
    person = lab.person(firstName="Ada")
    days = {(lab.marketo.now() + KIRITIMATI).date()}

    [execution] = lab.run("rules", person.body(phone="Tel.: (212) 555-0123", leadScore="1.234,5", city=None))

    days.add((lab.marketo.now() + KIRITIMATI).date())
    assert execution["outcome"] == "created", execution
    [lead] = lab.leads(person.email)
    today = date.fromisoformat(lead["Score_Date__c"])
    tomorrow = today + timedelta(days=1)
    assert today in days
    assert (lead["Title"], lead["City"]) == (f"Ada - {person.fields['lastName']}", "nowhere")
    assert lead["Answer_01__c"] == f"{tomorrow.day} {tomorrow:%b %Y}"
    assert (lead["Phone"], lead["Lead_Score__c"]) == ("+12125550123", 1234.5)
    assert lab.marketo_lead(person)["leadbridgeStatus"] == "Ada is in Salesforce"
    [told] = lab.results(person)
    assert (told["Salesforce Id"], told["Message"]) == (today.isoformat(), "fine")
    assert told["Action"] == hashlib.sha256(b"AdaTel.: (212) 555-0123").hexdigest()


@pytest.mark.cap("A25")
def test_a_rule_that_cannot_be_applied_fails_its_person_only(lab: Lab) -> None:
    """The person whose number cannot be read fails with rule, field and kind of value, which is nowhere to be seen; the
    other one is written."""
    wrong, right = lab.persons(2, firstName="Ada")

    failed, fine = lab.run("rules", wrong.body(leadScore="confidential"), right.body(leadScore="7"))

    assert (fine["outcome"], failed["outcome"], failed["reason"]) == ("created", "failed", "rule_failed")
    assert all(part in failed["message"] for part in ("number_parse", "Lead_Score__c", "a text of 12 characters"))
    assert lab.leads(wrong.email) == []
    [told] = lab.results(wrong)
    assert told["Message"] == failed["message"]
    assert "confidential" not in lab.cli("show", failed["execution_id"]) + str(told)


@pytest.mark.cap("M162")
def test_values_arrive_intact(lab: Lab) -> None:
    """Blank, quoted, multi-line, unicode and "+" values, with the raw line breaks that Marketo leaves in a template,
    are on the Lead as they were; blank ones are no value."""
    person = lab.person()
    values = {
        "title": 'Head of "Röhren" \\ it\'s {{lead.Id}}',
        "phone": "+49 30 1+2&3=4%25",
        "fax": "",
        "notes": "line one\nline two\twith a tab\nline three",
        "lastName": "Šimić 高橋 👩‍🚀 נור",
        "company": "A+B & C; #1 <b>?",
    }
    quoted = {name: '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"' for name, text in values.items()}
    members = ",\n".join(f'"{name}": {text}' for name, text in quoted.items())
    body = (
        f'{{"lead": {{"id": "{person.lead_id}", "email": "{person.email}",\n{members}}},'
        '"token": {"Event: Name & Place": "Gala + \\"Dîner\\""}}'
    )
    assert "\n" in quoted["notes"]

    lab.ended([accepted(lab.post("texts", body.encode()))])

    [lead] = lab.leads(person.email)
    fields = {"title": "Title", "phone": "Phone", "notes": "Description", "lastName": "LastName", "company": "Company"}
    assert {name: lead[to] for name, to in fields.items()} == {name: values[name] for name in fields}
    assert lead["Fax"] is None
    assert lead["Answer_01__c"] == 'Gala + "Dîner"'
