"""Whole cycles of companies, sales persons and persons: whatever dies, everything is there once and in step."""

from collections.abc import Iterator
from typing import Any

import pytest

from leadbridge.domain.cycling import CycleStep
from leadbridge.domain.waits import Waiting
from leadbridge.usecases.cycle_pieces import PieceFiles
from tests.builders.company_cycles import COMPANY_FIELDS, CompanyWorld, with_companies


def employed(world: CompanyWorld) -> tuple[str, str, str]:
    """Two Users, an Account and its Contact, and a Lead beside them; the Users and the Account."""
    users = [world.users.make(LastName=name, IsActive=True, UserType="Standard") for name in ("Ada", "Ida")]
    account = world.accounts.make(Name="Acme", Industry="Tools", OwnerId=users[0])
    world.contacts.make(Email="c@example.com", LastName="C", AccountId=account, OwnerId=users[0])
    world.leads.make(Email="l@example.com", LastName="L", Company="Mine", OwnerId=users[0])
    return users[0], users[1], account


def test_companies_and_owners_are_in_step_and_stay_so() -> None:
    """Everything arrives in one cycle; what nobody edits is written no more."""
    world = CompanyWorld()
    employed(world)
    world.done()
    assert world.disagreeing() == []
    written = world.written()
    for _ in range(3):
        world.done()
    assert world.written() == written
    assert world.due.records == {}


def edited() -> CompanyWorld:
    """All is in step since a while; then each kind is edited, and a User leaves."""
    world = CompanyWorld()
    user, heir, account = employed(world)
    world.done()
    world.done(minutes=30)
    world.later(minutes=30)
    [company] = world.companies.records
    world.companies.edit(company, industry="Banking")
    world.spread(world.companies.records[company])
    world.accounts.edit(account, Name="Acme Ltd")
    other = world.accounts.make(Name="Other", OwnerId=heir)
    world.contacts.make(Email="d@example.com", LastName="D", AccountId=other, OwnerId=heir)
    world.users.edit(user, IsActive=False)
    world.users.make(LastName="Eda", IsActive=True, UserType="Standard")
    world.steps.taken.clear()
    return world


def points() -> Iterator[int]:
    """The steps at which a process of the cycle itself may die."""
    living = edited().copy()
    living.done()
    return iter([at + 1 for begun, ended in living.own_steps for at in range(begun, ended)])


def test_a_death_at_any_point_loses_and_doubles_nothing() -> None:
    """Whatever step of a cycle dies, at every ninth I/O: it goes on, all is in step, and nothing is there twice."""
    begin, every = edited(), list(points())
    assert len(every) > 100
    for at in every[::9]:
        world = begin.copy()
        world.steps.arm(at)
        world.done()
        world.done(minutes=6)
        assert isinstance(world, CompanyWorld)
        assert (world.deaths, world.disagreeing()) == (1, []), at


def test_edits_of_both_sides_are_taken_over_in_one_cycle() -> None:
    """Of one company each side has edited a field; a sales person leaves, and a new one comes."""
    world = edited()
    world.done()
    assert world.disagreeing() == []
    company = next(iter(world.companies.records.values()))
    assert (company["company"], company["industry"]) == ("Acme Ltd", "Banking")


def test_a_pair_of_a_company_that_is_switched_off_leaves_neither_system() -> None:
    """The other pairs go on; once it is switched on again, what differs is decided as at a first meeting."""
    off = [COMPANY_FIELDS[0], {**COMPANY_FIELDS[1], "enabled": False}]
    world = CompanyWorld(with_companies(companies={"fields": off}))
    account = world.accounts.make(Name="Acme", Industry="Tools")
    world.done()
    ((company, held),) = world.companies.records.items()
    assert (held["company"], held.get("industry")) == ("Acme", None)
    world.companies.edit(company, industry="Banking")
    world.accounts.edit(account, Name="Acme Ltd")
    world.done(minutes=30)
    assert (held["company"], world.accounts.records[account]["Industry"]) == ("Acme Ltd", "Tools")
    world.documents.put(with_companies())
    world.accounts.edit(account, Name="Acme plc")
    world.done(minutes=30)
    assert (held["company"], held["industry"], world.accounts.records[account]["Industry"]) == (
        "Acme plc",
        "Tools",
        "Tools",
    )


def test_too_many_companies_whose_accounts_are_gone_are_asked_about() -> None:
    """None is deleted before somebody says yes; what else is to be done waits as well."""
    companies = {"fields": COMPANY_FIELDS, "deleted_in_salesforce": "delete"}
    world = CompanyWorld(with_companies(companies=companies, guard={"deletes": 0}))
    account = world.accounts.make(Name="Acme")
    other = world.accounts.make(Name="Other")
    world.done()
    world.done(minutes=30)
    world.accounts.delete(account)
    world.accounts.edit(other, Name="Other Ltd")
    run = world.cycle(30)
    assert run.waiting is Waiting.GUARD
    assert "companies deletions: the run would delete 1 records (the limit is 0)" in run.message
    assert sorted(each["company"] for each in world.companies.records.values()) == ["Acme", "Other"]
    assert world.confirm(run.slot).step is CycleStep.DONE
    assert [each["company"] for each in world.companies.records.values()] == ["Other Ltd"]


