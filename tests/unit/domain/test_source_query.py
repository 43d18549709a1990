"""What a Sync asks its source for: columns, window, the first request, and what Marketo can be asked at all."""

from datetime import UTC, datetime
from typing import Any

import pytest

from leadbridge.domain.records import FieldDescription
from leadbridge.domain.source_query import Facts, SourceQuery, Way, reads_leads_by_key, source_query
from leadbridge.domain.sync import Sync
from leadbridge.domain.watermarks import EVERYTHING, Window
from tests.builders.syncs import a_sync

NOW = datetime(2026, 3, 9, 12, 30, 15, tzinfo=UTC)
DAY = Window(since=datetime(2026, 3, 8, tzinfo=UTC), until=datetime(2026, 3, 9, tzinfo=UTC))


def fields(**types: str) -> dict[str, FieldDescription]:
    """Described fields by name."""
    return {name: FieldDescription(name=name, type=kind) for name, kind in types.items()}


CONTACT = fields(
    Id="id",
    Email="email",
    LastName="string",
    Score__c="double",
    CreatedDate="datetime",
    LastModifiedDate="datetime",
    SystemModstamp="datetime",
)
LEAD = fields(id="integer", email="email", lastName="string", score="score", createdAt="datetime", updatedAt="datetime")


def from_salesforce(sync: Sync, window: Window = EVERYTHING, *, way: Way = "rest", after_id: str = "") -> SourceQuery:
    """The query of a Sync whose source is Salesforce."""
    return source_query(sync, "salesforce", Facts(fields=CONTACT), window, way=way, now=NOW, after_id=after_id)


def from_marketo(sync: Sync, window: Window = EVERYTHING, **facts: Any) -> SourceQuery:
    """The query of a Sync whose source is Marketo; `way` is by REST unless it is given."""
    way = facts.pop("way", "rest")
    return source_query(sync, "marketo", Facts(fields=LEAD, **facts), window, way=way, now=NOW)


def marketo_sync(object_name: str = "leads", **members: Any) -> Sync:
    """A Sync with a Marketo source of that object."""
    source = {"connection": "marketing", "object": object_name} | members.pop("of", {})
    return a_sync(to_salesforce=True, source=source, **members)


def conditions(*clauses: tuple[str, str, Any], match: str = "all") -> dict[str, Any]:
    """A tree of clauses."""
    return {
        "match": match,
        "clauses": [{"column": name, "operator": operator, "value": value} for name, operator, value in clauses],
    }


def test_salesforce_is_asked_for_every_column_that_a_run_reads_and_no_other() -> None:
    """Id and dates, key, mappings, write-back and conditions, each once; full reading asks for all, by id."""
    sync = a_sync(
        writeback=[{"to": "LastName", "template": "{{ Score__c }}"}],
        conditions=conditions(("Score__c", "at_least", 5)),
    )

    query = from_salesforce(sync)

    assert query.columns == (
        "Id",
        "SystemModstamp",
        "CreatedDate",
        "LastModifiedDate",
        "Email",
        "LastName",
        "Score__c",
    )
    assert query.soql == (
        "SELECT Id, SystemModstamp, CreatedDate, LastModifiedDate, Email, LastName, Score__c "
        "FROM Contact WHERE Score__c >= 5 ORDER BY Id"
    )
    assert query.count == "SELECT COUNT() FROM Contact WHERE Score__c >= 5"
    assert query.first.params == {"q": query.soql}


def test_two_filters_and_a_window_stand_side_by_side() -> None:
    """Conditions, then what changed in the window of the run, then the place where reading goes on."""
    sync = a_sync(conditions=conditions(("Score__c", "at_least", 5), ("LastName", "starts_with", "O'"), match="any"))

    query = from_salesforce(sync, DAY, after_id="003000000000001AAA")

    assert query.soql.partition(" WHERE ")[2] == (
        "(Score__c >= 5 OR LastName LIKE 'O\\'%') AND SystemModstamp >= 2026-03-08T00:00:00Z "
        "AND SystemModstamp < 2026-03-09T00:00:00Z AND Id > '003000000000001AAA' ORDER BY Id"
    )


