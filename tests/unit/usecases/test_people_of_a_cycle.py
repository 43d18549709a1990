"""Who is who, and what each system is to write: people that changed in either system, a batch at a time."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest

from leadbridge.cycle_ports import Link
from leadbridge.domain.ids import canonical
from leadbridge.domain.linked import LinkedField
from leadbridge.domain.person_types import PersonTypes
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.sources import ValueSource, compile_source
from leadbridge.domain.three_way import FieldPolicy, Memory, Side
from leadbridge.domain.transforms import Place
from leadbridge.domain.values import coercion
from leadbridge.usecases.merge_people import Decisions, MergePeople, People, PersonWrite, everybody
from leadbridge.usecases.pair_people import Changed, PairPeople
from tests.fakes.cycle import InMemoryLinks, InMemoryRecords

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LEAD, OTHER_LEAD, CONTACT = (canonical(each) for each in ("00Q5g00000AAAAA", "00Q5g00000BBBBB", "0035g00000AAAAA"))


def digest(value: str) -> str:
    """As short as those that are kept."""
    return sha256(value.encode()).hexdigest()[:16]


def linked(marketo: str, salesforce: str) -> LinkedField:
    """A pair of text fields."""
    fields = {
        Side.MARKETO: FieldDescription(name=marketo, type="string"),
        Side.SALESFORCE: FieldDescription(name=salesforce, type="string"),
    }
    taken = {
        side: compile_source(
            ValueSource(to=fields[side.other].name, column=fields[side].name),
            Place(zone=UTC),
            coercion(fields[side.other]),
        )
        for side in Side
    }
    return LinkedField(name=marketo, policy=FieldPolicy(), fields=fields, taken=taken)


FIELDS = [linked("firstName", "FirstName"), linked("email", "Email")]
PEOPLE = People(
    fields={"Lead": FIELDS, "Contact": FIELDS}, id_field="crmId", type_field="crmType", make_leads=everybody
)


def person(number: int, crm: str = "", name: str = "Ada", email: str = "ada@example.com") -> dict[str, Any]:
    """A person of Marketo."""
    kind = {"00Q": "Lead", "003": "Contact"}.get(crm[:3])
    return {"id": number, "crmId": crm or None, "crmType": kind, "firstName": name, "email": email}


def record(record_id: str, name: str = "Ada", email: str = "ada@example.com", **more: Any) -> dict[str, Any]:
    """A Lead or Contact."""
    return {"Id": record_id, "FirstName": name, "Email": email, **more}


def known(record_id: str, number: int, name: str = "Ada", email: str = "ada@example.com") -> Link:
    """A link whose fields are remembered with these values on both sides."""
    memory = {"firstName": Memory(digest(name), digest(name)), "email": Memory(digest(email), digest(email))}
    return Link(salesforce_id=record_id, marketo_id=str(number), memory=memory)


def decided(
    marketo: Sequence[Mapping[str, Any]] = (),
    leads: Sequence[Mapping[str, Any]] = (),
    contacts: Sequence[Mapping[str, Any]] = (),
    *,
    there: InMemoryRecords | None = None,
    links: Sequence[Link] = (),
    people: People = PEOPLE,
) -> tuple[Decisions, InMemoryRecords]:
    """What is decided about changed people; `there` is what can be looked up beside them."""
    records = there or InMemoryRecords(people=marketo, Lead=leads, Contact=contacts)
    pair = PairPeople(
        links=InMemoryLinks(*links),
        records=records,
        id_field="crmId",
        remembered={name: [each.name for each in fields] for name, fields in people.fields.items()},
        prefixes={"Lead": "00Q", "Contact": "003"},
        types=people.types,
    )
    changed = Changed(marketo=marketo, salesforce={"Lead": leads, "Contact": contacts})
    return MergePeople(people, digest)(pair(changed), NOW), records


def told(write: PersonWrite) -> tuple[str, str, Mapping[str, Any], Mapping[str, Any]]:
    """Who is written, and what."""
    return write.salesforce_id, write.marketo_id, write.to_salesforce, write.to_marketo


def test_the_changed_side_of_linked_people_is_enough() -> None:
    """An edit of a linked person costs no look-up, on either side."""
    found, records = decided(
        marketo=[person(1, LEAD, name="Ida")],
        contacts=[record(CONTACT, name="Ada B.", email="b@example.com")],
        links=[known(LEAD, 1), known(CONTACT, 2, email="b@example.com")],
    )
    assert sorted(map(told, found.writes)) == [
        (CONTACT, "2", {}, {"firstName": "Ada B."}),
        (LEAD, "1", {"FirstName": "Ida"}, {}),
    ]
    assert records.asked == []


def test_our_own_write_that_comes_back_is_in_step() -> None:
    """What is as it is remembered costs nothing."""
    found, records = decided(marketo=[person(1, LEAD)], leads=[record(LEAD)], links=[known(LEAD, 1)])
    assert (found.writes, [each.salesforce_id for each in found.in_step]) == ([], [LEAD])
    assert records.asked == []


def test_linked_people_who_are_not_remembered_are_read_and_compared() -> None:
    """At the first meeting Salesforce is right by default, and a blank of hers takes Marketo's value."""
    there = InMemoryRecords(people=[person(1, LEAD, name="Mia")], Lead=[record(LEAD, name="Sia", email="")])
    from_marketo, _ = decided(marketo=there.rows["people"], there=there)
    from_salesforce, _ = decided(leads=there.rows["Lead"], there=there)
    expected = (LEAD, "1", {"Email": "ada@example.com"}, {"firstName": "Sia"})
    assert [told(each) for each in from_marketo.writes] == [told(each) for each in from_salesforce.writes] == [expected]


