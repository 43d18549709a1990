"""What the template promises and the emulator cannot show, read from template.yaml itself."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from leadbridge import config
from leadbridge.admin.roles import Role
from leadbridge.domain.action import Inline
from leadbridge.usecases.answer_inline import HOLD
from tools import template

ROOT = Path(__file__).parents[2]
TEXT = template.PATH.read_text("utf-8")

TEMPLATE: dict[str, Any] = template.read()
PARAMETERS: dict[str, dict[str, Any]] = TEMPLATE["Parameters"]
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]

EXECUTIONS = "arn:${{AWS::Partition}}:states:${{AWS::Region}}:${{AWS::AccountId}}:execution:${{{}Machine.Name}}:*"
SCHEDULES = "arn:${{AWS::Partition}}:scheduler:${{AWS::Region}}:${{AWS::AccountId}}:schedule/{}/*"
# logical id, statement, the wildcard: why it cannot be narrower
WILDCARDS = {
    ("ReceiveActionRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("AnswerInlineRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("FlowStepRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("CallBackRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("StoreEventsRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("RunActionsRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("SweepRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("RecoverCallsRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("AdminApiRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("ForgetPersonRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("ForgetPersonRole", "ReadAndRemoveFiles", "${DataBucket.Arn}/*"): "a person may be in any file",
    ("ConsoleRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("RunBulkStepRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("SendAlertsRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("RunSyncStepRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("RunSyncStepRole", "KeepFiles", "${DataBucket.Arn}/sync/*"): "each run has a folder of its own",
    ("StartSyncRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("ReceiveOutboundMessageRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("HearOfChangesRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("HearOfChangesRole", "SeeWhetherTheyRun", EXECUTIONS.format("Sync")): "executions of the machine",
    ("AdminApiRole", "SeeWhetherTheyRun", EXECUTIONS.format("Sync")): "executions of the machine",
    ("AdminApiRole", "ReadRows", "${DataBucket.Arn}/sync/*"): "each run has files below its name",
    ("AdminApiRole", "ReadRows", "${DataBucket.Arn}/cycle/*"): "as above, those of cycles",
    ("StartSyncRole", "SeeWhetherTheyRun", EXECUTIONS.format("Sync")): "executions of the machine",
    ("AdminApiRole", "SeeWhetherTheyRun", EXECUTIONS.format("Cycle")): "executions of the machine",
    ("StartSyncRole", "SeeWhetherTheyRun", EXECUTIONS.format("Cycle")): "executions of the machine",
    ("RunCycleStepRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("RunCycleStepRole", "KeepFiles", "${DataBucket.Arn}/sync/*"): "each run of a Sync has a folder of its own",
    ("RunCycleStepRole", "KeepFiles", "${DataBucket.Arn}/cycle/*"): "and each run of a cycle",
    ("CycleRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("CycleRole", "DeliverLogs", "*"): "deliveries of logs have no resources to name",
    ("CycleRenewPolicy", "WaitForTheirEnd", EXECUTIONS.format("Sync")): "executions of the machine",
    ("SyncRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("StartSyncRole", "KeepSchedules", SCHEDULES.format("${SyncScheduleGroup}")): "a schedule for each Sync",
    ("StartSyncRole", "KeepSchedules", SCHEDULES.format("default")): "the emulator alone, which knows no other group",
    ("StartSyncRole", "ListSchedules", "*"): "listing has no resources to name",
    ("SyncRole", "DeliverLogs", "*"): "deliveries of logs have no resources to name",
    ("RunActionsRole", "KeepImports", "${DataBucket.Arn}/imports/*"): "each import has files of its own name",
    ("RunActionsRole", "ReadImports", "${DataBucket.Arn}/imports/*.json"): "each import has an order of its own name",
    ("RunActionsRole", "ReadImports", "${DataBucket.Arn}/imports/*/results-*.csv"): "and results below its name",
    ("RunActionsRole", "LookAtImports", EXECUTIONS.format("BulkImport")): "executions of the import's machine",
    (
        "SyncRenewPolicy",
        "WatchPartitions",
        EXECUTIONS.format("Sync").replace(":*", "/*"),
    ): "executions of the machine itself, one for each partition",
    ("SyncRenewPolicy", "WaitForTheirEnd", EXECUTIONS.format("BulkExtract")): "executions of the bulk machine",
    ("SyncRenewPolicy", "WaitForTheirEnd", EXECUTIONS.format("BulkImport")): "executions of the bulk machine",
    ("RunBulkStepRole", "KeepFiles", "${DataBucket.Arn}/*"): "callers choose where a run keeps its files",
    ("BulkExtractRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("BulkExtractRole", "DeliverLogs", "*"): "deliveries of logs have no resources to name",
    ("BulkExtractRenewPolicy", "WaitForItsEnd", EXECUTIONS.format("BulkExtract")): "executions of the machine itself",
    ("BulkImportRole", "WriteTraces", "*"): "X-Ray has no resources to name",
    ("BulkImportRole", "DeliverLogs", "*"): "deliveries of logs have no resources to name",
    ("BulkImportRenewPolicy", "WaitForItsEnd", EXECUTIONS.format("BulkImport")): "executions of the machine itself",
    ("SigningKey", "AccountDecidesByItsPolicies", "*"): "in a key policy this is the key itself",
    ("DataBucketPolicy", "RefusePlainHttp", "s3:*"): "a denial",
    ("DataBucketPolicy", "RefusePlainHttp", "${DataBucket.Arn}/*"): "a denial",
    (
        "WebhookApi",
        "",
        "execute-api:/*",
    ): "a resource policy has no other way to say this API; its statements allow and deny callers",
}

# the property that would fix a physical name, by type; a new type has to be entered here
NAME_PROPERTIES = {
    "AWS::ApiGateway::Account": None,
    "AWS::ApiGateway::BasePathMapping": None,
    "AWS::ApiGateway::DomainName": None,  # DomainName is the customer's own domain
    "AWS::Budgets::Budget": "BudgetName",
    "AWS::CloudWatch::Alarm": "AlarmName",
    "AWS::CloudWatch::Dashboard": "DashboardName",
    "AWS::Cognito::UserPool": "UserPoolName",
    "AWS::Cognito::UserPoolClient": None,  # its name is unique in its pool only
    "AWS::Cognito::UserPoolDomain": None,  # see the test: it holds a part of the stack's UUID
    "AWS::Cognito::UserPoolGroup": None,  # as the client's
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Policy": None,  # PolicyName is unique in its role only
    "AWS::IAM::Role": "RoleName",
    "AWS::KMS::Key": None,
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::S3::Bucket": "BucketName",
    "AWS::S3::BucketPolicy": None,
    "AWS::SNS::Subscription": None,
    "AWS::SNS::Topic": "TopicName",
    "AWS::SNS::TopicPolicy": None,
    "AWS::SQS::Queue": "QueueName",
    "AWS::SQS::QueuePolicy": None,
    "AWS::Scheduler::ScheduleGroup": "Name",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::Serverless::Api": "Name",
    "AWS::Serverless::Function": "FunctionName",
    "AWS::Serverless::StateMachine": "Name",
    "AWS::Serverless::LayerVersion": None,  # see the test: the name of a layer holds that of the stack
}

STATEFUL = {
    "AWS::Cognito::UserPool",
    "AWS::DynamoDB::Table",
    "AWS::KMS::Key",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
}


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    """The properties of every resource of a type, by logical id."""
    return {name: body.get("Properties", {}) for name, body in RESOURCES.items() if body["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")
MACHINES = of_type("AWS::Serverless::StateMachine")


def nodes(value: Any) -> Iterator[Any]:
    """Every mapping inside a value, the value included."""
    if isinstance(value, Mapping):
        yield value
        for inner in value.values():
            yield from nodes(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from nodes(inner)


def statements() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every policy statement of the template with the resource that holds it."""
    for name, body in RESOURCES.items():
        for node in nodes(body):
            if "Effect" in node:
                yield name, node


