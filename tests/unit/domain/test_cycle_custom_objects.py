"""Objects of one's own as both systems describe them: key, links, pairs, and what a Sync of them is."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.cycle_custom_objects import (
    Bound,
    Described,
    bound,
    completed,
    kept_objects,
    object_lines,
    object_queues,
)
from leadbridge.domain.cycle_syncs import derived_syncs
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sync import LoggedSource, Sync
from tests.builders.whole_cycles import a_cycle, described

PERSON, COURSE = ("lead", "id"), ("course_c", "course")
VISIT = replace(
    described("visit_c", {"marketoGUID": "string", "number": "string", "person": "integer", "seats": "integer"}),
    id_field="marketoGUID",
    key_fields=("number",),
    links={"person": PERSON},
)
COURSES = replace(
    described("course_c", {"marketoGUID": "string", "course": "string", "title": "string"}),
    id_field="marketoGUID",
    key_fields=("course",),
)
PAIRS = [{"marketo": "number", "salesforce": "Number__c"}, {"marketo": "seats", "salesforce": "Seats__c"}]


def org_object(name: str, fields: Mapping[str, str], **lookups: str) -> ObjectDescription:
    """An object of the org; `lookups` by field where they lead to."""
    plain = described(name, {"Id": "id", "SystemModstamp": "datetime", **fields})
    found = {each: FieldDescription(name=each, type="reference", reference_to=(to,)) for each, to in lookups.items()}
    return replace(plain, fields={**plain.fields, **found})


VISITS = org_object("Visit__c", {"Number__c": "string", "Seats__c": "double"}, Lead__c="Lead", Contact__c="Contact")


def cycle(objects: Mapping[str, Any]) -> CrmCycle:
    """A cycle of persons and these objects."""
    plain = a_cycle().model_dump(by_alias=True, exclude_none=True)
    return CrmCycle.model_validate({**plain, "custom_objects": {"objects": objects}})


def visits(direction: str = "to_marketo", **members: Any) -> dict[str, Any]:
    """The member of visits."""
    return {"marketo": "visit_c", "salesforce": "Visit__c", "direction": direction, "fields": PAIRS, **members}


def systems(*theirs: ObjectDescription, ours: tuple[ObjectDescription, ...] = (VISIT,)) -> Described:
    """What both describe."""
    return Described(marketo={each.name: each for each in ours}, salesforce={each.name: each for each in theirs})


def found(one: CrmCycle, known: Described, name: str = "visits") -> Bound:
    """An object of a cycle."""
    return bound(one, kept_objects(one)[name], known)


def sync_of(one: CrmCycle, known: Described, queue: str = "object-visits") -> Sync:
    """The Sync of a queue, as it is run."""
    [plain] = [each.sync for each in object_queues(one) if each.name == queue]
    return completed(one, queue, plain, known)


def columns(sync: Sync) -> dict[str, str]:
    """Where each field comes from."""
    return {each.to: str(each.column) for each in sync.mappings}


def test_links_are_the_only_lookups_that_lead_to_the_same(subtests: pytest.Subtests) -> None:
    """A person's link is the lookups to Contact and Lead, whoever edits the object; no document says so."""
    one = cycle({"visits": visits()})
    assert [each.fields for each in found(one, systems(VISITS)).links] == [("Contact__c", "Lead__c")]
    with subtests.test("to Marketo the person is found by the Salesforce id"):
        made = sync_of(one, systems(VISITS))
        person = "looked up:marketo:leads:crmId:id:Contact__c|Lead__c"
        assert columns(made) == {"number": "Number__c", "seats": "Seats__c", "person": person}
        assert [(each.column, each.field) for each in made.match] == [("Number__c", "number")]
        assert [str(each) for each in made.key_columns] == ["Number__c"]
    with subtests.test("to Salesforce the other way round"):
        other = sync_of(cycle({"visits": visits("to_salesforce")}), systems(VISITS))
        record = "looked up:marketo:leads:id:crmId:person"
        assert {name: columns(other)[name] for name in ("Lead__c", "Contact__c")} == dict.fromkeys(
            ("Lead__c", "Contact__c"), record
        )
        assert isinstance(other.source, LoggedSource)
        assert (other.source.told_of, other.source.person_link, other.by.extract) == ("visit_c", "person", "bulk")


