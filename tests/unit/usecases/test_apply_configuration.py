"""Documents are checked against both vendors and stored, all findings at once."""

import copy
from datetime import UTC, datetime
from typing import Any

import pytest

from leadbridge.domain.findings import Finding
from leadbridge.domain.kinds import KINDS
from leadbridge.domain.lifecycle import Change, DocumentState, Move
from leadbridge.errors import AuthenticationError, ConfigurationError
from leadbridge.ports import Documents
from leadbridge.usecases.apply_configuration import Applied, ApplyConfiguration, Effect, Given, Plan, explain
from tests.builders.actions import ACTION, MARKETO, SALESFORCE, an_action_document
from tests.builders.descriptions import a_result_activity, a_salesforce_lead, marketo_leads
from tests.fakes.configurations import InMemoryConfigurations
from tests.fakes.connections import FakeConnections
from tests.fakes.marketo import FakeMarketo
from tests.fakes.salesforce import FakeSalesforce

CONNECTIONS: list[dict[str, Any]] = [
    {
        "kind": "marketo_connection",
        "id": MARKETO,
        "name": "Marketo",
        "base_url": "https://123-ABC-456.mktorest.com",
    },
    {
        "kind": "salesforce_connection",
        "id": SALESFORCE,
        "name": "Salesforce",
        "token_host": "https://login.salesforce.com",
        "client_id": "consumer-key",
        "username": "integration@example.com",
    },
]


NOW = datetime(2030, 4, 5, 6, 7, tzinfo=UTC)
MENDED = {"column": "email", "field": "Email"}
BROKEN = {"column": "email", "field": "Emial"}


class Desk:
    """Where documents are planned and applied."""

    def __init__(self, status: str = "approved") -> None:
        self.configurations = InMemoryConfigurations()
        self.marketo = FakeMarketo(marketo_leads(), a_result_activity(status=status))
        self.salesforce = FakeSalesforce(a_salesforce_lead())
        #: what each plan looked connections up in
        self.documents: list[Documents] = []
        self.use_case = ApplyConfiguration(configurations=self.configurations, connect=self._connect)

    def _connect(self, documents: Documents) -> FakeConnections:
        self.documents.append(documents)
        return FakeConnections(marketo={MARKETO: self.marketo}, salesforce={SALESFORCE: self.salesforce})

    def plan(self, *documents: Any, draft: bool = False, thorough: bool = False) -> Plan:
        """What applying the documents would do."""
        return self.use_case.plan([Given(raw=each) for each in documents], draft=draft, thorough=thorough)

    def apply(self, *documents: Any, draft: bool = False, note: str = "") -> list[Applied]:
        """Apply the documents."""
        return self.use_case.apply(self.plan(*documents, draft=draft), author="somebody", at=NOW, note=note)

    def findings(self, *documents: Any) -> list[Finding]:
        """What is wrong with the documents, which are refused for it."""
        plan = self.plan(*documents)
        with pytest.raises(ConfigurationError) as caught:
            self.use_case.apply(plan, author="somebody", at=NOW)
        assert caught.value.findings == tuple(finding.line() for finding in plan.findings)
        return list(plan.findings)

    def stored(self) -> dict[str, int]:
        """Every stored document with its version."""
        return {each.document.id: each.version for kind in KINDS for each in self.configurations.list(kind)}


def effects(plan: Plan) -> dict[str, str]:
    """What a plan does to each document."""
    return {each.document.id: each.effect.value for each in plan.documents}


def test_sound_documents_are_stored_inactive() -> None:
    """Connections and an Action in one go are stored as version 1 with who and when, the Action validated."""
    desk = Desk()

    applied = desk.apply(an_action_document(), *CONNECTIONS, note="first")

    assert [(item.stored.version, item.changed) for item in applied] == [(1, True)] * 3
    stored = desk.configurations.get("action", ACTION)
    assert stored is not None
    assert (stored.active, stored.state) == (False, DocumentState.VALIDATED)
    assert stored.change == Change(author="somebody", at=NOW, note="first")


