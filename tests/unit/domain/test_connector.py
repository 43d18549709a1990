"""Connector actions as documents: what each operation needs, what it refuses, and what shares a call."""

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from leadbridge.domain.connector import ConnectorAction, group_of, token_name
from leadbridge.domain.findings import read_document
from leadbridge.domain.lead_values import lead_coercion
from leadbridge.domain.operations import OPERATIONS, Operation, body, body_bytes
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.values import WrongTypeError
from leadbridge.vendors.http.bodies import dump_json, multipart
from tests.builders.connectors import a_connector, a_connector_document, a_mail, an_upsert


def findings(**changes: Any) -> dict[str, str]:
    """The findings about a document: what is wrong by pointer."""
    read = read_document(a_connector_document(**changes))
    assert isinstance(read, list), "nothing was found"
    assert all(each.remedy for each in read)
    return {each.pointer: each.what for each in read}


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        pytest.param({"list": None}, {"/destination/list"}, id="no list"),
        pytest.param({"person": None}, {"/person"}, id="nobody"),
        pytest.param({"list": None, "person": None}, {"/destination/list", "/person"}, id="all at once"),
        pytest.param({"person": {}}, {"/person"}, id="neither id nor lookup"),
        pytest.param({"person": {"lead_id": "id", "lookup": "email", "column": "email"}}, {"/person"}, id="both"),
        pytest.param({"person": {"lookup": "email"}}, {"/person"}, id="a lookup without a column"),
        pytest.param({"person": {"lookup": "phone", "column": "phone"}}, {"/person/lookup"}, id="no filter"),
        pytest.param({"strategy": "createOnly"}, {"/destination/strategy"}, id="a strategy for a list"),
        pytest.param({"operation": "post"}, {"/destination/operation"}, id="no operation"),
        pytest.param({"name": " "}, {"/name"}, id="no name"),
        pytest.param(
            {"operation": "upsert_lead", "list": None, "person": None},
            {"/destination/strategy", "/mappings"},
            id="neither strategy nor data",
        ),
        pytest.param(
            {"operation": "send_email", "list": None, "campaign": 1, "person": {"lookup": "email", "column": "email"}},
            {"/person/lead_id"},
            id="an email without a lead id",
        ),
        pytest.param(
            {
                "operation": "import_leads",
                "list": None,
                "person": None,
                "lookup_field": "email",
                "mappings": [{"column": "a", "to": "firstName"}],
            },
            {"/mappings"},
            id="the lookup field is not mapped",
        ),
    ],
)
def test_what_an_operation_cannot_do_without_is_named(changes: dict[str, Any], pointers: set[str]) -> None:
    """Each finding points to its member and says what to do; all of them come at once."""
    assert findings(**changes).keys() == pointers


IMPORT = {"lookup_field": "email", "mappings": [{"column": "email", "to": "email"}]}
WRITES = IMPORT | {"strategy": "createOnly"}
#: the nine types, as operation and whether calls wait for each other: members of their form, one for each
FORMS: dict[tuple[str, bool], dict[str, Any]] = {
    ("add_to_list", False): {"list": 1, "person": {"lead_id": "id"}},
    ("add_to_list", True): {"list": 1, "person": {"lead_id": "id"}, "batch": {"count": 3}},
    ("remove_from_list", False): {"list": 1, "person": {"lead_id": "id"}},
    ("remove_from_list", True): {"list": 1, "person": {"lead_id": "id"}, "batch": {"count": 3}},
    ("send_email", False): {"campaign": 1, "person": {"lead_id": "id"}, "tokens": [{"static": "a", "to": "b"}]},
    ("upsert_lead", False): WRITES,
    ("upsert_lead", True): WRITES | {"batch": {"count": 3}},
    ("merge_leads", False): {"merge": {"winner": "a", "losers": ["b"]}},
    ("import_leads", True): IMPORT | {"batch": {"count": 3}},
}
MEMBERS = {name: value for form in FORMS.values() for name, value in form.items()}