def test_a_bulk_query_is_the_same_without_an_order() -> None:
    """The job takes it apart by itself; its body is what the client sends."""
    query = from_salesforce(a_sync(), DAY, way="bulk")

    assert "ORDER BY" not in query.soql
    assert (query.first.operation, query.first.parts) == ("bulk_create", {"family": "query"})
    assert query.first.body == {
        "operation": "query",
        "query": query.soql,
        "contentType": "CSV",
        "columnDelimiter": "COMMA",
        "lineEnding": "LF",
    }


def test_an_object_without_a_change_date_cannot_be_asked_for_changes() -> None:
    """There is nothing to compare with the window."""
    bare = Facts(fields=fields(Id="id", Email="email", LastName="string"))
    with pytest.raises(ValueError, match="does not say when"):
        source_query(a_sync(), "salesforce", bare, DAY, way="rest", now=NOW)


def test_all_leads_are_extracted_in_windows_of_31_days_that_hold_every_second_once() -> None:
    """From the first day of any instance, or from what the conditions leave of it, to now; both ends count."""
    sync = marketo_sync(conditions=conditions(("createdAt", "after", "2026-01-31"), ("score", "at_least", 5)))

    query = from_marketo(sync, way="bulk")

    assert query.filters == (
        {"createdAt": {"startAt": "2026-02-01T00:00:00Z", "endAt": "2026-03-03T23:59:59Z"}},
        {"createdAt": {"startAt": "2026-03-04T00:00:00Z", "endAt": "2026-03-09T12:30:15Z"}},
    )
    assert query.first.operation == "create_leads_export"
    assert query.first.body == {
        "format": "CSV",
        "filter": query.filters[0],
        "fields": ["id", "createdAt", "updatedAt", "email", "lastName", "score"],
    }
    assert [(each.at_source, each.why) for each in query.clauses] == [
        (True, ""),
        (False, "Marketo has no filter for score here"),
    ]
    assert "window" in query.cursor
    everything = from_marketo(marketo_sync(), way="bulk")
    assert everything.filters[0]["createdAt"]["startAt"] == "2007-01-01T00:00:00Z"


def test_leads_that_changed_are_asked_for_by_a_paging_token_or_by_an_extract() -> None:
    """The token is of the window's begin; the extract goes by the hidden date of the last change."""
    token = from_marketo(marketo_sync(), DAY)
    extract = from_marketo(marketo_sync(), DAY, way="bulk")

    assert (token.first.operation, token.first.params) == ("paging_token", {"sinceDatetime": "2026-03-08T00:00:00Z"})
    assert extract.filters == ({"updatedAt": {"startAt": "2026-03-08T00:00:00Z", "endAt": "2026-03-08T23:59:59Z"}},)


def test_leads_named_by_a_condition_are_asked_for_by_their_key() -> None:
    """An e-mail or id that every row must have is Marketo's own filter, values as they are, without commas."""
    named = conditions(("email", "in", ["a@example.com", "o'b+c&d%@example.com"]), ("score", "at_least", 5))

    query = from_marketo(marketo_sync(conditions=named))

    assert query.first.operation == "leads_by_filter"
    assert query.first.params == {
        "filterType": "email",
        "filterValues": "a@example.com,o'b+c&d%@example.com",
        "fields": "id,createdAt,updatedAt,email,lastName,score",
    }
    assert [each.at_source for each in query.clauses] == [True, False]


