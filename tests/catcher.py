"""A Slack-compatible incoming webhook on this machine: it keeps what it takes, and answers as it is told."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Catcher:
    """What was posted where."""

    host: str
    #: path and JSON body of each call, in order
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    #: status of the next answers, 200 when there is none left
    statuses: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        """An address as Slack gives one."""
        return f"http://{self.host}/services/T000/B000/secretpart"

    @property
    def texts(self) -> list[str]:
        """The messages."""
        return [body["text"] for _, body in self.calls]


@contextmanager
def catcher() -> Iterator[Catcher]:
    """A catcher for the time of the context."""
    found: Catcher

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.calls.append((self.path, body))
            status = found.statuses.pop(0) if found.statuses else 200
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", f"http://{found.host}/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the library's name
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Catcher(host=f"127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
