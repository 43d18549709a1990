"""Checks of a Sync against both sides: every finding with its member and its remedy, all at once."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.sync_checks import End, check_shape, check_sync
from leadbridge.domain.sync_objects import NOT_WRITABLE
from tests.builders.sync_ends import a_contact, leads
from tests.builders.syncs import a_sync

NOW = datetime(2026, 3, 9, 12, 0, tzinfo=UTC)
SALESFORCE = End(vendor="salesforce", described=a_contact())
MARKETO = End(vendor="marketo", described=leads())


def to_marketo(contact: Any = None, lead: Any = None, **members: Any) -> list[str]:
    """Findings about a Sync from Contact to leads."""
    source = End(vendor="salesforce", described=contact) if contact else SALESFORCE
    destination = End(vendor="marketo", described=lead) if lead else MARKETO
    return list(check_sync(a_sync(**members), source, destination))


def to_salesforce(contact: Any = None, **members: Any) -> list[str]:
    """Findings about a Sync from leads to Contact."""
    destination = End(vendor="salesforce", described=contact) if contact else SALESFORCE
    return list(check_sync(a_sync(to_salesforce=True, **members), MARKETO, destination))


def mappings(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    """Mappings of columns."""
    return [{"to": to, "column": column} for to, column in pairs]


def test_sound_syncs_of_both_directions_have_no_findings() -> None:
    """The builders' documents, and one that uses every optional member."""
    assert to_marketo() == []
    assert to_salesforce() == []
    linked = a_contact(MarketoId__c=FieldDescription(name="MarketoId__c", type="string"))
    assert (
        to_salesforce(
            linked,
            mappings=mappings(("Email", "email"), ("LastName", "lastName"), ("MarketoId__c", "id")),
            writeback=[{"to": "salesforceId", "field": "Id"}],
            deletes={"flag": "Deleted__c"},
            duplicate_record_rule={"choose": "oldest", "order_by": "CreatedDate"},
            conditions={"clauses": [{"column": "revenue", "operator": "at_least", "value": 5}]},
        )
        == []
    )


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"mappings": mappings(("email", "Email"), ("lastNam", "LastName"))},
            "mappings[1].to: the Marketo lead has no field lastNam; did you mean lastName?",
        ),
        (
            {"mappings": mappings(("email", "Email"), ("lastName", "Lastname"))},
            "mappings[1].column: Contact has no field Lastname; did you mean LastName?",
        ),
        (
            {"mappings": mappings(("email", "Email"), ("title", "MailingAddress"))},
            "mappings[1].column: MailingAddress is made of other fields (address); name one of those",
        ),
        (
            {"mappings": mappings(("email", "Email"), ("createdAt", "CreatedDate"))},
            "mappings[1].to: createdAt is set by Marketo itself; remove the mapping",
        ),
        (
            {"mappings": mappings(("email", "Email"), ("revenue", "OptOut__c"))},
            "mappings[1].column: gives true/false, and revenue takes a number; choose another field or another rule",
        ),
        (
            {"mappings": mappings(("email", "Email"), ("birthday", "AnnualRevenue__c"))},
            "mappings[1].column: gives a number, and birthday takes a date; choose another field or another rule",
        ),
        (
            {"mappings": [*mappings(("email", "Email")), {"to": "revenue", "static": "much"}]},
            "mappings[1].static: revenue takes a number, a text of 4 characters given",
        ),
        (
            {"match": [{"column": "Mail", "field": "email"}]},
            "match[0].column: Contact has no field Mail; did you mean Email?",
        ),
        (
            {"match": [{"column": "Email", "field": "mail"}]},
            "match[0].field: the Marketo lead has no field mail; did you mean email?",
        ),
        (
            {"match": [{"column": "LastName", "field": "lastName"}]},
            "match[0].field: Marketo does not find records by lastName; put a searchable field first, such as email",
        ),
        (
            {"mappings": mappings(("lastName", "LastName"))},
            "match[0].field: a new record would not be found again, as email is not mapped; map it, too",
        ),
        (
            {"match": [{"column": "Email", "field": "id"}]},
            "match[0].field: id is set by the vendor, so no new record has it; choose `import: update`",
        ),
        (
            {"writeback": [{"to": "CreatedDate", "field": "id"}]},
            "writeback[0].to: CreatedDate cannot be changed; choose another field",
        ),
        (
            {"writeback": [{"to": "Title", "field": "ids"}]},
            "writeback[0].field: the Marketo lead has no field ids; did you mean id?",
        ),
        (
            {"writeback": [{"to": "Titel", "static": "x"}]},
            "writeback[0].to: Contact has no field Titel; did you mean Title?",
        ),
        (
            {"deletes": {"flag": "title"}},
            "deletes.flag: title is no yes/no field that can be changed; choose another one",
        ),
        (
            {"deletes": {"flag": "deleted"}},
            "deletes.flag: the Marketo lead has no field deleted; correct the name or add the field",
        ),
        (
            {"duplicate_record_rule": {"choose": "newest"}},
            (
                "duplicate_record_rule.order_by: the Marketo lead has no field LastModifiedDate; "
                "correct the name or add the field"
            ),
        ),
        (
            {"duplicate_record_rule": {"choose": "newest", "order_by": "title"}},
            (
                "duplicate_record_rule.order_by: `newest` goes by a date, and the Marketo lead.title is none; "
                "choose a date"
            ),
        ),
        (
            {"conditions": {"clauses": [{"column": "Score", "operator": "equals", "value": 1}]}},
            "conditions.clauses[0].column: Contact has no field Score; correct the name or add the field",
        ),
    ],
)
def test_what_is_wrong_towards_marketo_names_member_and_remedy(members: dict[str, Any], said: str) -> None:
    """One mistake, one finding."""
    assert to_marketo(**members) == [said]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"mappings": mappings(("Email", "email"))},
            "mappings: Contact.LastName is required to create a record; map it or give it a static value",
        ),
        (
            {"mappings": mappings(("Email", "email"), ("LastName", "lastName"), ("Id", "salesforceId"))},
            "mappings[2].to: Id is set by Salesforce itself; remove the mapping",
        ),
        (
            {"destination": {"connection": "crm", "object": "Contact", "idempotency_field": "Title"}},
            "destination.idempotency_field: Title must be a unique External Id field",
        ),
        (
            {"by": {"extract": "rest"}},
            "by.extract: Marketo lists all leads in bulk extracts only; choose auto or bulk",
        ),
    ],
)
def test_what_is_wrong_towards_salesforce_names_member_and_remedy(members: dict[str, Any], said: str) -> None:
    """One mistake, one finding."""
    assert to_salesforce(**members) == [said]


