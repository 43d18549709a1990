"""Marketo's codes and what each one asks for.

Source: Marketo REST API, "Error codes" (response level, record level, HTTP level); 1080 from "Leads", merge.
Codes are text. The same 10xx code occurs at both levels, hence one table for both.
"""

from collections.abc import Mapping

from leadbridge.domain.records import Resolution
from leadbridge.vendors.http.rules import ErrorTable, Rule

# calls per rolling window of 20 s; foreign calls fill it too, so only a whole window is a safe wait
RATE_WINDOW_SECONDS = 20.0


def _fatal(sentence: str) -> Rule:
    return Rule(resolution=Resolution.FATAL, sentence=sentence)


def _reject(sentence: str) -> Rule:
    return Rule(resolution=Resolution.REJECT, sentence=sentence)


def _retry(sentence: str, wait_seconds: float = 1.0) -> Rule:
    return Rule(resolution=Resolution.RETRY, sentence=sentence, wait_seconds=wait_seconds)


def _uncertain(sentence: str) -> Rule:
    return Rule(resolution=Resolution.UNCERTAIN, sentence=sentence, wait_seconds=2.0)


def _split(sentence: str) -> Rule:
    return Rule(resolution=Resolution.SPLIT, sentence=sentence)


def _ok(sentence: str) -> Rule:
    return Rule(resolution=Resolution.OK, sentence=sentence)


def _reauth(sentence: str) -> Rule:
    return Rule(resolution=Resolution.REAUTH, sentence=sentence)


def _quota(sentence: str) -> Rule:
    return Rule(resolution=Resolution.QUOTA, sentence=sentence)


_EXPORT_QUEUE_FULL = _retry("Marketo's export queue is full", 60.0)

