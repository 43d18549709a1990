"""Whole cycles with opportunities and roles: whatever dies, everything is there once and in step."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from leadbridge.domain.cycling import CycleRun, CycleStep
from leadbridge.domain.three_way import Side
from leadbridge.domain.waits import Waiting
from leadbridge.usecases.cycle_pieces import PieceFiles
from leadbridge.usecases.opportunity_stages import StagesOfPeople
from leadbridge.usecases.vanished import Vanished
from tests.builders.company_cycles import more
from tests.builders.deal_cycles import FIELDS, DealWorld, with_deals
from tests.fakes.systems import Table

#: what a call does that changes nothing
READS = {"find", "page", "lookup", "news"}


def sold(**members: Any) -> DealWorld:
    """An Account with two Contacts who have parts in one of its two Opportunities."""
    world = DealWorld(with_deals(**members))
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


@pytest.mark.cap("M135")
def test_opportunities_come_before_their_roles_and_go_behind_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Opportunities and roles that are new, changed and deleted in one cycle: the trace of all calls that write.

    What is new and what is changed is one call, by the key.
    """
    world = edited()
    first = next(iter(world.opportunities.records))
    # the role that is another one by its name is that one again, but is not the primary one any more
    world.contact_roles.edit(next(iter(world.contact_roles.records)), Role="Buyer", IsPrimary=False)
    account, user = (next(iter(table.records)) for table in (world.accounts, world.users))
    own = {"StageName": "New", "IsClosed": False, "IsWon": False, "AccountId": account, "OwnerId": user}
    new = world.opportunities.make(Name="Three", **own)
    contact = next(iter(world.contacts.records))
    for deal in (first, new):
        world.contact_roles.make(OpportunityId=deal, ContactId=contact, Role="Fresh", IsPrimary=False)
    trace, called = list[tuple[str, str]](), world.system.called

    def noted(table: Table, what: str) -> None:
        trace.append((table.described.name, what))
        called(table, what)

    monkeypatch.setattr(world.system, "called", noted)
    marks = [(table, {*table.records}, len(table.written)) for table in (world.deals, world.roles)]

    world.done()

    assert world.disagreeing() == []
    for table, before, mark in marks:
        there, written = {*table.records}, {record for record, _ in table.written[mark:]}
        assert written >= there - before > set()
        assert (len(before - there), len(before & there & written)) == (1, 1)
    writes = [each for each in trace if each[0] in {"opportunities", "opportunity_roles"} and each[1] not in READS]
    assert [each for each, before in zip(writes, [None, *writes], strict=False) if each != before] == [
        ("opportunities", "create"),
        ("opportunity_roles", "create"),
        ("opportunity_roles", "delete"),
        ("opportunities", "delete"),
    ]


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


@pytest.mark.parametrize(
    ("guard", "edit", "told"),
    [
        ({"changed_percent": 0}, {"Amount": 9}, "change 1 records (the limit is 0 % of 3 records)"),
        ({"blanked_percent": 0}, {"Amount": None}, "empty 1 values (the limit is 0 % of 3 records)"),
    ],
    ids=["changed", "emptied"],
)
def test_too_many_changed_opportunities_are_asked_about(
    guard: dict[str, int], edit: dict[str, int | None], told: str
) -> None:
    """What Marketo was given last tells what is changed and emptied; an Opportunity that is new is no damage."""
    world = sold()
    [first, _] = world.opportunities.records
    world.opportunities.edit(first, Amount=5)
    world.done()
    world.later(minutes=30)
    world.documents.put(with_deals(guard=guard))
    world.opportunities.make(Name="Three", StageName="New", IsClosed=False, IsWon=False, Amount=None)
    world.done()
    world.later(minutes=30)
    deals = [dict(each) for each in world.deals.records.values()]
    world.opportunities.edit(first, **edit)
    run = world.cycle()
    assert (run.waiting, run.guarded) == (Waiting.GUARD, "opportunities changes")
    assert told in run.message
    assert [*world.deals.records.values()] == deals
    assert world.confirm(run.slot).step is CycleStep.DONE
    (kept,) = world.deals.found("externalOpportunityId", [first])
    assert kept["amount"] == edit["Amount"]
    assert world.disagreeing() == []


