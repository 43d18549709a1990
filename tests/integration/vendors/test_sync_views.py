"""View Query and Preview against both vendor twins: the query shown is the query run, and looking changes nothing."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from leadbridge.domain.action import as_document
from leadbridge.domain.source_query import LEAD_KEYS
from leadbridge.domain.sync import Sync
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given
from leadbridge.usecases.preview_sync import BUDGET, Preview, PreviewSync
from leadbridge.usecases.start_sync import vendor_of
from leadbridge.usecases.view_sync import Viewed, ViewSync
from tests.builders.syncs import a_sync
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_syncs import WiredSyncs
from tests.witness import Witness, witness

EVERY_LEAD = {"connection": "marketing", "object": "leads"}
LIST = {"connection": "marketing", "object": "list_members", "static_list": "Everybody"}
MAPPED = [
    {"to": "email", "column": "Email"},
    {"to": "lastName", "column": "LastName"},
    {"to": "title", "column": "Title", "blank": "clear"},
]
BACK = [{"to": "Email", "column": "email"}, {"to": "LastName", "column": "lastName"}]


class Seen(WiredSyncs):
    """A world whose clients go through witnesses."""

    def __init__(
        self, clients: Clients, marketo: Twin, salesforce: Twin, sync: Sync, witnesses: tuple[Witness, Witness]
    ) -> None:
        super().__init__(clients, marketo, salesforce, sync)
        self.to_marketo, self.to_salesforce = witnesses

    def view(self) -> ViewSync:
        """View Query, in a process of its own."""
        return ViewSync(
            documents=self.documents,
            runs=self.runs,
            vendors=self.vendors(),
            facts=self.facts(),
            vendor=partial(vendor_of, self.documents),
            clock=self.clock,
        )

    def viewed(self) -> Viewed:
        """What a run would ask now."""
        return self.view()(self.sync.id)

    def preview(self, document: Sync | None = None) -> Preview:
        """What a run would do now."""
        use_case = PreviewSync(view=self.view(), runs=self.runs, vendors=self.vendors())
        return use_case(self.sync.id, document=document)

    def change(self, **members: Any) -> None:
        """Apply another version of the Sync."""
        plain = self.sync.model_dump(mode="json", exclude_none=True) | members
        self.sync = Sync.model_validate(plain)
        self.documents.put(self.sync)

    def listed(self, count: int) -> None:
        """People, all of whom are in a list."""
        self.people(count)
        self.marketo.post("load", {"staticLists": [{"id": 1001, "name": "Everybody"}]})
        ids = [int(lead["id"]) for lead in self.leads().values()]
        self.marketo.post("load", {"listMembers": [{"listId": 1001, "leadId": each} for each in ids]})


type Build = Callable[..., Seen]


@pytest.fixture
def build(clients: Clients, marketo: Twin, salesforce: Twin) -> Iterator[Build]:
    """Makes the world of a Sync whose vendors are reached through witnesses."""
    with ExitStack() as kept:
        announced = clients.announced
        pair = (
            kept.enter_context(witness(announced["marketo_url"])),
            kept.enter_context(witness(announced["salesforce_url"])),
        )
        through = announced | {"marketo_url": pair[0].url, "salesforce_url": pair[1].url}
        own = replace(clients, announced=through)
        yield lambda **members: Seen(own, marketo, salesforce, a_sync(**members), pair)


def conditions(*clauses: tuple[str, str, Any], match: str = "all") -> dict[str, Any]:
    """A tree of clauses; None is no value."""
    return {
        "match": match,
        "clauses": [
            {"column": name, "operator": operator} | ({} if value is None else {"value": value})
            for name, operator, value in clauses
        ],
    }


HOSTILE = ("O'Hara", "50%", "a_b", "x' OR Id != null OR Id = '", '"quoted", twice', "Łukasz ✓", "back\\slash", "a,b")


@pytest.mark.cap("S26")
def test_the_query_is_shown_in_the_words_of_whoever_is_asked(build: Build) -> None:
    """SOQL at Salesforce, a filter of leads at Marketo, the filter of the job where a run would order an extract."""
    named = conditions(("LastName", "equals", "O'Hara"))
    page, job = (
        build(mappings=MAPPED, conditions=named, by={"extract": way}, id=f"by-{way}").viewed()
        for way in ("rest", "bulk")
    )
    keyed = build(
        to_salesforce=True,
        source=EVERY_LEAD,
        mappings=BACK,
        conditions=conditions(("email", "equals", "a@example.com")),
    ).viewed()
    world = build(to_salesforce=True, source=EVERY_LEAD, mappings=BACK, id="everybody")
    world.people(2)
    extract = world.viewed()
    world.to_marketo.asked.clear()
    world.ran()

    soql = "SELECT Id, SystemModstamp, CreatedDate, LastModifiedDate, Email, LastName, Title FROM Contact"
    assert page.query.soql == f"{soql} WHERE LastName = 'O\\'Hara' ORDER BY Id"
    assert page.request.startswith("GET /services/data/")
    assert job.query.soql == f"{soql} WHERE LastName = 'O\\'Hara'"
    assert json.loads(job.request.partition("\n")[2])["query"] == job.query.soql
    assert keyed.request.startswith("GET /rest/v1/leads.json?")
    assert {"filterType=email", "filterValues=a%40example.com"} <= set(keyed.request.partition("?")[2].split("&"))
    [window] = extract.query.filters
    assert set(window) == {"createdAt"}
    assert json.loads(extract.request.partition("\n")[2])["filter"] == window
    [ordered] = world.to_marketo.about("/bulk/v1/leads/export/create.json")
    assert ordered == extract.request


@pytest.mark.cap("S27")
@pytest.mark.parametrize("hostile", HOSTILE[3:6])
def test_the_query_shown_is_the_first_request_that_salesforce_receives(build: Build, hostile: str) -> None:
    """Byte for byte, whatever the filter's value holds; it finds exactly the Contact of that name."""
    by_rest = {"extract": "rest"}  # otherwise the rows are counted first
    world = build(mappings=MAPPED, by=by_rest, conditions=conditions(("LastName", "equals", hostile)))
    world.salesforce.post(
        "load",
        {"Contact": [{"Email": f"p{number}@example.com", "LastName": name} for number, name in enumerate(HOSTILE)]},
    )
    world.clock.advance(3600)

    shown = world.viewed()
    run = world.ran()

    queries = [each for each in world.to_salesforce.asked if "/query?q=" in each]
    assert queries[0] == shown.request
    assert shown.query.soql.startswith("SELECT Id, ")
    assert run.pulled == 1
    assert list(world.leads()) == [f"p{HOSTILE.index(hostile)}@example.com"]


