"""Connector actions against the Marketo twin: what it is asked, what it holds afterwards, how each event ends."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import yaml

from devstack.demo import RECIPES
from leadbridge.domain.action import as_document
from leadbridge.domain.connector import ConnectorAction
from leadbridge.domain.ids import canonical
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from leadbridge.usecases.catalogue import Catalogue, Choice
from tests.builders.actions import MARKETO
from tests.builders.connectors import (
    CAMPAIGN,
    CAMPAIGN_ID,
    LIST,
    LIST_ID,
    ToMarketo,
    a_connector,
    a_mail,
    a_merge,
    an_upsert,
    by_email,
)
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.wired import WiredWorld

ADD = f"POST /rest/v1/lists/{LIST_ID}/leads.json"
REMOVE = f"DELETE /rest/v1/lists/{LIST_ID}/leads.json"
FIND = "GET /rest/v1/leads.json"
SYNC = "POST /rest/v1/leads.json"
REQUEST = f"POST /rest/v1/campaigns/{CAMPAIGN_ID}/trigger.json"


class Connectors(ToMarketo, WiredWorld):
    """Connector actions on the twin; `urls` are those that were called."""

    def __init__(self, clients: Clients, *others: Any, **members: Any) -> None:
        super().__init__(clients, *others, **members)
        self.urls: list[httpx.URL] = []
        clients.http.event_hooks["request"].append(lambda request: self.urls.append(request.url))

    def members(self) -> set[int]:
        """Who is in the list."""
        return {each["leadId"] for each in self.marketo_twin.get("records/listMembers") if each["listId"] == LIST_ID}

    def asked(self, winner: int) -> list[httpx.QueryParams]:
        """What each merge into a person asked for."""
        return [each.params for each in self.urls if each.path == f"/rest/v1/leads/{winner}/merge.json"]

    def show(self, execution: str) -> str:
        """The text of an ended execution."""
        return str(self.execution(execution)["message"])


type Connect = Callable[..., Connectors]


@pytest.fixture
def connect(clients: Clients, marketo: Twin, salesforce: Twin) -> Connect:
    """Makes a world on the twins, with persons 1 to 9, a list and a campaign."""

    def made(*actions: Any, **members: Any) -> Connectors:
        world = Connectors(clients, marketo, salesforce, *actions, **members)
        people = [{"id": number, "email": f"person{number}@example.com"} for number in range(1, 10)]
        marketo.post("load", {"leads": people, "staticLists": [{"id": LIST_ID, "name": LIST}]})
        marketo.post("load", {"smartCampaigns": [{"id": CAMPAIGN_ID, "name": CAMPAIGN}]})
        return world

    return made


@pytest.mark.cap("T11", "T14")
def test_a_person_of_a_known_id_becomes_a_member_without_a_lookup(connect: Connect) -> None:
    """Two persons are added by one call, and no lead is read; somebody who does not exist fails with Marketo's code. A
    document without a list is refused."""
    with pytest.raises(ValueError, match=r"destination\.list: is missing"):
        a_connector(list=None)
    world = connect(a_connector())

    executions = [world.call(id=number) for number in (1, 2, 77)]
    world.run_out()

    assert [world.ended(each) for each in executions] == [("updated", "")] * 2 + [("failed", "marketo_1004")]
    assert world.members() == {1, 2}
    assert (world.calls(ADD), world.calls(FIND)) == (1, 0)


RECORD = "00Q5e00000AbCdE"
LONG_RECORD = canonical(RECORD)
COOKIE = "id:123-ABC-456&token:_mch-example-1"


@pytest.mark.parametrize(
    ("field", "held", "asked"),
    [
        pytest.param("id", None, ["3"], id="id", marks=pytest.mark.cap("T16")),
        pytest.param("cookies", COOKIE, [COOKIE], id="cookies"),
        pytest.param("email", None, ["PERSON3@example.com"], id="email"),
        pytest.param("twitterId", "tw-3", ["tw-3"], id="twitterId", marks=pytest.mark.cap("T19")),
        pytest.param("facebookId", "fb-3", ["fb-3"], id="facebookId", marks=pytest.mark.cap("T20")),
        pytest.param("linkedInId", "li-3", ["li-3"], id="linkedInId", marks=pytest.mark.cap("T21")),
        *(
            pytest.param(name, LONG_RECORD, [RECORD, LONG_RECORD], id=name, marks=pytest.mark.cap(row))
            for name, row in (
                ("sfdcAccountId", "T22"),
                ("sfdcContactId", "T23"),
                ("sfdcLeadId", "T24"),
                ("sfdcLeadOwnerId", "T25"),
                ("sfdcOpptyId", "T26"),
            )
        ),
    ],
)
@pytest.mark.cap("T36")
def test_each_filter_finds_the_person(connect: Connect, field: str, held: str | None, asked: list[str]) -> None:
    """The person with the value is added, and then removed, and nobody else; each lookup is one call. An id of
    Salesforce finds the person in either spelling."""
    person = {"lookup": field, "column": "value"}
    world = connect(a_connector(person=person), a_connector("out", operation="remove_from_list", person=person))
    world.marketo_twin.post("load", {"listMembers": [{"listId": LIST_ID, "leadId": 1}]})
    meant = 33 if held else 3
    if held:
        own = {} if field == "cookies" else {field: held}
        world.marketo_twin.post("load", {"leads": [{"id": 33} | own]})
        if field == "cookies":
            world.wired.marketo("").leads.associate(33, held)

    for value in asked:
        added = world.call(value=value)
        world.run_out()
        assert (world.ended(added), world.members()) == (("updated", ""), {1, meant})
        removed = world.call("out", value=value)
        world.run_out()
        assert (world.ended(removed), world.members()) == (("updated", ""), {1})

    assert world.calls(FIND) == 2 * len(asked)


@pytest.mark.cap("T18")
def test_several_persons_of_one_address_are_refused_with_their_ids_unless_a_rule_chooses(connect: Connect) -> None:
    """Without a rule nobody is added and the ids are told; the oldest by date is taken if a rule says so."""
    rule = {"order_by": "createdAt", "choose": "oldest"}
    world = connect(
        a_connector(person=by_email()),
        a_connector("ruled", person=by_email(), duplicate_record_rule=rule),
    )
    for number in (41, 42):
        world.marketo_twin.post("load", {"leads": [{"id": number, "email": "twins@example.com"}]})
        world.clock.advance(60)

    refused = world.call(email="twins@example.com")
    world.run_out()
    before = world.members()
    ruled = world.call("ruled", email="twins@example.com")
    world.run_out()

    assert world.ended(refused) == ("failed", "persons_ambiguous")
    assert "41, 42" in world.show(refused)
    assert before == set()
    assert world.ended(ruled) == ("updated", "")
    assert world.members() == {41}


@pytest.mark.cap("T17")
def test_a_cookie_that_marketo_does_not_know_fails_its_own_person(connect: Connect) -> None:
    """Of two cookies one is refused with 1012: its event fails with that code, the other person is added."""
    world = connect(a_connector(person={"lookup": "cookies", "column": "cookie"}))
    world.wired.marketo("").leads.associate(3, COOKIE)
    world.fault(FIND, "vendor_error", code="1012", times=1)

    executions = [world.call(cookie=each) for each in ("id:1&token:bad", COOKIE)]
    world.run_out()

    assert [world.ended(each) for each in executions] == [("failed", "marketo_1012"), ("updated", "")]
    assert world.members() == {3}


@pytest.mark.cap("T27", "T28")
def test_who_is_not_there_is_added_only_if_the_action_says_so(connect: Connect) -> None:
    """Of two unknown addresses one is made and then added to the list, the other is left out as not found. A document
    that would make people by what Marketo sets itself is refused."""
    for lookup in ("id", "cookies", "sfdcAccountId", "sfdcContactId", "sfdcLeadId", "sfdcLeadOwnerId", "sfdcOpptyId"):
        with pytest.raises(ValueError, match="nobody can be made by this value"):
            a_connector(person={"lookup": lookup, "column": "value", "add_if_missing": True})
    world = connect(
        a_connector(person=by_email()),
        a_connector("adds", person=by_email(add_if_missing=True)),
    )

    left = world.call(email="nobody@example.com")
    made = world.call("adds", email="new@example.com")
    world.run_out()

    people = {lead["email"]: number for number, lead in world.persons().items()}
    assert world.ended(left) == ("skipped", "person_unknown")
    assert "Lead not found" in world.show(left)
    assert world.ended(made) == ("created", "")
    assert "nobody@example.com" not in people
    assert world.members() == {people["new@example.com"]}


@pytest.mark.cap("T35")
def test_removing_somebody_who_is_not_in_the_list_changes_nothing_and_is_no_error(connect: Connect) -> None:
    """The member is gone afterwards; the other is skipped with Marketo's 1015."""
    world = connect(a_connector(operation="remove_from_list"))
    world.marketo_twin.post("load", {"listMembers": [{"listId": LIST_ID, "leadId": 1}]})

    executions = [world.call(id=number) for number in (1, 2, 77)]
    world.run_out()

    assert [world.ended(each) for each in executions] == [
        ("updated", ""),
        ("skipped", "marketo_1015"),
        ("skipped", "marketo_1004"),
    ]
    assert world.members() == set()
    assert world.calls(REMOVE) == 1


