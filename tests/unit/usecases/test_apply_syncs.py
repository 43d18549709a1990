"""Syncs are checked against both vendors and stored like every other document; only activation lets one run."""

from typing import Any

import pytest

from leadbridge.domain.clauses import ListDocument
from leadbridge.domain.connector import ConnectorAction, MarketoDestination
from leadbridge.domain.findings import Finding
from leadbridge.domain.lifecycle import DocumentState, Move
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.apply_configuration import ApplyConfiguration, Given, Plan
from tests.builders.actions import a_marketo_connection, a_salesforce_connection
from tests.builders.connectors import a_mail
from tests.builders.sync_ends import a_contact, leads
from tests.builders.syncs import a_sync_document
from tests.fakes.clock import NOON, SettableClock
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections
from tests.fakes.marketo import FakeMarketo
from tests.fakes.salesforce import FakeSalesforce


class Desk:
    """Where Syncs are planned and applied; both connections are there."""

    def __init__(self, contact: ObjectDescription | None = None) -> None:
        self.configurations = InMemoryConfigurations()
        self.clock = SettableClock()
        self.marketo = FakeMarketo(leads(), clock=self.clock)
        self.salesforce = FakeSalesforce(contact or a_contact())
        connections = FakeConnections(marketo={"marketing": self.marketo}, salesforce={"crm": self.salesforce})
        for each in (a_marketo_connection(id="marketing"), a_salesforce_connection(id="crm")):
            self.configurations.put(each)
        self.use_case = ApplyConfiguration(
            configurations=self.configurations, connect=lambda _: connections, clock=self.clock
        )

    def plan(self, *documents: Any, thorough: bool = False) -> Plan:
        """What applying the documents would do."""
        return self.use_case.plan([Given(raw=each) for each in documents], thorough=thorough)

    def apply(self, *documents: Any) -> None:
        """Apply the documents."""
        self.use_case.apply(self.plan(*documents), author="somebody", at=NOON)

    def findings(self, *documents: Any) -> list[tuple[str, str]]:
        """What is wrong with documents, which are refused for it: pointers and sentences."""
        plan = self.plan(*documents)
        assert plan.refused
        with pytest.raises(ConfigurationError):
            self.use_case.apply(plan, author="somebody", at=NOON)
        return [(each.pointer, _said(each)) for each in plan.findings]


def _said(finding: Finding) -> str:
    return f"{finding.what}; {finding.remedy}"


@pytest.mark.cap("S07", "S38")
def test_a_sync_is_stored_with_its_description_and_is_not_active() -> None:
    """The document comes back as it was given, description and all; it takes an activation to let it run."""
    desk = Desk()

    desk.apply(a_sync_document(description="Every customer, every night"))

    stored = desk.configurations.get("sync", "contacts-to-people")
    assert stored is not None
    assert (stored.state, stored.active) == (DocumentState.VALIDATED, False)
    assert getattr(stored.document, "description", "") == "Every customer, every night"
    with pytest.raises(ConfigurationError, match="has no trial; `leadbridge syncs preview` shows"):
        desk.configurations.move("sync", "contacts-to-people", Move.TRY)
    assert desk.configurations.move("sync", "contacts-to-people", Move.ACTIVATE) is DocumentState.ACTIVE


def test_a_plan_warns_of_fields_whose_changes_no_incremental_run_sees() -> None:
    """A Sync that reads changes is stored with a warning and the way out; one that reads everything needs none."""
    grade = FieldDescription(name="Grade__c", type="string", calculated=True, createable=False, updateable=False)
    desk = Desk(a_contact(Grade__c=grade))
    mappings = [{"to": "email", "column": "Email"}, {"to": "title", "column": "Grade__c"}]
    planned = desk.plan(a_sync_document(mappings=mappings, extraction="incremental"))
    assert planned.findings == []
    [line] = planned.warnings
    assert line == (
        "sync contacts-to-people: extraction: Salesforce works Grade__c of Contact out (a formula or a roll-up), and "
        "tells no change of it, so no run that reads changes sees it; let a second Sync read everything "
        "(`extraction: full`) as often as it matters"
    )
    assert desk.plan(a_sync_document(mappings=mappings, extraction="full")).warnings == []
    assert desk.plan(a_sync_document(extraction="incremental")).warnings == []