@pytest.mark.cap("S27")
@pytest.mark.parametrize(
    ("source", "filtered", "path"),
    [
        (LIST, None, "/rest/v1/lists/"),
        (
            EVERY_LEAD,
            conditions(("email", "in", ["person1@example.com", "o'b+c&d%@example.com"])),
            "/rest/v1/leads.json",
        ),
    ],
)
def test_the_query_shown_is_the_first_request_that_marketo_receives(
    build: Build, source: dict[str, Any], filtered: dict[str, Any] | None, path: str
) -> None:
    """Members of a list and people named by their address: the same bytes, later pages differ in their token."""
    world = build(to_salesforce=True, source=source, mappings=BACK, conditions=filtered)
    world.listed(320)

    shown = world.viewed()
    world.ran()

    asked = [each for each in world.to_marketo.about(path) if each.startswith("GET")]
    assert asked[0] == shown.request
    if filtered is None:
        assert asked[1].startswith(shown.request)
        assert asked[1].removeprefix(shown.request).startswith("&nextPageToken=")
    assert "nextPageToken" in shown.query.cursor


@pytest.mark.cap("S27")
def test_the_window_shown_is_the_window_read(build: Build) -> None:
    """An incremental Sync shows the bounds that its run has: from the watermark to what the vendor covers."""
    world = build(mappings=MAPPED, extraction="incremental")
    world.contacts(3)
    world.ran()
    changed = {"Id": world.records()["person1@example.com"]["Id"], "Title": "New"}
    world.wired.salesforce("crm").update("Contact", [changed])
    world.clock.advance(3600)
    world.to_salesforce.asked.clear()

    shown = world.viewed()
    world.to_salesforce.asked.clear()
    world.ran(world.clock.now().strftime("%Y%m%dT%H%M%SZ"))

    queries = [each for each in world.to_salesforce.asked if "/query?q=" in each]
    assert queries[0] == shown.request
    assert "SystemModstamp >= " in shown.query.soql