@pytest.mark.parametrize("changed", ["marketo", "salesforce", "both"])
def test_people_whom_nothing_links_meet_by_email(changed: str) -> None:
    """Whichever side changed: they are linked, in Marketo's own fields, and nobody is made twice."""
    marketo, leads = [person(1, email="ADA@example.com")], [record(LEAD)]
    found, _ = decided(
        marketo=marketo if changed != "salesforce" else [],
        leads=leads if changed != "marketo" else [],
        there=InMemoryRecords(people=marketo, Lead=leads),
    )
    (write,) = found.writes
    assert (write.salesforce_id, write.marketo_id) == (LEAD, "1")
    assert {"crmId": LEAD, "crmType": "Lead"}.items() <= write.to_marketo.items()
    assert found.aside == []


def test_who_names_a_record_is_met_before_others_of_its_address() -> None:
    """Nothing is remembered of the Lead: somebody has its address, but another person has its id."""
    people = [person(1, email="ada@example.com"), person(2, LEAD, name="Eve", email="eve@example.com")]
    found, records = decided(
        leads=[record(LEAD), record(OTHER_LEAD, email="new@example.com")],
        there=InMemoryRecords(people=people, Lead=[record(LEAD)]),
    )
    assert [(each.salesforce_id, each.marketo_id) for each in found.writes] == [(LEAD, "2"), (OTHER_LEAD, "")]
    # of whom nobody was met by the address it is not asked
    assert records.asked == [("people", "email", 2), ("people", "crmId", 1)]


def test_a_record_that_is_met_by_its_name_takes_nobody_of_its_address() -> None:
    """A Contact and a Lead share an address; somebody names the Contact, so the other one is the Lead's, whatever it
    says of itself."""
    people = [person(1) | {"crmType": "Contact"}, person(2, CONTACT, email="eve@example.com")]
    typed = replace(PEOPLE, types=PersonTypes("crmType"))
    found, _ = decided(
        leads=[record(LEAD)],
        contacts=[record(CONTACT)],
        there=InMemoryRecords(people=people, Lead=[record(LEAD)], Contact=[record(CONTACT)]),
        people=typed,
    )
    assert sorted((each.salesforce_id, each.marketo_id) for each in (*found.writes, *found.in_step)) == [
        (CONTACT, "2"),
        (LEAD, "1"),
    ]


def test_a_contact_is_met_before_a_lead() -> None:
    """Who is a Contact and a Lead is the Contact; the Lead is left aside, and no second person is made of it."""
    there = InMemoryRecords(people=[person(1)], Lead=[record(LEAD)], Contact=[record(CONTACT)])
    by_person, _ = decided(marketo=there.rows["people"], there=there)
    by_records, _ = decided(leads=there.rows["Lead"], contacts=there.rows["Contact"], there=there)
    assert [write.salesforce_id for write in by_person.writes] == [CONTACT]
    assert [write.salesforce_id for write in by_records.writes] == [CONTACT]
    assert [(each.id, each.reason) for each in by_records.aside] == [(LEAD, "person_linked_elsewhere")]


def test_who_is_new_is_made_on_the_other_side() -> None:
    """A new Contact becomes a person that carries its id; a new person becomes a Lead, whose id comes with it."""
    found, _ = decided(
        marketo=[person(1, email="m@example.com")], contacts=[record(CONTACT, name="Sia", email="s@example.com")]
    )
    assert sorted(map(told, found.writes)) == [
        ("", "1", {"FirstName": "Ada", "Email": "m@example.com"}, {}),
        (
            CONTACT,
            "",
            {},
            {"firstName": "Sia", "email": "s@example.com", "crmId": CONTACT, "crmType": "Contact"},
        ),
    ]


def test_who_is_not_to_be_made_is_told() -> None:
    """Without the wish for new Leads nobody becomes one, and the reason is there."""
    found, _ = decided(marketo=[person(1)], people=People(fields=PEOPLE.fields, id_field="crmId"))
    assert [(each.id, each.reason) for each in found.aside] == [("1", "not_made_in_salesforce")]


