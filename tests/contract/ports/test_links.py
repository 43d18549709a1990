"""What a cycle remembers of linked records: the double and the adapter say the same."""

from dataclasses import replace

import pytest

from leadbridge.aws.links import DynamoLinks
from leadbridge.cycle_ports import Link, Links
from leadbridge.domain.three_way import Memory, Side, Written
from tests.contract.ports.worlds import DynamoWorld, World
from tests.fakes.clock import NOON
from tests.fakes.cycle import InMemoryLinks

ONE, OTHER = "00" * 8, "f1" * 8
PLAIN = Link(salesforce_id="0035g00000AAAAAAA5", marketo_id="7", memory={"email=Email": Memory(ONE, OTHER)})
FULL = Link(
    salesforce_id="00Q5g00000AAAAAAA5",
    marketo_id="8",
    memory={
        "email=Email": Memory(ONE, ONE),
        "leadScore=Score__c": Memory(OTHER, ONE, Written(Side.SALESFORCE, NOON, OTHER, answers=1, shown=True)),
    },
)


def links_of(world: World, cycle: str) -> Links:
    """The port, as the double and as the adapter implement it."""
    if isinstance(world, DynamoWorld):
        return DynamoLinks(world.dynamodb, table="StateTable", cycle=cycle)
    return InMemoryLinks()


@pytest.fixture
def links(world: World) -> Links:
    """The links of one cycle."""
    return links_of(world, "main")


def test_links_are_remembered_whole(links: Links) -> None:
    """Every member comes back, and what there is none of is missing."""
    links.keep([PLAIN, FULL])
    found = links.of([FULL.salesforce_id, PLAIN.salesforce_id, "00Q5g00000BBBBBBA5"])
    assert found == {PLAIN.salesforce_id: PLAIN, FULL.salesforce_id: FULL}


def test_a_link_takes_the_place_of_the_one_before(links: Links) -> None:
    """The last word counts, also where it says less."""
    links.keep([FULL])
    links.keep([Link(salesforce_id=FULL.salesforce_id, marketo_id="9")])
    assert links.of([FULL.salesforce_id])[FULL.salesforce_id] == Link(salesforce_id=FULL.salesforce_id, marketo_id="9")
    assert links.of([]) == {}


def test_many_links_are_kept_and_read_in_several_calls(links: Links) -> None:
    """More than one call takes or gives: 25 are written at once, 100 read."""
    many = [Link(salesforce_id=f"0035g00000A{number:04}", marketo_id=str(number)) for number in range(130)]
    links.keep(many)
    assert links.of([link.salesforce_id for link in many]) == {link.salesforce_id: link for link in many}


def test_a_person_is_found_by_the_last_record_that_was_linked(links: Links) -> None:
    """Also after the record lived on in another one; what says something else by now is no link of the person."""
    links.keep([PLAIN, FULL])
    assert links.of_people(["7", "8", "9"]) == {"7": PLAIN, "8": FULL}
    moved = replace(FULL, moved_to=PLAIN.salesforce_id)
    now = replace(PLAIN, marketo_id="8")
    links.keep([moved, now])
    assert links.of_people(["7", "8"]) == {"8": now}
    assert links.of([FULL.salesforce_id]) == {FULL.salesforce_id: moved}


def test_why_two_are_kept_apart_is_remembered(links: Links) -> None:
    """The person is still known by it."""
    parted = replace(PLAIN, parted="record_deleted")
    links.keep([parted])
    assert links.of([PLAIN.salesforce_id]) == {PLAIN.salesforce_id: parted}
    assert links.of_people(["7"]) == {"7": parted}


def test_what_is_forgotten_is_gone_and_nothing_else(links: Links) -> None:
    """A person who is linked to another record by now keeps that one; forgetting twice does no harm."""
    links.keep([FULL, PLAIN])
    newer = replace(PLAIN, marketo_id="8")
    links.keep([newer])
    links.forget([FULL])
    links.forget([FULL])
    assert links.of([FULL.salesforce_id, PLAIN.salesforce_id]) == {PLAIN.salesforce_id: newer}
    assert links.of_people(["8"]) == {"8": newer}
    links.forget([newer])
    assert links.of_people(["8"]) == {}


def test_all_links_are_listed_once(links: Links) -> None:
    """Each person's link, whatever number there is; those that moved on are told by the record they moved to."""
    many = [Link(salesforce_id=f"0035g00000A{number:04}", marketo_id=str(number)) for number in range(70)]
    links.keep(many)
    links.keep([replace(FULL, moved_to=PLAIN.salesforce_id)])
    listed, mark = links.listed("")
    found = list(listed)
    while mark:
        listed, mark = links.listed(mark)
        found += listed
    assert sorted(found, key=lambda link: link.salesforce_id) == many


def test_links_of_other_records_are_listed_by_their_kind(links: Links) -> None:
    """Those that are kept, each once, and no person's; what is forgotten is listed no more."""
    deals = [Link(salesforce_id=f"0065g00000A{number:04}", marketo_id=f"guid-{number}") for number in range(9)]
    links.keep([PLAIN, *deals, Link(salesforce_id="00K5g00000AAAAAAA5", marketo_id="7")])
    links.keep(deals[:2])
    links.forget(deals[8:])
    listed, mark = links.listed("", "006")
    found = list(listed)
    while mark:
        listed, mark = links.listed(mark, "006")
        found += listed
    assert sorted(found, key=lambda link: link.salesforce_id) == deals[:8]


def test_cycles_remember_apart(world: World) -> None:
    """Two cycles over one pair of systems know nothing of each other."""
    links_of(world, "main").keep([PLAIN])
    assert links_of(world, "other").of([PLAIN.salesforce_id]) == {}


def test_a_company_of_a_persons_number_does_not_take_the_persons_place(links: Links) -> None:
    """Marketo numbers companies and sales persons by themselves."""
    account = Link(salesforce_id="0015g00000AAAAAAA5", marketo_id=PLAIN.marketo_id)
    user = Link(salesforce_id="0055g00000AAAAAAA5", marketo_id=PLAIN.marketo_id)
    links.keep([PLAIN])
    links.keep([account, user])
    assert links.of_people([PLAIN.marketo_id]) == {PLAIN.marketo_id: PLAIN}
    assert links.of([account.salesforce_id]) == {account.salesforce_id: account}
    links.forget([account])
    assert links.of_people([PLAIN.marketo_id]) == {PLAIN.marketo_id: PLAIN}