#: rows of the filters' fixture: what of them differs
PROSPECTS: list[dict[str, Any]] = [
    {"Title": None, "Lead_Score__c": None, "Score_Date__c": None},
    {"Title": "CEO", "Lead_Score__c": 1, "Score_Date__c": "2026-03-01"},
    {"Title": "Head of Sales", "Lead_Score__c": 2, "Score_Date__c": "2026-02-25"},
    {"Title": "100% off", "Lead_Score__c": 3.5, "Score_Date__c": "2026-01-01"},
    {"Title": "a_b", "Lead_Score__c": 10, "Score_Date__c": "2026-04-01"},
]
OPERATORS: list[tuple[str, str, Any, set[int]]] = [
    ("Title", "equals", "ceo", {1}),
    ("Title", "not_equals", "CEO", {0, 2, 3, 4}),
    ("Title", "contains", "00%", {3}),
    ("Title", "contains", "a_b", {4}),
    ("Title", "starts_with", "Head", {2}),
    ("Title", "in", ["CEO", "Head of Sales"], {1, 2}),
    ("Title", "is_empty", None, {0}),
    ("Title", "is_not_empty", None, {1, 2, 3, 4}),
    ("Lead_Score__c", "greater_than", 2, {3, 4}),
    ("Lead_Score__c", "at_least", 2, {2, 3, 4}),
    ("Lead_Score__c", "less_than", 2, {1}),
    ("Lead_Score__c", "at_most", 2, {1, 2}),
    ("Score_Date__c", "in_last", "1 week", {1, 2}),
    ("Score_Date__c", "after", "today", {4}),
]


#: of the fixture's columns, those of people
OF_PEOPLE = {"Title": "title", "Lead_Score__c": "leadScore", "Score_Date__c": "dateOfBirth"}


@pytest.mark.cap("S23")
@pytest.mark.parametrize("of_org", [True, False], ids=["salesforce", "marketo"])
def test_each_operator_returns_the_rows_that_it_names(build: Build, *, of_org: bool) -> None:
    """Equals to date relative: the rows that come are those of the fixture.

    Salesforce is asked each time; Marketo has no such filters, so that we ask them of each row, to the same end.
    """
    names = {each: each for each in OF_PEOPLE} if of_org else OF_PEOPLE
    email, rows = "Email" if of_org else "email", range(len(PROSPECTS))
    records = [
        {email: f"p{number}@example.com"} | {names[name]: value for name, value in PROSPECTS[number].items()}
        for number in rows
    ]
    if of_org:
        world = build(source={"connection": "crm", "object": "Lead"}, mappings=MAPPED)
        world.salesforce.post("load", {"Lead": [{"LastName": "x", "Company": "y"} | each for each in records]})
    else:
        world = build(to_salesforce=True, source=LIST, mappings=BACK)
        scored = [each | {"leadScore": each["leadScore"] and int(each["leadScore"])} for each in records]
        world.marketo.post("load", {"leads": [{"id": number + 1} | scored[number] for number in rows]})
        world.marketo.post("load", {"staticLists": [{"id": 1001, "name": "Everybody"}]})
        world.marketo.post("load", {"listMembers": [{"listId": 1001, "leadId": number + 1} for number in rows]})
    world.clock.advance(3600)
    found: dict[str, set[int]] = {}

    for column, operator, value, _ in OPERATORS:
        world.change(conditions=conditions((names[column], operator, value)))
        preview = world.preview()
        assert [each.at_source for each in preview.viewed.query.clauses] == [of_org]
        chosen = [row for row in preview.rows if row.reason != "condition_not_met"]
        found[f"{column} {operator} {value}"] = {int(row.columns[email][1]) for row in chosen}
        assert preview.total.rows == len(preview.rows) == (len(chosen) if of_org else len(rows))

    assert found == {f"{column} {operator} {value}": rows for column, operator, value, rows in OPERATORS}