@pytest.mark.parametrize(
    "tree",
    [
        None,
        conditions(("email", "equals", "a@example.com"), ("score", "at_least", 5), match="any"),
        conditions(("email", "equals", "a,b@example.com")),
        conditions(("email", "contains", "a")),
        conditions(("lastName", "equals", "a")),
        conditions(("email", "in", [f"a{number}@example.com" for number in range(301)])),
    ],
)
def test_other_leads_come_in_extracts_only(tree: dict[str, Any] | None) -> None:
    """No key that every row must have, or one that Marketo's filter cannot hold."""
    sync = marketo_sync(conditions=tree)

    assert not reads_leads_by_key(sync, Facts(fields=LEAD))
    with pytest.raises(ValueError, match="bulk extracts only"):
        from_marketo(sync)


def test_leads_made_between_the_begin_of_a_run_and_its_ceiling_are_read() -> None:
    """A run that was parked before it reached Marketo reads up to its ceiling, which lies behind its begin."""
    ceiling = datetime(2026, 3, 9, 14, 0, tzinfo=UTC)
    query = from_marketo(marketo_sync(), Window(until=ceiling), way="bulk")

    assert query.filters[-1]["createdAt"]["endAt"] == "2026-03-09T13:59:59Z"


@pytest.mark.parametrize(
    ("object_name", "way", "facts", "operation", "asked"),
    [
        ("list_members", "rest", {"static_list": 7}, "leads_of_list", {"list": "7"}),
        ("list_members", "bulk", {"static_list": 7}, "create_leads_export", {"staticListId": 7}),
        ("program_members", "bulk", {"program": 9}, "create_members_export", {"programId": 9}),
        ("program_members", "rest", {"program": 9, "statuses": ["Invited"]}, "members", {"program": "9"}),
        (
            "activities",
            "bulk",
            {"activity_types": [1, 10]},
            "create_activities_export",
            {
                "createdAt": {"startAt": "2026-03-08T00:00:00Z", "endAt": "2026-03-08T23:59:59Z"},
                "activityTypeIds": [1, 10],
            },
        ),
        ("activities", "rest", {"activity_types": [1]}, "paging_token", {}),
        (
            "car_c",
            "bulk",
            {},
            "create_custom_objects_export",
            {"updatedAt": {"startAt": "2026-03-08T00:00:00Z", "endAt": "2026-03-08T23:59:59Z"}},
        ),
    ],
)
def test_each_object_of_marketo_is_asked_for_in_its_own_way(
    object_name: str, way: str, facts: dict[str, Any], operation: str, asked: dict[str, Any]
) -> None:
    """Lists and programs by their id, activities by type and time, custom objects by their last change."""
    query = from_marketo(marketo_sync(object_name), DAY, way=way, **facts)

    assert query.first.operation == operation
    assert (query.first.body["filter"] if query.first.body else dict(query.first.parts)) == asked


def test_scores_among_the_columns_are_known_by_what_the_log_calls_them() -> None:
    """By name and label, in small letters; Describe calls some scores integers. Of fields that every instance has it is
    known without that which are none, so that a Sync of these alone does not ask what the fields are like."""
    facts = Facts(
        fields={
            **fields(
                id="integer",
                email="email",
                lastName="string",
                numberOfEmployees="integer",
                priority="integer",
                other="score",
            ),
            "score": FieldDescription(name="score", type="score", label="Person Score"),
        }
    )
    mapped = {"to": "Score__c", "column": "score"}, {"to": "Other__c", "column": "priority"}
    sync = marketo_sync(mappings=[{"to": "LastName", "column": "email"}, *mapped])

    query = source_query(sync, "marketo", facts, Window(since=NOW), way="rest", now=NOW)

    assert query.scores == {"score": "score", "person score": "score", "priority": "priority"}
    plain = marketo_sync(
        mappings=[{"to": "LastName", "column": "lastName"}], match=[{"column": "email", "field": "Email"}]
    )
    asked: list[str] = []

    class Asked(dict[str, FieldDescription]):
        """Fields that tell when somebody looks at them."""

        def __contains__(self, name: object) -> bool:
            asked.append(str(name))
            return super().__contains__(name)

    facts = Facts(fields=Asked(facts.fields))
    assert source_query(plain, "marketo", facts, Window(since=NOW), way="rest", now=NOW).scores == {}
    assert asked == []
