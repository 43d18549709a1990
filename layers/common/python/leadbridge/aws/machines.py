"""State machines that are started by functions: an execution has the name of what it is for."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from leadbridge.errors import TransientError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

#: Step Functions' words for "later"
_LATER = frozenset({"ThrottlingException", "ServiceUnavailable", "InternalFailure", "ServiceUnavailableException"})


type Standing = Literal["absent", "running", "over"]


class _Executions:
    """Executions of one state machine."""

    def __init__(self, client: "SFNClient", machine: str) -> None:
        """`machine` is the ARN of the state machine."""
        self._client = client
        self._machine = machine

    def _start(self, name: str, order: Mapping[str, Any]) -> None:
        """Start an execution of that name; one that was started before stays as it is.

        Of one that still runs it is answered as if it were new, of one that has ended as refused.
        """
        self._ask(
            "StartExecution",
            "ExecutionAlreadyExists",
            lambda: self._client.start_execution(
                stateMachineArn=self._machine, name=name, input=json.dumps(order, separators=(",", ":"))
            ),
        )

    def _standing(self, name: str) -> Standing:
        """How an execution is."""
        execution = f"{self._machine.replace(':stateMachine:', ':execution:')}:{name}"
        said = self._ask(
            "DescribeExecution",
            "ExecutionDoesNotExist",
            lambda: self._client.describe_execution(executionArn=execution),
        )
        if said is None:
            return "absent"
        # one that waits to be redriven by a person is as good as over
        return "running" if said["status"] == "RUNNING" else "over"

    def _ask(self, operation: str, expected: str, call: Any) -> Any:
        """The answer of a call; None where the service answers with the `expected` refusal."""
        try:
            return call()
        except BotoCoreError as error:
            raise TransientError(type(error).__name__, vendor="aws", operation=operation) from error
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == expected:
                return None
            if code not in _LATER:
                raise
            raise TransientError(
                "Step Functions asks for a pause", vendor="aws", operation=operation, code=code
            ) from error


class StepFunctionsImports(_Executions):
    """`ports.ImportMachine` on Step Functions; an execution has the name of its run, and its number."""

    def start(self, order: Mapping[str, Any], number: int) -> None:
        """Start an execution of the order's run; one of that number that was started before stays as it is."""
        self._start(_name(str(order["run"]), number), order)

    def standing(self, run: str, number: int) -> Standing:
        """How an execution of a run is."""
        return self._standing(_name(run, number))


class Machine(_Executions):
    """`sync_ports.SyncStarter` on Step Functions; an execution has the name of its run.

    What the machine's orders call what they are of is `owner`: a Sync, or a cycle.
    """

    def __init__(self, client: "SFNClient", machine: str, owner: str = "sync") -> None:
        super().__init__(client, machine)
        self._owner = owner

    def alive(self, name: str) -> bool:
        """Whether an execution of that name is running."""
        return self._standing(name) == "running"

    def start(self, sync: str, slot: str, name: str) -> None:
        """Start an execution of that name; one that has been started already is fine."""
        self._start(name, {self._owner: sync, "slot": slot})


def _name(run: str, number: int) -> str:
    return f"{run}-{number}"
