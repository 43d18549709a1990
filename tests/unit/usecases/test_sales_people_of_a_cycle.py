"""Sales persons of a cycle, and who owns what in Marketo."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from leadbridge.cycle_ports import Link
from leadbridge.domain.cycle_companies import SALES_PERSON_FIELDS
from leadbridge.usecases.owners import OwnedRecords
from leadbridge.usecases.sales_people import DecideSalesPeople, Orphan, SalesPersonDecisions
from tests.builders.linked_fields import NOW, bound, digest, record_id
from tests.fakes.cycle import InMemoryLinks, InMemoryRecords

ADA, IDA, QUEUE = record_id("005", 1), record_id("005", 2), record_id("00G", 1)
CONTACT, LEAD, ACCOUNT = record_id("003", 1), record_id("00Q", 1), record_id("001", 1)


def user(key: str, name: str = "Ada", *, active: bool = True, kind: str = "Standard") -> dict[str, Any]:
    """A User."""
    return {"Id": key, "FirstName": name, "Email": "ada@example.com", "IsActive": active, "UserType": kind}


def sales_person(number: int, key: str, name: str = "Ada") -> dict[str, Any]:
    """A sales person of Marketo."""
    return {"id": number, "externalSalesPersonId": key, "firstName": name, "email": "ada@example.com"}


class Decider:
    """Decides, and remembers as a cycle does once all is written; Marketo gives numbers from 1 on."""

    def __init__(self, *, removes: bool = False) -> None:
        self.links = InMemoryLinks()
        self.removes = removes
        self.records = InMemoryRecords()

    def __call__(
        self,
        users: Sequence[Mapping[str, Any]] = (),
        owned: Sequence[Mapping[str, Any]] = (),
        there: InMemoryRecords | None = None,
    ) -> SalesPersonDecisions:
        self.records = there or InMemoryRecords()
        decide = DecideSalesPeople(
            bound(SALES_PERSON_FIELDS),
            links=self.links,
            records=self.records,
            digest=digest,
            user_prefix="005",
            removes=self.removes,
        )
        return decide(users, owned, NOW)

    def remember(self, found: SalesPersonDecisions) -> None:
        for number, each in enumerate([*found.writes, *found.in_step], 1):
            made = each.memory.marketo_id or str(number)
            self.links.keep([Link(salesforce_id=each.user_id, marketo_id=made, memory=each.memory.memory)])


@pytest.mark.cap("M130")
def test_a_user_is_looked_for_once_and_an_unchanged_one_costs_nothing() -> None:
    """Marketo is asked for a User that is new to the cycle; after that no change of Users asks Marketo again."""
    decide = Decider()
    first = decide([user(ADA)])
    assert [(each.marketo_id, each.to_marketo) for each in first.writes] == [
        ("", {"firstName": "Ada", "email": "ada@example.com"})
    ]
    assert decide.records.asked == [("sales_persons", "externalSalesPersonId", 1)]
    decide.remember(first)

    # a login changes a User, but nothing that is kept in step
    again = decide([user(ADA)])
    assert (again.writes, [each.user_id for each in again.in_step], decide.records.asked) == ([], [ADA], [])
    edited = decide([user(ADA, "Ida")])
    assert [(each.marketo_id, each.to_marketo) for each in edited.writes] == [("1", {"firstName": "Ida"})]
    assert decide.records.asked == []


def test_a_sales_person_that_marketo_has_already_is_taken_as_it_is() -> None:
    """Nothing is made twice, and only what differs is written."""
    decide = Decider()
    found = decide([user(ADA)], there=InMemoryRecords(sales_persons=[sales_person(9001, ADA, "Adda")]))
    [write] = found.writes
    assert (write.marketo_id, write.to_marketo, write.before) == ("9001", {"firstName": "Ada"}, {"firstName": "Adda"})


def test_an_owner_who_is_new_to_marketo_is_made_though_the_user_did_not_change() -> None:
    """Owners of changed records are read once; queues are none, and known owners cost nothing."""
    decide = Decider()
    decide.remember(decide([user(IDA)]))
    owned = [{"Id": CONTACT, "OwnerId": ADA}, {"Id": LEAD, "OwnerId": QUEUE}, {"Id": ACCOUNT, "OwnerId": IDA}]
    found = decide(owned=owned, there=InMemoryRecords(User=[user(ADA)]))
    assert [each.user_id for each in found.writes] == [ADA]
    assert decide.records.asked == [("User", "Id", 1), ("sales_persons", "externalSalesPersonId", 1)]


def test_users_who_are_no_people_of_the_org_are_no_sales_persons() -> None:
    """Guests and partners are left aside; who was inactive from the begin is nobody's sales person."""
    found = Decider()([user(ADA, kind="Guest"), user(IDA, active=False)])
    assert (found.writes, found.in_step, found.deletes) == ([], [], [])
    assert [(each.id, each.reason) for each in found.aside] == [(ADA, "user_not_standard")]