def test_only_a_create_needs_what_a_new_record_needs() -> None:
    """A Sync that only updates has no required fields, and its key need not be written."""
    only_title = {"mappings": mappings(("Title", "title"))}

    assert to_salesforce(**only_title, import_rule="update") == []
    assert len(to_salesforce(**only_title, import_rule="create")) == 2


def test_what_cannot_be_done_with_an_object_is_told() -> None:
    """Objects that cannot be queried, created, changed or deleted, and fields that take part in one of the two only."""
    fixed = FieldDescription(name="Title", type="string", updateable=False)
    free = FieldDescription(name="Title", type="string", createable=False)
    titled = {"mappings": mappings(("Email", "email"), ("LastName", "lastName"), ("Title", "title"))}
    bare = replace(a_contact(), queryable=False, replicateable=False, deletable=False)
    closed = replace(a_contact(), createable=False, updateable=False)

    assert to_marketo(bare) == ["source.object: Contact cannot be queried; choose another object"]
    assert to_marketo(bare, deletes="delete") == [
        "source.object: Contact cannot be queried; choose another object",
        "deletes: Salesforce does not tell which Contact records were deleted; set `deletes: ignore`",
    ]
    assert to_salesforce(bare, deletes="delete") == [
        (
            "deletes: of deleted people Marketo tells the id alone; map `id` to a field that can be searched, or match "
            "by it"
        ),
        "deletes: no Contact can be deleted; name a field with `flag`, or set `deletes: ignore`",
    ]
    assert to_salesforce(closed, import_rule="create_and_update") == [
        "destination.object: no Contact can be created; choose another object, or `import: update`",
        "destination.object: no Contact can be changed; choose another object, or `import: create`",
    ]
    assert to_salesforce(a_contact(Title=fixed), **titled, import_rule="update") == [
        "mappings[2].to: Title cannot be changed; remove the mapping"
    ]
    assert to_salesforce(a_contact(Title=free), **titled, import_rule="create") == [
        "mappings[2].to: Title cannot be given to a new record; remove the mapping"
    ]


def test_every_finding_comes_at_once() -> None:
    """Several mistakes in several members are told together."""
    found = to_marketo(
        match=[{"column": "Mail", "field": "email"}],
        mappings=mappings(("email", "Email"), ("lastNam", "LastName"), ("title", "Titel")),
        deletes={"flag": "title"},
    )

    assert [line.partition(":")[0] for line in found] == [
        "match[0].column",
        "mappings[2].column",
        "mappings[1].to",
        "deletes.flag",
    ]


def shape(to_salesforce: bool = True, **members: Any) -> list[str]:  # which way
    """Findings about what a document names, before anybody describes it."""
    ends: tuple[Any, Any] = ("marketo", "salesforce") if to_salesforce else ("salesforce", "marketo")
    return list(check_shape(a_sync(to_salesforce=to_salesforce, **members), *ends, NOW))