@pytest.mark.cap("T37")
def test_remove_with_add_if_missing_makes_the_person_and_leaves_the_list_alone(connect: Connect) -> None:
    """An unknown address becomes a lead who is not a member; the event says created, and why nothing was removed."""
    world = connect(a_connector(operation="remove_from_list", person=by_email(add_if_missing=True)))

    execution = world.call(email="new@example.com")
    world.run_out()

    assert "new@example.com" in {lead["email"] for lead in world.persons().values()}
    assert world.members() == set()
    assert world.ended(execution) == ("created", "marketo_1015")


def requests(world: Connectors) -> list[tuple[list[int], dict[str, str]]]:
    """What was asked of campaigns: leads and tokens, in order."""
    found = world.marketo_twin.get("records/campaignRequests")
    assert all(each["campaignId"] == CAMPAIGN_ID for each in found)
    return [(each["leads"], {token["name"]: token["value"] for token in each["tokens"]}) for each in found]


TOKENS = [{"column": "token.amount", "to": "amount"}, {"column": "token.note", "to": "{{my.note}}"}]


@pytest.mark.cap("T43", "T44")
def test_a_campaign_is_requested_for_exactly_the_person_with_the_tokens_of_the_call(connect: Connect) -> None:
    """Two persons with tokens of their own are two requests, two with the same share one; a blank token is left to
    the program, and a call without a lead id asks for nothing. A document that names people otherwise is refused."""
    with pytest.raises(ValueError, match=r"person\.lead_id: is missing"):
        a_mail(person=by_email())
    world = connect(a_mail(tokens=TOKENS))

    executions = [
        world.receive_payload({"lead": {"id": number}, "token": token}, action_id="connector")
        for number, token in ((1, {"amount": "7", "note": "n"}), (2, {"amount": "8"}), (3, {"amount": "8"}))
    ]
    missing = world.receive_payload({"lead": {"email": "person4@example.com"}}, action_id="connector")
    world.run_out()

    assert [world.ended(each) for each in executions] == [("updated", "requested")] * 3
    assert world.ended(missing) == ("skipped", "identifier_missing")
    assert requests(world) == [([1], {"{{my.amount}}": "7", "{{my.note}}": "n"}), ([2, 3], {"{{my.amount}}": "8"})]