def texts(value: Any) -> Iterator[str]:
    """Every text inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)


def test_no_policy_holds_a_wildcard_without_a_reason() -> None:
    """Actions and resources of every policy statement: a wildcard is in the list of reasons or not there."""
    found = {
        (name, statement.get("Sid", ""), text)
        for name, statement in statements()
        for part in ("Action", "NotAction", "Resource", "NotResource")
        for text in texts(statement.get(part, []))
        if "*" in text
    }

    assert found == set(WILDCARDS)


def test_no_policy_of_sam_or_aws_is_attached_to_a_function() -> None:
    """Functions have a role of their own; managed policies and SAM's policy templates grant more than is needed."""
    roles = [properties["Role"]["Fn::GetAtt"][0] for properties in FUNCTIONS.values()]

    assert len(set(roles)) == len(FUNCTIONS)
    assert not [name for name, properties in FUNCTIONS.items() if "Policies" in properties]
    assert not [name for name in roles if "ManagedPolicyArns" in RESOURCES[name]["Properties"]]


def test_every_function_may_write_its_own_log_and_no_other() -> None:
    """The log statement of a function's role names the group that the function logs to."""
    for name, properties in FUNCTIONS.items():
        group = properties["LoggingConfig"]["LogGroup"]["Ref"]
        role = properties["Role"]["Fn::GetAtt"][0]
        granted = [
            statement["Resource"]
            for holder, statement in statements()
            if holder == role and statement.get("Sid") == "WriteLogs"
        ]

        assert granted == [{"Fn::GetAtt": [group, "Arn"]}], name


