"""Composite requests and composite graphs: several calls in one, tied together by references; and composite batches.

Source: composite request body, composite subrequest result, allOrNone parameters in composite and collections
requests, composite graph and its limits, composite batch. A composite runs in one piece: nobody writes between its
subrequests, so that what it made can be taken back. The subrequests of a batch are calls of their own: nothing ties
them together, none is taken back, and each counts. The codes of its own limits are not documented; they are those
of the collections resource here.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import Message, Scope

from simulator.control import Call, ControlPlane, Fault, Record, call_of
from simulator.salesforce.exceptions import ApiError, not_found
from simulator.salesforce.models import Org
from simulator.salesforce.reading import json_object, version_of
from simulator.salesforce.usage import Usage

_MAX_SUBREQUESTS = 25
_MAX_QUERIES_AND_COLLECTIONS = 5
_MAX_GRAPHS = 75
_MAX_NODES = 500
_MAX_DEPTH = 15
_MAX_DIFFERENT_NODES = 15
_MAX_FAILED_GRAPHS = 14
_REFERENCE_ID = re.compile(r"[A-Za-z0-9_]+")
_GRAPH_ID = re.compile(r"[A-Za-z0-9][^.]{0,38}")
_REFERENCE = re.compile(r"@\{(\w+)((?:\.\w+|\[\d+\])*)\}")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_SUPPORTED = re.compile(r"/services/data/v\d+\.0/(sobjects(/.*)?|query(All)?(/.*)?|composite/sobjects(/.*)?)")
_GRAPH_RESOURCE = re.compile(r"/services/data/v\d+\.0/sobjects/\w+(/.*)?")
_SOBJECT_OF_PATH = re.compile(r"/services/data/(v\d+\.0)/(?:composite/)?sobjects(?:/(\w+))?")
_FIXED_HEADERS = {"accept", "authorization", "content-type"}
_ROLLED_BACK = "The transaction was rolled back since another operation in the same transaction failed."
_TOO_MANY_FAILED = "The maximum number of failed graphs has been reached; processing is halted."

type Endpoint = tuple[str, str, Callable[[Request], Any]]


@dataclass(slots=True)
class Subrequest:
    """One call of a composite, and its answer once it has run."""

    index: int
    method: str
    url: str
    reference_id: str
    body: Any
    headers: dict[str, str]
    status: int = 0
    answer: Any = None
    answer_headers: dict[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The path without its query."""
        return self.url.partition("?")[0]

    @property
    def uses(self) -> set[str]:
        """The reference ids that its URL and body name."""
        text = self.url + json.dumps(self.body, ensure_ascii=False)
        return {found.group(1) for found in _REFERENCE.finditer(text)}

    @property
    def has_failed(self) -> bool:
        """Whether it was refused, or a record of its collection was."""
        if self.status >= 300:
            return True
        rows = self.answer if isinstance(self.answer, list) else []
        return any(isinstance(row, dict) and row.get("success") is False for row in rows)

    def halt(self, message: str) -> None:
        """Answer that it was not carried out, or taken back."""
        self.status = 400
        self.answer = [{"errorCode": "PROCESSING_HALTED", "message": message}]
        self.answer_headers = {}

    def result(self) -> Record:
        """Return its part of the composite's answer."""
        return {
            "body": self.answer,
            "httpHeaders": self.answer_headers,
            "httpStatusCode": self.status,
            "referenceId": self.reference_id,
        }


