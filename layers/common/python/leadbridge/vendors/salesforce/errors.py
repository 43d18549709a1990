"""Salesforce's codes: what each one means, what it asks for, and what a person does about it.

Source: SOAP API "Core data types" (StatusCode), REST API "Status codes and error responses"; clients'
fixtures for the HTTP statuses. Single calls say `errorCode`, rows of a collection say `statusCode`, the
words are the same. The code decides; the HTTP status only where no code can be read. `docs/errors.md` is made from it.
"""

from collections.abc import Mapping
from functools import partial

from leadbridge.domain.records import Resolution
from leadbridge.vendors.http.rules import ErrorTable, Rule, fatal, fatal_unless_row, reject, retry, split, uncertain

# 25 calls of 20 s and more at the same time are the limit: a shorter pause frees none of them
_CONCURRENCY_SECONDS = 10.0

_BY_ITSELF = "Leadbridge goes on by itself; if it stays, look at Salesforce's status page."
_AGAIN = "then send the person again."
_SUPPORT = "Report it with the execution id: this is a fault of the request, not of your data."
_PERMISSION = "Ask the Salesforce administrator to give the integration user"
_OR_PERMISSION = "or ask the Salesforce administrator to give the integration user"

_retry = partial(retry, remedy=_BY_ITSELF)
_uncertain = partial(uncertain, remedy=_BY_ITSELF)

_LOCKED = _retry(
    "the Salesforce record was locked by another change",
    remedy=f"Leadbridge tries again a few times; if it failed, see which job or automation holds the record, {_AGAIN}",
)
_CPU = _retry(
    "automation in Salesforce took too long",
    remedy=f"Leadbridge tries again a few times; if it failed, ask the Salesforce administrator, {_AGAIN}",
)
# the row was rolled back with the automation; the client logs in anew and sends the row once more
_SESSION = Rule(
    resolution=Resolution.RETRY,
    sentence="automation in Salesforce lost its session",
    remedy="Leadbridge logs in again and goes on; if it stays, check the integration user and the session policy.",
    at_record=Resolution.REAUTH,
)
_INSIDE_AUTOMATION = {
    "UNABLE_TO_LOCK_ROW": _LOCKED,
    "CPU limit": _CPU,
    "CPU time limit": _CPU,
    "INVALID_SESSION": _SESSION,
}

