"""Cycles with fields that Salesforce works out: their values change, and no record says that it was changed."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.company_cycles import COMPANY_FIELDS, CompanyWorld, with_companies
from tests.builders.deal_cycles import FIELDS, DealWorld, with_deals
from tests.builders.whole_cycles import LEAD_FIELDS, CycleWorld, a_cycle
from tests.fakes.systems import Table

DAY = 24 * 60
#: in minutes
SOON = 30


def one_way(pairs: Iterable[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The pairs, of which one goes to Marketo only, as Salesforce works its value out."""
    return [
        {"marketo": each["marketo"], "salesforce": name, "direction": "to_marketo"}
        if each["salesforce"] == name
        else each
        for each in pairs
    ]


def worked_out(table: Table, name: str) -> None:
    """Salesforce works a field of an object out."""
    field = replace(table.described.fields[name], calculated=True, createable=False, updateable=False)
    table.described = replace(table.described, fields={**table.described.fields, name: field})


def a_lead(world: CycleWorld, name: str) -> str:
    """A Lead whose title says which it is."""
    return world.leads.make(Email=f"{name}@example.com", LastName=name, Company="Acme", Title="1")


@pytest.mark.pain("P17")
def test_what_a_formula_comes_to_arrives_within_a_day_and_costs_nothing_while_it_stays() -> None:
    """No change is told of the Lead: a day after the last look at all Leads they are compared once more. Whom nobody
    linked is nobody new by that, people whose value stayed cost no call, and the age of the value is nobody's delay."""
    world = CycleWorld(a_cycle(leads={"fields": one_way(LEAD_FIELDS, "Title")}))
    worked_out(world.leads, "Title")
    ada = a_lead(world, "ada")
    strange = a_lead(world, "strange")
    # nobody changed it since the low watermark
    world.leads.records[strange]["SystemModstamp"] = "2026-01-01T00:00:00+00:00"
    a_lead(world, "bea")
    world.done()
    world.done(minutes=SOON)
    people = {each["lastName"]: each for each in world.people.records.values()}
    assert {name: each["title"] for name, each in people.items()} == {"ada": "1", "bea": "1"}

    for each in world.leads.records.values():
        each["Title"] = "2" if each["Id"] in {ada, strange} else each["Title"]
    world.people.written.clear()
    assert (world.done(minutes=SOON).compared, people["ada"]["title"]) == ((), "1")
    compared = world.done(minutes=DAY)
    assert compared.compared == ("from-leads",)
    assert (people["ada"]["title"], compared.latencies) == ("2", {})
    assert [values for _, values in world.people.written] == [{"title": "2"}]
    assert len(world.people.records) == 2

    calls = dict(world.system.calls)
    world.done(minutes=SOON)
    again = world.done(minutes=DAY)
    assert (again.compared, sum(again.writes.values())) == (("from-leads",), 0)
    asked = {key: number - calls.get(key, 0) for key, number in world.system.calls.items()}
    assert asked["Lead", "page"] > 0
    assert (asked.get(("leads", "find"), 0), asked.get(("leads", "lookup"), 0)) == (0, 0)


@pytest.mark.pain("P17")
def test_roll_ups_of_accounts_and_opportunities_arrive_too() -> None:
    """In the same run; what others learn from these records they learn of changed ones only."""
    kept = {"fields": one_way(COMPANY_FIELDS, "Industry")}
    deals = {"fields": one_way(FIELDS, "Amount")}
    world = DealWorld(with_deals(companies=kept, opportunities=deals))
    worked_out(world.accounts, "Industry")
    worked_out(world.opportunities, "Amount")
    account = world.accounts.make(Name="Acme", Industry="Tin")
    deal = world.opportunities.make(Name="Deal", Amount=10, StageName="Prospecting", AccountId=account)
    world.done()
    world.done(minutes=SOON)
    ((_, company),) = world.companies.records.items()
    ((_, held),) = world.deals.records.items()
    assert (company["industry"], held["amount"]) == ("Tin", 10)
    world.accounts.records[account]["Industry"] = "Gold"
    world.opportunities.records[deal]["Amount"] = 20
    world.done(minutes=SOON)
    assert (company["industry"], held["amount"]) == ("Tin", 10)
    run = world.done(minutes=DAY)
    assert set(run.compared) == {"from-accounts", "from-opportunities"}
    assert (company["industry"], held["amount"]) == ("Gold", 20)


def test_a_pair_of_such_a_field_that_is_new_is_filled_by_the_next_run() -> None:
    """The document gets the pair in a later version: nobody has to edit an Account for its sake."""
    plain = [each for each in COMPANY_FIELDS if each["salesforce"] != "Industry"]
    world = CompanyWorld(with_companies(companies={"fields": plain}))
    worked_out(world.accounts, "Industry")
    world.accounts.make(Name="Acme", Industry="Tin")
    world.done()
    world.done(minutes=SOON)
    world.documents.put(with_companies(companies={"fields": one_way(COMPANY_FIELDS, "Industry")}))
    assert world.done(minutes=SOON).compared == ("from-accounts",)
    ((_, company),) = world.companies.records.items()
    assert company["industry"] == "Tin"
    assert world.done(minutes=SOON).compared == ()
