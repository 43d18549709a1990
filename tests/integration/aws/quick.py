"""What the in-process AWS does over and over although nothing comes of it that differs: done once in a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import botocore.hooks
import botocore.session
import moto.core.models
import moto.kms.models
from moto.kms.utils import generate_private_key

#: the SDK's descriptions of the services, which are megabytes of JSON, read by each session of its own
_descriptions = cache(botocore.session.create_loader)


#: which name an event of a client goes by, found by comparing it with each of a hundred old names
_event_names: dict[str, str] = {}
_new_aliaser = botocore.hooks.EventAliaser.__init__


def _knowing_names(aliaser: Any, emitter: Any, event_aliases: Any = None) -> None:
    """Each client has an aliaser of its own, which begins with knowing nothing; with the same names, it is the same."""
    _new_aliaser(aliaser, emitter, event_aliases)
    if event_aliases is None or event_aliases == botocore.hooks.EVENT_ALIASES:
        aliaser._alias_name_cache = _event_names


@cache
def _never_used() -> Any:
    return generate_private_key("SYMMETRIC_DEFAULT")


def _private_key(key_spec: str) -> Any:
    """Making a key pair takes longer than most tests, and a key that encrypts has no use for one."""
    return _never_used() if key_spec == "SYMMETRIC_DEFAULT" else generate_private_key(key_spec)


@contextmanager
def quick_aws() -> Iterator[None]:
    """Let the in-process AWS that is entered inside start and answer sooner."""
    with (
        patch.object(botocore.session, "create_loader", _descriptions),
        patch.object(botocore.hooks.EventAliaser, "__init__", _knowing_names),
        patch.object(moto.kms.models, "generate_private_key", _private_key),
        # for clients that speak HTTP by themselves, of which there are none
        patch.object(moto.core.models, "RESPONSES_METHODS", []),
    ):
        yield