def test_no_resource_has_a_physical_name() -> None:
    """Several stacks fit into one account and Region: nothing but the stack's name tells them apart."""
    named = [
        f"{name}.{NAME_PROPERTIES[body['Type']]}"
        for name, body in RESOURCES.items()
        if NAME_PROPERTIES[body["Type"]] in body.get("Properties", {})
    ]
    layers = [properties["LayerName"]["Fn::Sub"] for properties in of_type("AWS::Serverless::LayerVersion").values()]
    schedules = [node for node in nodes(RESOURCES) if node.get("Type") == "ScheduleV2"]

    assert named == []
    assert all(layer.startswith("${AWS::StackName}-") for layer in layers)
    # SAM names a schedule after its logical id unless it is told not to
    assert schedules
    assert all(schedule["Properties"]["OmitName"] is True for schedule in schedules)


def test_no_region_partition_or_account_is_written_down() -> None:
    """The template holds neither a Region nor an account nor the name of a partition."""
    assert re.findall(r"\b(?:us|eu|ap|sa|ca|me|af|il|mx|cn)(?:-gov)?-[a-z]+-\d\b", TEXT) == []
    assert re.findall(r"arn:aws[a-z-]*:", TEXT) == []
    assert re.findall(r"\b\d{12}\b", TEXT) == []
    assert "amazonaws.com/" not in TEXT


def test_state_survives_the_deletion_and_the_replacement_of_its_resource() -> None:
    """Tables, bucket, secrets and key are retained whatever happens to the stack."""
    lost = [
        name
        for name, body in RESOURCES.items()
        if body["Type"] in STATEFUL
        and (body.get("DeletionPolicy"), body.get("UpdateReplacePolicy")) != ("Retain", "Retain")
    ]

    assert lost == []


def test_tables_are_protected_encrypted_and_paid_by_request() -> None:
    """Each table: deletion protection by parameter, encryption, on demand; restore points or expiry by purpose."""
    tables = of_type("AWS::DynamoDB::Table")
    restorable = {name for name, table in tables.items() if "PointInTimeRecoverySpecification" in table}
    expiring = {
        name: table["TimeToLiveSpecification"] for name, table in tables.items() if "TimeToLiveSpecification" in table
    }

    assert set(tables) == {"ConfigTable", "StateTable", "KeysTable", "ExecutionsTable"}
    for table in tables.values():
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
        assert table["SSESpecification"] == {"SSEEnabled": True}
    assert PARAMETERS["DeletionProtection"]["Default"] == "true"
    assert restorable == {"ConfigTable", "StateTable"}
    assert expiring == {name: {"AttributeName": "ttl", "Enabled": True} for name in ("KeysTable", "ExecutionsTable")}


