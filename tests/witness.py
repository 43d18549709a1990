"""A server between the product and a vendor's twin that writes down, byte for byte, what it is asked."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

#: headers that are of one connection only
_OWN = frozenset({"host", "content-length", "connection", "transfer-encoding", "content-encoding", "accept-encoding"})


@dataclass
class Witness:
    """What was asked, in order: `GET /path?query`, and below it the body where there was one."""

    url: str
    asked: list[str] = field(default_factory=list)

    def about(self, path: str) -> list[str]:
        """What was asked of one address, in order."""
        return [each for each in self.asked if each.partition(" ")[2].startswith(path)]


@contextmanager
def witness(behind: str) -> Iterator[Witness]:
    """A witness before the twin at `behind`, whose address in answers is replaced by its own."""
    found: Witness
    twin = httpx.Client(timeout=30, verify=False)

    class Handler(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            # as it stands in the request line; `path` has doubled slashes taken out of it
            target = self.requestline.split(" ")[1]
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            line = f"{self.command} {target}"
            found.asked.append(f"{line}\n{body.decode()}" if body else line)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
            answer = twin.request(self.command, behind + target, content=body, headers=headers)
            content = answer.content.replace(behind.encode(), found.url.encode())
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in _OWN:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    for method in ("GET", "POST", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.pass_on)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Witness(url=f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        twin.close()
