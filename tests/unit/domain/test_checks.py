"""Documents against Describe of both sides: every finding names the member and the remedy."""

import copy
from typing import Any

import pytest

from leadbridge.domain.checks import check_action
from leadbridge.domain.records import CustomActivityType, ObjectDescription
from tests.builders.actions import an_action, an_action_document
from tests.builders.descriptions import a_field, a_result_activity, a_salesforce_lead, marketo_leads

ACTIVITY = a_result_activity()


def findings(
    *, org: ObjectDescription | None = None, activity: CustomActivityType | None = ACTIVITY, **changes: Any
) -> list[str]:
    """What is wrong with the valid Action after changes."""
    return check_action(
        an_action(**changes),
        leads=marketo_leads(),
        destination=org or a_salesforce_lead(),
        activity=activity,
    )


def mappings_and(*more: dict[str, Any]) -> list[dict[str, Any]]:
    """The valid mappings, and more."""
    return [*an_action_document()["mappings"], *more]


def results_with(**changes: Any) -> dict[str, Any]:
    """The valid results, changed."""
    results: dict[str, Any] = copy.deepcopy(an_action_document()["results"])
    return results | changes


def test_a_sound_action_has_no_findings() -> None:
    """The builder's Action fits the builder's vendors."""
    assert findings() == []


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        (
            {"identifier": {"column": "email", "field": "Emial"}},
            "identifier.field: Lead has no field Emial; did you mean Email?",
        ),
        (
            {"identifier": {"column": "emial", "field": "Email"}},
            "identifier.column: the Marketo lead has no field emial; did you mean email?",
        ),
        (
            {"mappings": mappings_and({"column": "phone", "to": "Phon"})},
            "mappings[5].to: Lead has no field Phon; did you mean Phone?",
        ),
        (
            {"mappings": mappings_and({"column": "phone", "to": "Qqqqqq"})},
            "mappings[5].to: Lead has no field Qqqqqq; correct the name or add the field",
        ),
        (
            {"mappings": mappings_and({"column": "fone", "to": "Phone"})},
            "mappings[5].column: the Marketo lead has no field fone; did you mean phone?",
        ),
        (
            {"mappings": mappings_and({"column": "phone", "to": "Id"})},
            "mappings[5].to: Id is set by Salesforce itself; remove the mapping",
        ),
        (
            {"mappings": mappings_and({"column": "phone", "to": "CreatedDate"})},
            "mappings[5].to: CreatedDate is set by Salesforce itself; remove the mapping",
        ),
        (
            {"mappings": mappings_and({"static": "many", "to": "NumberOfEmployees"})},
            "mappings[5].static: NumberOfEmployees takes a whole number, a text of 4 characters given",
        ),
        (
            {
                "mappings": mappings_and(
                    {"column": "score", "to": "NumberOfEmployees", "blank": "default", "default": "none"}
                )
            },
            "mappings[5].default: NumberOfEmployees takes a whole number, a text of 4 characters given",
        ),
        (
            {"mappings": [mapping for mapping in mappings_and() if mapping["to"] != "Company"]},
            "mappings: Lead.Company is required to create a record; map it or give it a static value",
        ),
        (
            {"destination": {"connection": "s", "object": "Lead", "idempotency_field": "Leadbrige__c"}},
            "destination.idempotency_field: Lead has no field Leadbrige__c; did you mean Leadbridge__c?",
        ),
        (
            {"destination": {"connection": "s", "object": "Lead", "idempotency_field": "Title"}},
            "destination.idempotency_field: Title must be a unique External Id field",
        ),
        (
            {"deduplicate": {"columns": ["email", "campain.name", "phnoe"]}},
            "deduplicate.columns[1]: the Marketo lead has no field campain.name; correct the name or add the field",
        ),
        (
            {"conditions": {"clauses": [{"column": "leadStatsu", "operator": "is_empty"}]}},
            "conditions.clauses[0].column: the Marketo lead has no field leadStatsu; did you mean leadStatus?",
        ),
        (
            {"writeback": [{"field": "Id", "to": "salesforceID"}]},
            "writeback[0].to: the Marketo lead has no field salesforceID; did you mean salesforceId?",
        ),
        (
            {"writeback": [{"field": "Id", "to": "id"}]},
            "writeback[0].to: Marketo does not let id be updated by API; choose another field",
        ),
        (
            {"writeback": [{"field": "Titel", "to": "title"}]},
            "writeback[0].field: Lead has no field Titel; did you mean Title?",
        ),
        (
            {"results": results_with(execution_attribute="execId")},
            "results.execution_attribute: the activity leadbridgeResult has no field execId; did you mean executionId?",
        ),
        (
            {"results": results_with(mappings=[{"static": "x", "to": "mesage"}])},
            "results.mappings[0].to: the activity leadbridgeResult has no field mesage; did you mean message?",
        ),
        (
            {"results": results_with(mappings=[{"static": "x", "to": "result"}])},
            "results.mappings[0].to: result is the primary attribute; `success` and `errored` fill it",
        ),
        (
            {"results": results_with(mappings=[{"column": "fone", "to": "message"}])},
            "results.mappings[0].column: the Marketo lead has no field fone; did you mean phone?",
        ),
    ],
    ids=lambda value: value.split(";")[0][:60] if isinstance(value, str) else "",
)
def test_a_mistake_is_found_and_the_remedy_named(changes: dict[str, Any], finding: str) -> None:
    """Each mistake gives a finding that names the Action, the member, and what to do."""
    assert f"action person-to-lead: {finding}" in findings(**changes)