def test_too_many_changed_roles_are_asked_about() -> None:
    """The same of roles: one that is the primary one no more is a change, one that is new is none."""
    world = sold()
    world.done()
    world.later(minutes=30)
    world.documents.put(with_deals(guard={"changed_percent": 0}))
    [role, _] = world.contact_roles.records
    first, contact = next(iter(world.opportunities.records)), next(iter(world.contacts.records))
    world.contact_roles.make(OpportunityId=first, ContactId=contact, Role="Fresh", IsPrimary=False)
    world.done()
    world.later(minutes=30)
    primary = not world.contact_roles.records[role]["IsPrimary"]
    world.contact_roles.edit(role, IsPrimary=primary)
    run = world.cycle()
    assert (run.waiting, run.guarded) == (Waiting.GUARD, "opportunity_roles changes")
    assert world.confirm(run.slot).step is CycleStep.DONE
    assert world.disagreeing() == []


def test_too_many_opportunities_that_are_marked_as_deleted_are_asked_about() -> None:
    """A mark is a change of what Marketo has; it is counted though nothing else of the record is written."""
    kept = {"fields": FIELDS, "deleted_in_salesforce": {"flag": "gone"}}
    world = sold(opportunities=kept, guard={"changed_percent": 0})
    world.deals.described = more(world.deals.described, gone="boolean")
    world.done()
    world.later(minutes=30)
    [first, _] = world.opportunities.records
    world.opportunities.delete(first)
    run = world.cycle()
    assert (run.waiting, run.guarded) == (Waiting.GUARD, "opportunities changes")
    assert "change 1 records (the limit is 0 % of 1 records)" in run.message
    assert world.confirm(run.slot).step is CycleStep.DONE
    assert [each.get("gone") for each in world.deals.records.values()] == [True, None]


def test_too_many_stages_that_people_have_are_asked_about() -> None:
    """A stage in place of another one is counted, against the Contacts."""
    kept = {"fields": FIELDS, "stage_field": "stage"}
    world = sold(opportunities=kept)
    # the people are made by the first cycle, so the next one finds whose stage it is
    world.done()
    world.done(minutes=30)
    world.later(minutes=30)
    world.documents.put(with_deals(opportunities=kept, guard={"changed_percent": 0}))
    [first, _] = world.opportunities.records
    world.opportunities.edit(first, StageName="Second", LastStageChangeDate="2026-03-02T00:00:00Z")
    run = world.cycle()
    guarded = []
    while run.waiting is Waiting.GUARD:
        guarded.append((run.guarded, run.message))
        run = world.confirm(run.slot)
    assert [each for each, _ in guarded] == ["opportunities changes", "opportunity_roles changes"]
    assert "change 1 records (the limit is 0 % of 2 records) by stages-written" in guarded[-1][1]
    assert run.step is CycleStep.DONE
    assert sorted(str(person.get("stage")) for person in world.people.records.values()) == ["None", "Second"]


def after_a_long_outage() -> tuple[DealWorld, list[str]]:
    """An Opportunity and its roles are deleted, and twenty days later Salesforce does not tell; who is left."""
    world = sold()
    for number in range(4):
        world.opportunities.make(Name=str(number), StageName="New", IsClosed=False, IsWon=False)
    world.done()
    world.done(minutes=30)
    [first, *kept] = world.opportunities.records
    roles = [key for key, each in world.contact_roles.records.items() if each["OpportunityId"] == first]
    assert roles
    for role in roles:
        world.contact_roles.delete(role)
    world.opportunities.delete(first)
    world.later(minutes=20 * 24 * 60)
    for table in (world.opportunities, world.contact_roles):
        table.told_from = world.clock.now()
    return world, kept


def test_after_a_long_outage_deleted_opportunities_and_roles_are_looked_for() -> None:
    """Salesforce tells of no deletion any more, so all that are linked are looked for, once."""
    world, kept = after_a_long_outage()
    calls, asked = world.system.calls, ("Opportunity", "news")
    before = calls[asked]
    world.done(minutes=30)
    assert sorted(str(each["externalOpportunityId"]) for each in world.deals.records.values()) == kept
    assert world.disagreeing() == []
    # what is told, two of six in each of three calls, and once more what is gone
    assert calls[asked] - before == 5
    world.done(minutes=30)
    assert calls[asked] - before == 6


