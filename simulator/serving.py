"""Serving a twin over HTTP: the vendor's routes, the control plane beside them, and faults on the wire.

Kept apart from `simulator.control` because only this module knows ASGI and uvicorn.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from email.utils import format_datetime
from itertools import batched
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvicorn
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulator.control import (
    Call,
    Clock,
    ControlError,
    ControlPlane,
    Fault,
    Record,
    RecordError,
    Vendor,
    is_number,
    iso,
    parse_time,
)
from simulator.status import status_page

CONTROL_PREFIX = "/_sim/"
LINES_TYPES = {"application/x-ndjson", "application/jsonl", "application/x-jsonlines"}
BATCH_RECORDS = 2_000
LINE_BYTES = 1_000_000


def build_app(vendor: Vendor, control: ControlPlane) -> ASGIApp:
    """Join a vendor and its control plane into one ASGI application."""
    control.declare_limits(vendor.default_limits)
    control_routes = [*_control_routes(vendor, control), *vendor.control_routes]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await answer(scope, receive, _dated(send, control.clock))

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(CONTROL_PREFIX):
            await _serve_control(control_routes, scope, receive, send)
            return
        if (body := await _read_body(receive)) is None:
            return
        control.clock.tick()
        call = _make_call(control, scope, body)
        vendor.arrived(call)
        control.begin(call)
        try:
            response = await _answer(vendor, control, call, scope)
            call.status = response.status_code if response else 0
        finally:
            control.end(call)
        if response is None:
            await _close_connection(scope, receive)
        else:
            await response(scope, receive, send)

    return app


def _dated(send: Send, clock: Clock) -> Send:
    """Give answers the date of the twin's clock."""

    async def send_dated(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], (b"date", format_datetime(clock.now(), usegmt=True).encode())]
        await send(message)

    return send_dated


async def _answer(vendor: Vendor, control: ControlPlane, call: Call, scope: Scope) -> Response | None:
    """Give the answer to a call, or nothing where the connection is to be closed instead."""
    control.settle()
    route, unrouted_status = _find_route(vendor.routes, scope, call)
    if (refusal := vendor.before(call)) is not None:
        return refusal
    if latency := control.limits.get("latency_seconds", 0):
        await asyncio.sleep(latency)
    fault = call.fault = control.pick(call.method, call.path)
    if fault and fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
    elif fault and fault.kind == "close":
        return None
    elif fault and fault.kind in {"http", "vendor_error"} and not fault.after_commit:
        return _faulty_answer(vendor, call, fault)
    if route is None:
        response = vendor.unrouted(call, unrouted_status)
    else:
        response = await route(_make_request(scope, call))
    vendor.after(call, response)
    if fault and fault.after_commit:
        return None if fault.kind == "drop_answer" else _faulty_answer(vendor, call, fault)
    return response


def _faulty_answer(vendor: Vendor, call: Call, fault: Fault) -> Response:
    if fault.kind == "vendor_error":
        response = vendor.vendor_error(call, fault.code, fault.message)
        if not fault.after_commit:
            vendor.after(call, response)
        return response
    body = fault.document.get("body", "")
    if isinstance(body, str):
        return Response(body, status_code=fault.document["status"], media_type="text/html")
    return JSONResponse(body, status_code=fault.document["status"])


def _find_route(routes: Any, scope: Scope, call: Call) -> tuple[Callable[[Request], Awaitable[Response]] | None, int]:
    scope["method"] = call.method
    status = 404
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.FULL:
            scope.update(child)
            call.endpoint = route.path
            return route.endpoint, 200
        if match is Match.PARTIAL:
            status = 405
    return None, status


def _make_call(control: ControlPlane, scope: Scope, body: bytes) -> Call:
    peer = scope.get("client") or ("", 0)
    query = scope["query_string"].decode("latin-1")
    return Call(
        n=control.next_number(),
        at=control.clock.now(),
        method=scope["method"],
        path=scope["path"],
        query=parse_qsl(query, keep_blank_values=True),
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        client=peer[0],
        target_bytes=len(scope["raw_path"]) + (len(query) + 1 if query else 0),
    )


