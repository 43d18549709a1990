"""A cycle's document as a table of kinds of records and pairs of fields."""

from leadbridge.domain.cycle_matrix import matrix
from tests.builders.cycles import NAME, a_cycle

EMAIL = {"marketo": "email", "salesforce": "Email", "direction": "to_salesforce", "enabled": False}


def test_every_kind_is_there_with_how_it_stands_and_its_way() -> None:
    """What the document lacks is absent, what it switches off is off; pairs that are off do not decide the way."""
    fields = {"fields": [NAME | {"direction": "to_marketo"}, EMAIL]}
    cycle = a_cycle(persons={"id_field": "crmId", "leads": fields}, companies=None, sales_persons={"enabled": False})

    found = {each.name: each for each in matrix(cycle)}

    assert {name: each.standing for name, each in found.items() if each.standing != "absent"} == {
        "sales_persons": "off",
        "persons": "on",
    }
    assert len(found) == len(type(cycle).entities)
    persons = found["persons"]
    assert (persons.way, [(name, each.pair, each.enabled) for name, each in persons.pairs]) == (
        "to_marketo",
        [("Lead", "firstName=FirstName", True), ("Lead", "email=Email", False)],
    )
    assert "from-leads" in persons.queues
    assert (found["sales_persons"].way, found["companies"].way) == ("to_marketo", "both")


def test_each_object_has_its_own_pairs() -> None:
    """Accounts, Leads and Contacts apart; with pairs of either way the kind goes both ways."""
    both = {"fields": [NAME, {"marketo": "email", "salesforce": "Email", "direction": "to_marketo"}]}
    cycle = a_cycle(persons={"id_field": "crmId", "leads": {"fields": [NAME]}, "contacts": both})

    found = {each.name: each for each in matrix(cycle)}

    assert [name for name, _ in found["persons"].pairs] == ["Lead", "Contact", "Contact"]
    assert (found["persons"].way, [name for name, _ in found["companies"].pairs]) == ("both", ["Account"])