def test_linked_records_are_looked_for_a_bit_at_once() -> None:
    """A process whose time is up goes on where it was; nothing is done before all were looked for."""
    world, kept = after_a_long_outage()
    now = world.clock.now()
    since, ceilings = {"from-opportunities": now - timedelta(days=20)}, {"salesforce": now}
    run = CycleRun(cycle="main", slot="a", version=1, epoch=1, started_at=now, since=since, ceilings=ceilings)
    files = PieceFiles(world.objects, run, "opportunities")
    vanished = Vanished(ports=world.keep_ports(), object_name="Opportunity", queue="from-opportunities")
    told, links = None, []
    while told is None:
        told = vanished(run, files, now)
        links.append(files.comparison().links)
    assert links == [2, 4, len(kept) + 1]
    assert len(told.deleted[Side.SALESFORCE]) == 1


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


def told(world: DealWorld, run: CycleRun, kind: str = "opportunity_roles") -> dict[str, tuple[str, str]]:
    """What became of records of a kind, and why."""
    lines = [line for piece in range(9) for line in PieceFiles(world.objects, run, kind).outcomes(piece)]
    return {line["salesforce_id"]: (line["outcome"], line["reason"]) for line in lines}


def held(world: DealWorld) -> list[tuple[str, str, bool]]:
    """Marketo's roles: whose, called what, and whether it is the primary one."""
    names = {str(person["id"]): person["lastName"] for person in world.people.records.values()}
    rows = world.roles.records.values()
    return sorted((names[str(each["leadId"])], each["role"], each["isPrimary"]) for each in rows)


@pytest.mark.cap("M044")
def test_a_role_is_made_changed_moved_and_deleted() -> None:
    """Marketo's key is fixed: a new name or Contact makes another role, and the one before is deleted.

    One that is said twice in Salesforce is there as long as one of the two is.
    """
    world = sold()
    [buyer, user] = world.contact_roles.records
    [first, _] = world.opportunities.records
    [_, other] = world.contacts.records
    world.done()
    assert held(world) == [("c", "Buyer", True), ("d", "User", False)]
    keys = set(world.roles.records)

    def after(**fields: Any) -> dict[str, tuple[str, str]]:
        world.later(minutes=30)
        world.contact_roles.edit(buyer, **fields)
        return told(world, world.done())

    assert after(IsPrimary=False) == {buyer: ("updated", "")}
    assert (held(world)[0], set(world.roles.records)) == (("c", "Buyer", False), keys)
    assert after(Role="Owner") == {buyer: ("created", "role_moved")}
    assert held(world) == [("c", "Owner", False), ("d", "User", False)]
    # it becomes the same as the other one
    assert after(Role="User", ContactId=other) == {buyer: ("updated", "role_moved")}
    assert held(world) == [("d", "User", False)]
    world.contact_roles.delete(user)
    world.later(minutes=30)
    assert told(world, world.done()) == {user: ("skipped", "role_shared")}
    assert held(world) == [("d", "User", False)]
    world.contact_roles.delete(buyer)
    world.later(minutes=30)
    assert told(world, world.done()) == {buyer: ("deleted", "")}
    assert (held(world), len(world.deals.records)) == ([], len(world.opportunities.records))
    assert world.deals.found("externalOpportunityId", [first])


def test_a_role_that_is_removed_and_added_again_stays() -> None:
    """The role that is added has the key of the one that is gone, so to Marketo it is the same one."""
    world = sold()
    [buyer, _] = world.contact_roles.records
    world.done()
    again = {name: world.contact_roles.records[buyer][name] for name in ("OpportunityId", "ContactId", "Role")}
    world.contact_roles.delete(buyer)
    world.later(minutes=30)
    new = world.contact_roles.make(**again, IsPrimary=True)
    assert told(world, world.done()) == {buyer: ("skipped", "role_shared"), new: ("updated", "")}
    assert held(world) == [("c", "Buyer", True), ("d", "User", False)]
    assert world.disagreeing() == []
    world.contact_roles.delete(new)
    assert told(world, world.done(minutes=30)) == {new: ("deleted", "")}
    assert held(world) == [("d", "User", False)]