def of(name: str, **members: Any) -> dict[str, Any]:
    """A Marketo source."""
    return {"source": {"connection": "marketing", "object": name, **members}}


@pytest.mark.parametrize("name", ["companies", "opportunities", "opportunity_roles", "sales_persons"])
def test_an_object_that_marketo_cannot_list_is_refused_with_the_reason(name: str) -> None:
    """The finding says why, and from where the same can be had."""
    [said] = shape(**of(name))

    assert said.startswith("source.object: Marketo cannot list its ")
    assert "they are found by their keys only; " in said


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (of("leads"), []),
        (of("list_members", static_list="Newsletter"), []),
        (of("program_members", program=7), []),
        (of("car_c"), []),
        (of("list_members"), ["source.static_list: is missing, list_members needs it; name it, or give its id"]),
        (of("leads", program=7), ["source.program: has no place with leads; remove it"]),
        (
            of("car_c") | {"by": {"extract": "rest"}},
            ["by.extract: car_c cannot be read by `rest`; choose auto or bulk"],
        ),
        (
            of("list_members", static_list=7) | {"extraction": "incremental"},
            ["extraction: Marketo does not tell what changed in list_members; set `extraction: full`"],
        ),
        (
            {"destination": {"connection": "crm", "object": "Contact", "partition": "Europe"}},
            ["destination.partition: is Marketo's; remove it"],
        ),
        (
            {"schedule": {"once": "2026-03-09T11:00"}},
            ["schedule.once: is past, so the Sync would never run; give a time that is to come, or `now`"],
        ),
    ],
)
def test_a_source_says_what_its_object_needs_and_nothing_else(members: dict[str, Any], said: list[str]) -> None:
    """Lists, programs and activity types go with their objects; ways and extraction with what Marketo offers."""
    assert shape(**members) == said


NO_IDS = "an import does not tell ids, so nothing could be written back"
NO_ORDER = "a job writes rows side by side, so those of one key would have no order"
NO_HEADERS = "a job takes no duplicate rules, idempotency field or assignment rule"
ONE_KEY = "a job keeps new records apart by one unique External Id field only"
BACK: dict[str, Any] = {"writeback": [{"to": "salesforceId", "field": "Id"}]}
BY_FILE: dict[str, Any] = {"by": {"load": "bulk"}}
KEYED: dict[str, Any] = {
    "match": [{"column": "id", "field": "Key__c"}],
    "mappings": mappings(("Email", "email"), ("LastName", "lastName"), ("Key__c", "id")),
}


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({}, ""),
        (BACK, NO_IDS),
        ({"dedupe": "import_everything"}, NO_ORDER),
        ({"destination": {"connection": "crm", "object": "Contact", "duplicate_rules": "allow"}}, NO_HEADERS),
    ],
)
def test_whoever_wants_an_import_that_cannot_be_is_told_why(members: dict[str, Any], why: str) -> None:
    """Towards Salesforce: a job tells ids to nobody, has no order and takes no headers."""
    said = [f"by.load: {why}; choose auto or rest"] if why else []

    assert shape(**members, **BY_FILE) == said
    # without the wish the same document has nothing wrong
    assert shape(**members) == []


@pytest.mark.parametrize(
    ("unique", "external_id", "rule", "why"),
    [
        (True, True, "create_and_update", ""),
        (True, True, "create", ""),
        (False, True, "create_and_update", ONE_KEY),
        (True, False, "create", ONE_KEY),
        (False, False, "update", ""),
    ],
)
def test_an_import_makes_records_only_where_their_key_keeps_them_apart(
    unique: bool, external_id: bool, rule: str, why: str
) -> None:
    """A unique External Id field; records that are there are changed by their ids, whatever they were found by."""
    key = FieldDescription(name="Key__c", type="string", unique=unique, external_id=external_id)
    said = [f"by.load: {why}; choose auto or rest"] if why else []

    assert to_salesforce(a_contact(Key__c=key), **KEYED, **BY_FILE, import_rule=rule) == said


def test_a_destination_at_marketo_has_a_key_and_the_others_are_refused_with_the_reason() -> None:
    """No object is accepted that could not be written; members of Salesforce and of leads have no place there."""
    for name in NOT_WRITABLE:
        [said] = shape(to_salesforce=False, destination={"connection": "marketing", "object": name})
        assert said.startswith("destination.object: ")
        assert "; " in said
    for name in ("companies", "opportunities", "opportunity_roles", "sales_persons", "car_c"):
        there = {"connection": "marketing", "object": name}
        assert shape(to_salesforce=False, destination=there) == []
        wrong = ["destination.partition: goes with leads only; remove it"]
        # custom objects are imported by file, too
        if name != "car_c":
            wrong.append(f"by.load: {name} are written by `rest` only; choose auto or rest")
        assert shape(to_salesforce=False, destination=there | {"partition": "Europe"}, by={"load": "bulk"}) == wrong
    assert shape(
        to_salesforce=False,
        destination={"connection": "marketing", "object": "leads", "duplicate_rules": "allow"},
        source={"connection": "crm", "object": "Contact", "program": 7},
    ) == [
        "source.program: has no place with a Salesforce object; remove it",
        "destination.duplicate_rules: is Salesforce's; remove it",
    ]