@pytest.mark.cap("T10")
@pytest.mark.parametrize("kind", FORMS, ids=lambda kind: f"{kind[0]}{', batched' if kind[1] else ''}")
def test_the_type_of_an_action_decides_its_form(kind: tuple[str, bool]) -> None:
    """Each of the nine types takes the members of its form; any that belongs to other types alone is refused where it
    stands. A name is required, and an operation that is none of them is refused with those that there are."""
    operation, _ = kind
    form: dict[str, Any] = {"list": None, "person": None, "operation": operation} | FORMS[kind]
    assert isinstance(read_document(a_connector_document(**form)), ConnectorAction)

    facts = OPERATIONS[Operation(operation)]
    own = {name.removeprefix("destination.") for name in facts.required | facts.optional}
    for name in MEMBERS.keys() - own:
        assert {pointer.rpartition("/")[2] for pointer in findings(**form | {name: MEMBERS[name]})} & {name}
    assert findings(**form | {"name": None}).keys() == {"/name"}
    refused = read_document(a_connector_document(**form | {"operation": "import"}))
    assert isinstance(refused, list)
    assert [each.pointer for each in refused] == ["/destination/operation"]
    assert all(each.value in f"{refused[0].what} {refused[0].remedy}" for each in Operation)


@pytest.mark.cap("T15")
def test_a_person_is_known_by_id_or_looked_for() -> None:
    """A document with both ways, and one with neither, is refused with what to do; with either it is taken."""
    by_id, by_mail = {"lead_id": "id"}, {"lookup": "email", "column": "email"}
    for person in (by_id | by_mail, {}, {"lookup": "email"}, {"column": "email"}):
        assert findings(person=person).keys() == {"/person"}
    for person in (by_id, by_mail):
        assert isinstance(read_document(a_connector_document(person=person)), ConnectorAction)


@pytest.mark.parametrize(
    "lookup",
    ["id", "cookies", "sfdcAccountId", "sfdcContactId", "sfdcLeadId", "sfdcLeadOwnerId", "sfdcOpptyId"],
)
def test_nobody_is_added_by_a_value_that_marketo_sets_itself(lookup: str) -> None:
    """`add_if_missing` is refused with lookups that cannot be written."""
    found = findings(person={"lookup": lookup, "column": "x", "add_if_missing": True})

    assert found.keys() == {"/person"}


@pytest.mark.cap("T45")
@pytest.mark.parametrize("written", ["message", "my.message", "{{my.message}}", " {{my.message}} "])
def test_a_token_is_named_in_full(written: str) -> None:
    """A name alone, with its prefix, or in full becomes `{{my.message}}`; what is none of these is refused."""
    assert token_name(written) == "{{my.message}}"
    document = a_mail(tokens=[{"column": "text", "to": written}])
    assert document.tokens is not None
    assert [each.to for each in document.tokens] == ["{{my.message}}"]
    for wrong in ("{{lead.name}}", "my.", "", "{{my.}}", "a.b", "{{my.x}", "x" * 51):
        with pytest.raises(ValueError, match="write it in full"):
            token_name(wrong)


def test_equal_groups_have_one_key_and_all_others_another() -> None:
    """List, strategy, lookup field, partition and whether people are added tell groups apart; the Action does not."""
    by_mail = {"lookup": "email", "column": "email"}
    every = [
        a_connector(),
        a_connector(list=7),
        a_connector(operation="remove_from_list"),
        a_connector(person=by_mail),
        a_connector(person=by_mail | {"add_if_missing": True}),
        an_upsert(),
        an_upsert(strategy="createOnly"),
        an_upsert(partition="Europe"),
        a_mail(),
    ]
    keys = [group_of(each).key for each in every]

    assert len(set(keys)) == len(every)
    assert group_of(a_connector("other")).key == keys[0]
    assert group_of(a_mail(), [("{{my.a}}", "1")]).key != keys[-1]


