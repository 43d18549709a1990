"""Days, moments and the day of a quota: each in its own zone, through the product's clients and both vendor twins."""

from datetime import UTC, datetime
from typing import Any

import pytest

from leadbridge.domain.marketo import FieldMetadata
from leadbridge.domain.syncing import Step, Totals
from tests.builders.syncs import a_sync
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import WiredSyncs

#: in this hour the clocks of Chicago have gone forward: 13:00 there
SPRING = datetime(2026, 3, 8, 18, tzinfo=UTC)
LATER = "20260308T190000Z"
#: the end of that day there; by the clocks of the day before it would be an hour later
MIDNIGHT = datetime(2026, 3, 9, 5, tzinfo=UTC)
#: of a leap year, of the days on which clocks change, and of two years
DAYS = ("2028-02-29", "2026-03-08", "2026-11-01", "2025-12-31")
#: a quarter to midnight in Chicago, by the clocks before they went forward
TOUCHED = "2026-03-08T05:45:00.000+0000"


@pytest.mark.pain("P46")
@pytest.mark.parametrize(
    ("zone", "day"),
    [("Pacific/Auckland", "2026-03-08"), ("America/Chicago", "2026-03-07"), ("Pacific/Honolulu", "2026-03-07")],
)
def test_days_stay_days_moments_stay_moments_and_a_quota_ends_in_marketos_zone(
    clients: Clients, marketo: Twin, salesforce: Twin, zone: str, day: str
) -> None:
    """A day is the same day there and back again, wherever the Sync is at home; a moment stays the same moment, and
    gives the day that it has in the Sync's zone. A run whose calls are spent waits for midnight in Chicago."""
    lead = {"connection": "crm", "object": "Lead"}
    there_mappings = [
        {"to": "email", "column": "Email"},
        {"to": "lastName", "column": "LastName"},
        {"to": "dateOfBirth", "column": "Score_Date__c"},
        {"to": "touchedAt", "column": "Last_Touch__c"},
        {"to": "touchedOn", "column": "Last_Touch__c"},
    ]
    back_mappings = [
        {"to": "Email", "column": "email"},
        {"to": "LastName", "column": "lastName"},
        {"to": "Birthdate", "column": "dateOfBirth"},
    ]
    kind: dict[str, Any] = {"time_zone": zone, "dedupe": "import_everything", "extraction": "full"}
    everybody = {"connection": "marketing", "object": "list_members", "static_list": "Everybody"}
    there = WiredSyncs(clients, marketo, salesforce, a_sync(source=lead, mappings=there_mappings, **kind))
    returning = a_sync(source=everybody, to_salesforce=True, mappings=back_mappings, **kind)
    back = WiredSyncs(clients, marketo, salesforce, returning)
    there.clock = back.clock
    there.connect()
    there.wired.marketo("marketing").lead_fields.create(
        [
            FieldMetadata(name=name, data_type=data_type, display_name=name)
            for name, data_type in (("touchedAt", "datetime"), ("touchedOn", "date"))
        ]
    )
    loaded = [
        {"Email": f"p{n}@example.com", "LastName": "P", "Company": "C", "Score_Date__c": at, "Last_Touch__c": TOUCHED}
        for n, at in enumerate(DAYS)
    ]
    salesforce.post("load", {"Lead": loaded})
    there.clock.set(SPRING)
    assert there.ran().totals == Totals(created=len(DAYS))
    people = [there.leads()[each["Email"]] for each in loaded]
    assert [each["dateOfBirth"] for each in people] == list(DAYS)
    assert {datetime.fromisoformat(each["touchedAt"]) for each in people} == {datetime.fromisoformat(TOUCHED)}
    assert {each["touchedOn"] for each in people} == {day}

    marketo.post("load", {"staticLists": [{"id": 1001, "name": "Everybody"}]})
    marketo.post("load", {"listMembers": [{"listId": 1001, "leadId": each["id"]} for each in people]})
    assert back.ran().totals == Totals(created=len(DAYS))
    assert [back.records()[each["Email"]]["Birthdate"] for each in loaded] == list(DAYS)

    marketo.post("limits", {"daily_calls": 1})
    back.start(LATER)
    answers = (back.step(LATER, begin=begins) for begins in (True, False, False))
    assert [each["waiting"] for each in answers][-1] == "quota"
    assert back.run(LATER).due_at == MIDNIGHT
    marketo.post("limits", {"daily_calls": 50_000})
    run = back.drive(LATER)
    assert (run.step, run.totals) == (Step.DONE, Totals(unchanged=len(DAYS))), run
    assert run.ended_at is not None
    assert run.ended_at >= MIDNIGHT
