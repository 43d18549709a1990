"""Reading of Salesforce's answers: error arrays, collection rows, describe and limit headers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from leadbridge.domain.ids import canonical, is_id
from leadbridge.domain.records import FieldDescription, ObjectDescription, Resolution, RowResult
from leadbridge.vendors.http.bodies import parse_json, retry_after_of
from leadbridge.vendors.http.calls import Answer, Refusal
from leadbridge.vendors.http.redaction import leaf_values, mask
from leadbridge.vendors.http.rules import code_of
from leadbridge.vendors.salesforce.errors import TABLE

#: where Salesforce points into a query that it refuses; what is wrong with it follows
_POINTED = re.compile(r"\A.*?ERROR at Row:\d{1,9}:Column:\d{1,9}\s*", re.DOTALL)
_USAGE = re.compile(r"api-usage=(\d{1,12})/(\d{1,12})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiUsage:
    """Calls of the whole org in the last 24 hours, and how many it is allowed."""

    used: int
    allowed: int

    @property
    def left(self) -> int:
        """Calls left, never below zero: paid orgs may overrun for a while."""
        return max(0, self.allowed - self.used)


def interpret(response: httpx.Response) -> Answer | Refusal:
    """Read one answer. A known error code in the body is believed before the HTTP status."""
    status = response.status_code
    try:
        body = parse_json(response.content) if response.content else None
        readable = True
    except ValueError:
        body, readable = None, False
    if status == httpx.codes.NOT_MODIFIED or (200 <= status < 300 and readable and _has_what_it_needs(status, body)):
        return Answer(
            payload=body, status=status, headers=response.headers, unknown_codes=TABLE.unknown(_row_codes(body))
        )
    if 200 <= status < 300:
        return Refusal(code="bad_envelope", rule=TABLE.rule("bad_envelope"), text="")
    first = first_error(body)
    code, text = code_of(first.get("errorCode")), _told(first)
    # a code that is not in the table does not say that nothing was executed; of a server error the status counts then
    if code and (status < 500 or TABLE.knows(code)):
        return Refusal(
            code=code,
            rule=TABLE.rule(code, text),
            text=text,
            retry_after_seconds=retry_after_of(response),
            unknown_codes=TABLE.unknown([code]),
        )
    code, rule = TABLE.http_rule(status)
    # such a body is the edge's, often HTML, and not worth a line of the log; only 300 lists the records it found
    return Refusal(
        code=code,
        rule=rule,
        text=_ids_of(body) if status == httpx.codes.MULTIPLE_CHOICES else "",
        retry_after_seconds=retry_after_of(response),
        unknown_codes=TABLE.unknown([code]),
    )


def first_error(body: object) -> Mapping[str, Any]:
    """The first entry of an error array, empty if the body is none."""
    return body[0] if isinstance(body, list) and body and isinstance(body[0], dict) else {}


def row_result(result: Mapping[str, Any], sent: object, *, done: str) -> RowResult:
    """What Salesforce said about one row; `done` is the word for a success that does not say `created`."""
    identity = result.get("id")
    row_id = _canonical(identity) if isinstance(identity, str) else None
    if result.get("success") is True:
        created = result.get("created")
        status = done if created is None else ("created" if created else "updated")
        return RowResult(ok=True, status=status, id=row_id)
    error = _error_of(result)
    if error is None:
        return RowResult(
            ok=False,
            status="failed",
            id=row_id,
            code="unknown_status",
            message="Salesforce did not say what became of this record",
            resolution=Resolution.REJECT if result.get("success") is False else Resolution.UNCERTAIN,
        )
    code, text = _code_of(error), _told(error)
    rule = TABLE.rule(code, text)
    fields = error.get("fields")
    return RowResult(
        ok=False,
        status="failed",
        id=row_id,
        code=code,
        message=rule.told(mask(text, leaf_values(sent))),
        fields=tuple(str(name) for name in fields) if isinstance(fields, list) else (),
        resolution=rule.record_resolution,
        tries=rule.row_tries,
    )


def _canonical(text: str) -> str:
    return canonical(text) if is_id(text) else text


def _row_codes(body: object) -> list[str]:
    rows = body if isinstance(body, list) else ()
    found = (_error_of(row) for row in rows if isinstance(row, dict))
    return [_code_of(error) for error in found if error is not None]


def _error_of(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Why a row failed, None if the answer does not say."""
    errors = result.get("errors")
    return errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else None


