"""What a Sync is said to cost, against what the vendors count when it runs."""

from functools import partial
from typing import Any

import pytest

from leadbridge.usecases.preview_sync import PreviewSync
from leadbridge.usecases.price_sync import PriceSync
from leadbridge.usecases.start_sync import vendor_of
from leadbridge.usecases.view_sync import ViewSync
from tests.builders.syncs import a_sync
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import TO_MARKETO, TO_SALESFORCE, WiredSyncs

LIST = {"connection": "marketing", "object": "list_members", "static_list": "Everybody"}
#: the calls of a login, which a run may or may not need
LOGIN = 1


@pytest.mark.parametrize("rows", [40, 700, 1900])
@pytest.mark.parametrize("to_salesforce", [False, True])
def test_a_run_costs_what_was_said(
    clients: Clients,
    marketo: Twin,
    salesforce: Twin,
    rows: int,
    monkeypatch: pytest.MonkeyPatch,
    *,
    to_salesforce: bool,
) -> None:
    """Calls at either vendor, counted there: within a tenth, or one call, of the price."""
    kind: dict[str, Any] = {**TO_SALESFORCE, "source": LIST} if to_salesforce else TO_MARKETO
    world = WiredSyncs(clients, marketo, salesforce, a_sync(**kind))
    if to_salesforce:
        world.people(rows)
        marketo.post("load", {"staticLists": [{"id": 1001, "name": "Everybody"}]})
        marketo.post("load", {"listMembers": [{"listId": 1001, "leadId": place + 1} for place in range(rows)]})
    else:
        world.contacts(rows)
    found = priced(world)
    kept = world.facts()
    # as in a function that is warm
    monkeypatch.setattr(world, "facts", lambda: kept)
    before = counted(world)
    run = world.ran()
    after = counted(world)

    assert run.totals.created == rows
    assert (found.rows, found.exact) == (rows, True)
    for vendor, cost in found.run.items():
        made = after[vendor] - before[vendor]
        assert abs(cost.calls - made) <= max(LOGIN + 1, 0.1 * made), (vendor, cost, made)


def priced(world: WiredSyncs) -> Any:
    """The price of the world's Sync."""
    view = ViewSync(
        documents=world.documents,
        runs=world.runs,
        vendors=world.vendors(),
        facts=world.facts(),
        vendor=partial(vendor_of, world.documents),
        clock=world.clock,
    )
    preview = PreviewSync(view=view, runs=world.runs, vendors=world.vendors())
    return PriceSync(documents=world.documents, preview=preview, instances=dict, clock=world.clock)(world.sync.id)


def counted(world: WiredSyncs) -> dict[str, int]:
    """Calls that each vendor has counted."""
    return {"marketo": world.marketo.get("calls")["total"], "salesforce": world.salesforce.get("calls")["total"]}