@pytest.mark.cap("M080")
def test_what_cannot_be_told_is_mapped_by_hand() -> None:
    """Two lookups to Contact, and fields of any names: the document says which, and nothing is made anywhere."""
    theirs = org_object("Anything__c", {"A__c": "string", "B__c": "double"}, Guest__c="Contact", Host__c="Contact")
    own = visits(
        salesforce="Anything__c",
        fields=[
            {"marketo": "number", "salesforce": "A__c"},
            {"marketo": "seats", "salesforce": "B__c"},
        ],
    )
    [why] = found(cycle({"visits": own}), systems(theirs)).wrong
    assert "Guest__c, Host__c of Anything__c all lead to lead; say `links: {person: [ONE]}`" in why
    made = sync_of(cycle({"visits": {**own, "links": {"person": ["Host__c"]}}}), systems(theirs))
    assert columns(made) == {"number": "A__c", "seats": "B__c", "person": "looked up:marketo:leads:crmId:id:Host__c"}


def test_a_key_without_a_pair_is_the_record_itself() -> None:
    """One field of Marketo's key may be left: it takes the id. To Salesforce `key` takes Marketo's own id instead."""
    one = cycle({"visits": visits(fields=PAIRS[1:])})
    assert [(each.column, each.field) for each in sync_of(one, systems(VISITS)).match] == [("Id", "number")]
    other = cycle({"visits": visits("to_salesforce", fields=PAIRS[1:])})
    [why] = found(other, systems(VISITS)).wrong
    assert "number of the key of visit_c has no pair; add one, or give `key`" in why
    keyed = replace(
        VISITS, fields={**VISITS.fields, "Guid__c": FieldDescription(name="Guid__c", type="string", unique=True)}
    )
    by_guid = cycle({"visits": visits("to_salesforce", fields=PAIRS[1:], key="Guid__c")})
    assert [(each.column, each.field) for each in sync_of(by_guid, systems(keyed)).match] == [
        ("marketoGUID", "Guid__c")
    ]


def test_a_bridge_is_known_by_its_links_and_finds_both_ends() -> None:
    """Its course is found by the course's own pair, either way; what lies behind it is told of by its log."""
    bridge = replace(VISIT, links={"person": PERSON, "course": COURSE}, key_fields=("number", "course"))
    theirs = replace(
        VISITS,
        fields={
            **VISITS.fields,
            "Course__c": FieldDescription(name="Course__c", type="reference", reference_to=("Course__c",)),
        },
    )
    course = org_object("Course__c", {"Key__c": "string", "Name": "string"})
    known = systems(theirs, course, ours=(bridge, COURSES))
    fields = [{"marketo": "course", "salesforce": "Key__c"}]

    def both(direction: str) -> CrmCycle:
        kept = {"marketo": "course_c", "salesforce": "Course__c", "direction": direction, "fields": fields}
        return cycle({"visits": visits(direction), "courses": kept})

    assert [found(both("to_marketo"), known, name).is_bridge for name in ("visits", "courses")] == [True, False]
    given = columns(sync_of(both("to_marketo"), known))["course"]
    taken = columns(sync_of(both("to_salesforce"), known))["Course__c"]
    assert (given, taken) == (
        "looked up:salesforce:Course__c:Id:Key__c:Course__c",
        "looked up:salesforce:Course__c:Key__c:Id:course",
    )
    source = sync_of(both("to_salesforce"), known, "object-courses").source
    assert isinstance(source, LoggedSource)
    assert (source.told_of, source.behind) == ("visit_c", ("course", "course"))
    alone = cycle({"visits": visits()})
    assert "leads to course_c; keep that object, too" in found(alone, known).wrong[0]


@pytest.mark.cap("M076")
def test_a_pair_that_is_switched_off_is_in_no_sync_of_any_kind() -> None:
    """Of people, companies, opportunities and objects of one's own: nothing that is read or written names the field."""
    off = {"marketo": "secret", "salesforce": "Secret__c", "enabled": False}
    on = {"marketo": "lastName", "salesforce": "LastName"}
    kinds = {
        "persons": {"id_field": "crmId", "leads": {"fields": [on, off]}, "contacts": {"fields": [on, off]}},
        "companies": {"fields": [{"marketo": "company", "salesforce": "Name"}, off]},
        "opportunities": {"fields": [{"marketo": "name", "salesforce": "Name"}, off]},
        "custom_objects": {
            "objects": {
                "visits": visits(fields=[*PAIRS, off]),
                "others": visits("to_salesforce", marketo="o_c", salesforce="O__c", fields=[*PAIRS, off]),
            }
        },
    }
    plain = a_cycle().model_dump(by_alias=True, exclude_none=True)

    def named(document: Mapping[str, Any]) -> set[str]:
        one = CrmCycle.model_validate({**plain, **document})
        known = systems(VISITS, replace(VISITS, name="O__c"), ours=(VISIT, replace(VISIT, name="o_c")))
        syncs = [each.sync for some in derived_syncs(one) for each in some]
        syncs += [sync_of(one, known, each.name) for each in object_queues(one)]
        return {name for each in syncs for mapping in each.mappings for name in (mapping.to, str(mapping.column))}

    assert {"LastName", "lastName", "company", "name", "Seats__c", "seats"} <= named(kinds)
    assert not {"secret", "Secret__c"} & named(kinds)
    switched_on = {
        **kinds,
        "companies": {"fields": [{"marketo": "company", "salesforce": "Name"}, {**off, "enabled": True}]},
    }
    assert {"secret", "Secret__c"} <= named(switched_on)