def _make_request(scope: Scope, call: Call) -> Request:
    """Make the request an endpoint sees: effective method and query, body already read."""

    async def receive() -> Message:
        return {"type": "http.request", "body": call.body, "more_body": False}

    scope["query_string"] = urlencode(call.query).encode("ascii")
    scope["state"] = {**scope.get("state", {}), "call": call}
    return Request(scope, receive)


async def _read_body(receive: Receive) -> bytes | None:
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(chunks)


async def _close_connection(scope: Scope, receive: Receive) -> None:
    """Close the socket without an answer and return when the server has noticed it."""
    scope["state"]["transport"].close()
    while (await receive())["type"] != "http.disconnect":
        pass


# the control plane


async def _serve_control(routes: list[Route], scope: Scope, receive: Receive, send: Send) -> None:
    status = 404
    for route in routes:
        match, child = route.matches(scope)
        if match is Match.FULL:
            scope.update(child)
            try:
                response = await route.endpoint(Request(scope, receive))
            except ControlError as error:
                response = JSONResponse({"error": str(error)}, status_code=400)
            await response(scope, receive, send)
            return
        if match is Match.PARTIAL:
            status = 405
    await JSONResponse({"error": "no such control"}, status_code=status)(scope, receive, send)


async def read_json(request: Request) -> Any:
    """Read the JSON body of a control-plane request.

    Raises:
        ControlError: the body is not JSON.
    """
    try:
        return json.loads(await request.body())
    except ValueError as error:
        raise ControlError("the body is not JSON") from error


def _control_routes(vendor: Vendor, control: ControlPlane) -> list[Route]:
    api = _ControlApi(vendor, control)
    table: list[tuple[str, str, Callable[[Request], Awaitable[Response]]]] = [
        ("GET", "", api.status),
        ("POST", "reset", api.reset),
        ("GET", "credentials", api.credentials),
        ("POST", "load", api.load),
        ("GET", "records/{object_name}", api.records),
        ("GET", "clock", api.read_clock),
        ("POST", "clock", api.set_clock),
        ("GET", "faults", api.read_faults),
        ("POST", "faults", api.set_faults),
        ("GET", "limits", api.read_limits),
        ("POST", "limits", api.set_limits),
        ("GET", "calls", api.calls),
        ("GET", "log", api.log),
    ]
    return [Route(CONTROL_PREFIX + path, endpoint, methods=[method]) for method, path, endpoint in table]


class _ControlApi:
    """The endpoints below `/_sim/` that both vendors have."""

    def __init__(self, vendor: Vendor, control: ControlPlane) -> None:
        self._vendor = vendor
        self._control = control

    async def status(self, _: Request) -> Response:
        self._control.settle()
        return HTMLResponse(status_page(self._vendor, self._control))

    async def reset(self, _: Request) -> Response:
        self._control.reset()
        self._vendor.reset()
        return JSONResponse({})

    async def credentials(self, _: Request) -> Response:
        return JSONResponse(self._vendor.credentials())

    async def load(self, request: Request) -> Response:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in LINES_TYPES:
            lines = _records_in(request.stream())
            return JSONResponse(await _load_lines(self._vendor, request.query_params.get("object", ""), lines))
        return JSONResponse(await _load(self._vendor, await read_json(request)))

    async def records(self, request: Request) -> Response:
        self._control.settle()
        found = self._vendor.records(request.path_params["object_name"])
        for name, value in request.query_params.items():
            wanted = value.casefold()
            found = [each for each in found if each.get(name) is not None and str(each[name]).casefold() == wanted]
        return JSONResponse(found)

    async def read_clock(self, _: Request) -> Response:
        return JSONResponse(_clock_document(self._control.clock))

    async def set_clock(self, request: Request) -> Response:
        _move_clock(self._control.clock, await read_json(request))
        return JSONResponse(_clock_document(self._control.clock))

    async def read_faults(self, _: Request) -> Response:
        return JSONResponse(self._control.rules())

    async def set_faults(self, request: Request) -> Response:
        self._control.replace(await read_json(request))
        return JSONResponse(self._control.rules())

    async def read_limits(self, _: Request) -> Response:
        return JSONResponse(self._control.limits)

    async def set_limits(self, request: Request) -> Response:
        self._control.set_limits(await read_json(request))
        return JSONResponse(self._control.limits)

    async def calls(self, _: Request) -> Response:
        return JSONResponse(self._control.calls())

    async def log(self, request: Request) -> Response:
        since = request.query_params.get("since", "0")
        if not since.isdecimal():
            raise ControlError("since is the number of a call")
        return JSONResponse(self._control.log_since(int(since)))


