"""Starting executions of a state machine."""

import json
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient


class Machine:
    """`sync_ports.SyncStarter` on Step Functions."""

    def __init__(self, client: "SFNClient", arn: str) -> None:
        self._client = client
        self._arn = arn

    def alive(self, name: str) -> bool:
        """Whether an execution of that name is running."""
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"
        try:
            return self._client.describe_execution(executionArn=arn)["status"] == "RUNNING"
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionDoesNotExist":
                raise
            return False

    def start(self, sync: str, slot: str, name: str) -> None:
        """Start an execution of that name; one that has been started already is fine."""
        order = json.dumps({"sync": sync, "slot": slot})
        try:
            self._client.start_execution(stateMachineArn=self._arn, name=name, input=order)
        except ClientError as error:
            # of one that still runs it is answered as if it were new, of one that has ended as this
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                raise
