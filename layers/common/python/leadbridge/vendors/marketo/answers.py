"""Reading of Marketo's envelopes and record results; HTTP 200 is not success, `success` decides."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from leadbridge.domain.records import Activity, FieldDescription, Resolution, RowResult
from leadbridge.errors import ContractError
from leadbridge.vendors.http.bodies import parse_json, retry_after_of
from leadbridge.vendors.http.calls import Answer, Refusal
from leadbridge.vendors.http.redaction import leaf_values, mask
from leadbridge.vendors.http.rules import code_of
from leadbridge.vendors.marketo.errors import TABLE

# the words of lead and custom activity writes that mean "done"
_DONE = frozenset({"created", "updated", "added"})


def interpret(response: httpx.Response) -> Answer | Refusal:
    """Read one answer. A body with a code is believed before the HTTP status."""
    try:
        body = parse_json(response.content)
    except ValueError:
        body = None
    envelope = body if isinstance(body, dict) else {}
    request_id = str(envelope.get("requestId", ""))
    errors = envelope.get("errors")
    if envelope.get("success") is False and isinstance(errors, list) and errors and isinstance(errors[0], dict):
        return _refused(errors[0], envelope, response)
    if response.status_code == httpx.codes.OK:
        if envelope.get("success") is True:
            return Answer(
                payload=envelope,
                status=200,
                headers=response.headers,
                request_id=request_id,
                unknown_codes=TABLE.unknown(_row_codes(envelope.get("result"))),
            )
        return Refusal(code="bad_envelope", rule=TABLE.rule("bad_envelope"), text="", request_id=request_id)
    code, rule = TABLE.http_rule(response.status_code)
    # the body of such an answer is the gateway's, often HTML: it is not worth a line of the log
    return Refusal(
        code=code,
        rule=rule,
        text="",
        request_id=request_id,
        retry_after_seconds=retry_after_of(response),
        unknown_codes=TABLE.unknown([code]),
    )


def _refused(error: Mapping[str, Any], envelope: Mapping[str, Any], response: httpx.Response) -> Answer | Refusal:
    code, text = code_of(error.get("code")), str(error.get("message", ""))
    request_id = str(envelope.get("requestId", ""))
    rule = TABLE.rule(code, text)
    if rule.resolution is Resolution.OK:
        return Answer(payload={**envelope, "result": []}, status=200, headers=response.headers, request_id=request_id)
    return Refusal(code=code, rule=rule, text=text, request_id=request_id, unknown_codes=TABLE.unknown([code]))


def _row_codes(rows: object) -> list[str]:
    found = (_reason(row) for row in rows if isinstance(row, dict)) if isinstance(rows, list) else ()
    return [code_of(reason.get("code")) for reason in found if reason is not None]


def _reason(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Why a record was refused, None if the answer does not say."""
    # custom activities say `errors` where all others say `reasons`
    reasons = result.get("reasons") or result.get("errors")
    return reasons[0] if isinstance(reasons, list) and reasons and isinstance(reasons[0], dict) else None


def results(answer: Answer, operation: str) -> list[dict[str, Any]]:
    """The objects under `result`; an absent member means an empty result.

    Raises:
        ContractError: Something else than a list of objects.
    """
    found = answer.payload.get("result", [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise ContractError(
            "the result is no list of objects",
            vendor="marketo",
            operation=operation,
            request_id=answer.request_id,
        )
    return found


def row_result(result: Mapping[str, Any], sent: object) -> RowResult:
    """What Marketo said about one record; `sent` holds the values to mask in its text."""
    status = str(result.get("status", ""))
    identity = result.get("marketoGUID", result.get("id"))
    row_id = None if identity is None else str(identity)
    if status in _DONE:
        return RowResult(ok=True, status=status, id=row_id)
    reason = _reason(result)
    if reason is None:
        return RowResult(
            ok=False,
            status=status,
            id=row_id,
            code="unknown_status",
            message="Marketo did not say what became of this record",
            # neither done nor refused with a reason: nobody knows
            resolution=Resolution.REJECT if status in ("skipped", "failed") else Resolution.UNCERTAIN,
        )
    code, text = code_of(reason.get("code")), str(reason.get("message", ""))
    rule = TABLE.rule(code, text)
    resolution = rule.record_resolution
    return RowResult(
        ok=resolution is Resolution.OK,
        status=status,
        id=row_id,
        code=code,
        message=rule.told(mask(text, leaf_values(sent))),
        resolution=resolution,
        tries=rule.row_tries,
    )


def lead_field(described: Mapping[str, Any], searchable: frozenset[str]) -> FieldDescription:
    """One field of Describe2; `searchable` are the fields usable as an identifier or filter on their own."""
    name = str(described["name"])
    updateable = described.get("updateable") is True
    length = described.get("length")
    return FieldDescription(
        name=name,
        type=str(described.get("dataType", "")),
        createable=updateable,
        updateable=updateable,
        id_lookup=name in searchable,
        length=length if isinstance(length, int) else None,
        label=str(described.get("displayName", "")),
    )


def searchable_alone(described: Mapping[str, Any]) -> frozenset[str]:
    """The searchable fields that need no other field beside them."""
    groups: Sequence[Any] = described.get("searchableFields") or ()
    return frozenset(str(group[0]) for group in groups if isinstance(group, list) and len(group) == 1)


def activity(item: Mapping[str, Any]) -> Activity:
    """One activity; its attributes are found under their display name and, where sent, their API name."""
    attributes: dict[str, Any] = {}
    for attribute in item.get("attributes") or ():
        for key in ("name", "apiName"):
            if attribute.get(key):
                attributes[str(attribute[key])] = attribute.get("value")
    primary = item.get("primaryAttributeValue")
    return Activity(
        marketo_guid=str(item.get("marketoGUID", item.get("id", ""))),
        lead_id=int(item["leadId"]),
        activity_type_id=int(item["activityTypeId"]),
        activity_date=instant(str(item["activityDate"])),
        primary_attribute_value=None if primary is None else str(primary),
        attributes=attributes,
    )


def instant(text: str) -> datetime:
    """A Marketo time; older answers append a superfluous "+0000" to the "Z"."""
    return datetime.fromisoformat(text.removesuffix("+0000") if text.endswith("Z+0000") else text)
