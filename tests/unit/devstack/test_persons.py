"""Persons files are checked line by line, loaded in order, and rendered as Marketo renders templates."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from devstack import persons
from tests.unit.devstack.runs import Json, a_lead_before, a_person


def rendered(line: Json, call: Json | None = None) -> Any:
    return json.loads(persons.body(line, call or line["calls"][0], "17"))


def written(folder: Path, *lines: object) -> Path:
    path = folder / "persons.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    return path


def findings_of(path: Path) -> list[str]:
    with pytest.raises(persons.PersonsError) as error:
        persons.read(path)
    return str(error.value).splitlines()[1:]


def test_every_token_arrives_as_a_text_and_blanks_as_empty_texts() -> None:
    """The lead's fields and id are JSON strings; what has no value is an empty string."""
    line = a_person("ada", lead={"firstName": "", "title": 'a "b" \\ \n\t+&%é👩‍🚀{{lead.Id}}'})

    assert rendered(line) == {
        "lead": {
            "id": "17",
            "email": "ada@example.com",
            "firstName": "",
            "lastName": "Abelgaard",
            "company": "Nordlicht",
            "phone": "",
            "title": 'a "b" \\ \n\t+&%é👩‍🚀{{lead.Id}}',
            "leadStatus": "",
        }
    }


def test_a_call_brings_its_campaign_program_tokens_and_event_id() -> None:
    """Optional members appear only if the call has them; its lead values replace the loaded ones."""
    call = {
        "lead": {"title": "CTO"},
        "fields": ["email", "title"],
        "campaign": {"id": "1", "name": 'A "B"'},
        "program": {"id": "2", "name": "P"},
        "token": {"my.Event Name": "x\ny", "my.Blank": ""},
        "event_id": "e-1",
    }

    assert rendered(a_person("ada", call)) == {
        "lead": {"id": "17", "email": "ada@example.com", "title": "CTO"},
        "campaign": {"id": "1", "name": 'A "B"'},
        "program": {"id": "2", "name": "P"},
        "token": {"my.Event Name": "x\ny", "my.Blank": ""},
        "event_id": "e-1",
    }


def test_templates_differ_in_form_only() -> None:
    """Every template says the same about the lead, apart from the type of its id and members nobody knows."""
    line = a_person("ada", lead={"title": "Ünï"})
    bodies = {name: rendered(line, {"template": name})["lead"] for name in persons.TEMPLATES}

    assert bodies["number_id"].pop("id") == 17
    assert {body.pop("id", "17") for body in bodies.values()} == {"17"}
    assert bodies["extra"].pop("unknownField") == "17"
    assert all(body == bodies["plain"] for body in bodies.values())
    assert persons.body(line, {"template": "escaped"}, "17").isascii()
    assert b"\n" not in persons.body(line, {"template": "one_line"}, "17")


def test_a_raw_body_goes_out_as_it_stands() -> None:
    """Only the lead id is filled in."""
    line = a_person("ada", {"raw": '{"lead": {"id": {{lead.Id}}, "email": "{{x}}'})

    assert persons.body(line, line["calls"][0], "17") == b'{"lead": {"id": 17, "email": "{{x}}'


def test_calls_are_grouped_by_person_group_and_burst() -> None:
    """A group keeps the file's order over its persons; a burst is marked; a content type may be left out."""
    lines = [
        a_person("ada", {}, {"content_type": None}, group="g"),
        a_person("bo", {}, {}, burst=True),
        a_person("cy", group="g"),
        a_person("dag", calls=[]),
    ]

    groups = persons.groups(lines, {"ada": "1", "bo": "2", "cy": "3", "dag": "4"})

    assert [[(each.person, each.call) for each in group.requests] for group in groups] == [
        [("ada", 0), ("ada", 1), ("cy", 0)],
        [("bo", 0), ("bo", 1)],
    ]
    assert [group.burst for group in groups] == [False, True]
    assert [each.content_type for each in groups[0].requests] == [
        persons.CONTENT_TYPE,
        None,
        persons.CONTENT_TYPE,
    ]


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ([], "line 1: is not a JSON object"),
        ({"lead": {}, "calls": []}, "line 1: person is missing: a text that no other line has"),
        ({"person": "a", "calls": []}, "line 1: lead is missing: an object of field names and texts"),
        (
            {"person": "a", "lead": {"firstName": 7}, "calls": []},
            "line 1: lead is missing: an object of field names and texts",
        ),
        (
            {"person": "a", "lead": {}},
            "line 1: calls is missing: a list of objects, {} for a call with nothing special",
        ),
        ({"person": "a", "lead": {}, "calls": [], "age": 7}, "line 1: age is not a member of a person"),
        (
            a_person("a", salesforce=[{"LastName": "x"}]),
            "line 1: salesforce is a list of Leads, each with an Email",
        ),
        (a_person("a", {"tokens": {}}), "line 1: call 0: tokens is not a member of a call"),
        (a_person("a", {"campaign": {"id": 1}}), "line 1: call 0: campaign is an object of names and texts"),
        (a_person("a", {"event_id": 1}), "line 1: call 0: event_id is a text"),
        (
            a_person("a", {"template": "x"}),
            "line 1: call 0: template is one of plain, number_id, escaped, extra, one_line",
        ),
        (
            a_person("a", {"fields": ["x"]}),
            (
                "line 1: call 0: fields is a list of some of "
                "email, firstName, lastName, company, phone, title, leadStatus"
            ),
        ),
        (
            a_person("a", {"raw": "x", "event_id": "e"}),
            "line 1: call 0: raw is the whole body; only content_type and about go with it",
        ),
        (a_person("a", burst=True, group="g"), "person a: a burst is a group of its own"),
        (
            a_person("a", {}, {"lead": {"title": "x"}}, burst=True),
            "person a: the calls of a burst carry the same values",
        ),
        (
            a_person("a", {"event_id": "e"}, {"event_id": "e", "lead": {"title": "x"}}),
            "event_id e is used for calls that differ",
        ),
        (a_person("a", {"event_id": "a"}), "event_id a is also the key of a person"),
    ],
)
def test_a_wrong_line_is_refused_with_its_reason(tmp_path: Path, line: object, finding: str) -> None:
    """The error names the line and what a right one would have."""
    assert findings_of(written(tmp_path, line)) == [finding]


