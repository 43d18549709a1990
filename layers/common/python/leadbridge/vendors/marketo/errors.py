"""Marketo's codes: what each one means, what it asks for, and what a person does about it.

Source: Marketo REST API, "Error codes" (response level, record level, HTTP level); 1080 from "Leads", merge.
Codes are text. The same 10xx code occurs at both levels, hence one table for both. `docs/errors.md` is made from it.
"""

from collections.abc import Mapping
from functools import partial

from leadbridge.domain.records import Resolution
from leadbridge.vendors.http.rules import ErrorTable, Rule, fatal, fatal_unless_row, reject, retry, split, uncertain

# calls per rolling window of 20 s; foreign calls fill it too, so only a whole window is a safe wait
RATE_WINDOW_SECONDS = 20.0
# a server error that is still there after this many runs (about ten minutes) is no hiccup
_SERVER_TRIES = 8

_BY_ITSELF = "Leadbridge goes on by itself; if it stays, look at Marketo's status page."
_WAITS = "Leadbridge waits and goes on by itself; if it happens often, see which other integrations call Marketo."
_AGAIN = "then send the person again."
_SUPPORT = "Report it with the execution id: this is a fault of the request, not of your data."
_LIST_OF_PERMISSIONS = "Give the API user's role the permission in Admin > Users & Roles, or add our addresses to the"

_retry = partial(retry, remedy=_BY_ITSELF)
_uncertain = partial(uncertain, remedy=_BY_ITSELF)


def _ok(sentence: str) -> Rule:
    return Rule(resolution=Resolution.OK, sentence=sentence, remedy="Nothing to do.")


def _reauth(sentence: str) -> Rule:
    return Rule(
        resolution=Resolution.REAUTH,
        sentence=sentence,
        remedy="Check the API user and its LaunchPoint service in Marketo's Admin, and store the secret again.",
    )


def _quota(sentence: str, remedy: str) -> Rule:
    return Rule(resolution=Resolution.QUOTA, sentence=sentence, remedy=remedy)


def _window(sentence: str) -> Rule:
    return Rule(
        resolution=Resolution.RATE,
        sentence=sentence,
        remedy=_WAITS,
        wait_seconds=RATE_WINDOW_SECONDS,
        wait_grows=False,
    )