def test_bytes_are_those_of_the_body_that_is_sent() -> None:
    """Of a list call and of a sync with unicode the size is that of the client's own encoding, to the byte."""
    listed, written = group_of(a_connector()), group_of(an_upsert(partition="Europe"))
    ids = [{"id": number} for number in (1, 22, 333)]
    rows = [{"email": "zoë@example.com", "firstName": "Zoë"}, {"email": "b@example.com", "firstName": "\ud800"}]
    head = {"action": "createOrUpdate", "lookupField": "email", "partitionName": "Europe"}

    assert body(listed, ids) == dump_json({"input": ids})
    assert body(written, rows) == dump_json({**head, "input": rows})
    assert body_bytes(written, rows) == len(dump_json({**head, "input": rows}))


def test_an_import_counts_the_bytes_of_its_file() -> None:
    """Header and rows, quoted where they must be; a blank is an empty cell."""
    mappings = [{"column": "email", "to": "email"}, {"column": "firstName", "to": "firstName"}]
    action = an_upsert(operation=Operation.IMPORT_LEADS.value, strategy=None, lookup_field="email", mappings=mappings)

    size = body_bytes(group_of(action), [{"email": "a@example.com", "firstName": 'A "b"'}, {"email": "c@example.com"}])

    assert size == len(b'email,firstName\r\na@example.com,"A ""b"""\r\nc@example.com,\r\n')


def test_the_form_around_a_file_counts_as_the_client_sends_it() -> None:
    """Beside the rows the header and an empty form are sent; with the largest file they are a byte below the limit."""
    mappings = [{"column": "email", "to": "email"}, {"column": "firstName", "to": "firstName"}]
    action = an_upsert(operation=Operation.IMPORT_LEADS.value, strategy=None, lookup_field="email", mappings=mappings)
    form, _ = multipart("file", "import.csv", "text/csv", b"")

    limits = action.thresholds
    assert limits is not None
    assert (limits.bytes, limits.envelope) == (10_000_000, len(b"email,firstName\r\n") + len(form) + 1)


@pytest.mark.parametrize(
    ("given", "instant", "day"),
    [
        ("2026-03-09T05:30:00+01:00", "2026-03-09T04:30:00Z", "2026-03-08"),
        ("2026-03-09T05:30:00Z", "2026-03-09T05:30:00Z", "2026-03-09"),
        (1773034200, "2026-03-09T05:30:00Z", "2026-03-09"),
        ("1773034200000", "2026-03-09T05:30:00Z", "2026-03-09"),
        ("Mon, 09 Mar 2026 05:30:00 GMT", "2026-03-09T05:30:00Z", "2026-03-09"),
        ("9 Mar 2026 05:30:00 +0000", "2026-03-09T05:30:00Z", "2026-03-09"),
        ("2026-03-09", "2026-03-09T00:00:00Z", "2026-03-09"),
    ],
)
def test_dates_of_event_streams_become_iso_8601(given: Any, instant: str, day: str) -> None:
    """ISO 8601, seconds and milliseconds since 1970 and RFC 2822 mean one moment; its day is the Action's zone's."""
    zone = ZoneInfo("America/Chicago")

    assert lead_coercion(FieldDescription(name="at", type="datetime"), zone)(given) == instant
    assert lead_coercion(FieldDescription(name="on", type="date"), zone)(given) == day


@pytest.mark.parametrize("given", ["03/04/2026", "3.4.2026", "tomorrow", "12", True])
def test_a_date_that_could_be_two_is_refused(given: Any) -> None:
    """What depends on the country, or is no date, is never guessed."""
    for kind in ("date", "datetime"):
        with pytest.raises(WrongTypeError):
            lead_coercion(FieldDescription(name="at", type=kind), UTC)(given)


def test_documents_are_told_apart_by_their_operation() -> None:
    """A document with an operation is a connector action, of the kind that every Action has."""
    read = read_document(a_connector_document())

    assert isinstance(read, ConnectorAction)
    assert (read.kind, read.source.connection) == ("action", read.destination.connection)
