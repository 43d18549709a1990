"""What merges, conversions and deletions in one system mean for linked people in the other one."""

import random
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import Persons
from leadbridge.domain.cycle_link import Link
from leadbridge.domain.fate_words import FATE_WORDS, fate_said
from leadbridge.domain.fates import Consequence, Conversion, Does, News, Step, consequences, destroyed
from leadbridge.domain.three_way import Memory, Side

MARKETO, SALESFORCE = Side.MARKETO, Side.SALESFORCE
PAIR = {"marketo": "email", "salesforce": "Email"}
FLAG = {"flag": "DeletedInMarketo__c"}


def policies(**members: Any) -> Persons:
    """How persons are kept in step."""
    return Persons.model_validate({"id_field": "crmId", "leads": {"fields": [PAIR]}, **members})


def link(record: str, person: str, parted: str = "", moved_to: str = "") -> Link:
    """A link whose memory tells whose it is."""
    memory = {"email=Email": Memory(f"of {person}", f"of {record}")}
    return Link(salesforce_id=record, marketo_id=person, memory=memory, parted=parted, moved_to=moved_to)


def merged(side: Side, **losers: str) -> News:
    """Losers of merges, by winner; a person's number is written with a `p` before it."""
    return News(merged={side: {_plain(loser): _plain(winner) for loser, winner in losers.items()}})


def deleted(side: Side, *ids: str) -> News:
    """Deleted records."""
    return News(deleted={side: set(ids)})


def converted(lead: str, contact: str) -> News:
    """A Lead that became a Contact."""
    return News(converted={lead: Conversion(contact=contact)})


def _plain(name: str) -> str:
    return name.removeprefix("p")


def follow(
    news: News, links: Iterable[Link], named: Mapping[str, str] | None = None, **members: Any
) -> tuple[Consequence, ...]:
    """What follows."""
    return consequences(news, links, named or {}, policies(**members))


def after(links: Iterable[Link], found: Iterable[Consequence], *, refused: bool = False) -> dict[str, tuple[str, str]]:
    """By record whom it is linked to once all is done, and why it is parted or where it moved."""
    known = {each.salesforce_id: each for each in links}
    for each in found:
        known |= {kept.salesforce_id: kept for kept in each.before}
        if each.step is not None and refused:
            known |= {kept.salesforce_id: kept for kept in each.refused}
            continue
        known |= {kept.salesforce_id: kept for kept in each.after}
        for gone in each.forget:
            known.pop(gone.salesforce_id, None)
    return {name: (kept.marketo_id, kept.parted or kept.moved_to) for name, kept in known.items()}


def steps(found: Iterable[Consequence]) -> list[Step]:
    """What is to be done."""
    return [each.step for each in found if each.step is not None]


def codes(found: Iterable[Consequence]) -> list[str]:
    """What is told."""
    return [each.why for each in found]


def test_a_marketo_merge_of_two_linked_people_deletes_the_second_record_and_looks_at_the_winner_again() -> None:
    """Honoured: whose record is deleted is the loser's, whose person is looked at again the winner."""
    links = [link("L1", "1"), link("L2", "2")]
    found = follow(merged(MARKETO, p2="p1"), links, {"1": "L1"})
    assert steps(found) == [Step(does=Does.DELETE, side=SALESFORCE, id="L2")]
    assert after(links, found) == {"L1": ("1", "")}
    # until it is deleted it is nobody else's
    assert found[0].before[0].parted == "person_merged"
    assert destroyed(found) == 1


@pytest.mark.parametrize(
    ("policy", "expected", "why"),
    [
        (FLAG, [Step(does=Does.FLAG, side=SALESFORCE, id="L2", flag="DeletedInMarketo__c")], "person_merged_flagged"),
        ("ignore", [], "person_merged_ignored"),
    ],
)
def test_a_marketo_merge_may_flag_the_second_record_or_leave_it(policy: Any, expected: list[Step], why: str) -> None:
    """It is kept, and remembered as nobody's, so that no new person is made of it."""
    links = [link("L1", "1"), link("L2", "2")]
    found = follow(merged(MARKETO, p2="p1"), links, merges=policy)
    assert (steps(found), codes(found), destroyed(found)) == (expected, [why], 0)
    assert after(links, found) == {"L1": ("1", ""), "L2": ("2", "person_merged")}


