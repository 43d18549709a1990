"""What a Sync carries, by which its watermark is known to be of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from leadbridge.domain.reading import changed_members, fingerprint, reads_anew
from leadbridge.domain.syncing import Standing
from tests.builders.syncs import a_sync

AT = datetime(2026, 3, 9, tzinfo=UTC)
CLAUSE = {"clauses": [{"column": "LastName", "operator": "is_not_empty"}]}


@pytest.mark.parametrize(
    ("edit", "changed"),
    [
        ({}, []),
        ({"source": {"connection": "another", "object": "Contact"}}, ["source"]),
        ({"source": {"connection": "crm", "object": "Lead"}}, ["source"]),
        ({"destination": {"connection": "another", "object": "leads"}}, ["destination"]),
        ({"destination": {"connection": "marketing", "object": "leads", "partition": "One"}}, []),
        ({"match": [{"column": "Id", "field": "sfdcId"}]}, ["match"]),
        ({"import_rule": "update"}, ["import"]),
        ({"dedupe": "oldest"}, ["dedupe"]),
        ({"conditions": CLAUSE}, ["conditions"]),
        ({"mappings": [{"to": "email", "column": "Email"}]}, ["mappings"]),
        ({"name": "Another", "description": "of it", "time_zone": "Europe/Berlin"}, []),
        ({"schedule": {"every": {"hours": 1}}, "extraction": "full", "by": {"extract": "bulk"}}, []),
        ({"guard": {"deletes": 1}, "deletes": "delete"}, []),
    ],
)
def test_what_of_a_sync_decides_what_is_carried(edit: dict[str, Any], changed: list[str]) -> None:
    """Source, destination, key, rules, conditions and mappings do; how, when and how carefully do not."""
    before, after = a_sync(), a_sync(**edit)

    assert changed_members(before, after) == changed_members(after, before) == changed
    assert (fingerprint(before) == fingerprint(after)) is not bool(changed)
    standing = Standing(watermark=AT, carried=fingerprint(before))
    assert reads_anew(standing, after) is bool(changed)
    # without a watermark everything is read, and one of before this was noted is of the Sync as it is
    assert not reads_anew(Standing(carried=fingerprint(before)), after)
    assert not reads_anew(Standing(watermark=AT), after)


def test_nobody_is_called_again_because_calls_bring_other_values() -> None:
    """Rows that become calls: an edit is for later calls, another source or Action is for everybody."""
    calls: dict[str, Any] = {"destination": {"connection": "marketing", "object": "action", "action": "one"}}
    other = {"connection": "marketing", "object": "action", "action": "two"}

    assert changed_members(a_sync(**calls), a_sync(**calls, conditions=CLAUSE, dedupe="oldest")) == []
    assert changed_members(a_sync(**calls), a_sync(**calls | {"destination": other})) == ["destination"]