async def _load(vendor: Vendor, document: object) -> Record:
    if not isinstance(document, dict) or not document:
        raise ControlError('load is {"<object>": [records]} or {"generate": {"object", "count", "seed"}}')
    answer: Record = {}
    for name, content in document.items():
        if name == "generate":
            object_name, records = _invented(vendor, content)
            answer[object_name] = await _load_batches(vendor, object_name, records)
        elif not isinstance(content, list) or not all(isinstance(record, dict) for record in content):
            raise ControlError(f"{name} is an array of records")
        else:
            answer[name] = vendor.load(name, content)
    return answer


def _invented(vendor: Vendor, content: object) -> tuple[str, Iterator[Record]]:
    """Read a generate document; `values` are put into every record."""
    if not isinstance(content, dict) or not {"object", "count", "seed"} <= content.keys():
        raise ControlError("generate needs object, count and seed; it may have values")
    count, seed, values = content["count"], content["seed"], content.get("values", {})
    if not all(isinstance(each, int) and not isinstance(each, bool) for each in (count, seed)) or count < 0:
        raise ControlError("count and seed are whole numbers")
    if not isinstance(values, dict):
        raise ControlError("values is an object: field names and their values")
    object_name = str(content["object"])
    records = vendor.invent(object_name, count, seed)
    return object_name, ({**record, **values} for record in records)


async def _load_batches(vendor: Vendor, object_name: str, records: Iterator[Record]) -> list[Any]:
    """Load records bit by bit; other calls are answered in between."""
    ids: list[Any] = []
    for batch in batched(records, BATCH_RECORDS, strict=False):
        ids += vendor.load(object_name, list(batch))
        await asyncio.sleep(0)
    return ids


async def _load_lines(vendor: Vendor, object_name: str, lines: AsyncIterator[tuple[int, Record]]) -> Record:
    """Load one record a line; a bad line ends the load, what whole batches before it held stays.

    Raises:
        ControlError: names the line, what is wrong with it, and how many records stay.
    """
    if not object_name:
        raise ControlError("say ?object=<name> for a load of lines")
    ids: list[Any] = []
    batch: list[tuple[int, Record]] = []

    def flush() -> None:
        try:
            ids.extend(vendor.load(object_name, [record for _, record in batch]))
        except RecordError as error:
            number = batch[error.index][0]
            raise ControlError(f"line {number}: {error.reason}; {len(ids)} records before it are loaded") from error
        batch.clear()

    try:
        async for number, record in lines:
            batch.append((number, record))
            if len(batch) >= BATCH_RECORDS:
                flush()
    except LineError as error:
        raise ControlError(f"{error}; {len(ids)} records before it are loaded") from error
    flush()
    return {object_name: ids}


class LineError(ControlError):
    """A line that holds no JSON object."""


async def _records_in(stream: AsyncIterator[bytes]) -> AsyncIterator[tuple[int, Record]]:
    """Give number and record of every line that is not blank, holding one line and one piece of the body.

    Raises:
        LineError: a line is longer than a record may be, or no JSON object.
    """
    number, rest = 0, b""
    async for piece in stream:
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            number += 1
            if line.strip():
                yield number, _record(number, line)
        if len(rest) > LINE_BYTES:
            raise _too_long(number + 1)
    if rest.strip():
        yield number + 1, _record(number + 1, rest)