@pytest.mark.pain("P08")
@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_answer_never_sends_an_email_twice(connect: Connect, committed: bool) -> None:
    """Where Marketo's log shows the request it counts; where it does not the event ends as uncertain; no repetition."""
    world = connect(a_mail())
    world.fault(REQUEST, "drop_answer" if committed else "close", times=1)

    execution = world.call(id=1)
    world.run_out()

    assert world.ended(execution) == (("updated", "requested") if committed else ("failed", "request_uncertain"))
    assert len(requests(world)) == committed
    assert world.calls(REQUEST) == 1


def test_an_unknown_person_does_not_keep_others_from_their_email(connect: Connect) -> None:
    """Marketo refuses the whole request because of one; that one fails with 1004, the others are requested once."""
    world = connect(a_mail())

    executions = [world.call(id=number) for number in (1, 77, 2, 3)]
    world.run_out()

    ended = [world.ended(each) for each in executions]
    assert ended == [("updated", "requested"), ("failed", "marketo_1004")] + [("updated", "requested")] * 2
    assert sorted(lead for leads, _ in requests(world) for lead in leads) == [1, 2, 3]


@pytest.mark.cap("T42")
def test_the_campaign_that_is_picked_is_requested(connect: Connect) -> None:
    """Of a trigger campaign, one that sleeps and a batch campaign the picker lists the first; an Action that names it
    by what is listed is taken, and requests it."""
    world = connect()
    asleep = {"id": 2002, "name": "Asleep", "isActive": False, "isRequestable": False}
    nightly = {"id": 2003, "name": "Nightly", "type": "batch", "isRequestable": False}
    world.marketo_twin.post("load", {"smartCampaigns": [asleep, nightly]})

    offered = Catalogue(connections=world.wired, clock=world.clock).campaigns(MARKETO)
    (picked,) = offered.found
    action = a_mail(campaign=picked.name)
    planned = ApplyConfiguration(configurations=world.configurations, connect=lambda _: world.wired)
    assert planned.plan([Given(raw=as_document(action))]).findings == []
    world.configurations.put(action)
    execution = world.call(id=1)
    world.run_out()

    assert picked == Choice(id=CAMPAIGN_ID, name=CAMPAIGN)
    assert world.ended(execution) == ("updated", "requested")
    assert requests(world) == [([1], {})]