def test_a_plan_writes_nothing_and_applying_does_what_it_says() -> None:
    """A plan names what is created, changed and unchanged, with what differs; only applying it stores anything."""
    desk = Desk()
    desk.apply(*CONNECTIONS, an_action_document())

    documents = [*CONNECTIONS, an_action_document(name="Renamed"), an_action_document(id="second")]
    plan = desk.plan(*documents)

    assert effects(plan) == {MARKETO: "nothing", SALESFORCE: "nothing", ACTION: "change", "second": "create"}
    [changed] = [each for each in plan.documents if each.document.id == ACTION]
    assert [each.line() for each in changed.differences] == ['~ /name: "Person to Lead" → "Renamed"']
    assert desk.stored() == {MARKETO: 1, SALESFORCE: 1, ACTION: 1}
    applied = desk.use_case.apply(plan, author="somebody", at=NOW)
    assert [(each.stored.document.id, each.changed) for each in applied] == [
        (each.document.id, each.effect is not Effect.NOTHING) for each in plan.documents
    ]
    assert effects(desk.plan(*documents)) == dict.fromkeys([MARKETO, SALESFORCE, ACTION, "second"], "nothing")


def test_an_action_is_checked_through_connections_that_are_not_stored_yet() -> None:
    """What the clients are built from holds the planned connections, as the versions they would become."""
    desk = Desk()
    desk.apply(*CONNECTIONS)

    desk.plan({**CONNECTIONS[0], "name": "Renamed"}, CONNECTIONS[1], {**CONNECTIONS[0], "id": "new"})

    found = [desk.documents[-1].get("marketo_connection", name) for name in (MARKETO, "new")]
    assert [(each.document.name, each.version, each.active) for each in found if each] == [
        ("Renamed", 2, True),
        ("Marketo", 1, True),
    ]
    unchanged = desk.documents[-1].get("salesforce_connection", SALESFORCE)
    assert unchanged == desk.configurations.get("salesforce_connection", SALESFORCE)


def test_what_somebody_else_stored_since_the_plan_is_not_replaced() -> None:
    """A plan made before somebody else's change is refused when it is applied, and theirs stays."""
    desk = Desk()
    desk.apply(*CONNECTIONS, an_action_document())
    plan = desk.plan(an_action_document(name="Ours"))
    desk.apply(an_action_document(name="Theirs"))

    with pytest.raises(ConfigurationError, match="became version 2 meanwhile"):
        desk.use_case.apply(plan, author="somebody", at=NOW)

    current = desk.configurations.get("action", ACTION)
    assert current is not None
    assert current.document.name == "Theirs"


def test_unchanged_actions_are_only_checked_when_asked() -> None:
    """An Action that applying leaves alone costs no vendor call; a thorough look finds what became wrong meanwhile."""
    desk = Desk()
    desk.apply(*CONNECTIONS, an_action_document())
    calls = len(desk.salesforce.trouble.calls)

    assert desk.plan(an_action_document()).findings == []
    assert len(desk.salesforce.trouble.calls) == calls

    desk.marketo = FakeMarketo(marketo_leads())  # somebody deleted the activity type
    assert desk.plan(an_action_document(), thorough=True).findings


def test_an_older_version_comes_back_as_a_new_one() -> None:
    """A rollback makes version 3 out of version 1, text and all, after the same checks; the history keeps all three."""
    desk = Desk()
    desk.apply(*CONNECTIONS)
    first = Given(raw=an_action_document(), text="# first\n")
    desk.use_case.apply(desk.use_case.plan([first]), author="somebody", at=NOW)
    desk.apply(an_action_document(name="Worse"))

    plan = desk.use_case.plan_rollback("action", ACTION, 1)
    [applied] = desk.use_case.apply(plan, author="somebody", at=NOW, note="Rollback to version 1")

    old = desk.configurations.get("action", ACTION, 1)
    assert old is not None
    assert (applied.stored.version, applied.stored.document) == (3, old.document)
    assert applied.stored.change == Change(author="somebody", at=NOW, note="Rollback to version 1", text="# first\n")
    assert len(desk.configurations.versions("action", ACTION)) == 3
    assert effects(desk.use_case.plan_rollback("action", ACTION, 3)) == {ACTION: "nothing"}