def a_lead_with_short_fields() -> ObjectDescription:
    """An org whose titles are nine characters long."""
    return a_salesforce_lead(Title=a_field("Title", length=9))


@pytest.mark.parametrize(
    ("mapping", "finding"),
    [
        (
            {"template": "{{fristName}}", "to": "Title"},
            "mappings[5].template: the Marketo lead has no field fristName; did you mean firstName?",
        ),
        (
            {"column": "phone", "to": "Title", "transforms": [{"type": "concat", "after": "{{titel}}"}]},
            "mappings[5].transforms[0].after: the Marketo lead has no field titel; did you mean title?",
        ),
        (
            {"column": "phone", "to": "Title", "transforms": [{"type": "default", "template": "{{titel}}"}]},
            "mappings[5].transforms[0].template: the Marketo lead has no field titel; did you mean title?",
        ),
        (
            {"template": "Dear {{firstName", "to": "Title"},
            "mappings[5].template: every {{ needs a column's name and }} behind it; write",
        ),
        (
            {"column": "phone", "to": "Title", "transforms": [{"type": "pattern_replace", "pattern": "("}]},
            "mappings[5].transforms[0].pattern: cannot be read: missing ): (;",
        ),
        (
            {"column": "phone", "to": "Title", "transforms": [{"type": "trim"}, {"type": "hash"}]},
            "mappings[5].transforms[1].type: a hash has 64 characters, the field takes 9; choose a longer field",
        ),
        (
            {"day": "today", "to": "NumberOfEmployees"},
            "mappings[5].day: gives a date, and NumberOfEmployees takes a number; choose another field or another rule",
        ),
        (
            {"column": "phone", "to": "Birthday__c", "transforms": [{"type": "number_parse"}]},
            "mappings[5].transforms[0]: gives a number, and Birthday__c takes a date;",
        ),
        (
            {"column": "phone", "to": "HasOptedOutOfEmail", "transforms": [{"type": "phone"}]},
            "mappings[5].transforms[0]: gives a word, and HasOptedOutOfEmail takes true or false;",
        ),
        (
            {"day": "today", "to": "Title", "transforms": [{"type": "trim"}]},
            "mappings[5].transforms[0]: `trim` cannot be applied to a date; remove it, or put `date_format` before it",
        ),
        (
            {
                "column": "birthday",
                "to": "Title",
                "transforms": [{"type": "boolean"}, {"type": "date_format", "format": "DD"}],
            },
            "mappings[5].transforms[1]: `date_format` cannot be applied to true/false; remove it, or put `date_parse`",
        ),
        (
            {
                "column": "score",
                "to": "NumberOfEmployees",
                "transforms": [{"type": "lookup", "table": {"few": 5, "many": "500+"}}],
            },
            "mappings[5].transforms[0].table: NumberOfEmployees takes a whole number, a text of 4 characters given",
        ),
        (
            {
                "column": "score",
                "to": "NumberOfEmployees",
                "transforms": [{"type": "number_parse", "otherwise": "default", "default": "none"}],
            },
            "mappings[5].transforms[0].default: NumberOfEmployees takes a whole number, a text of 4 characters given",
        ),
        (
            {"static": True, "to": "NumberOfEmployees"},
            "mappings[5].static: NumberOfEmployees takes a whole number, true/false given",
        ),
    ],
    ids=lambda value: value.split(";")[0][:60] if isinstance(value, str) else "",
)
def test_a_mistake_in_a_source_is_found_where_it_stands(mapping: dict[str, Any], finding: str) -> None:
    """Templates, rules, days and tables are checked against both sides before anything runs."""
    found = findings(mappings=mappings_and(mapping), org=a_lead_with_short_fields())

    assert any(each.startswith(f"action person-to-lead: {finding}") for each in found), found


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        (
            {"time_zone": "Europe/Berlni"},
            "time_zone: there is no time zone Europe/Berlni; did you mean Europe/Berlin?",
        ),
        (
            {"writeback": [{"template": "{{titel}}", "to": "title"}]},
            "writeback[0].template: the Marketo lead has no field titel; did you mean title?",
        ),
        (
            {"writeback": [{"field": "Id", "to": "title", "blank": "fail"}]},
            "writeback[0].blank: `fail` cannot be done here; choose one of skip, clear, default",
        ),
        (
            {"writeback": [{"field": "Id", "to": "title", "transforms": [{"type": "truncate"}]}]},
            "writeback[0].transforms[0].length: the length of the field is not known; give one",
        ),
        (
            {"results": results_with(mappings=[{"column": "email", "to": "message", "blank": "clear"}])},
            "results.mappings[0].blank: `clear` cannot be done here; choose one of skip, default",
        ),
        (
            {
                "results": results_with(
                    mappings=[{"day": "today", "to": "message", "transforms": [{"type": "date_format", "format": "x"}]}]
                )
            },
            "results.mappings[0].transforms[0].format: x is no part of a date; letters that stay stand in brackets,",
        ),
    ],
    ids=lambda value: value.split(";")[0][:60] if isinstance(value, str) else "",
)
def test_zone_write_back_and_results_are_checked_alike(changes: dict[str, Any], finding: str) -> None:
    """What stands in other places than the mappings is found with its own place."""
    found = findings(**changes)

    assert any(each.startswith(f"action person-to-lead: {finding}") for each in found), found


