"""Which hosts a request may be sent to; every address from a setting or an answer passes here.

Source: OWASP API7 (server-side request forgery): another host would be given our token.
"""

import re
from collections.abc import Collection
from urllib.parse import urlsplit

_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
MARKETO_HOST = re.compile(r"\d{3}-[A-Z]{3}-\d{3}\.mktorest\.com", re.IGNORECASE)
SALESFORCE_HOST = re.compile(rf"(?:{_LABEL}\.)+my\.salesforce\.com")
SALESFORCE_LOGIN_HOST = re.compile(rf"(?:login|test)\.salesforce\.com|(?:{_LABEL}\.)+my\.salesforce\.com")

# parsers disagree about other characters (white space, backslash, percent), so none may appear
_PLAIN = re.compile(r"https?://[A-Za-z0-9.:-]+/?")
# the same for paths that come from an answer
_PATH = re.compile(r"/services/data/[A-Za-z0-9._~!$&'*+,;=:@?%/-]+")


class ForbiddenHostError(ValueError):
    """The address is not one of the vendor's; the message says what is wrong with it."""


def checked_base(url: str, pattern: re.Pattern[str], allowed_hosts: Collection[str]) -> str:
    """The address as scheme and host without a trailing slash, if it is one we may call.

    `allowed_hosts` lists `host:port` pairs of a local stack, for which plain http is allowed too.

    Raises:
        ForbiddenHostError: Other host, scheme, port, user information or path.
    """
    if not _PLAIN.fullmatch(url):
        raise ForbiddenHostError("must be https:// and a host name, without user, path or query")
    parts = urlsplit(url)
    if parts.netloc in allowed_hosts:
        return f"{parts.scheme}://{parts.netloc}"
    if parts.scheme != "https":
        raise ForbiddenHostError("must use https")
    if parts.netloc != parts.hostname and parts.netloc.lower() != parts.hostname:
        raise ForbiddenHostError("must not name a port")
    if not pattern.fullmatch(parts.hostname or ""):
        raise ForbiddenHostError("is not a host of this vendor")
    return f"https://{parts.hostname}"


def checked_path(next_url: str, base: str) -> str:
    """The path and query of a follow-up address that an answer names; it must stay on `base`.

    Raises:
        ForbiddenHostError: It leads to another host or out of the data API.
    """
    path = next_url.removeprefix(base) if next_url.startswith(base + "/") else next_url
    if not _PATH.fullmatch(path) or "//" in path or "/../" in path:
        raise ForbiddenHostError("leads away from the data API of this org")
    return path
