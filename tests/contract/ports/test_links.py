"""What a cycle remembers of linked records: the double and the adapter say the same."""

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


def test_cycles_remember_apart(world: World) -> None:
    """Two cycles over one pair of systems know nothing of each other."""
    links_of(world, "main").keep([PLAIN])
    assert links_of(world, "other").of([PLAIN.salesforce_id]) == {}