def test_a_deploy_has_no_value_to_overwrite_a_secret_with() -> None:
    """The vendor secret has no value in the template, the two keys are generated and never given."""
    secrets = of_type("AWS::SecretsManager::Secret")

    assert not [name for name, secret in secrets.items() if "SecretString" in secret]
    assert {name for name, secret in secrets.items() if "GenerateSecretString" in secret} == {
        "WebhookSecret",
        "IndexKeySecret",
    }


def test_every_log_group_forgets() -> None:
    """Functions, machines and the access log write to groups of the template, and each group has a retention."""
    groups = of_type("AWS::Logs::LogGroup")
    used = {properties["LoggingConfig"]["LogGroup"]["Ref"] for properties in FUNCTIONS.values()}
    used.add(RESOURCES["WebhookApi"]["Properties"]["AccessLogSetting"]["DestinationArn"]["Fn::GetAtt"][0])
    for machine in MACHINES.values():
        (destination,) = machine["Logging"]["Destinations"]
        used.add(destination["CloudWatchLogsLogGroup"]["LogGroupArn"]["Fn::GetAtt"][0])
        assert machine["Logging"]["IncludeExecutionData"] is False

    assert used == set(groups)
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in groups.values())


def test_the_access_log_holds_no_part_of_the_call() -> None:
    """The access log is JSON of listed facts: no body, header, query or path value."""
    pattern = RESOURCES["WebhookApi"]["Properties"]["AccessLogSetting"]["Format"]
    variables = set(json.loads(pattern).values())

    assert variables == {
        "$context.requestId",
        "$context.requestTimeEpoch",
        "$context.identity.sourceIp",
        "$context.httpMethod",
        "$context.resourcePath",
        "$context.status",
        "$context.error.responseType",
        "$context.responseLatency",
        "$context.integrationLatency",
        "$context.responseLength",
    }
    (method_settings,) = RESOURCES["WebhookApi"]["Properties"]["MethodSettings"]
    assert method_settings["DataTraceEnabled"] is False
    assert "LoggingLevel" not in method_settings