@pytest.mark.parametrize(
    ("clause", "why"),
    [
        ({"column": "CreatedDate", "operator": "in_last", "value": "7 days"}, "changes from day to day"),
        ({"column": "CreatedDate", "operator": "before", "value": "today"}, "changes from day to day"),
        ({"column": "CreatedDate", "operator": "between", "value": ["2026-01-01", "tomorrow"]}, "from day to day"),
        ({"column": "LastName", "operator": "in_list", "value": "competitors"}, "changes with the list"),
        ({"column": "CreatedDate", "operator": "before", "value": "2026-01-01"}, ""),
        ({"column": "LastName", "operator": "in", "value": ["King", "Byron"]}, ""),
    ],
)
def test_a_plan_warns_of_conditions_that_records_come_to_fulfil_as_time_passes(
    clause: dict[str, Any], why: str
) -> None:
    """A Sync that reads changes judges a record when it changes; one that reads everything needs no warning."""
    desk = Desk()
    desk.configurations.put(ListDocument(format=1, kind="list", id="competitors", name="Competitors", values=["Acme"]))
    conditions = {"clauses": [{"clauses": [clause]}]}
    planned = desk.plan(a_sync_document(conditions=conditions, extraction="incremental"))

    assert planned.findings == []
    assert len(planned.warnings) == bool(why)
    for line in planned.warnings:
        assert line.startswith("sync contacts-to-people: conditions.clauses[0].clauses[0]: who fulfils it ")
        assert why in line
        assert "let a second Sync read everything (`extraction: full`)" in line
    assert desk.plan(a_sync_document(conditions=conditions, extraction="full")).warnings == []


def test_a_plan_says_that_a_changed_sync_reads_everything_once() -> None:
    """Of one that ran and reads changes, which members make it carry something else; words, zone and guard do
    not, nor is it said of one that was never active or that reads everything anyway."""
    desk = Desk()
    wider = [{"to": "email", "column": "Email"}, {"to": "lastName", "template": "Dr. {{ LastName }}"}]
    desk.apply(a_sync_document(extraction="incremental"))
    assert desk.plan(a_sync_document(extraction="incremental", mappings=wider)).warnings == []

    desk.configurations.move("sync", "contacts-to-people", Move.ACTIVATE)
    [line] = desk.plan(a_sync_document(extraction="incremental", mappings=wider)).warnings
    assert line == (
        "sync contacts-to-people: the next run reads everything, since mappings has changed; what is the same already "
        "is not written"
    )
    other: dict[str, Any] = {
        "extraction": "incremental",
        "name": "Another",
        "guard": {"deletes": 1},
        "time_zone": "Europe/Berlin",
    }
    assert desk.plan(a_sync_document(**other)).warnings == []
    assert desk.plan(a_sync_document(extraction="full", mappings=wider)).warnings == []


@pytest.mark.cap("S06", "S18", "S20")
def test_a_blank_name_a_missing_member_and_a_field_mapped_twice_are_refused_together() -> None:
    """Nothing is stored until every required member is there, and each destination field is mapped once."""
    desk = Desk()
    twice = [{"to": "email", "column": "Email"}, {"to": "email", "column": "Title"}]

    assert desk.findings(a_sync_document(name="  ", match=None, destination={"connection": "marketing"})) == [
        ("/name", "is blank; give it a text"),
        ("/destination/object", "is missing; give it"),
        ("/match", "is missing; give it"),
    ]
    assert desk.findings(a_sync_document(mappings=twice)) == [
        ("/mappings", "email is mapped twice; keep one line for each field")
    ]
    assert desk.configurations.list("sync") == []


