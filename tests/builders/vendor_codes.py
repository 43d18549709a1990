"""Every vendor code and what it must lead to, literally: the vendors' documents restated, nothing of ours imported.

`call` says what becomes of a call that is refused as a whole, `row` what becomes of one record of an executed call.

    call      wait      nothing executed, tried again by itself         pause     the same after the vendor's window
              quota     parked until the reset                          login     parked, probed until repaired
              doubt     may be executed: looked for before a repeat     twice     tried a few times, then parked
              isolate   one record may spoil it: tried, then halved     split     sent again in halves
              stop      parked for a person                             benign    a success without records
              unknown   tried a few times, then parked, with an alarm
    row       again     sent again, `tries` times in all, then failed   failed    failed with its code
              broken    failed with its code, a fault of the set-up     benign    nothing to do
              quota, pause   kept until the vendor takes it
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Code:
    """One code with a text the vendor sends along."""

    code: str
    text: str
    call: str
    row: str
    tries: int = 5

    def __str__(self) -> str:
        return f"{self.code} {self.text[:30]}"


MARKETO = [
    Code("500", "Internal", "wait", "again", 8),
    Code("502", "Bad Gateway", "doubt", "again"),
    Code("600", "Empty access token", "login", "again"),
    Code("601", "Access token invalid", "login", "again"),
    Code("602", "Access token expired", "login", "again"),
    Code("603", "Access denied", "stop", "broken"),
    Code("604", "Request time-out", "doubt", "again"),
    Code("605", "Method not supported", "stop", "broken"),
    Code("606", "Max rate limit '100' exceeded with in '20' secs", "pause", "pause"),
    Code("607", "Daily quota reached", "quota", "quota"),
    Code("608", "API temporarily unavailable", "wait", "again"),
    Code("609", "Invalid JSON", "stop", "broken"),
    Code("610", "Requested resource not found", "stop", "broken"),
    Code("611", "System error", "isolate", "again"),
    Code("612", "Invalid content type", "stop", "broken"),
    Code("613", "Invalid multipart request", "stop", "broken"),
    Code("614", "Invalid subscription", "wait", "again", 8),
    Code("615", "Concurrent access limit '10' reached", "pause", "pause"),
    Code("616", "Invalid subscription type", "stop", "broken"),
    Code("701", "x cannot be blank", "stop", "failed"),
    Code("702", "No data found", "benign", "benign"),
    Code("703", "Feature not enabled", "stop", "broken"),
    Code("704", "Invalid date format", "stop", "broken"),
    Code("709", "Business rule violation", "stop", "failed"),
    Code("710", "Parent folder not found", "stop", "broken"),
    Code("711", "Incompatible folder type", "stop", "broken"),
    Code("712", "Merge to person account", "stop", "failed"),
    Code("713", "Transient error", "wait", "again"),
    Code("714", "No default record type", "stop", "failed"),
    Code("718", "ExternalSalesPersonID not found", "stop", "failed"),
    Code("719", "Lock wait timeout", "wait", "again"),
    Code("1001", "Invalid value", "stop", "failed"),
    Code("1002", "Missing value", "stop", "failed"),
    Code("1003", "Invalid data", "stop", "failed"),
    Code("1003", "Too many results match the filter", "split", "failed"),
    Code("1004", "Lead not found", "stop", "failed"),
    Code("1005", "Lead already exists", "stop", "failed"),
    Code("1006", "Field 'x' not found", "stop", "broken"),
    Code("1007", "Multiple leads match the lookup criteria", "stop", "failed"),
    Code("1008", "Access denied to partition", "stop", "broken"),
    Code("1009", "Partition name required", "stop", "broken"),
    Code("1010", "Partition update not allowed", "stop", "failed"),
    Code("1011", "Field not supported", "stop", "broken"),
    Code("1012", "Invalid cookie", "stop", "failed"),
    Code("1013", "Object not found", "stop", "failed"),
    Code("1014", "Failed to create object", "twice", "again", 3),
    Code("1015", "Lead not in list", "benign", "benign"),
    Code("1016", "Too many imports", "wait", "again"),
    Code("1017", "Object already exists", "stop", "failed"),
    Code("1018", "CRM enabled", "stop", "broken"),
    Code("1019", "Import in progress", "wait", "again"),
    Code("1020", "Too many clones", "quota", "quota"),
    Code("1021", "Company update not allowed", "stop", "failed"),
    Code("1022", "Object in use", "stop", "failed"),
    Code("1025", "Program status not found", "stop", "broken"),
    Code("1026", "Custom objects not enabled", "stop", "broken"),
    Code("1027", "Max activity types reached", "stop", "broken"),
    Code("1028", "Max activity fields reached", "stop", "broken"),
    Code("1029", "Too many jobs in queue", "wait", "again"),
    Code("1029", "Export daily quota 500MB exceeded.", "quota", "quota"),
    Code("1029", "Job already queued", "benign", "benign"),
    Code("1035", "Unsupported filter type", "stop", "broken"),
    Code("1036", "Duplicate object found in input", "split", "again", 3),
    Code("1037", "Lead already in status", "benign", "benign"),
    Code("1042", "runAt too far", "stop", "broken"),
    Code("1048", "Discard draft failed", "stop", "failed"),
    Code("1049", "Attributes too large", "stop", "failed"),
    Code("1076", "Merge failed", "stop", "failed"),
    Code("1077", "Merge failed", "stop", "failed"),
    Code("1078", "Merge failed", "stop", "failed"),
    Code("1079", "Merge failed", "stop", "failed"),
    Code("1080", "Too many leads to merge", "split", "failed"),
    Code("9999", "Something new", "unknown", "again", 3),
]

LOCK_INSIDE = "execution of BeforeInsert caused by: UNABLE_TO_LOCK_ROW, unable to obtain exclusive access"
SESSION_INSIDE = "execution of AfterInsert caused by: INVALID_SESSION_ID, Invalid Session ID found in SessionId"
NOT_FOR_REST = "This session is not valid for use with the REST API"

SALESFORCE = [
    Code("INVALID_SESSION_ID", "Session expired or invalid", "login", "again"),
    Code("INVALID_SESSION_ID", NOT_FOR_REST, "stop", "broken"),
    Code("INVALID_SESSION_ID", "Connected app is not attached to Agent", "stop", "broken"),
    Code("REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", "quota", "quota"),
    Code("REQUEST_LIMIT_EXCEEDED", "ConcurrentRequests (Concurrent API Requests) Limit exceeded.", "pause", "pause"),
    Code("REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded", "pause", "pause"),
    Code("API_DISABLED_FOR_ORG", "t", "stop", "broken"),
    Code("API_CURRENTLY_DISABLED", "t", "wait", "again"),
    Code("FUNCTIONALITY_NOT_ENABLED", "t", "stop", "broken"),
    Code("TOO_MANY_APEX_REQUESTS", "t", "wait", "again"),
    Code("STORAGE_LIMIT_EXCEEDED", "t", "stop", "broken"),
    Code("LIMIT_EXCEEDED", "t", "stop", "broken"),
    Code("SERVER_UNAVAILABLE", "t", "doubt", "again"),
    Code("UNKNOWN_EXCEPTION", "t", "doubt", "again"),
    Code("REQUEST_RUNNING_TOO_LONG", "t", "doubt", "again", 2),
    Code("UNABLE_TO_LOCK_ROW", "t", "wait", "again"),
    Code("QUERY_TIMEOUT", "t", "twice", "again", 2),
    Code("QUERY_TOO_COMPLICATED", "t", "stop", "broken"),
    Code("OPERATION_TOO_LARGE", "t", "split", "failed"),
    Code("MALFORMED_QUERY", "t", "stop", "broken"),
    Code("INVALID_QUERY_FILTER_OPERATOR", "t", "stop", "broken"),
    Code("INVALID_QUERY_LOCATOR", "t", "stop", "broken"),
    Code("INVALID_REPLICATION_DATE", "t", "stop", "failed"),
    Code("INVALID_TYPE", "t", "stop", "broken"),
    Code("EXCEEDED_ID_LIMIT", "t", "split", "failed"),
    Code("EXCEEDEDQUOTA", "t", "quota", "quota"),
    Code("INVALIDJOBSTATE", "t", "stop", "broken"),
    Code("INVALIDJOB", "t", "stop", "broken"),
    Code("INVALIDENTITY", "t", "stop", "broken"),
    Code("INVALIDVERSION", "t", "stop", "broken"),
    Code("CLIENTINPUTERROR", "t", "stop", "broken"),
    Code("FEATURENOTENABLED", "t", "stop", "broken"),
    Code("NOT_FOUND", "t", "stop", "failed"),
    Code("ENTITY_IS_DELETED", "t", "stop", "failed"),
    Code("INVALID_CROSS_REFERENCE_KEY", "t", "twice", "again", 2),
    Code("MALFORMED_ID", "t", "stop", "failed"),
    Code("INVALID_ID_FIELD", "t", "stop", "failed"),
    Code("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead", "stop", "failed"),
    Code("ENTITY_IS_LOCKED", "t", "stop", "failed"),
    Code("INVALID_OPERATION", "t", "stop", "failed"),
    Code("INACTIVE_OWNER_OR_USER", "t", "stop", "failed"),
    Code("DUPLICATES_DETECTED", "t", "stop", "failed"),
    Code("DUPLICATE_VALUE", "t", "stop", "again", 2),
    Code("DUPLICATE_EXTERNAL_ID", "t", "stop", "failed"),
    Code("INVALID_FIELD", "t", "stop", "broken"),
    Code("INVALID_FIELD_FOR_INSERT_UPDATE", "t", "stop", "broken"),
    Code("REQUIRED_FIELD_MISSING", "t", "stop", "failed"),
    Code("STRING_TOO_LONG", "t", "stop", "failed"),
    Code("INVALID_EMAIL_ADDRESS", "t", "stop", "failed"),
    Code("NUMBER_OUTSIDE_VALID_RANGE", "t", "stop", "failed"),
    Code("INVALID_TYPE_ON_FIELD_IN_RECORD", "t", "stop", "failed"),
    Code("JSON_PARSER_ERROR", "t", "stop", "failed"),
    Code("INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", "t", "stop", "failed"),
    Code("FIELD_INTEGRITY_EXCEPTION", "t", "stop", "failed"),
    Code("FIELD_FILTER_VALIDATION_EXCEPTION", "t", "stop", "failed"),
    Code("FIELD_CUSTOM_VALIDATION_EXCEPTION", "t", "stop", "failed"),
    Code("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "entity type cannot be inserted", "stop", "failed"),
    Code("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", LOCK_INSIDE, "wait", "again"),
    Code("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", "Apex CPU limit exceeded", "wait", "again"),
    Code("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", SESSION_INSIDE, "wait", "again"),
    Code("CANNOT_EXECUTE_FLOW_TRIGGER", "t", "twice", "again", 2),
    Code("APEX_ERROR", "t", "twice", "again", 2),
    Code("INSUFFICIENT_ACCESS", "t", "stop", "failed"),
    Code("INSUFFICIENT_ACCESS_OR_READONLY", "t", "stop", "failed"),
    Code("INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "t", "stop", "failed"),
    Code("TRANSFER_REQUIRES_READ", "t", "stop", "failed"),
    Code("TXN_SECURITY_NO_ACCESS", "t", "stop", "failed"),
    Code("ALL_OR_NONE_OPERATION_ROLLED_BACK", "t", "twice", "again", 2),
    Code("PROCESSING_HALTED", "t", "twice", "again", 2),
    Code("SOMETHING_NEW", "t", "unknown", "again", 3),
]

#: codes of the lists above that stand in no table
UNKNOWN = {"9999", "SOMETHING_NEW"}