def test_what_cannot_be_processed_ends_in_a_dead_letter_queue() -> None:
    """Queue, schedule and asynchronous calls: each has a dead letter queue, kept longer than its source."""
    queues = of_type("AWS::SQS::Queue")
    dead = {"EventsDeadLetterQueue", "InvocationsDeadLetterQueue", "AnnouncementsDeadLetterQueue"}
    schedules = [node["Properties"] for node in nodes(RESOURCES) if node.get("Type") == "ScheduleV2"]
    invocations = {
        name: properties["EventInvokeConfig"]
        for name, properties in FUNCTIONS.items()
        if "EventInvokeConfig" in properties
    }

    assert set(queues) == dead | {"EventsQueue", "AnnouncementsQueue"}
    for source in ("Events", "Announcements"):
        redrive = queues[f"{source}Queue"]["RedrivePolicy"]
        assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": [f"{source}DeadLetterQueue", "Arn"]}
        assert redrive["maxReceiveCount"] >= 5
        for name in dead:
            assert queues[name]["MessageRetentionPeriod"] > queues[f"{source}Queue"]["MessageRetentionPeriod"]
    assert all(queue["SqsManagedSseEnabled"] is True for queue in queues.values())
    for schedule in schedules:
        assert schedule["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0] in dead
        assert schedule["RetryPolicy"]["MaximumEventAgeInSeconds"] == 60
    assert set(invocations) == {
        "CallBackFunction",
        "RecoverCallsFunction",
        "RunActionsFunction",
        "SendAlertsFunction",
        "StartSyncFunction",
        "SweepFunction",
    }
    for name, invocation in invocations.items():
        # a run that is meant for once has no next minute that does the same
        assert invocation["MaximumRetryAttempts"] == (2 if name == "StartSyncFunction" else 0)
        assert invocation["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"][0] in dead


def test_the_queue_mapping_is_bounded_and_reports_single_failures() -> None:
    """The mapping has a bound on workers, reports failed messages one by one, and six timeouts of patience."""
    mapping = FUNCTIONS["StoreEventsFunction"]["Events"]["Arrivals"]["Properties"]

    assert mapping["BatchSize"] == 10
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"]["Fn::If"][1] == {"Ref": "MaximumConcurrency"}
    assert PARAMETERS["MaximumConcurrency"]["MinValue"] == 2
    assert of_type("AWS::SQS::Queue")["EventsQueue"]["VisibilityTimeout"] == {"Ref": "VisibilitySeconds"}
    assert PARAMETERS["VisibilitySeconds"]["Default"] >= 6 * FUNCTIONS["StoreEventsFunction"]["Timeout"]


def test_announcements_are_taken_by_few_workers_with_six_timeouts_of_patience() -> None:
    """Single failures are reported; who sends again what waits needs no long delay, which the queue would not keep."""
    mapping = FUNCTIONS["HearOfChangesFunction"]["Events"]["Announcements"]["Properties"]

    assert mapping["Queue"] == {"Fn::GetAtt": ["AnnouncementsQueue", "Arn"]}
    assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert mapping["ScalingConfig"]["MaximumConcurrency"] == 2
    assert of_type("AWS::SQS::Queue")["AnnouncementsQueue"]["VisibilityTimeout"] == {"Ref": "VisibilitySeconds"}
    assert PARAMETERS["VisibilitySeconds"]["Default"] >= 6 * FUNCTIONS["HearOfChangesFunction"]["Timeout"]
    assert PARAMETERS["AnnouncedLookSeconds"]["MaxValue"] <= 900


def test_an_outbound_message_is_answered_before_salesforce_hangs_up() -> None:
    """Salesforce waits 30 s, the gateway 29; each try of an AWS client of ours is short."""
    assert FUNCTIONS["ReceiveOutboundMessageFunction"]["Timeout"] < 29
    event = FUNCTIONS["ReceiveOutboundMessageFunction"]["Events"]["OutboundMessage"]["Properties"]
    assert (event["Method"], event["Path"]) == ("POST", "/outbound-messages/{connection}/{key}")
    assert event["RestApiId"] == {"Ref": "WebhookApi"}


def test_the_webhook_is_not_throttled_by_what_marketo_can_send() -> None:
    """The default rate is above 20 connections of 50 ms each; a refused call would be a lost event."""
    (method_settings,) = RESOURCES["WebhookApi"]["Properties"]["MethodSettings"]

    assert method_settings["ThrottlingRateLimit"] == {"Ref": "WebhookRequestsPerSecond"}
    assert method_settings["ThrottlingBurstLimit"] == {"Ref": "WebhookBurst"}
    assert PARAMETERS["WebhookRequestsPerSecond"]["Default"] > 20 / 0.05
    assert PARAMETERS["WebhookBurst"]["Default"] > 20


def test_the_bucket_is_private_forgets_and_refuses_plain_http() -> None:
    """No public access, an expiry for objects and for unfinished uploads, TLS everywhere but in the emulator."""
    bucket = of_type("AWS::S3::Bucket")["DataBucket"]
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert rule["ExpirationInDays"] == {"Ref": "RetentionDays"}
    assert rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 1
    assert RESOURCES["DataBucketPolicy"]["Condition"] == "NotLocal"
    assert TEMPLATE["Conditions"]["NotLocal"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "Stage"}, "local"]}]}


def evaluate(expression: Any, values: Mapping[str, Any]) -> Any:
    """Evaluate an expression of the Rules section, as far as the template uses it."""
    match expression:
        case {"Ref": name}:
            return values[name]
        case {"Fn::Equals": [left, right]}:
            return evaluate(left, values) == evaluate(right, values)
        case {"Fn::Not": [inner]}:
            return not evaluate(inner, values)
        case _:
            return expression