@pytest.mark.cap("S22")
@pytest.mark.parametrize("of_org", [True, False], ids=["salesforce", "marketo"])
def test_every_column_of_a_source_can_be_asked_about(build: Build, *, of_org: bool) -> None:
    """Each column is asked of the vendor where it can filter by it; else we ask, and the query says so with the reason.

    A column that the source does not have is refused as the Sync is saved.
    """
    world = build(mappings=MAPPED) if of_org else build(to_salesforce=True, source=EVERY_LEAD, mappings=BACK)
    described = (
        world.wired.salesforce("crm").describe("Contact") if of_org else world.wired.marketo("m").describe_leads()
    )
    columns = {name: each for name, each in described.fields.items() if each.type not in {"address", "location"}}
    by_vendor = {name for name, each in columns.items() if each.filterable} if of_org else columns.keys() & LEAD_KEYS
    # of several keys of people one is enough to ask by
    trees = [list(columns)] if of_org else [[name] for name in by_vendor] + [list(columns.keys() - by_vendor)]
    told: dict[str, tuple[bool, str]] = {}

    for names in trees:
        operator, value = ("is_not_empty", None) if of_org else ("equals", "1")
        world.change(conditions=conditions(*((name, operator, value) for name in names)))
        told |= {
            name: (each.at_source, each.why) for name, each in zip(names, world.viewed().query.clauses, strict=True)
        }
    apply = ApplyConfiguration(configurations=world.documents, connect=lambda _: world.wired, clock=world.clock)
    unknown = as_document(world.sync) | {"conditions": conditions(("Nobody__x", "equals", "1"))}
    [finding] = apply.plan([Given(raw=unknown)]).findings

    assert len(told) > 20
    assert {name for name, (at_source, _) in told.items() if at_source} == by_vendor
    vendor = "Salesforce cannot filter by {}" if of_org else "Marketo has no filter for {} here"
    assert all(why == vendor.format(name) for name, (at_source, why) in told.items() if not at_source)
    assert any(not at_source for at_source, _ in told.values())
    assert finding.pointer.startswith("/conditions/clauses/0")
    assert "has no field Nobody__x" in finding.line()


@pytest.mark.cap("S25")
def test_what_a_source_cannot_filter_is_asked_by_us_and_told(build: Build) -> None:
    """Two filters hold together, as the query shows; one that Marketo does not have is ours, and the rows say so."""
    both = conditions(("email", "starts_with", "person1"), ("lastName", "contains", '"1'))
    world = build(to_salesforce=True, source=LIST, mappings=BACK, conditions=both)
    world.listed(12)

    preview = world.preview()
    run = world.ran()

    assert [(each.at_source, each.why) for each in preview.viewed.query.clauses] == [
        (False, "Marketo has no filter for email here"),
        (False, "Marketo has no filter for lastName here"),
    ]
    chosen = [row.columns["email"] for row in preview.rows if row.outcome == "created"]
    assert sorted(chosen) == ["person10@example.com", "person11@example.com", "person1@example.com"]
    assert {row.reason for row in preview.rows if row.outcome != "created"} == {"condition_not_met"}
    assert (run.pulled, run.totals.created, run.totals.skipped) == (12, 3, 9)
    there = build(mappings=MAPPED, conditions=conditions(("Title", "equals", "x"), ("LastName", "equals", "y")))
    assert "WHERE (Title = 'x' AND LastName = 'y') ORDER BY" in there.viewed().query.soql