def test_an_older_version_that_is_not_sound_any_more_is_refused() -> None:
    """A rollback to a version whose field is gone stores nothing; a version that never was is told as such."""
    desk = Desk()
    desk.apply(*CONNECTIONS)
    desk.apply(an_action_document(identifier=BROKEN), draft=True)
    desk.apply(an_action_document())

    plan = desk.use_case.plan_rollback("action", ACTION, 1)

    assert plan.refused
    assert [finding.pointer for finding in plan.findings] == ["/identifier/field"]
    with pytest.raises(ConfigurationError, match=f"action {ACTION} has no version 7"):
        desk.use_case.plan_rollback("action", ACTION, 7)


def test_a_draft_is_stored_with_its_findings_and_leaves_that_state_when_it_is_sound() -> None:
    """As a draft an Action with findings is stored and said to be one; mended, or the same once the vendor has what it
    names, it is validated."""
    desk = Desk(status="draft")
    desk.apply(*CONNECTIONS)

    plan = desk.plan(an_action_document(), draft=True)
    [first] = desk.use_case.apply(plan, author="somebody", at=NOW)
    again = desk.plan(an_action_document(), draft=True)

    assert (plan.refused, [finding.pointer for finding in plan.findings]) == (False, ["/results/activity"])
    assert (first.stored.state, effects(again)) == (DocumentState.DRAFT, {ACTION: "nothing"})
    desk.marketo = FakeMarketo(marketo_leads(), a_result_activity())
    [second] = desk.apply(an_action_document())
    assert (second.stored.state, second.stored.version) == (DocumentState.VALIDATED, 2)


def test_an_active_action_takes_no_draft() -> None:
    """A version with findings is refused while the Action runs, and the plan says why."""
    desk = Desk()
    desk.apply(*CONNECTIONS, an_action_document())
    desk.configurations.move("action", ACTION, Move.ACTIVATE)

    plan = desk.plan(an_action_document(identifier=BROKEN), draft=True)

    assert plan.refused
    assert "deactivate it first" in plan.findings[-1].line()
    assert desk.stored()[ACTION] == 1


def test_applying_again_changes_nothing() -> None:
    """The same documents a second time make no new version."""
    desk = Desk()
    desk.apply(*CONNECTIONS, an_action_document())

    again = desk.apply(*CONNECTIONS, an_action_document())

    assert [(item.stored.version, item.changed) for item in again] == [(1, False)] * 3


def test_a_change_makes_a_version_and_keeps_the_activation() -> None:
    """A changed Action becomes version 2, stays active, and version 1 can still be read."""
    desk = Desk()
    desk.apply(*CONNECTIONS, an_action_document())
    desk.configurations.move("action", ACTION, Move.ACTIVATE)

    (applied,) = desk.apply(an_action_document(name="Renamed"))

    assert (applied.stored.version, applied.changed, applied.stored.active) == (2, True, True)
    first = desk.configurations.get("action", ACTION, 1)
    assert first is not None
    assert first.document.name == "Person to Lead"


@pytest.mark.cap("A57")
def test_an_action_without_activity_mapping_is_refused() -> None:
    """Saving an Action with zero custom activity mappings is refused, names the member, and stores nothing."""
    desk = Desk()
    document = copy.deepcopy(an_action_document())
    document["results"]["mappings"] = []

    findings = desk.findings(*CONNECTIONS, document)

    assert [finding.pointer for finding in findings] == ["/results/mappings"]
    assert desk.configurations.get("action", ACTION) is None


def test_all_findings_of_all_documents_come_together() -> None:
    """Two broken documents are told with all their findings at once, and nothing is stored."""
    desk = Desk()

    findings = desk.findings(*CONNECTIONS, an_action_document(name=" "), {"kind": "report", "id": "x"})

    assert {(finding.document, finding.pointer) for finding in findings} == {
        (f"action {ACTION}", "/name"),
        ("report x", "/kind"),
    }
    assert desk.stored() == {}


