"""Requests to a local stack's admin API, signed as an administrator's tools sign them."""

import json
from typing import Any

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from devstack.stack import ROOT_CREDENTIALS, Stack


def signed(stack: Stack, method: str, path: str, body: Any = None) -> httpx.Request:
    """A request with the rights of the account's root."""
    content = b"" if body is None else json.dumps(body).encode()
    request = AWSRequest(method, f"{stack.outputs['AdminApiUrl']}{path}", {"Content-Type": "application/json"}, content)
    root = Credentials(ROOT_CREDENTIALS["AWS_ACCESS_KEY_ID"], ROOT_CREDENTIALS["AWS_SECRET_ACCESS_KEY"])
    SigV4Auth(root, "execute-api", stack.region).add_auth(request)
    return httpx.Request(method, str(request.url), content=content, headers=dict(request.headers.items()))
