"""Companies of a cycle: which are looked at, what either side takes over, and how many people an edit reaches."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from leadbridge.cycle_ports import Link
from leadbridge.domain.belonging import OWNER_PAIR
from leadbridge.domain.crm_cycle import CycleField
from leadbridge.domain.three_way import Direction, Memory, Side
from leadbridge.usecases.companies import CompanyDecisions, CompanyFields, CompanyWrite, DecideCompanies
from tests.builders.linked_fields import NOW, bound, digest, record_id
from tests.fakes.cycle import InMemoryLinks, InMemoryRecords

ONE, TWO, THREE = (record_id("001", number) for number in (1, 2, 3))
OWNER, QUEUE = record_id("005", 1), record_id("00G", 1)
PAIRS = [
    CycleField(marketo="company", salesforce="Name"),
    CycleField(marketo="industry", salesforce="Industry"),
    CycleField(marketo="companyNotes", salesforce="Description"),
    OWNER_PAIR,
]
#: companyNotes are not shown by people
COMPANIES = CompanyFields(fields=bound(PAIRS), shown=frozenset({"company", "industry"}))


def account(key: str, name: str = "Acme", industry: str | None = "Tools", **more: Any) -> dict[str, Any]:
    """An Account."""
    return {"Id": key, "Name": name, "Industry": industry, "Description": None, "OwnerId": OWNER, **more}


def company(number: int, key: str, name: str = "Acme", industry: str | None = "Tools", **more: Any) -> dict[str, Any]:
    """A company of Marketo; what is empty is not answered."""
    row = {"id": number, "externalCompanyId": key, "company": name, "industry": industry, **more}
    return {"externalSalesPersonId": OWNER} | {name: value for name, value in row.items() if value is not None}


def person(number: int, key: str | None, name: str = "Acme", industry: str | None = "Tools") -> dict[str, Any]:
    """A person, who shows the values of its company."""
    return {"id": number, "externalCompanyId": key, "company": name, "industry": industry}


def known(key: str, number: int, name: str = "Acme", industry: str = "Tools") -> Link:
    """A link whose fields are remembered with these values on both sides."""
    held = {"company=Name": name, "industry=Industry": industry, "companyNotes=Description": "", OWNER_PAIR.pair: OWNER}
    memory = {pair: Memory(digest(value), digest(value)) for pair, value in held.items()}
    return Link(salesforce_id=key, marketo_id=str(number), memory=memory)


def decided(
    accounts: Sequence[Mapping[str, Any]] = (),
    people: Sequence[Mapping[str, Any]] = (),
    contacts: Sequence[Mapping[str, Any]] = (),
    *,
    there: InMemoryRecords | None = None,
    links: Sequence[Link] = (),
    companies: CompanyFields = COMPANIES,
    fan_out: int = 1000,
) -> tuple[CompanyDecisions, InMemoryRecords]:
    """What is decided; `there` is what can be looked up."""
    records = there or InMemoryRecords()
    decide = DecideCompanies(companies, links=InMemoryLinks(*links), records=records, digest=digest)
    return decide(accounts, people, contacts, NOW, fan_out), records


def told(write: CompanyWrite) -> tuple[str, str, Mapping[str, Any], Mapping[str, Any]]:
    """Who is written, and what."""
    return write.account_id, write.company_id, write.to_salesforce, write.to_marketo


def test_a_new_account_becomes_a_company_of_its_id() -> None:
    """Nothing is asked about it but whether Marketo has it; nobody can be in it, so nobody is counted."""
    found, records = decided(accounts=[account(ONE)])

    values = {"company": "Acme", "industry": "Tools", "externalSalesPersonId": OWNER}
    assert [told(each) for each in found.writes] == [(ONE, "", {}, values)]
    assert records.asked == [("companies", "externalCompanyId", 1)]


def test_an_edited_account_goes_to_its_company_and_an_unedited_one_costs_no_write() -> None:
    """Only the fields that were edited are written, with what the company holds; the owner is one of them."""
    records = InMemoryRecords(
        companies=[company(1, ONE), company(2, TWO), company(3, THREE)], Contact=[{"Id": "c", "AccountId": ONE}]
    )
    found, _ = decided(
        accounts=[account(ONE, name="Acme Ltd"), account(TWO), account(THREE, OwnerId=None)],
        there=records,
        links=[known(ONE, 1), known(TWO, 2), known(THREE, 3)],
    )
    assert [told(each) for each in found.writes] == [
        (ONE, "1", {}, {"company": "Acme Ltd"}),
        (THREE, "3", {}, {"externalSalesPersonId": None}),
    ]
    assert [each.before[Side.MARKETO] for each in found.writes] == [
        {"company": "Acme"},
        {"externalSalesPersonId": OWNER},
    ]
    assert [each.account_id for each in found.in_step] == [TWO]


@pytest.mark.cap("M027")
@pytest.mark.parametrize(
    ("direction", "to_salesforce"),
    [(Direction.BOTH, {"Name": "Acme Ltd"}), (Direction.TO_MARKETO, {})],
)
def test_an_edit_in_marketo_is_known_by_the_people_who_show_it(
    direction: Direction, to_salesforce: Mapping[str, Any]
) -> None:
    """It reaches the Account unless Salesforce alone is the source of truth; others of the company cost nothing."""
    pairs = [PAIRS[0].model_copy(update={"direction": direction}), *PAIRS[1:]]
    records = InMemoryRecords(companies=[company(1, ONE, name="Acme Ltd"), company(2, TWO)])
    found, _ = decided(
        people=[person(7, ONE, name="Acme Ltd"), person(8, ONE, name="Acme Ltd"), person(9, TWO), person(10, None)],
        there=records,
        links=[known(ONE, 1), known(TWO, 2)],
        companies=replace(COMPANIES, fields=bound(pairs)),
    )
    assert [told(each) for each in (*found.writes, *found.in_step)] == [(ONE, "1", to_salesforce, {})]
    # the Account is remembered, so it is not read
    assert records.asked == [("companies", "externalCompanyId", 1)]


def test_people_of_a_company_that_did_not_change_cost_no_call() -> None:
    """A person's own edit says nothing of the company."""
    found, records = decided(people=[person(7, ONE), person(8, None, name="Mine")], links=[known(ONE, 1)])
    assert (found.writes, found.in_step, found.aside, records.asked) == ([], [], [], [])


