"""What `sam deploy` uploads, kept: another stack of the same build is deployed of it as SAM does, without SAM.

Packing the layers and reading the template takes SAM seven seconds of the processor, each time with the same result.
"""

import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from devstack.processes import POLL_SECONDS, NotReadyError

#: the end of the name of the template among what is uploaded
TEMPLATE = ".template"
DEPLOY_SECONDS = 300.0
_CHANGES = "kept"


def keep(s3: Any, bucket: str, folder: Path) -> None:
    """Copy everything of a bucket to a folder, which is whole as soon as it is there; others beside it go."""
    shutil.rmtree(folder.parent, ignore_errors=True)
    half = folder.with_suffix(".half")
    half.mkdir(parents=True)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page["Contents"]:
            (half / each["Key"]).write_bytes(s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read())
    half.rename(folder)


def deploy(
    folder: Path, *, s3: Any, bucket: str, cloudformation: Any, stack_name: str, parameters: Mapping[str, str]
) -> None:
    """Upload what was kept and make a stack of it through a change set, as SAM does.

    Raises:
        NotReadyError: The stack was not made; the text says what CloudFormation says.
    """
    for file in folder.iterdir():
        s3.put_object(Bucket=bucket, Key=file.name, Body=file.read_bytes())
    [template] = folder.glob(f"*{TEMPLATE}")
    cloudformation.create_change_set(
        StackName=stack_name,
        ChangeSetName=_CHANGES,
        ChangeSetType="CREATE",
        TemplateURL=f"{s3.meta.endpoint_url}/{bucket}/{template.name}",
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
    )
    _wait(
        lambda: cloudformation.describe_change_set(StackName=stack_name, ChangeSetName=_CHANGES)["Status"],
        "CREATE_COMPLETE",
    )
    cloudformation.execute_change_set(StackName=stack_name, ChangeSetName=_CHANGES)
    try:
        _wait(
            lambda: cloudformation.describe_stacks(StackName=stack_name)["Stacks"][0]["StackStatus"], "CREATE_COMPLETE"
        )
    except NotReadyError as error:
        events = cloudformation.describe_stack_events(StackName=stack_name)["StackEvents"]
        said = [
            f"{each['LogicalResourceId']}: {each['ResourceStatusReason']}"
            for each in events
            if "ResourceStatusReason" in each
        ]
        raise NotReadyError("\n".join([str(error), *said])) from None


def _wait(status: Callable[[], str], wanted: str) -> None:
    deadline = time.monotonic() + DEPLOY_SECONDS
    while (found := status()) != wanted:
        if time.monotonic() > deadline or not found.endswith(("_PENDING", "_IN_PROGRESS")):
            raise NotReadyError(f"the deployment is {found}, not {wanted}")
        time.sleep(POLL_SECONDS)
