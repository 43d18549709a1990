"""No planted value stands anywhere but where it is declared to stand."""

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from boto3.dynamodb.types import TypeSerializer

from devstack.stack import FUNCTIONS, Stack
from tests.fault.leaks import places
from tests.fault.leaks.scanner import Canary, Declared, scan
from tests.fault.leaks.story import Story, watched_processes

#: a value that the test plants itself, to see that it is found
DECOY = 'Decöy "7Kq" & Söhne/9'
BUCKET = "decoys"


def test_nothing_that_was_planted_stands_where_it_must_not(story: Story) -> None:
    """I7: after a run through every kind of failure, every log line, metric, item, object, message, HTTP answer,
    command output, file and command line is free of every secret, token and personal value, in every form."""
    leaks = story.leaks()
    assert not leaks, f"{len(leaks)} leaks:\n" + "\n".join(map(str, leaks[:40]))


def test_every_declared_place_was_looked_at(story: Story) -> None:
    """Without the declarations the scan finds the values in the places that hold them on purpose, and only there."""
    found = scan(story.left, story.canaries)
    allowed = [each.place for each in story.declared]
    empty = [
        pattern
        for pattern in allowed
        if not any(Declared(pattern, "", "").names(leak.place) for leak in found) and "execution#" not in pattern
    ]
    assert empty == []
    assert any("/payload/" in leak.place for leak in found)


def test_payloads_are_gone_after_the_end(story: Story) -> None:
    """Of everything that ended neither the inbox nor the log keeps a payload; what is kept is open and expires or
    waits for a person."""
    items = list(places.table(story.rig.stack, "Executions"))
    holding = {
        place.name.split("/")[2].removeprefix("execution#") for place in items if place.name.endswith("/payload/pk")
    }
    ended = {each for ids in story.ended.values() for each in ids}
    kept = {each for ids in story.kept.values() for each in ids}
    assert len(ended) >= 15
    assert holding & (ended | kept) == kept
    assert not story.rig.inbox().keys() & ended


def test_a_leak_is_seen_in_every_kind_of_place(story: Story) -> None:
    """The scan can fail: planted in one form or another, a value is found in each kind of place that is read."""
    with ExitStack() as cleanup:
        for plant in (_in_the_account, _in_files, _in_a_command_line):
            cleanup.enter_context(plant(story))
        found = {leak.place for leak in scan(story.places(), [Canary("decoy", DECOY)])}
    kinds = {"/".join(place.split("/")[:2]) for place in found}
    assert {
        f"logs/{_log_group(story.rig.stack)}",
        *(f"table/{name}" for name in places.TABLES),
        "queue/EventsDeadLetterQueueUrl",
        "queue/InvocationsDeadLetterQueueUrl",
        f"s3/{BUCKET}",
        "function/sweep",
        "folder/decoy.txt",
        "stack/decoy.log",
    } <= kinds
    assert {place.partition("/")[0] for place in found} >= {"secret", "topic", "metrics", "process"}
    assert {place.rpartition("/")[2] for place in found if place.startswith(f"s3/{BUCKET}")} >= {"metadata", "x"}


def test_answers_and_command_outputs_are_looked_at(story: Story) -> None:
    """An execution's id, which may be told, is found in the answer, in the log, in the table and in the command's
    output as a table and as JSON."""
    (execution_id,) = story.ended["looked at"]
    found = {leak.place for leak in scan(story.left, [Canary("id", execution_id)])}
    assert {place.partition("/")[0] for place in found} >= {"answer", "command", "logs", "table"}
    assert len([place for place in found if place.startswith("command/show")]) == 2


