"""Files of any size: the double and the bucket agree."""

from collections.abc import Iterator
from typing import Any

import pytest

from leadbridge.aws.objects import S3Objects
from leadbridge.errors import ConfigurationError, TransientError
from leadbridge.ports import Objects
from tests.fakes.bulk import InMemoryObjects
from tests.integration.aws.local_aws import client, local_aws

PART = 5 << 20


class _Death(BaseException):
    """Ends a process in the middle of a file."""


@pytest.fixture
def bucket() -> Iterator[Any]:
    """An in-process S3 with an empty bucket."""
    with local_aws():
        s3 = client("s3")
        s3.create_bucket(Bucket="data")
        yield s3


@pytest.fixture(params=["memory", "s3"])
def objects(request: pytest.FixtureRequest) -> Objects:
    """Both implementations."""
    if request.param == "memory":
        return InMemoryObjects()
    return S3Objects(request.getfixturevalue("bucket"), bucket="data", part_bytes=PART)


@pytest.mark.parametrize("size", [0, 1, PART - 1, PART, PART + 1, 2 * PART + 17])
def test_what_was_written_is_read_again(objects: Objects, size: int) -> None:
    """Files without a byte, of one request and of several come back byte for byte, as often as they are read."""
    content = bytes(range(256)) * (size // 256 + 1)
    with objects.writing("a/b.csv") as into:
        for start in range(0, size, 700_001):
            into.write(content[start : min(start + 700_001, size)])
    stored = objects.stored("a/b.csv")

    assert stored.size == size
    assert b"".join(stored) == b"".join(stored) == content[:size]


def test_a_small_object_replaces_what_was_there(objects: Objects) -> None:
    """The last one written counts."""
    objects.put("a", b"one")
    objects.put("a", b"two")
    assert b"".join(objects.stored("a")) == b"two"


@pytest.mark.parametrize("size", [10, PART + 1])
def test_a_file_whose_writing_failed_is_not_there(objects: Objects, size: int) -> None:
    """An object is there as a whole or not at all."""
    with pytest.raises(_Death):
        _die_writing(objects, size)
    with pytest.raises(ConfigurationError):
        objects.stored("a")


def test_an_object_that_is_not_there_is_named(objects: Objects) -> None:
    """Whoever named it can correct the name."""
    with pytest.raises(ConfigurationError, match="there is no object"):
        objects.stored("in/rows.csv")


def test_removing_what_is_not_there_does_not_matter(objects: Objects) -> None:
    """Removing may be repeated, of as many as there are."""
    objects.put("a", b"one")
    objects.delete([])
    objects.delete(["a", *(f"other-{number}" for number in range(1500))])
    objects.delete(["a"])
    with pytest.raises(ConfigurationError):
        objects.stored("a")


def test_a_removal_that_left_something_is_tried_again(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 may answer well and still have left an object: that is told, so that no personal data stays unnoticed."""
    left = {"Errors": [{"Key": "a", "Code": "InternalError"}]}
    monkeypatch.setattr(bucket, "delete_objects", lambda **_: left)

    with pytest.raises(TransientError) as caught:
        S3Objects(bucket, bucket="data").delete(["a"])

    assert caught.value.code == "InternalError"


def _die_writing(objects: Objects, size: int) -> None:
    with objects.writing("a") as into:
        into.write(b"x" * size)
        raise _Death
