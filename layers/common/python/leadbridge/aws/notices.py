"""Alerts by e-mail: the topic of the deployment's alarms, to which people subscribe their addresses."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError


class TopicChannel:
    """`ports.Channel` that publishes to an SNS topic."""

    name = "email"

    def __init__(self, client: Any, topic: str) -> None:  # no stubs of SNS are installed for this one call
        self._client = client
        self._topic = topic

    def send(self, subject: str, text: str) -> str:
        """Publish a message; gives why that was not possible."""
        try:
            # a subject is ASCII below 100 characters (SNS, Publish)
            self._client.publish(TopicArn=self._topic, Subject=subject[:99], Message=text)
        except ClientError as error:
            return f"SNS refused it: {error.response['Error']['Code']}"
        except BotoCoreError as error:
            return f"SNS did not answer: {type(error).__name__}"
        return ""
