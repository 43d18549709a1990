"""Which notifications have come: the double and the adapter say the same; and the queue in which announcements wait."""

from dataclasses import replace

import pytest

from leadbridge.aws.announced import AnnouncementQueue, DynamoAnnouncements
from leadbridge.domain.announced import KNOWN_FOR, Announcement, Notification, read_message
from leadbridge.errors import TransientError
from leadbridge.usecases.hear_of_changes import Announcements
from tests.contract.ports.worlds import DynamoWorld, World
from tests.fakes.announced import InMemoryAnnouncements
from tests.fakes.clock import NOON
from tests.integration.aws.local_aws import client, local_aws, scan


def announcement(identifier: str, *ids: str, connection: str = "crm") -> Announcement:
    """One with notifications of these ids."""
    notifications = tuple(Notification(id=each, object="Lead", record=f"00Q{each}") for each in ids)
    return Announcement(id=identifier, connection=connection, received_at=NOON, notifications=notifications)


@pytest.fixture
def announcements(world: World) -> Announcements:
    """The port, as the double and as the adapter implement it."""
    if isinstance(world, DynamoWorld):
        return DynamoAnnouncements(world.dynamodb, table="KeysTable", now=lambda: NOON)
    return InMemoryAnnouncements()


def test_a_notification_belongs_to_the_first_announcement_that_brings_it(announcements: Announcements) -> None:
    """Whoever comes later is told what is new in it, the first one the same again; other connections' are apart."""
    first, second = announcement("one", "a", "b", "a"), announcement("two", "b", "c")
    assert announcements.claim(first) == {"a", "b"}
    assert announcements.claim(second) == {"c"}
    assert announcements.claim(first) == {"a", "b"}
    assert announcements.claim(announcement("three", "a", "b", "c")) == set()
    assert announcements.claim(announcement("four", "a", connection="other")) == {"a"}


def test_a_whole_message_is_claimed_in_one_go(announcements: Announcements) -> None:
    """A hundred notifications, half of them known."""
    ids = [f"{number:03}" for number in range(100)]
    assert announcements.claim(announcement("one", *ids[:50])) == set(ids[:50])
    assert announcements.claim(announcement("two", *ids)) == set(ids[50:])


def test_what_has_come_is_known_for_longer_than_it_comes_again(dynamo_world: DynamoWorld) -> None:
    """Salesforce tries for 24 hours."""
    announcements = DynamoAnnouncements(dynamo_world.dynamodb, table="KeysTable", now=lambda: NOON)
    announcements.claim(announcement("one", "a"))
    (item,) = scan(dynamo_world.dynamodb, "KeysTable")
    assert int(item["ttl"]["N"]) == int((NOON + KNOWN_FOR).timestamp())
    assert KNOWN_FOR.total_seconds() > 24 * 3600


def test_what_waits_is_delivered_once_more_as_it_was() -> None:
    """With a delay that the queue keeps; a queue that is not there is a reason to wait, not to lose."""
    waits = replace(announcement("one", "a", "b"), looks=3)
    with local_aws():
        sqs = client("sqs")
        url = sqs.create_queue(QueueName="announcements")["QueueUrl"]
        queue = AnnouncementQueue(sqs, url)
        queue.again(waits, 0)
        (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
        assert read_message(message["Body"]) == waits
        queue.again(waits, 60)
        (delayed,) = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessagesDelayed"])[
            "Attributes"
        ].values()
        assert delayed == "1"
        with pytest.raises(TransientError):
            AnnouncementQueue(sqs, f"{url}-gone").again(waits, 1)
