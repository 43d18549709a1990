"""The webhook sheet: which tokens it asks for, and how each encoding writes them."""

import json
from dataclasses import replace
from typing import Any

import pytest

from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.webhook_sheets import (
    ENCODINGS,
    KEY_HEADER,
    Encoding,
    Instance,
    Sheet,
    columns_of,
    sheet,
    token_of,
)
from tests.builders.actions import an_action

LABELS = {
    "id": "Id",
    "email": "Email Address",
    "firstName": "First Name",
    "lastName": "Last Name",
    "company": "Company Name",
    "leadStatus": "Person Status",
    "salesforceId": "Salesforce Id",
    "leadbridgeStatus": "Leadbridge Status",
    "leadbridgeAnswer": "Leadbridge Answer",
}
LEADS = ObjectDescription(
    name="leads",
    fields={
        name: FieldDescription(name=name, type="string", label=label, updateable=name != "id")
        for name, label in LABELS.items()
    },
)
INSTANCE = Instance(leads=LEADS, soap_names={name: label.replace(" ", "_") for name, label in LABELS.items()})
API = "https://webhooks.example.com"


def a_sheet(
    encoding: Encoding = "json", *, key: str | None = None, maps: dict[str, str] | None = None, **changes: Any
) -> Sheet:
    """The sheet of an Action."""
    made = sheet(an_action(**changes), INSTANCE, api_url=API, encoding=encoding, key=key, maps=maps)
    assert isinstance(made, Sheet), made
    return made


def findings(maps: dict[str, str] | None = None, **changes: Any) -> list[str]:
    """What stands against a sheet."""
    made = sheet(an_action(**changes), INSTANCE, api_url=API, maps=maps)
    assert isinstance(made, list)
    return made


def test_the_json_sheet_in_full() -> None:
    """Every line of the sheet of a small Action, as a person reads it."""
    lines = list(a_sheet().lines(how_to_get_the_key="ask"))

    assert (
        "\n".join(lines)
        == """Marketo Admin > Integration > Webhooks > New Webhook:

  Webhook Name             Leadbridge: Person to Lead
  URL                      https://webhooks.example.com/actions/person-to-lead
  Request Type             POST
  Template

{
  "lead": {
    "id": {{lead.Id}},
    "email": {{lead.Email Address}},
    "firstName": {{lead.First Name}},
    "lastName": {{lead.Last Name}},
    "company": {{company.Company Name}}
  },
  "campaign": {
    "id": {{campaign.id}},
    "name": {{campaign.name}}
  },
  "program": {
    "id": {{program.id}},
    "name": {{program.name}}
  }
}

  Request Token Encoding   JSON
  Response Type            JSON

Webhooks Actions > Set Custom Header:

  Content-Type: application/json
  X-Leadbridge-Key: ask

Response Mappings:

  none; the Action writes back by API. --map ATTRIBUTE=FIELD keeps a part of the answer.

Call it from a trigger campaign: in a batch campaign Marketo answers error 1000. If the editor does not know a \
token, choose the field under Insert Token: company fields of your own are {{company.…}} tokens.

Or as a flow step, in batch campaigns too; one service stands for all Actions of the connection:
Marketo Admin > Service Providers > Add New Service:

  OpenAPI address          https://webhooks.example.com/flow-step/marketo-demo/fields/openapi.json
  API key                  what `leadbridge keys show flow-step/marketo-demo` prints"""
    )


MAPPED: dict[str, Any] = {
    "mappings": [{"column": "email", "to": "Email"}, {"column": "token.my.Event Date", "to": "LastName"}]
}


def test_the_xml_sheet_encodes_its_values_as_a_form_does() -> None:
    """The root element says so, the content type is XML's, and a name that XML does not allow is an attribute."""
    made = a_sheet("xml", **MAPPED)

    assert (made.method, made.encoding, made.headers["Content-Type"]) == ("POST", "Form/Url", "application/xml")
    assert (
        made.template
        == """<event tokens="form-url">
  <lead>
    <id>{{lead.Id}}</id>
    <email>{{lead.Email Address}}</email>
  </lead>
  <campaign>
    <id>{{campaign.id}}</id>
    <name>{{campaign.name}}</name>
  </campaign>
  <program>
    <id>{{program.id}}</id>
    <name>{{program.name}}</name>
  </program>
  <token>
    <field name="my.Event Date">{{my.Event Date}}</field>
  </token>
</event>"""
    )