def owned_by(key: str) -> InMemoryRecords:
    """Two people and a company whose records are a User's; one person has another sales person by now."""
    return InMemoryRecords(
        people=[
            {"id": 1, "externalSalesPersonId": key},
            {"id": 2, "externalSalesPersonId": IDA},
            {"id": 3, "externalSalesPersonId": None},
        ],
        Contact=[{"Id": CONTACT, "OwnerId": key}],
        Lead=[{"Id": LEAD, "OwnerId": key}],
        Account=[{"Id": ACCOUNT, "OwnerId": key}],
        companies=[{"id": 7, "externalCompanyId": ACCOUNT, "externalSalesPersonId": key}],
    )


def test_who_is_deactivated_stays_unless_the_cycle_removes() -> None:
    """By default the sales person stays with its people."""
    decide = Decider()
    decide.remember(decide([user(ADA)]))
    found = decide([user(ADA, active=False)], there=owned_by(ADA))
    assert (found.writes, found.deletes, found.orphans) == ([], [], [])
    assert decide.records.asked == []


def test_before_a_sales_person_is_deleted_everybody_lets_go() -> None:
    """People and companies whose records are still the User's are found by the records, others keep their own."""
    decide = Decider(removes=True)
    decide.remember(decide([user(ADA)]))
    decide.links.keep([Link(salesforce_id=CONTACT, marketo_id="1"), Link(salesforce_id=LEAD, marketo_id="2")])
    found = decide([user(ADA, active=False)], there=owned_by(ADA))
    assert [(each.salesforce_id, each.marketo_id) for each in found.deletes] == [(ADA, "1")]
    assert list(found.orphans) == [
        Orphan(object="leads", marketo_id="1", salesforce_id=CONTACT, sales_person=ADA),
        Orphan(object="companies", marketo_id="7", salesforce_id=ACCOUNT, sales_person=ADA),
    ]
    # who was deleted, and is activated again, is a new one
    decide.links.keep([Link(salesforce_id=ADA, marketo_id="")])
    assert [each.marketo_id for each in decide([user(ADA)]).writes] == [""]


@pytest.mark.parametrize(
    ("removes", "owners"), [(False, [ADA, IDA, None, None]), (True, [ADA, None, None, None])], ids=["stays", "removes"]
)
def test_owners_that_marketo_is_not_to_know_own_nothing_there_and_are_told(
    *, removes: bool, owners: list[str | None]
) -> None:
    """Queues and Users that are hidden own nothing; who is inactive owns as long as the sales person stays."""
    other = record_id("003", 2)
    rows = [
        {"Id": CONTACT, "OwnerId": ADA},
        {"Id": LEAD, "OwnerId": IDA},
        {"Id": ACCOUNT, "OwnerId": QUEUE},
        {"Id": other, "OwnerId": record_id("005", 3)},
    ]
    there = InMemoryRecords(User=[user(ADA), user(IDA, active=False)])
    records = OwnedRecords(there, user_prefix="005", removes=removes)

    found = records.owned(rows)

    assert [row["OwnerId"] for row in found] == owners
    assert records.told == {LEAD: "owner_inactive", ACCOUNT: "owner_is_queue", other: "owner_unknown"}
    # of known Users nobody is asked again, also when rows are looked up
    there.rows["Lead"] = [{"Id": LEAD, "OwnerId": IDA}]
    assert records.salesforce("Lead", "Id", [LEAD]) == [{"Id": LEAD, "OwnerId": owners[1]}]
    assert [each for each in there.asked if each[0] == "User"] == [("User", "Id", 3)]