class Composite:
    """The composite resources of one org; `routes` are the vendor's own, to which subrequests go."""

    def __init__(self, control: ControlPlane, org: Org, usage: Usage) -> None:
        self._control = control
        self._org = org
        self._usage = usage
        self.routes: Sequence[Route] = ()

    def endpoints(self) -> list[Endpoint]:
        """Return method, path below the version, and endpoint."""
        return [("POST", path, endpoint) for name, endpoint in self._table() for path in (name, name + "/")]

    def _table(self) -> list[tuple[str, Callable[[Request], Any]]]:
        return [("/composite", self.composite), ("/composite/graph", self.graphs), ("/composite/batch", self.batch)]

    async def composite(self, request: Request) -> Response:
        """POST /composite."""
        body = await json_object(request)
        all_or_none, collate = body.get("allOrNone", False), body.get("collateSubrequests", True)
        if not isinstance(all_or_none, bool) or not isinstance(collate, bool):
            raise _unreadable("allOrNone and collateSubrequests are true or false")
        subrequests = _subrequests(body.get("compositeRequest"))
        self._refuse_more("subrequests", len(subrequests), _MAX_SUBREQUESTS)
        heavy = sum("/query" in each.path or "/composite/sobjects" in each.path for each in subrequests)
        self._refuse_more("queries and collections", heavy, _MAX_QUERIES_AND_COLLECTIONS)
        order = _collated(subrequests) if collate else subrequests
        await self._run_all(request, subrequests, order, all_or_none=all_or_none)
        return JSONResponse({"compositeResponse": [each.result() for each in subrequests]})

    async def graphs(self, request: Request) -> Response:
        """POST /composite/graph: each graph is all or nothing, and none concerns another."""
        body = await json_object(request)
        documents = body.get("graphs")
        if not isinstance(documents, list) or not all(isinstance(each, dict) for each in documents) or not documents:
            raise _unreadable("graphs is an array of objects")
        graphs = [(str(each.get("graphId", "")), _subrequests(each.get("compositeRequest"))) for each in documents]
        self._refuse_graphs(graphs)
        failed = 0
        answers: list[Record] = []
        for graph_id, subrequests in graphs:
            if failed >= _MAX_FAILED_GRAPHS:
                for each in subrequests:
                    each.halt(_TOO_MANY_FAILED)
                succeeded = False
            else:
                succeeded = await self._run_all(request, subrequests, subrequests, all_or_none=True)
            failed += not succeeded
            answer = {"compositeResponse": [each.result() for each in subrequests]}
            answers.append({"graphId": graph_id, "graphResponse": answer, "isSuccessful": succeeded})
        return JSONResponse({"graphs": answers})

    async def batch(self, request: Request) -> Response:
        """POST /composite/batch: one after the other, each for itself; `haltOnError` stops at the first failure."""
        body = await json_object(request)
        halt, documents = body.get("haltOnError", False), body.get("batchRequests")
        if not isinstance(halt, bool) or not isinstance(documents, list) or not documents:
            raise _unreadable("batchRequests is an array of subrequests, haltOnError true or false")
        subrequests = [_batch_subrequest(index, document) for index, document in enumerate(documents)]
        self._refuse_more("subrequests", len(subrequests), _MAX_SUBREQUESTS)
        # the call that brings them is counted already
        self._usage.count(len(subrequests) - 1)
        stopped = False
        for each in subrequests:
            if stopped:
                each.status = 412
                each.answer = [{"errorCode": "BATCH_PROCESSING_HALTED", "message": "An earlier subrequest failed."}]
            else:
                await self._carry_out(request, each)
                stopped = halt and each.status >= 400
        results = [{"statusCode": each.status, "result": each.answer} for each in subrequests]
        return JSONResponse({"hasErrors": any(each.status >= 400 for each in subrequests), "results": results})

    def _refuse_graphs(self, graphs: Sequence[tuple[str, list[Subrequest]]]) -> None:
        ids = [graph_id for graph_id, _ in graphs]
        if len(set(ids)) != len(ids) or not all(_GRAPH_ID.fullmatch(each) for each in ids):
            raise _unreadable("graphId is unique, has fewer than 40 characters, begins with one of A-Z or 0-9, no dot")
        nodes = [node for _, subrequests in graphs for node in subrequests]
        for node in nodes:
            if not _GRAPH_RESOURCE.fullmatch(node.path):
                raise _unreadable(f"a composite graph cannot call {node.path}")
        self._refuse_more("graphs", len(graphs), _MAX_GRAPHS)
        self._refuse_more("nodes", len(nodes), _MAX_NODES)
        kinds = {(node.method, *_kind(node)) for node in nodes}
        self._refuse_more("different nodes", len(kinds), _MAX_DIFFERENT_NODES)
        self._refuse_more("levels", max(_depth(subrequests) for _, subrequests in graphs), _MAX_DEPTH)

    def _refuse_more(self, what: str, count: int, limit: int) -> None:
        if count > limit:
            self._control.violation("LIMIT_EXCEEDED")
            raise ApiError(400, "LIMIT_EXCEEDED", f"Cannot have more than {limit} {what} in a single request.")

    async def _run_all(
        self, request: Request, subrequests: list[Subrequest], order: list[Subrequest], *, all_or_none: bool
    ) -> bool:
        """Run subrequests in an order and say whether all of them succeeded."""
        done: dict[str, Subrequest] = {}
        with self._org.transaction() as roll_back:
            for each in order:
                await self._run(request, each, done)
                done[each.reference_id] = each
                if each.has_failed and all_or_none:
                    roll_back()
                    for other in subrequests:
                        if other is not each:
                            other.halt(_ROLLED_BACK)
                    return False
        return not any(each.has_failed for each in subrequests)

    async def _run(self, request: Request, subrequest: Subrequest, done: dict[str, Subrequest]) -> None:
        try:
            subrequest.url = str(_resolved(subrequest.url, done))
            subrequest.body = _resolved(subrequest.body, done)
        except _UnresolvedError as error:
            subrequest.halt(str(error))
        else:
            await self._carry_out(request, subrequest)

    async def _carry_out(self, request: Request, subrequest: Subrequest) -> None:
        try:
            response = await self._dispatch(request, subrequest)
        except ApiError as error:
            subrequest.status, subrequest.answer = error.status, error.body()
            return
        subrequest.status = response.status_code
        subrequest.answer = json.loads(bytes(response.body)) if response.body else None
        if "location" in response.headers:
            subrequest.answer_headers = {"Location": response.headers["location"]}

    async def _dispatch(self, request: Request, subrequest: Subrequest) -> Response:
        if not _SUPPORTED.fullmatch(subrequest.path):
            raise ApiError(400, "INVALID_INPUT", f"The resource is not supported here: {subrequest.path}")
        if fixed := _FIXED_HEADERS & {name.lower() for name in subrequest.headers}:
            raise ApiError(400, "INVALID_HEADER", f"A subrequest cannot set {', '.join(sorted(fixed))}")
        version_of(subrequest.path)
        call = _sub_call(call_of(request), subrequest)
        scope = _scope(request, subrequest, call)
        status = 404
        for route in self.routes:
            match, child = route.matches(scope)
            if match is Match.FULL:
                scope.update(child)
                response: Response = await route.endpoint(Request(scope, _receiver(call.body)))
                return response
            if match is Match.PARTIAL:
                status = 405
        if status == 405:
            raise ApiError(405, "METHOD_NOT_ALLOWED", f"HTTP Method '{subrequest.method}' not allowed.")
        raise not_found()


