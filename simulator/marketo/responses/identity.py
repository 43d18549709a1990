"""The identity endpoint: client credentials for an access token."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from simulator.control import call_of
from simulator.marketo.models.instance import Instance
from simulator.marketo.responses.envelope import Answer, parameter


class IdentityResponses:
    """`GET|POST /identity/oauth/token`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def token(self, request: Request) -> Response:
        """Answer with the service's token, the same until it expires, and its remaining life."""
        call = call_of(request)
        identity = self._instance.identity
        client_id = parameter(call, "client_id") or ""
        grant_type = parameter(call, "grant_type")
        if grant_type != "client_credentials":
            return _refusal("unsupported_grant_type", f"Unsupported grant type: {grant_type}", 400)
        if not identity.knows(client_id):
            return _refusal("unauthorized", f"No client with requested id: {client_id}", 401)
        service = identity.authenticate(client_id, parameter(call, "client_secret") or "")
        if service is None:
            return _refusal("invalid_client", "Bad client credentials", 401)
        call.client = service.user
        control = self._instance.control
        lifetime = control.limit("token_seconds")
        token, expires_in = identity.token(service, control.clock.timestamp(), lifetime)
        return Answer({"access_token": token, "token_type": "bearer", "expires_in": expires_in, "scope": service.user})


def _refusal(error: str, description: str, status: int) -> Answer:
    return Answer({"error": error, "error_description": description}, code=error, status=status)
