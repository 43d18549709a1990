"""The five pages of an Action."""

import pytest

from leadbridge.domain.action import as_document
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.pages import CONNECTOR_TITLES, TITLES, pages
from tests.builders.actions import an_action
from tests.builders.connectors import a_connector, a_mail, a_merge, an_upsert, by_email


def test_every_member_stands_on_one_page_as_it_is_saved() -> None:
    """The pages are the five, in order; together they are the document, and no member is on two."""
    action = an_action(
        description="  as written ",
        deduplicate={"columns": ["email"]},
        conditions={"clauses": [{"column": "leadStatus", "operator": "is_empty"}]},
    )

    shown = pages(action)

    assert [page.number for page in shown] == [1, 2, 3, 4, 5]
    together = [item for page in shown for item in page.members.items()]
    assert len(together) == len(dict(together))
    assert dict(together) == as_document(action)
    assert len({page.title for page in shown}) == len(TITLES)


def test_members_stand_where_a_marketer_looks_for_them() -> None:
    """Identity and both ends are on page 1, what is done with a record on 2, chained objects on 3 (none), conditions
    on 4 and results on 5."""
    action = an_action(conditions={"clauses": [{"column": "leadStatus", "operator": "is_empty"}]})

    by_page = {page.number: set(page.members) for page in pages(action)}

    assert {"id", "name", "description", "source", "destination"} <= by_page[1]
    assert {"identifier", "type", "mappings", "writeback"} <= by_page[2]
    assert (by_page[3], by_page[4], by_page[5]) == (set(), {"conditions"}, {"results"})


@pytest.mark.parametrize(
    "action",
    [
        a_connector(person=by_email(), batch={"count": 10}, deduplicate={"columns": ["email"]}),
        an_upsert(time_zone="Europe/Berlin", conditions={"clauses": [{"column": "email", "operator": "is_empty"}]}),
        a_mail(tokens=[{"to": "message", "column": "text"}], trial={"leads": [1]}),
        a_merge(),
    ],
    ids=lambda each: each.operation.value,
)
def test_an_action_at_marketo_has_five_pages_too(action: ConnectorAction) -> None:
    """What it does on page 1, whom it means on 2, its values on 3, conditions on 4, its batches on 5; together they
    are the document."""
    shown = pages(action)

    assert [(page.number, page.title) for page in shown] == list(CONNECTOR_TITLES.items())
    together = [item for page in shown for item in page.members.items()]
    assert len(together) == len(dict(together))
    assert dict(together) == as_document(action)
    places = {name: page.number for page in shown for name in page.members}
    homes = {"id": 1, "destination": 1, "trial": 1, "person": 2, "merge": 2, "deduplicate": 2, "mappings": 3}
    homes |= {"tokens": 3, "time_zone": 3, "conditions": 4, "batch": 5}
    assert {name: homes.get(name, 1) for name in places} == places
