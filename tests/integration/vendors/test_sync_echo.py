"""Two Syncs that face each other: what one writes comes back to the other as a change, and ends there."""

import pytest

from leadbridge.domain.syncing import Totals
from tests.builders.syncs import a_sync
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import WiredSyncs


@pytest.mark.fault("FT08")
def test_two_syncs_that_face_each_other_stop_writing_within_two_cycles(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """Contacts go to Marketo and people to Salesforce, both as they change: after a change each writes it once."""
    there, back = (
        WiredSyncs(clients, marketo, salesforce, a_sync(to_salesforce=way, extraction="incremental"))
        for way in (False, True)
    )
    there.clock = back.clock
    back.salesforce.post("load", {"Contact": [{"Email": "a@example.com", "LastName": "Old"}]})
    back.clock.advance(3600)
    cycles = []
    for cycle in range(4):
        cycles.append((there.again().totals, back.again().totals))
        if cycle == 0:
            (record,) = back.salesforce.get("records/Contact")
            fields = {"LastName": "New"}
            back.salesforce.post("set", {"object": "Contact", "ids": [record["Id"]], "fields": fields})

    assert [forth for forth, _ in cycles[:2]] == [Totals(created=1), Totals(updated=1)]
    assert {totals.created + totals.updated for _, totals in cycles} == {0}
    # what is read twice for the overlap's sake compares equal
    assert cycles[3] == (Totals(), Totals())
    assert [each["LastName"] for each in back.salesforce.get("records/Contact")] == ["New"]
    assert [each["lastName"] for each in marketo.get("records/leads")] == ["New"]
