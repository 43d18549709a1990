"""Alerts to a Slack-compatible incoming webhook: one JSON text to an address that is a secret.

Whoever knows the address can write into the channel, so it is kept in Secrets Manager, checked against a list of hosts
and never shown. Source: Slack, "Sending messages using incoming webhooks".
"""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from leadbridge.vendors.http.hosts import ForbiddenHostError, checked_base
from leadbridge.vendors.http.transport import build_http_client

#: seconds for one message; the next look is five minutes away
TIMEOUT = 10.0
#: member of the secret that holds the address
MEMBER = "slack_url"
# parsers disagree about other characters
_PATH = re.compile(r"/[A-Za-z0-9._~/-]+")


def checked_address(url: str, hosts: Collection[str], allowed_hosts: Collection[str] = ()) -> str:
    """The address, if it leads to one of the hosts by https; `allowed_hosts` are `host:port` pairs of a local stack.

    Raises:
        ForbiddenHostError: It does not; the message says why and not what it was.
    """
    # urlsplit drops control characters and what follows an unclosed bracket is an error of its own
    if not url.isascii() or not url.isprintable() or re.search(r"[\s\\\[\]@?#%]", url):
        raise ForbiddenHostError("must be https://, a host and a path, without user, query or other characters")
    parts = urlsplit(url)
    pattern = re.compile("|".join(re.escape(host.lower()) for host in hosts if host) or r"(?!)")
    base = checked_base(f"{parts.scheme}://{parts.netloc}", pattern, allowed_hosts)
    if not _PATH.fullmatch(parts.path):
        raise ForbiddenHostError("must have the path that Slack gave")
    return f"{base}{parts.path}"


class SlackChannel:
    """`ports.Channel` that posts to the address in a secret."""

    name = "slack"

    def __init__(
        self,
        secret: Callable[[], Mapping[str, Any]],
        *,
        hosts: Collection[str],
        allowed_hosts: Collection[str] = (),
        client: httpx.Client | None = None,
    ) -> None:
        self._secret = secret
        self._hosts = hosts
        self._allowed_hosts = allowed_hosts
        self._client = client

    @property
    def configured(self) -> bool:
        """Whether there is an address."""
        return bool(self._secret().get(MEMBER))

    def send(self, subject: str, text: str) -> str:  # noqa: ARG002  # Slack shows the text alone
        """Post a message; gives why that was not possible."""
        try:
            address = checked_address(str(self._secret().get(MEMBER, "")), self._hosts, self._allowed_hosts)
        except ForbiddenHostError as error:
            return f"the address in the secret {error}"
        if self._client is None:
            self._client = build_http_client(max_connections=1)
        try:
            answer = self._client.post(address, json={"text": _escaped(text)}, timeout=TIMEOUT, follow_redirects=False)
        except httpx.HTTPError as error:
            # its text may hold the address
            return f"no answer ({type(error).__name__})"
        # a redirect would carry the text, and the address' secrecy, elsewhere
        return "" if answer.status_code == httpx.codes.OK else f"answered HTTP {answer.status_code}"


def _escaped(text: str) -> str:
    """Text that Slack shows as it is (its three control characters)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