@pytest.mark.parametrize("policy", ["honour", "ignore", FLAG])
def test_a_winner_without_a_record_takes_over_that_of_the_loser(policy: Any) -> None:
    """Whatever the policy says: nothing is left over that it could mean. What was remembered of the record stays."""
    links = [link("L2", "2")]
    found = follow(merged(MARKETO, p2="p1"), links, {"1": "L2"}, merges=policy)
    assert (steps(found), codes(found), [each.again for each in found]) == ([], ["merged_over"], [True])
    assert found[0].before[0].memory == links[0].memory
    assert after(links, found) == {"L2": ("1", "")}


@pytest.mark.parametrize("named", ["L2", "L3"])
def test_of_several_losers_records_the_winner_has_the_one_that_marketo_names(named: str) -> None:
    """Marketo fills the winner's empty field from the losers; the other's record is the second one."""
    links = [link("L2", "2"), link("L3", "3")]
    found = follow(merged(MARKETO, p2="p1", p3="p1"), links, {"1": named})
    (other,) = {"L2", "L3"} - {named}
    assert steps(found) == [Step(does=Does.DELETE, side=SALESFORCE, id=other)]
    assert after(links, found) == {named: ("1", "")}


def test_a_merge_of_one_who_has_no_record_changes_nothing() -> None:
    """Nobody lives on elsewhere; that the winner is read again is no matter of links."""
    assert follow(merged(MARKETO, p2="p1"), [link("L1", "1")]) == ()


def test_chains_of_merges_end_at_the_last_winner() -> None:
    """In Marketo 3 into 2 and 2 into 1, in Salesforce the same records: in step without anything to do."""
    links = [link(f"L{number}", str(number)) for number in (1, 2, 3)]
    news = merged(MARKETO, p3="p2", p2="p1") | merged(SALESFORCE, L3="L2", L2="L1")
    found = follow(news, links)
    assert steps(found) == []
    assert after(links, found) == {"L1": ("1", ""), "L2": ("2", "L1"), "L3": ("3", "L1")}
    # of Salesforce alone: both others are merged into the person of the last winner, the tail first or last
    found = follow(merged(SALESFORCE, L3="L2", L2="L1"), links)
    assert [(step.does, step.id, step.into) for step in steps(found)] == [("merge", "2", "1"), ("merge", "3", "1")]


def test_merges_the_other_way_round_meet() -> None:
    """Marketo kept person 2, Salesforce kept Lead 1: they belong to each other now, and nobody is deleted."""
    links = [link("L1", "1"), link("L2", "2")]
    found = follow(merged(MARKETO, p1="p2") | merged(SALESFORCE, L2="L1"), links)
    assert steps(found) == []
    assert after(links, found) == {"L1": ("2", ""), "L2": ("2", "L1")}


def test_a_salesforce_merge_merges_the_two_people_in_marketo() -> None:
    """The master's person wins; the loser's deletion is none, whatever the policy of deletions says."""
    links = [link("C1", "1"), link("C2", "2")]
    news = merged(SALESFORCE, C2="C1") | deleted(SALESFORCE, "C2")
    found = follow(news, links, deleted_in_salesforce="delete")
    assert steps(found) == [Step(does=Does.MERGE, side=MARKETO, id="2", into="1")]
    assert (codes(found), destroyed(found)) == (["merged_like_records"], 1)
    assert after(links, found) == {"C1": ("1", ""), "C2": ("2", "C1")}
    assert after(links, found, refused=True) == {"C1": ("1", ""), "C2": ("2", "refused")}


def test_a_merge_that_marketo_refused_is_tried_again_when_it_is_told_again() -> None:
    """The two are parted until then."""
    found = follow(merged(SALESFORCE, C2="C1"), [link("C1", "1"), link("C2", "2", parted="refused")])
    assert steps(found) == [Step(does=Does.MERGE, side=MARKETO, id="2", into="1")]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"flag": "mergedInCrm"}, [Step(does=Does.FLAG, side=MARKETO, id="2", flag="mergedInCrm")]),
        ("ignore", []),
    ],
)
def test_a_salesforce_merge_may_flag_the_second_person_or_leave_it(policy: Any, expected: list[Step]) -> None:
    """Two people stay, of whom the second has no record any more."""
    links = [link("C1", "1"), link("C2", "2")]
    found = follow(merged(SALESFORCE, C2="C1"), links, merged_in_salesforce=policy)
    assert steps(found) == expected
    assert after(links, found) == {"C1": ("1", ""), "C2": ("2", "record_merged")}


