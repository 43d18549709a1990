"""The receiver of outbound messages with everything around it in memory: queue, config table, secret."""

from typing import Any, cast

from leadbridge.announcements import OutboundMessages
from leadbridge.domain.announced import Announcement, key_subject, read_message
from leadbridge.domain.webhook import webhook_key
from tests.builders.actions import a_salesforce_connection
from tests.builders.announced import ORG
from tests.fakes.clock import NOON
from tests.fakes.door import Queue, Secrets
from tests.fakes.flow_step_door import Documents

CRM = "crm"


class OutboundDoor:
    """The receiver with everything around it in memory."""

    def __init__(self) -> None:
        self.queue, self.documents, self.secrets = Queue(), Documents(), Secrets()
        self.seconds = 1000.0
        self.documents.keep(a_salesforce_connection(id=CRM, organization_id=ORG))
        self.receive = OutboundMessages(
            queue_url="queue",
            config_table="config",
            secret_arn="secret",
            now=lambda: NOON,
            sqs=cast("Any", self.queue),
            dynamodb=cast("Any", self.documents),
            secretsmanager=cast("Any", self.secrets),
            monotonic=lambda: self.seconds,
        )

    @staticmethod
    def key(connection: str = CRM, generation: int = 1, master: str = "master") -> str:
        """The secret in the address of a connection's endpoint."""
        return webhook_key(master, key_subject(connection), generation)

    def ask(self, body: bytes, *, connection: str = CRM, key: str | None = None) -> tuple[int, str]:
        """Status and text of the answer."""
        event = {
            "httpMethod": "POST",
            "pathParameters": {"connection": connection, "key": self.key(connection) if key is None else key},
            "body": body.decode("utf-8", "surrogateescape"),
            "isBase64Encoded": False,
        }
        proxy = self.receive(event).as_proxy()
        return proxy["statusCode"], proxy["body"]

    def kept(self) -> list[Announcement]:
        """What was made durable."""
        return [read_message(each) for each in self.queue.sent]