@pytest.mark.cap("S21")
def test_a_field_that_a_new_record_needs_is_asked_for_before_the_run() -> None:
    """What Describe says is required is mapped or has a value; a Sync that only updates needs nothing."""
    desk = Desk()
    lacking = a_sync_document(to_salesforce=True, mappings=[{"to": "Email", "column": "email"}])

    assert desk.findings(lacking) == [
        (
            "/mappings",
            "Contact.LastName is required to create a record; map it or give it a static value",
        )
    ]
    desk.apply(lacking | {"import": "update"})


@pytest.mark.cap("S36")
@pytest.mark.parametrize(
    ("schedule", "pointer"),
    [
        ({"every": {"minutes": 15}, "start": "2030-02-01T00:00", "end": "2030-01-01T00:00"}, "/schedule/end"),
        ({"every": {"minutes": 0}}, "/schedule/every/minutes"),
        ({"every": {"hours": -1}}, "/schedule/every/hours"),
        ({"once": "2020-01-01T00:00"}, "/schedule/once"),
    ],
)
def test_a_schedule_that_would_never_run_is_refused(schedule: dict[str, Any], pointer: str) -> None:
    """An end before the start, a frequency that is none, a time that is past: the finding names the member."""
    desk = Desk()

    assert [place for place, _ in desk.findings(a_sync_document(schedule=schedule))] == [pointer]


def test_a_time_that_was_to_come_when_it_was_stored_may_pass() -> None:
    """The Sync can be changed afterwards, as long as its schedule stays."""
    desk = Desk()
    once = {"once": NOON.replace(year=NOON.year + 1).isoformat()}
    desk.apply(a_sync_document(schedule=once))
    desk.clock.advance(2 * 366 * 86_400)

    desk.apply(a_sync_document(schedule=once, description="over"))

    assert [place for place, _ in desk.findings(a_sync_document(schedule={"once": "2020-01-01T00:00"}))] == [
        "/schedule/once"
    ]


def test_the_kind_of_a_connection_decides_the_vendor() -> None:
    """A connection that is not there, one of the same vendor, and one name for two are told apart."""
    desk = Desk()
    desk.configurations.put(a_salesforce_connection(id="twin"))
    desk.configurations.put(a_marketo_connection(id="twin"))

    assert desk.findings(a_sync_document(source={"connection": "nobody", "object": "Contact"})) == [
        ("/source/connection", "there is no connection nobody; apply its document, or choose another")
    ]
    assert desk.findings(a_sync_document(source={"connection": "marketing", "object": "leads"}))[0] == (
        "/destination/connection",
        "is of the same vendor as the source; choose one of the other",
    )
    assert desk.findings(a_sync_document(source={"connection": "twin", "object": "Contact"})) == [
        ("/source/connection", "twin is a connection of either vendor; give one of them another id")
    ]


def test_a_connection_that_is_disabled_cannot_be_named() -> None:
    """The finding says how to enable it."""
    desk = Desk()
    desk.configurations.move("salesforce_connection", "crm", Move.DEACTIVATE)

    assert desk.findings(a_sync_document()) == [
        ("/source/connection", "crm is disabled; `leadbridge connections enable crm`, or choose another")
    ]


def test_an_object_that_nobody_describes_is_told() -> None:
    """The vendor's own words stand between what is wrong and the remedy."""
    desk = Desk()

    [(pointer, said)] = desk.findings(a_sync_document(source={"connection": "crm", "object": "Kontact"}))

    assert pointer == "/source/object"
    assert said.startswith("cannot be described: ")
    assert said.endswith("correct its name, or give the integration user access to it")


def test_what_a_source_names_must_be_there() -> None:
    """Lists, programs and activity types are looked up by name or id; lists of conditions among the documents."""
    desk = Desk()
    desk.marketo.lists["Newsletter"] = (7, set())
    source = {"connection": "marketing", "object": "list_members", "static_list": "Newsletter"}
    desk.apply(a_sync_document(to_salesforce=True, source=source))
    asked = {"clauses": [{"column": "email", "operator": "in_list", "value": "friends"}]}

    assert desk.findings(a_sync_document(to_salesforce=True, source=source | {"static_list": "Newspaper"})) == [
        (
            "/source/static_list",
            "Marketo has no such static list, or several; correct it, or give the list's id",
        )
    ]
    assert desk.findings(a_sync_document(to_salesforce=True, conditions=asked)) == [
        ("/conditions/clauses/0/value", "there is no list friends; apply its document first")
    ]
    desk.configurations.put(ListDocument(kind="list", id="friends", name="Friends", values=["a@example.com"]))
    desk.apply(a_sync_document(to_salesforce=True, conditions=asked))


