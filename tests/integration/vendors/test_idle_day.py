"""Hours in which nothing happens, and what a look sees: ticks, looks and runs against both simulators."""

from datetime import timedelta

import pytest

from leadbridge.domain.crm_cycle import CrmCycle
from tests.bench.idle_day import GAP, Ticking, idled
from tests.integration.vendors.conftest import Clients, Twin

#: what an idle day may cost at Marketo by Adobe's own budget, and what it costs with us at most; eight of Marketo's
#: calls are the one extract that tells which objects of one's own were changed
ADOBES, OURS = 7_500, {"marketo": 368, "salesforce": 323}
MARKETO_LOGIN, SALESFORCE_LOGIN = "POST /identity/oauth/token", "POST /services/oauth2/token"


@pytest.fixture
def world(clients: Clients, marketo: Twin, salesforce: Twin) -> Ticking:
    """A cycle of all kinds that has read a Lead, and has nothing to do any more."""
    world = Ticking(clients, marketo, salesforce)
    world.settled()
    return world


@pytest.mark.pain("P32")
@pytest.mark.cap("M088")
def test_an_idle_day_costs_two_calls_a_look_and_a_few_more(world: Ticking) -> None:
    """With every kind of records that a cycle can have, logins and usage included; nothing is written."""
    assert all(getattr(world.cycle, kind) is not None for kind in CrmCycle.entities)
    result = idled(world, timedelta(days=1))
    looks = result.ticks["idle"]
    assert (sum(result.ticks.values()), result.ticks["started"]) == (288, 1)
    marketo = sum(number for name, number in result.calls.items() if "/services/" not in name)
    assert marketo <= OURS["marketo"] <= ADOBES
    assert sum(result.calls.values()) - marketo <= OURS["salesforce"]
    known = {name.partition(" ")[2].rpartition("/")[2]: number for name, number in result.calls.items()}
    # the day's run reads the log for people and for activities; of Salesforce it asks in one call each how far all is
    # shown, what its objects are like, and who of Leads, Contacts and Accounts is gone
    assert (known["activities.json"], known["composite"]) == (289, 292)
    assert looks == 287
    # Marketo's token lives for an hour, a session for as long as it is used; usage is asked for every six hours
    assert (result.calls[MARKETO_LOGIN], known["usage.json"]) == (24, 4)
    assert result.calls[SALESFORCE_LOGIN] == 0
    assert not [each for each in result.calls if each.startswith(("POST /rest/v1/leads", "PATCH"))]


def test_a_look_sees_what_is_kept_in_step_and_nothing_else(world: Ticking, marketo: Twin) -> None:
    """A changed field of the document starts a run, another one does not; so does what is logged late."""
    client = world.connections.marketo("marketing")
    [person] = marketo.get("records/leads")
    world.clock.advance(GAP)
    assert world.tick().because == "idle"

    client.sync_leads([{"id": person["id"], "leadScore": 9}], action="updateOnly", lookup_field="id")
    world.clock.advance(GAP)
    assert world.tick().because == "idle"

    # an entry is shown more than nine minutes after its moment, behind the places of two looks
    at = world.clock.now() + timedelta(seconds=30)
    for _ in range(2):
        world.clock.advance(GAP)
        assert world.tick().because == "idle"
    late = {"leadId": person["id"], "activityTypeId": 37, "activityDate": at.strftime("%Y-%m-%dT%H:%M:%SZ")}
    marketo.post("load", {"activities": [late]})
    world.clock.advance(GAP)
    assert world.tick().started


def test_an_hourly_look_sees_fields_that_changed(world: Ticking, marketo: Twin) -> None:
    """A new field of Marketo's companies starts one run, not one at each look after it."""
    idled(world, timedelta(hours=1))
    marketo.post("load", {"companyFields": [{"name": "isNew", "displayName": "Is New", "dataType": "boolean"}]})
    assert idled(world, timedelta(hours=3)).ticks["started"] == 1


def test_an_hourly_look_sees_records_that_left_the_recycle_bin(world: Ticking, salesforce: Twin) -> None:
    """No query tells of them any more, but the list of deletions does."""
    [lead] = salesforce.get("records/Lead")
    salesforce.post("delete", {"object": "Lead", "ids": [lead["Id"]]})
    salesforce.post("purge", {"object": "Lead", "ids": [lead["Id"]]})
    assert idled(world, timedelta(hours=2)).ticks["started"] >= 1
