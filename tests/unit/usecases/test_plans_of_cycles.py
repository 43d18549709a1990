"""Plans of cycles: what a run would do, field by field in both systems, and that nothing of it is done."""

import copy
from typing import Any

from leadbridge.domain.cycling import CycleStep
from leadbridge.usecases.cycle_planned import PlannedChange
from tests.builders.company_cycles import COMPANY_FIELDS, CompanyWorld, with_companies
from tests.builders.whole_cycles import CYCLE, CycleWorld, a_cycle


def held(world: CycleWorld) -> Any:
    """All that a plan must not touch."""
    tables = {name: (table.records, table.written) for name, table in world.system.tables.items()}
    standing = world.cycles.standing(CYCLE)
    kept = (world.links.links, world.due.records, standing.watermarks, standing.schemas, standing.newest)
    return copy.deepcopy((tables, kept))


def fields(row: PlannedChange) -> list[tuple[str, str, Any, Any]]:
    """What would change, where."""
    return [(each.system, each.name, each.before, each.after) for each in row.fields]


def edited() -> tuple[CycleWorld, dict[str, str]]:
    """People in step; then one is edited, one converted, one deleted, and one is new on each side."""
    world = CycleWorld(a_cycle(deleted_in_salesforce="delete"))
    ids = {name: world.leads.make(Email=f"{name}@example.com", LastName=name) for name in ("ada", "bea", "cleo")}
    world.done()
    world.done(minutes=30)
    people = {each["email"]: str(each["id"]) for each in world.people.records.values()}
    world.leads.edit(ids["ada"], LastName="Ada B.")
    world.people.edit(people["ada@example.com"], firstName="Ada")
    contact = world.contacts.make(Email="bea@example.com", LastName="Beate")
    world.leads.edit(ids["bea"], IsConverted=True, ConvertedContactId=contact, ConvertedDate="2026-03-02")
    world.leads.delete(ids["cleo"])
    ids["contact"] = contact
    ids["dora"] = world.leads.make(Email="dora@example.com", LastName="Dora")
    world.people.make(email="eve@example.com", lastName="Eve", company="Acme")
    return world, {**ids, **{name.split("@")[0] + "_person": number for name, number in people.items()}}


def test_a_plan_tells_each_field_before_and_after_and_nothing_is_done() -> None:
    """Neither written nor remembered, and no watermark moves; a run that comes after it does just that."""
    world, ids = edited()
    before = held(world)
    run = world.cycle(30, planning=True)
    assert (run.step, run.kind) == (CycleStep.DONE, "plan")
    assert held(world) == before
    rows = world.planned(run)
    told = {(row.kind, row.salesforce_id, row.marketo_id): row for row in rows}
    ada = told["persons", ids["ada"], ids["ada_person"]]
    assert (ada.does, fields(ada)) == (
        "update",
        [("salesforce", "FirstName", "", "Ada"), ("marketo", "lastName", "ada", "Ada B.")],
    )
    fates = {row.salesforce_id: (row.does, row.marketo_id) for row in rows if row.kind == "fates"}
    assert fates == {ids["contact"]: ("link", ids["bea_person"]), ids["cleo"]: ("delete", ids["cleo_person"])}
    # who was converted is told as the Contact already, and nobody is made of it
    bea = told["persons", ids["contact"], ids["bea_person"]]
    assert ("marketo", "lastName", "bea", "Beate") in fields(bea)
    created = [row for row in rows if row.does == "create"]
    assert sorted((row.object, row.salesforce_id) for row in created) == [("Lead", ""), ("Lead", ids["dora"])]
    assert "create" not in {row.does for row in rows if "bea@example.com" in str(row.fields)}

    world.done()
    for row in rows:
        table = {"Lead": world.leads, "Contact": world.contacts}
        for each in row.fields:
            if each.system == "marketo" and row.marketo_id:
                assert world.people.records[row.marketo_id][each.name] == each.after
            if each.system == "salesforce" and row.salesforce_id:
                assert table[row.object].records[row.salesforce_id][each.name] == each.after
    assert ids["cleo_person"] not in world.people.records
    assert len(world.people.records) == 4


def test_a_plan_before_the_first_run_reads_everything_and_leaves_that_run_to_come() -> None:
    """No watermark is set, so nothing runs by itself, and the first run still reads all."""
    world = CycleWorld()
    world.leads.make(Email="ada@example.com", LastName="Ada")
    run = world.cycle(planning=True)
    [row] = world.planned(run)
    assert (row.does, row.object) == ("create", "Lead")
    assert ("marketo", "email", None, "ada@example.com") in fields(row)
    assert (world.cycles.standing(CYCLE).watermarks, world.people.records) == ({}, {})
    world.done()
    assert len(world.people.records) == 1


def test_a_plan_tells_how_many_people_edits_of_companies_reach_and_what_a_guard_would_ask() -> None:
    """An edit above the limit is told with its number; one that would be asked about is no reason to wait."""
    companies = {"fields": COMPANY_FIELDS, "fan_out": 2}
    world = CompanyWorld(with_companies(companies=companies, guard={"changed_percent": 0}))
    accounts = {}
    for name, size in (("Small", 2), ("Large", 3)):
        accounts[name] = world.accounts.make(Name=name, Industry="Tin")
        for number in range(size):
            world.contacts.make(Email=f"{name}{number}@example.com", LastName="C", AccountId=accounts[name])
    world.done()
    world.done(minutes=30)
    for name, account in accounts.items():
        world.accounts.edit(account, Name=f"{name} Ltd")
    before = held(world)
    run = world.cycle(30, planning=True)
    assert (run.step, run.reached) == (CycleStep.DONE, 2)
    assert held(world) == before
    rows = {row.salesforce_id: row for row in world.planned(run) if row.kind == "companies"}
    assert fields(rows[accounts["Small"]]) == [("marketo", "company", "Small", "Small Ltd")]
    assert (rows[accounts["Large"]].does, rows[accounts["Large"]].fields) == ("nothing", [])
    assert "the edit would change 3 people" in rows[accounts["Large"]].message
    assert run.warnings == (
        (
            "companies changes: a run would ask before it writes, since it would change 1 records "
            "(the limit is 0 % of 2 records) by companies-written"
        ),
    )
