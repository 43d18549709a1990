"""Reading of Marketo's envelopes and record results; HTTP 200 is not success, `success` decides."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx

from leadbridge.domain.records import Resolution, RowResult
from leadbridge.errors import ContractError
from leadbridge.vendors.http.bodies import parse_json, retry_after_of
from leadbridge.vendors.http.calls import Answer, Refusal
from leadbridge.vendors.http.redaction import leaf_values, mask
from leadbridge.vendors.http.rules import code_of
from leadbridge.vendors.marketo.endpoints import Endpoint
from leadbridge.vendors.marketo.errors import TABLE

# the words of a result that mean that the question is answered or the wish fulfilled
_DONE = frozenset({"created", "updated", "added", "deleted", "removed", "memberof", "notmemberof"})


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


def paired(answer: Answer, sent: Sequence[Mapping[str, Any]], endpoint: Endpoint) -> list[RowResult] | None:
    """One result per record sent, in that order; None if results and records cannot be told apart.

    Results are known by `seq`, by the member that repeats the record's own, or by their position, which needs one
    for each. A record that nothing was said about is uncertain.
    """
    found = answer.payload.get("result")
    if not isinstance(found, list) or not found:
        return None
    said = [item if isinstance(item, dict) else {} for item in found]
    places = _places(said, sent, endpoint.keyed_by)
    if places is None:
        return None
    by_place = dict(zip(places, said, strict=True))
    return [row_result(by_place.get(place, {}), row, endpoint.benign) for place, row in enumerate(sent)]


def _places(said: Sequence[Mapping[str, Any]], sent: Sequence[Mapping[str, Any]], keyed_by: str) -> list[int] | None:
    """For each result, the position of its record; None if there is doubt."""
    if all(type(result.get("seq")) is int for result in said):
        places: list[int] = [result["seq"] for result in said]
        return places if len(set(places)) == len(places) and set(places) <= set(range(len(sent))) else None
    own = {str(row.get(keyed_by)): place for place, row in enumerate(sent)} if keyed_by else {}
    named = [str(result.get(keyed_by)) for result in said]
    if len(own) == len(sent) and len(set(named)) == len(named) and set(named) <= own.keys():
        return [own[name] for name in named]
    return list(range(len(sent))) if len(said) == len(sent) else None


def row_result(result: Mapping[str, Any], sent: object, benign: frozenset[str] = frozenset()) -> RowResult:
    """What Marketo said about one record; `sent` holds the values to mask, `benign` the codes that are no failure."""
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
    resolution = Resolution.OK if code in benign else rule.record_resolution
    return RowResult(
        ok=resolution is Resolution.OK,
        status=status,
        id=row_id,
        code=code,
        message=rule.told(mask(text, leaf_values(sent))),
        resolution=resolution,
        tries=rule.row_tries,
    )