@contextmanager
def _in_the_account(story: Story) -> Iterator[None]:
    stack = story.rig.stack
    dynamodb, s3, sqs = (stack.client(name) for name in ("dynamodb", "s3", "sqs"))
    logs, group = stack.client("logs"), f"/aws/cloudformation/{stack.stack_name}/{_log_group(stack)}"
    logs.create_log_stream(logGroupName=group, logStreamName="decoy")
    line = json.dumps({"_aws": {}, "message": json.dumps({"detail": DECOY})})
    logs.put_log_events(
        logGroupName=group, logStreamName="decoy", logEvents=[{"timestamp": 1_790_000_000_000, "message": line}]
    )
    item = TypeSerializer().serialize({"pk": f"decoy#{quote(DECOY)}", "sk": "x", "deep": [{"x": DECOY.upper()}]})["M"]
    keys = {"State": ("pk", "sk"), "Config": ("pk", "sk"), "Executions": ("pk", "sk"), "Keys": ("pk",)}
    for table in places.TABLES:
        dynamodb.put_item(TableName=stack.outputs[f"{table}TableName"], Item=item)
    encoded = base64.urlsafe_b64encode(f"x{DECOY}y".encode()).decode()
    for queue in ("EventsDeadLetterQueueUrl", "InvocationsDeadLetterQueueUrl"):
        sqs.send_message(QueueUrl=stack.outputs[queue], MessageBody=encoded)
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="x", Body=DECOY.encode().hex().encode(), Metadata={"who": quote(DECOY)})
    arn = stack.outputs["IndexKeySecretArn"]
    stack.client("secretsmanager").tag_resource(SecretId=arn, Tags=[{"Key": "decoy", "Value": DECOY}])
    topic = stack.outputs["AlarmTopicArn"]
    stack.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue=DECOY)
    metric = {"MetricName": "Decoys", "Value": 1, "Dimensions": [{"Name": "who", "Value": quote(DECOY)}]}
    stack.client("cloudwatch").put_metric_data(Namespace="Decoys", MetricData=[metric])
    sweep = {"FunctionName": stack.outputs[FUNCTIONS["sweep"]]}
    stack.client("lambda").update_function_configuration(**sweep, Description=DECOY)
    try:
        yield
    finally:
        stack.client("lambda").update_function_configuration(**sweep, Description="")
        stack.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="DisplayName", AttributeValue="")
        stack.client("secretsmanager").untag_resource(SecretId=arn, TagKeys=["decoy"])
        s3.delete_object(Bucket=BUCKET, Key="x")
        s3.delete_bucket(Bucket=BUCKET)
        for queue in ("EventsDeadLetterQueueUrl", "InvocationsDeadLetterQueueUrl"):
            sqs.purge_queue(QueueUrl=stack.outputs[queue])
        for table in places.TABLES:
            key = {name: item[name] for name in keys[table]}
            dynamodb.delete_item(TableName=stack.outputs[f"{table}TableName"], Key=key)
        logs.delete_log_stream(logGroupName=group, logStreamName="decoy")


@contextmanager
def _in_files(story: Story) -> Iterator[None]:
    written = {story.rig.folder / "decoy.txt": html_of(DECOY), story.rig.stack.log_dir / "decoy.log": DECOY[::-1]}
    for path, text in written.items():
        path.write_text(text)
    try:
        yield
    finally:
        for path in written:
            path.unlink()


@contextmanager
def _in_a_command_line(story: Story) -> Iterator[None]:
    before = list(story.seen)
    with watched_processes(story):
        subprocess.run(
            [sys.executable, "-c", "import time; time.sleep(2)", DECOY], check=True, cwd=Path(__file__).parent
        )
    try:
        yield
    finally:
        story.seen[:] = before


def html_of(text: str) -> str:
    """The text as a page would show it."""
    return text.replace("&", "&amp;").replace('"', "&quot;")


def _log_group(stack: Stack) -> str:
    configuration = stack.client("lambda").get_function_configuration(
        FunctionName=stack.outputs[FUNCTIONS["run_actions"]]
    )
    return str(configuration["LoggingConfig"]["LogGroup"]).rpartition("/")[2]