CODES: Mapping[str, Rule] = {
    # HTTP level
    "http_401": _reauth("Marketo refused the credentials"),
    "http_403": fatal("Marketo refused access", f"{_LIST_OF_PERMISSIONS} allow-list."),
    "http_404": reject("Marketo does not know this address or record", "Check the address of the connection."),
    "http_413": split("the request is larger than Marketo takes", f"Shorten the longest values, {_AGAIN}"),
    "http_414": split("the address is longer than Marketo takes", f"Shorten the identifier, {_AGAIN}"),
    "http_429": _window("Marketo's edge asks for a pause"),
    "http_500": _uncertain("Marketo's server failed"),
    "http_502": _uncertain("Marketo's gateway failed"),
    "http_503": _uncertain("Marketo is not available"),
    "http_504": _uncertain("Marketo's gateway timed out"),
    # response level: nothing was executed, except where the outcome is uncertain
    "500": _retry("Marketo had a server error", 2.0, tries=_SERVER_TRIES),
    "502": _uncertain("Marketo's gateway timed out"),
    "600": _reauth("no access token was sent"),
    "601": _reauth("Marketo says the access token is invalid, also after a new login"),
    "602": _reauth("Marketo says the access token has expired, also after a new login"),
    "603": fatal(
        "the Marketo API user lacks the permission, or our address is not on the allow-list",
        f"{_LIST_OF_PERMISSIONS} IP allow-list.",
    ),
    "604": _uncertain("Marketo did not finish the request in time"),
    "605": fatal("Marketo does not offer this method here", _SUPPORT),
    "606": _window("Marketo's limit of calls per 20 seconds is reached"),
    "607": _quota(
        "Marketo's daily call quota is used up",
        "Leadbridge goes on after midnight US Central; if it happens often, buy calls or slow other integrations down.",
    ),
    "608": _retry("Marketo's API is temporarily not available", 2.0),
    "609": fatal("Marketo could not read the JSON body", _SUPPORT),
    "610": fatal("Marketo does not know this address", "Check the address of the connection (its Munchkin id)."),
    "611": Rule(
        resolution=Resolution.ISOLATE,
        sentence="Marketo had a system error",
        remedy=f"If it concerns one person only, correct odd values of that person, {_AGAIN}",
        wait_seconds=2.0,
    ),
    "612": fatal("Marketo refused the content type", _SUPPORT),
    "613": fatal("Marketo could not read the multipart body", _SUPPORT),
    "614": _retry(
        "the Marketo subscription cannot be reached",
        5.0,
        remedy="Leadbridge tries again by itself; if it stays, ask Marketo whether the subscription is active.",
        tries=_SERVER_TRIES,
    ),
    "615": Rule(
        resolution=Resolution.RATE,
        sentence="Marketo's limit of calls at the same time is reached",
        remedy=_WAITS,
    ),
    "616": fatal("this Marketo subscription does not include the feature", "Ask Marketo to include the feature."),
    "701": fatal_unless_row("a field that must not be blank is blank", f"Fill the field or map a value, {_AGAIN}"),
    "702": _ok("Marketo found no data"),
    "703": fatal("the feature is not enabled in this Marketo subscription", "Ask Marketo to enable the feature."),
    "704": fatal("Marketo could not read a date", "Correct the date format in the mapping."),
    "709": reject("a Marketo business rule forbids this", "Read Marketo's text, choose another name or state."),
    "710": fatal("the Marketo folder does not exist", "Name an existing folder."),
    "711": fatal("the Marketo folder has the wrong type", "Name a folder of the right type."),
    "712": reject("these people cannot be merged (person account)", "Merge them in the CRM."),
    "713": _retry("Marketo had a passing error", 2.0),
    "714": reject(
        "these people cannot be merged (no default record type)", "Give the CRM's profile a default record type."
    ),
    "718": reject("the sales person is not known in Marketo yet", f"Send the sales person first, {_AGAIN}"),
    "719": _retry("Marketo waited too long for a lock", 5.0),
    # record level (several of them also at response level)
    "1001": fatal_unless_row(
        "a value has the wrong type for its Marketo field", f"Correct the value or the mapping, {_AGAIN}"
    ),
    "1002": fatal_unless_row("a required value is missing", f"Fill the field or map a value, {_AGAIN}"),
    "1003": Rule(
        resolution=Resolution.REJECT,
        sentence="Marketo does not accept the value or the request",
        remedy=f"Read Marketo's text, correct the value or the mapping, {_AGAIN}",
        by_text={
            "too many results": split(
                "more people match the filter than Marketo returns", "Use a field that few people share a value of."
            )
        },
    ),
    "1004": reject(
        "the person does not exist in Marketo (deleted or merged)",
        "Look for the person under another id; a deleted one needs nothing.",
    ),
    "1005": reject("the person exists in Marketo already", "Use an Action that also updates."),
    "1006": fatal(
        "Marketo does not know a field of the mapping", "Correct the field's name in the mapping (its REST API name)."
    ),
    "1007": reject(
        "several Marketo people match the identifier",
        f"Merge them in Marketo or use an identifier that is unique, {_AGAIN}",
    ),
    "1008": fatal("the API user has no access to the lead partition", "Give the API user's role that partition."),
    "1009": fatal("the lead partition must be named", "Name the partition in the Action."),
    "1010": reject(
        "the person cannot be moved to another partition", "Move the person in Marketo or leave the partition out."
    ),
    "1011": fatal(
        "Marketo does not allow this field as identifier or filter", "Use e-mail address, id or a searchable field."
    ),
    "1012": reject("Marketo does not know the cookie", "Send a cookie of this Marketo instance, or none."),
    "1013": reject("the record does not exist in Marketo", "Look whether it was deleted or named otherwise."),
    "1014": _retry(
        "Marketo could not create the record",
        remedy=f"Leadbridge tries again a few times; if it failed, read Marketo's text, {_AGAIN}",
        tries=3,
    ),
    "1015": _ok("the person is not a member of the list"),
    "1016": _retry("Marketo has too many imports queued", 60.0),
    "1017": reject("the record exists in Marketo already", "Use an Action that also updates."),
    "1018": fatal(
        "this object is read-only because Marketo's own CRM sync is on",
        "Write it in the CRM; Marketo's sync copies it over.",
    ),
    "1019": _retry("the Marketo list is being imported to", 60.0),
    "1020": _quota(
        "Marketo's daily limit of cloned programs is reached", "Leadbridge goes on after midnight US Central."
    ),
    "1021": reject(
        "company fields of a linked person cannot be changed here", f"Leave company fields out of the mapping, {_AGAIN}"
    ),
    "1022": reject("the record is in use by others", f"Delete what uses it first, {_AGAIN}"),
    "1025": fatal("the program status does not exist in Marketo", "Use a status of the program's channel."),
    "1026": fatal(
        "custom objects are not enabled in this Marketo subscription", "Ask Marketo to enable custom objects."
    ),
    "1027": fatal("the limit of custom activity types is reached", "Delete a custom activity type in Marketo."),
    "1028": fatal(
        "the limit of custom activity attributes is reached", "Delete an attribute of the activity type in Marketo."
    ),
    "1029": Rule(
        resolution=Resolution.RETRY,
        sentence="Marketo's export queue is full",
        remedy=_BY_ITSELF,
        wait_seconds=60.0,
        by_text={
            "daily quota": _quota(
                "Marketo's daily export quota is used up",
                "Leadbridge goes on after midnight US Central; if it happens often, export less or buy volume.",
            ),
            "already queued": _ok("the export is queued already"),
        },
    ),
    "1035": fatal("this Marketo subscription does not offer the export filter", "Filter by creation date instead."),
    "1036": Rule(
        resolution=Resolution.SPLIT,
        sentence="the same record occurs twice in one call",
        remedy=f"Leadbridge sends them one after the other; if it failed, {_AGAIN}",
        tries=3,
        at_record=Resolution.RETRY,
    ),
    "1037": _ok("the person is in this status or past it already, or not in the program"),
    "1042": fatal("the run date is too far in the future", "Choose a date within Marketo's limit."),
    "1048": reject("the draft of the custom object could not be discarded", "Discard or approve the draft there."),
    "1049": reject("the attributes of the custom activity are too large", "Map fewer or shorter attributes."),
    "1076": reject("Marketo could not merge these people in the CRM", "Merge them in the CRM."),
    "1077": reject("Marketo could not merge these people, a value is too long", "Shorten it, then merge again."),
    "1078": reject("Marketo could not merge these people, one was deleted", "Nothing to merge any more."),
    "1079": reject(
        "Marketo could not merge these people, their addresses conflict", "Correct the addresses, then merge again."
    ),
    "1080": split("more people to merge than Marketo takes in one call", "Merge fewer people at once."),
    # our own words for answers that are none
    "bad_envelope": Rule(
        resolution=Resolution.UNCERTAIN,
        sentence="Marketo's answer could not be read",
        remedy=_BY_ITSELF,
        documented=False,
    ),
}

DEFAULT = Rule(
    resolution=Resolution.RETRY,
    sentence="Marketo answered with a code we do not know: {code}",
    remedy="Look it up in Marketo's documentation and tell us, so that it gets its place in the table.",
    tries=3,
    documented=False,
)
TABLE = ErrorTable(codes=CODES, default=DEFAULT)
