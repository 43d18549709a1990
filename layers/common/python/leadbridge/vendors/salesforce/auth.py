"""Salesforce's sessions: bought by one of the logins, used at the org's own host, replaced when they end.

The token answer has no `expires_in`: a session lives as long as the org's policy says, and may end any time.
"""

from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from leadbridge.domain.ids import canonical, is_id
from leadbridge.errors import AuthenticationError, ContractError, SyncError, TransientError
from leadbridge.vendors.http.bodies import parse_json, retry_after_of, server_time_of
from leadbridge.vendors.http.hosts import SALESFORCE_HOST, ForbiddenHostError, checked_base
from leadbridge.vendors.http.rules import code_of
from leadbridge.vendors.http.tokens import Token, TokenCache
from leadbridge.vendors.http.transport import TOKEN_REQUEST
from leadbridge.vendors.salesforce.logins import Form, Login

VENDOR = "salesforce"
# without a call, what an org's policy is if nobody has changed it; a session that ends earlier costs a call that is
# refused, and is repeated
SESSION_AGE = timedelta(hours=2)
# smaller differences do not invalidate an assertion that lives three minutes
_SKEW = timedelta(seconds=30)
# a 401 with one of these texts would come back after every login
_NOT_EXPIRY = ("not valid for use with the rest api", "connected app is not attached to agent")

# what a person has to do, by the beginning of a description; the first match wins
_REMEDIES = (
    ("user hasn't approved", "pre-authorize the integration user for the app (profile or permission set)"),
    ("user is not admin approved", "give the integration user a profile or permission set of the app"),
    (
        "audience",
        "the audience must be https://login.salesforce.com, or https://test.salesforce.com for a sandbox",
    ),
    (
        "invalid assertion",
        "upload this connection's certificate to the app, and check client id and user name",
    ),
    ("expired access/refresh token", "let the user consent again and store the new refresh token"),
    ("expired", "check the clock of this system"),
    ("no client credentials user", "name a run-as user in the app"),
    ("request not supported on this domain", "use the org's My Domain address as token host"),
    ("authentication failure", "the integration user is locked or inactive, or its user name is wrong"),
    ("client identifier invalid", "check the consumer key; a new app takes ten minutes to be known"),
    ("invalid client credentials", "check the consumer key; a new app takes ten minutes to be known"),
    ("grant type not supported", "the token host must be https and the login or My Domain address"),
    ("app is not installed", "install the external client app in this org"),
)