def test_the_recipe_is_taken_and_does_what_it_says(connect: Connect) -> None:
    """The ready-made example has no finding against an instance with its list; of three people of a call two are there,
    one is made, and all of them are in the list after the minute that they waited for others."""
    (raw,) = yaml.safe_load_all((RECIPES / "people-to-list.yaml").read_text("utf-8"))
    world = connect()
    world.marketo_twin.post("load", {"staticLists": [{"id": LIST_ID + 1, "name": raw["destination"]["list"]}]})
    planned = ApplyConfiguration(configurations=world.configurations, connect=lambda _: world.wired).plan(
        [Given(raw=raw)]
    )
    assert planned.findings == []
    world.configurations.put(ConnectorAction.model_validate(raw))

    mails = ["person1@example.com", "person2@example.com", "new@example.com"]
    executions = [world.call(raw["id"], email=each) for each in mails]
    world.drain()
    assert world.states() == {"waiting": 3}
    world.clock.advance(raw["batch"]["seconds"])
    world.run_out()

    assert [world.ended(each)[0] for each in executions] == ["updated", "updated", "created"]
    people = {lead["email"]: number for number, lead in world.persons().items()}
    members = {each["leadId"] for each in world.marketo_twin.get("records/listMembers")}
    assert members == {people[each] for each in mails}


