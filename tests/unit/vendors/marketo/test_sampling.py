"""How many calls an estimate of all people takes."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from leadbridge.domain.source_query import Request, SourceQuery
from leadbridge.vendors.marketo.sampling import sample
from tests.fakes.clock import NOON


class Busy:
    """An instance in which somebody changes all the time: each page of the log announces another."""

    def __init__(self) -> None:
        self.pages = 0
        self.api = SimpleNamespace(paging_token=lambda since: f"{since}", get=self.get)

    def get(self, *_: object, **__: object) -> SimpleNamespace:
        """A page of the log of changes."""
        self.pages += 1
        changes = [{"leadId": 100 * self.pages + number} for number in range(100)]
        payload = {"result": changes, "nextPageToken": f"{self.pages}", "moreResult": True}
        return SimpleNamespace(payload=payload)

    def leads_by_filter(self, field: str, values: list[str], fields: object) -> list[dict[str, Any]]:
        """Everybody is there."""
        del field, fields
        return [{"id": each} for each in values]


def test_an_estimate_of_all_people_reads_a_few_pages_however_many_calls_it_may_make() -> None:
    """A price may make 50 calls, but the run that comes next waits for them: where much changes ten pages will do."""
    busy = Busy()
    query = SourceQuery(
        vendor="marketo",
        way="bulk",
        cursor="",
        object="leads",
        columns=("id", "email"),
        first=Request(operation="export_leads"),
        filters=({"createdAt": {"startAt": (NOON - timedelta(days=30)).isoformat()}},),
    )
    found = sample(busy, query, 48, NOON)  # type: ignore[arg-type]  # of a client it uses these

    assert busy.pages == 10
    assert found.estimate == 1099