CODES: Mapping[str, Rule] = {
    # HTTP level
    "http_401": _reauth("Marketo refused the credentials"),
    "http_403": _fatal("Marketo refused access"),
    "http_404": _reject("Marketo does not know this address or record"),
    "http_413": _split("the request is larger than Marketo takes"),
    "http_414": _split("the address is longer than Marketo takes"),
    "http_429": Rule(
        resolution=Resolution.RATE,
        sentence="Marketo's edge asks for a pause",
        wait_seconds=RATE_WINDOW_SECONDS,
        wait_grows=False,
    ),
    "http_500": _uncertain("Marketo's server failed"),
    "http_502": _uncertain("Marketo's gateway failed"),
    "http_503": _uncertain("Marketo is not available"),
    "http_504": _uncertain("Marketo's gateway timed out"),
    # response level: nothing was executed, except where the outcome is uncertain
    "500": _retry("Marketo had a server error", 2.0),
    "502": _uncertain("Marketo's gateway timed out"),
    "600": _reauth("no access token was sent"),
    "601": _reauth("Marketo says the access token is invalid, also after a new login"),
    "602": _reauth("Marketo says the access token has expired, also after a new login"),
    "603": _fatal("the Marketo API user lacks the permission, or our address is not on the allow-list"),
    "604": _uncertain("Marketo did not finish the request in time"),
    "605": _fatal("Marketo does not offer this method here"),
    "606": Rule(
        resolution=Resolution.RATE,
        sentence="Marketo's limit of calls per 20 seconds is reached",
        wait_seconds=RATE_WINDOW_SECONDS,
        wait_grows=False,
    ),
    "607": _quota("Marketo's daily call quota is used up"),
    "608": _retry("Marketo's API is temporarily not available", 2.0),
    "609": _fatal("Marketo could not read the JSON body"),
    "610": _fatal("Marketo does not know this address"),
    "611": _retry("Marketo had a system error", 2.0),
    "612": _fatal("Marketo refused the content type"),
    "613": _fatal("Marketo could not read the multipart body"),
    "614": _retry("the Marketo subscription cannot be reached", 5.0),
    "615": Rule(
        resolution=Resolution.RATE,
        sentence="Marketo's limit of calls at the same time is reached",
        wait_seconds=1.0,
    ),
    "616": _fatal("this Marketo subscription does not include the feature"),
    "701": _reject("a field that must not be blank is blank"),
    "702": _ok("Marketo found no data"),
    "703": _fatal("the feature is not enabled in this Marketo subscription"),
    "704": _fatal("Marketo could not read a date"),
    "709": _reject("a Marketo business rule forbids this"),
    "710": _fatal("the Marketo folder does not exist"),
    "711": _fatal("the Marketo folder has the wrong type"),
    "712": _reject("these people cannot be merged (person account)"),
    "713": _retry("Marketo had a passing error", 2.0),
    "714": _reject("these people cannot be merged (no default record type)"),
    "718": _reject("the sales person is not known in Marketo yet"),
    "719": _retry("Marketo waited too long for a lock", 5.0),
    # record level (several of them also at response level)
    "1001": _reject("a value has the wrong type for its Marketo field"),
    "1002": _reject("a required value is missing"),
    "1003": Rule(
        resolution=Resolution.REJECT,
        sentence="Marketo does not accept the value or the request",
        by_text={"too many results": _split("more people match the filter than Marketo returns")},
    ),
    "1004": _reject("the person does not exist in Marketo (deleted or merged)"),
    "1005": _reject("the person exists in Marketo already"),
    "1006": _fatal("Marketo does not know a field of the mapping"),
    "1007": _reject("several Marketo people match the identifier"),
    "1008": _fatal("the API user has no access to the lead partition"),
    "1009": _fatal("the lead partition must be named"),
    "1010": _reject("the person cannot be moved to another partition"),
    "1011": _fatal("Marketo does not allow this field as identifier or filter"),
    "1012": _reject("Marketo does not know the cookie"),
    "1013": _reject("the record does not exist in Marketo"),
    "1014": _retry("Marketo could not create the record"),
    "1015": _ok("the person is not a member of the list"),
    "1016": _retry("Marketo has too many imports queued", 60.0),
    "1017": _reject("the record exists in Marketo already"),
    "1018": _fatal("this object is read-only because Marketo's own CRM sync is on"),
    "1019": _retry("the Marketo list is being imported to", 60.0),
    "1020": _quota("Marketo's daily limit of cloned programs is reached"),
    "1021": _reject("company fields of a linked person cannot be changed here"),
    "1022": _reject("the record is in use by others"),
    "1025": _fatal("the program status does not exist in Marketo"),
    "1026": _fatal("custom objects are not enabled in this Marketo subscription"),
    "1027": _fatal("the limit of custom activity types is reached"),
    "1028": _fatal("the limit of custom activity attributes is reached"),
    "1029": Rule(
        resolution=Resolution.RETRY,
        sentence=_EXPORT_QUEUE_FULL.sentence,
        wait_seconds=_EXPORT_QUEUE_FULL.wait_seconds,
        by_text={
            "daily quota": _quota("Marketo's daily export quota is used up"),
            "already queued": _ok("the export is queued already"),
        },
    ),
    "1035": _fatal("this Marketo subscription does not offer the export filter"),
    "1036": _reject("the same record occurs twice in one call"),
    "1037": _ok("the person is in this status or past it already, or not in the program"),
    "1042": _fatal("the run date is too far in the future"),
    "1048": _reject("the draft of the custom object could not be discarded"),
    "1049": _reject("the attributes of the custom activity are too large"),
    "1076": _reject("Marketo could not merge these people in the CRM"),
    "1077": _reject("Marketo could not merge these people, a value is too long"),
    "1078": _reject("Marketo could not merge these people, one was deleted"),
    "1079": _reject("Marketo could not merge these people, their addresses conflict"),
    "1080": _split("more people to merge than Marketo takes in one call"),
    # our own words for answers that are none
    "bad_envelope": Rule(
        resolution=Resolution.UNCERTAIN, sentence="Marketo's answer could not be read", documented=False
    ),
}

DEFAULT = Rule(
    resolution=Resolution.FATAL,
    sentence="Marketo answered with a code we do not know",
    documented=False,
    at_record=Resolution.REJECT,
)
TABLE = ErrorTable(codes=CODES, default=DEFAULT)
