"""How rows are moved and what it costs: the threshold, ways that there are, what the document says."""

from typing import Any

import pytest

from leadbridge.domain.records import FieldDescription
from leadbridge.domain.source_query import Facts
from leadbridge.domain.sync_plan import Cost, choose_extract, choose_load, extract_cost, load_cost
from tests.builders.sync_ends import a_contact, leads
from tests.builders.syncs import a_sync

CONTACT, LEADS = Facts(fields=a_contact().fields), Facts(fields=leads().fields)


@pytest.mark.parametrize(("rows", "way"), [(None, "rest"), (0, "rest"), (5_000, "rest"), (5_001, "bulk")])
def test_more_than_5000_rows_go_by_bulk_jobs(rows: int | None, way: str) -> None:
    """5,001 rows choose bulk, 5,000 choose REST, for reading and for writing, and the reason names the number."""
    read = choose_extract(a_sync(), "salesforce", CONTACT, rows, changes=False)
    written = choose_load(a_sync(), "marketo", rows, leads)

    assert (read.way, written.way) == (way, way)
    assert read.why == written.why
    assert str(rows) in read.why or rows is None


@pytest.mark.parametrize("way", ["rest", "bulk"])
def test_the_document_decides_where_it_says_how(way: str) -> None:
    """Whatever the number of rows."""
    sync = a_sync(by={"extract": way, "load": way})

    for rows in (1, 1_000_000):
        assert choose_extract(sync, "salesforce", CONTACT, rows, changes=False).way == way
        assert choose_load(sync, "marketo", rows, leads).way == way


KEYED = {"match": [{"column": "id", "field": "Key__c"}]}


@pytest.mark.parametrize(
    ("sync_id", "members", "unique", "way", "why"),
    [
        ("plain", KEYED, True, "bulk", "5001 rows are more than 5000"),
        ("plain", KEYED, False, "rest", "one unique External Id field"),
        ("plain", {}, True, "rest", "one unique External Id field"),
        ("plain", KEYED | {"dedupe": "import_everything"}, True, "rest", "no order"),
        ("main.activities", KEYED, True, "rest", "the legs of a cycle"),
    ],
)
def test_many_rows_go_to_salesforce_by_a_job_where_a_key_keeps_new_records_apart(
    sync_id: str, members: dict[str, Any], unique: bool, way: str, why: str
) -> None:
    """Else by REST, however many they are, and the reason is told."""
    key = FieldDescription(name="Key__c", type="string", unique=unique, external_id=True)
    sync = a_sync(to_salesforce=True, **members).model_copy(update={"id": sync_id})
    chosen = choose_load(sync, "salesforce", 5_001, lambda: a_contact(Key__c=key))

    assert chosen.way == way
    assert why in chosen.why
    assert choose_load(sync, "salesforce", 5_000, lambda: a_contact(Key__c=key)).way == "rest"


NAMED = {"clauses": [{"column": "email", "operator": "equals", "value": "ada@example.com"}]}


@pytest.mark.parametrize(
    ("members", "changes", "way"),
    [
        ({}, False, "bulk"),
        ({}, True, "rest"),
        ({"conditions": NAMED}, False, "rest"),
        ({"source": {"connection": "marketing", "object": "car_c"}}, True, "bulk"),
        ({"source": {"connection": "marketing", "object": "program_members", "program": 7}}, False, "bulk"),
        ({"source": {"connection": "marketing", "object": "list_members", "static_list": 7}}, False, "rest"),
        ({"by": {"extract": "rest"}}, False, "bulk"),
    ],
)
def test_where_marketo_has_one_way_it_is_taken(
    members: dict[str, Any], changes: bool, way: str
) -> None:  # pytest gives it
    """All leads, custom objects and members of programs are in extracts only; people who are named are not."""
    sync = a_sync(to_salesforce=True, **members)

    choice = choose_extract(sync, "marketo", LEADS, None, changes=changes)

    assert choice.way == way
    assert choice.settled is (way == "bulk" or "conditions" in members)


def test_costs_are_what_the_vendors_limits_make_of_the_rows() -> None:
    """Pages and calls by the vendors' sizes; jobs take places and minutes, extracts megabytes."""
    assert extract_cost("salesforce", "rest", 4_001) == Cost(calls=3)
    assert extract_cost("marketo", "rest", 601) == Cost(calls=3)
    assert extract_cost("marketo", "bulk", 1_000_000, windows=3) == Cost(
        calls=21, megabytes=250.0, job_slots=3, minutes=2.0
    )
    assert extract_cost("salesforce", "bulk", 60_000) == Cost(calls=5, megabytes=15.0, job_slots=1, minutes=1.0)
    assert load_cost("marketo", "rest", 301) == Cost(calls=4)
    assert load_cost("salesforce", "rest", 401) == Cost(calls=4)
    assert load_cost("marketo", "bulk", 80_000).job_slots == 3
    assert Cost(calls=1, minutes=2.0) + Cost(calls=2, job_slots=1) == Cost(calls=3, job_slots=1, minutes=2.0)