class _UnresolvedError(Exception):
    """A reference to what is not there."""


def _subrequests(documents: object) -> list[Subrequest]:
    """Read the array of subrequests.

    Raises:
        ApiError: One of them is not readable, or two share a reference id; the whole request is refused.
    """
    if not isinstance(documents, list) or not documents:
        raise _unreadable("compositeRequest is an array of subrequests")
    found = [_subrequest(index, document) for index, document in enumerate(documents)]
    if len({each.reference_id for each in found}) != len(found):
        raise _unreadable("each referenceId may be used once in a request")
    return found


def _subrequest(index: int, document: object) -> Subrequest:
    if not isinstance(document, dict):
        raise _unreadable("a subrequest is an object")
    method, url, reference_id = (document.get(name) for name in ("method", "url", "referenceId"))
    headers = document.get("httpHeaders") or {}
    if not isinstance(method, str) or not isinstance(url, str) or not isinstance(headers, dict):
        raise _unreadable("a subrequest has method and url, and httpHeaders as an object")
    if not isinstance(reference_id, str) or not _REFERENCE_ID.fullmatch(reference_id):
        raise _unreadable(f"Provided referenceId ('{reference_id}') is not valid: letters, digits and _ only")
    texts = {str(name): str(value) for name, value in headers.items()}
    return Subrequest(index, method.upper(), url, reference_id, document.get("body"), texts)


