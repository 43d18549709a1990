"""What a Sync is said to cost, against what the vendors count when it runs."""

import re
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from leadbridge.domain.syncing import Step
from leadbridge.usecases.preview_sync import PreviewSync
from leadbridge.usecases.price_sync import BUDGET, PriceSync
from leadbridge.usecases.start_sync import vendor_of
from leadbridge.usecases.sync_files import page_key
from leadbridge.usecases.view_sync import ViewSync
from leadbridge.vendors.marketo.quota import next_midnight
from tests.builders.actions import a_marketo_connection
from tests.builders.syncs import a_sync
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import TO_MARKETO, TO_SALESFORCE, WiredSyncs, person

LIST = {"connection": "marketing", "object": "list_members", "static_list": "Everybody"}
CREATE = "/bulk/v1/leads/export/create.json"
#: the calls of a login, which a run may or may not need
LOGIN = 1
#: calls of a day of a small subscription
QUOTA = 60


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


def test_a_long_list_is_read_to_a_near_end_and_else_estimated(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """Of 15,000 people a list of 5,000 is counted; of one of 12,000 the number is told to a tenth from some of all
    people, with its bounds, and each price within its calls. Nobody changed of late, by whom it could be known how many
    people there can be."""
    listed = {**LIST, "static_list": "Most"}
    kind: dict[str, Any] = TO_SALESFORCE
    some, most = (
        WiredSyncs(clients, marketo, salesforce, a_sync(**kind | {"source": source, "id": f"list-{number}"}))
        for number, source in enumerate((LIST, listed))
    )
    marketo.post("load", {"generate": {"object": "leads", "count": 15_000, "seed": 3}})
    ids = [int(each["id"]) for each in marketo.get("records/leads")]
    members = {1001: ids[::3], 1002: [each for place, each in enumerate(ids) if place % 5]}
    marketo.post("load", {"staticLists": [{"id": 1001, "name": "Everybody"}, {"id": 1002, "name": "Most"}]})
    for name, chosen in members.items():
        marketo.post("load", {"listMembers": [{"listId": name, "leadId": each} for each in chosen]})
    most.clock.advance(3 * 86_400)
    some.clock.set(most.clock.now())

    before = counted(most)["marketo"]
    counted_one, estimated = priced(some), priced(most)

    assert counted(most)["marketo"] - before <= 2 * BUDGET
    assert (counted_one.rows, counted_one.exact) == (5_000, True)
    assert not estimated.exact
    assert estimated.rows is not None
    assert abs(estimated.rows - 12_000) <= 1_200
    low, high = (int(each) for each in re.findall(r"between (\d+) and (\d+)", estimated.basis)[0])
    assert low <= 12_000 <= high


@pytest.mark.cap("M086")
@pytest.mark.pain("P24")
def test_runs_as_often_as_is_proposed_stay_within_the_calls_of_the_day(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """Of 30,000 Contacts a run takes so many calls that 50,000 a day suffice for one each so many minutes; with a pack
    of 10,000 more it may come sooner. A day of runs of another one at the gap that a small quota gives does not spend
    it, and Marketo refuses none of its calls, though all workers are new: each describes Marketo's people."""
    kind: dict[str, Any] = TO_MARKETO
    world = WiredSyncs(clients, marketo, salesforce, a_sync(**kind, by={"load": "rest"}))
    salesforce.post("load", {"generate": {"object": "Contact", "count": 30_000, "seed": 5}})
    world.clock.advance(3600)
    found = {}
    for daily in (50_000, 60_000):
        world.documents.put(a_marketo_connection(id="marketing", limits={"daily_calls": daily}))
        found[daily] = priced(world)
    calls = found[50_000].run["marketo"].calls
    # two more workers than the price has describe people
    cold = calls + 2
    for daily, each in found.items():
        assert each.minutes_apart is not None
        assert each.run["marketo"].calls == calls
        assert len(range(0, 24 * 60, each.minutes_apart)) * cold <= daily
        assert each.minutes_apart == 5 or len(range(0, 24 * 60, each.minutes_apart - 1)) * cold > daily
    assert found[50_000].minutes_apart > found[60_000].minutes_apart

    salesforce.post("reset")
    small = WiredSyncs(clients, marketo, salesforce, a_sync(**kind, id="small"))
    small.contacts(40)
    small.documents.put(a_marketo_connection(id="marketing", limits={"daily_calls": QUOTA}))
    gap = priced(small).minutes_apart
    assert gap is not None
    small.clock.advance((next_midnight(small.clock.now()) - small.clock.now()).total_seconds())
    begun, before = small.clock.now(), asked(marketo)
    marketo.post("limits", {"daily_calls": QUOTA})
    for at in range(0, 24 * 60, gap):
        small.clock.advance((begun + timedelta(minutes=at) - small.clock.now()).total_seconds())
        assert small.ran(f"{small.clock.now():%Y%m%dT%H%M%SZ}").step is Step.DONE
    assert QUOTA // 2 < asked(marketo) - before <= QUOTA
    assert marketo.get("calls")["violations"] == {}


@pytest.mark.cap("M087")
def test_extracts_stop_before_the_megabytes_of_the_day_are_spent(
    clients: Clients, marketo: Twin, salesforce: Twin
) -> None:
    """1,500 people read as a whole each minute are more than 500 MB a day, which the price says before. A run whose
    file may not fit into what is left makes no job: it waits for midnight US Central, and then goes on; Marketo had
    nothing to refuse."""
    document: dict[str, Any] = TO_SALESFORCE | {"schedule": {"every": {"minutes": 1}}, "extraction": "full"}
    world = WiredSyncs(clients, marketo, salesforce, a_sync(**document))
    long = {"firstName": "F" * 40, "title": "T" * 120}
    marketo.post("load", {"leads": [{"id": number + 1, **person(number), **long} for number in range(1_500)]})
    world.clock.advance(3600)
    first = world.ran()
    found = priced(world)
    size = sum(world.objects.stored(page_key(first, 1 + page)).size for page in range(first.pages))
    world.day_bytes = 2 * size - 1
    world.connect()
    marketo.post("limits", {"export_bytes_per_day": world.day_bytes})
    before = len(marketo.calls_of("POST", CREATE))
    noon = world.clock.now()

    second = world.again()

    assert found.day["marketo"].megabytes > 500
    assert abs(found.run["marketo"].megabytes - size / 1e6) <= 0.1 * size / 1e6
    assert [each.partition(" a day and ")[0] for each in found.warnings] == ["Marketo gives 500 MB of extracts"]
    assert (first.step, second.step, second.pulled) == (Step.DONE, Step.DONE, 1_500), second.message
    assert len(marketo.calls_of("POST", CREATE)) == before + 1
    assert second.ended_at is not None
    assert next_midnight(noon) < second.ended_at < next_midnight(noon) + timedelta(hours=1)
    assert marketo.get("calls")["violations"] == {}


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


def asked(marketo: Twin) -> int:
    """Calls that Marketo takes from the quota of a day: a login is none of them."""
    return sum(each["path"].startswith(("/rest/", "/bulk/")) for each in marketo.get("log?since=0"))


def counted(world: WiredSyncs) -> dict[str, int]:
    """Calls that each vendor has counted."""
    return {"marketo": world.marketo.get("calls")["total"], "salesforce": world.salesforce.get("calls")["total"]}
