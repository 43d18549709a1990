"""The Actions of the e2e tests: one for each setting that a test observes, applied together."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from devstack.demo import RECIPES

type Document = dict[str, Any]

MARKETO, SALESFORCE = "marketo-demo", "salesforce-demo"
#: type of the custom activity that the recipe names, at the Marketo simulator
RESULT_TYPE = 100_001
SUCCESS, ERROR = "Well done", "Went wrong"
ANSWERS = tuple(f"Answer_{number:02}__c" for number in range(1, 23))
#: fifty destination fields and a value for each
FIFTY: Mapping[str, Any] = {
    "FirstName": "Fifty",
    "LastName": "Fields",
    "Salutation": "Dr.",
    "Title": "Head of Forms",
    "Company": "Example Forms Ltd",
    "Street": "1 Example Street",
    "City": "Exampleton",
    "State": "EX",
    "PostalCode": "12345",
    "Country": "Exampleland",
    "Phone": "+1 555 0100",
    "MobilePhone": "+1 555 0101",
    "Fax": "+1 555 0102",
    "Website": "https://forms.example.com",
    "Description": "A person with fifty values",
    "LeadSource": "Web",
    "Status": "Working - Contacted",
    "Industry": "Education",
    "Rating": "Hot",
    "AnnualRevenue": 1_000_000,
    "NumberOfEmployees": 50,
    "HasOptedOutOfEmail": True,
    "DoNotCall": True,
    "Lead_Score__c": 12.5,
    "Opt_In__c": True,
    "Score_Date__c": "2026-03-09",
    "Loose_Key__c": "fifty",
    **{name: f"answer {name}" for name in ANSWERS},
}


def an_action(identity: str, **changes: Any) -> Document:
    """An Action that upserts a Lead by e-mail address, with members exchanged; None takes a member away."""
    document: Document = {
        "format": 1,
        "kind": "action",
        "id": identity,
        "name": f"Test {identity}",
        "source": {"connection": MARKETO, "table": "leads"},
        "destination": {"connection": SALESFORCE, "object": "Lead"},
        "identifier": {"column": "email", "field": "Email"},
        "type": "upsert",
        "mappings": columns(email="Email", firstName="FirstName", lastName="LastName", company="Company"),
        "writeback": [{"field": "Id", "to": "salesforceId"}, {"static": "Synced", "to": "leadbridgeStatus"}],
        "results": {
            "activity": "leadbridgeResult",
            "success": SUCCESS,
            "errored": ERROR,
            "mappings": [
                {"execution": "salesforce_id", "to": "salesforceId"},
                {"execution": "message", "to": "message"},
                {"execution": "outcome", "to": "action"},
            ],
        },
        **changes,
    }
    return {name: value for name, value in document.items() if value is not None}


def columns(**pairs: str) -> list[Document]:
    """Mappings from columns to destination fields."""
    return [{"column": column, "to": to} for column, to in pairs.items()]


def as_yaml(documents: Sequence[Document]) -> str:
    """Documents as a file for `leadbridge apply`."""
    return yaml.safe_dump_all(list(documents), allow_unicode=True, sort_keys=False)


def connections() -> str:
    """The file of the demo connections."""
    return str(RECIPES / "demo-connections.yaml")


PERSON = {"lastName": "LastName", "company": "Company"}
#: a Marketo program that Actions name
PROGRAM = {
    "name": "Fair of the chained",
    "type": "Event",
    "channel": "Fair",
    "progressionStatuses": [
        {"name": name, "step": 10 * place, "success": False}
        for place, name in enumerate(("Invited", "Registered"), start=1)
    ],
}
#: inactive until a test activates them
SLEEPING = [an_action("sleeper"), an_action("asleep")]
ACTIVE = [
    an_action("create", type="create"),
    an_action("update", type="update"),
    an_action("upsert"),
    an_action("inline", inline={"budget_seconds": 20}),
    an_action("inline-short", inline={"budget_seconds": 2}),
    an_action(
        "by-key",
        identifier={"column": "externalKey", "field": "External_Key__c"},
        mappings=columns(email="Email", externalKey="External_Key__c", **PERSON),
    ),
    an_action("newest", duplicate_record_rule={"order_by": "LastModifiedDate", "choose": "newest"}),
    an_action("oldest", duplicate_record_rule={"order_by": "CreatedDate", "choose": "oldest"}),
    an_action("once", deduplicate={"columns": ["email"]}),
    an_action("once-per-campaign", deduplicate={"columns": ["email", "campaign.id"]}),
    an_action(
        "statics",
        mappings=[
            *columns(email="Email", **PERSON),
            {"static": "Webinar", "to": "LeadSource"},
            {"static": 42, "to": "Lead_Score__c"},
            {"static": True, "to": "Opt_In__c"},
            {"static": False, "to": "IsUnreadByOwner"},
        ],
    ),
    an_action(
        "rules",
        time_zone="Pacific/Kiritimati",
        mappings=[
            *columns(email="Email", **PERSON),
            {"template": "{{firstName}} - {{lastName}}", "to": "Title"},
            {"template": "{{city}}{{token.Seat}}", "to": "City", "blank": "default", "default": "nowhere"},
            {"day": "today", "to": "Score_Date__c"},
            {"day": "tomorrow", "to": "Answer_01__c", "transforms": [{"type": "date_format", "format": "D MMM YYYY"}]},
            {
                "column": "phone",
                "to": "Phone",
                "transforms": [
                    {"type": "pattern_replace", "pattern": "(?i)^tel\\.?:? *", "by": ""},
                    {"type": "phone", "region": "US"},
                ],
            },
            {
                "column": "leadScore",
                "to": "Lead_Score__c",
                "transforms": [{"type": "number_parse", "decimal": ",", "thousands": "."}],
            },
        ],
        writeback=[{"template": "{{firstName}} is in Salesforce", "to": "leadbridgeStatus"}],
        results={
            "activity": "leadbridgeResult",
            "success": SUCCESS,
            "errored": ERROR,
            "mappings": [
                {"day": "today", "to": "salesforceId"},
                {"execution": "message", "to": "message", "blank": "default", "default": "fine"},
                {"template": "{{firstName}}{{phone}}", "to": "action", "transforms": [{"type": "hash"}]},
            ],
        },
    ),
    an_action(
        "fifty", mappings=[*columns(email="Email"), *({"column": f"token.{name}", "to": name} for name in FIFTY)]
    ),
    an_action(
        "texts",
        mappings=[
            *columns(email="Email", title="Title", phone="Phone", fax="Fax", notes="Description", **PERSON),
            {"column": "token.Event: Name & Place", "to": "Answer_01__c"},
        ],
    ),
    an_action(
        "qualified",
        conditions={"match": "all", "clauses": [{"column": "leadStatus", "operator": "equals", "value": "Qualified"}]},
    ),
    an_action("silent", writeback=None),
    an_action("status-back", writeback=[{"field": "Status", "to": "leadbridgeStatus"}]),
    an_action("retired"),
    an_action(
        "linked",
        activity={"type": "New Lead"},
        mappings=[
            *columns(email="Email", **PERSON),
            {"column": "activity.Form Name", "to": "Title"},
            {"template": "by {{activity.Source Type}}", "to": "LeadSource"},
        ],
        chained=[
            {
                "name": "event",
                "object": "Campaign",
                "type": "upsert",
                "on_failure": "stop",
                "match": [{"column": "token.my.Event", "to": "Name"}],
                "mappings": [{"template": "Made for {{company}}", "to": "Description"}],
            },
            {
                "name": "seat",
                "object": "CampaignMember",
                "type": "upsert",
                "match": [{"field": "Id", "to": "LeadId"}, {"field": "Id", "of": "event", "to": "CampaignId"}],
                "mappings": [{"static": "Responded", "to": "Status"}],
            },
        ],
        program_member={
            "program": PROGRAM["name"],
            "status": "Registered",
            "mappings": [
                {"field": "Id", "of": "seat", "to": "registrationCode"},
                {"column": "leadScore", "to": "seats"},
                {"template": "{{lastName}} comes", "to": "statusReason"},
            ],
        },
        writeback=[{"field": "Id", "to": "salesforceId"}, {"field": "Id", "of": "event", "to": "department"}],
    ),
]


def misshapen() -> list[Document]:
    """Actions that have not the shape of one."""
    return [an_action("bad-shape", name=" ", type="merge", colour="red"), an_action("Bad Id", mappings=[])]


def misnamed() -> Document:
    """An Action of the right shape that names what neither vendor has."""
    fields = an_action(
        "bad-fields",
        identifier={"column": "emial", "field": "Emial"},
        mappings=[
            {"column": "email", "to": "Email"},
            {"column": "lastName", "to": "Surname"},
            {"static": "many", "to": "NumberOfEmployees"},
            {"column": "company", "to": "CreatedDate"},
        ],
        writeback=[{"field": "Id", "to": "sfdcLeadId"}],
    )
    fields["results"]["activity"] = "noSuchActivity"
    return fields


def assert_mistakes_told(shapes: str, checks: str) -> None:
    """Every mistake of `misshapen` and of `misnamed` stands in what was said of them, with its place."""
    for member in ("name", "type", "colour"):
        assert f"error: action bad-shape: /{member}: " in shapes
    assert "error: action Bad Id: /id: " in shapes
    assert "error: action Bad Id: /mappings: " in shapes
    for where in (
        "/identifier/column: ",
        "/identifier/field: ",
        "/mappings/1/to: ",
        "/mappings/2/static: ",
        "/mappings/3/to: ",
        "LastName is required",
        "Company is required",
        "/writeback/0/to: ",
        "/results/activity: ",
    ):
        assert where in checks
    assert "Traceback" not in shapes + checks