def _code_of(error: Mapping[str, Any]) -> str:
    return code_of(error.get("statusCode", error.get("errorCode")))


def _told(error: Mapping[str, Any]) -> str:
    """The vendor's text, with the records that a duplicate rule found."""
    text = without_query(str(error.get("message", "")))
    found = error.get("duplicateResult", error.get("duplicateResut"))  # the vendor spells it both ways
    matches = found.get("matchResults") if isinstance(found, dict) else None
    ids = [
        str(record["record"]["Id"])
        for match in (matches if isinstance(matches, list) else ())
        for record in match.get("matchRecords") or ()
        if isinstance(record, dict) and isinstance(record.get("record"), dict) and record["record"].get("Id")
    ]
    return f"{text} ({', '.join(ids)})" if ids else text


def without_query(text: str) -> str:
    """A vendor's text without the piece of our query that it points into.

    The piece is cut off anywhere, so parts of values may be left at its ends that nobody knows again.
    """
    return _POINTED.sub("", text)


def _ids_of(body: object) -> str:
    """The records that an answer 300 lists by their addresses."""
    paths = body if isinstance(body, list) else ()
    return ", ".join(path.rsplit("/", 1)[-1] for path in paths if isinstance(path, str))


def usage_of(headers: httpx.Headers) -> ApiUsage | None:
    """The org-wide usage that every answer carries."""
    found = _USAGE.search(headers.get("sforce-limit-info", ""))
    return ApiUsage(used=int(found[1]), allowed=int(found[2])) if found else None


def described_object(body: Mapping[str, Any]) -> ObjectDescription:
    """A describe answer as a value; what this user may not see is absent from it."""
    return ObjectDescription(
        name=str(body["name"]),
        fields={str(item["name"]): _described_field(item) for item in body["fields"]},
        createable=body.get("createable") is True,
        updateable=body.get("updateable") is True,
        deletable=body.get("deletable") is True,
        queryable=body.get("queryable") is True,
        replicateable=body.get("replicateable") is True,
        key_prefix=str(body.get("keyPrefix") or ""),
        record_types={
            str(item["developerName"]): str(item["recordTypeId"])
            for item in body.get("recordTypeInfos") or ()
            # the one that all records have without it is none that could be chosen
            if item.get("developerName") and item.get("available") is True and item.get("master") is not True
        },
    )


def without_attributes(value: Any) -> Any:
    """A record of a query without the type notes that Salesforce puts into every level."""
    if isinstance(value, list):
        return [without_attributes(member) for member in value]
    if not isinstance(value, dict):
        return value
    # nearly every member is a plain value: asking that here is cheaper than a call for each
    return {
        name: without_attributes(member) if isinstance(member, _HAS_MEMBERS) else member
        for name, member in value.items()
        if name != "attributes"
    }


# the same as `dict | list`, which takes longer to ask
_HAS_MEMBERS = (dict, list)


def _described_field(item: Mapping[str, Any]) -> FieldDescription:
    createable = item.get("createable") is True
    length = item.get("length")
    return FieldDescription(
        name=str(item["name"]),
        type=str(item.get("type", "")),
        createable=createable,
        updateable=item.get("updateable") is True,
        required_on_create=(createable and item.get("nillable") is False and item.get("defaultedOnCreate") is not True),
        unique=item.get("unique") is True,
        external_id=item.get("externalId") is True,
        id_lookup=item.get("idLookup") is True,
        # fields that hold no text report a length of 0
        length=length if isinstance(length, int) and length > 0 else None,
        label=str(item.get("label", "")),
        permissionable=item.get("permissionable") is not False,
        nillable=item.get("nillable") is True,
        calculated=item.get("calculated") is True,
        case_sensitive=item.get("caseSensitive") is True,
        filterable=item.get("filterable") is True,
        sortable=item.get("sortable") is True,
        precision=item.get("precision") or None,
        scale=item.get("scale") if item.get("precision") else None,
        picklist=tuple(str(each["value"]) for each in item.get("picklistValues") or () if each.get("active") is True),
        restricted_picklist=item.get("restrictedPicklist") is True,
        reference_to=tuple(map(str, item.get("referenceTo") or ())),
        relationship_name=str(item.get("relationshipName") or ""),
    )


def _has_what_it_needs(status: int, body: Any) -> bool:
    """Whether an answer is complete: data that was uploaded to a job is acknowledged by 201 without a body."""
    if status in (httpx.codes.NO_CONTENT, httpx.codes.CREATED) and body is None:
        return True
    return isinstance(body, dict | list)
