"""Dedupe rules, import rules and mappings of Syncs, with the product's own clients against both vendor twins."""

from collections.abc import Callable
from typing import Any

import pytest

from leadbridge.domain.action import as_document
from leadbridge.domain.syncing import Step, SyncRun, Totals
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from tests.builders.syncs import a_sync, a_sync_document
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import TO_SALESFORCE, WiredSyncs

type Build = Callable[..., WiredSyncs]
MAPPED = [
    {"to": "email", "column": "Email"},
    {"to": "lastName", "column": "LastName"},
    {"to": "title", "column": "Title"},
]


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Build:
    """Makes the world of a Sync from Contact to leads."""
    return lambda **members: WiredSyncs(
        clients, marketo, salesforce, a_sync(**{"mappings": MAPPED, "dedupe": "import_everything"} | members)
    )


def contact(email: str | None, name: str, **members: Any) -> dict[str, Any]:
    """A Contact of the fixture."""
    return {"Email": email, "LastName": name} | members


def thrice(world: WiredSyncs) -> SyncRun:
    """Three Contacts of one address in different spelling, a day apart, and one of another address; a run over them."""
    for name, email in (("First", "Ada@example.com"), ("Second", "ada@example.com"), ("Third", "ADA@example.com ")):
        world.salesforce.post("load", {"Contact": [contact(email, name)]})
        world.clock.advance(86_400)
    world.salesforce.post("load", {"Contact": [contact("unique@example.com", "Alone")]})
    second = next(each for each in world.salesforce.get("records/Contact") if each["LastName"] == "Second")
    world.wired.salesforce("crm").update("Contact", [{"Id": second["Id"], "Title": "Changed last"}])
    world.clock.advance(3600)
    return world.ran()


@pytest.mark.cap("S08")
def test_importing_everything_processes_every_row_in_source_order(build: Build) -> None:
    """Of three rows of one key one creates and two update the same person; the last row's values stay."""
    world = build()

    run = thrice(world)

    assert (run.step, run.pulled, run.totals) == (Step.DONE, 4, Totals(created=2, updated=2))
    assert world.leads()["Ada@example.com"]["lastName"] == "Third"


@pytest.mark.cap("S09", "S10", "S11")
@pytest.mark.parametrize(
    ("rule", "kept"), [("ignore_duplicates", set()), ("youngest", {"Second"}), ("oldest", {"First"})]
)
def test_a_rule_imports_the_row_that_it_names_and_counts_the_others(build: Build, rule: str, kept: set[str]) -> None:
    """None of the three, the one changed last, the one made first; unique keys always; the others are listed."""
    world = build(dedupe=rule)

    run = thrice(world)

    duplicates = 3 - len(kept)
    assert run.totals == Totals(created=1 + len(kept), duplicate=duplicates)
    assert run.totals.rows == run.pulled == 4
    assert {lead["lastName"] for lead in world.leads().values()} == kept | {"Alone"}
    left_out = [line for line in world.results().values() if line["outcome"] == "duplicate"]
    assert len(left_out) == duplicates
    assert all(rule in line["message"] for line in left_out)


@pytest.mark.cap("S12")
@pytest.mark.parametrize("rule", ["youngest", "oldest"])
def test_of_equal_dates_the_lowest_id_wins_on_every_run(build: Build, rule: str) -> None:
    """Contacts of one load bear one instant: the same one of them is chosen by each run, whatever else comes."""
    world = build(dedupe=rule)
    world.salesforce.post("load", {"Contact": [contact("tie@example.com", f"Name {each}") for each in range(5)]})
    world.clock.advance(3600)
    records = world.salesforce.get("records/Contact")
    assert len({each["CreatedDate"] for each in records}) == 1
    lowest = min(records, key=lambda each: str(each["Id"]))

    first, second = world.ran(), world.again()

    assert first.totals == Totals(created=1, duplicate=4)
    assert second.totals == Totals(unchanged=1, duplicate=4)
    assert world.leads()["tie@example.com"]["lastName"] == lowest["LastName"]


