"""Actions that between them have every member that can be written."""

from typing import Any

from leadbridge.domain.connector import AnyAction
from tests.builders.actions import an_action, an_action_document
from tests.builders.connectors import a_connector, a_mail, a_merge, an_upsert, by_email

#: rules of several kinds, with values that are no texts
RULES = [
    {"type": "trim"},
    {"type": "lookup", "table": {"a=b": "c", "yes": True, "7": 7}, "otherwise": "default", "default": 0},
    {"type": "boolean", "true_words": ["ja", "1"], "false_words": ["nein"], "otherwise": "blank"},
    {"type": "truncate", "length": 20, "on": "word"},
]
CONDITIONS = {
    "match": "any",
    "clauses": [
        {"column": "leadScore", "operator": "between", "value": [1, 10]},
        {"column": "campaign.name", "operator": "equals", "value": "Spring", "type": "text"},
        {"match": "all", "clauses": [{"column": "email", "operator": "is_not_empty"}]},
    ],
}


def every_member() -> AnyAction:
    """One that writes to Salesforce."""
    document = an_action_document()
    told = [
        {"to": "leadStatus", "execution": "outcome", "blank": "skip"},
        {"to": "leadScore", "static": 7},
        {"to": "salesforceId", "field": "Id", "of": "task"},
    ]
    return an_action(
        id="every-member",
        name="Every member",
        description="Two\nlines",
        time_zone="Europe/Berlin",
        source=document["source"] | {"table": "program_members"},
        destination=document["destination"] | {"match_in": ["Contact", "Lead"], "duplicate_rules": "use_match"},
        further_identifiers=[{"column": "phone", "field": "Phone"}],
        type="upsert",
        duplicate_record_rule={"order_by": "Status", "choose": "first", "order": ["Working", "Open"]},
        deduplicate={"columns": ["email", "firstName"], "window_seconds": 60},
        mappings=[
            {"to": "Email", "column": "email", "transforms": RULES},
            {"to": "LastName", "template": "{{firstName}} x", "blank": "default", "default": "unknown"},
            {"to": "Flag__c", "static": True},
            {"to": "Day__c", "day": "today"},
        ],
        writeback=told,
        chained=[
            {
                "name": "task",
                "object": "Task",
                "type": "create",
                "after": "created",
                "on_failure": "stop",
                "duplicate_rules": "allow",
                "idempotency_field": "Key__c",
                "mappings": [{"to": "WhoId", "field": "Id"}],
            },
            {
                "name": "membership",
                "object": "CampaignMember",
                "type": "upsert",
                "match": [{"to": "LeadId", "field": "Id"}],
                "mappings": [{"to": "Task__c", "field": "Id", "of": "task"}],
            },
        ],
        conditions=CONDITIONS,
        results={
            "activity": "leadbridgeResult",
            "success": "Success",
            "errored": "Error",
            "not_processed": "Not",
            "execution_attribute": "executionId",
            "mappings": [{"to": "message", "execution": "message"}],
        },
        recovery={"webhook": "Person to Lead", "tolerance_seconds": 60},
        trial={"leads": [7, 8], "static_list": "Colleagues"},
        inline={"budget_seconds": 2.5},
        program_member={"program": 1001, "status": "Registered", "mappings": told[:1]},
        activity={"type": "Fill Out Form", "days": 3},
    )


def every_operation() -> list[AnyAction]:
    """Those at Marketo: each of the nine types."""
    rule: dict[str, Any] = {"order_by": "updatedAt", "choose": "newest"}
    found = by_email(add_if_missing=True)
    lists = {"person": found, "duplicate_record_rule": rule, "partition": "Default", "conditions": CONDITIONS}
    batch = {"count": 10, "seconds": 60, "bytes": 5_000}
    tokens = [{"to": "{{my.message}}", "template": "Hello {{firstName}}", "blank": "default", "default": "there"}]
    file = {"operation": "import_leads", "strategy": None, "list": 1001}
    return [
        a_connector("add", **lists, trial={"leads": [7]}),
        a_connector("add-batched", **lists, batch=batch),
        a_connector("remove", operation="remove_from_list", deduplicate={"columns": ["email"], "window_seconds": 60}),
        a_connector("remove-batched", operation="remove_from_list", list=7, batch={}),
        a_mail("mail", tokens=tokens, time_zone="Europe/Berlin"),
        an_upsert("upsert", partition="Default"),
        an_upsert("upsert-batched", batch=batch),
        a_merge("merge", in_crm=True),
        an_upsert("import", **file, batch=batch),
    ]
