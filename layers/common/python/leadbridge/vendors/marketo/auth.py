"""Marketo's client credentials login.

Until a token expires the identity service hands out the same token with what is left of its life, so asking
early gains nothing: a token is used to its end, and a fetch in its last seconds waits for the end first.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpx

from leadbridge.errors import AuthenticationError, SyncError, TransientError
from leadbridge.vendors.http.bodies import parse_json, retry_after_of
from leadbridge.vendors.http.rules import code_of
from leadbridge.vendors.http.tokens import Token, TokenCache
from leadbridge.vendors.http.transport import TOKEN_REQUEST

VENDOR = "marketo"
# a call that begins in the last seconds of a token could arrive after them
_MARGIN = timedelta(seconds=3)
# waits for the end of a dying token; the identity service rounds its remaining life to seconds
_MOST_WAITS = 2
_DEAD = frozenset({"601", "602"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """Client id and secret of a LaunchPoint service."""

    client_id: str
    client_secret: str

    def __repr__(self) -> str:
        return "Credentials(***)"


class CredentialSource(Protocol):
    """Where credentials come from; `fresh` asks to read past any cache, after the vendor refused them."""

    def __call__(self, *, fresh: bool = False) -> Credentials:
        """The credentials of this connection."""
        ...


class MarketoAuth(httpx.Auth):
    """Signs calls with a bearer header; logs in anew and repeats a call once if its token turns out dead."""

    requires_response_body = True  # a dead token is reported inside a 200

    def __init__(
        self,
        *,
        base_url: str,
        credentials: CredentialSource,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        tokens: TokenCache | None = None,
    ) -> None:
        self._base_url = base_url
        self._credentials = credentials
        self._clock = clock
        self._sleep = sleep
        self._tokens = tokens or TokenCache()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Send the call, and after 601 or 602 once more with a new token.

        Raises:
            AuthenticationError: The identity service refuses us, or a new token is refused too.
            TransientError: The identity service did not answer.
        """
        token = yield from self._token()
        response = yield _signed(request, token)
        code = _code(response)
        if code not in _DEAD:
            return
        token = yield from self._token(instead_of=token)
        response = yield _signed(request, token)
        if _code(response) in _DEAD:
            raise AuthenticationError(
                "Marketo refuses a new token too; check the API user and its LaunchPoint service",
                vendor=VENDOR,
                operation="token",
                code=_code(response),
            )

    def _token(self, *, instead_of: Token | None = None) -> Generator[httpx.Request, httpx.Response, Token]:
        token = self._tokens.usable(self._clock(), instead_of=instead_of)
        if token is not None:
            return token
        with self._tokens.lock:
            token = self._tokens.usable(self._clock(), instead_of=instead_of)
            if token is None:
                self._tokens.raise_if_refused(self._clock())
                token = yield from self._fetch(instead_of)
                self._tokens.current = token
            return token

    def _fetch(self, dead: Token | None) -> Generator[httpx.Request, httpx.Response, Token]:
        """Log in; if what comes back is about to end, wait for its end and log in again."""
        self._outlive(self._tokens.current)
        credentials = self._credentials()
        for wait in range(_MOST_WAITS + 1):
            response = yield self._token_request(credentials)
            if response.status_code == httpx.codes.UNAUTHORIZED:
                credentials, response = yield from self._with_fresh_credentials(credentials, response)
            value, life = self._read(response)
            # without this the answer "expires in 0" would be used, refused and fetched in a circle
            if life > _MARGIN or wait == _MOST_WAITS:
                break
            self._sleep(life.total_seconds() + 1.0)
        if dead is not None and value == dead.value and life <= _MARGIN:
            raise TransientError(
                "the identity service still hands out an expired token",
                retry_after_seconds=_MARGIN.total_seconds(),
                vendor=VENDOR,
                operation="token",
            )
        return Token(value=value, expires_at=self._clock() + life - _MARGIN)

    def _outlive(self, last: Token | None) -> None:
        """Wait out the last seconds of a token that is no longer used but would be handed out again."""
        if last is None:
            return
        rest = last.expires_at + _MARGIN - self._clock()
        if timedelta(0) <= rest <= _MARGIN:
            self._sleep(rest.total_seconds() + 1.0)

    def _with_fresh_credentials(
        self, refused: Credentials, response: httpx.Response
    ) -> Generator[httpx.Request, httpx.Response, tuple[Credentials, httpx.Response]]:
        """After a refusal, read the credentials past the cache: they may just have been rotated."""
        fresh = self._credentials(fresh=True)
        if fresh == refused:
            return refused, response
        response = yield self._token_request(fresh)
        return fresh, response

    def _token_request(self, credentials: Credentials) -> httpx.Request:
        # the identity service documents its parameters in the query only
        return httpx.Request(
            "POST",
            f"{self._base_url}/identity/oauth/token",
            params={
                "grant_type": "client_credentials",
                "client_id": credentials.client_id,
                "client_secret": credentials.client_secret,
            },
            headers={"Accept": "application/json"},
            extensions={TOKEN_REQUEST: True},
        )

    def _read(self, response: httpx.Response) -> tuple[str, timedelta]:
        body = _object(response)
        value, seconds = body.get("access_token"), body.get("expires_in")
        if response.status_code == httpx.codes.OK and isinstance(value, str) and isinstance(seconds, int | float):
            return value, timedelta(seconds=max(0, seconds))
        raise self._refusal(response, body)

    def _refusal(self, response: httpx.Response, body: dict[str, Any]) -> SyncError:
        status = response.status_code
        if status >= 500 or status == httpx.codes.TOO_MANY_REQUESTS or not body:
            return TransientError(
                "Marketo's identity service failed",
                retry_after_seconds=retry_after_of(response) or 2.0,
                vendor=VENDOR,
                operation="token",
                code=f"http_{status}",
            )
        error = AuthenticationError(
            "Marketo refuses the client id or secret; compare them with Admin > Integration > LaunchPoint"
            " and store them again",
            vendor=VENDOR,
            operation="token",
            code=code_of(body.get("error")) or f"http_{status}",
        )
        self._tokens.remember_refusal(error, self._clock())
        return error


def _signed(request: httpx.Request, token: Token) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token.value}"
    return request


def _code(response: httpx.Response) -> str:
    """The first error code of an answer, empty if there is none."""
    errors = _object(response).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else None
    return str(first.get("code", "")) if isinstance(first, dict) else ""


def _object(response: httpx.Response) -> dict[str, Any]:
    # an answer with 20,000 records need not be parsed to see that it is no refusal
    if len(response.content) > 10_000:
        return {}
    try:
        body = parse_json(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