def test_a_campaign_that_cannot_be_requested_parks_its_events_until_it_can(connect: Connect) -> None:
    """An idle campaign is a fault of the set-up: the event waits for a person, and runs once it is redriven."""
    world = connect(a_mail())
    world.wired.marketo("").campaigns.deactivate(CAMPAIGN_ID)

    execution = world.call(id=1)
    world.drain()
    parked = dict(world.execution(execution))
    world.wired.marketo("").campaigns.activate(CAMPAIGN_ID)
    world.redrive(execution)
    world.run_out()

    assert (parked["state"], parked["reason"]) == ("parked", "marketo_1003")
    assert world.ended(execution) == ("updated", "requested")
    assert [leads for leads, _ in requests(world)] == [[1]]


@pytest.mark.cap("T46")
@pytest.mark.parametrize(
    ("strategy", "there", "absent", "named", "leads"),
    [
        ("createOrUpdate", ("updated", ""), ("created", ""), "New", 2),
        ("createOnly", ("skipped", "marketo_1005"), ("created", ""), None, 2),
        ("updateOnly", ("updated", ""), ("skipped", "marketo_1004"), "New", 1),
        ("createDuplicate", ("created", ""), ("created", ""), None, 3),
    ],
)
def test_each_strategy_does_what_marketo_means_by_it(
    connect: Connect, strategy: str, there: tuple[str, str], absent: tuple[str, str], named: str | None, leads: int
) -> None:
    """A person who is there, and one who is not, by each strategy: outcome, values, and how many leads there are. A
    document without a strategy is refused."""
    with pytest.raises(ValueError, match=r"destination\.strategy: is missing"):
        an_upsert(strategy=None)
    world = connect(an_upsert(strategy=strategy))

    known = world.call(email="person1@example.com", firstName="New")
    new = world.call(email="new@example.com", firstName="Ada")
    world.run_out()

    people = world.persons()
    mine = [lead for lead in people.values() if lead["email"] in {"person1@example.com", "new@example.com"}]
    assert (world.ended(known), world.ended(new)) == (there, absent)
    assert people[1].get("firstName") == named
    assert len(mine) == leads


@pytest.mark.parametrize("strategy", ["createOrUpdate", "createOnly", "createDuplicate"])
@pytest.mark.parametrize("committed", [True, False])
def test_a_lost_answer_makes_no_second_lead(connect: Connect, strategy: str, committed: bool) -> None:
    """Whether Marketo had written or not: there is one lead more in the end, and the event says that it was written."""
    world = connect(an_upsert(strategy=strategy))
    world.fault(SYNC, "drop_answer" if committed else "close", times=1)

    execution = world.call(email="new@example.com", firstName="Ada")
    world.run_out()

    mine = [lead for lead in world.persons().values() if lead["email"] == "new@example.com"]
    assert [lead["firstName"] for lead in mine] == ["Ada"]
    assert world.ended(execution)[0] in ({"created", "updated"} if strategy == "createOrUpdate" else {"created"})


@pytest.mark.cap("T47")
def test_the_lookup_field_is_sent_and_one_that_marketo_refuses_parks_before_anything_is_written(
    connect: Connect,
) -> None:
    """By a field of the instance the right lead is found; a field that cannot be looked by (1006, 1011) writes none."""
    mapped = [{"column": "key", "to": "externalKey"}, {"column": "firstName", "to": "firstName"}]
    broken = [{"column": "key", "to": "title"}, {"column": "firstName", "to": "firstName"}]
    world = connect(
        an_upsert(lookup_field="externalKey", mappings=mapped),
        an_upsert("broken", lookup_field="title", mappings=broken),
    )
    world.marketo_twin.post("load", {"leads": [{"id": 50, "email": "a@example.com", "externalKey": "K-1"}]})

    found = world.call(key="K-1", firstName="Ada")
    refused = world.call("broken", key="Dr", firstName="Ada")
    world.drain()

    heads = [body["lookupField"] for known, body in world.bodies if known == SYNC]
    assert world.ended(found) == ("updated", "")
    assert world.persons()[50]["firstName"] == "Ada"
    assert heads[0] == "externalKey"
    assert world.execution(refused)["state"] == "parked"
    assert world.execution(refused)["reason"] in {"marketo_1006", "marketo_1011"}
    assert len(world.persons()) == 10


