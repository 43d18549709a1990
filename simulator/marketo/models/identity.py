"""Custom services, their access tokens, and what a bearer token is worth."""

from __future__ import annotations

import hmac
import random
import uuid
from dataclasses import dataclass

from simulator.marketo.exceptions import MarketoError


@dataclass(frozen=True, slots=True)
class Service:
    """A custom service of the instance and its API-only user."""

    client_id: str
    client_secret: str
    user: str


class Identity:
    """Issues one token per service and keeps handing it out until it expires."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"identity {seed}")  # noqa: S311 - has to be repeatable, guards nothing
        self.services = [
            Service(self._uuid(), self._uuid().replace("-", ""), user)
            for user in ("leadbridge-api@example.com", "other-integration@example.com")
        ]
        self._tokens: dict[str, tuple[Service, float]] = {}
        self._current: dict[str, str] = {}

    def forget_tokens(self) -> None:
        """Make every token unknown."""
        self._tokens.clear()
        self._current.clear()

    def authenticate(self, client_id: str, client_secret: str) -> Service | None:
        """Give the service with these credentials, or nothing."""
        for service in self.services:
            if service.client_id == client_id and hmac.compare_digest(
                service.client_secret.encode(), client_secret.encode()
            ):
                return service
        return None

    def knows(self, client_id: str) -> bool:
        """Say whether there is a service with this id."""
        return any(service.client_id == client_id for service in self.services)

    def token(self, service: Service, now: float, lifetime: float) -> tuple[str, int]:
        """Give the service's token and its remaining whole seconds; a new one only after expiry."""
        token = self._current.get(service.client_id)
        # a life longer than a token's belongs to a clock that was turned back
        if token is None or not now < self._tokens[token][1] <= now + lifetime:
            token = f"{self._uuid()}:sj"
            self._current[service.client_id] = token
            self._tokens[token] = (service, now + lifetime)
        return token, int(self._tokens[token][1] - now)

    def service_of(self, authorization: str | None, now: float) -> Service:
        """Give the service that a request's `Authorization` header proves.

        Raises:
            MarketoError: 603 no token, 601 unknown, 602 expired.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise MarketoError("603", "Access denied")
        known = self._tokens.get(token.strip())
        if known is None:
            raise MarketoError("601", "Access token invalid")
        service, expires_at = known
        if expires_at <= now:
            raise MarketoError("602", "Access token expired")
        return service

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))
