"""The gateway in front of a receiver, as a small server: a request in, a proxy event to the receiver, its answer out.

It decodes what API Gateway's REST APIs decode: the query string, and a body as UTF-8 text.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

type Proxy = Callable[[Mapping[str, Any]], Mapping[str, Any]]
type Events = Callable[[str, str, list[tuple[str, str]], bytes], dict[str, Any] | None]

METHODS = ("GET", "POST")
#: path parameters of each route, by the first part of its path; what else may follow is another function's route
ROUTES = {
    "actions": ("action_id",),
    "flow-step": ("connection", "mapping", "operation"),
    "outbound-messages": ("connection", "key"),
}
INLINE = "inline"
NOT_THERE: tuple[int, Mapping[str, str], bytes] = (404, {}, b'{"status":"not_found"}')


def event_of(method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> dict[str, Any] | None:
    """The proxy event of a request; None where no route leads."""
    url = urlsplit(target)
    names = ROUTES.get(url.path.split("/")[1], ())
    values = url.path.split("/")[2:]
    if values[1:] == [INLINE] and names == ROUTES["actions"]:
        values.pop()
    if method not in METHODS or not names or len(values) != len(names):
        return None
    several: dict[str, list[str]] = {}
    for name, value in headers:
        several.setdefault(name, []).append(value)
    query = parse_qs(url.query, keep_blank_values=True)
    return {
        "httpMethod": method,
        "pathParameters": {name: unquote(value) for name, value in zip(names, values, strict=True)},
        "headers": {name: values[-1] for name, values in several.items()},
        "multiValueHeaders": several,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "requestContext": {"requestTimeEpoch": 1_772_452_800_123},
        "body": body.decode("utf-8", "replace") or None,
        "isBase64Encoded": False,
    }


@contextmanager
def serving(receive: Proxy, event_of: Events = event_of) -> Iterator[str]:
    """Serve a receiver on a free port until the block ends; gives the address of the API.

    `event_of` makes a proxy event of a request, or none where no route leads.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            event = event_of(self.command, self.path, self.headers.items(), body)
            status, headers, content = NOT_THERE
            if event is not None:
                proxy = receive(event)
                status, headers, content = proxy["statusCode"], proxy["headers"], proxy["body"].encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    for method in (*METHODS, "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        setattr(Handler, f"do_{method}", Handler.answer)

    class Server(ThreadingHTTPServer):
        # a campaign opens its connections at once
        request_queue_size = 128

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
