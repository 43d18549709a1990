"""Random Actions, persons and records for trying an Action: everything follows from the seed."""

import random
from dataclasses import dataclass
from typing import Any

from leadbridge.domain.action import Action
from tests.builders.actions import an_action_document
from tests.builders.chains import CAMPAIGN
from tests.builders.members import PROGRAM

type Members = dict[str, Any]

#: columns of a lead, and what a call may carry beside them
LEAD_COLUMNS = ("firstName", "lastName", "company", "phone", "title", "leadStatus", "score", "birthday", "externalId")
CALL_COLUMNS = ("campaign.name", "token.my.Gift", "program")
TEXT_FIELDS = ("FirstName", "Phone", "Title", "LeadSource", "Status")
TYPED_FIELDS = ("AnnualRevenue", "NumberOfEmployees", "HasOptedOutOfEmail", "Birthday__c", "LastSeen__c")
IDENTIFIERS = (("email", "Email"), ("externalId", "External__c"), ("score", "Number__c"))
BACK_FIELDS = ("salesforceId", "leadbridgeStatus", "title", "phone")
ZONES = (None, "America/Denver", "Asia/Kolkata", "Pacific/Auckland")
WORDS = ("Ada", "Zoë Ünï", "O'Dd-Quirke 🎈", "  spaced  out ", "true", "no", "7", "12.50", "2026-03-02", "Hot", "a;b;c")
BLANKS = (None, "", "   ")
USUAL: Members = {
    "email": ("person1@example.com", "Person1@Example.com "),
    "externalId": ("K-1", " k-1", "K-2"),
    "score": ("7", 7, "7.0", 12),
    "birthday": ("2026-03-01", "1999-12-31"),
}
DEFAULTS: Members = {"HasOptedOutOfEmail": True, "Birthday__c": "2026-01-31", "LastSeen__c": "2026-01-31T10:00:00Z"}
#: what a typed field is usually given
FITTING: Members = {
    "AnnualRevenue": {"column": "score"},
    "NumberOfEmployees": {"column": "score", "transforms": [{"type": "number_parse"}]},
    "HasOptedOutOfEmail": {"static": True},
    "Birthday__c": {"column": "birthday"},
    "LastSeen__c": {"day": "today"},
}
RULES: tuple[Members, ...] = (
    {"type": "trim"},
    {"type": "case", "to": "upper"},
    {"type": "collapse_spaces"},
    {"type": "replace", "find": "a", "by": "-"},
    {"type": "substring", "length": 3},
    {"type": "truncate", "length": 5},
    {"type": "lookup", "table": {"hot": "Working", "7": 70, "ada": None}, "otherwise": "keep"},
    {"type": "lookup", "table": {"hot": "Working"}, "otherwise": "blank"},
    {"type": "default", "value": "Fallback"},
    {"type": "number_parse"},
    {"type": "hash"},
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """An Action, the call of one person, and what the org held before."""

    action: Action
    payload: Members
    records: list[Members]
    #: the accounts that the org held, by name
    accounts: list[str]


def a_case(seed: int) -> Case:
    """A random case."""
    dice = random.Random(seed)
    column, field = dice.choice(IDENTIFIERS)
    lead = {name: _value(dice) for name in LEAD_COLUMNS}
    lead |= {name: dice.choice(values) for name, values in USUAL.items()}
    # now and then a value that identifies nobody, or fits no typed field
    lead |= {name: dice.choice(["x", *BLANKS]) for name in USUAL if dice.random() < 0.1}
    payload: Members = {"lead": {"id": 7} | {name: value for name, value in lead.items() if value is not None}}
    payload |= {"campaign": {"id": 1, "name": dice.choice(WORDS)}} if dice.random() < 0.5 else {}
    payload |= {"token": {"my.Gift": dice.choice(WORDS)}} if dice.random() < 0.5 else {}
    records = [_record(dice, number) for number in range(dice.choice([0, 0, 1, 1, 1, 2, 3]))]
    action = _action(dice, column, field)
    # what goes beyond the record is drawn apart, so that it changes nothing of the case
    more = random.Random(f"more {seed}")
    accounts = more.choices(WORDS, k=8)
    return Case(action=_with_more(more, action), payload=payload, records=records, accounts=accounts)


def _with_more(dice: random.Random, action: Action) -> Action:
    """The Action, maybe with chained objects and a program membership."""
    document = action.model_dump(mode="json", exclude_none=True)
    told: list[Members] = [{"execution": "chained"}, {"execution": "message"}]
    if action.type != "decide" and dice.random() < 0.8:
        links = [make(dice) for make in dice.sample([_task, _account], dice.choice([1, 2]))]
        links += [_seat(dice, [link["name"] for link in links])] if dice.random() < 0.5 else []
        document["chained"] = links
        told += [{"field": "Id", "of": link["name"]} for link in links]
    if dice.random() < 0.4:
        document["program_member"] = {"program": PROGRAM, "status": "Registered", "mappings": _member(dice, told)}
    if dice.random() < 0.4:
        document["writeback"] = [
            *(back for back in document["writeback"] if back["to"] != "title"),
            {"to": "title", "blank": dice.choice(["skip", "clear"])} | dice.choice(told),
        ]
        mapped = [each for each in document["results"]["mappings"] if each["to"] != "action"]
        document["results"]["mappings"] = [*mapped, {"to": "action"} | dice.choice(told)]
    return Action.model_validate(document)


def _run(dice: random.Random) -> Members:
    """When a chained object is run, and what its failure keeps from being run."""
    return {
        "after": dice.choice(["created", "updated", "both", "both"]),
        "on_failure": dice.choice(["continue", "stop"]),
    }


def _task(dice: random.Random) -> Members:
    mappings: list[Members] = [{"field": "Id", "to": "WhoId"}]
    mappings += [{"to": "Subject", "blank": "default", "default": "Call"} | _ruled(dice)]
    mappings += [
        {"to": "Description", "blank": dice.choice(["skip", "fail"]), "field": dice.choice(["Title", "Status"])}
    ]
    task = {"name": "task", "object": "Task", "type": "create", "mappings": mappings} | _run(dice)
    return task | ({"idempotency_field": "External__c"} if dice.random() < 0.5 else {})


def _account(dice: random.Random) -> Members:
    match = {"to": "Name", "column": dice.choice(["company", "title"])}
    mappings = [{"to": "Site", "blank": dice.choice(["skip", "clear", "fail"])} | _ruled(dice)]
    kind = dice.choice(["update", "upsert"])
    return {"name": "account", "object": "Account", "type": kind, "match": [match], "mappings": mappings} | _run(dice)


def _seat(dice: random.Random, earlier: list[str]) -> Members:
    match = [{"field": "Id", "to": "LeadId"}, {"static": CAMPAIGN, "to": "CampaignId"}]
    mappings: list[Members] = [{"to": "Note__c", "field": "Id", "of": dice.choice(earlier)}]
    mappings += [{"to": "Status", "static": "Responded"}]
    return {"name": "seat", "object": "CampaignMember", "type": "upsert", "match": match, "mappings": mappings} | _run(
        dice
    )


def _member(dice: random.Random, told: list[Members]) -> list[Members]:
    every: list[Members] = [
        {"to": "registrationCode"} | dice.choice([*told, {"execution": "salesforce_id"}, {"field": "Id"}]),
        {"to": "seats", "column": "score"},
        {"to": "statusReason", "template": "{{firstName}} of {{company}}"},
    ]
    return dice.sample(every, dice.choice([1, 2, 3]))


def _action(dice: random.Random, column: str, field: str) -> Action:
    mappings = [_mapping(dice, to) for to in (*TEXT_FIELDS, *TYPED_FIELDS) if to != field and dice.random() < 0.4]
    mappings += [{"column": column, "to": field}] if dice.random() < 0.6 else []
    mappings += [{"column": "lastName", "to": "LastName", "blank": "default", "default": "Unknown"}]
    mappings += [{"static": "Company", "to": "Company"}]
    changes: Members = {
        "identifier": {"column": column, "field": field},
        "type": dice.choice(["create", "update", "upsert", "upsert"]),
        "mappings": dice.sample(mappings, len(mappings)),
        "time_zone": dice.choice(ZONES),
        "writeback": [_back(dice, to) for to in BACK_FIELDS if dice.random() < 0.4],
    }
    if dice.random() < 0.5:
        orders = {"order_by": dice.choice(["CreatedDate", "LastModifiedDate"])}
        changes["duplicate_record_rule"] = orders | {"choose": dice.choice(["newest", "oldest"])}
    if dice.random() < 0.3:
        changes["conditions"] = _conditions(dice)
    if dice.random() < 0.3:
        changes["deduplicate"] = {"columns": dice.sample(["email", *LEAD_COLUMNS], 2)}
    document = an_action_document(**changes)
    if dice.random() < 0.3:
        others = [{"column": one, "field": other} for one, other in IDENTIFIERS if one != column]
        document["further_identifiers"] = dice.sample(others, dice.choice([1, 2]))
    if dice.random() < 0.3:
        told = [{"field": "LastName", "to": "action"}, {"execution": "outcome", "to": "outcome"}]
        mappings = [*document["results"]["mappings"], *dice.sample(told, dice.choice([1, 2]))]
        document["results"] = document["results"] | {"mappings": mappings}
    if dice.random() < 0.15:
        document |= {"type": "decide", "mappings": []}
    elif dice.random() < 0.2:
        document["destination"] = document["destination"] | {"idempotency_field": "Leadbridge__c"}
    return Action.model_validate(document)


def _source(dice: random.Random) -> Members:
    return dice.choice(
        [
            {"column": dice.choice([*LEAD_COLUMNS, *CALL_COLUMNS])},
            {"column": dice.choice(LEAD_COLUMNS)},
            {"static": dice.choice(["Webinar", 42, True, 1.5])},
            {"day": dice.choice(["today", "yesterday", "tomorrow"])},
            {"template": "{{firstName}} ({{campaign.name}}{{title}})"},
        ]
    )


def _ruled(dice: random.Random) -> Members:
    rules = dice.choices(RULES, k=dice.choice([0, 0, 1, 1, 2]))
    return _source(dice) | ({"transforms": rules} if rules else {})


def _mapping(dice: random.Random, to: str) -> Members:
    blank = dice.choice(["skip", "skip", "skip", "clear", "clear", "default", "default", "fail"])
    value = FITTING[to] if to in FITTING and dice.random() < 0.8 else _ruled(dice)
    return {"to": to, "blank": blank} | value | ({"default": DEFAULTS.get(to, "7")} if blank == "default" else {})


def _back(dice: random.Random, to: str) -> Members:
    known = {"field": dice.choice(["Id", "Id", "LastName", "AnnualRevenue", "Title"])}
    known = {"execution": dice.choice(["outcome", "decision", "salesforce_id"])} if dice.random() < 0.2 else known
    return {"to": to} | (known if dice.random() < 0.6 else _ruled(dice))


def _conditions(dice: random.Random) -> Members:
    clauses: list[Members] = [
        {"column": "leadStatus", "operator": dice.choice(["equals", "not_equals"]), "value": "Hot"},
        {"column": "score", "operator": "at_least", "value": 5},
        {"column": "title", "operator": dice.choice(["is_empty", "is_not_empty"])},
        {"column": "birthday", "operator": "in_last", "value": "7 days"},
        {"column": "email", "operator": "domain_in", "value": ["example.com"]},
    ]
    return {"match": dice.choice(["all", "any"]), "clauses": dice.sample(clauses, dice.choice([1, 2, 3]))}


def _record(dice: random.Random, number: int) -> Members:
    unique = {"External__c": "K-1", "Number__c": 7} if number == 0 else {}
    email = dice.choice(["person1@example.com", "person1@example.com", "another@example.com"])
    held: Members = {"Email": email, "LastName": "Before", "Company": "Before"} | unique
    return held | {name: dice.choice(["Before", "Ada", None]) for name in ("FirstName", "Title") if dice.random() < 0.5}


def _value(dice: random.Random) -> Any:
    return dice.choice([*WORDS, *WORDS, *BLANKS, 7, True])
