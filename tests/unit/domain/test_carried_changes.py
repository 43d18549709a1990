"""What Marketo's log tells a cycle that it knows already."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from leadbridge.domain.carried_changes import told_anew
from leadbridge.domain.cycle_link import Link
from leadbridge.domain.marketo import ChangedField, LeadChange
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.three_way import Memory, Side, Written

AT = datetime(2026, 12, 1, tzinfo=UTC)
FIELDS = {name: FieldDescription(name=name, type=kind) for name, kind in (("title", "string"), ("score", "integer"))}
LEAD = "00Q000000000001AAA"


def entry(kind: int = 13, **values: Any) -> LeadChange:
    """An entry of the log about one person."""
    fields = tuple(ChangedField(name=name, new_value=each) for name, each in values.items())
    return LeadChange(marketo_guid="1", lead_id=7, activity_date=AT, activity_type_id=kind, fields=fields)


def link(written: Written | None = None, **members: Any) -> Mapping[str, Link]:
    """The person's link: a title and a score are remembered."""
    memory = {"title=Title": Memory("CEO", "CEO", written), "score=Score__c": Memory("5", "5")}
    return {"7": Link(salesforce_id=LEAD, marketo_id="7", memory=memory, **members)}


def read(*changes: LeadChange, links: Mapping[str, Link]) -> bool:
    """Whether the person has to be read."""
    return told_anew(changes, lambda ids: {each: links[each] for each in ids if each in links}, FIELDS, str) == {7}


def test_values_that_are_remembered_tell_nothing() -> None:
    """In the form in which fields keep them; a later entry with another value does, whichever is the last."""
    assert not read(entry(title=" CEO "), entry(score="5.0", title="CEO"), links=link())
    assert read(entry(title="CEO"), entry(title="CFO"), links=link())
    assert read(entry(title="CFO"), entry(title="CEO"), links=link())


@pytest.mark.parametrize(
    ("change", "links"),
    [
        (entry(12), link()),
        (entry(12, title="CEO"), link()),
        (entry(title="CEO"), {}),
        (entry(title="CEO"), link(moved_to=LEAD)),
        (entry(title="CEO"), link(parted="flagged")),
        (entry(title="CEO", city="Ulm"), link()),
        (entry(), link()),
        (entry(title=None), link()),
    ],
    ids=["new", "new with values", "unlinked", "moved", "parted", "not remembered", "no values", "emptied"],
)
def test_all_else_is_read(change: LeadChange, links: Mapping[str, Link]) -> None:
    """New people, those whom nothing links, and fields of which nothing is remembered."""
    assert read(change, links=links)


@pytest.mark.parametrize(
    ("side", "shown", "is_read"), [("marketo", False, True), ("marketo", True, False), ("salesforce", False, False)]
)
def test_our_own_write_is_seen_once(side: str, shown: bool, is_read: bool) -> None:
    """Until then an edit behind it may be an automation's answer, which is told from a person's edit by that."""
    written = Written(Side(side), AT, "", 0, shown)
    assert read(entry(title="CEO"), links=link(written)) is is_read


def test_nobody_is_asked_about_an_empty_log() -> None:
    """A window without changes costs no look at what is remembered."""

    def nobody(_: object) -> Mapping[str, Link]:
        raise AssertionError

    assert told_anew([], nobody, FIELDS, str) == frozenset()