def test_sound_sources_and_rules_have_no_findings() -> None:
    """Every source, and rules that fit each other and the field, are accepted."""
    sound: list[dict[str, Any]] = [
        {"day": "today", "to": "Birthday__c"},
        {"day": "today", "to": "LastSeen__c"},
        {"day": "today", "to": "Title", "transforms": [{"type": "date_format", "format": "D MMM"}]},
        {"template": "{{campaign.name}}", "to": "Phone", "transforms": [{"type": "phone", "region": "US"}]},
        {"column": "score", "to": "NumberOfEmployees", "transforms": [{"type": "lookup", "table": {"few": 5}}]},
        {"column": "score", "to": "AnnualRevenue", "transforms": [{"type": "number_parse"}]},
        {"static": "1.5", "to": "Number__c", "transforms": [{"type": "number_parse"}]},
    ]

    assert findings(mappings=mappings_and(*sound), time_zone="Asia/Tokyo") == []


def test_an_object_that_cannot_be_written_is_refused() -> None:
    """An object that may neither be created nor updated is no destination."""
    fields = a_salesforce_lead().fields
    read_only = ObjectDescription(name="LeadHistory", fields=fields, createable=False, updateable=False)

    assert any("LeadHistory cannot be written" in finding for finding in findings(org=read_only))


def test_a_field_that_may_not_be_written_is_refused() -> None:
    """A field that neither creation nor update may set is refused, one that only creation may set is not."""
    formula = a_salesforce_lead(Title=a_field("Title", createable=False, updateable=False))
    once = a_salesforce_lead(Title=a_field("Title", createable=True, updateable=False))
    changes: dict[str, Any] = {"mappings": mappings_and({"column": "title", "to": "Title"})}

    assert any("Title is set by Salesforce itself" in one for one in findings(org=formula, **changes))
    assert findings(org=once, **changes) == []


def test_an_update_needs_no_required_fields() -> None:
    """An Action that only updates need not map what a creation requires."""
    assert findings(type="update", mappings=[{"column": "phone", "to": "Phone"}]) == []


def test_an_activity_that_is_not_there_is_told_alone() -> None:
    """Without the custom activity type its attributes are not judged; the remedy is told."""
    (finding,) = findings(activity=None)

    assert finding.endswith("no approved custom activity type leadbridgeResult; create and approve it first")


@pytest.mark.parametrize("column", ["id", "program", "program.name", "campaign.name", "token.x", "token.{{my.x}}"])
def test_columns_beside_the_lead_are_known(column: str) -> None:
    """The lead's id and the members of campaign, program and token can be columns."""
    assert findings(mappings=mappings_and({"column": column, "to": "Phone"})) == []


def test_all_findings_come_together() -> None:
    """An Action that is wrong in five places gets five findings at once."""
    found = findings(
        identifier={"column": "emial", "field": "Emial"},
        mappings=mappings_and({"column": "fone", "to": "Phone"}),
        writeback=[{"field": "Id", "to": "salesforceID"}],
        results=results_with(mappings=[{"static": "x", "to": "mesage"}]),
    )

    assert [finding.split(": ")[1] for finding in found] == [
        "identifier.field",
        "identifier.column",
        "mappings[5].column",
        "writeback[0].to",
        "results.mappings[0].to",
    ]