def test_after_a_long_outage_deleted_accounts_are_looked_for() -> None:
    """Salesforce tells of no deletion any more, so all companies that are linked are looked for."""
    world = CompanyWorld(with_companies(companies={"fields": COMPANY_FIELDS, "deleted_in_salesforce": "delete"}))
    accounts = [world.accounts.make(Name=name) for name in ("Acme", "Other", "Third")]
    world.done()
    world.accounts.delete(accounts[0])
    world.later(minutes=20 * 24 * 60)
    world.accounts.told_from = world.clock.now()
    world.done(minutes=30)
    assert sorted(each["company"] for each in world.companies.records.values()) == ["Other", "Third"]
    assert world.disagreeing() == []


@pytest.mark.parametrize(
    ("guard", "edit", "asks", "told"),
    [
        ({"changed_percent": 0}, {"LastName": "Lovelace"}, ["changes"], "change 1 records (the limit is 0 % of 2"),
        ({"blanked_percent": 0}, {"Email": None}, ["changes"], "empty 1 values (the limit is 0 % of 2"),
        ({"deletes": 0}, {"IsActive": False}, ["deletions"], "delete 1 records (the limit is 0)"),
        # the person and the company of the one who goes name nobody any more
        ({"blanked_percent": 0}, {"IsActive": False}, ["changes"], "of 1 records) by people-let-go"),
    ],
    ids=["changed", "emptied", "deleted", "let go"],
)
def test_what_is_done_to_sales_persons_and_to_whom_they_own_is_asked_about(
    guard: dict[str, int], edit: dict[str, Any], asks: list[str], told: str
) -> None:
    """One that is new is no damage; nothing is written before somebody says yes."""
    world = CompanyWorld(with_companies(guard=guard))
    user = world.users.make(LastName="Ada", Email="ada@example.com", IsActive=True, UserType="Standard")
    account = world.accounts.make(Name="Acme", OwnerId=user)
    world.contacts.make(Email="c@example.com", LastName="c", AccountId=account, OwnerId=user)
    world.done()
    world.later(minutes=30)
    world.users.make(LastName="Eda", IsActive=True, UserType="Standard")
    world.done()
    world.later(minutes=30)
    world.users.edit(user, **edit)
    before = [dict(each) for each in world.sales_persons.records.values()]
    run = world.cycle()
    asked = []
    while run.waiting is Waiting.GUARD:
        assert [dict(each) for each in world.sales_persons.records.values()] == before
        asked.append((run.guarded.removeprefix("sales_persons "), run.message))
        run = world.confirm(run.slot)
    assert [each for each, _ in asked] == asks
    assert told in asked[0][1]
    assert (run.step, world.disagreeing()) == (CycleStep.DONE, [])


def test_a_company_whose_account_is_back_by_the_time_somebody_says_yes_is_not_deleted() -> None:
    """Both systems are asked once more before; it is told, and in step again with all that it has."""
    companies = {"fields": COMPANY_FIELDS, "deleted_in_salesforce": "delete"}
    document = with_companies(companies=companies, guard={"deletes": 2})
    assert document.persons is not None
    persons = document.persons.model_copy(update={"deleted_in_salesforce": "delete"})
    world = CompanyWorld(document.model_copy(update={"persons": persons}))
    user = world.users.make(LastName="Ada", IsActive=True, UserType="Standard")
    gone, back = (world.accounts.make(Name=name, OwnerId=user) for name in ("Gone", "Back"))
    leads = [world.leads.make(Email=f"{name}@example.com", LastName=name, Company="Own") for name in "abc"]
    world.done()
    world.done(minutes=30)
    world.accounts.delete(gone, back)
    # what waits for somebody is something else, decided behind companies
    world.leads.delete(*leads)
    run = world.cycle(30)
    assert run.waiting is Waiting.GUARD
    world.accounts.undelete(back)

    run = world.confirm(run.slot)

    assert run.step is CycleStep.DONE
    assert [each["company"] for each in world.companies.records.values()] == ["Back"]
    files = PieceFiles(world.objects, run, "companies")
    lines = [line for piece in range(9) for line in files.outcomes(piece)]
    assert {line["salesforce_id"]: (line["outcome"], line["reason"]) for line in lines} == {
        gone: ("deleted", ""),
        back: ("unchanged", "account_back"),
    }
    world.done()
    world.done(minutes=30)
    assert [each["externalSalesPersonId"] for each in world.companies.records.values()] == [user]
    assert world.disagreeing() == []
    assert world.due.records == {}