@pytest.mark.cap("S24")
def test_a_value_is_never_more_than_a_value(build: Build) -> None:
    """Quotes, commas, per cent signs, Unicode and an attempt at injection find what is called so, and nothing else."""
    world = build(mappings=MAPPED)
    world.salesforce.post(
        "load",
        {"Contact": [{"Email": f"p{number}@example.com", "LastName": name} for number, name in enumerate(HOSTILE)]},
    )

    for operator in ("equals", "contains"):
        for hostile in HOSTILE:
            world.change(conditions=conditions(("LastName", operator, hostile)))
            preview = world.preview()
            assert [row.columns["LastName"] for row in preview.rows] == [hostile]
            assert preview.total.rows == 1


@pytest.mark.cap("S29")
@pytest.mark.parametrize("to_salesforce", [False, True])
@pytest.mark.parametrize("deletes", ["ignore", "delete"])
def test_a_preview_of_an_incremental_sync_writes_nowhere_and_moves_no_watermark(
    build: Build, deletes: str, *, to_salesforce: bool
) -> None:
    """After a run both systems, the lease and both watermarks stand; a preview of what changed leaves all as it is."""
    keyed = {"mappings": [*BACK, {"to": "Title", "column": "id"}], "match": [{"column": "id", "field": "Title"}]}
    back = {"to_salesforce": True, "source": EVERY_LEAD} | keyed
    world = build(extraction="incremental", deletes=deletes, **(back if to_salesforce else {"mappings": MAPPED}))
    world.people(3) if to_salesforce else world.contacts(3)
    assert world.ran().totals.created == 3
    if to_salesforce:
        lead = {"email": "person1@example.com", "lastName": "Renamed"}
        world.wired.marketo("marketing").sync_leads([lead], action="updateOnly", lookup_field="email")
    else:
        known = world.records()["person1@example.com"]["Id"]
        world.wired.salesforce("crm").update("Contact", [{"Id": known, "LastName": "Renamed"}])
    world.clock.advance(3600)

    def state() -> tuple[Any, ...]:
        held = [world.marketo.get("records/leads"), world.salesforce.get("records/Contact")]
        return (*held, world.runs.standing(world.sync.id), world.runs.runs(world.sync.id, 9), world.keys.held)

    before = state()
    for each in (world.to_marketo, world.to_salesforce):
        each.asked.clear()
    preview = world.preview()

    assert preview.rows
    assert state() == before
    assert before[2].watermark is not None
    calls = [each.partition("\n")[0] for each in (*world.to_marketo.asked, *world.to_salesforce.asked)]
    assert calls
    assert [each for each in calls if not each.startswith("GET ") and "/oauth" not in each] == []