def test_a_death_keeps_no_role_from_staying_that_was_added_again() -> None:
    """One role is removed and added again, one takes over a name: whatever step dies, all is in step."""
    begin = sold()
    [buyer, user] = begin.contact_roles.records
    names = ("OpportunityId", "ContactId", "Role")
    mine, again = ({name: begin.contact_roles.records[role][name] for name in names} for role in (buyer, user))
    other = begin.contact_roles.make(**{**mine, "Role": "Other"}, IsPrimary=False)
    begin.done()
    begin.later(minutes=30)
    begin.contact_roles.delete(user)
    begin.contact_roles.make(**again, IsPrimary=True)
    begin.contact_roles.edit(buyer, Role="Other")
    begin.contact_roles.edit(other, Role="Owner")
    begin.steps.taken.clear()
    living = begin.copy()
    living.done()
    for at in [at + 1 for begun, ended in living.own_steps for at in range(begun, ended)][::41]:
        world = begin.copy()
        world.steps.arm(at)
        world.done()
        assert isinstance(world, DealWorld)
        assert (world.deaths, world.disagreeing()) == (1, []), at


@pytest.mark.parametrize(
    "names", [("User", "Evaluator"), ("Evaluator", "Buyer"), ("User", "Buyer")], ids=["chain", "other way", "swap"]
)
def test_roles_of_a_contact_take_over_each_others_names(names: tuple[str, str]) -> None:
    """Of two roles of one Contact one takes over the name of the other: what Marketo has of that is the first one's."""
    world = sold()
    [buyer, user] = world.contact_roles.records
    contact, joined = world.contact_roles.records[buyer]["ContactId"], "2026-02-03T04:05:06Z"
    world.contact_roles.edit(user, ContactId=contact, CreatedDate=joined)
    world.done()
    world.later(minutes=30)
    for role, name in zip((buyer, user), names, strict=True):
        world.contact_roles.edit(role, Role=name)
    done = told(world, world.done())
    assert {role: reason for role, (_, reason) in done.items()} == {buyer: "role_moved", user: "role_moved"}
    assert held(world) == sorted([("c", names[0], True), ("c", names[1], False)])
    [of_user] = world.roles.found("role", [names[1]])
    assert of_user["externalCreatedDate"] == joined
    assert world.disagreeing() == []
    written = world.written()
    world.done(minutes=30)
    assert world.written() == written


def test_of_two_roles_that_say_the_same_one_is_renamed() -> None:
    """Marketo has the two once; it keeps that for the other one, until that is renamed, too."""
    world = sold()
    [buyer, user] = world.contact_roles.records
    world.contact_roles.edit(user, Role="Buyer", ContactId=world.contact_roles.records[buyer]["ContactId"])
    world.done()
    assert [name for _, name, _ in held(world)] == ["Buyer"]
    for role, names in ((user, ["Buyer", "Owner"]), (buyer, ["Owner", "User"])):
        world.later(minutes=30)
        world.contact_roles.edit(role, Role="Owner" if role == user else "User")
        assert told(world, world.done()) == {role: ("created", "role_moved")}
        assert [name for _, name, _ in held(world)] == names


def test_a_role_waits_for_its_person_and_is_told_with_the_reason() -> None:
    """A Contact whom the cycle left out has no role; once the person is there the role comes by itself."""
    world = sold()
    named = {"clauses": [{"column": "LastName", "operator": "not_equals", "value": "d"}]}
    persons = world.documents.current("crm_cycle", "main").document.model_dump(by_alias=True, exclude_none=True)[
        "persons"
    ]
    world.documents.put(with_deals(persons={**persons, "create_in_marketo": {"conditions": named}}))
    [_, user] = world.contact_roles.records
    [_, contact] = world.contacts.records
    run = world.done()
    assert told(world, run)[user] == ("failed", "role_waits")
    assert [(each.id, each.reason) for each in world.due.listed(9)] == [(user, "role_waits")]
    assert held(world) == [("c", "Buyer", True)]
    world.later(minutes=30)
    world.contacts.edit(contact, LastName="e")
    world.done()
    assert held(world) == [("c", "Buyer", True), ("e", "User", False)]
    assert world.due.listed(9) == []


