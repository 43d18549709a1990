"""The closed lists that say what became of an event: states, outcomes, reasons, and their sentences."""

from collections.abc import Mapping
from enum import StrEnum


class Outcome(StrEnum):
    """What became of one accepted event; every event ends in exactly one of these."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    DUPLICATE = "duplicate"
    SUPERSEDED = "superseded"
    FAILED = "failed"
    DECIDED = "decided"


#: outcomes after which the destination holds what the event asked for
WRITTEN = frozenset({Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED})


class State(StrEnum):
    """Where an execution stands. Only an ended one has an outcome."""

    WAITING = "waiting"  # durable, not begun or to be begun again at its due time
    WRITING = "writing"  # the intent to write is recorded; the vendor may or may not have it
    REPORTING = "reporting"  # the destination has answered; write-back and activity are outstanding
    PARKED = "parked"  # waits for a person or for a quota; `redrive` brings it back
    ENDED = "ended"
    REJECTED = "rejected"  # the body could not be used; counted beside the outcomes
    NOT_RUN = "not_run"  # a readable call that was not to run (Action not active)


#: states in which a payload is kept, so that `redrive` can run it
REDRIVABLE = frozenset({State.PARKED, State.REJECTED, State.NOT_RUN})


class Reason(StrEnum):
    """Why an execution has its outcome or state; vendor refusals use `<vendor>_<code>` instead."""

    CONDITION_NOT_MET = "condition_not_met"
    IDENTIFIER_MISSING = "identifier_missing"
    IDENTIFIER_INVALID = "identifier_invalid"
    NO_MATCH = "no_match"
    DUPLICATE_WINDOW = "duplicate_window"
    DUPLICATE_EVENT_ID = "duplicate_event_id"
    OVERTAKEN = "overtaken"
    AMBIGUOUS_MATCH = "ambiguous_match"
    VALUE_INVALID = "value_invalid"
    VALUE_MISSING = "value_missing"
    RULE_FAILED = "rule_failed"
    UNCERTAIN = "uncertain"
    UNKNOWN_VERSION = "unknown_version"
    ACTION_MISSING = "action_missing"
    WORKER_CRASHED = "worker_crashed"
    MAPPING_BROKEN = "mapping_broken"
    CONNECTION_DISABLED = "connection_disabled"
    NOT_ACTIVE = "not_active"
    BODY_TOO_LARGE = "body_too_large"
    BODY_NOT_JSON = "body_not_json"
    BODY_NOT_XML = "body_not_xml"
    BODY_NOT_FORM = "body_not_form"
    BODY_TOO_MANY = "body_too_many"
    CONTENT_TYPE_UNKNOWN = "content_type_unknown"
    BODY_TOO_DEEP = "body_too_deep"
    BODY_NOT_TEXT = "body_not_text"
    LEAD_MISSING = "lead_missing"
    LEAD_ID_INVALID = "lead_id_invalid"
    FIELD_INVALID = "field_invalid"


#: the one table of sentences for people, by reason; placeholders name facts that are never personal values
MESSAGES: Mapping[str, str] = {
    Reason.CONDITION_NOT_MET: "Skipped by a condition: {clause}.",
    Reason.IDENTIFIER_MISSING: (
        "Missing identifier: {field}. The person has no value in it, so no record can be matched."
    ),
    Reason.IDENTIFIER_INVALID: "Invalid identifier: the value in {field} is not a valid {type}.",
    Reason.NO_MATCH: "No match: no {object} has this value in {field}, and this Action only updates.",
    Reason.DUPLICATE_WINDOW: (
        "Duplicate: the same {fields} arrived within {seconds} seconds and is handled by execution {owner}."
    ),
    Reason.DUPLICATE_EVENT_ID: "Duplicate: the event id was already used by execution {owner}.",
    Reason.OVERTAKEN: "Superseded: a newer event of the same person was already written by this Action.",
    Reason.AMBIGUOUS_MATCH: (
        "Several {object} records match {field}: {candidates}. Nothing was written. "
        "Merge them or set a duplicate record rule."
    ),
    Reason.VALUE_INVALID: "The value of {column} cannot be written to {field}: {type} expected, {found} given.",
    Reason.VALUE_MISSING: (
        "Missing value: {column} is blank and the mapping to {field} requires it. Nothing was written. "
        "Fill it or change the mapping, then send the person again."
    ),
    Reason.RULE_FAILED: (
        "The rule {rule} cannot be applied to the value of {column} for {field}: {type} expected, {found} given. "
        "Nothing was written. Correct the value or the rule, then send the person again."
    ),
    Reason.UNCERTAIN: (
        "Salesforce did not answer and several new records could be this one: {candidates}. "
        "Nothing was repeated; check them."
    ),
    Reason.UNKNOWN_VERSION: (
        "Parked: written by a newer version of Leadbridge ({version}). Deploy that version, then redrive."
    ),
    Reason.ACTION_MISSING: "Parked: the Action {action} no longer exists. Apply it again, then redrive.",
    Reason.WORKER_CRASHED: "Parked: the worker died twice while it ran this event. Look at its log, then redrive.",
    Reason.MAPPING_BROKEN: (
        "Parked: the Action no longer fits the destination: {detail}. Correct and apply the Action, then redrive."
    ),
    Reason.CONNECTION_DISABLED: (
        "Parked: the connection {connection} is disabled. Enable it; within five minutes the call goes on by itself."
    ),
    Reason.NOT_ACTIVE: "The Action was not active when the call arrived. Activate it, then redrive to run the call.",
    Reason.BODY_TOO_LARGE: "The body is larger than {limit} bytes. Send only the values that the Action uses.",
    Reason.BODY_NOT_JSON: "The body is not valid JSON: {detail}. Check the payload template of the webhook.",
    Reason.BODY_NOT_XML: "The body is not XML that is read here: {detail}. Check the payload template of the webhook.",
    Reason.BODY_NOT_FORM: (
        "The form or query string cannot be read: {detail}. Check the payload template or the URL of the webhook."
    ),
    Reason.BODY_TOO_MANY: "The body has more than {limit} values. Send only those that the Action uses.",
    Reason.CONTENT_TYPE_UNKNOWN: (
        "A body of this content type is not read. Set the webhook's custom header Content-Type to application/json, "
        "application/xml or application/x-www-form-urlencoded."
    ),
    Reason.BODY_TOO_DEEP: "The body is nested deeper than {limit} levels. Check the payload template of the webhook.",
    Reason.BODY_NOT_TEXT: "The body is not UTF-8 text. Send it as UTF-8, as Marketo does, under no other name.",
    Reason.LEAD_MISSING: (
        "The call has no lead: the object `lead` in JSON, the element `lead` in XML, the name `lead.id` in a form or a "
        "query string. Correct the payload template or the URL of the webhook."
    ),
    Reason.LEAD_ID_INVALID: (
        "`lead.id` must be the Marketo lead id (the token lead.Id): a whole number, or its digits in a string."
    ),
    Reason.FIELD_INVALID: "`{field}` must be {expected}.",
    "vendor_refused": "{vendor} refused the record: {code} {detail}.",
    "vendor_waiting": "Waiting for {vendor}: {code} {detail}.",
    "vendor_quota": "Parked until {until}: {vendor} has no calls left: {code} {detail}.",
    "vendor_login": "Parked until {until}: {vendor} refuses the login: {code} {detail}. Repair the connection.",
    "vendor_parked": "Parked: {vendor} answered {code} {detail}. Repair the cause, then redrive.",
    "vendor_uncertain": (
        "The answer of {vendor} was lost. It is asked what became of the record before anything is repeated."
    ),
}


def message(reason: str, **facts: object) -> str:
    """The sentence for `reason`, filled with `facts`; missing facts are a fault of the caller.

    A fact that is a sentence itself (a vendor's code explained, with its remedy) loses its stop, ours follows it.
    """
    return MESSAGES[reason].format(**{name: str(fact).removesuffix(".") for name, fact in facts.items()})