def _record(number: int, line: bytes) -> Record:
    if len(line) > LINE_BYTES:
        raise _too_long(number)
    try:
        record = json.loads(line)
    except ValueError as error:
        raise LineError(f"line {number} is not JSON") from error
    if not isinstance(record, dict):
        raise LineError(f"line {number} is not a JSON object")
    return record


def _too_long(number: int) -> LineError:
    return LineError(f"line {number} is longer than {LINE_BYTES} bytes")


def _clock_document(clock: Clock) -> Record:
    return {
        "now": iso(clock.now()),
        "offset_seconds": clock.offset_seconds,
        "stands": clock.stands,
        "step_seconds": clock.step_seconds,
    }


def _move_clock(clock: Clock, document: object) -> None:
    if not isinstance(document, dict):
        raise ControlError('clock is {"advance_seconds": n} or {"set": iso}')
    backwards = document.get("allow_backwards") is True
    stand, step, seconds = (document.get(name) for name in ("stand", "step_seconds", "advance_seconds"))
    if not isinstance(stand, bool | None) or not (step is None or is_number(step)):
        raise ControlError("stand is true or false, step_seconds a number, 0 or more")
    if "set" not in document and stand is None and step is None and seconds is None:
        raise ControlError('clock is {"advance_seconds": n}, {"set": iso}, {"stand": true} or {"step_seconds": n}')
    if seconds is not None and (not isinstance(seconds, int | float) or isinstance(seconds, bool)):
        raise ControlError("advance_seconds is a number")
    if "set" in document:
        clock.set(parse_time(document["set"]), allow_backwards=backwards)
    elif seconds is not None:
        clock.advance(seconds, allow_backwards=backwards)
    if stand is not None:
        (clock.stop if stand else clock.run)()
    if step is not None:
        clock.step_seconds = float(step)


# the servers


class _ClosableProtocol(H11Protocol):
    """HTTP/1.1 of uvicorn; the application gets its transport, to close it without an answer."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn does
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


class _QuietServer(uvicorn.Server):
    """A uvicorn server that leaves the process's signals alone, because two of them share one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@dataclass(frozen=True, slots=True)
class Twin:
    """One vendor twin, ready to serve on a port of the loopback interface (0: a free one)."""

    vendor: Vendor
    control: ControlPlane
    port: int


async def serve(twins: list[Twin], announce: Callable[[Record], None]) -> None:
    """Serve the twins until SIGTERM or SIGINT; `announce` gets their URLs and credentials once all listen."""
    listeners = [_listen(twin.port) for twin in twins]
    servers = [
        _QuietServer(
            uvicorn.Config(
                build_app(twin.vendor, twin.control),
                http=_ClosableProtocol,
                lifespan="off",
                log_level="error",
                access_log=False,
                # the date is that of the twin's own clock
                date_header=False,
                timeout_keep_alive=75,
                # long heads reach the vendor's own limits instead of the server's
                h11_max_incomplete_event_size=1_048_576,
                # a call held up by a fault must not keep the process alive
                timeout_graceful_shutdown=1,
            )
        )
        for twin in twins
    ]

    def stop() -> None:
        for server in servers:
            server.should_exit = True

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    ready: Record = {}
    for twin, listener in zip(twins, listeners, strict=True):
        ready[f"{twin.vendor.name}_url"] = f"http://127.0.0.1:{listener.getsockname()[1]}"
        ready[f"{twin.vendor.name}_credentials"] = twin.vendor.credentials()
    for twin in twins:
        twin.control.neighbours = {each.vendor.name: ready[f"{each.vendor.name}_url"] for each in twins}
    # the sockets listen already, so a client that reads the line can connect
    announce(ready)
    await asyncio.gather(
        *(server.serve(sockets=[listener]) for server, listener in zip(servers, listeners, strict=True))
    )


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where the protocol is named: 40 ms a call otherwise
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    listener.settimeout(0)
    return listener
