"""The picture of docs/architecture.md: drawn from a template, and that of today."""

from tools import picture

TEMPLATE = {
    "Resources": {
        "DoorApi": {"Type": "AWS::Serverless::Api"},
        "EventsQueue": {"Type": "AWS::SQS::Queue"},
        "LateDeadLetterQueue": {"Type": "AWS::SQS::Queue"},
        "StateTable": {"Type": "AWS::DynamoDB::Table"},
        "WorkMachine": {
            "Type": "AWS::Serverless::StateMachine",
            "Properties": {"Role": {"Fn::GetAtt": ["MachineRole", "Arn"]}},
        },
        "TakeCallsFunction": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Role": {"Fn::GetAtt": ["TakeRole", "Arn"]},
                "Events": {
                    "Post": {"Type": "Api", "Properties": {"RestApiId": {"Ref": "DoorApi"}}},
                    "Tick": {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "rate(1 minute)"}},
                },
            },
        },
        "WorkFunction": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Role": {"Fn::GetAtt": ["WorkRole", "Arn"]},
                "Environment": {"Variables": {"VENDOR_SECRET_ARN": "secret"}},
                "Events": {"Calls": {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["EventsQueue", "Arn"]}}}},
            },
        },
        "TakeRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Policies": [
                    {
                        "Effect": "Allow",
                        "Action": "sqs:SendMessage",
                        "Resource": {"Fn::GetAtt": ["EventsQueue", "Arn"]},
                    },
                    {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": {"Ref": "LateDeadLetterQueue"}},
                ]
            },
        },
        "WorkRole": {"Type": "AWS::IAM::Role", "Properties": {"Policies": []}},
        "WorkPolicy": {
            "Type": "AWS::IAM::Policy",
            "Properties": {
                "Roles": [{"Ref": "WorkRole"}],
                "PolicyDocument": {
                    "Statement": {
                        "Fn::If": [
                            "Never",
                            {
                                "Effect": "Allow",
                                "Action": ["dynamodb:GetItem"],
                                "Resource": {"Fn::Sub": "${StateTable.Arn}/index/*"},
                            },
                            {"Effect": "Allow", "Action": "states:StartExecution", "Resource": {"Ref": "WorkMachine"}},
                        ]
                    }
                },
            },
        },
        "MachineRole": {
            "Type": "AWS::IAM::Role",
            "Properties": {
                "Policies": [
                    {
                        "Effect": "Allow",
                        "Action": "lambda:InvokeFunction",
                        "Resource": {"Fn::GetAtt": ["WorkFunction", "Arn"]},
                    },
                    {"Effect": "Allow", "Action": "states:StartExecution", "Resource": {"Ref": "WorkMachine"}},
                ]
            },
        },
    }
}

DRAWN = """\
flowchart TB
  Clock(["clock"])
  DoorApi(["door API"])
  EventsQueue[("events queue")]
  TakeCallsFunction["take_calls"]
  WorkFunction["work<br/>state"]:::speaks
  WorkMachine{{"work machine"}}
  Clock -->|every minute| TakeCallsFunction
  DoorApi --> TakeCallsFunction
  EventsQueue --> WorkFunction
  TakeCallsFunction --> EventsQueue
  WorkFunction --> WorkMachine
  WorkMachine --> WorkFunction
  classDef speaks stroke-width:3px
"""


def test_arrows_are_events_calls_and_permissions() -> None:
    """None leads to dead letters or to itself; a policy that is attached counts, and both branches of a condition."""
    assert picture.text(picture.draw(TEMPLATE)) == DRAWN


def test_the_page_holds_the_picture_of_today() -> None:
    """If this fails: `python -m tools.picture`."""
    text = picture.PAGE.read_text("utf-8")
    assert picture.page(text) == text
