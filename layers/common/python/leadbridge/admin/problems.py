"""Errors as one shape: a code, a plain sentence, the member it is about, and what to do."""

from collections.abc import Sequence
from typing import Any

from aws_lambda_powertools.event_handler import Response

from leadbridge.admin.models import Finding, Problem
from leadbridge.admin.requests import Refusal
from leadbridge.domain import findings
from leadbridge.domain.lifecycle import Stored
from leadbridge.errors import (
    AuthenticationError,
    ConfigurationError,
    ContractError,
    DisabledError,
    PermanentError,
    QuotaExhaustedError,
    SyncError,
    TransientError,
    UncertainWriteError,
    UnknownVersionError,
)

VENDORS = {"marketo": "Marketo", "salesforce": "Salesforce", "aws": "AWS"}
#: status, code and remedy by what the catcher should do; the first that fits
ERRORS: tuple[tuple[type[SyncError], int, str, str], ...] = (
    (QuotaExhaustedError, 503, "vendor_quota", "Wait until the vendor's quota begins anew."),
    (TransientError, 503, "vendor_busy", "Try again in a minute."),
    (UncertainWriteError, 503, "vendor_silent", "Try again in a minute."),
    (AuthenticationError, 502, "vendor_login", "Repair the connection: leadbridge connections test ID."),
    (DisabledError, 409, "connection_disabled", "Enable the connection, or choose another."),
    (UnknownVersionError, 409, "newer_version", "Deploy the version of Leadbridge that wrote it."),
    (PermanentError, 502, "vendor_refused", "Correct what was asked for, or give the integration user access to it."),
    (ContractError, 502, "vendor_unreadable", "Try again; if it stays so, report it."),
)


class RefusedError(Exception):
    """A request that a route refuses."""

    def __init__(self, status: int, problem: Problem) -> None:
        super().__init__(problem.code)
        self.status = status
        self.problem = problem


def refused(
    status: int, code: str, message: str, *, remedy: str | None = None, pointer: str | None = None
) -> RefusedError:
    """A refusal to be raised."""
    return RefusedError(status, Problem(code=code, message=message, remedy=remedy, pointer=pointer))


def missing(what: str, remedy: str) -> RefusedError:
    """Nothing of that name."""
    return refused(404, "not_found", f"There is no {what}.", remedy=remedy)


def overtaken(name: str, current: Stored | None) -> RefusedError:
    """Somebody else stored a version, or took the document away, since it was read."""
    now = f"became version {current.version} meanwhile" if current else "is not there any more"
    by = f", by {current.change.author}" if current and current.change.author else ""
    return refused(
        409,
        "changed_meanwhile",
        f"{name[:1].upper()}{name[1:].replace('_', ' ')} {now}{by}; nothing was stored.",
        remedy="Look at what differs, and store yours on top of it or leave it.",
        pointer="/expected_version",
    )


def with_findings(found: Sequence[findings.Finding]) -> RefusedError:
    """Documents that cannot be stored as they are."""
    many = f"{len(found)} findings" if len(found) != 1 else "one finding"
    problem = Problem(
        code="findings",
        message=f"Nothing was stored: the documents have {many}.",
        pointer=found[0].pointer if len(found) == 1 else None,
        remedy="Mend what the findings name, or store Actions as drafts.",
        findings=[Finding(**each.as_json()) for each in found],
    )
    return RefusedError(422, problem)


def answer(status: int, problem: Problem) -> Response[str]:
    """A problem as an answer."""
    body = problem.model_dump_json(exclude_none=True)
    return Response(status_code=status, content_type="application/json", body=body)


def of_refusal(refusal: Refusal) -> Response[str]:
    """A refusal that no route gave, as an answer."""
    return answer(refusal.status, Problem(code=refusal.code, message=refusal.message, remedy=refusal.remedy or None))


def of_error(error: SyncError) -> Response[str]:
    """What went wrong on the way, as an answer."""
    if isinstance(error, ConfigurationError):
        return answer(409, _configuration(error))
    for kind, status, code, remedy in ERRORS:
        if isinstance(error, kind):
            return answer(status, Problem(code=code, message=_sentence(error), remedy=remedy))
    raise error


def of_validation(errors: Sequence[Any]) -> Response[str]:
    """What is wrong with the shape of a request; none of it repeats what was sent."""
    told = [_of_shape(each) for each in errors]
    first = told[0]
    problem = Problem(
        code="invalid",
        message=f"{first.pointer or 'The request'} {first.what}.",
        pointer=first.pointer or None,
        remedy=first.remedy or None,
        findings=[Finding(**each.as_json()) for each in told] if len(told) > 1 else None,
    )
    return answer(422, problem)


def _of_shape(error: Any) -> findings.Finding:
    where, *members = error["loc"]
    pointer = ""
    for member in members if where == "body" else error["loc"]:
        pointer = f"{pointer}/{str(member).replace('~', '~0').replace('/', '~1')}"
    sentence = findings.sentence_of(error)
    return findings.Finding(document="request", pointer=pointer, **sentence)


def _configuration(error: ConfigurationError) -> Problem:
    """A configuration error; a finding may begin with the pointer it is about, and end with the remedy."""
    first = error.findings[0]
    pointer, colon, rest = first.partition(": ") if first.startswith("/") else ("", "", first)
    what, _, remedy = (rest if colon else first).rpartition("; ")
    more = f" ({len(error.findings) - 1} more)" if len(error.findings) > 1 else ""
    text = what or remedy
    return Problem(
        code="configuration",
        message=f"{text[:1].upper()}{text[1:]}{more}.",
        pointer=pointer or None,
        remedy=f"{remedy[:1].upper()}{remedy[1:]}." if what else None,
    )


def _sentence(error: SyncError) -> str:
    if isinstance(error, DisabledError):
        return f"The connection {error.detail} is disabled."
    if isinstance(error, UnknownVersionError):
        return "It was written by a newer version of Leadbridge."
    vendor = VENDORS.get(error.vendor, "The vendor")
    # the vendor's own words are masked by its client, but stay in the log of who asked
    code = f" with {error.code}" if error.code else ""
    return f"{vendor} did not serve the request{code}."
