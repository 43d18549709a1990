"""What SAM uploaded is kept whole, and a stack made of it is one that CloudFormation says is there."""

import io
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest

from devstack import uploads
from devstack.processes import NotReadyError

BUCKET = "artifacts"
CONTENT = {"0a1b": b"a function", "2c3d": b"a layer", "4e5f.template": b"Resources: {}"}


class Storage:
    """Buckets with one page for each object."""

    meta = SimpleNamespace(endpoint_url="http://127.0.0.1:1")

    def __init__(self, content: dict[str, bytes]) -> None:
        self.content = content

    def get_paginator(self, _: str) -> Self:
        """Itself."""
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, list[dict[str, str]]]]:
        """The keys."""
        for key in self.content:
            yield {"Contents": [{"Key": key}]}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, io.BytesIO]:  # noqa: N803  # as boto3 spells them
        """A content."""
        assert Bucket == BUCKET
        return {"Body": io.BytesIO(self.content[Key])}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803  # as boto3 spells them
        """Another one."""
        assert Bucket == BUCKET
        self.content[Key] = Body


class Cloud:
    """CloudFormation, which takes a while and then says how it went."""

    def __init__(self, *states: str) -> None:
        self.states = iter(states)
        self.asked: dict[str, Any] = {}
        self.executed = False

    def create_change_set(self, **asked: Any) -> None:
        """Note what is asked for."""
        self.asked = asked

    def describe_change_set(self, **_: Any) -> dict[str, str]:
        """How far the change set is."""
        return {"Status": next(self.states)}

    def execute_change_set(self, **_: Any) -> None:
        """Begin."""
        self.executed = True

    def describe_stacks(self, **_: Any) -> dict[str, list[dict[str, str]]]:
        """How far the stack is."""
        return {"Stacks": [{"StackStatus": next(self.states)}]}

    def describe_stack_events(self, **_: Any) -> dict[str, list[dict[str, str]]]:
        """Why it is not there."""
        refused = {"LogicalResourceId": "Queue", "ResourceStatusReason": "no such property"}
        return {"StackEvents": [refused, {"LogicalResourceId": "Table"}]}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Uploads of this build; those of the build before are gone."""
    (tmp_path / "uploads/older").mkdir(parents=True)
    folder = tmp_path / "uploads/newer"
    uploads.keep(Storage(dict(CONTENT)), BUCKET, folder)
    assert [each.name for each in folder.parent.iterdir()] == ["newer"]
    return folder


def deployed(kept: Path, cloud: Cloud) -> Storage:
    """Deploy what was kept to an empty account."""
    storage = Storage({})
    uploads.deploy(
        kept, s3=storage, bucket=BUCKET, cloudformation=cloud, stack_name="leadbridge", parameters={"Stage": "local"}
    )
    return storage


def test_a_stack_is_made_of_all_that_was_uploaded(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every object is there under its name, the template's address is given, and the wait ends with the stack."""
    monkeypatch.setattr(uploads, "POLL_SECONDS", 0)
    cloud = Cloud("CREATE_PENDING", "CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_IN_PROGRESS", "CREATE_COMPLETE")

    storage = deployed(kept, cloud)

    assert storage.content == CONTENT
    assert cloud.executed
    assert cloud.asked["TemplateURL"] == "http://127.0.0.1:1/artifacts/4e5f.template"
    assert cloud.asked["Parameters"] == [{"ParameterKey": "Stage", "ParameterValue": "local"}]
    assert list(cloud.states) == []


def test_a_stack_that_is_not_made_is_told_with_its_reasons(kept: Path) -> None:
    """The text has what CloudFormation says of the resources; a change set that fails is not executed."""
    with pytest.raises(NotReadyError, match=r"(?s)is ROLLBACK_COMPLETE.*\nQueue: no such property$"):
        deployed(kept, Cloud("CREATE_COMPLETE", "ROLLBACK_COMPLETE"))
    refused = Cloud("FAILED")
    with pytest.raises(NotReadyError, match="is FAILED"):
        deployed(kept, refused)
    assert not refused.executed