def test_both_ends_of_one_vendor_are_refused() -> None:
    """A Sync leads from one vendor to the other."""
    assert list(check_shape(a_sync(), "salesforce", "salesforce", NOW)) == [
        "destination.connection: is of the same vendor as the source; choose one of the other"
    ]


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, []),
        (
            {"mappings": mappings(("Email", "email"), ("LastName", "lastName"), ("Key__c", "id"))},
            ["Key__c is mapped as well; remove the mapping, or choose another field"],
        ),
        (
            {"match": [{"column": "id", "field": "Key__c"}], "import_rule": "create"},
            ["Key__c belongs to the key, which keeps records apart; remove it"],
        ),
    ],
)
def test_the_field_of_our_own_ids_holds_nothing_else(members: dict[str, Any], said: list[str]) -> None:
    """A unique field is taken; one that a mapping or the key writes is refused with the remedy."""
    key = FieldDescription(name="Key__c", type="string", length=64, unique=True, filterable=True, createable=True)
    contact = replace(SALESFORCE.described, fields={**SALESFORCE.described.fields, "Key__c": key})
    destination = {"connection": "crm", "object": "Contact", "idempotency_field": "Key__c"}
    found = [each for each in to_salesforce(contact, destination=destination, **members) if "idempotency" in each]

    assert found == [f"destination.idempotency_field: {each}" for each in said]


BY_KEY = "match by its key (deal, part), or put a searchable field first (deal)"


def a_role(**extra: Any) -> ObjectDescription:
    """An object whose key is of two fields, one of which is searchable by itself."""
    fields = {
        "deal": FieldDescription(name="deal", type="string", updateable=False, id_lookup=True, required_on_create=True),
        "part": FieldDescription(name="part", type="string", updateable=False, required_on_create=True),
        "note": FieldDescription(name="note", type="string"),
    }
    return ObjectDescription(name="roles", fields=fields | extra, id_field="marketoGUID", key_fields=("deal", "part"))


@pytest.mark.parametrize(
    ("match", "said"),
    [
        (("part", "deal"), []),
        (("deal",), []),
        (
            ("part",),
            [f"match[0].field: Marketo does not find records by part; {BY_KEY}"],
        ),
        (
            ("note", "part"),
            [f"match[0].field: Marketo does not find records by note; {BY_KEY}"],
        ),
    ],
)
def test_an_object_is_matched_by_its_key_or_by_a_searchable_field(match: tuple[str, ...], said: list[str]) -> None:
    """The whole key in any order, or a searchable field first; else the finding names both."""
    found = to_marketo(
        lead=a_role(),
        match=[{"column": "Title", "field": name} for name in match],
        mappings=mappings(*((name, "Title") for name in ("deal", "part", "note"))),
    )

    assert found == said


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            to_marketo(
                lead=leads(gone=FieldDescription(name="gone", type="boolean")),
                deletes={"flag": "gone"},
                mappings=mappings(("email", "Email"), ("gone", "OptOut__c")),
            ),
            ["deletes.flag: gone is mapped as well; remove the mapping, or choose another field"],
        ),
        (
            to_salesforce(
                a_contact(Title=FieldDescription(name="Title", type="string")),
                deletes="delete",
                match=[{"column": "title", "field": "Title"}],
                mappings=mappings(("Title", "title"), ("Email", "id"), ("LastName", "lastName")),
            ),
            [
                (
                    "deletes: the Marketo lead cannot be asked which records have the same title, so a living one "
                    "could be deleted; put a searchable column first in `match`"
                )
            ],
        ),
        (
            to_salesforce(
                deletes="delete",
                import_rule="update",
                match=[{"column": "id", "field": "Email"}],
                mappings=mappings(("LastName", "lastName")),
            ),
            [],
        ),
        (
            to_marketo(
                lead=leads(member=FieldDescription(name="member", type="boolean")),
                destination={"connection": "marketing", "object": "list_members", "static_list": 1},
                deletes={"flag": "member"},
            ),
            ["deletes: nothing is flagged or deleted where rows become list_members; set it to `ignore`"],
        ),
    ],
)
def test_deletions_need_a_way_to_the_record_and_to_who_lives_on(found: list[str], said: list[str]) -> None:
    """A flag of its own, a source that can be asked for living rows of a key, and a record that is found by the id."""
    assert found == said