@pytest.mark.cap("M078")
def test_an_object_that_salesforce_lacks_is_told_with_all_that_has_to_be_made() -> None:
    """Only where it is switched on; the same of what Marketo lacks, and nothing where both have it."""
    one = cycle({"visits": visits("to_salesforce", key="Guid__c")})
    missing, remedy = object_lines(one, systems())
    assert missing == (
        "custom_objects.objects.visits.salesforce: there is no object Visit__c, or our user may not see it"
    )
    assert "make Visit__c with Number__c, Seats__c, Guid__c, and a lookup for each link" in remedy
    assert "`leadbridge cycle provision marketing crm --from-marketo visit_c`" in remedy
    off = cycle({"visits": visits(enabled=False), "others": visits(marketo="o_c", salesforce="O__c", enabled=False)})
    assert [*object_lines(off, systems())] == []
    told = [*object_lines(cycle({"visits": visits()}), systems(VISITS, ours=()))]
    assert "visit_c has to be made; `leadbridge cycle provision marketing crm --from-salesforce Visit__c`" in told[1]
    assert [*object_lines(cycle({"visits": visits()}), systems(VISITS))] == []


def test_a_document_says_what_one_object_cannot_be() -> None:
    """A pair against the object's way, a key of Salesforce's where nothing goes there, one object twice."""
    for wrong, said in (
        ({"visits": visits(fields=[{**PAIRS[0], "direction": "to_salesforce"}])}, "goes the other way"),
        ({"visits": visits(key="Guid__c")}, "this object goes to Marketo"),
        ({"visits": visits(), "again": visits()}, "visit_c of marketo stands there twice"),
        ({"visits": visits("to_salesforce", deleted_in_salesforce="delete")}, "Marketo tells nobody which"),
        ({"visits": visits(deleted_in_salesforce={"flag": "seats"})}, "seats is kept by a pair"),
    ):
        with pytest.raises(ValidationError, match=said):
            cycle(wrong)
    kept = cycle({"visits": visits(fields=[{"marketo": "person", "salesforce": "Number__c"}])})
    assert "person links records and is kept by the cycle" in "".join(found(kept, systems(VISITS)).wrong)


def test_what_is_to_become_of_deleted_records_is_possible() -> None:
    """Salesforce tells of them, Marketo's can be deleted, or have a yes/no field; the Sync says the same."""
    told = replace(VISITS, replicateable=True)
    flagged = FieldDescription(name="gone", type="boolean", updateable=True)
    ours = replace(VISIT, fields={**VISIT.fields, "gone": flagged})
    for policy, own, theirs, said in (
        ("delete", VISIT, told, ""),
        ({"flag": "gone"}, ours, told, ""),
        ("delete", VISIT, VISITS, "does not tell which Visit__c records were deleted"),
        ("delete", replace(VISIT, deletable=False), told, "no visit_c can be deleted"),
        ({"flag": "gone"}, VISIT, told, "gone of visit_c is no yes/no field"),
        ({"flag": "marketoGUID"}, ours, told, "marketoGUID of visit_c is no yes/no field"),
        ("ignore", replace(VISIT, deletable=False), VISITS, ""),
    ):
        one = cycle({"visits": visits(deleted_in_salesforce=policy)})
        wrong = "".join(found(one, systems(theirs, ours=(own,))).wrong)
        assert said in wrong, policy
        if not said:
            assert wrong == ""
            deletes = sync_of(one, systems(theirs, ours=(own,))).deletes
            assert (deletes if isinstance(deletes, str) else deletes.model_dump()) == policy
