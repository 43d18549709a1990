"""What all routes share: their described problems, and the documents that they name."""

from typing import Any

from leadbridge.admin.models import Problem, Summary
from leadbridge.admin.problems import missing
from leadbridge.domain.lifecycle import Stored
from leadbridge.ports import Configurations

#: why a request may be refused, whatever it asks for
DESCRIPTIONS = {
    400: "The body is not JSON",
    403: "The request names no principal, or one who may not",
    404: "There is no such thing",
    409: "What is stored forbids it",
    413: "The body is too large",
    415: "The body is of another type than JSON",
    422: "The request, or a document in it, has findings",
    429: "Too many requests",
    502: "A vendor refused",
    503: "A vendor, or AWS, has no time now",
}
PROBLEMS: dict[int, Any] = {
    status: {"description": text, "content": {"application/json": {"model": Problem}}}
    for status, text in DESCRIPTIONS.items()
}


def described(summary: str, *, tag: str) -> dict[str, Any]:
    """What the OpenAPI document says of a route; the function's docstring is its description."""
    return {"summary": summary, "tags": [tag], "responses": {200: {"description": "Done"}, **PROBLEMS}}


def current(configurations: Configurations, kind: str, identifier: str, version: int | None = None) -> Stored:
    """A document.

    Raises:
        RefusedError: There is none.
    """
    stored = configurations.get(kind, identifier, version)
    if stored is None:
        what = f"{kind.replace('_', ' ')} {identifier}" + (f" version {version}" if version else "")
        raise missing(what, "List what there is, and correct the id.")
    return stored


def summary_of(stored: Stored) -> dict[str, Any]:
    """The members of a `Summary`."""
    return {
        "kind": stored.document.kind,
        "id": stored.document.id,
        "name": stored.document.name,
        "version": stored.version,
        "state": stored.state,
        "author": stored.change.author or None,
        "at": stored.change.at,
        "note": stored.change.note or None,
    }


def as_summary(stored: Stored) -> Summary:
    """A document as it stands."""
    return Summary(**summary_of(stored))