@pytest.mark.cap("S13", "S14", "S15")
@pytest.mark.parametrize(
    ("rule", "totals", "reason"),
    [
        ("create", Totals(created=2, skipped=1), "already_there"),
        ("update", Totals(updated=1, skipped=2), "not_there"),
        ("create_and_update", Totals(created=2, updated=1), None),
    ],
)
def test_an_import_rule_writes_what_it_says_and_skips_the_rest_with_the_reason(
    build: Build, rule: str, totals: Totals, reason: str | None
) -> None:
    """New keys, existing keys, or both, counted apart; what is skipped says why and is as it was."""
    world = build(import_rule=rule)
    world.marketo.post("load", {"leads": [{"email": "known@example.com", "lastName": "Before"}]})
    names = ["known", "new1", "new2"]
    world.salesforce.post("load", {"Contact": [contact(f"{name}@example.com", "After") for name in names]})
    world.clock.advance(3600)

    run = world.ran()

    assert run.totals == totals
    assert {line["reason"] for line in world.results().values() if line["outcome"] == "skipped"} == (
        {reason} if reason else set()
    )
    leads = world.leads()
    assert ("new1@example.com" in leads) is (rule != "update")
    assert leads["known@example.com"]["lastName"] == ("Before" if rule == "create" else "After")


@pytest.mark.cap("S19", "M003")
def test_mappings_land_after_their_transforms_and_only_what_the_filter_lets_through(build: Build) -> None:
    """Every mapping's value is in its field, in its type; what the conditions refuse is never pushed."""
    world = build(
        mappings=[
            {"to": "email", "column": "Email", "transforms": [{"type": "case", "to": "lower"}]},
            {"to": "lastName", "template": "{{ LastName }} ({{ Department }})"},
            {"to": "title", "column": "Title", "blank": "default", "default": "None given"},
            {"to": "company", "static": "Example"},
        ],
        conditions={"clauses": [{"column": "Department", "operator": "equals", "value": "Sales"}]},
    )
    world.salesforce.post(
        "load",
        {
            "Contact": [
                contact("Ada@Example.com", "Lovelace", Department="Sales", Title="Countess"),
                contact("grace@example.com", "Hopper", Department="sales"),
                contact("alan@example.com", "Turing", Department="Research"),
            ]
        },
    )
    world.clock.advance(3600)

    run = world.ran()

    assert (run.pulled, run.totals) == (2, Totals(created=2))
    held = {lead["email"]: (lead["lastName"], lead["title"], lead["company"]) for lead in world.leads().values()}
    assert held == {
        "ada@example.com": ("Lovelace (Sales)", "Countess", "Example"),
        "grace@example.com": ("Hopper (sales)", "None given", "Example"),
    }
    apply = ApplyConfiguration(configurations=world.documents, connect=lambda _: world.wired, clock=world.clock)
    wrong = a_sync_document(mappings=[MAPPED[0], {"to": "numberOfEmployees", "column": "HasOptedOutOfEmail"}])
    [finding] = apply.plan([Given(raw=wrong)]).findings
    assert (finding.pointer, finding.what) == (
        "/mappings/1/column",
        "gives true/false, and numberOfEmployees takes a number",
    )