CODES: Mapping[str, Rule] = {
    # sessions and limits
    "INVALID_SESSION_ID": Rule(
        resolution=Resolution.REAUTH,
        sentence="Salesforce refuses the session, also after a new login",
        remedy="Check the integration user and the session policy in Salesforce's Setup.",
        at_record=Resolution.REAUTH,  # the client logs in anew before the row is sent again
        by_text={
            "not valid for use with the REST API": fatal(
                "the Salesforce user or app may not use the REST API", f"{_PERMISSION} the permission API Enabled."
            ),
            "Connected app is not attached to Agent": fatal(
                "the Salesforce app is not set up for this user", "Pre-authorize the user for the app."
            ),
        },
    ),
    "REQUEST_LIMIT_EXCEEDED": Rule(
        resolution=Resolution.RATE,
        sentence="Salesforce's limit of long calls at the same time is reached",
        remedy="Leadbridge waits and goes on by itself; if it happens often, see which integrations run long calls.",
        wait_seconds=_CONCURRENCY_SECONDS,
        by_text={
            "TotalRequests": Rule(
                resolution=Resolution.QUOTA,
                sentence="Salesforce's calls of the last 24 hours are used up",
                remedy="Leadbridge looks once an hour and goes on by itself; if it happens often, buy calls or slow "
                "other integrations down.",
            )
        },
    ),
    "API_DISABLED_FOR_ORG": fatal(
        "this Salesforce edition or user has no API access", f"{_PERMISSION} the permission API Enabled."
    ),
    "API_CURRENTLY_DISABLED": _retry("Salesforce's API is switched off for the moment", 60.0),
    "FUNCTIONALITY_NOT_ENABLED": fatal(
        "the feature is not enabled in this Salesforce org", "Ask the Salesforce administrator to enable it."
    ),
    "TOO_MANY_APEX_REQUESTS": _retry("Salesforce is busy with other automation", 5.0),
    "STORAGE_LIMIT_EXCEEDED": fatal(
        "the Salesforce org's storage is full", "Ask the Salesforce administrator to free or buy storage."
    ),
    "LIMIT_EXCEEDED": fatal(
        "a limit of the Salesforce org is reached", "Ask the Salesforce administrator which one; the text names it."
    ),
    # the platform itself
    "SERVER_UNAVAILABLE": _uncertain("Salesforce is not available"),
    "UNKNOWN_EXCEPTION": _uncertain("Salesforce had an internal error"),
    "REQUEST_RUNNING_TOO_LONG": _uncertain("Salesforce did not finish the request in time", tries=2),
    "UNABLE_TO_LOCK_ROW": _LOCKED,
    # queries
    "QUERY_TIMEOUT": _retry(
        "the query took Salesforce too long",
        2.0,
        remedy="Use an indexed field as identifier (an external id, e-mail address or id), then redrive.",
        tries=2,
    ),
    "QUERY_TOO_COMPLICATED": fatal("the query is too complicated for Salesforce", "Use fewer fields or conditions."),
    "OPERATION_TOO_LARGE": split(
        "the query touches more records than Salesforce allows this user", f"{_PERMISSION} the permission View All."
    ),
    "MALFORMED_QUERY": fatal("Salesforce could not read the query", _SUPPORT),
    "INVALID_QUERY_FILTER_OPERATOR": fatal(
        "Salesforce does not allow this comparison for the field", "Use another field as identifier or filter."
    ),
    "INVALID_QUERY_LOCATOR": fatal("the position in the query result has expired", "Start the run again."),
    "INVALID_REPLICATION_DATE": reject(
        "Salesforce no longer knows the changes of this time", "Compare the deleted records of both sides in full."
    ),
    "INVALID_TYPE": fatal(
        "the object does not exist in Salesforce, is not visible to us or does not take part in this",
        f"Correct the object's name, {_OR_PERMISSION} access to it.",
    ),
    "EXCEEDED_ID_LIMIT": split("more changes in this time than Salesforce lists", "Run it for a shorter time."),
    # bulk jobs, whose codes are written without underscores
    "EXCEEDEDQUOTA": Rule(
        resolution=Resolution.QUOTA,
        sentence="Salesforce's bulk jobs of the last 24 hours are used up",
        remedy="Leadbridge looks once an hour and goes on by itself; if it happens often, let other integrations use "
        "fewer bulk jobs.",
    ),
    "INVALIDJOBSTATE": fatal("the bulk job is in a state that does not allow this", "Start the run again."),
    "INVALIDJOB": fatal("Salesforce does not take the bulk job", "Correct the object, the key field or the query."),
    "INVALIDENTITY": fatal(
        "the object does not exist in Salesforce or takes no bulk jobs", f"Correct the object, {_OR_PERMISSION} access."
    ),
    "INVALIDVERSION": fatal("the bulk job was made with another version of Salesforce's API", _SUPPORT),
    "CLIENTINPUTERROR": fatal("Salesforce cannot use the data of the bulk job", _SUPPORT),
    "FEATURENOTENABLED": fatal(
        "the kind of bulk job is not enabled for our Salesforce user", f"{_PERMISSION} the permission that it needs."
    ),
    # records that are not (or no longer) what we think
    "NOT_FOUND": reject(
        "the record or address does not exist in Salesforce or is not visible to us",
        f"Look whether it was deleted, {_OR_PERMISSION} access to it.",
    ),
    "ENTITY_IS_DELETED": reject(
        "the Salesforce record was deleted", f"Restore it from the Recycle Bin if it is needed, {_AGAIN}"
    ),
    "INVALID_CROSS_REFERENCE_KEY": _retry(
        "the Salesforce record referred to does not exist or is not visible",
        5.0,
        remedy=f"Leadbridge tries once more; if it failed, correct the id of the account, owner or campaign, {_AGAIN}",
        tries=2,
    ),
    "MALFORMED_ID": reject("the value is no Salesforce id", f"Correct the id or the mapping, {_AGAIN}"),
    "INVALID_ID_FIELD": reject(
        "the value is no Salesforce id of this object", f"Correct the id or the mapping, {_AGAIN}"
    ),
    "CANNOT_UPDATE_CONVERTED_LEAD": reject(
        "the Salesforce lead was converted", "Update its contact; use an Action on contacts for converted leads."
    ),
    "ENTITY_IS_LOCKED": reject(
        "the Salesforce record is locked by an approval", f"Finish or recall the approval, {_AGAIN}"
    ),
    "INVALID_OPERATION": reject(
        "Salesforce does not allow this for the record", f"Look for an approval or a closed state, {_AGAIN}"
    ),
    "INACTIVE_OWNER_OR_USER": reject(
        "the owner is no longer active in Salesforce", f"Give the record another owner or correct the mapping, {_AGAIN}"
    ),
    # duplicates
    "DUPLICATES_DETECTED": reject(
        "a Salesforce duplicate rule found a similar record",
        f"Merge the person with the record named, or let the duplicate rule only alert, {_AGAIN}",
    ),
    # a record that our own parallel write created is found by the next look, so the row is worth one more try
    "DUPLICATE_VALUE": Rule(
        resolution=Resolution.REJECT,
        sentence="another Salesforce record has this value already",
        remedy=f"Merge the two records or correct the value, {_AGAIN}",
        tries=2,
        at_record=Resolution.RETRY,
    ),
    "DUPLICATE_EXTERNAL_ID": reject(
        "several Salesforce records have this external id",
        f"Merge them and make the external id field unique, {_AGAIN}",
    ),
    # fields and values
    "INVALID_FIELD": fatal(
        "a Salesforce field of the mapping does not exist or is not visible to us",
        f"Correct the mapping, {_OR_PERMISSION} access to the field.",
    ),
    "INVALID_FIELD_FOR_INSERT_UPDATE": fatal(
        "a Salesforce field of the mapping may not be written by us",
        f"Take it out of the mapping, {_OR_PERMISSION} edit access to the field.",
    ),
    "REQUIRED_FIELD_MISSING": reject(
        "a field that Salesforce requires has no value", f"Fill it in Marketo or map a default value, {_AGAIN}"
    ),
    "STRING_TOO_LONG": reject(
        "a value is too long for its Salesforce field", f"Shorten the value in Marketo, {_AGAIN}"
    ),
    "INVALID_EMAIL_ADDRESS": reject(
        "Salesforce does not accept the e-mail address", f"Correct the address in Marketo, {_AGAIN}"
    ),
    "NUMBER_OUTSIDE_VALID_RANGE": reject(
        "a number is too large for its Salesforce field", f"Correct the number in Marketo, {_AGAIN}"
    ),
    "INVALID_TYPE_ON_FIELD_IN_RECORD": reject(
        "a value has the wrong type for its Salesforce field", f"Correct the value or the mapping, {_AGAIN}"
    ),
    "JSON_PARSER_ERROR": reject("Salesforce could not read a value", f"Correct the value or the mapping, {_AGAIN}"),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": reject(
        "a value is not in the Salesforce picklist", f"Use a value of the picklist or add it there, {_AGAIN}"
    ),
    "FIELD_INTEGRITY_EXCEPTION": reject(
        "a value does not fit to the other values of the Salesforce record",
        f"Correct the values that belong together (state and country, for example), {_AGAIN}",
    ),
    "FIELD_FILTER_VALIDATION_EXCEPTION": reject(
        "a lookup filter in Salesforce refuses the value", f"Choose a value that the filter allows, {_AGAIN}"
    ),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": reject(
        "a validation rule in Salesforce refuses the record", f"Do what the rule's text asks for, {_AGAIN}"
    ),
    # automation
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": Rule(
        resolution=Resolution.REJECT,
        sentence="automation or a missing permission in Salesforce refuses the record",
        remedy=f"Show the text to the Salesforce administrator, {_AGAIN}",
        by_text=_INSIDE_AUTOMATION,
    ),
    "CANNOT_EXECUTE_FLOW_TRIGGER": _retry(
        "a flow in Salesforce failed",
        5.0,
        remedy=f"Leadbridge tries once more; if it failed, show the text to the Salesforce administrator, {_AGAIN}",
        tries=2,
    ),
    "APEX_ERROR": _retry(
        "automation in Salesforce failed",
        5.0,
        remedy=f"Leadbridge tries once more; if it failed, show the text to the Salesforce administrator, {_AGAIN}",
        tries=2,
    ),
    # permissions (the families below hold the longer spellings)
    "INSUFFICIENT_ACCESS": fatal_unless_row(
        "our Salesforce user lacks a permission", f"{_PERMISSION} the permission that the text names."
    ),
    "TRANSFER_REQUIRES_READ": fatal_unless_row(
        "the new owner may not see the Salesforce record", "Give the new owner read access, or choose another owner."
    ),
    # innocent bystanders of another row's failure
    "ALL_OR_NONE_OPERATION_ROLLED_BACK": _retry("another record of the same call failed", tries=2),
    "PROCESSING_HALTED": _retry("an earlier part of the same call failed", tries=2),
    # HTTP statuses without a readable code
    "http_300": reject(
        "several Salesforce records have this external id",
        f"Merge them and make the external id field unique, {_AGAIN}",
    ),
    "http_401": Rule(
        resolution=Resolution.REAUTH,
        sentence="Salesforce refuses the session",
        remedy="Check the integration user and the session policy in Salesforce's Setup.",
    ),
    "http_403": fatal("Salesforce refuses access", f"{_PERMISSION} access to the API and the object."),
    "http_404": reject("the record or address does not exist in Salesforce", "Look whether it was deleted."),
    "http_410": fatal("this version of Salesforce's API is retired", "Set a newer API version in the connection."),
    "http_409": fatal("the bulk job was made with another version of Salesforce's API", _SUPPORT),
    "http_412": reject("the Salesforce record was changed in between", "Send the person again."),
    "http_413": split("the call is larger than Salesforce takes", "Send less at a time."),
    "http_414": split("the address is longer than Salesforce takes", f"Shorten the identifier, {_AGAIN}"),
    "http_415": fatal("Salesforce refused the content type", _SUPPORT),
    "http_420": _uncertain("Salesforce's edge found no way to the org", tries=2),
    "http_429": Rule(
        resolution=Resolution.RATE,
        sentence="Salesforce's edge asks for a pause",
        remedy="Leadbridge waits and goes on by itself.",
        wait_seconds=5.0,
    ),
    "http_431": split("address and headers are longer than Salesforce takes", f"Shorten the identifier, {_AGAIN}"),
    "http_500": _uncertain("Salesforce's server failed"),
    "http_502": _uncertain("Salesforce's gateway failed"),
    "http_503": _uncertain("Salesforce is not available"),
    "http_504": _uncertain("Salesforce's gateway timed out"),
    # our own words for answers that are none
    "bad_envelope": Rule(
        resolution=Resolution.UNCERTAIN,
        sentence="Salesforce's answer could not be read",
        remedy=_BY_ITSELF,
        documented=False,
    ),
}

FAMILIES: Mapping[str, Rule] = {
    "INSUFFICIENT_ACCESS": CODES["INSUFFICIENT_ACCESS"],
    "TXN_SECURITY_": fatal_unless_row(
        "a Salesforce security policy refuses this", "Ask the Salesforce administrator for an exception."
    ),
}

DEFAULT = Rule(
    resolution=Resolution.RETRY,
    sentence="Salesforce answered with a code we do not know: {code}",
    remedy="Show the text to the Salesforce administrator and tell us, so that the code gets its place in the table.",
    tries=3,
    documented=False,
)
TABLE = ErrorTable(codes=CODES, default=DEFAULT, families=FAMILIES)
