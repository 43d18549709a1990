"""The access token of one credential, shared by all threads of a process."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from leadbridge.errors import AuthenticationError

# repeated failed logins can lock an integration user, so a refusal is remembered for this long
REFUSAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access token and the instant from which it is no longer used."""

    value: str
    expires_at: datetime
    base_url: str = ""  # where calls go with this token; empty: where the client is configured to


class TokenCache:
    """Holds the current token; `lock` is held by the one thread that fetches while the others wait for it."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.current: Token | None = None
        #: a token that lives longer than it said, and until when
        self._prolonged: tuple[Token, datetime] | None = None
        self._refused_until: datetime | None = None
        self._refusal: AuthenticationError | None = None

    def usable(self, now: datetime, *, instead_of: Token | None = None) -> Token | None:
        """The current token if it still lives and is another one than `instead_of`."""
        current = self.current
        if current is None or current is instead_of or self.expiry_of(current) <= now:
            return None
        return current

    def expiry_of(self, token: Token) -> datetime:
        """From when on a token is no longer used."""
        prolonged = self._prolonged
        return prolonged[1] if prolonged and prolonged[0] is token else token.expires_at

    def prolong(self, token: Token, expires_at: datetime) -> None:
        """Use a token longer than it said."""
        self._prolonged = (token, expires_at)

    def remember_refusal(self, error: AuthenticationError, now: datetime) -> None:
        """Answer further fetches with this refusal for a while instead of asking again."""
        self._refusal = error
        self._refused_until = now + timedelta(seconds=REFUSAL_SECONDS)

    def raise_if_refused(self, now: datetime) -> None:
        """Raise the remembered refusal.

        Raises:
            AuthenticationError: The token endpoint refused these credentials a moment ago.
        """
        if self._refusal is not None and self._refused_until is not None and now < self._refused_until:
            raise AuthenticationError(
                self._refusal.detail,
                vendor=self._refusal.vendor,
                operation=self._refusal.operation,
                code=self._refusal.code,
            )
