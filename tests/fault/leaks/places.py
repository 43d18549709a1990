"""Everything that a deployment wrote and that can be read back, piece by piece.

An item of a table is read attribute by attribute, so that a declaration can name one attribute and no more.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devstack.stack import FUNCTIONS, Stack
from tests.fault.leaks.scanner import Place

TABLES = ("Config", "State", "Keys", "Executions")
QUEUES = (
    "EventsQueueUrl",
    "EventsDeadLetterQueueUrl",
    "InvocationsDeadLetterQueueUrl",
    "AnnouncementsQueueUrl",
    "AnnouncementsDeadLetterQueueUrl",
)
#: where `sam deploy` puts the packages, megabytes that were built before anything ran
UPLOADS = "artifacts"
SECRETS = ("WebhookSecretArn", "IndexKeySecretArn", "VendorSecretArn", "AlertsSecretArn")


def of_stack(stack: Stack) -> Iterator[Place]:
    """Every kind of place in the account."""
    yield from log_groups(stack)
    for name in TABLES:
        yield from table(stack, name)
    for name in QUEUES:
        yield from queue(stack, name)
    yield from buckets(stack)
    yield from machines(stack)
    yield from secrets(stack)
    yield from settings(stack)


def log_groups(stack: Stack) -> Iterator[Place]:
    """Every line of every log group, metrics in embedded format among them."""
    client = stack.client("logs")
    for page in client.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            name = group["logGroupName"]
            for events in client.get_paginator("filter_log_events").paginate(logGroupName=name):
                for number, event in enumerate(events["events"]):
                    place = f"logs/{name.rpartition('/')[2]}/{event['logStreamName']}/{number}"
                    yield Place(place, event["message"].encode())


def table(stack: Stack, name: str) -> Iterator[Place]:
    """Every attribute of every item; the item's key and its state are part of the name."""
    pages = (
        stack.client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=stack.outputs[f"{name}TableName"], ConsistentRead=True)
    )
    for page in pages:
        for item in page["Items"]:
            key = "/".join(item[part]["S"] for part in ("pk", "sk") if part in item)
            for attribute, value in item.items():
                yield Place(f"table/{name}/{key}/{attribute}", _text(value))


def queue(stack: Stack, name: str) -> Iterator[Place]:
    """Every message that is visible, with its attributes; they stay visible."""
    client, url = stack.client("sqs"), stack.outputs[name]
    seen: set[str] = set()
    while True:
        answer = client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"], MessageAttributeNames=["All"]
        )
        found = answer.get("Messages", [])
        for message in found:
            seen.add(message["ReceiptHandle"])
            told = {part: message.get(part) for part in ("Attributes", "MessageAttributes")}
            yield Place(f"queue/{name}/{message['MessageId']}/body", message["Body"].encode())
            yield Place(f"queue/{name}/{message['MessageId']}/attributes", _text(told))
        if not found:
            break
    for handle in seen:
        client.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)


def buckets(stack: Stack) -> Iterator[Place]:
    """Every object of every bucket, with its metadata; of what the deployment tool uploaded only the names."""
    client = stack.client("s3")
    for bucket in client.list_buckets()["Buckets"]:
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket["Name"]):
            for each in page.get("Contents", []):
                answer = client.get_object(Bucket=bucket["Name"], Key=each["Key"])
                place = f"s3/{bucket['Name']}/{each['Key']}"
                yield Place(place, b"" if bucket["Name"] == UPLOADS else answer["Body"].read())
                yield Place(f"{place}/metadata", _text(answer["Metadata"]))


def machines(stack: Stack) -> Iterator[Place]:
    """Every event of every execution of every state machine."""
    client = stack.client("stepfunctions")
    for machine in client.list_state_machines()["stateMachines"]:
        for execution in client.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]:
            history = client.get_paginator("get_execution_history").paginate(executionArn=execution["executionArn"])
            for page in history:
                for event in page["events"]:
                    yield Place(f"execution/{execution['name']}/{event['id']}", _text(event))


def secrets(stack: Stack) -> Iterator[Place]:
    """The values of the secrets, and apart from them what describes them."""
    client = stack.client("secretsmanager")
    for name in SECRETS:
        value = client.get_secret_value(SecretId=stack.outputs[name])["SecretString"]
        yield Place(f"secret/{name}/value", value.encode())
    for secret in client.list_secrets()["SecretList"]:
        yield Place(f"secret/{secret['Name']}/description", _text(secret))


def settings(stack: Stack) -> Iterator[Place]:
    """What the account's services show of themselves: environments, parameters, topics, metrics, schedules."""
    lambdas = stack.client("lambda")
    for name, output in FUNCTIONS.items():
        configuration = lambdas.get_function_configuration(FunctionName=stack.outputs[output])
        yield Place(f"function/{name}", _text(configuration))
    cloudformation = stack.client("cloudformation")
    yield Place("stack/description", _text(cloudformation.describe_stacks()["Stacks"]))
    yield Place("stack/events", _text(cloudformation.describe_stack_events(StackName=stack.stack_name)["StackEvents"]))
    topics = stack.client("sns")
    for topic in topics.list_topics()["Topics"]:
        arn = topic["TopicArn"]
        yield Place(f"topic/{arn}", _text(topics.get_topic_attributes(TopicArn=arn)["Attributes"]))
    yield Place("topics/subscriptions", _text(topics.list_subscriptions()["Subscriptions"]))
    cloudwatch = stack.client("cloudwatch")
    yield Place("metrics", _text(cloudwatch.list_metrics()["Metrics"]))
    yield Place("alarms", _text(cloudwatch.describe_alarms()["MetricAlarms"]))
    schedules = stack.client("scheduler")
    for schedule in schedules.list_schedules()["Schedules"]:
        yield Place(f"schedule/{schedule['Name']}", _text(schedules.get_schedule(Name=schedule["Name"])))


def files(name: str, folder: Path, *left_out: str) -> Iterator[Place]:
    """Every file below a folder, except those whose relative path begins with one of `left_out`."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder).as_posix()
        if path.is_file() and not path.is_symlink() and not relative.startswith(left_out):
            yield Place(f"{name}/{relative}", path.read_bytes())


def _text(value: Any) -> bytes:
    return json.dumps(value, default=str, ensure_ascii=False).encode()