class SalesforceAuth(httpx.Auth):
    """Signs calls, sends them to the org's own host; logs in anew and repeats once if a session is dead."""

    requires_response_body = True

    def __init__(
        self,
        *,
        login: Login,
        clock: Callable[[], datetime],
        allowed_hosts: frozenset[str] = frozenset(),
        tokens: TokenCache | None = None,
    ) -> None:
        self._login = login
        self._clock = clock
        self._allowed_hosts = allowed_hosts
        self._tokens = tokens or TokenCache()
        self._skew = timedelta(0)
        self._organization_id = self._user_id = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Send the call, and after INVALID_SESSION_ID once more with a new session; it was not executed.

        Raises:
            AuthenticationError: The login is refused, or a new session is refused too.
            TransientError: The token endpoint did not answer.
            ContractError: The login names another host than an org's.
        """
        token = yield from self._token()
        response = yield _addressed(request, token)
        if not reports_dead_session(response):
            self._used(token)
            return
        token = yield from self._token(instead_of=token)
        response = yield _addressed(request, token)
        if reports_dead_session(response):
            raise AuthenticationError(
                "Salesforce refuses a new session too; check the integration user and the session policy",
                vendor=VENDOR,
                operation="token",
                code="INVALID_SESSION_ID",
            )

    @property
    def user_id(self) -> str:
        """The 18-character id of the user we are, empty before the first login: whose changes are our own."""
        return self._user_id

    @property
    def organization_id(self) -> str:
        """The 18-character id of the org that has let us in, empty before the first login."""
        return self._organization_id

    @property
    def instance_url(self) -> str:
        """The org's host of the current session, empty before the first login."""
        return self._tokens.current.base_url if self._tokens.current else ""

    def forget_session(self) -> None:
        """Log in anew before the next call: the session died where no answer of a call shows it."""
        self._tokens.current = None

    def _used(self, token: Token) -> None:
        """The org counts a session's age anew with a call that comes in its second half."""
        now = self._clock()
        if self._tokens.expiry_of(token) - now < SESSION_AGE / 2:
            self._tokens.prolong(token, now + SESSION_AGE)

    def _token(self, *, instead_of: Token | None = None) -> Generator[httpx.Request, httpx.Response, Token]:
        token = self._tokens.usable(self._clock(), instead_of=instead_of)
        if token is not None:
            return token
        with self._tokens.lock:
            token = self._tokens.usable(self._clock(), instead_of=instead_of)
            if token is None:
                self._tokens.raise_if_refused(self._clock())
                token = yield from self._fetch()
                self._tokens.current = token
            return token

    def _fetch(self) -> Generator[httpx.Request, httpx.Response, Token]:
        response = yield self._token_request(self._form())
        skew = self._skew_shown_by(response)
        if skew is not None:
            before, self._skew = self._skew, skew
            response = yield self._token_request(self._form())
            if response.status_code != httpx.codes.OK:
                self._skew = before  # the clocks were not the reason
        if _is_refusal(response):
            # another process may have been given newer secrets since ours were read
            replaced = self._login.form(self._clock(), fresh=True)
            if replaced is not None:
                response = yield self._token_request(replaced)
        body = _object(response)
        value, instance_url = body.get("access_token"), body.get("instance_url")
        if response.status_code != httpx.codes.OK:
            raise self._refusal(response, body)
        if not isinstance(value, str) or not isinstance(instance_url, str):
            raise ContractError("the login brought no session", vendor=VENDOR, operation="token")
        try:
            base = checked_base(instance_url, SALESFORCE_HOST, self._allowed_hosts)
        except ForbiddenHostError as error:
            raise ContractError(f"instance_url {error}", vendor=VENDOR, operation="token") from error
        self._organization_id, self._user_id = _identity(body)
        self._login.granted(body)
        return Token(value=value, expires_at=self._clock() + SESSION_AGE, base_url=base)

    def _skew_shown_by(self, response: httpx.Response) -> timedelta | None:
        """How far our clock is from the answer's Date, if that can be why an assertion was refused."""
        server_time = server_time_of(response)
        if not self._login.timed or response.status_code == httpx.codes.OK or server_time is None:
            return None
        description = _description(_object(response))
        if "assertion" not in description and "expired" not in description:
            return None
        skew = server_time - self._clock()
        return skew if abs(skew - self._skew) >= _SKEW else None

    def _form(self) -> Form:
        return self._login.form(self._clock() + self._skew) or {}

    def _token_request(self, form: Form) -> httpx.Request:
        return httpx.Request(
            "POST",
            f"{self._login.token_host}/services/oauth2/token",
            content=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            extensions={TOKEN_REQUEST: True},
        )

    def _refusal(self, response: httpx.Response, body: dict[str, Any]) -> SyncError:
        status, error = response.status_code, body.get("error")
        if not _is_refusal(response) or not isinstance(error, str):
            return TransientError(
                "Salesforce's token endpoint failed",
                retry_after_seconds=retry_after_of(response) or 2.0,
                vendor=VENDOR,
                operation="token",
                code=f"http_{status}",
            )
        description = _description(body)
        remedy = next((text for start, text in _REMEDIES if start in description), "check the app and the user")
        refusal = AuthenticationError(
            f"Salesforce refuses the login: {remedy}", vendor=VENDOR, operation="token", code=code_of(error)
        )
        self._tokens.remember_refusal(refusal, self._clock())
        return refusal


def reports_dead_session(response: httpx.Response) -> bool:
    """Whether the answer says that the session has ended, and a new login can help."""
    if response.status_code != httpx.codes.UNAUTHORIZED:
        return False
    try:
        errors = parse_json(response.content)
    except ValueError:
        return False
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    text = str(first.get("message", "")).lower()
    return first.get("errorCode") == "INVALID_SESSION_ID" and not any(part in text for part in _NOT_EXPIRY)


def _addressed(request: httpx.Request, token: Token) -> httpx.Request:
    """The same call at the host that the session belongs to; it can change from one login to the next."""
    base = httpx.URL(token.base_url)
    request.url = base.copy_with(raw_path=request.url.raw_path)
    request.headers["Host"] = base.netloc.decode()
    request.headers["Authorization"] = f"Bearer {token.value}"
    return request


def _object(response: httpx.Response) -> dict[str, Any]:
    try:
        body = parse_json(response.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _description(body: dict[str, Any]) -> str:
    return f"{body.get('error', '')} {body.get('error_description', '')}".lower()


def _is_refusal(response: httpx.Response) -> bool:
    """Whether the token endpoint refuses these credentials, and did not merely fail."""
    status = response.status_code
    if status == httpx.codes.OK or status >= 500 or status in (420, httpx.codes.TOO_MANY_REQUESTS):
        return False
    return isinstance(_object(response).get("error"), str)


def _identity(body: dict[str, Any]) -> tuple[str, str]:
    """Org and user: the last parts of the identity address, `https://…/id/<org>/<user>`; empty where it has none."""
    _, organization, user = ("", "", *str(body.get("id", "")).split("/"))[-3:]
    return canonical(organization) if is_id(organization) else "", canonical(user) if is_id(user) else ""
