"""Where the twins may send to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit


def is_loopback(address: str) -> bool:
    """Say whether an address is http or https on this machine; nothing a twin sends leaves it."""
    try:
        parts = urlsplit(address)
        here = parts.hostname == "localhost" or ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and here
