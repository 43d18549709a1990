"""Several calls in one, tied together by references: composite requests and composite graphs.

Source: REST API, Composite, Composite Graph and their limits. The outer status is 200 whatever became of the parts,
so each part has a result of its own, found by its reference id and given in the order of the input.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import batched
from typing import Any, Literal

from leadbridge.domain.records import ObjectDescription, Resolution
from leadbridge.errors import ContractError, UncertainWriteError
from leadbridge.vendors.http.endpoints import Endpoint
from leadbridge.vendors.http.redaction import leaf_values, mask
from leadbridge.vendors.http.rules import code_of
from leadbridge.vendors.salesforce.answers import described_object, first_error, without_query
from leadbridge.vendors.salesforce.api import Api, api_name
from leadbridge.vendors.salesforce.auth import VENDOR
from leadbridge.vendors.salesforce.endpoints import COMPOSITE, COMPOSITE_READ, GRAPH
from leadbridge.vendors.salesforce.errors import TABLE

PARTS = 25
#: queries and collections among the parts
HEAVY_PARTS = 5
GRAPHS, NODES = 75, 500

_REFERENCE_ID = re.compile(r"\w{1,80}", re.ASCII)
_GRAPH_ID = re.compile(r"[A-Za-z0-9][^.]{0,38}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One call of a composite; `path` begins after the version, with its query if it has one."""

    reference_id: str
    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str
    body: Mapping[str, Any] | None = None

    @property
    def is_heavy(self) -> bool:
        """Whether it counts as a query or collection."""
        return self.path.startswith(("/query", "/composite/"))


@dataclass(frozen=True, slots=True, kw_only=True)
class PartResult:
    """What became of one part. A part that was halted because of another may be sent again without that one."""

    reference_id: str
    status: int
    body: Any
    ok: bool
    code: str = ""
    message: str = ""
    resolution: Resolution = Resolution.OK


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Parts that are written together or not at all."""

    graph_id: str
    parts: Sequence[Part] = field(default_factory=tuple)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphResult:
    """What became of one graph: all of it, or nothing."""

    graph_id: str
    ok: bool
    parts: Sequence[PartResult]


def reference(reference_id: str, member: str = "id") -> str:
    """A value that an earlier part answers; members are spelt as in that answer (`id` of a create, `Id` of a read)."""
    return f"@{{{reference_id}.{member}}}"


class Composite:
    """Composite requests and graphs."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def send(self, parts: Sequence[Part], *, all_or_none: bool) -> list[PartResult]:
        """Carry out parts in their order; one result per part, in the same order.

        Raises:
            ValueError: More parts than the vendor takes, or reference ids that are none or doubled.
            UncertainWriteError: No usable answer, and a part writes.
        """
        _check(parts)
        writes = any(part.method != "GET" for part in parts)
        body = {
            "allOrNone": all_or_none,
            # unrelated parts would run in any order otherwise
            "collateSubrequests": False,
            "compositeRequest": [self._wire(part) for part in parts],
        }
        endpoint = COMPOSITE if writes else COMPOSITE_READ
        headers = self._api.options.headers() if writes else {}
        answer = self._api.read(endpoint, body=body, headers=headers, sent=[part.body for part in parts])
        return _results(endpoint, parts, answer.get("compositeResponse"))

    def described(self, object_names: Sequence[str]) -> dict[str, ObjectDescription]:
        """Objects by name, in a call for each 25; those that cannot be described now are missing."""
        found = dict[str, ObjectDescription]()
        for names in batched(object_names, PARTS, strict=False):
            parts = [
                Part(reference_id=f"o{at}", method="GET", path=f"/sobjects/{api_name(name)}/describe")
                for at, name in enumerate(names)
            ]
            for name, said in zip(names, self.send(parts, all_or_none=False), strict=True):
                # whoever asks for a missing one alone hears what is wrong with it
                with suppress(LookupError, TypeError):
                    found |= {name: described_object(said.body)} if said.ok else {}
        return found

    def send_graphs(self, graphs: Sequence[Graph]) -> list[GraphResult]:
        """Carry out graphs independently of each other, each all or nothing; results in the order of the input.

        Raises:
            ValueError: More graphs or parts than the vendor takes, or ids that are none or doubled.
            UncertainWriteError: No usable answer.
        """
        ids = [graph.graph_id for graph in graphs]
        if len(graphs) > GRAPHS or sum(len(graph.parts) for graph in graphs) > NODES or not graphs:
            raise ValueError(f"1 to {GRAPHS} graphs of at most {NODES} parts together")
        if len(set(ids)) < len(ids) or not all(_GRAPH_ID.fullmatch(each) for each in ids):
            raise ValueError("graph ids are unique, begin with a letter or digit and have no dot")
        for graph in graphs:
            _check_ids(graph.parts)
        body = {
            "graphs": [
                {"graphId": graph.graph_id, "compositeRequest": [self._wire(part) for part in graph.parts]}
                for graph in graphs
            ]
        }
        sent = [part.body for graph in graphs for part in graph.parts]
        answer = self._api.read(GRAPH, body=body, headers=self._api.options.headers(), sent=sent)
        said = _by_id(GRAPH, answer.get("graphs"), "graphId", ids)
        return [_graph_result(graph, said[graph.graph_id]) for graph in graphs]

    def _wire(self, part: Part) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "method": part.method,
            "url": f"/services/data/v{self._api.version}{part.path}",
            "referenceId": part.reference_id,
        }
        if part.method != "GET":
            # outer headers are not documented to reach the parts
            wire["httpHeaders"] = self._api.options.headers()
        if part.body is not None:
            wire["body"] = dict(part.body)
        return wire


