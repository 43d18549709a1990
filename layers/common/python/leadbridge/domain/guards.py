"""The keys that stand for persons and records while somebody writes them, alike for events and for rows of Syncs."""

from collections.abc import Callable
from functools import partial

from leadbridge.domain.hashing import keyed_hash


def match_guards(secret: bytes, connection: str) -> Callable[..., str]:
    """What makes guards of the values by which records of a connection are looked for: of object, field and value."""
    return partial(keyed_hash, secret, "guard", "match", connection)


def lead_guard(secret: bytes, connection: str, lead_id: str) -> str:
    """The guard of a person of a Marketo instance."""
    return keyed_hash(secret, "guard", "lead", connection, lead_id)
