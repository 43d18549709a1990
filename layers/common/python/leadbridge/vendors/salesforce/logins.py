"""The three ways to obtain a session: what is posted to the token endpoint, and what an answer leaves behind.

Source: OAuth 2.0 JWT bearer, client credentials and refresh token flows. Secrets are read when they are needed and
never kept here; a certificate's key is never seen at all.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from leadbridge.vendors.http.bodies import dump_json

# the life of the assertion, not of the session
ASSERTION_SECONDS = 180
_JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"

type Form = dict[str, str]


class SecretSource(Protocol):
    """The secret members of one connection: `client_secret`, `refresh_token`."""

    def __call__(self, *, fresh: bool = False) -> Mapping[str, str]:
        """The members; `fresh` reads past every copy."""
        ...

    def keep(self, members: Mapping[str, str]) -> None:
        """Store members that the vendor has replaced, durably."""
        ...


class Login(Protocol):
    """One flow. `token_host` is where it posts to; a flow that is `timed` fails with a wrong clock."""

    @property
    def token_host(self) -> str:
        """Scheme and host of the token endpoint."""
        ...

    @property
    def timed(self) -> bool:
        """Whether the form tells our time."""
        ...

    def form(self, at: datetime, *, fresh: bool = False) -> Form | None:
        """What to post at this instant; with `fresh` only if stored secrets have changed since the last form."""
        ...

    def granted(self, answer: Mapping[str, Any]) -> None:
        """Keep what an answer replaces."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JwtLogin:
    """Who logs in where. Audience and token host are independent of each other."""

    client_id: str
    username: str
    token_host: str
    audience: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentialsLogin:
    """An app that acts as its run-as user; the token host is the org's My Domain address."""

    client_id: str
    token_host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshTokenLogin:
    """A user who once consented in the browser to the scopes `api` and `refresh_token`."""

    client_id: str
    token_host: str


type LoginSettings = JwtLogin | ClientCredentialsLogin | RefreshTokenLogin


def login_of(settings: LoginSettings, sign: Callable[[bytes], bytes] | None, secrets: SecretSource | None) -> Login:
    """The flow that the settings describe.

    Raises:
        ValueError: What the flow needs is not given: a fault of the caller.
    """
    if isinstance(settings, JwtLogin):
        if sign is None:
            raise ValueError("the JWT bearer flow needs a signature")
        return _JwtBearer(settings, sign)
    if secrets is None:
        raise ValueError("this flow needs secrets")
    if isinstance(settings, ClientCredentialsLogin):
        return _ClientCredentials(settings, secrets)
    return _RefreshToken(settings, secrets)


class _JwtBearer:
    """An assertion signed by a key we never see."""

    timed = True

    def __init__(self, settings: JwtLogin, sign: Callable[[bytes], bytes]) -> None:
        self.token_host = settings.token_host
        self._settings = settings
        self._sign = sign

    def form(self, at: datetime, *, fresh: bool = False) -> Form | None:
        """The grant with a new assertion; there is no secret that could have changed."""
        if fresh:
            return None
        claims = {
            "iss": self._settings.client_id,
            "sub": self._settings.username,
            "aud": self._settings.audience,
            "exp": int(at.timestamp()) + ASSERTION_SECONDS,
        }
        signing_input = _base64url(dump_json({"alg": "RS256"})) + b"." + _base64url(dump_json(claims))
        assertion = signing_input + b"." + _base64url(self._sign(signing_input))
        return {"grant_type": _JWT_BEARER, "assertion": assertion.decode()}

    def granted(self, answer: Mapping[str, Any]) -> None:
        """This flow brings no refresh token."""


class _WithSecrets:
    """A flow that shows stored secrets; once refused, they are read again in case they were replaced."""

    timed = False
    grant_type = ""
    members: tuple[str, ...] = ()

    def __init__(self, settings: ClientCredentialsLogin | RefreshTokenLogin, secrets: SecretSource) -> None:
        self.token_host = settings.token_host
        self._client_id = settings.client_id
        self._secrets = secrets
        self._shown: Form | None = None

    def form(self, at: datetime, *, fresh: bool = False) -> Form | None:  # noqa: ARG002 - only an assertion tells the time
        """The grant with the secrets as they are stored now."""
        known = self._secrets(fresh=fresh)
        form = {"grant_type": self.grant_type, "client_id": self._client_id}
        form |= {name: known[name] for name in self.members if known.get(name)}
        if fresh and form == self._shown:
            return None
        self._shown = form
        return form

    def granted(self, answer: Mapping[str, Any]) -> None:
        """Nothing is replaced."""


class _ClientCredentials(_WithSecrets):
    grant_type = "client_credentials"
    members = ("client_secret",)


class _RefreshToken(_WithSecrets):
    grant_type = "refresh_token"
    members = ("client_secret", "refresh_token")

    def granted(self, answer: Mapping[str, Any]) -> None:
        """Store a refresh token that replaces the one shown: the old one is dead from now on."""
        rotated = answer.get("refresh_token")
        shown = (self._shown or {}).get("refresh_token")
        if isinstance(rotated, str) and rotated and rotated != shown:
            self._secrets.keep({"refresh_token": rotated})


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