def _check(parts: Sequence[Part]) -> None:
    if not 1 <= len(parts) <= PARTS or sum(part.is_heavy for part in parts) > HEAVY_PARTS:
        raise ValueError(f"1 to {PARTS} parts, of which {HEAVY_PARTS} may be queries or collections")
    _check_ids(parts)


def _check_ids(parts: Sequence[Part]) -> None:
    ids = [part.reference_id for part in parts]
    if len(set(ids)) < len(ids) or not all(_REFERENCE_ID.fullmatch(each) for each in ids):
        raise ValueError("reference ids are unique, of letters, digits and underscores")


def _graph_result(graph: Graph, said: Mapping[str, Any]) -> GraphResult:
    inner = said.get("graphResponse")
    parts = _results(GRAPH, graph.parts, inner.get("compositeResponse") if isinstance(inner, dict) else None)
    return GraphResult(graph_id=graph.graph_id, ok=said.get("isSuccessful") is True, parts=parts)


def _results(endpoint: Endpoint, parts: Sequence[Part], said: object) -> list[PartResult]:
    found = _by_id(endpoint, said, "referenceId", [part.reference_id for part in parts])
    return [_result(part, found[part.reference_id]) for part in parts]


def _by_id(endpoint: Endpoint, said: object, name: str, ids: Sequence[str]) -> dict[str, Mapping[str, Any]]:
    """The results by their ids, if every id has one."""
    entries = [each for each in said if isinstance(each, dict)] if isinstance(said, list) else []
    found: dict[str, Mapping[str, Any]] = {str(each.get(name)): each for each in entries}
    if found.keys() == set(ids):
        return found
    kind = UncertainWriteError if endpoint.is_write else ContractError
    raise kind(
        f"results for {len(found.keys() & set(ids))} of {len(ids)} parts",
        vendor=VENDOR,
        operation=endpoint.operation,
        code="short_result",
    )


def _result(part: Part, said: Mapping[str, Any]) -> PartResult:
    status, body = said.get("httpStatusCode"), said.get("body")
    number = status if isinstance(status, int) else 0
    error = first_error(body) if number >= 300 or number == 0 else None
    if 200 <= number < 300:
        return PartResult(reference_id=part.reference_id, status=number, body=body, ok=True)
    code = code_of((error or {}).get("errorCode")) or f"http_{number}"
    text = without_query(str((error or {}).get("message", "")))
    rule = TABLE.rule(code, text)
    return PartResult(
        reference_id=part.reference_id,
        status=number,
        body=body,
        ok=False,
        code=code,
        message=rule.told(mask(text, leaf_values(part.body or {}))),
        resolution=rule.record_resolution,
    )
