"""Two linked records merged: which fields of each are written, with which values, and what is remembered."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from leadbridge.domain.linked import Found, LinkedField, Pair, canonical, merge_pair
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.sources import ValueSource, compile_source
from leadbridge.domain.three_way import Conflict, FieldPolicy, Memory, Merged, Side
from leadbridge.domain.transforms import Place
from leadbridge.domain.values import coercion

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
M, S = Side.MARKETO, Side.SALESFORCE


def digest(value: str) -> str:
    """A digest as short as those that are kept."""
    return sha256(value.encode()).hexdigest()[:16]


def linked(
    marketo: str, salesforce: str, kind: str = "string", *, policy: FieldPolicy | None = None, **rules: Any
) -> LinkedField:
    """A pair of fields of one type; `rules` are those of the way to Salesforce."""
    fields = {M: FieldDescription(name=marketo, type=kind), S: FieldDescription(name=salesforce, type=kind)}
    found = policy or FieldPolicy()
    blanks = {"blank": "clear"} if found.blanks else {}
    sources = {
        M: ValueSource.model_validate({"to": salesforce, "column": marketo, **blanks, **rules}),
        S: ValueSource.model_validate({"to": marketo, "column": salesforce, **blanks}),
    }
    taken = {
        side: compile_source(source, Place(zone=UTC), coercion(fields[side.other])) for side, source in sources.items()
    }
    return LinkedField(name=marketo, policy=found, fields=fields, taken=taken)


EVERY = [
    linked("firstName", "FirstName"),
    linked("leadScore", "Score__c", "integer"),
    linked("email", "Email", "email"),
    linked("vip", "Vip__c", "boolean"),
]


def merged(
    fields: list[LinkedField],
    memory: Mapping[str, Memory],
    marketo: Mapping[str, Any] | None = None,
    salesforce: Mapping[str, Any] | None = None,
) -> Pair:
    """The two records merged, as far as they were read."""
    found = {side: Found(values=values) for side, values in ((M, marketo), (S, salesforce)) if values is not None}
    return merge_pair(fields, found, memory, NOW, digest)


IN_MARKETO = {"firstName": "Ada", "leadScore": 5, "email": "Ada@example.com", "vip": None}
IN_SALESFORCE = {"FirstName": "Ada", "Score__c": "5.0", "Email": "ada@example.com", "Vip__c": False}


def test_records_that_agree_are_not_written() -> None:
    """Numbers in another spelling, addresses in other capitals and a "no" beside a blank are no difference."""
    found = merged(EVERY, {}, IN_MARKETO, IN_SALESFORCE)
    assert found.writes == {M: {}, S: {}}
    assert found.told == {}
    assert found.memory.keys() == {"firstName", "leadScore", "email", "vip"}


def test_each_side_takes_over_what_the_other_edited() -> None:
    """Edits of different fields on both sides meet no conflict; only what was edited is written."""
    memory = merged(EVERY, {}, IN_MARKETO, IN_SALESFORCE).memory
    found = merged(EVERY, memory, {**IN_MARKETO, "leadScore": 9}, {**IN_SALESFORCE, "FirstName": "Ida", "Vip__c": True})
    assert found.writes == {M: {"firstName": "Ida", "vip": True}, S: {"Score__c": 9}}
    assert set(found.told.values()) == {Merged.TAKEN_OVER}


def test_a_side_that_was_not_read_need_not_be() -> None:
    """With a memory the edited record alone is enough, and what it is to take over is not written again."""
    memory = merged(EVERY, {}, IN_MARKETO, IN_SALESFORCE).memory
    first = merged(EVERY, memory, salesforce={**IN_SALESFORCE, "FirstName": "Ida"})
    again = merged(EVERY, first.memory, marketo={**IN_MARKETO, "firstName": "Ida"})
    assert first.writes == {M: {"firstName": "Ida"}, S: {}}
    assert again.writes == {M: {}, S: {}}


def test_a_field_that_is_new_meets_for_the_first_time() -> None:
    """A pair of fields that the configuration gained is filled, while the others go on from what is remembered."""
    memory = merged(EVERY[:1], {}, IN_MARKETO, IN_SALESFORCE).memory
    found = merged(EVERY, memory, IN_MARKETO, {**IN_SALESFORCE, "Score__c": None})
    assert found.writes == {M: {}, S: {"Score__c": 5}}
    with pytest.raises(ValueError, match="both sides read"):
        merged(EVERY, memory, IN_MARKETO)


def test_a_value_that_cannot_be_taken_over_is_told_and_looked_at_again() -> None:
    """The other fields are written; the failing one keeps its memory, so that it is not taken for settled."""
    memory = merged(EVERY, {}, IN_MARKETO, IN_SALESFORCE).memory
    found = merged(EVERY, memory, {**IN_MARKETO, "firstName": "Ida", "leadScore": "many"})
    assert found.writes[S] == {"FirstName": "Ida"}
    assert found.memory["leadScore"] == memory["leadScore"]
    assert "leadScore" in found.failed
    assert "many" not in found.failed["leadScore"]


def test_rules_stand_between_two_sides_without_an_echo() -> None:
    """What arrives in capitals is remembered as that, and is not taken for an edit when it is read."""
    fields = [linked("country", "Country__c", transforms=[{"type": "case", "to": "upper"}])]
    first = merged(fields, {}, {"country": "de"}, {"Country__c": None})
    again = merged(fields, first.memory, salesforce={"Country__c": "DE"})
    assert first.writes[S] == {"Country__c": "DE"}
    assert again.writes == {M: {}, S: {}}


def test_an_emptied_field_empties_only_where_it_may() -> None:
    """A blank is taken over under the policy that says so, as no value."""
    for blanks in (False, True):
        fields = [linked("firstName", "FirstName", policy=FieldPolicy(blanks=blanks))]
        memory = merged(fields, {}, IN_MARKETO, IN_SALESFORCE).memory
        found = merged(fields, memory, marketo={"firstName": ""})
        assert found.writes[S] == ({"FirstName": None} if blanks else {})


def test_an_opt_out_is_written_as_yes_whatever_the_other_side_holds() -> None:
    """Emptied in Marketo, still out in Salesforce, which was not read: Marketo is told again."""
    fields = [linked("unsubscribed", "HasOptedOutOfEmail", "boolean", policy=FieldPolicy(consent=True))]
    memory = merged(fields, {}, {"unsubscribed": True}, {"HasOptedOutOfEmail": True}).memory
    assert merged(fields, memory, marketo={"unsubscribed": None}).writes[M] == {"unsubscribed": True}


def test_the_newer_edit_is_told_by_the_records() -> None:
    """The moments of the records' last changes decide where the policy asks for the newest."""
    fields = [linked("firstName", "FirstName", policy=FieldPolicy(conflict=Conflict.NEWEST))]
    memory = merged(fields, {}, IN_MARKETO, IN_SALESFORCE).memory
    found = merge_pair(
        fields,
        {
            M: Found(values={"firstName": "Mia"}, edited_at=NOW),
            S: Found(values={"FirstName": "Sia"}, edited_at=NOW - timedelta(minutes=1)),
        },
        memory,
        NOW,
        digest,
    )
    assert found.writes == {M: {}, S: {"FirstName": "Mia"}}


@pytest.mark.parametrize(
    ("kind", "one", "other"),
    [
        ("integer", "7", 7),
        ("double", "1.50", 1.5),
        ("boolean", "true", True),
        ("boolean", False, None),
        ("email", "A@Example.com ", "a@example.com"),
        ("string", " a ", "a"),
        ("date", "2026-03-02", "2026-03-02"),
        ("reference", "0035g00000ABCDE", "0035g00000ABCDEAA5"),
    ],
)
def test_values_that_a_field_cannot_tell_apart_are_the_same(kind: str, one: Any, other: Any) -> None:
    """The canonical form goes by the field's type."""
    described = FieldDescription(name="x", type=kind)
    assert canonical(one, described) == canonical(other, described)


def test_texts_in_other_capitals_are_an_edit() -> None:
    """Who corrects a name's capitals wants to see them on the other side."""
    described = FieldDescription(name="x", type="string")
    assert canonical("mcdonald", described) != canonical("McDonald", described)