def refusals(**given: str) -> list[str]:
    """What the Rules section says about a choice of parameters."""
    values = {name: parameter.get("Default") for name, parameter in PARAMETERS.items()} | given
    return [
        assertion["AssertDescription"]
        for rule in TEMPLATE["Rules"].values()
        if evaluate(rule["RuleCondition"], values)
        for assertion in rule["Assertions"]
        if not evaluate(assertion["Assert"], values)
    ]


@pytest.mark.parametrize(
    ("given", "refused"),
    [
        ({}, []),
        ({"Stage": "local", "ClockUrl": "http://127.0.0.1:1", "VendorHosts": "127.0.0.1:1"}, []),
        ({"Stage": "prod", "ClockUrl": "http://127.0.0.1:1"}, ["ClockUrl"]),
        ({"Stage": "test", "VendorHosts": "127.0.0.1:1"}, ["VendorHosts"]),
        ({"Stage": "prod", "LocalUrl": "http://127.0.0.1:1"}, ["LocalUrl"]),
        ({"CustomDomainName": "hooks.example.com"}, ["CustomDomainName"]),
    ],
    ids=["defaults", "local stage", "clock elsewhere", "hosts elsewhere", "sign-in elsewhere", "no certificate"],
)
def test_rules_refuse_settings_that_do_not_belong_together(given: dict[str, str], refused: list[str]) -> None:
    """The simulators' clock and hosts and the emulator go with stage local only, a domain with its certificate."""
    assert [sentence.split()[0] for sentence in refusals(**given)] == refused


def test_the_clock_and_the_plain_hosts_reach_functions_through_their_parameters_only() -> None:
    """What the rule guards is the only way in: the two variables are the two parameters."""
    environments = [TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]]
    environments += [properties["Environment"]["Variables"] for properties in FUNCTIONS.values()]
    values = {
        (variable, json.dumps(environment[variable]))
        for environment in environments
        for variable in ("CLOCK_URL", "VENDOR_HOSTS")
        if variable in environment
    }

    assert values == {("CLOCK_URL", '{"Ref": "ClockUrl"}'), ("VENDOR_HOSTS", '{"Ref": "VendorHosts"}')}


def test_every_parameter_has_a_default_and_a_description_and_is_asked_in_a_group() -> None:
    """`sam deploy --guided` can be answered by pressing Enter, and shows what each answer means."""
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    grouped = [name for group in groups for name in group["Parameters"]]

    assert sorted(grouped) == sorted(PARAMETERS)
    for name, parameter in PARAMETERS.items():
        assert "Default" in parameter, name
        assert len(parameter.get("Description", "")) > 20, name


def test_what_goes_wrong_raises_an_alarm() -> None:
    """Errors and throttles of each function, all dead letter queues, ages, quota, fatal errors, server errors."""
    alarms = of_type("AWS::CloudWatch::Alarm")
    watched = {
        (alarm["Namespace"], alarm["MetricName"], json.dumps(alarm["Dimensions"][0]["Value"]).strip('{}"'))
        for alarm in alarms.values()
    }

    for function in FUNCTIONS:
        assert ("AWS/Lambda", "Errors", f'Ref": "{function}') in watched
        assert ("AWS/Lambda", "Throttles", f'Ref": "{function}') in watched
    for machine in MACHINES:
        assert ("AWS/States", "ExecutionsFailed", f'Ref": "{machine}') in watched
    names = {(namespace, metric) for namespace, metric, _ in watched}
    assert {
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("AWS/ApiGateway", "5XXError"),
        ("Leadbridge", "OldestWaitingSeconds"),
        ("Leadbridge", "VendorQuotaLeftPercent"),
        ("Leadbridge", "FatalVendorErrors"),
    } <= names
    assert sum(metric == "ApproximateNumberOfMessagesVisible" for _, metric, _ in watched) == 3
    for alarm in alarms.values():
        assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
        assert alarm["AlarmDescription"]