def test_a_zone_that_nobody_knows_is_the_only_finding() -> None:
    """Days and slots cannot be told without it."""
    assert Desk().findings(a_sync_document(time_zone="Europe/Berlim")) == [
        ("/time_zone", "there is no time zone Europe/Berlim; did you mean Europe/Berlin?")
    ]


def test_versions_of_a_sync_are_planned_and_compared() -> None:
    """A change is one line of the plan; the same document again changes nothing."""
    desk = Desk()
    desk.apply(a_sync_document())

    [changed] = desk.plan(a_sync_document(dedupe="oldest")).documents
    [same] = desk.plan(a_sync_document(), thorough=True).documents

    assert [each.line() for each in changed.differences] == ['~ /dedupe: "youngest" → "oldest"']
    assert same.effect.value == "nothing"


HANDED: dict[str, Any] = {
    "destination": {"connection": "marketing", "object": "action", "action": "connector"},
    "match": [{"column": "AnnualRevenue__c", "field": "id"}],
    "mappings": [{"to": "id", "column": "AnnualRevenue__c"}],
    "import_rule": "create",
}


def test_rows_are_handed_over_to_an_action_that_is_there() -> None:
    """The Action's columns are the destination's fields: what it reads may be mapped, and nothing else."""
    desk = Desk()
    action = a_mail(tokens=[{"to": "name", "column": "name"}])
    desk.configurations.put(action.model_copy(update={"destination": _to(action, "marketing")}))

    assert desk.plan(a_sync_document(**HANDED)).findings == []
    assert desk.findings(a_sync_document(**HANDED | {"mappings": [{"to": "nme", "column": "LastName"}]})) == [
        ("/mappings", "the Action connector knows the person by its column id; map it"),
        ("/match/0/field", "a new record would not be found again, as id is not mapped; map it, too"),
        (
            "/mappings/0/to",
            "Marketo's Action connector has no field nme; did you mean name?",
        ),
    ]


def test_what_an_action_cannot_do_with_rows_is_told_all_at_once() -> None:
    """Nothing is looked for, written back or taken back; the Action's own connection is named."""
    desk = Desk()
    desk.configurations.put(a_mail())
    wrong = HANDED | {
        "import_rule": "update",
        "writeback": [{"to": "Title", "static": "called"}],
        "duplicate_record_rule": {"choose": "newest", "order_by": "createdAt"},
    }
    said = dict(desk.findings(a_sync_document(**wrong)))

    assert {pointer: said[pointer] for pointer in ("/destination/connection", "/import", "/writeback")} == {
        "/destination/connection": "the Action connector goes to marketo-demo; name that, or choose another Action",
        "/import": "each row becomes a call, nothing is looked for; write `import: create`",
        "/writeback": "what becomes of a call is not known when the row is done; remove it",
    }
    assert "/duplicate_record_rule" in said


@pytest.mark.parametrize(
    ("destination", "pointer", "what"),
    [
        ({"object": "action"}, "/destination/action", "is missing, action needs it"),
        ({"object": "leads", "action": "connector"}, "/destination/action", "has no place with leads"),
        ({"object": "action", "action": "another"}, "/destination/action", "there is no connector Action another"),
    ],
)
def test_an_action_is_named_where_rows_are_handed_over(destination: dict[str, Any], pointer: str, what: str) -> None:
    """The member stands where it is needed and nowhere else, and names an Action that is there."""
    desk = Desk()
    document = a_sync_document(**HANDED | {"destination": {"connection": "marketing", **destination}})

    assert any(where == pointer and sentence.startswith(what) for where, sentence in desk.findings(document))


def _to(action: ConnectorAction, connection: str) -> MarketoDestination:
    return action.destination.model_copy(update={"connection": connection})
