"""Whole cycles with opportunities and roles: whatever dies, everything is there once and in step."""

from collections.abc import Iterator

from leadbridge.domain.syncing import Waiting
from tests.builders.deal_cycles import DealWorld, with_deals


def sold() -> DealWorld:
    """An Account with two Contacts who have parts in one of its two Opportunities."""
    world = DealWorld()
    user = world.users.make(LastName="Ada", IsActive=True, UserType="Standard")
    account = world.accounts.make(Name="Acme", OwnerId=user)
    people = [
        world.contacts.make(Email=f"{name}@example.com", LastName=name, AccountId=account, OwnerId=user)
        for name in ("c", "d")
    ]
    common = {"AccountId": account, "OwnerId": user, "CreatedDate": "2026-01-02T03:04:05Z"}
    open_ = {**common, "StageName": "New", "IsClosed": False, "IsWon": False}
    deals = [world.opportunities.make(Name=name, Amount=5, **open_) for name in ("One", "Two")]
    for name, contact in zip(("Buyer", "User"), people, strict=True):
        world.contact_roles.make(OpportunityId=deals[0], ContactId=contact, Role=name, IsPrimary=name == "Buyer")
    return world


def test_opportunities_and_roles_are_in_step_after_one_cycle_and_stay_so() -> None:
    """Also roles of people who are made in the same cycle; what nobody edits costs no call."""
    world = sold()
    world.done()
    assert world.disagreeing() == []
    written, calls = world.written(), dict(world.system.calls)
    world.done(minutes=30)
    assert world.written() == written
    mine = {
        name: number for name, number in world.system.calls.items() if name[0] in {"opportunities", "opportunity_roles"}
    }
    assert mine == {name: number for name, number in calls.items() if name in mine}
    assert world.due.records == {}


def edited() -> DealWorld:
    """All is in step since a while; then one is won, one is deleted, and roles come, change and go."""
    world = sold()
    world.done()
    world.done(minutes=30)
    world.later(minutes=30)
    first, second = world.opportunities.records
    [buyer, user] = world.contact_roles.records
    new = world.contacts.make(Email="e@example.com", LastName="e", AccountId=next(iter(world.accounts.records)))
    world.opportunities.edit(first, StageName="Won", IsClosed=True, IsWon=True, Amount=7)
    world.opportunities.delete(second)
    world.contact_roles.edit(buyer, Role="Owner")
    world.contact_roles.delete(user)
    world.contact_roles.make(OpportunityId=first, ContactId=new, Role="Late", IsPrimary=False)
    world.steps.taken.clear()
    return world


def points() -> Iterator[int]:
    """The steps at which a process of the cycle itself may die."""
    living = edited().copy()
    living.done()
    assert living.disagreeing() == []
    return iter([at + 1 for begun, ended in living.own_steps for at in range(begun, ended)])


def test_a_death_at_any_point_loses_and_doubles_no_opportunity_and_no_role() -> None:
    """Whatever step of a cycle dies, at every 61st I/O: it goes on, all is in step, nothing is there twice."""
    begin, every = edited(), list(points())
    assert len(every) > 100
    for at in every[::61]:
        world = begin.copy()
        world.steps.arm(at)
        world.done()
        world.done(minutes=6)
        assert isinstance(world, DealWorld)
        assert (world.deaths, world.disagreeing()) == (1, []), at


def test_too_many_deleted_roles_are_asked_about() -> None:
    """Nothing of a run is written before somebody says yes; then they go, and their opportunity behind them."""
    world = sold()
    world.documents.put(with_deals(guard={"deletes": 1}))
    world.done()
    [first, _] = world.opportunities.records
    world.later(minutes=30)
    world.opportunities.delete(first)
    world.contact_roles.delete(*world.contact_roles.records)
    run = world.cycle()
    assert (run.waiting, run.guarded) == (Waiting.GUARD, "opportunity_roles deletions")
    assert len(world.roles.records) == 2
    world.confirm(run.slot)
    assert world.disagreeing() == []


def test_a_plan_shows_what_would_be_written_of_opportunities_and_roles() -> None:
    """Whose person is there already and whose is not yet; nothing is written."""
    world = sold()
    world.done()
    [first, _] = world.opportunities.records
    world.later(minutes=30)
    [known, _] = world.contacts.records
    new = world.contacts.make(Email="e@example.com", LastName="e")
    roles = [world.contact_roles.make(OpportunityId=first, ContactId=each, Role="New") for each in (known, new)]
    world.opportunities.edit(first, Amount=9)
    written = world.written()

    told = {
        each.salesforce_id: each
        for each in world.planned(world.cycle(planning=True))
        if each.kind.startswith("opportunit")
    }

    assert world.written() == written
    assert {name: (each.does, each.reason) for name, each in told.items()} == {
        first: ("update", ""),
        roles[0]: ("create", ""),
        roles[1]: ("nothing", "role_follows"),
    }
    assert {each.name: each.after for each in told[first].fields} == {"amount": 9, "externalOpportunityId": first}