def test_a_code_that_stands_in_no_table_raises_an_alarm() -> None:
    """The first unknown code of a minute, of whatever vendor, reaches the alarm topic."""
    (alarm,) = [
        each for each in of_type("AWS::CloudWatch::Alarm").values() if each["MetricName"] == "UnknownVendorCodes"
    ]
    assert (alarm["Namespace"], alarm["Statistic"], alarm["Period"]) == ("Leadbridge", "Sum", 60)
    assert (alarm["ComparisonOperator"], alarm["Threshold"]) == ("GreaterThanThreshold", 0)
    assert alarm["Dimensions"] == [{"Name": "stack", "Value": {"Ref": "AWS::StackName"}}]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]


def test_a_field_that_a_cycle_puts_aside_raises_an_alarm_once() -> None:
    """The first minute in which it is counted reaches the alarm topic; that the minute is over reaches nobody."""
    (alarm,) = [each for each in of_type("AWS::CloudWatch::Alarm").values() if each["MetricName"] == "CycleFieldsAside"]
    assert (alarm["Namespace"], alarm["Statistic"], alarm["Threshold"]) == ("Leadbridge", "Sum", 0)
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert "OKActions" not in alarm


def test_the_dashboard_is_json_and_shows_every_function() -> None:
    """The body of the dashboard parses, and each function and queue is on it."""
    body = RESOURCES["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]

    assert len(json.loads(body)["widgets"]) == 7
    for name in (*FUNCTIONS, *MACHINES, *of_type("AWS::SQS::Queue")):
        assert f"${{{name}" in body


def test_only_the_receiver_starts_without_the_libraries() -> None:
    """The receive path cannot import what would slow its start: its layers hold our package alone."""
    assert TEMPLATE["Globals"]["Function"]["Layers"] == [{"Ref": "CommonLayer"}]
    assert {name for name, properties in FUNCTIONS.items() if "Layers" not in properties} == {
        "ReceiveActionFunction",
        "FlowStepFunction",
        "ConsoleFunction",
    }
    assert all(
        properties["Layers"] == [{"Ref": "LibrariesLayer"}]
        for properties in FUNCTIONS.values()
        if "Layers" in properties
    )
    for layer in of_type("AWS::Serverless::LayerVersion").values():
        assert layer["RetentionPolicy"] == "Delete"
        assert set(layer["CompatibleArchitectures"]) == set(PARAMETERS["Architecture"]["AllowedValues"])


def test_every_call_is_traced() -> None:
    """Tracing is active for the API, for every function and for every machine."""
    assert TEMPLATE["Globals"]["Function"]["Tracing"] == "Active"
    assert RESOURCES["WebhookApi"]["Properties"]["TracingEnabled"] is True
    assert all(machine["Tracing"]["Enabled"] is True for machine in MACHINES.values())


def test_the_admin_api_admits_signed_requests_and_tokens_of_its_pool_only() -> None:
    """Every method asks for a signature, below the console's prefix for a token of the pool; no route of the webhook's
    API leads there, no other origin is let in, no resource policy opens it, and its access log names neither caller
    nor path. The console's files alone are open to everybody, and only to be read."""
    api = RESOURCES["AdminApi"]["Properties"]
    events = [each["Properties"] for each in FUNCTIONS["AdminApiFunction"]["Events"].values()]
    pool = {"UserPoolArn": {"Fn::GetAtt": ["UserPool", "Arn"]}}
    methods = {"GET", "POST", "PUT", "DELETE"}

    assert api["Auth"] == {"DefaultAuthorizer": "AWS_IAM", "Authorizers": {"People": pool}}
    assert "Cors" not in api
    assert {event["RestApiId"]["Ref"] for event in events} == {"AdminApi"}
    assert {(event["Method"], event["Path"]) for event in events if "Auth" not in event} == {
        (method, "/{proxy+}") for method in methods
    }
    assert {(event["Method"], event["Path"]) for event in events if event.get("Auth") == {"Authorizer": "People"}} == {
        (method, "/console/api/{proxy+}") for method in methods
    }
    assert len(events) == 2 * len(methods)
    pages = [each["Properties"] for each in FUNCTIONS["ConsoleFunction"]["Events"].values()]
    assert {(page["Method"], page["Path"], page["Auth"]["Authorizer"]) for page in pages} == {
        ("GET", "/console", "NONE"),
        ("GET", "/console/{proxy+}", "NONE"),
    }
    assert api["AccessLogSetting"]["Format"] == RESOURCES["WebhookApi"]["Properties"]["AccessLogSetting"]["Format"]
    assert [each["DataTraceEnabled"] for each in api["MethodSettings"]] == [False]


def test_people_are_added_by_administrators_and_their_browsers_keep_no_secret() -> None:
    """Nobody signs up; the console's client has no secret, the code flow alone, and leads back to the console only;
    each role of the routes' table is a group; a session is over after an hour."""
    pool, client = RESOURCES["UserPool"]["Properties"], RESOURCES["ConsoleClient"]["Properties"]
    groups = {group["GroupName"] for group in of_type("AWS::Cognito::UserPoolGroup").values()}

    assert pool["AdminCreateUserConfig"] == {"AllowAdminCreateUserOnly": True}
    assert pool["DeletionProtection"] == {"Fn::If": ["IsProtected", "ACTIVE", "INACTIVE"]}
    assert (client["GenerateSecret"], client["AllowedOAuthFlows"]) == (False, ["code"])
    assert "ExplicitAuthFlows" not in client
    assert [address["Fn::Sub"].rpartition("/")[2] for address in client["CallbackURLs"][0]["Fn::If"][1:]] == [
        "signed-in",
        "signed-in",
    ]
    assert groups == {role.name.lower() for role in Role}
    assert set(client["TokenValidityUnits"].values()) == {"hours"}
    assert {client[f"{kind}TokenValidity"] for kind in ("Id", "Access", "Refresh")} == {1}


def test_a_call_that_waits_is_over_before_its_event_is_due() -> None:
    """The function ends before the gateway hangs up, and long before anybody else takes its event; the longest budget
    of an Action lies below both."""
    timeout = FUNCTIONS["AnswerInlineFunction"]["Timeout"]
    longest = Inline.model_json_schema()["properties"]["budget_seconds"]["maximum"]

    assert longest < timeout < 29
    assert HOLD.total_seconds() >= timeout + 10


#: variables of all functions
SHARED: Mapping[str, Any] = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
SETTINGS: dict[str, type[config.Settings]] = {
    "StoreEvents": config.StoreEventsSettings,
    "RunActions": config.RunActionsSettings,
    "AnswerInline": config.AnswerInlineSettings,
    "RecoverCalls": config.RecoverCallsSettings,
    "AdminApi": config.AdminApiSettings,
    "RunBulkStep": config.RunBulkStepSettings,
    "RunSyncStep": config.RunSyncStepSettings,
    "RunCycleStep": config.RunCycleStepSettings,
    "StartSync": config.StartSyncSettings,
    "HearOfChanges": config.HearOfChangesSettings,
    "ReceiveOutboundMessage": config.ReceiveOutboundMessageSettings,
    "SendAlerts": config.SendAlertsSettings,
    "CallBack": config.CallBackSettings,
    "ForgetPerson": config.ForgetPersonSettings,
    "Sweep": config.SweepSettings,
}


@pytest.mark.parametrize("function", SETTINGS)
def test_a_function_has_every_setting_that_it_cannot_do_without(function: str) -> None:
    """What a function would refuse to start without stands in its environment, and nothing there is unknown to it."""
    fields = SETTINGS[function].model_fields
    given = FUNCTIONS[f"{function}Function"]["Environment"]["Variables"].keys()

    # the first one is Lambda's own
    given_besides = {"AWS_LAMBDA_FUNCTION_NAME", *SHARED}
    assert {name for name, field in fields.items() if field.is_required()} <= given | given_besides
    assert given <= fields.keys()


def test_every_function_with_settings_is_looked_at() -> None:
    """The front doors read their variables themselves, as they import nothing that they can do without."""
    doors = {"ReceiveActionFunction", "FlowStepFunction", "ConsoleFunction"}
    assert {f"{name}Function" for name in SETTINGS} == FUNCTIONS.keys() - doors
