"""Which write-backs another Action contests."""

from typing import Any

import pytest

from leadbridge.domain.contested import contested
from tests.builders.actions import SALESFORCE, an_action
from tests.builders.connectors import a_connector, an_upsert

SYNCED = {"static": "Synced", "to": "leadbridgeStatus"}
RECORD_ID = {"field": "Id", "to": "salesforceId"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        pytest.param({}, False, id="the same values"),
        pytest.param({"writeback": [{"static": "Done", "to": "leadbridgeStatus"}]}, True, id="another constant"),
        pytest.param({"writeback": [{"static": "Done", "to": "title"}]}, False, id="another field"),
        pytest.param({"writeback": [{"column": "title", "to": "leadbridgeStatus"}]}, True, id="a column"),
        pytest.param({"destination": {"connection": SALESFORCE, "object": "Contact"}}, True, id="another objects Id"),
        pytest.param(
            {"writeback": [{"static": "Done", "to": "leadbridgeStatus"}], "source": {"connection": "marketo-other"}},
            False,
            id="another instance",
        ),
    ],
)
def test_a_field_is_contested_by_another_value_of_the_same_instance(changes: dict[str, Any], found: bool) -> None:
    """Of the same instance, the same field and another value, whichever of the two Actions is looked at."""
    one = an_action(writeback=[SYNCED, RECORD_ID])
    other = an_action(**{"id": "other", "writeback": [SYNCED, RECORD_ID], **changes})

    assert contested(one, [one, other]) is found
    assert contested(other, [one, other]) is found


def test_another_version_of_the_action_itself_contests() -> None:
    """What ran with the version before may land after what is written now."""
    before = an_action(writeback=[SYNCED])

    assert contested(before, [an_action(writeback=[{"static": "Done", "to": "leadbridgeStatus"}])])
    assert not contested(before, [an_action(writeback=[SYNCED], name="Renamed")])


def test_a_connector_action_that_writes_the_field_contests() -> None:
    """It brings what its call has; one that adds to a list writes no field."""
    writes = an_upsert(mappings=[{"column": name, "to": name} for name in ("email", "leadbridgeStatus")])

    assert contested(an_action(writeback=[SYNCED]), [writes])
    assert not contested(an_action(writeback=[RECORD_ID]), [writes, a_connector("add")])