FLAT = (
    "lead.id={{lead.Id}}",
    "lead.email={{lead.Email Address}}",
    "campaign.id={{campaign.id}}",
    "campaign.name={{campaign.name}}",
    "program.id={{program.id}}",
    "program.name={{program.name}}",
    "token.my.Event%20Date={{my.Event Date}}",
)


def test_the_form_sheet_has_a_pair_a_line() -> None:
    """Flat names with their tokens, under the content type of forms."""
    made = a_sheet("form", **MAPPED)

    assert (made.encoding, made.headers["Content-Type"]) == ("Form/Url", "application/x-www-form-urlencoded")
    assert made.template == "\n&".join(FLAT)


def test_the_get_sheet_has_its_tokens_in_the_url_and_its_key_in_the_header() -> None:
    """The pairs are the query string, there is no template, and the key is never a part of the address."""
    made = a_sheet("get", key="v1.secret", **MAPPED)

    assert (made.method, made.template) == ("GET", "")
    assert made.url == f"{API}/actions/person-to-lead?{'&'.join(FLAT)}"
    assert dict(made.headers) == {KEY_HEADER: "v1.secret"}
    assert "10,240" in " ".join(made.notes)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_key_stands_in_the_sheet_only_when_asked_for(encoding: Encoding) -> None:
    """Without the wish for it the sheet says how to get it."""
    plain = "\n".join(a_sheet(encoding).lines(how_to_get_the_key="what `leadbridge keys show x` prints"))
    shown = "\n".join(a_sheet(encoding, key="v1.secret").lines(how_to_get_the_key="unused"))

    assert f"{KEY_HEADER}: what `leadbridge keys show x` prints" in plain
    assert f"{KEY_HEADER}: v1.secret" in shown
    assert "unused" not in shown


def test_only_the_columns_that_the_action_reads_are_asked_for() -> None:
    """Identifier, mappings with their templates, deduplication, conditions and result attributes; each once."""
    action = an_action(
        identifier={"column": "email", "field": "Email"},
        mappings=[
            {"column": "email", "to": "Email"},
            {"template": "{{firstName}} of {{company}}", "to": "LastName"},
            {"static": "Web", "to": "LeadSource"},
        ],
        deduplicate={"columns": ["email", "campaign.id"]},
        conditions={"match": "any", "clauses": [{"match": "all", "clauses": [CLAUSE]}]},
        results={
            "activity": "leadbridgeResult",
            "success": "S",
            "errored": "E",
            "mappings": [{"column": "token.trigger.Name", "to": "message"}, {"execution": "outcome", "to": "action"}],
        },
    )

    assert sorted(columns_of(action)) == sorted(
        ["email", "campaign.id", "firstName", "company", "leadStatus", "token.trigger.Name"]
    )


CLAUSE = {"column": "leadStatus", "operator": "equals", "value": "Hot"}


@pytest.mark.parametrize(
    ("column", "token"),
    [
        ("id", "lead.Id"),
        ("email", "lead.Email Address"),
        ("company", "company.Company Name"),
        ("campaign.id", "campaign.id"),
        ("program", "program.name"),
        ("program.status", "program.status"),
        ("token.my.Event Date", "my.Event Date"),
        ("token.Gift", "my.Gift"),
        ("token.trigger.Name", "trigger.Name"),
        ("token.system.date", "system.date"),
        ("unknown", None),
    ],
)
def test_a_column_is_filled_by_its_token(column: str, token: str | None) -> None:
    """A lead's field by its label, company fields as Marketo has them, other tokens by their own names."""
    assert token_of(column, LEADS) == token


