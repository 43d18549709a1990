"""What the in-process AWS does over and over although nothing comes of it that differs: done once in a process."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import botocore.session
import moto.core.models
import moto.kms.models
from moto.kms.utils import generate_private_key

#: the SDK's descriptions of the services, which are megabytes of JSON, read by each session of its own
_descriptions = cache(botocore.session.create_loader)


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
        patch.object(moto.kms.models, "generate_private_key", _private_key),
        # for clients that speak HTTP by themselves, of which there are none
        patch.object(moto.core.models, "RESPONSES_METHODS", []),
    ):
        yield
