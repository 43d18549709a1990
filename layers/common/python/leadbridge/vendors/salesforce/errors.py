"""Salesforce's codes and what each one asks for.

Source: SOAP API "Core data types" (StatusCode), REST API "Status codes and error responses"; clients'
fixtures for the HTTP statuses. Single calls say `errorCode`, rows of a collection say `statusCode`, the
words are the same. The code decides; the HTTP status only where no code can be read.
"""

from collections.abc import Mapping

from leadbridge.domain.records import Resolution
from leadbridge.vendors.http.rules import ErrorTable, Rule

# 25 calls of 20 s and more at the same time are the limit: a shorter pause frees none of them
_CONCURRENCY_SECONDS = 10.0


def _fatal(sentence: str) -> Rule:
    return Rule(resolution=Resolution.FATAL, sentence=sentence)


def _reject(sentence: str) -> Rule:
    return Rule(resolution=Resolution.REJECT, sentence=sentence)


def _fatal_unless_row(sentence: str) -> Rule:
    return Rule(resolution=Resolution.FATAL, sentence=sentence, at_record=Resolution.REJECT)


def _retry(sentence: str, wait_seconds: float = 1.0) -> Rule:
    return Rule(resolution=Resolution.RETRY, sentence=sentence, wait_seconds=wait_seconds)


def _uncertain(sentence: str) -> Rule:
    return Rule(resolution=Resolution.UNCERTAIN, sentence=sentence, wait_seconds=2.0)


def _split(sentence: str) -> Rule:
    return Rule(resolution=Resolution.SPLIT, sentence=sentence)


_LOCKED = _retry("the Salesforce record was locked by another change")
_CPU = _retry("automation in Salesforce took too long")
_SESSION = _retry("automation in Salesforce lost its session")
_INSIDE_AUTOMATION = {
    "UNABLE_TO_LOCK_ROW": _LOCKED,
    "CPU limit": _CPU,
    "CPU time limit": _CPU,
    "INVALID_SESSION": _SESSION,
}
_CONCURRENT = Rule(
    resolution=Resolution.RATE,
    sentence="Salesforce's limit of long calls at the same time is reached",
    wait_seconds=_CONCURRENCY_SECONDS,
)