def test_every_finding_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    """Keys used twice and addresses shared without a common group are found over all lines."""
    shared = a_person("cy", {"lead": {"email": " ADA@example.com"}})
    known = a_person("dag", salesforce=[a_lead_before("ada")])

    assert findings_of(written(tmp_path, a_person("ada"), a_person("ada"), shared, known)) == [
        "person ada occurs twice",
        "person cy shares ada@example.com with a person of another group; give both the same group",
        "person dag shares ada@example.com with a person of another group; give both the same group",
    ]


def test_a_file_that_is_missing_empty_or_not_json_is_refused(tmp_path: Path) -> None:
    """The error says which of the three it is."""
    with pytest.raises(persons.PersonsError, match="cannot be read"):
        persons.read(tmp_path / "nothing.jsonl")
    assert findings_of(written(tmp_path)) == ["there is no person in it"]
    path = tmp_path / "cut.jsonl"
    path.write_text('\n{"person": ', encoding="utf-8")
    assert findings_of(path)[0].startswith("line 2 is not JSON")


class Simulators:
    """Both control planes: keep what is loaded and give ids in order."""

    def __init__(self, status: int = 200, *, forget: bool = False) -> None:
        self.loaded: dict[str, list[Json]] = {}
        self.status = status
        self.forget = forget

    def __call__(self, request: httpx.Request) -> httpx.Response:
        ((name, records),) = json.loads(request.content).items()
        self.loaded.setdefault(f"{request.url.host}{request.url.path} {name}", []).extend(records)
        ids: list[Any] = [f"{name}-{each.get('email') or each.get('LastName')}" for each in records]
        return httpx.Response(self.status, json={name: ids[1:] if self.forget else ids})


def load(simulators: Simulators, lines: list[Json]) -> persons.Loaded:
    with httpx.Client(transport=httpx.MockTransport(simulators)) as client:
        return persons.load(lines, marketo_url="http://marketo", salesforce_url="http://salesforce", client=client)


def test_loading_gives_each_person_the_ids_of_its_records() -> None:
    """Every lead goes to Marketo, every Lead to Salesforce, and the ids find back to their persons."""
    pair = [a_lead_before("bo", LastName="One"), a_lead_before("bo", LastName="Two")]
    lines = [a_person("ada"), a_person("bo", salesforce=pair)]
    simulators = Simulators()

    loaded = load(simulators, lines)

    assert loaded.lead_ids == {"ada": "leads-ada@example.com", "bo": "leads-bo@example.com"}
    assert loaded.record_ids == {"ada": [], "bo": ["Lead-One", "Lead-Two"]}
    assert simulators.loaded == {
        "marketo/_sim/load leads": [line["lead"] for line in lines],
        "salesforce/_sim/load Lead": pair,
    }


def test_a_refused_or_lost_record_stops_the_run() -> None:
    """A simulator that refuses, or gives fewer ids than records, is an error and not a smaller run."""
    with pytest.raises(persons.PersonsError, match="refused to load leads"):
        load(Simulators(400), [a_person("ada")])
    with pytest.raises(persons.PersonsError, match="gave 0 ids for 1 records of leads"):
        load(Simulators(forget=True), [a_person("ada")])