def test_one_unsound_action_keeps_everything_out() -> None:
    """Where one of two Actions names a field that is not there, nothing is stored, the connections neither."""
    desk = Desk()
    wrong = an_action_document(id="wrong", identifier=BROKEN)

    (finding,) = desk.findings(*CONNECTIONS, an_action_document(), wrong)

    assert (finding.document, finding.pointer) == ("action wrong", "/identifier/field")
    assert "did you mean Email?" in finding.line()
    assert desk.stored() == {}


def test_what_hangs_on_a_broken_document_is_not_told_beside_it() -> None:
    """An Action whose connection has a finding of its own gets none for that; others are checked all the same."""
    desk = Desk()
    nameless = {**CONNECTIONS[0], "name": ""}
    elsewhere = an_action_document(id="elsewhere", source={"connection": "nowhere"})

    findings = desk.findings(nameless, CONNECTIONS[1], an_action_document(), elsewhere)

    assert [(finding.document, finding.pointer) for finding in findings] == [
        (f"marketo_connection {MARKETO}", "/name"),
        ("action elsewhere", "/source/connection"),
    ]


def test_a_document_that_is_given_twice_is_refused() -> None:
    """Two documents of one kind and id in one go are a finding: which one was meant?"""
    (finding,) = Desk().findings(CONNECTIONS[0], {**CONNECTIONS[0], "name": "Other"})

    assert finding.line() == f"marketo_connection {MARKETO}: is given twice; keep one"


def test_a_document_that_is_too_large_to_be_stored_is_refused() -> None:
    """A text that does not fit beside its document into an item of the table is a finding, not an error of AWS."""
    desk = Desk()

    plan = desk.use_case.plan([Given(raw=CONNECTIONS[0], text="#" * 350_000)])

    assert plan.refused
    assert "more than 350000 bytes" in plan.findings[0].what


def test_unknown_connections_are_named() -> None:
    """An Action without its connections is refused with both of their names, asking neither vendor."""
    desk = Desk()

    findings = desk.findings(an_action_document())

    assert [finding.pointer for finding in findings] == ["/source/connection", "/destination/connection"]
    assert [MARKETO in findings[0].what, SALESFORCE in findings[1].what] == [True, True]
    assert all("apply its document" in finding.remedy for finding in findings)
    assert desk.salesforce.trouble.calls == []


def test_a_connection_of_the_other_vendor_is_none_of_this_one() -> None:
    """A Salesforce connection is no source and a Marketo connection no destination."""
    turned = an_action_document(
        source={"connection": SALESFORCE}, destination={"connection": MARKETO, "object": "Lead"}
    )

    findings = Desk().findings(*CONNECTIONS, turned)

    assert [finding.what for finding in findings] == [
        f"there is no Marketo connection {SALESFORCE}",
        f"there is no Salesforce connection {MARKETO}",
    ]


@pytest.mark.parametrize(
    ("kind", "name", "pointer"),
    [
        ("marketo_connection", MARKETO, "/source/connection"),
        ("salesforce_connection", SALESFORCE, "/destination/connection"),
    ],
)
def test_a_disabled_connection_is_named(kind: str, name: str, pointer: str) -> None:
    """An Action on a disabled connection is refused with the command that enables it; one that is stored already and
    does not change is left alone."""
    desk = Desk()
    desk.apply(*CONNECTIONS, an_action_document())
    desk.configurations.move(kind, name, Move.DEACTIVATE)

    (finding,) = desk.findings(an_action_document(name="Changed"))

    assert (finding.pointer, finding.what) == (pointer, f"{name} is disabled")
    assert f"`leadbridge connections enable {name}`" in finding.remedy
    assert effects(desk.plan(*CONNECTIONS, an_action_document())) == {
        MARKETO: "nothing",
        SALESFORCE: "nothing",
        ACTION: "nothing",
    }


@pytest.mark.parametrize("status", ["draft", "deleted"])
def test_an_activity_that_is_not_approved_is_refused(status: str) -> None:
    """A custom activity type that is there but not approved is refused with the remedy."""
    (finding,) = Desk(status=status).findings(*CONNECTIONS, an_action_document())

    assert "no approved custom activity type leadbridgeResult" in finding.what
    assert finding.remedy