@pytest.mark.cap("T48")
def test_each_mapped_value_is_found_on_the_lead(connect: Connect) -> None:
    """Values, a fixed one and one that a rule made; the record of the execution names the fields and no value. What has
    no mapping is refused."""
    with pytest.raises(ValueError, match="mappings: is missing"):
        an_upsert(mappings=[])
    mappings = [
        {"column": "email", "to": "email"},
        {"column": "firstName", "to": "firstName", "transforms": [{"type": "case", "to": "upper"}]},
        {"static": "Events", "to": "company"},
    ]
    world = connect(an_upsert(mappings=mappings))

    execution = world.call(email="new@example.com", firstName="Ada")
    world.run_out()

    (lead,) = [each for each in world.persons().values() if each["email"] == "new@example.com"]
    assert (lead["firstName"], lead["company"]) == ("ADA", "Events")
    told = world.execution(execution)["decision"]
    assert told["fields"]["written"] == ["email", "firstName", "company"]
    assert "Ada" not in str(told)


def test_two_records_of_one_person_go_in_two_calls_in_their_order(connect: Connect) -> None:
    """Of three events of a batch two share an address: the later one goes in the next call, and its value stays."""
    world = connect(an_upsert())

    executions = [
        world.call(email="person1@example.com", firstName="First"),
        world.call(email="person2@example.com", firstName="Other"),
        world.call(email="PERSON1@example.com", firstName="Second"),
    ]
    world.run_out()

    assert [world.ended(each) for each in executions] == [("updated", "")] * 3
    assert [len(rows) for rows in world.sent(SYNC)] == [2, 1]
    assert world.persons()[1]["firstName"] == "Second"


def test_equal_persons_of_a_list_share_a_line_and_keep_their_outcomes(connect: Connect) -> None:
    """Five events of two persons are one call with two ids; each of the five ends by itself."""
    world = connect(a_connector())

    executions = [world.call(id=number) for number in (1, 2, 1, 1, 2)]
    world.run_out()

    assert [world.ended(each) for each in executions] == [("updated", "")] * 5
    assert world.sent(ADD) == [[{"id": 1}, {"id": 2}]]


@pytest.mark.cap("T55")
def test_each_of_three_hundred_gets_its_own_outcome(connect: Connect) -> None:
    """Of one call two hundred leads are updated and a hundred refused for their address: each event says its own."""
    world = connect(an_upsert(strategy="updateOnly"))
    people = [{"id": 1000 + number, "email": f"batch{number}@example.com"} for number in range(200)]
    world.marketo_twin.post("load", {"leads": people})

    executions = [world.call(email=f"batch{number}@example.com", firstName="A") for number in range(300)]
    world.drain(batch=300)

    ended = [world.ended(each) for each in executions]
    assert ended == [("updated", "")] * 200 + [("skipped", "marketo_1004")] * 100
    assert world.calls(SYNC) == 1


def test_calls_are_homogeneous(connect: Connect) -> None:
    """Events of two lists, two strategies and two lookup fields never share a call."""
    world = connect(
        a_connector("list-1", list=LIST_ID),
        a_connector("list-2", list=LIST_ID + 1),
        an_upsert("by-mail"),
        an_upsert("only-new", strategy="createOnly"),
    )
    world.marketo_twin.post("load", {"staticLists": [{"id": LIST_ID + 1, "name": "Other"}]})

    for number in (1, 2):
        for action in ("list-1", "list-2"):
            world.call(action, id=number)
        for action in ("by-mail", "only-new"):
            world.call(action, email=f"{action}{number}@example.com", firstName="A")
    world.run_out()

    other = ADD.replace(str(LIST_ID), str(LIST_ID + 1))
    assert [world.calls(each) for each in (ADD, other, SYNC)] == [1, 1, 2]
    assert {body["action"] for known, body in world.bodies if known == SYNC} == {"createOrUpdate", "createOnly"}