@pytest.mark.cap("S28")
def test_preview_counts_what_a_run_pulls_and_touches_nothing(build: Build) -> None:
    """On a frozen source the count is the run's; the rows show what the run then does; nothing was written by it."""
    world = build(mappings=MAPPED, conditions=conditions(("LastName", "is_not_empty", None)))
    world.contacts(30)
    world.marketo.post("load", {"leads": [{"email": "person3@example.com", "lastName": "Other"}]})
    held, standing = world.leads(), world.runs.standing(world.sync.id)
    writes = len(world.marketo.get("log?since=0"))

    preview = world.preview()

    assert (preview.total.rows, preview.total.exact) == (30, True)
    assert world.leads() == held
    assert world.runs.standing(world.sync.id) == standing
    made = world.marketo.get("log?since=0")[writes:]
    assert {each["method"] for each in made if not each["path"].startswith(("/_sim", "/identity"))} <= {"GET"}
    assert {line.split(" ")[0] for line in world.to_salesforce.asked if "/data/" in line} == {"GET"}
    assert 0 < preview.calls <= BUDGET
    run = world.ran()
    assert run.pulled == preview.total.rows
    outcomes = {row.columns["Email"]: row.outcome for row in preview.rows}
    assert len(outcomes) == 20
    assert outcomes.pop("person3@example.com") == "updated"
    assert set(outcomes.values()) == {"created"}
    assert (run.totals.created, run.totals.updated) == (29, 1)
    [changed] = [row for row in preview.rows if row.outcome == "updated"]
    after = world.leads()["person3@example.com"]
    assert {each.name: each.after for each in changed.fields} == {
        each.name: after.get(each.name) for each in changed.fields
    }
    assert {each.before for each in changed.fields if each.name == "lastName"} == {"Other"}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("import_everything", ["created", "updated", "created", "unchanged"]),
        ("ignore_duplicates", ["duplicate", "duplicate", "created", "duplicate"]),
        ("youngest", ["duplicate", "created", "created", "duplicate"]),
        ("oldest", ["created", "duplicate", "created", "duplicate"]),
    ],
)
def test_a_preview_goes_by_the_dedupe_rule_as_the_run_does(build: Build, rule: str, told: list[str]) -> None:
    """Of three rows of one key, in any case, and another: each is told to become what the run then counts."""
    world = build(mappings=MAPPED[:2], dedupe=rule)
    for number, (email, name) in enumerate(
        [("trio@example.com", "First"), ("TRIO@example.com", "Second"), ("one@example.com", "Alone")]
    ):
        world.salesforce.post("load", {"Contact": [{"Email": email, "LastName": name}]})
        world.clock.advance(60 * (number + 1))
    world.salesforce.post("load", {"Contact": [{"Email": "trio@example.com", "LastName": "Second"}]})
    if rule == "youngest":
        [second] = [each for each in world.salesforce.get("records/Contact") if each["Email"].startswith("TRIO")]
        world.clock.advance(60)
        world.wired.salesforce("crm").update("Contact", [{"Id": second["Id"], "LastName": "Second"}])

    rows = world.preview().rows
    run = world.ran()

    assert [row.outcome for row in rows] == told
    assert {name: getattr(run.totals, name) for name in set(told)} == Counter(told)


@pytest.mark.cap("S28")
def test_people_are_counted_exactly_where_marketo_lists_them_and_estimated_elsewhere(build: Build) -> None:
    """A list gives the number; of all people it is an estimate that says on what it stands and what exactness costs."""
    world = build(to_salesforce=True, source=LIST, mappings=BACK)
    world.listed(310)

    listed, run = world.preview().total, world.ran()
    world.change(source=EVERY_LEAD)
    newest = {"email": "person309@example.com", "lastName": "Renamed"}
    world.wired.marketo("marketing").sync_leads([newest], action="updateOnly", lookup_field="email")
    world.clock.advance(3600)
    estimated = world.preview()

    assert (listed.rows, listed.exact) == (310, True)
    assert run.pulled == 310
    assert not estimated.total.exact
    assert estimated.total.basis.startswith("Marketo gives ids in order")
    assert estimated.total.rows == int(world.leads()["person309@example.com"]["id"])
    assert estimated.rows[0].columns["email"] == "person0@example.com"
    assert estimated.total.exact_cost is not None
    assert estimated.total.exact_cost.job_slots == len(estimated.viewed.query.filters) > 0
    assert estimated.viewed.choice.way == "bulk"
    assert estimated.calls <= BUDGET


@pytest.mark.cap("S30")
def test_an_edit_is_previewed_and_then_saved(build: Build) -> None:
    """Mappings that are added or corrected show their effect before they are stored, and the run obeys them after."""
    world = build(mappings=MAPPED[:2])
    world.contacts(2)
    edited = world.sync.model_copy(update={"mappings": a_sync(mappings=MAPPED).mappings})

    before = world.preview()
    after = world.preview(document=edited)
    world.change(mappings=MAPPED)
    world.ran()

    names = [{each.name for row in found.rows for each in row.fields} for found in (before, after)]
    assert names == [{"email", "lastName"}, {"email", "lastName", "title"}]
    assert [each.get("title") for each in world.leads().values()] == ["Head of ✓ 0", "Head of ✓ 1"]