def test_a_master_without_a_person_takes_over_that_of_the_loser() -> None:
    """Marketo's person names the loser still, so it is looked at again and told the new id."""
    links = [link("C2", "2")]
    found = follow(merged(SALESFORCE, C2="C1"), links)
    assert steps(found) == [Step(does=Does.LINK, side=MARKETO, id="2", into="C1")]
    assert ([each.again for each in found], destroyed(found)) == ([True], 0)
    assert after(links, found) == {"C1": ("2", ""), "C2": ("2", "C1")}


def test_a_converted_lead_goes_over_to_its_contact_with_what_is_remembered() -> None:
    """The same person of Marketo; the Lead leads to the Contact from now on."""
    links = [link("L1", "1")]
    found = follow(converted("L1", "C1"), links)
    assert steps(found) == [Step(does=Does.LINK, side=MARKETO, id="1", into="C1")]
    assert (codes(found), [each.again for each in found]) == (["converted"], [True])
    assert after(links, found) == {"C1": ("1", ""), "L1": ("1", "C1")}
    assert found[0].before[1].memory == links[0].memory


@pytest.mark.parametrize("policy", ["honour", "ignore"])
def test_a_lead_that_was_converted_into_a_contact_with_a_person_is_merged_into_that_one(policy: Any) -> None:
    """The Contact's person wins; a conversion is no merge of two records, so the policy of merges says nothing."""
    links = [link("L1", "1"), link("C1", "2")]
    found = follow(converted("L1", "C1"), links, merged_in_salesforce=policy)
    assert steps(found) == [Step(does=Does.MERGE, side=MARKETO, id="1", into="2")]
    assert after(links, found) == {"C1": ("2", ""), "L1": ("1", "C1")}


def test_what_happened_to_a_record_one_after_the_other_is_followed_to_the_end() -> None:
    """A Lead that was merged, converted, and whose Contact was merged, is the last Contact's, with its person."""
    links = [link("L1", "1")]
    news = merged(SALESFORCE, L1="L2", C1="C2") | converted("L2", "C1") | deleted(SALESFORCE, "L1", "C1")
    assert after(links, follow(news, links, deleted_in_salesforce="delete")) == {"C2": ("1", ""), "L1": ("1", "C2")}
    # and if that one was deleted in the end, so is the person
    found = follow(news | deleted(SALESFORCE, "C2"), links, deleted_in_salesforce="delete")
    assert steps(found) == [Step(does=Does.DELETE, side=MARKETO, id="1")]


@pytest.mark.parametrize(
    ("side", "stays", "member", "why"),
    [
        (MARKETO, Step(does=Does.DELETE, side=SALESFORCE, id="L1"), "deleted_in_marketo", "person_deleted"),
        (SALESFORCE, Step(does=Does.DELETE, side=MARKETO, id="1"), "deleted_in_salesforce", "record_deleted"),
    ],
)
def test_a_deletion_is_carried_over_flagged_or_left(side: Side, stays: Step, member: str, why: str) -> None:
    """By the policy of that side; by default it is left, and remembered so that nobody is made anew."""
    links = [link("L1", "1")]
    news = deleted(side, "1" if side is MARKETO else "L1")
    told = follow(news, links, None, **{member: "delete"})
    assert (steps(told), codes(told), after(links, told)) == ([stays], [f"{why}_deleted"], {})
    assert after(links, told, refused=True) == {"L1": ("1", "refused")}
    told = follow(news, links, None, **{member: {"flag": "gone"}})
    assert [(step.does, step.side, step.id, step.flag) for step in steps(told)] == [
        ("flag", stays.side, stays.id, "gone")
    ]
    told = follow(news, links)
    assert (steps(told), codes(told), after(links, told)) == ([], [f"{why}_ignored"], {"L1": ("1", why)})


def test_a_deletion_that_answers_ours_means_nothing() -> None:
    """Both are gone, or nothing is remembered of them any more."""
    links = [link("L1", "1")]
    found = follow(deleted(MARKETO, "1"), links, deleted_in_marketo="delete", deleted_in_salesforce="delete")
    assert after(links, found) == {}
    assert follow(deleted(SALESFORCE, "L1"), [], deleted_in_salesforce="delete") == ()
    # seen before ours was noted: nothing more is deleted
    both = deleted(SALESFORCE, "L1") | deleted(MARKETO, "1")
    found = follow(both, links, deleted_in_marketo="delete", deleted_in_salesforce="delete")
    assert (steps(found), after(links, found)) == ([], {})