CODES: Mapping[str, Rule] = {
    # sessions and limits
    "INVALID_SESSION_ID": Rule(
        resolution=Resolution.REAUTH,
        sentence="Salesforce refuses the session, also after a new login",
        by_text={
            "not valid for use with the REST API": _fatal("the Salesforce user or app may not use the REST API"),
            "Connected app is not attached to Agent": _fatal("the Salesforce app is not set up for this user"),
        },
    ),
    "REQUEST_LIMIT_EXCEEDED": Rule(
        resolution=_CONCURRENT.resolution,
        sentence=_CONCURRENT.sentence,
        wait_seconds=_CONCURRENT.wait_seconds,
        by_text={
            "TotalRequests": Rule(
                resolution=Resolution.QUOTA, sentence="Salesforce's calls of the last 24 hours are used up"
            )
        },
    ),
    "API_DISABLED_FOR_ORG": _fatal("this Salesforce edition or user has no API access"),
    "API_CURRENTLY_DISABLED": _retry("Salesforce's API is switched off for the moment", 60.0),
    "FUNCTIONALITY_NOT_ENABLED": _fatal("the feature is not enabled in this Salesforce org"),
    "TOO_MANY_APEX_REQUESTS": _retry("Salesforce is busy with other automation", 5.0),
    "STORAGE_LIMIT_EXCEEDED": _fatal("the Salesforce org's storage is full"),
    "LIMIT_EXCEEDED": _fatal("a limit of the Salesforce org is reached"),
    # the platform itself
    "SERVER_UNAVAILABLE": _uncertain("Salesforce is not available"),
    "UNKNOWN_EXCEPTION": _uncertain("Salesforce had an internal error"),
    "REQUEST_RUNNING_TOO_LONG": _uncertain("Salesforce did not finish the request in time"),
    "UNABLE_TO_LOCK_ROW": _LOCKED,
    # queries
    "QUERY_TIMEOUT": _retry("the query took Salesforce too long", 2.0),
    "QUERY_TOO_COMPLICATED": _fatal("the query is too complicated for Salesforce"),
    "OPERATION_TOO_LARGE": _split("the query touches more records than Salesforce allows this user"),
    "MALFORMED_QUERY": _fatal("Salesforce could not read the query"),
    "INVALID_QUERY_FILTER_OPERATOR": _fatal("Salesforce does not allow this comparison for the field"),
    "INVALID_QUERY_LOCATOR": _fatal("the position in the query result has expired"),
    "INVALID_REPLICATION_DATE": _reject("Salesforce no longer knows the changes of this time"),
    "EXCEEDED_ID_LIMIT": _split("more changes in this time than Salesforce lists"),
    # records that are not (or no longer) what we think
    "NOT_FOUND": _reject("the record or address does not exist in Salesforce or is not visible to us"),
    "ENTITY_IS_DELETED": _reject("the Salesforce record was deleted"),
    "INVALID_CROSS_REFERENCE_KEY": _reject("the Salesforce record referred to does not exist or is not visible"),
    "MALFORMED_ID": _reject("the value is no Salesforce id"),
    "INVALID_ID_FIELD": _reject("the value is no Salesforce id of this object"),
    "CANNOT_UPDATE_CONVERTED_LEAD": _reject("the Salesforce lead was converted"),
    "ENTITY_IS_LOCKED": _reject("the Salesforce record is locked by an approval"),
    "INVALID_OPERATION": _reject("Salesforce does not allow this for the record"),
    "INACTIVE_OWNER_OR_USER": _reject("the owner is no longer active in Salesforce"),
    # duplicates
    "DUPLICATES_DETECTED": _reject("a Salesforce duplicate rule found a similar record"),
    "DUPLICATE_VALUE": _reject("another Salesforce record has this value already"),
    "DUPLICATE_EXTERNAL_ID": _reject("several Salesforce records have this external id"),
    # fields and values
    "INVALID_FIELD": _fatal("a Salesforce field of the mapping does not exist or is not visible to us"),
    "INVALID_FIELD_FOR_INSERT_UPDATE": _fatal("a Salesforce field of the mapping may not be written by us"),
    "REQUIRED_FIELD_MISSING": _reject("a field that Salesforce requires has no value"),
    "STRING_TOO_LONG": _reject("a value is too long for its Salesforce field"),
    "INVALID_EMAIL_ADDRESS": _reject("Salesforce does not accept the e-mail address"),
    "NUMBER_OUTSIDE_VALID_RANGE": _reject("a number is too large for its Salesforce field"),
    "INVALID_TYPE_ON_FIELD_IN_RECORD": _reject("a value has the wrong type for its Salesforce field"),
    "JSON_PARSER_ERROR": _reject("Salesforce could not read a value"),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": _reject("a value is not in the Salesforce picklist"),
    "FIELD_INTEGRITY_EXCEPTION": _reject("a value does not fit to the other values of the Salesforce record"),
    "FIELD_FILTER_VALIDATION_EXCEPTION": _reject("a lookup filter in Salesforce refuses the value"),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": _reject("a validation rule in Salesforce refuses the record"),
    # automation
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Rule(
        resolution=Resolution.REJECT,
        sentence="automation or a missing permission in Salesforce refuses the record",
        by_text=_INSIDE_AUTOMATION,
    ),
    "CANNOT_EXECUTE_FLOW_TRIGGER": _retry("a flow in Salesforce failed", 5.0),
    "APEX_ERROR": _retry("automation in Salesforce failed", 5.0),
    # permissions (the families below hold the longer spellings)
    "INSUFFICIENT_ACCESS": _fatal_unless_row("our Salesforce user lacks a permission"),
    "TRANSFER_REQUIRES_READ": _fatal_unless_row("the new owner may not see the Salesforce record"),
    # innocent bystanders of another row's failure
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": _retry("another record of the same call failed"),
    "PROCESSING_HALTED": _retry("an earlier part of the same call failed"),
    # HTTP statuses without a readable code
    "http_300": _reject("several Salesforce records have this external id"),
    "http_401": Rule(resolution=Resolution.REAUTH, sentence="Salesforce refuses the session"),
    "http_403": _fatal("Salesforce refuses access"),
    "http_404": _reject("the record or address does not exist in Salesforce"),
    "http_410": _fatal("this version of Salesforce's API is retired"),
    "http_412": _reject("the Salesforce record was changed in between"),
    "http_414": _split("the address is longer than Salesforce takes"),
    "http_415": _fatal("Salesforce refused the content type"),
    "http_420": _uncertain("Salesforce's edge found no way to the org"),
    "http_429": Rule(resolution=Resolution.RATE, sentence="Salesforce's edge asks for a pause", wait_seconds=5.0),
    "http_431": _split("address and headers are longer than Salesforce takes"),
    "http_500": _uncertain("Salesforce's server failed"),
    "http_502": _uncertain("Salesforce's gateway failed"),
    "http_503": _uncertain("Salesforce is not available"),
    "http_504": _uncertain("Salesforce's gateway timed out"),
    # our own words for answers that are none
    "bad_envelope": Rule(
        resolution=Resolution.UNCERTAIN, sentence="Salesforce's answer could not be read", documented=False
    ),
}

FAMILIES: Mapping[str, Rule] = {
    "INSUFFICIENT_ACCESS": CODES["INSUFFICIENT_ACCESS"],
    "TXN_SECURITY_": _fatal_unless_row("a Salesforce security policy refuses this"),
}

DEFAULT = Rule(
    resolution=Resolution.FATAL,
    sentence="Salesforce answered with a code we do not know",
    documented=False,
    at_record=Resolution.REJECT,
)
TABLE = ErrorTable(codes=CODES, default=DEFAULT, families=FAMILIES)
