"""The closed lists that say what became of an event: states, outcomes, reasons, and their sentences."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
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


class RowOutcome(StrEnum):
    """What else becomes of a row of a Sync."""

    #: the record of a source record that was deleted, by the Sync's policy
    DELETED = "deleted"
    FLAGGED = "flagged"
    #: a call of an Action, which has an outcome of its own
    HANDED_OVER = "handed_over"


#: outcomes of rows whose source records were deleted
REMOVALS = frozenset({RowOutcome.DELETED, RowOutcome.FLAGGED})


#: outcomes after which the destination holds what the event asked for
WRITTEN = frozenset({Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED})
#: outcomes of what was left out: nothing was asked of the destination for it
NOT_PROCESSED = frozenset({Outcome.SKIPPED, Outcome.DUPLICATE, Outcome.SUPERSEDED})


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
    DUPLICATE_RECOVERED = "duplicate_recovered"
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
    FOUND = "found"
    NOT_FOUND = "not_found"
    LEAD_UNKNOWN = "lead_unknown"
    ACTIVITY_TYPE_MISSING = "activity_type_missing"
    CHAINED_FAILED = "chained_failed"
    TRIAL = "trial"
    TRIAL_LIST_MISSING = "trial_list_missing"
    ACTION_PAUSED = "action_paused"
    CONNECTION_PAUSED = "connection_paused"
    ALL_PAUSED = "all_paused"
    PERSON_UNKNOWN = "person_unknown"
    PERSONS_AMBIGUOUS = "persons_ambiguous"
    PERSON_OVERTAKEN = "person_overtaken"
    REQUESTED = "requested"
    REQUEST_UNCERTAIN = "request_uncertain"
    WINNER_CHANGED = "winner_changed"
    LIST_MISSING = "list_missing"
    CAMPAIGN_MISSING = "campaign_missing"
    IN_BATCH = "in_batch"
    IMPORTING = "importing"
    IMPORTED = "imported"
    IMPORT_WARNED = "import_warned"
    IMPORT_REFUSED = "import_refused"


def redrivable(item: Mapping[str, object]) -> bool:
    """Whether `redrive` can run an execution: it waits for that, or has ended with chained objects that failed."""
    state = State(str(item["state"]))
    return state in REDRIVABLE or (state is State.ENDED and item.get("reason") == Reason.CHAINED_FAILED)


@dataclass(frozen=True, slots=True)
class Words:
    """What is said of a reason: what happened, and what to do; placeholders name facts, never personal values."""

    sentence: str
    remedy: str
    #: whether the remedy goes with the sentence wherever that is told; of what is no fault only `show` says it
    told: bool = True

    @property
    def message(self) -> str:
        """The text that goes with an execution."""
        return f"{self.sentence} {self.remedy}" if self.told else self.sentence


#: the one table of sentences for people, by reason
WORDS: Mapping[str, Words] = {
    Reason.FOUND: Words("Found: one {object} is this person's.", "Nothing: the Action only looks.", told=False),
    Reason.NOT_FOUND: Words(
        "Not found: no {object} has the person's value in {field}.", "Nothing: the Action only looks.", told=False
    ),
    Reason.LEAD_UNKNOWN: Words(
        "Unknown person: Marketo has no person with the lead id of the call, so what the call left out cannot be read.",
        "Nothing, if the person was deleted or merged; otherwise send the person again.",
        told=False,
    ),
    Reason.CHAINED_FAILED: Words(
        "{outcome}, but a chained object failed. {links}.",
        "Correct what is named, then run it again: only the chained objects that failed, or were stopped by one, are "
        "written.",
        told=False,
    ),
    Reason.CONDITION_NOT_MET: Words(
        "Skipped by a condition: {clause}.",
        "Nothing, if the person is not meant to be sent; otherwise correct the person or the Action's conditions, "
        "then send the person again.",
        told=False,
    ),
    Reason.IDENTIFIER_MISSING: Words(
        "Missing identifier: {field}. The person has no value in it, so no record can be matched.",
        "Fill the field in Marketo, then send the person again; if the field is filled, look whether the webhook's "
        "payload template sends it.",
        told=False,
    ),
    Reason.IDENTIFIER_INVALID: Words(
        "Invalid identifier: the value in {field} is not a valid {type}.",
        "Correct the value in Marketo, then send the person again.",
        told=False,
    ),
    Reason.NO_MATCH: Words(
        "No match: no {object} has this value in {field}, and this Action only updates.",
        "Nothing, if the person is not meant to be added; otherwise set the Action's type to upsert, then send the "
        "person again.",
        told=False,
    ),
    Reason.DUPLICATE_WINDOW: Words(
        "Duplicate: the same {fields} arrived within {seconds} seconds and is handled by execution {owner}.",
        "Nothing: the other execution tells what became of the person. If both calls were meant, shorten the Action's "
        "window.",
        told=False,
    ),
    Reason.DUPLICATE_EVENT_ID: Words(
        "Duplicate: the event id was already used by execution {owner}.",
        "Nothing: the other execution tells what became of the call. A call that is new needs an event id of its own.",
        told=False,
    ),
    Reason.DUPLICATE_RECOVERED: Words(
        "Duplicate: the call came so late that it was taken for lost, and it was run as execution {owner}.",
        "Nothing: the other execution tells what became of the call.",
        told=False,
    ),
    Reason.OVERTAKEN: Words(
        "Superseded: a newer event of the same person was already written by this Action.",
        "Nothing: Salesforce has the newer values.",
        told=False,
    ),
    Reason.AMBIGUOUS_MATCH: Words(
        "Several {object} records match {field}: {candidates}. Nothing was written.",
        "Merge them or set a duplicate record rule.",
    ),
    Reason.VALUE_INVALID: Words(
        "The value of {column} cannot be written to {field}: {type} expected, {found} given.",
        "Correct the value in Marketo or add a rule to the mapping that makes it fit, then send the person again.",
        told=False,
    ),
    Reason.VALUE_MISSING: Words(
        "Missing value: {column} is blank and the mapping to {field} requires it. Nothing was written.",
        "Fill it or change the mapping, then send the person again.",
    ),
    Reason.RULE_FAILED: Words(
        "The rule {rule} cannot be applied to the value of {column} for {field}: {type} expected, {found} given. "
        "Nothing was written.",
        "Correct the value or the rule, then send the person again.",
    ),
    Reason.UNCERTAIN: Words(
        "Salesforce did not answer and several new records could be this one: {candidates}. "
        "Nothing was repeated; check them.",
        "Open the records in Salesforce and merge those of one person; if none of them is this person's, send the "
        "person again.",
        told=False,
    ),
    Reason.UNKNOWN_VERSION: Words(
        "Parked: written by a newer version of Leadbridge ({version}).", "Deploy that version, then redrive."
    ),
    Reason.ACTION_MISSING: Words("Parked: the Action {action} no longer exists.", "Apply it again, then redrive."),
    Reason.WORKER_CRASHED: Words(
        "Parked: the worker died twice while it ran this event.", "Look at its log, then redrive."
    ),
    Reason.MAPPING_BROKEN: Words(
        "Parked: the Action no longer fits the destination: {detail}.", "Correct and apply the Action, then redrive."
    ),
    Reason.ACTIVITY_TYPE_MISSING: Words(
        "Parked: Marketo has no activity type {type} any more, from which the Action takes values.",
        "Correct and apply the Action, then redrive.",
    ),
    Reason.CONNECTION_DISABLED: Words(
        "Kept back: the connection {connection} is disabled.",
        "Enable it; within five minutes the call goes on by itself.",
    ),
    Reason.NOT_ACTIVE: Words(
        "The Action was not active when the call arrived.", "Activate it, then redrive to run the call."
    ),
    Reason.BODY_TOO_LARGE: Words(
        "The body is larger than {limit} bytes.", "Send only the values that the Action uses."
    ),
    Reason.BODY_NOT_JSON: Words("The body is not valid JSON: {detail}.", "Check the payload template of the webhook."),
    Reason.BODY_NOT_XML: Words(
        "The body is not XML that is read here: {detail}.", "Check the payload template of the webhook."
    ),
    Reason.BODY_NOT_FORM: Words(
        "The form or query string cannot be read: {detail}.",
        "Check the payload template or the URL of the webhook.",
    ),
    Reason.BODY_TOO_MANY: Words(
        "The body has more than {limit} values, or people.",
        "Send only those that the Action uses; more people in several calls.",
    ),
    Reason.CONTENT_TYPE_UNKNOWN: Words(
        "A body of this content type is not read.",
        "Set the webhook's custom header Content-Type to application/json, application/xml or "
        "application/x-www-form-urlencoded.",
    ),
    Reason.BODY_TOO_DEEP: Words(
        "The body is nested deeper than {limit} levels.", "Check the payload template of the webhook."
    ),
    Reason.BODY_NOT_TEXT: Words(
        "The body is not UTF-8 text.", "Send it as UTF-8, as Marketo does, under no other name."
    ),
    Reason.LEAD_MISSING: Words(
        "The call has no lead: the object `lead` in JSON, the element `lead` in XML, the name `lead.id` in a form or a "
        "query string.",
        "Correct the payload template or the URL of the webhook.",
    ),
    Reason.LEAD_ID_INVALID: Words(
        "`lead.id` must be the Marketo lead id (the token lead.Id): a whole number, or its digits in a string.",
        "Correct the payload template of the webhook.",
        told=False,
    ),
    Reason.FIELD_INVALID: Words(
        "`{field}` must be {expected}.", "Correct the payload template of the webhook.", told=False
    ),
    Reason.TRIAL: Words(
        "Skipped: the Action is on trial, and the person is not one of those with whom it is tried.",
        "Nothing. To try it with this person, add the lead id to the Action's `trial` or the person to its list; "
        "`leadbridge activate` ends the trial.",
        told=False,
    ),
    Reason.TRIAL_LIST_MISSING: Words(
        "Parked: the Action is on trial with the members of the static list {list}, and Marketo has none of this "
        "name, or several.",
        "Make the list in Marketo, or name another one in the Action's `trial`, then redrive.",
    ),
    Reason.ACTION_PAUSED: Words(
        "Kept: the Action {action} is paused.",
        "Nothing: what waits runs, oldest first, after `leadbridge resume ACTION`.",
        told=False,
    ),
    Reason.CONNECTION_PAUSED: Words(
        "Kept: the connection {connection} is paused.",
        "Nothing: what waits runs, oldest first, after `leadbridge resume --connection NAME`.",
        told=False,
    ),
    Reason.ALL_PAUSED: Words(
        "Kept: all Actions are paused.",
        "Nothing: what waits runs, oldest first, after `leadbridge resume --all`.",
        told=False,
    ),
    Reason.PERSON_UNKNOWN: Words(
        "Lead not found: Marketo has no person with this value in {field}, and the Action adds none.",
        "Nothing, if the person is not meant to be added; otherwise set `add_if_missing`, then send the person again.",
        told=False,
    ),
    Reason.PERSONS_AMBIGUOUS: Words(
        "Several Marketo people have this value in {field}: {candidates}. Nothing was done.",
        "Merge them, or set a duplicate record rule, then send the person again.",
    ),
    Reason.PERSON_OVERTAKEN: Words(
        "Superseded: a newer event of the same person was already written by this Action.",
        "Nothing: Marketo has the newer values.",
        told=False,
    ),
    Reason.REQUESTED: Words(
        "Requested: Marketo took the person into the campaign.",
        "Nothing. Whether the e-mail goes out is decided by the campaign's flow and qualification rules; "
        "the person's activity log in Marketo tells.",
        told=False,
    ),
    Reason.REQUEST_UNCERTAIN: Words(
        "Marketo did not answer, and does not show whether it was done. Nothing was repeated.",
        "Look at the person in Marketo; if it was not done, send the person again.",
    ),
    Reason.WINNER_CHANGED: Words(
        "Merged, but the CRM changed the winner: {survivor} is left, {winner} is not. A contact in the CRM wins over "
        "a lead, whatever was asked for.",
        "Use the surviving id from now on.",
    ),
    Reason.LIST_MISSING: Words(
        "Parked: Marketo has no static list {list}, or several of this name.",
        "Make the list, or name another one, best by its id, in the Action, then redrive.",
    ),
    Reason.CAMPAIGN_MISSING: Words(
        "Parked: Marketo has no campaign {campaign}.",
        "Name another campaign, best by its id, in the Action, then redrive.",
    ),
    Reason.IN_BATCH: Words(
        "Waits for others, to go with them in one call: about {count} of {most} people are there. They go at {latest} "
        "at the latest, or when {missing} more have come.",
        "Nothing: they go by themselves.",
        told=False,
    ),
    Reason.IMPORTING: Words(
        "In a file: what became of the person is known when Marketo has imported the whole file ({file}).",
        "Nothing: the call ends by itself. A later call of a person whom the file holds goes into the next one.",
        told=False,
    ),
    Reason.IMPORTED: Words(
        "Imported: Marketo wrote the person's row. It does not tell whether that made the person or changed one.",
        "Nothing: it is as it was meant to be.",
        told=False,
    ),
    Reason.IMPORT_WARNED: Words(
        "Imported, with a warning of Marketo's: {detail}.",
        "Look whether the person is as meant; if not, correct what Marketo names, then send the person again.",
    ),
    Reason.IMPORT_REFUSED: Words(
        "Marketo did not import the person's row: {detail}.",
        "Correct what is named, then send the person again.",
    ),
    "marketo_benign": Words("Left as it was: {detail}.", "Nothing: it is as it was meant to be.", told=False),
    "marketo_left": Words(
        "Left alone by the Action's strategy: {detail}.",
        "Nothing, if that is meant; otherwise choose another strategy, then send the person again.",
        told=False,
    ),
    "vendor_refused": Words(
        "{vendor} refused the record: {code} {detail}.",
        "Correct what the vendor names, then send the person again.",
        told=False,
    ),
    "vendor_waiting": Words(
        "Waiting for {vendor}: {code} {detail}.", "Nothing: the call goes on by itself.", told=False
    ),
    "vendor_quota": Words(
        "Parked until {until}: {vendor} has no calls left: {code} {detail}.",
        "Nothing: the call goes on by itself.",
        told=False,
    ),
    "vendor_login": Words(
        "Parked until {until}: {vendor} refuses the login: {code} {detail}.", "Repair the connection."
    ),
    "vendor_given_up": Words(
        "Parked after {days} days of trying: {vendor} answered {code} {detail}.", "Repair the cause, then redrive."
    ),
    "vendor_parked": Words("Parked: {vendor} answered {code} {detail}.", "Repair the cause, then redrive."),
    "program_gone": Words(
        "Marketo has no program {program} any more, so the person is no member of it.",
        "Correct the Action's program_member; persons from before then are added in Marketo.",
    ),
    "member_overtaken": Words(
        "The fields of the membership were left to a newer call of this person.",
        "Nothing: the newer execution tells what became of them.",
        told=False,
    ),
    "vendor_uncertain": Words(
        "The answer of {vendor} was lost. It is asked what became of the record before anything is repeated.",
        "Nothing: the call goes on by itself.",
        told=False,
    ),
}
#: the texts that go with executions, by reason
MESSAGES: Mapping[str, str] = {str(reason): words.message for reason, words in WORDS.items()}


def message(reason: str, **facts: object) -> str:
    """The sentence for `reason`, filled with `facts`; missing facts are a fault of the caller.

    A fact that is a sentence itself (a vendor's code explained, with its remedy) loses its stop, ours follows it.
    """
    return MESSAGES[reason].format(**{name: str(fact).removesuffix(".") for name, fact in facts.items()})


def apart(reason: str, text: str, remedies: Iterable[str] = ()) -> tuple[str, str]:
    """What an execution's text says, as sentence and remedy.

    Of a vendor's codes its table has `remedies`; the code alone does not tell which of them was said.
    """
    words = WORDS.get(reason)
    vendors = () if words else (each.remedy for name, each in WORDS.items() if name.startswith("vendor_") and each.told)
    for remedy in (*([words.remedy] if words else ()), *vendors, *remedies):
        if text.endswith(remedy):
            return text.removesuffix(remedy).rstrip(), remedy
    return text, words.remedy if words else ""
