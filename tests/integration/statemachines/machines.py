"""The real state machines in an in-process AWS: their tasks call the handler's use-case, their waits move a clock."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from jsonpath_ng.ext import parse  # type: ignore[attr-defined]  # it does not say that it is public
from moto.awslambda_simple.models import LambdaSimpleBackend
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from leadbridge.errors import SyncError
from tests.fakes.steps import Crash
from tests.integration.aws.local_aws import client, local_aws
from tests.unit.test_template import MACHINES, ROOT

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

REGION = "us-east-1"
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/machine"
#: what the definitions leave open
OPEN = {
    "RunBulkStepFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:run-bulk-step",
    "RunSyncStepFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:run-sync-step",
    "RunCycleStepFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:run-cycle-step",
    "SyncMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:SyncMachine",
    "BulkExtractMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:BulkExtractMachine",
    "BulkImportMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:BulkImportMachine",
    "Partition": "aws",
}
#: seconds of real time that an execution may take
PATIENCE = 60.0
#: between two looks at an execution, of which each takes longer than most states do
POLL_SECONDS = 0.05

type Handler = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class Execution:
    """How an execution ended, and the states it went through."""

    status: str
    output: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    cause: str = ""
    states: list[str] = field(default_factory=list)


class Machines:
    """The machines as the template describes them."""

    def __init__(self, sfn: "SFNClient") -> None:
        self._sfn = sfn
        self._arns: dict[str, str] = {}

    def arn(self, machine: str) -> str:
        """A machine's address; it is made when it is first asked for, which takes a second."""
        if machine not in self._arns:
            described = MACHINES[machine]
            text = (ROOT / described["DefinitionUri"]).read_text("utf-8")
            for placeholder in described["DefinitionSubstitutions"]:
                text = text.replace(f"${{{placeholder}}}", OPEN[placeholder])
            assert "${" not in text
            made = self._sfn.create_state_machine(name=machine, definition=text, roleArn=ROLE)
            self._arns[machine] = made["stateMachineArn"]
        return self._arns[machine]

    def run(self, machine: str, order: Mapping[str, Any], *, name: str = "execution") -> Execution:
        """Execute a machine to its end."""
        arn = self._sfn.start_execution(stateMachineArn=self.arn(machine), input=json.dumps(order), name=name)
        return self.ended(arn["executionArn"])

    def ended(self, arn: str) -> Execution:
        """Wait for an execution's end."""
        deadline = time.monotonic() + PATIENCE
        while (said := self._sfn.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline, self.states(arn)
            time.sleep(POLL_SECONDS)
        return Execution(
            status=said["status"],
            output=json.loads(said.get("output") or "{}"),
            error=said.get("error", ""),
            cause=said.get("cause", ""),
            states=self.states(arn),
        )

    def execution(self, machine: str, name: str) -> str:
        """The address of an execution of that name."""
        return f"{self.arn(machine).replace(':stateMachine:', ':execution:')}:{name}"

    def all_ended(self, machine: str) -> None:
        """Wait until no execution of a machine runs, also none that another one started."""
        deadline = time.monotonic() + PATIENCE
        while self._sfn.list_executions(stateMachineArn=self.arn(machine), statusFilter="RUNNING")["executions"]:
            assert time.monotonic() < deadline
            time.sleep(POLL_SECONDS)

    def states(self, arn: str) -> list[str]:
        """The states that an execution entered, in order."""
        events = self._sfn.get_execution_history(executionArn=arn, maxResults=1000)["events"]
        return [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]


@contextmanager
def machines(
    patch: pytest.MonkeyPatch, handler: Handler, wait: Callable[[float], object]
) -> Iterator[Callable[[], Machines]]:
    """An in-process AWS whose functions are `handler` and whose waits are `wait`; gives what makes the machines."""

    def invoke(
        self: LambdaSimpleBackend, function_name: str, qualifier: object, body: Any, headers: object, answered: Any
    ) -> bytes:
        assert any(function_name in each for each in OPEN.values())
        try:
            return json.dumps(handler(json.loads(body))).encode()
        except SyncError as error:
            # what Lambda makes of an exception: its class alone is the error's name
            answered["x-amz-function-error"] = "Unhandled"
            return json.dumps({"errorType": type(error).__name__, "errorMessage": str(error)}).encode()
        except Crash as death:
            answered["x-amz-function-error"] = "Unhandled"
            return json.dumps({"errorType": "Sandbox.Timedout", "errorMessage": f"died at {death}"}).encode()

    patch.setattr(LambdaSimpleBackend, "invoke", invoke)
    # moto leaves out what turns AWS's spelling of members into the SDK's, and back
    patch.setattr(StateTaskServiceSfn, "_normalise_parameters", _as_the_sdk_spells)
    patch.setattr(StateTaskServiceSfn, "_normalise_response", _as_machines_spell)
    # all are asked for again and again, for the same few texts
    patch.setattr(AmazonStateLanguageParser, "parse", staticmethod(_program))
    patch.setattr(json_path, "parse", _path)
    patch.setattr(StepFunctionsParserBackend, "_validate_definition", _validated)
    patch.setattr(retrier_decl, "time", SimpleNamespace(sleep=wait))
    patch.setattr(WaitFunction, "_wait_interval", lambda self, env, wait_seconds: wait(wait_seconds))
    config: Any = {"stepfunctions": {"execute_state_machine": True}, "lambda": {"use_docker": False}}
    with local_aws(config):
        yield lambda: Machines(client("stepfunctions"))


_parse = AmazonStateLanguageParser.parse
_path = cache(parse)
_validated = staticmethod(cache(StepFunctionsParserBackend._validate_definition))


@cache
def _tree(definition: str) -> object:
    """What the parser makes of a definition, which takes longer than executing it."""
    return _parse(definition)[1]


def _program(definition: str) -> tuple[EvalComponent, object]:
    """What an execution goes through, made for it alone."""
    tree = _tree(definition)
    return Preprocessor().visit(tree), tree


def _as_the_sdk_spells(self: StateTaskServiceSfn, parameters: dict[str, Any], **_: object) -> None:
    for name in list(parameters):
        value = parameters.pop(name)
        parameters[name[0].lower() + name[1:]] = value if isinstance(value, str) else json.dumps(value)


def _as_machines_spell(self: StateTaskServiceSfn, response: dict[str, Any], **_: object) -> None:
    for name in list(response):
        response[name[0].upper() + name[1:]] = response.pop(name)
