"""What two linked records have said no to, and who says it once they became one with others."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from leadbridge.domain.crm_cycle import Persons
from leadbridge.domain.cycle_link import Link
from leadbridge.domain.fates import Consequence, Conversion, Does, News, Step, consequences
from leadbridge.domain.opt_outs import opted_out
from leadbridge.domain.three_way import Memory, Side

MARKETO, SALESFORCE = Side.MARKETO, Side.SALESFORCE
#: digests of yes and of no
YES, NO = "y", "n"
LEAD, OTHER, CONTACT = "00Q1", "00Q2", "0031"
PERSONS = Persons.model_validate(
    {
        "id_field": "crmId",
        "leads": {
            "fields": [
                {"marketo": "email", "salesforce": "Email"},
                {"marketo": "unsubscribed", "salesforce": "HasOptedOutOfEmail"},
                {"marketo": "emailInvalid", "salesforce": "Bounced__c"},
                {"marketo": "noPost", "salesforce": "No_Post__c", "consent": True},
            ]
        },
        "contacts": {"fields": [{"marketo": "unsubscribed", "salesforce": "Opted_Out__c"}]},
        "deleted_in_marketo": "delete",
        "deleted_in_salesforce": "delete",
    }
)


def linked(record: str, person: str, **memory: Memory) -> Link:
    """A link that remembers pairs by Marketo's fields."""
    names = {pair.marketo: pair.pair for pair in PERSONS.leads.pairs} if PERSONS.leads else {}
    return Link(salesforce_id=record, marketo_id=person, memory={names[name]: each for name, each in memory.items()})


def says(found: Iterable[Consequence]) -> set[tuple[Side, str, str]]:
    """Who says no by which field."""
    steps = [each.step for each in found if each.step is not None]
    return {(step.side, step.id, step.flag) for step in steps if step.does is Does.OPT_OUT}


@pytest.mark.parametrize(
    ("memory", "held", "expected"),
    [
        ({}, {}, set()),
        ({"unsubscribed": Memory(NO, NO)}, {}, set()),
        ({"unsubscribed": Memory(YES, NO)}, {}, {"unsubscribed"}),
        ({"noPost": Memory(NO, YES)}, {}, {"noPost"}),
        ({"email": Memory(YES, YES)}, {}, set()),
        # an address that takes no mail is not the winner's
        ({"emailInvalid": Memory(YES, YES)}, {}, set()),
        ({"unsubscribed": Memory(NO, NO)}, {MARKETO: {"unsubscribed": True}}, {"unsubscribed"}),
        ({"unsubscribed": Memory(NO, NO)}, {SALESFORCE: {"HasOptedOutOfEmail": "true"}}, {"unsubscribed"}),
        # a merge forgets nothing, so neither does what was said before it
        ({"unsubscribed": Memory(YES, YES)}, {MARKETO: {"unsubscribed": False}}, {"unsubscribed"}),
    ],
)
def test_two_have_opted_out_if_either_says_so_now_or_did_at_the_last_look(
    memory: Mapping[str, Memory], held: Mapping[Side, Mapping[str, Any]], expected: set[str]
) -> None:
    """By fields that say no, whatever the sides are called; what tells of an address stays with that."""
    assert opted_out(linked(LEAD, "1", **memory), PERSONS, YES, held) == expected


def test_whoever_lives_on_says_it_in_both_systems_by_the_fields_of_its_kind_of_record() -> None:
    """A Contact by its own field, and Marketo's person also what no field of the Contact could say."""
    links = [linked(LEAD, "1"), linked(CONTACT, "2")]
    news = News(converted={LEAD: Conversion(contact=CONTACT)})
    found = consequences(news, links, {}, PERSONS, {LEAD: {"unsubscribed", "noPost"}})
    assert says(found) == {
        (MARKETO, "2", "unsubscribed"),
        (MARKETO, "2", "noPost"),
        (SALESFORCE, CONTACT, "Opted_Out__c"),
    }
    # both are read again, whatever became of the writes
    assert all(each.again for each in found if each.why.endswith("opted_out"))


@pytest.mark.parametrize(
    "news",
    [
        News(merged={SALESFORCE: {OTHER: LEAD}}),
        News(merged={MARKETO: {"2": "1"}}),
        # both systems merged them, and nothing else is to be done
        News(merged={SALESFORCE: {OTHER: LEAD}, MARKETO: {"2": "1"}}),
        # one system merged, the other deleted
        News(merged={SALESFORCE: {OTHER: LEAD}}, deleted={MARKETO: {"2"}}),
        News(merged={MARKETO: {"2": "1"}}, deleted={SALESFORCE: {OTHER}}),
    ],
)
def test_the_winner_says_what_the_loser_had_said_however_the_two_became_one(news: News) -> None:
    """Both of the winner's, once each; one who had said nothing brings nothing."""
    links = [linked(LEAD, "1"), linked(OTHER, "2")]
    found = consequences(news, links, {}, PERSONS, {OTHER: {"unsubscribed"}})
    assert says(found) == {(MARKETO, "1", "unsubscribed"), (SALESFORCE, LEAD, "HasOptedOutOfEmail")}
    assert len([each for each in found if each.why.endswith("opted_out")]) == 2
    assert says(consequences(news, links, {}, PERSONS, {LEAD: {"unsubscribed"}})) == set()


def test_a_merge_that_was_refused_says_it_once() -> None:
    """When it is tried again the winner may have opted in since."""
    refused = Link(salesforce_id=OTHER, marketo_id="2", parted="refused")
    news = News(merged={SALESFORCE: {OTHER: LEAD}})
    found = consequences(news, [linked(LEAD, "1"), refused], {}, PERSONS, {OTHER: {"unsubscribed"}})
    assert [each.step for each in found] == [Step(does=Does.MERGE, side=MARKETO, id="2", into="1")]


def test_a_deletion_says_nothing_to_others() -> None:
    """Nobody became one with anybody."""
    links = [linked(LEAD, "1"), linked(OTHER, "2")]
    found = consequences(News(deleted={MARKETO: {"2"}}), links, {}, PERSONS, {OTHER: {"unsubscribed"}})
    assert says(found) == set()


def test_a_converted_lead_meets_its_contact_in_consent_fields_and_remembers_the_others() -> None:
    """Were a "no" remembered, a Contact that says nothing would take it back as an edit; a merge moves no field."""
    memory = {name: Memory(YES, YES) for name in ("email", "unsubscribed", "emailInvalid")}
    link = linked(LEAD, "1", **memory)
    (found,) = consequences(News(converted={LEAD: Conversion(contact=CONTACT)}), [link], {}, PERSONS)
    assert [*found.before[1].memory] == ["email=Email"]
    (found,) = consequences(News(merged={MARKETO: {"1": "5"}}), [link], {"5": LEAD}, PERSONS)
    assert found.before[0].memory == link.memory