def test_a_program_that_is_read_as_a_text_is_sent_as_a_text() -> None:
    """An Action that reads `program` gets the program's name, not an object."""
    made = a_sheet(deduplicate={"columns": ["email", "program"]})

    assert '"program": {{program.name}}' in made.template
    assert "program.id" not in made.template


def test_what_is_read_from_an_activity_is_not_asked_of_the_call() -> None:
    """Columns of an activity have no token: Marketo's log is read for them; the program's fields have columns."""
    mappings = [
        {"column": "activity.Form Fields", "to": "Title"},
        {"template": "{{activity.Webform ID}} {{phone}}", "to": "Phone"},
    ]
    member = {"program": "Fair", "status": "Invited", "mappings": [{"column": "title", "to": "seats"}]}

    asked = columns_of(an_action(mappings=mappings, activity={"type": "Fill Out Form"}, program_member=member))

    assert asked == ["email", "phone", "title"]


def test_a_response_mapping_has_the_soap_name_of_its_field() -> None:
    """An attribute of the answer goes to a field of one's choice, by the name that Marketo's dialog wants."""
    made = a_sheet(maps={"execution_id": "leadbridgeAnswer"})

    assert made.document()["mappings"] == [{"attribute": "execution_id", "field": "Leadbridge_Answer"}]
    assert "  execution_id -> Leadbridge_Answer" in list(made.lines(how_to_get_the_key=""))


@pytest.mark.parametrize(
    ("maps", "changes", "text"),
    [
        pytest.param({}, {"deduplicate": {"columns": ["email", "gone"]}}, "The Action reads gone", id="no such column"),
        pytest.param({}, {"deduplicate": {"columns": ["program", "program.x"]}}, "reads `program`", id="program twice"),
        pytest.param({"outcome": "leadbridgeAnswer"}, {}, "The answer has no outcome", id="no such attribute"),
        pytest.param({"status": "nowhere"}, {}, "There is no Marketo field nowhere", id="no such field"),
        pytest.param({"status": "id"}, {}, "does not let id be written", id="a field that cannot be written"),
        pytest.param({"status": "leadbridgeStatus"}, {}, "would undo the mapping", id="a field of the write-back"),
    ],
)
def test_what_stands_against_a_sheet_is_said(maps: dict[str, str], changes: dict[str, Any], text: str) -> None:
    """Columns that the lead does not have and mappings that cannot work are named with what to do."""
    [finding] = findings(maps, **changes)

    assert text in finding


def test_the_definition_holds_what_the_dialog_asks_for() -> None:
    """As plain values the sheet is the definition alone, without notes."""
    document = json.loads(json.dumps(replace(a_sheet(), notes=("n",)).document()))

    assert sorted(document) == ["encoding", "headers", "mappings", "method", "name", "response_type", "template", "url"]


def test_the_sheet_of_an_action_that_answers_inline_maps_what_it_writes_back() -> None:
    """The other address, one response mapping for each field of the write-back by its SOAP name, and a note; what the
    answer tells of itself can be mapped beside."""
    made = a_sheet(inline={}, maps={"outcome": "leadbridgeAnswer"})

    assert made.url == f"{API}/actions/person-to-lead/inline"
    assert made.mappings == (
        ("values.salesforceId", "Salesforce_Id"),
        ("values.leadbridgeStatus", "Leadbridge_Status"),
        ("outcome", "Leadbridge_Answer"),
    )
    assert "enter every one of them" in " ".join(made.notes)
    by_get = a_sheet("get", inline={})
    assert by_get.url.startswith(f"{API}/actions/person-to-lead/inline?lead.id=")


def test_what_only_an_inline_answer_has_is_mapped_there_alone() -> None:
    """`outcome` is no part of an answer that does not wait; a field without a SOAP name cannot take a value."""
    assert findings({"outcome": "leadbridgeAnswer"}) == [
        "The answer has no outcome; it has status, execution_id, reason."
    ]
    back = [{"static": "x", "to": "nameless"}]
    assert findings(inline={}, writeback=back) == [
        "Marketo tells no SOAP name of nameless, so its value cannot be mapped. Correct the Action."
    ]