@pytest.mark.parametrize("name", ["missing", "not a name"])
def test_an_activity_that_is_missing_is_refused(name: str) -> None:
    """A custom activity type that Marketo does not have, or cannot have, is refused and named."""
    results = an_action_document()["results"] | {"activity": name}

    (finding,) = Desk().findings(*CONNECTIONS, an_action_document(results=results))

    assert f"custom activity type {name}" in finding.what


def test_an_object_that_is_missing_is_refused() -> None:
    """A Salesforce object that the org does not have is a finding about the Action."""
    destination = {"connection": SALESFORCE, "object": "Laed"}

    (finding,) = Desk().findings(*CONNECTIONS, an_action_document(destination=destination))

    assert finding.line().startswith(f"action {ACTION}: /destination/object: cannot be described")


def test_connections_without_a_secret_are_named_both() -> None:
    """A connection that has no credentials yet is a finding about each Action that names it, with the command."""
    desk = Desk()
    for vendor, operation, name in (
        (desk.marketo, "describe_leads", MARKETO),
        (desk.salesforce, "describe", SALESFORCE),
    ):
        sentence = f"connection {name} has no secret; run: leadbridge connections secret {name}"
        vendor.trouble.fail(operation, ConfigurationError([sentence]))

    findings = desk.findings(*CONNECTIONS, an_action_document())

    assert [(finding.pointer, finding.remedy) for finding in findings] == [
        ("/source/connection", f"run: leadbridge connections secret {MARKETO}"),
        ("/destination/connection", f"run: leadbridge connections secret {SALESFORCE}"),
    ]
    assert desk.stored() == {}


def test_a_vendor_that_refuses_the_login_is_told_as_such() -> None:
    """A login that does not work is no finding about the Action, and stores no Action."""
    desk = Desk()
    desk.salesforce.trouble.fail("describe", AuthenticationError("refused", vendor="salesforce", code="invalid_grant"))

    with pytest.raises(AuthenticationError) as caught:
        desk.apply(*CONNECTIONS, an_action_document())

    assert explain(caught.value) == ["salesforce [invalid_grant]: refused"]
    assert desk.stored() == {}


def test_findings_are_lines_for_a_person() -> None:
    """A configuration error is explained finding by finding."""
    assert explain(ConfigurationError(["one", "two"])) == ["one", "two"]


def test_a_trial_names_a_list_that_is_there_and_goes_on_to_name_somebody() -> None:
    """A list that Marketo does not have, or that only looks alike, is a finding at its member; while an Action is on
    trial, or was when it was paused, a version that names nobody is refused, and afterwards it is not."""
    desk = Desk()
    desk.marketo.lists["Pilot group"] = (1001, {7})
    desk.apply(*CONNECTIONS, an_action_document(trial={"static_list": "Pilot group"}))
    [missing] = desk.findings(an_action_document(trial={"leads": [7], "static_list": "pilot group"}))
    assert (missing.pointer, missing.what) == (
        "/trial/static_list",
        "Marketo has no static list of this name, or several",
    )

    desk.configurations.move("action", ACTION, Move.TRY)
    for move in (Move.PAUSE, Move.RESUME):
        [nobody] = desk.findings(an_action_document())
        assert (nobody.pointer, nobody.what) == (
            "/trial",
            "is missing, and the Action is on trial: everybody would be skipped",
        )
        desk.configurations.move("action", ACTION, move)

    desk.configurations.move("action", ACTION, Move.ACTIVATE)
    assert not desk.plan(an_action_document()).findings


@pytest.mark.parametrize(
    ("trial", "pointer"),
    [
        ({}, "/trial"),
        ({"leads": []}, "/trial/leads"),
        ({"leads": [0]}, "/trial/leads/0"),
        ({"static_list": "One, two"}, "/trial/static_list"),
        ({"list": "Pilot group"}, "/trial/list"),
    ],
)
def test_a_trial_names_somebody_in_a_form_that_can_be_looked_up(trial: dict[str, Any], pointer: str) -> None:
    """Nobody, an id that cannot be one, and a name that Marketo would read as two are told at their member."""
    found = Desk().findings(*CONNECTIONS, an_action_document(trial=trial))

    assert pointer in {each.pointer for each in found}