def test_edits_of_both_sides_are_merged_field_by_field() -> None:
    """Each side takes over the other's; of one field Salesforce is right."""
    records = InMemoryRecords(companies=[company(1, ONE, name="Marketo's", industry="Banking")])
    found, _ = decided(
        accounts=[account(ONE, name="Salesforce's", Description="Notes")],
        people=[person(7, ONE, name="Marketo's", industry="Banking")],
        there=records,
        links=[known(ONE, 1)],
    )
    [write] = found.writes
    assert write.to_salesforce == {"Industry": "Banking"}
    assert write.to_marketo == {"company": "Salesforce's", "companyNotes": "Notes"}


def test_what_was_written_is_in_step_when_it_comes_back() -> None:
    """The people who show our own write cost nothing, and neither does the Account that is read again."""
    records = InMemoryRecords(companies=[company(1, ONE)])
    first, _ = decided(accounts=[account(ONE, name="Acme Ltd")], there=records, links=[known(ONE, 1)])
    after = first.writes[0].memory

    records = InMemoryRecords(companies=[company(1, ONE, name="Acme Ltd")])
    found, _ = decided(
        accounts=[account(ONE, name="Acme Ltd")], people=[person(7, ONE, name="Acme Ltd")], there=records, links=[after]
    )
    assert (found.writes, [each.account_id for each in found.in_step]) == ([], [ONE])


def test_a_contacts_account_becomes_a_company_even_if_it_did_not_change() -> None:
    """An Account that is older than what is read first is read and made; one that is known costs nothing."""
    records = InMemoryRecords(Account=[account(ONE), account(TWO)])
    found, _ = decided(
        contacts=[{"Id": "c", "AccountId": ONE}, {"Id": "d", "AccountId": TWO}, {"Id": "e", "AccountId": None}],
        there=records,
        links=[known(TWO, 2)],
    )
    assert [(each.account_id, each.company_id) for each in found.writes] == [(ONE, "")]
    assert records.asked == [("companies", "externalCompanyId", 1), ("Account", "Id", 1)]


def test_a_company_that_was_deleted_in_marketo_is_made_anew_whole() -> None:
    """What is remembered of the old one does not hold values back."""
    found, _ = decided(accounts=[account(ONE, industry="Banking")], links=[known(ONE, 1)])
    assert [told(each)[1:] for each in found.writes] == [
        ("", {}, {"company": "Acme", "industry": "Banking", "externalSalesPersonId": OWNER})
    ]


def test_what_cannot_be_a_company_is_left_aside_with_the_reason() -> None:
    """Companies of other makers, Accounts that are not there (any more), and Accounts that are persons."""
    records = InMemoryRecords(companies=[company(3, THREE, name="Old")])
    found, _ = decided(
        accounts=[account(TWO, IsPersonAccount=True)],
        people=[person(7, "C-1"), person(8, "C-1"), person(9, THREE, name="Old")],
        contacts=[{"Id": "c", "AccountId": ONE}],
        there=records,
    )
    assert found.writes == []
    assert sorted((each.id, each.reason) for each in found.aside) == sorted(
        [
            ("C-1", "company_unusable"),
            (ONE, "account_unknown"),
            (TWO, "person_account"),
            (THREE, "account_unknown"),
        ]
    )


@pytest.mark.pain("P40")
def test_an_edit_that_reaches_more_people_than_it_may_is_not_written() -> None:
    """Salesforce counts the people of all edits at once; only too many are told apart, and those alone wait.

    A new company and a field that people do not show reach nobody.
    """
    names = [record_id("001", number) for number in range(1, 10)]
    people = [{"Id": f"{key}.{number}", "AccountId": key} for key in names for number in range(2)]
    people += [{"Id": f"big{number}", "AccountId": names[4]} for number in range(10)]
    records = InMemoryRecords(companies=[company(each, key) for each, key in enumerate(names[:8], 1)], Contact=people)
    edits = [account(key, name="New name") for key in names[:7]]
    found, _ = decided(
        accounts=[*edits, account(names[7], Description="Notes"), account(names[8])],
        there=records,
        links=[known(key, each) for each, key in enumerate(names[:8], 1)],
        fan_out=11,
    )
    assert found.reaches == {names[4]: 12}
    assert found.people == 12
    assert [(each.id, each.reason) for each in found.aside] == [(names[4], "fan_out")]
    assert [each.account_id for each in found.writes] == [key for key in names if key != names[4]]
    assert len([each for each in records.asked if each[0] == "Contact"]) <= 7
