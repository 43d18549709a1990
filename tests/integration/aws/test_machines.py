"""State machines that workers start, on an in-process Step Functions."""

import json
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from leadbridge.aws.machines import StepFunctionsImports
from leadbridge.errors import TransientError
from tests.integration.aws.local_aws import client, local_aws

ORDER = {"run": "import-1", "connection": "marketo-demo"}
ROLE = "arn:aws:iam::123456789012:role/machine"
WAITS = {"StartAt": "Wait", "States": {"Wait": {"Type": "Wait", "Seconds": 60, "End": True}}}


class Answers:
    """A client that answers every call with one error."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def start_execution(self, **_: object) -> None:
        """Refuse."""
        raise self._error

    describe_execution = start_execution


@pytest.fixture
def machine() -> Iterator[StepFunctionsImports]:
    """A machine whose executions are at work until somebody stops them."""
    with local_aws():
        states = client("stepfunctions")
        made = states.create_state_machine(name="import", definition=json.dumps(WAITS), roleArn=ROLE)
        yield StepFunctionsImports(states, machine=made["stateMachineArn"])


def stop(name: str) -> None:
    """End an execution."""
    states = client("stepfunctions")
    (made,) = states.list_state_machines()["stateMachines"]
    for each in states.list_executions(stateMachineArn=made["stateMachineArn"])["executions"]:
        if each["name"] == name:
            states.stop_execution(executionArn=each["executionArn"])


def test_a_repeated_start_is_the_same_execution(machine: StepFunctionsImports) -> None:
    """Started twice it runs once, with the order as its input; once it has ended a start changes nothing."""
    assert machine.standing("import-1", 0) == "absent"
    machine.start(ORDER, 0)
    machine.start(ORDER, 0)
    assert machine.standing("import-1", 0) == "running"
    states = client("stepfunctions")
    (made,) = states.list_state_machines()["stateMachines"]
    (execution,) = states.list_executions(stateMachineArn=made["stateMachineArn"])["executions"]
    assert json.loads(states.describe_execution(executionArn=execution["executionArn"])["input"]) == ORDER

    stop("import-1-0")
    machine.start(ORDER, 0)
    assert machine.standing("import-1", 0) == "over"


def test_executions_of_one_run_are_numbered(machine: StepFunctionsImports) -> None:
    """The next one begins where the one before has stopped."""
    machine.start(ORDER, 0)
    stop("import-1-0")
    machine.start(ORDER, 1)

    assert [machine.standing("import-1", number) for number in (0, 1, 2)] == ["over", "running", "absent"]


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url="https://states.example.com"),
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "later"}}, "StartExecution"),
    ],
    ids=["no answer", "throttled"],
)
def test_a_pause_of_the_service_is_nobodys_fault(error: Exception) -> None:
    """The caller may try again later."""
    machine = StepFunctionsImports(Answers(error), machine="arn:aws:states:::stateMachine:import")  # type: ignore[arg-type]  # a double of two calls
    with pytest.raises(TransientError):
        machine.start(ORDER, 0)
    with pytest.raises(TransientError):
        machine.standing("import-1", 0)


def test_a_machine_that_is_not_there_is_a_fault_of_the_set_up() -> None:
    """It is raised as it is, with the service's code."""
    gone = ClientError({"Error": {"Code": "StateMachineDoesNotExist", "Message": "gone"}}, "StartExecution")
    machine = StepFunctionsImports(Answers(gone), machine="arn:aws:states:::stateMachine:import")  # type: ignore[arg-type]  # a double of two calls
    with pytest.raises(ClientError, match="gone"):
        machine.start(ORDER, 0)