def _batch_subrequest(index: int, document: object) -> Subrequest:
    given = document if isinstance(document, dict) else {}
    method, url = given.get("method"), given.get("url")
    if not isinstance(method, str) or not isinstance(url, str):
        raise _unreadable("a subrequest has method and url")
    # a batch's urls begin with the version
    path = url if url.startswith("/") else f"/services/data/{url}"
    return Subrequest(index, method.upper(), path, f"r{index}", given.get("richInput"), {})


def _collated(subrequests: list[Subrequest]) -> list[Subrequest]:
    """Bring together calls of one kind that do not wait for another, as collateSubrequests allows."""
    left, order = list(subrequests), []
    while left:
        first = left.pop(0)
        order.append(first)
        for each in [each for each in left if each.method == first.method and _kind(each) == _kind(first)]:
            waiting = {other.reference_id for other in left if other is not each}
            if not each.uses & waiting:
                order.append(each)
                left.remove(each)
    return order


def _kind(subrequest: Subrequest) -> tuple[str | Any, ...]:
    found = _SOBJECT_OF_PATH.match(subrequest.path)
    return found.group(1, 2) if found else (subrequest.path,)


def _depth(subrequests: Iterable[Subrequest]) -> int:
    """Return the number of nodes of the longest chain of references."""
    depths: dict[str, int] = {}
    for each in subrequests:
        depths[each.reference_id] = 1 + max((depths.get(name, 0) for name in each.uses), default=0)
    return max(depths.values())


def _resolved(value: Any, done: dict[str, Subrequest]) -> Any:
    """Put the values in the places of references, in texts at any depth."""
    if isinstance(value, dict):
        return {name: _resolved(each, done) for name, each in value.items()}
    if isinstance(value, list):
        return [_resolved(each, done) for each in value]
    if not isinstance(value, str):
        return value
    if whole := _REFERENCE.fullmatch(value):
        return _referenced(whole, done)
    return _REFERENCE.sub(lambda found: str(_referenced(found, done)), value)


def _referenced(found: re.Match[str], done: dict[str, Subrequest]) -> Any:
    name, path = found.groups()
    source = done.get(name)
    at: Any = source.answer if source and source.status < 300 else None
    for step, index in _STEP.findall(path):
        if step:
            # the spelling of the answer counts: id after a POST, Id after a GET
            at = at.get(step) if isinstance(at, dict) else None
        else:
            at = at[int(index)] if isinstance(at, list) and int(index) < len(at) else None
    if at is None or isinstance(at, dict | list):
        raise _UnresolvedError(f"Invalid reference specified. No value for {name}{path} found in {name}")
    return at


def _sub_call(call: Call, subrequest: Subrequest) -> Call:
    """Return the call as one subrequest is; a row_error fault's rows are indexes of subrequests here."""
    fault = call.fault
    if fault is not None and fault.kind == "row_error":
        hit = call.row_fault(subrequest.index)
        rule = {"match": "* *", "kind": "row_error", "code": hit[0], "message": hit[1]} if hit else None
        fault = Fault.parse(rule) if rule else None
    body = b"" if subrequest.body is None else json.dumps(subrequest.body).encode()
    return replace(call, method=subrequest.method, path=subrequest.path, body=body, fault=fault)


def _scope(request: Request, subrequest: Subrequest, call: Call) -> Scope:
    target = quote(subrequest.url, safe="%/:?#[]@!$&'()*+,;=~")
    path, _, query = target.partition("?")
    own = {name.lower(): value for name, value in subrequest.headers.items()} | {"content-type": "application/json"}
    inherited = {
        name: value
        for name, value in request.headers.items()
        if name not in ("content-length", "content-encoding", "if-modified-since")
    }
    return {
        **request.scope,
        "method": subrequest.method,
        "path": subrequest.path,
        "raw_path": path.encode("ascii"),
        "query_string": query.encode("ascii"),
        "headers": [(name.encode(), value.encode("latin-1", "replace")) for name, value in (inherited | own).items()],
        "path_params": {},
        "state": {**request.scope["state"], "call": call, "in_one_piece": True},
    }


def _receiver(body: bytes) -> Callable[[], Any]:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _unreadable(message: str) -> ApiError:
    return ApiError(400, "JSON_PARSER_ERROR", message)
