"""What one system lacks of an object that the other one has, and Marketo's limits."""

from dataclasses import replace

import pytest

from leadbridge.domain.marketo import ObjectField, ObjectType, RelatedTo, Relationship
from leadbridge.domain.provisioning import MARKETO_ID, new_object, new_type
from leadbridge.domain.records import FieldDescription, ObjectDescription
from tests.builders.whole_cycles import described

CAR = described(
    "Car__c", {"Id": "id", "Name": "string", "Seats__c": "double", "Sold_On__c": "date", "CreatedDate": "datetime"}
)


def with_lookup(name: str, *to: str) -> ObjectDescription:
    """A car with a lookup."""
    own = FieldDescription(name=name, type="reference", reference_to=to)
    return replace(CAR, fields={**CAR.fields, name: own})


def test_a_type_has_a_key_and_one_link_for_whoever_it_is_of() -> None:
    """Without a key of its own the record's id; a Lead and a Contact are one person; Salesforce's own fields stay."""
    plan = new_type(with_lookup("Owner__c", "Lead", "Contact"), [])
    fields = {each["name"]: each for each in plan.fields}
    assert (plan.api_name, plan.exists, plan.wrong) == ("car_c", False, ())
    assert fields.keys() == {"salesforceId", "name", "seats", "soldOn", "leadId"}
    assert fields["salesforceId"]["isDedupeField"] is True
    assert (fields["seats"]["dataType"], fields["soldOn"]["dataType"]) == ("float", "date")
    assert fields["leadId"]["relatedTo"] == {"name": "lead", "field": "id"}
    assert plan.pairs == (("name", "Name"), ("seats", "Seats__c"), ("soldOn", "Sold_On__c"))
    key = FieldDescription(name="Vin__c", type="string", unique=True, external_id=True)
    keyed = new_type(replace(CAR, fields={**CAR.fields, "Vin__c": key}), [])
    assert [each["name"] for each in keyed.fields if each.get("isDedupeField")] == ["vin"]


@pytest.mark.parametrize(
    ("types", "fields", "said"),
    [
        (10, 1, "takes no more than 10"),
        (0, 51, "more than the 50"),
    ],
)
def test_marketos_limits_are_checked_before_anything_is_made(types: int, fields: int, said: str) -> None:
    """Types and fields; the plan says so, and nothing is asked."""
    many = described("Car__c", {f"F{number}__c": "string" for number in range(fields)})
    [why] = new_type(many, [ObjectType(name=f"t{number}_c") for number in range(types)]).wrong
    assert said in why


def test_an_approved_type_takes_twenty_more_fields_and_no_link() -> None:
    """What it has already is not made again."""
    own = ("salesforceId", "name", "seats")
    there = ObjectType(
        name="car_c",
        dedupe_fields=("salesforceId",),
        fields=tuple(ObjectField(name=each, data_type="string") for each in own),
    )
    plan = new_type(CAR, [there])
    assert (plan.exists, [each["name"] for each in plan.fields], plan.wrong) == (True, ["soldOn"], ())
    [why] = new_type(with_lookup("Lead__c", "Lead"), [there]).wrong
    assert "no key or link (leadId)" in why
    many = replace(CAR, fields={**CAR.fields, **described("x", {f"F{n}__c": "string" for n in range(20)}).fields})
    assert "20 more fields" in new_type(many, [there]).wrong[0]


def a_draft(*names: str, key: str = "salesforceId") -> ObjectType:
    """A car that was never approved, with these fields."""
    fields = tuple(ObjectField(name=each, data_type="string") for each in names)
    keys = (key,) if key in names else ()
    return ObjectType(name="car_c", state="draft", dedupe_fields=keys, fields=fields)


def test_a_draft_that_was_never_approved_is_gone_on_with() -> None:
    """Making it died: before its fields were added, which takes key and links yet, or before it was approved."""
    car = with_lookup("Lead__c", "Lead")
    empty = new_type(car, [a_draft()])
    names = ["salesforceId", "name", "seats", "soldOn", "leadId"]
    assert (empty.exists, empty.drafted, [each["name"] for each in empty.fields]) == (True, True, names)
    assert (empty.wrong, next(empty.lines())) == ((), "Marketo: complete and approve the draft of car_c")
    whole = new_type(car, [a_draft(*names)])
    assert (whole.fields, whole.lacks, whole.wrong) == ((), True, ())
    assert list(whole.lines()) == ["Marketo: approve the draft of car_c"]
    many = replace(CAR, fields=described("x", {f"F{n}__c": "string" for n in range(30)}).fields)
    assert new_type(many, [a_draft()]).wrong == ()
    [why] = new_type(car, [a_draft("plate", key="plate")]).wrong
    assert "has the key plate, not salesforceId; discard that draft" in why


def test_a_draft_beside_an_approved_object_is_gone_on_with() -> None:
    """Fields were added and not approved: none is added twice; a draft that has nothing of ours stays as it is."""
    names = ("salesforceId", "name", "seats")
    there = replace(a_draft(*names), state="approvedWithDraft")
    died = new_type(CAR, [there], drafts=[a_draft(*names, "soldOn")])
    assert (died.fields, died.drafted, died.lacks, died.wrong) == ((), True, True, ())
    full = replace(a_draft(*names, "soldOn"), state="approvedWithDraft")
    assert new_type(CAR, [full], drafts=[a_draft(*names, "soldOn", "other")]).lacks is False


def test_nothing_is_linked_to_a_draft() -> None:
    """Marketo links to what is approved."""
    model = ObjectType(name="model_c", state="draft", dedupe_fields=("salesforceId",))
    plan = new_type(with_lookup("Model__c", "Model__c"), [model])
    assert not [each for each in plan.fields if "relatedTo" in each]
    assert "of which Marketo has a draft only; provision that first" in plan.notes[0]


def test_nothing_is_linked_to_an_object_that_has_a_link_itself() -> None:
    """A bridge links to what Marketo has already, and that must be no bridge."""
    car = with_lookup("Model__c", "Model__c")
    link = Relationship(field="leadId", type="child", related_to=RelatedTo(name="lead", field="id"))
    model = ObjectType(name="model_c", dedupe_fields=("salesforceId",))
    [linked] = [each for each in new_type(car, [model]).fields if "relatedTo" in each]
    assert linked["relatedTo"] == {"name": "model_c", "field": "salesforceId"}
    assert "has a link itself" in new_type(car, [replace(model, relationships=(link,))]).notes[0]
    assert "provision that first" in new_type(car, []).notes[0]


def test_what_salesforce_lacks_has_a_key_for_marketos_id_and_lookups() -> None:
    """One for a Lead and one for a Contact; only what is not there, and Marketo's own fields stay."""
    fields = {
        "marketoGUID": "string",
        "updatedAt": "datetime",
        "vin": "string",
        "isNew": "boolean",
        "person": "integer",
    }
    car = replace(described("car_c", fields), links={"person": ("lead", "id")}, label="Car")
    plan = new_object(car, None)
    assert (plan.api_name, plan.label, plan.exists) == ("Car__c", "Car", False)
    assert plan.fields.keys() == {MARKETO_ID, "Vin__c", "IsNew__c", "Lead__c", "Contact__c"}
    assert plan.fields[MARKETO_ID]["externalId"] is True
    assert plan.fields["Lead__c"]["referenceTo"] == "Lead"
    there = described("Car__c", {"Vin__c": "string", "Lead__c": "reference", MARKETO_ID: "string"})
    assert new_object(car, there).fields.keys() == {"IsNew__c", "Contact__c"}
    assert new_object(car, there).exists is True