def test_records_of_a_custom_object_become_contacts(build: Build) -> None:
    """They are read by extracts of what changed, from the first person on; each value lands."""
    world = build(
        source={"connection": "marketing", "object": "car"},
        destination={"connection": "crm", "object": "Contact"},
        match=[{"column": "vin", "field": "External_Key__c"}],
        mappings=[{"to": "External_Key__c", "column": "vin"}, {"to": "LastName", "column": "owner"}],
    )
    fields = [
        {"name": "vin", "displayName": "VIN", "dataType": "string", "isDedupeField": True},
        {"name": "owner", "displayName": "Owner", "dataType": "string"},
    ]
    link = {"name": "who", "displayName": "Who", "dataType": "link", "relatedTo": {"name": "lead", "field": "id"}}
    world.people(1)
    [lead] = world.leads().values()
    world.marketo.post(
        "load",
        {
            "customObjectTypes": [
                {"apiName": "car", "displayName": "Car", "fields": [*fields, link]},
                {"apiName": "boat", "displayName": "Boat", "fields": fields},
            ],
            "car": [{"vin": f"VIN-{each}", "owner": f"Owner {each}", "who": lead["id"]} for each in range(3)],
        },
    )
    world.clock.advance(3600)

    run = world.ran()

    assert (run.step, run.pulled, run.totals) == (Step.DONE, 3, Totals(created=3)), run.message
    held = {each["External_Key__c"]: each["LastName"] for each in world.salesforce.get("records/Contact")}
    assert held == {f"VIN-{number}": f"Owner {number}" for number in range(3)}
    apply = ApplyConfiguration(configurations=world.documents, connect=lambda _: world.wired, clock=world.clock)
    document = as_document(world.sync)
    assert apply.plan([Given(raw=document)], thorough=True).findings == []
    boat = document | {"source": {"connection": "marketing", "object": "boat"}}
    assert [each.pointer for each in apply.plan([Given(raw=boat)]).findings] == ["/source/object"]


def test_members_of_a_program_become_contacts(build: Build) -> None:
    """They are read by one extract; the membership's own fields are columns."""
    world = build(
        source={"connection": "marketing", "object": "program_members", "program": 1001},
        destination={"connection": "crm", "object": "Contact"},
        match=[{"column": "leadId", "field": "External_Key__c"}],
        mappings=[{"to": "External_Key__c", "column": "leadId"}, {"to": "LastName", "column": "statusName"}],
    )
    world.people(2)
    ids = [int(lead["id"]) for lead in world.leads().values()]
    world.marketo.post("load", {"programs": [{"id": 1001, "name": "Webinar", "type": "Event", "channel": "Webinar"}]})
    members = [{"programId": 1001, "leadId": each, "statusName": "Registered"} for each in ids]
    world.marketo.post("load", {"programMembers": members})
    world.clock.advance(3600)

    run = world.ran()

    assert (run.step, run.pulled, run.totals) == (Step.DONE, 2, Totals(created=2)), run.message
    held = {each["External_Key__c"]: each["LastName"] for each in world.salesforce.get("records/Contact")}
    assert held == {str(each): "Registered" for each in ids}


@pytest.mark.pain("P10")
@pytest.mark.parametrize(
    ("policy", "totals", "contacts"),
    [
        ("block", Totals(failed=12), 12),
        ("allow", Totals(created=12), 24),
        ("use_match", Totals(updated=12), 12),
    ],
)
def test_what_the_orgs_duplicate_rule_finds_is_as_the_sync_says(
    build: Build, policy: str, totals: Totals, contacts: int
) -> None:
    """The org's rule finds Contacts by address while the Sync looks by another field; more than a call names."""
    plain: Any = TO_SALESFORCE["mappings"]
    world = build(
        **TO_SALESFORCE
        | {
            "destination": {"connection": "crm", "object": "Contact", "duplicate_rules": policy},
            "match": [{"column": "id", "field": "External_Key__c"}],
            "mappings": [*plain, {"to": "External_Key__c", "column": "id"}],
        }
    )
    held = [{"LastName": "Before", "Email": f"person{number}@example.com"} for number in range(12)]
    world.salesforce.post("load", {"Contact": held})
    world.people(12)
    world.salesforce.post("limits", {"duplicate_rule_alert": True, "duplicate_rule_contacts": True})
    run = world.ran()

    assert run.totals == totals
    records = world.salesforce.get("records/Contact")
    assert len(records) == contacts
    assert sum(each["LastName"] == "Before" for each in records) == (0 if policy == "use_match" else 12)
    if policy == "use_match":
        assert world.again().totals == Totals(unchanged=12)
