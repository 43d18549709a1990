"""The sheet of a connector action: how another system calls it, and that such a call is taken and run."""

import json

import pytest
from click.testing import CliRunner

from leadbridge.domain.several import is_several
from leadbridge.domain.webhook import checked
from leadbridge_cli.main import main
from leadbridge_cli.stack import Target
from tests.builders.connectors import LIST, LIST_ID, ToMarketo, a_connector, a_mail, a_merge, by_email

API = "https://calls.example.com"


class SheetTarget(Target):
    """A deployment with the documents of a world."""

    def __init__(self, world: ToMarketo) -> None:
        super().__init__(outputs={"ApiUrl": API}, session=None)
        self.__dict__.update(configurations=world.configurations)


def printed(world: ToMarketo, *words: str, fails: bool = False) -> str:
    """What the command prints."""
    done = CliRunner().invoke(main, ["webhook-sheet", "connector", *words], obj=SheetTarget(world))
    assert (done.exit_code != 0) == fails, done.output
    return done.stderr if fails else done.stdout


def test_the_sheet_in_full() -> None:
    """Every line of the sheet of a small Action, as a person reads it."""
    condition = {"clauses": [{"column": "campaign.name", "operator": "is_not_empty"}]}
    world = ToMarketo(a_connector(person=by_email(), conditions=condition, batch={"count": 20}))

    assert (
        printed(world)
        == """Another system calls it for a person:

  POST https://calls.example.com/actions/connector
  Content-Type: application/json
  X-Leadbridge-Key: what `leadbridge keys show connector` prints

{
  "lead": {
    "email": "…"
  },
  "campaign": {
    "name": "…"
  },
  "event_id": "…"
}

Several people go in one call as an array of such objects, up to 500 of them and 2,000,000 bytes. `event_id` may be \
left out; a call with one that was used is not run again.

Calls wait for each other: until there are 20 people, or 1,000,000 bytes, or the oldest has waited for 1,800 seconds.

Or as a flow step, in batch campaigns too; one service stands for all Actions of the connection:
Marketo Admin > Service Providers > Add New Service:

  OpenAPI address          https://calls.example.com/flow-step/marketo-demo/fields/openapi.json
  API key                  what `leadbridge keys show flow-step/marketo-demo` prints
"""
    )


@pytest.mark.parametrize(
    ("action", "columns"),
    [
        pytest.param(a_connector(person={"lead_id": "otherId"}), {"otherId"}, id="a lead id"),
        pytest.param(a_mail(tokens=[{"column": "token.my.note", "to": "note"}]), {"id", "token.my.note"}, id="tokens"),
        pytest.param(a_merge(), {"winner", "losers"}, id="a merge"),
    ],
)
def test_the_body_holds_every_column_that_the_action_reads(action: object, columns: set[str]) -> None:
    """The body that is printed for scripts is one that the door takes, with each column in its place."""
    told = json.loads(printed(ToMarketo(action), "--json"))  # type: ignore[arg-type]  # any connector action

    assert (told["method"], told["url"]) == ("POST", f"{API}/actions/connector")
    body = told["body"]
    found = set(body["lead"]) | {
        f"{group}.{name}" for group in body if isinstance(body[group], dict) for name in body[group] if group != "lead"
    }
    assert found == columns
    filled = json.loads(json.dumps(body).replace("\\u2026", "7"))
    assert checked(filled, lead_optional=True)["event_id"] == "7"
    assert is_several(json.dumps([filled]).encode())


def test_a_call_of_the_sheet_is_run() -> None:
    """The printed body, filled with a person, adds the person."""
    world = ToMarketo(a_connector())
    world.marketo.load(7)
    world.marketo.lists[LIST] = (LIST_ID, set())
    body = json.loads(json.dumps(json.loads(printed(world, "--json"))["body"]).replace('"id": "\\u2026"', '"id": 7'))

    execution = world.receive_payload(body, action_id="connector")
    world.drain()

    assert world.ended(execution) == ("updated", "")
    assert world.marketo.lists[LIST][1] == {7}


def test_what_only_marketos_dialog_asks_for_is_refused() -> None:
    """Other encodings and response mappings are those of campaigns' webhooks."""
    world = ToMarketo(a_connector())

    for words in (("--encoding", "xml"), ("--map", "execution_id=x")):
        assert "leave --encoding and --map out" in printed(world, *words, fails=True)