MERGE = "POST /rest/v1/leads/1/merge.json"


@pytest.mark.cap("T56", "T58")
def test_a_merge_keeps_the_winner_and_fills_what_it_lacks(connect: Connect) -> None:
    """The winner's id and first name stay, its missing phone comes from a loser, losers are gone, nothing is asked of
    the CRM."""
    world = connect(a_merge())
    people: list[dict[str, Any]] = [
        {"id": 21, "firstName": "Kept"},
        {"id": 22, "firstName": "Lost", "phone": "555"},
        {"id": 23},
    ]
    world.marketo_twin.post("load", {"leads": [each | {"email": "same@example.com"} for each in people]})

    execution = world.call(winner=21, losers="22, 23")
    world.run_out()

    left = world.persons()
    assert world.ended(execution) == ("updated", "")
    assert {22, 23}.isdisjoint(left)
    assert (left[21]["firstName"], left[21]["phone"]) == ("Kept", "555")
    assert [dict(each) for each in world.asked(21)] == [{"leadIds": "22,23"}]


def test_more_losers_than_marketo_takes_go_in_several_calls(connect: Connect) -> None:
    """Sixty losers are three calls of at most 25, after which the winner alone is left."""
    world = connect(a_merge())
    losers = range(100, 160)
    world.marketo_twin.post("load", {"leads": [{"id": each} for each in losers]})

    execution = world.call(winner=1, losers=",".join(map(str, losers)))
    world.run_out()

    assert world.ended(execution) == ("updated", "")
    assert world.calls(MERGE) == 3
    assert set(losers).isdisjoint(world.persons())


@pytest.mark.cap("T57")
@pytest.mark.parametrize(
    ("state", "code"),
    [
        ("personAccount", "712"),
        ("noRecordType", "714"),
        ("duplicate", "1076"),
        ("deleted", "1078"),
        ("urlConflict", "1079"),
        ("longName", "1077"),
    ],
)
def test_what_the_crm_has_against_a_merge_is_told_with_its_code(connect: Connect, state: str, code: str) -> None:
    """The call asks for a merge in the CRM; its refusal fails the event with its code, and nobody is merged."""
    world = connect(a_merge(in_crm=True))
    world.marketo_twin.post("limits", {"native_crm": True})
    world.marketo_twin.post("load", {"leads": [{"id": 22, "firstName": "x" * (60 if state == "longName" else 6)}]})
    if state != "longName":
        world.marketo_twin.post("load", {"crmStates": [{"leadId": 22, "state": state}]})

    execution = world.call(winner=1, losers="22")
    world.run_out()

    assert world.ended(execution) == ("failed", f"marketo_{code}")
    assert {1, 22} <= world.persons().keys()
    assert [each["mergeInCRM"] for each in world.asked(1)] == ["true"]


def test_a_winner_that_the_crm_changed_is_told(connect: Connect) -> None:
    """A loser is a contact in the CRM, so it survives in place of the winner; the event says who is left."""
    world = connect(a_merge())
    world.marketo_twin.post("limits", {"native_crm": True})
    world.marketo_twin.post("load", {"leads": [{"id": 22, "sfdcContactId": "0035e00000AbCdE"}]})

    execution = world.call(winner=1, losers="22")
    world.run_out()

    assert world.ended(execution) == ("updated", "winner_changed")
    assert "22 is left, 1 is not" in world.show(execution)
    assert 1 not in world.persons()


@pytest.mark.parametrize("committed", [True, False])
def test_a_merge_whose_answer_was_lost_is_looked_after(connect: Connect, committed: bool) -> None:
    """What was merged is not merged again, what was not is; either way one person is left."""
    world = connect(a_merge())
    world.fault(MERGE, "drop_answer" if committed else "close", times=1)

    execution = world.call(winner=1, losers="2,3")
    world.run_out()

    assert world.ended(execution) == ("updated", "")
    assert world.calls(MERGE) == 2 - committed
    assert {2, 3}.isdisjoint(world.persons())