def test_a_pair_that_is_parted_is_not_told_twice_and_over_when_the_other_one_goes() -> None:
    """What is read again by the overlap of windows changes nothing."""
    alone = [link("L1", "1", parted="record_deleted")]
    assert follow(deleted(SALESFORCE, "L1"), alone, deleted_in_salesforce="delete") == ()
    assert after(alone, follow(deleted(MARKETO, "1"), alone)) == {}
    alone = [link("L1", "1", parted="person_deleted")]
    assert follow(deleted(MARKETO, "1"), alone, deleted_in_marketo="delete") == ()
    assert after(alone, follow(deleted(SALESFORCE, "L1"), alone)) == {}
    # converted later, it is still not made anew in Marketo
    found = after(alone, follow(converted("L1", "C1"), alone))
    assert found == {"L1": ("1", "C1"), "C1": ("1", "person_deleted")}


def test_nobody_is_deleted_with_what_was_another_ones() -> None:
    """Who was merged into an unlinked one, which was then deleted on the other side, is not taken along."""
    links = [link("L1", "1")]
    news = merged(MARKETO, p1="p9") | deleted(SALESFORCE, "L1")
    found = follow(news, links, deleted_in_salesforce="delete")
    assert (steps(found), after(links, found)) == ([], {"L1": ("9", "record_deleted")})
    news = merged(SALESFORCE, L1="L9") | deleted(MARKETO, "1")
    found = follow(news, links, deleted_in_marketo="delete")
    assert steps(found) == []
    assert after(links, found) == {"L1": ("1", "L9"), "L9": ("1", "person_deleted")}


def test_a_deletion_beside_another_counterpart_deletes_nobody() -> None:
    """A person who was linked anew by hand is not deleted with the former record."""
    links = [link("L1", "1"), link("L2", "1")]
    found = follow(deleted(SALESFORCE, "L1"), links, {"1": "L2"}, deleted_in_salesforce="delete")
    assert (steps(found), after(links, found)) == ([], {"L2": ("1", "")})
    # and a merge elsewhere does not make the older link a second record that may be deleted
    found = follow(merged(MARKETO, p5="p1"), links, {"1": "L2"})
    assert (steps(found), after(links, found)) == ([], {"L2": ("1", "")})


def test_loops_end() -> None:
    """Two that name each other as winner cannot be; nobody waits for ever."""
    assert [each.why for each in follow(merged(SALESFORCE, L1="L2", L2="L1"), [link("L1", "1")])] == ["merged_over"]


def test_every_code_has_a_sentence() -> None:
    """With both ids, and nothing else."""
    for code in FATE_WORDS:
        assert fate_said(code, "00Q1", "42").endswith(".")


def test_whatever_happens_everybody_has_one_counterpart_at_most() -> None:
    """Random news about random links: whoever is left is linked once, and is there.

    Steps are only for those who are there, and never for the one that stays.
    """
    chance = random.Random(8)
    for _ in range(2_000):
        records, people = [f"R{number}" for number in range(5)], [str(number) for number in range(5)]
        shuffled = chance.sample(people, 5)
        links = [
            link(record, person) for record, person in zip(records, shuffled, strict=True) if chance.random() < 0.7
        ]
        told = {side: dict[str, str]() for side in Side}
        gone = {side: set[str]() for side in Side}
        for side, ids in ((SALESFORCE, records), (MARKETO, people)):
            living = list(ids)
            for _ in range(chance.randrange(4)):
                loser, winner = chance.sample(living, 2)
                living.remove(loser)
                if chance.random() < 0.7:
                    told[side][loser] = winner
                else:
                    gone[side].add(loser)
        leads = (
            {} if chance.random() < 0.5 else {loser: told[SALESFORCE].pop(loser) for loser in [*told[SALESFORCE]][:1]}
        )
        news = News(merged=told, deleted=gone, converted={each: Conversion(contact=to) for each, to in leads.items()})
        found = follow(news, links, deleted_in_marketo="delete", deleted_in_salesforce="delete")
        lost = {*told[SALESFORCE], *gone[SALESFORCE], *leads}, {*told[MARKETO], *gone[MARKETO]}
        for step in steps(found):
            assert step.id not in lost[step.side is MARKETO]
            assert step.into not in lost[step.does is not Does.LINK]
        removed = {(step.side, step.id) for step in steps(found) if step.does is not Does.LINK}
        left = [(record, person) for record, (person, why) in after(links, found).items() if not why]
        assert len({record for record, _ in left}) == len({person for _, person in left}) == len(left)
        for record, person in left:
            assert record not in lost[0]
            assert person not in lost[1]
            assert not {(SALESFORCE, record), (MARKETO, person)} & removed