@pytest.mark.parametrize(
    ("people", "links", "reasons"),
    [
        pytest.param(
            [person(1, LEAD), person(2, LEAD)], [], [("2", "linked_twice")], id="a copied id, the older counts"
        ),
        pytest.param(
            [person(1, LEAD), person(2, LEAD)], [known(LEAD, 2)], [("1", "linked_twice")], id="whom the link remembers"
        ),
        pytest.param([person(1, "no id")], [], [("1", "link_unusable")], id="no id"),
        pytest.param(
            [person(1, canonical("0015g00000AAAAA"))], [], [("1", "link_unusable")], id="the id of an Account"
        ),
        pytest.param([person(1, OTHER_LEAD)], [], [("1", "link_lost")], id="the record is gone"),
    ],
)
def test_a_link_that_leads_nowhere_is_told_and_makes_nobody(
    people: list[dict[str, Any]], links: list[Link], reasons: list[tuple[str, str]]
) -> None:
    """Ids that were copied, mistyped or have vanished leave the person aside."""
    found, _ = decided(marketo=people, there=InMemoryRecords(people=people, Lead=[record(LEAD)]), links=links)
    assert [(each.id, each.reason) for each in found.aside] == reasons


def test_a_converted_lead_is_no_new_person() -> None:
    """What became of it is the Contact."""
    found, _ = decided(leads=[record(LEAD, ConvertedContactId=CONTACT)])
    assert [(each.id, each.reason) for each in found.aside] == [(LEAD, "converted")]


def test_people_without_an_address_are_never_met_by_it() -> None:
    """Two blanks are not one person, and no address is asked for."""
    found, records = decided(marketo=[person(1, email="")], leads=[record(LEAD, email="")])
    assert {each.salesforce_id for each in found.writes} == {"", LEAD}
    assert records.asked == [("people", "crmId", 1)]


def test_an_address_that_several_share_links_each_record_once() -> None:
    """Two people and two Leads of one address: the older ones meet first, nobody is linked twice."""
    marketo, leads = [person(1), person(2)], [record(LEAD), record(OTHER_LEAD)]
    found, _ = decided(marketo=marketo, leads=leads)
    assert sorted((each.salesforce_id, each.marketo_id) for each in found.writes) == [(LEAD, "1"), (OTHER_LEAD, "2")]


#: people whose company's name is the company's once they are in one
OF_COMPANIES = replace(
    PEOPLE,
    fields={
        "Lead": [*FIELDS, linked("company", "Company")],
        "Contact": [*FIELDS, linked("externalCompanyId", "AccountId")],
    },
    of_companies=frozenset({"company"}),
)
ACCOUNT = canonical("0015g00000AAAAA")


def employee(number: int, crm: str, company: str, link: str | None = None) -> dict[str, Any]:
    """A person of Marketo with a company, of its own or one that it is in."""
    return {**person(number, crm), "company": company, "externalCompanyId": link}


def remembered_of(found: Decisions) -> list[Link]:
    """What is remembered once all is written."""
    return [each.memory for each in (*found.writes, *found.in_step)]


@pytest.mark.cap("M011")
def test_a_field_of_a_company_goes_through_people_who_are_in_none() -> None:
    """Of who is in none it goes to the Lead and back; of who is in one neither way, also where Marketo is not read."""
    first, _ = decided(
        marketo=[employee(1, LEAD, "Acme"), employee(2, OTHER_LEAD, "Acme", ACCOUNT)],
        leads=[record(LEAD, Company="Acme"), record(OTHER_LEAD, Company="Acme")],
        people=OF_COMPANIES,
    )
    links = remembered_of(first)
    assert first.writes == []

    marketo, _ = decided(
        marketo=[employee(1, LEAD, "Mine"), employee(2, OTHER_LEAD, "Acme Ltd", ACCOUNT)],
        links=links,
        people=OF_COMPANIES,
    )
    salesforce, records = decided(
        leads=[record(LEAD, Company="Theirs"), record(OTHER_LEAD, name="Ida", Company="Theirs")],
        links=links,
        people=OF_COMPANIES,
    )
    assert [told(each) for each in marketo.writes] == [(LEAD, "1", {"Company": "Mine"}, {})]
    assert sorted(map(told, salesforce.writes)) == [
        (LEAD, "1", {}, {"company": "Theirs"}),
        (OTHER_LEAD, "2", {}, {"firstName": "Ida"}),
    ]
    assert records.asked == []


def test_a_contact_brings_its_company_and_leaves_no_value_of_it_on_the_person() -> None:
    """Who comes into a company is linked by one field; the values are the company's."""
    contact = record(CONTACT, AccountId=ACCOUNT, Company="Never")
    people = replace(
        OF_COMPANIES,
        fields={"Contact": [*OF_COMPANIES.fields["Contact"], linked("company", "Company")], "Lead": FIELDS},
    )
    new, _ = decided(contacts=[contact], people=people)
    joining, _ = decided(
        marketo=[employee(1, CONTACT, "Mine")], contacts=[contact], links=[known(CONTACT, 1)], people=people
    )
    assert [each.to_marketo.get("externalCompanyId") for each in (*new.writes, *joining.writes)] == [ACCOUNT, ACCOUNT]
    assert all("company" not in each.to_marketo for each in (*new.writes, *joining.writes))


def test_a_new_lead_takes_the_company_of_a_person_who_is_in_one() -> None:
    """Salesforce requires one, and there is no Account yet that could hold it."""
    found, _ = decided(marketo=[employee(1, "", "Acme", ACCOUNT)], people=OF_COMPANIES)
    assert [each.to_salesforce.get("Company") for each in found.writes] == ["Acme"]
