"""The built console, the admin API on in-memory ports and a pool's page that asks nobody, as one small server.

It is for states that take a deployment hours to come to, such as open alerts. What API Gateway and Cognito do is shown
by tests/e2e; here a token says who somebody is, and nobody checks its signature.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Lock
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from devstack.stack import ROOT
from leadbridge.admin.requests import CONSOLE_PREFIX
from leadbridge.serving import Console
from tests.builders.admin import PERSON, Admin
from tests.gateway import serving

SITE = ROOT / "functions" / "console" / "site"
#: 2100: sessions of these tests do not end
ENDS = 4_102_444_800


def token_of(role: str) -> str:
    """What the pool says of somebody, unsigned."""
    claims = {"token_use": "id", "email": PERSON, "cognito:groups": [role], "exp": ENDS}
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.e30"


class Front:
    """Answers everything that a browser asks for."""

    def __init__(self, admin: Admin, role: str) -> None:
        """`role`: of whoever comes."""
        self._admin = admin
        self._role = role
        self._console: Console | None = None
        # a process of the API answers one request at a time
        self._one = Lock()

    def event_of(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes) -> dict[str, Any]:
        """The proxy event of a request."""
        url = urlsplit(target)
        query = parse_qs(url.query, keep_blank_values=True)
        given = {name.lower(): value for name, value in headers}
        claims = {"token_use": "id", "email": PERSON, "cognito:groups": self._role}
        signed = given.get("authorization") == f"Bearer {token_of(self._role)}"
        return {
            "httpMethod": method,
            "path": unquote(url.path),
            "resource": "/console/api/{proxy+}",
            "pathParameters": {"proxy": unquote(url.path.removeprefix("/console").removeprefix("/"))},
            "headers": given,
            "multiValueHeaders": {name: [value] for name, value in given.items()},
            "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
            "multiValueQueryStringParameters": query or None,
            "requestContext": {"stage": "prod", "authorizer": {"claims": claims if signed else {}}},
            "body": body.decode() or None,
            "isBase64Encoded": False,
        }

    def answer(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        """The API's, the pool's, or a file's."""
        path = event["path"]
        if path.startswith(f"{CONSOLE_PREFIX}/"):
            with self._one:
                answered = self._admin.api(event, SimpleNamespace(aws_request_id="1"))
            return {**answered, "headers": {name: values[0] for name, values in answered["multiValueHeaders"].items()}}
        if path == "/oauth2/authorize":
            asked = event["queryStringParameters"]
            back = f"{asked['redirect_uri']}?{urlencode({'code': 'any', 'state': asked['state']})}"
            return {"statusCode": 302, "headers": {"Location": back}, "body": ""}
        if path == "/oauth2/token":
            return {"statusCode": 200, "headers": {}, "body": json.dumps({"id_token": token_of(self._role)})}
        self._console = self._console or Console(SITE, sign_in_url=f"http://{event['headers']['host']}")
        # this server carries text: of the copies the plain ones are asked for
        found = self._console({**event, "headers": {}})
        return {**found, "body": base64.b64decode(found["body"]).decode()}


@contextmanager
def console(admin: Admin, role: str) -> Iterator[str]:
    """The address of the console of a deployment, for somebody of a role."""
    front = Front(admin, role)
    with serving(front.answer, front.event_of) as url:
        yield f"{url}/console"
