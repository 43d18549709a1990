"""What each role may do and what it did are the same, both ways."""

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase

import pytest

from devstack.stack import FUNCTIONS, Stack
from tests.fault.leaks import doors
from tests.fault.leaks.story import Story

#: shorter than the time that a worker keeps for its last writes, so that it hands over at once
NO_TIME_SECONDS = 100

#: what Step Functions does in the name of a machine's role
MACHINE_ACTIONS = {
    "lambda:InvokeFunction": "Step Functions calls the function",
    "states:StartExecution": "Step Functions starts the execution that goes on",
    "states:DescribeExecution": "Step Functions looks whether it has ended",
    "states:StopExecution": "Step Functions stops it with the one that waits",
    "events:PutTargets": "Step Functions hears of its end",
    "events:PutRule": "Step Functions hears of its end",
    "events:DescribeRule": "Step Functions hears of its end",
    "logs:CreateLogDelivery": "Step Functions delivers its logs",
    "logs:GetLogDelivery": "Step Functions delivers its logs",
    "logs:UpdateLogDelivery": "Step Functions delivers its logs",
    "logs:DeleteLogDelivery": "Step Functions delivers its logs",
    "logs:ListLogDeliveries": "Step Functions delivers its logs",
    "logs:PutResourcePolicy": "Step Functions delivers its logs",
    "logs:DescribeResourcePolicies": "Step Functions delivers its logs",
    "logs:DescribeLogGroups": "Step Functions delivers its logs",
    "xray:GetSamplingRules": "Step Functions sends the traces",
    "xray:GetSamplingTargets": "Step Functions sends the traces",
}
#: role, action and the reason why no local run can use it: the emulator does these things without the role.
#: On AWS the service does them in the role's name, and fails without them.
BY_THE_SERVICE: Sequence[tuple[str, str, str]] = (
    ("*", "logs:CreateLogStream", "the Lambda service writes the log lines"),
    ("*", "logs:PutLogEvents", "the Lambda service writes the log lines"),
    ("*", "xray:PutTraceSegments", "the Lambda service sends the traces"),
    ("*", "xray:PutTelemetryRecords", "the Lambda service sends the traces"),
    *(
        (role, action, "the Lambda service polls the queue")
        for role in ("StoreEventsRole", "HearOfChangesRole")
        for action in ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes")
    ),
    ("StartSyncRole", "iam:PassRole", "EventBridge Scheduler asks whether the function may hand over the role"),
    *(
        (role, "sqs:SendMessage", "the Lambda service reports calls that it gave up")
        for role in (
            "RunActionsRole",
            "SweepRole",
            "CallBackRole",
            "RecoverCallsRole",
            "SendAlertsRole",
            "StartSyncRole",
        )
    ),
    *(
        (role, action, f"EventBridge Scheduler {reason}")
        for role in (
            *("ScheduleRole", "CallBackScheduleRole", "RecoverScheduleRole", "AlertScheduleRole"),
            "SyncScheduleRole",
        )
        for action, reason in (
            ("lambda:InvokeFunction", "calls the function"),
            ("sqs:SendMessage", "reports calls that it gave up"),
        )
    ),
    *(
        (role, action, reason)
        for role in ("BulkExtractRole", "BulkImportRole", "SyncRole", "CycleRole")
        for action, reason in MACHINE_ACTIONS.items()
    ),
)

type Permission = tuple[str, str, str]


def test_every_permission_is_used_and_nothing_else_was_tried(story: Story) -> None:
    """I7: for each role the actions that its policies allow, on each resource, are the actions that it used in a run
    with faults of all kinds; the differences are empty, both ways, and nothing was refused."""
    stack = story.rig.stack
    hand_over(story)
    doors.erasure(story)
    granted = set(permissions(stack))
    uses = stack.permissions_used()
    used = {
        as_granted((_logical(use["role"]), use["action"], use["resource"]), granted)
        for use in uses
        if use["decision"] == "allow"
    }
    beyond = {(role, action) for role, action, _ in BY_THE_SERVICE}

    def by_the_service(permission: Permission) -> bool:
        role, action, _ = permission
        return bool({(role, action), ("*", action)} & beyond)

    assert [use for use in uses if use["decision"] != "allow"] == []
    assert used - granted == set()
    assert {each for each in granted - used if not by_the_service(each)} == set()


def test_the_list_of_what_cannot_be_seen_is_no_longer_than_it_must_be(story: Story) -> None:
    """Every line of the list speaks of a permission that exists and that no run uses."""
    granted = {(role, action) for role, action, _ in permissions(story.rig.stack)}
    used = {(_logical(use["role"]), use["action"]) for use in story.rig.stack.permissions_used()}
    for role, action, reason in BY_THE_SERVICE:
        holders = {each for each in granted if each[1] == action and role in {"*", each[0]}}
        assert holders, (role, action, reason)
        assert not holders & used, (role, action, reason)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_a_role_of_its_own(story: Story, function: str) -> None:
    """No two functions share a role, so what one may do says nothing of another."""
    client, outputs = story.rig.stack.client("lambda"), story.rig.stack.outputs
    roles = {
        name: client.get_function_configuration(FunctionName=outputs[output])["Role"]
        for name, output in FUNCTIONS.items()
    }
    assert list(roles.values()).count(roles[function]) == 1


def hand_over(story: Story) -> None:
    """Let a worker run out of time, so that it calls itself."""
    rig = story.rig
    client, name = rig.stack.client("lambda"), rig.stack.outputs[FUNCTIONS["run_actions"]]
    whole = client.get_function_configuration(FunctionName=name)["Timeout"]

    def called_itself() -> bool:
        return any(
            (_logical(use["role"]), use["action"]) == ("RunActionsRole", "lambda:InvokeFunction")
            and use["resource"].endswith(name)
            for use in rig.stack.permissions_used()
        )

    client.update_function_configuration(FunctionName=name, Timeout=NO_TIME_SECONDS)
    try:
        ids = rig.send(rig.person())
        rig.swept_until("a worker that hands over", called_itself)
    finally:
        client.update_function_configuration(FunctionName=name, Timeout=whole)
    rig.ended(ids)


def as_granted(use: Permission, granted: set[Permission]) -> Permission:
    """The permission that a use needed: that of the resource itself, or of a pattern that it fits."""
    role, action, resource = use
    fits = [each for each in granted if each[:2] == (role, action) and fnmatchcase(resource, each[2])]
    return fits[0] if fits and use not in granted else use


def permissions(stack: Stack) -> Iterator[Permission]:
    """What the policies of every role of the stack allow, one line for each action and resource."""
    client = stack.client("iam")
    for page in client.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            name = role["RoleName"]
            assert client.list_attached_role_policies(RoleName=name)["AttachedPolicies"] == []
            for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
                document = client.get_role_policy(RoleName=name, PolicyName=policy)["PolicyDocument"]
                for statement in document["Statement"]:
                    assert statement["Effect"] == "Allow"
                    for action in _list(statement["Action"]):
                        for resource in _list(statement["Resource"]):
                            yield _logical(name), action, resource


def _logical(role: str) -> str:
    """The name in the template, without the stack's and what makes it unique."""
    found = re.fullmatch(r".*-([A-Za-z]+Role)-[0-9A-F]+", role)
    assert found, role
    return found[1]


def _list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
