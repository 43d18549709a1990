"""Logging in: connected apps and their certificates, assertions really verified, sessions that end.

Source: OAuth 2.0 JWT bearer flow, client credentials flow, refresh token flow, token introspection, and
their error lists.
"""

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from simulator.control import ControlError, ControlPlane
from simulator.salesforce.exceptions import ApiError, OAuthError
from simulator.salesforce.models import INTEGRATION_USER

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LOGIN_AUDIENCE = "https://login.salesforce.com"
TEST_AUDIENCE = "https://test.salesforce.com"
_STRICT_EXPIRY_SECONDS = 300


@dataclass
class App:
    """A connected app: its secret, the certificates uploaded to it and the users approved for it."""

    client_id: str
    client_secret: str
    usernames: set[str]
    certificates: dict[bytes, x509.Certificate] = field(default_factory=dict)


@dataclass
class Session:
    """An access token in use."""

    client_id: str
    last_used: float
    opened_at: float = 0.0
    refresh_token: str | None = None


class Login:
    """The token endpoint's state; apps and certificates outlive a reset, sessions do not."""

    def __init__(self, control: ControlPlane) -> None:
        self._control = control
        key = _derived(control.seed, "consumer key")
        self.app = App("3MVG9" + key[:80], _derived(control.seed, "consumer secret").upper(), {INTEGRATION_USER})
        self._apps = {self.app.client_id: self.app}
        self._sessions: dict[str, Session] = {}
        self._issued = 0
        # what the consent of a person in the browser once gave; the twin has no browser
        self.refresh_token = "5Aep" + _derived(control.seed, "refresh token")[:80]
        self._refresh_tokens = {self.refresh_token}

    def forget_sessions(self) -> int:
        """End every session and return how many there were."""
        count = len(self._sessions)
        self._sessions.clear()
        return count

    def add_certificate(self, document: Any) -> dict[str, Any]:
        """Upload a certificate to an app, as its administrator would.

        Raises:
            ControlError: The document or the certificate cannot be read, or its key is not RSA.
        """
        if not isinstance(document, dict) or not isinstance(document.get("certificate"), str):
            raise ControlError('a certificate is {"certificate": "<PEM>"}')
        try:
            certificate = x509.load_pem_x509_certificate(document["certificate"].encode())
        except ValueError as error:
            raise ControlError("the certificate is not readable PEM") from error
        if not isinstance(certificate.public_key(), rsa.RSAPublicKey):
            raise ControlError("only certificates with an RSA key are accepted")
        client_id = str(document.get("client_id") or self.app.client_id)
        app = self._apps.setdefault(client_id, App(client_id, self.app.client_secret, {INTEGRATION_USER}))
        if document.get("username"):
            app.usernames.add(str(document["username"]))
        fingerprint = certificate.fingerprint(SHA256())
        app.certificates[fingerprint] = certificate
        return {
            "client_id": client_id,
            "fingerprint": fingerprint.hex(),
            "not_after": certificate.not_valid_after_utc.isoformat(),
        }

    def grant(self, form: dict[str, str], authorization: str, own_url: str) -> tuple[str, str | None]:
        """Check a token request and return a new access token, and the refresh token that replaces the one shown.

        Raises:
            OAuthError: With the vendor's error and description.
        """
        if not self._control.switch("app_installed"):
            raise OAuthError("invalid_client", "External client app is not installed in this org")
        if not self._control.switch("user_active"):
            raise OAuthError("invalid_grant", "authentication failure")
        refresh_token: str | None = None
        match form.get("grant_type"):
            case grant if grant == JWT_BEARER:
                client_id = self._verify_assertion(form.get("assertion", ""), own_url)
            case "client_credentials":
                client_id = self._verify_client(form, authorization)
                if not self._control.switch("on_my_domain"):
                    raise OAuthError("invalid_grant", "request not supported on this domain")
                if not self._control.switch("client_credentials_user"):
                    raise OAuthError("invalid_grant", "no client credentials user enabled")
            case "refresh_token":
                client_id = self._verify_client(form, authorization)
                refresh_token = form.get("refresh_token", "")
                if refresh_token not in self._refresh_tokens or not self._control.switch("refresh_token_valid"):
                    raise OAuthError("invalid_grant", "expired access/refresh token")
            case _:
                raise OAuthError("unsupported_grant_type", "grant type not supported")
        self._issued += 1
        token = f"00D!{_derived(self._control.seed, f'token {self._issued}')}"
        now = self._control.clock.timestamp()
        self._sessions[token] = Session(client_id, now, now, refresh_token)
        return token, self._rotated(refresh_token)

    def _rotated(self, shown: str | None) -> str | None:
        """Replace a refresh token that was shown, if the app's policy is to rotate them: the old one is dead."""
        if shown is None or not self._control.switch("rotate_refresh_tokens"):
            return None
        fresh = "5Aep" + _derived(self._control.seed, f"refresh token {self._issued}")[:80]
        self._refresh_tokens.discard(shown)
        self._refresh_tokens.add(fresh)
        return fresh

    def introspect(self, form: dict[str, str], authorization: str) -> dict[str, Any]:
        """Say what a token is worth; the end of a session is told nowhere else.

        Raises:
            OAuthError: The client that asks did not show who it is.
        """
        self._verify_client(form, authorization)
        session = self._sessions.get(form.get("token", ""))
        ends = session.last_used + self._control.limit("session_seconds") if session else 0.0
        if session is None or ends <= self._control.clock.timestamp():
            return {"active": False}
        return {
            "active": True,
            "scope": "api web",
            "client_id": session.client_id,
            "username": INTEGRATION_USER,
            "token_type": "access_token",
            "iat": int(session.opened_at),
            "nbf": int(session.opened_at),
            "exp": int(ends),
        }

    def revoke(self, token: str) -> None:
        """End one session, or a refresh token with all its sessions.

        Raises:
            OAuthError: There is no such token.
        """
        if token in self._refresh_tokens:
            # with it go the sessions that it opened
            self._refresh_tokens.discard(token)
            self._sessions = {key: each for key, each in self._sessions.items() if each.refresh_token != token}
        elif self._sessions.pop(token, None) is None:
            raise OAuthError("invalid_token", "the token is not valid")

    def start_over(self) -> None:
        """Be as at the start: no session, and the refresh token that people gave works again."""
        self.forget_sessions()
        self._refresh_tokens = {self.refresh_token}

    def authenticate(self, authorization: str) -> str:
        """Return the client id of the session that a request shows; using a session extends it.

        Raises:
            ApiError: INVALID_SESSION_ID.
        """
        scheme, _, token = authorization.partition(" ")
        session = self._sessions.get(token.strip()) if scheme.lower() in ("bearer", "oauth") else None
        now = self._control.clock.timestamp()
        if session is None or now - session.last_used >= self._control.limit("session_seconds"):
            self._sessions.pop(token, None)
            raise ApiError(401, "INVALID_SESSION_ID", "Session expired or invalid")
        session.last_used = now
        return session.client_id

    def _verify_client(self, form: dict[str, str], authorization: str) -> str:
        client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if authorization.lower().startswith("basic "):
            try:
                decoded = base64.b64decode(authorization[6:], validate=True).decode()
            except (binascii.Error, UnicodeDecodeError):
                raise OAuthError("invalid_client", "invalid client credentials") from None
            client_id, _, secret = decoded.partition(":")
        app = self._apps.get(client_id)
        if app is None:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if secret != app.client_secret:
            raise OAuthError("invalid_client", "invalid client credentials")
        return client_id

    def _verify_assertion(self, assertion: str, own_url: str) -> str:
        signed, claims, signature = _decode(assertion)
        app = self._apps.get(str(claims.get("iss", "")))
        if app is None:
            raise OAuthError("invalid_client_id", "client identifier invalid")
        if not self._is_signed(app, signed, signature):
            raise _invalid_assertion()
        if claims.get("sub") not in app.usernames:
            raise OAuthError("invalid_grant", "user hasn't approved this consumer")
        if not self._control.switch("user_admin_approved"):
            raise OAuthError("invalid_app_access", "user is not admin approved to access this app")
        if claims.get("aud") not in self._audiences(own_url):
            raise OAuthError("invalid_grant", "audience is invalid")
        expires = claims.get("exp")
        # live orgs take digits in a string as well
        if isinstance(expires, str) and expires.isdecimal():
            expires = int(expires)
        if not isinstance(expires, int | float) or isinstance(expires, bool):
            raise _invalid_assertion()
        left = expires - self._control.clock.timestamp()
        if left <= 0 or (left > _STRICT_EXPIRY_SECONDS and self._control.switch("strict_assertion_expiry")):
            raise _invalid_assertion()
        return app.client_id

    def _audiences(self, own_url: str) -> set[str]:
        audiences = {own_url}
        if self._control.switch("accept_login_audience"):
            audiences.add(LOGIN_AUDIENCE)
        if self._control.switch("accept_test_audience"):
            audiences.add(TEST_AUDIENCE)
        return audiences

    def _is_signed(self, app: App, signed: bytes, signature: bytes) -> bool:
        """Say whether one of the app's certificates, none of them expired, made the signature."""
        now = self._control.clock.now()
        for certificate in app.certificates.values():
            key = certificate.public_key()
            if certificate.not_valid_after_utc <= now or not isinstance(key, rsa.RSAPublicKey):
                continue
            try:
                key.verify(signature, signed, padding.PKCS1v15(), SHA256())
            except InvalidSignature:
                continue
            return True
        return False


def _decode(assertion: str) -> tuple[bytes, dict[str, Any], bytes]:
    """Split an assertion into what was signed, its claims and the signature; only RS256 is known."""
    parts = assertion.split(".")
    if len(parts) != 3:
        raise _invalid_assertion()
    try:
        header, claims, signature = (_base64url(part) for part in parts)
        header_document, claims_document = json.loads(header), json.loads(claims)
    except (ValueError, RecursionError):
        raise _invalid_assertion() from None
    if not isinstance(header_document, dict) or header_document.get("alg") != "RS256":
        raise _invalid_assertion()
    if not isinstance(claims_document, dict):
        raise _invalid_assertion()
    return f"{parts[0]}.{parts[1]}".encode(), claims_document, signature


def _base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def _invalid_assertion() -> OAuthError:
    return OAuthError("invalid_grant", "invalid assertion")


def _derived(seed: int, purpose: str) -> str:
    """Return text that looks random but is the same for one seed and purpose."""
    return hashlib.sha512(f"salesforce twin {seed} {purpose}".encode()).hexdigest()
