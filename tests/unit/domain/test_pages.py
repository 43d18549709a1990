"""The five pages of an Action."""

from leadbridge.domain.action import as_document
from leadbridge.domain.pages import TITLES, pages
from tests.builders.actions import an_action


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