@pytest.mark.cap("T49")
def test_dates_reach_marketo_as_iso_8601(connect: Connect) -> None:
    """ISO 8601, seconds and milliseconds since 1970 and RFC 2822 arrive as one moment; a form of a country fails and
    names the field, unless a rule states its format."""
    when = [{"column": "email", "to": "email"}, {"column": "when", "to": "lastContactAt"}]
    rule = {"type": "date_parse", "format": "DD/MM/YYYY"}
    stated = [{"column": "email", "to": "email"}, {"column": "when", "to": "renewalDate", "transforms": [rule]}]
    world = connect(an_upsert(mappings=when), an_upsert("stated", mappings=stated))
    given = ["2026-03-09T06:30:00+01:00", 1773034200, "1773034200000", "Mon, 09 Mar 2026 05:30:00 GMT"]

    executions = [world.call(email=f"person{number}@example.com", when=each) for number, each in enumerate(given, 1)]
    guessed = world.call(email="person8@example.com", when="03/04/2026")
    told = world.call("stated", email="person9@example.com", when="03/04/2026")
    world.run_out()

    people = world.persons()
    assert [world.ended(each) for each in executions] == [("updated", "")] * 4
    sent = [row["lastContactAt"] for rows in world.sent(SYNC) for row in rows if "lastContactAt" in row]
    assert sent == ["2026-03-09T05:30:00Z"] * 4
    assert {str(people[number]["lastContactAt"])[:19] for number in range(1, 5)} == {"2026-03-09T05:30:00"}
    assert world.ended(guessed) == ("failed", "value_invalid")
    assert "lastContactAt" in world.show(guessed)
    assert (world.ended(told), people[9]["renewalDate"]) == (("updated", ""), "2026-04-03")


@pytest.mark.cap("T13")
def test_a_list_that_the_picker_does_not_show_is_named_by_its_id(connect: Connect) -> None:
    """Of 451 lists the picker shows 300 and not its last; an Action with the id of that is taken, and adds to it."""
    world = connect()
    world.marketo_twin.post("load", {"staticLists": [{"id": 5000 + n, "name": f"List {n}"} for n in range(1, 452)]})
    offered = Catalogue(connections=world.wired, clock=world.clock).lists(MARKETO)
    action = a_connector(list=5451)
    planned = ApplyConfiguration(configurations=world.configurations, connect=lambda _: world.wired)
    assert planned.plan([Given(raw=as_document(action))]).findings == []
    world.configurations.put(action)

    execution = world.call(id=3)
    world.run_out()

    assert len(offered.found) == 300
    assert 5451 not in {each.id for each in offered.found}
    assert world.ended(execution) == ("updated", "")
    assert world.marketo_twin.get("records/listMembers")[-1].items() >= {"listId": 5451, "leadId": 3}.items()


def test_names_are_checked_against_the_instance_before_anything_is_stored(connect: Connect) -> None:
    """List, campaign, fields and lookup field that are not there are findings, each with its place; ids that the
    instance has are taken whatever their names."""
    world = connect()
    mapped = [{"column": "email", "to": "email"}, {"column": "x", "to": "nowhere"}]
    apply = ApplyConfiguration(configurations=world.configurations, connect=lambda _: world.wired)

    def pointers(action: Any) -> list[str]:
        return [each.pointer for each in apply.plan([Given(raw=as_document(action))]).findings]

    assert pointers(a_connector("a", list="Gone")) == ["/destination/list"]
    assert pointers(a_connector("a", list=LIST_ID + 5)) == ["/destination/list"]
    assert pointers(a_connector("a", list=LIST_ID)) == []
    assert pointers(a_mail("a", campaign="Gone")) == ["/destination/campaign"]
    assert pointers(a_mail("a")) == []
    assert pointers(an_upsert("a", mappings=mapped)) == ["/mappings/1/to"]
    assert pointers(an_upsert("a")) == []