@pytest.mark.cap("U20", "U35")
def test_a_person_has_the_stage_of_the_opportunity_in_which_the_contact_has_the_primary_role() -> None:
    """An open one before a closed one, then the one whose stage was changed last; without a primary role nobody's."""
    world = sold(opportunities={"fields": FIELDS, "stage_field": "stage"})
    first, second = world.opportunities.records
    king, other = world.contacts.records

    def stages() -> dict[str, str]:
        world.done(minutes=30)
        people = {person["crmId"]: person for person in world.people.records.values()}
        return {people[each]["lastName"]: people[each].get("stage") or "" for each in (king, other)}

    def staged(deal: str, stage: str, moment: str, *, closed: bool = False) -> None:
        world.later(minutes=30)
        change = f"2026-03-{moment}T00:00:00Z"
        world.opportunities.edit(deal, StageName=stage, IsClosed=closed, LastStageChangeDate=change)

    # the people were made by the first cycle, so the next one finds whose stage it is
    stages()
    assert stages() == {"c": "New", "d": ""}
    common = {"OpportunityId": second, "Role": "Other"}
    mine = world.contact_roles.make(**common, ContactId=king, IsPrimary=True)
    shared = world.contact_roles.make(**common, ContactId=other, IsPrimary=False)
    staged(second, "Second", "01")
    assert stages() == {"c": "Second", "d": ""}
    staged(first, "First", "02")
    assert stages()["c"] == "First"
    staged(first, "Won", "03", closed=True)
    assert stages()["c"] == "Second"
    # one Contact loses the second one to the other, and has the closed one only
    world.later(minutes=30)
    world.contact_roles.edit(mine, IsPrimary=False)
    world.contact_roles.edit(shared, IsPrimary=True)
    assert stages() == {"c": "Won", "d": "Second"}
    nobodys = world.opportunities.make(Name="Three", StageName="New", IsClosed=False, IsWon=False)
    assert told(world, world.done(minutes=30)) == {nobodys: ("skipped", "no_primary")}


def test_who_has_won_one_is_a_customer_and_who_has_lost_all_is_not() -> None:
    """Of one Contact's Opportunities a won one decides, then an open one; others' and those without closing do not."""
    world = sold()
    world.done()
    first, second = world.opportunities.records
    king, other = world.contacts.records
    world.contact_roles.make(OpportunityId=second, ContactId=king, Role="Other", IsPrimary=True)
    stages = StagesOfPeople(world.system, world.links, "")

    def track(**closed: bool) -> str:
        """The track if the Opportunities are closed as it says, won or not."""
        for name, deal in (("one", first), ("two", second)):
            world.opportunities.edit(deal, IsClosed=name in closed, IsWon=closed.get(name, False))
        [person] = stages.of_contacts([king, other])
        return person.track

    assert [track(), track(one=True), track(one=False), track(one=False, two=True)] == ["", "won", "", "won"]
    assert [track(one=False, two=False), track(two=False)] == ["lost", ""]


def test_an_opportunity_that_marketo_lost_is_made_whole_once_its_write_was_refused() -> None:
    """What was refused may have been refused because of that, so all of it is written at the second try."""
    world = sold()
    world.done()
    [first, _] = world.opportunities.records
    world.deals.refused["9"] = "1003"
    world.later(minutes=30)
    world.opportunities.edit(first, Amount="9")
    assert told(world, world.done(), "opportunities")[first] == ("failed", "marketo_1003")
    world.deals.refused.clear()
    [lost] = [each["marketoGUID"] for each in world.deals.found("externalOpportunityId", [first])]
    del world.deals.records[lost]
    world.done(minutes=30)
    assert world.disagreeing() == []
    [found] = world.deals.found("externalOpportunityId", [first])
    assert (found["name"], found["amount"], found["isClosed"]) == ("One", 9, False)
    assert world.links.links[first].marketo_id == found["marketoGUID"]


def test_roles_of_very_many_new_people_come_with_the_next_run() -> None:
    """Such as a first run has: they are parked alone, with the reason, and their watermark stays."""
    world = sold()
    world.most_late = 1
    run = world.cycle()
    assert run.step is CycleStep.DONE
    assert list(run.parked) == ["opportunity_roles"]
    assert "the next one reads the roles once more" in run.parked["opportunity_roles"]
    assert (len(world.deals.records), held(world)) == (2, [])
    world.done(minutes=30)
    assert world.disagreeing() == []
