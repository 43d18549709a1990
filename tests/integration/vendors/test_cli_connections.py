"""The connections' commands in this process: on an in-process AWS, with the product's clients of the Marketo twin."""

import json
import logging
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result

from leadbridge.domain.connector import ConnectorAction
from leadbridge_cli.main import main
from leadbridge_cli.stack import Target
from tests.builders.connectors import LIST_ID, a_connector_document
from tests.fakes.bell import RecordingBell
from tests.integration.aws.local_aws import create_table
from tests.integration.vendors.conftest import Clients, Twin
from tests.integration.vendors.test_cli_documents import SHARES

INSTANCE = "https://123-ABC-456.mktorest.com"
TOKEN = "/identity/oauth/token"
OBJECTS = ("leads", "activities", "lists", "campaignRequests", "listMembers")


class LocalTarget(Target):
    """A deployment in this process, where nobody runs."""

    def _bell(self) -> RecordingBell:  # type: ignore[override]  # counts who is rung for
        return RecordingBell()


@dataclass(frozen=True)
class Desk:
    """The command line, and what it works on."""

    target: LocalTarget
    url: str
    credentials: dict[str, str]

    def run(self, *arguments: str, **environment: str) -> Result:
        """Run a command."""
        return CliRunner().invoke(main, list(arguments), obj=self.target, env=environment)

    def cli(self, *arguments: str, **environment: str) -> str:
        """What a command prints that goes well."""
        done = self.run(*arguments, **environment)
        assert done.exit_code == 0, done.output
        return str(done.output)

    def refused(self, *arguments: str, **environment: str) -> str:
        """What a command says that is refused."""
        done = self.run(*arguments, **environment)
        assert done.exit_code == 1, done.output
        return str(done.output)

    def connected(self, name: str = "second") -> None:
        """Add a connection to the twin, with its credentials."""
        self.cli("connections", "add", "marketo", name, "--url", self.url)
        known = self.credentials
        self.cli(
            "connections",
            "secret",
            name,
            "--client-id",
            known["client_id"],
            LEADBRIDGE_CLIENT_SECRET=known["client_secret"],
        )

    def listed(self) -> dict[str, Any]:
        """The connections by id."""
        return {row["id"]: row for row in json.loads(self.cli("connections", "list", "--json"))}

    def stored(self) -> Any:
        """What is in Secrets Manager."""
        client = self.target.client("secretsmanager")
        return json.loads(client.get_secret_value(SecretId=self.target.outputs["VendorSecretArn"])["SecretString"])

    def items(self) -> str:
        """Everything in the tables."""
        tables = [self.target.outputs[name] for name in ("ConfigTableName", "StateTableName")]
        return str([self.target.client("dynamodb").scan(TableName=name)["Items"] for name in tables])


@pytest.fixture
def desk(
    aws: None, announced: dict[str, Any], clients: Clients, marketo: Twin, monkeypatch: pytest.MonkeyPatch
) -> Desk:
    """A deployment without connections, that may call the twins."""
    # each command makes its pool, and ends with its process
    monkeypatch.setattr("leadbridge.vendors.connections.build_http_client", lambda: clients.http)
    session: Any = boto3.Session(region_name="eu-north-1")
    for table in ("ConfigTable", "StateTable"):
        create_table(session.client("dynamodb"), table)
    arn = session.client("secretsmanager").create_secret(Name="vendors", SecretString="{}")["ARN"]
    outputs = {"ConfigTableName": "ConfigTable", "StateTableName": "StateTable", "VendorSecretArn": arn}
    outputs |= {"ApiUrl": "https://api.example.com", "VendorShares": json.dumps(SHARES), "SigningKeyId": "none"}
    target = LocalTarget(outputs=outputs, session=session, facts=announced)
    return Desk(target, announced["marketo_url"], announced["marketo_credentials"])


@pytest.mark.cap("T01")
def test_a_connection_is_added_tested_edited_disabled_and_removed(desk: Desk) -> None:
    """Each verb does what it says, and the list shows it; one that a connector action names is not removed."""
    desk.connected()
    tested = desk.cli("connections", "test", "second")
    desk.cli("connections", "add", "marketo", "second", "--url", desk.url, "--title", "Renamed")
    edited = desk.listed()["second"]
    desk.cli("connections", "disable", "second")
    disabled = desk.listed()["second"]["state"]
    desk.cli("connections", "enable", "second")
    desk.target.configurations.put(a_list_action("second"))
    used = desk.refused("connections", "remove", "second")
    desk.target.configurations.remove("action", "guests")
    desk.cli("connections", "remove", "second")

    assert "the login works" in tested
    assert (edited["name"], edited["version"], edited["secret"], edited["state"]) == (
        "Renamed",
        2,
        "stored",
        "enabled",
    )
    assert disabled == "disabled"
    assert "second is used by guests" in used
    assert desk.listed() == {}
    assert desk.stored() == {}


def a_list_action(connection: str) -> ConnectorAction:
    """A connector action through a connection."""
    document = a_connector_document("guests", list=LIST_ID)
    document["destination"]["connection"] = connection
    return ConnectorAction.model_validate(document)


@pytest.mark.cap("T02", "T03")
@pytest.mark.parametrize("blank", ["client_id", "client_secret"])
def test_credentials_are_never_blank_and_stand_in_secrets_manager_alone(
    desk: Desk, caplog: pytest.LogCaptureFixture, blank: str
) -> None:
    """A blank client id or secret is refused and nothing is stored. Real ones are stored there, without the line's end
    that was copied along, and stand in no table, no line of the log, and nothing that a reading command prints."""
    caplog.set_level(logging.DEBUG, "leadbridge")
    given = {"client_id": "the-client-of-ours", "client_secret": "the-secret-of-ours"}

    def store(members: dict[str, str]) -> tuple[str, ...]:
        return ("connections", "secret", "second", "--client-id", members["client_id"])

    desk.cli("connections", "add", "marketo", "second", "--url", desk.url)
    wrong = given | {blank: "  "}
    said = desk.refused(*store(wrong), LEADBRIDGE_CLIENT_SECRET=wrong["client_secret"])
    nothing = desk.stored()
    told = desk.cli(*store(given), LEADBRIDGE_CLIENT_SECRET=f"{given['client_secret']}\n")
    reads = [("connections", "list"), ("connections", "list", "--json"), ("export", "second"), ("history", "second")]
    told += "".join(desk.cli(*each) for each in reads)
    told += desk.refused("connections", "test", "second") + desk.items() + caplog.text

    assert f"The {blank.replace('_', ' ')} is blank, nothing was stored." in said
    assert nothing == {}
    assert desk.stored() == {"second": given}
    assert not [value for value in given.values() if value in told]


@pytest.mark.cap("T04")
def test_the_address_of_an_instance_is_taken_as_marketo_shows_it_and_no_other_is(desk: Desk) -> None:
    """With `/rest`, with a slash and with neither it is one address; another host, scheme, port or path, and a user
    before the host, are findings that name the member, and nothing is stored. A disabled connection is checked, too."""
    for url in (f"{INSTANCE}/rest", f"{INSTANCE}/rest/", f"{INSTANCE}/", INSTANCE):
        desk.cli("connections", "add", "marketo", "second", "--url", url)
    before = desk.listed()
    desk.cli("connections", "disable", "second")
    for url in (
        "http://123-ABC-456.mktorest.com/rest",
        "https://example.com/rest",
        "https://123-ABC-456.mktorest.com.example.com/rest",
        "https://123-ABC-456.mktorest.com:8443",
        f"{INSTANCE}/identity",
        "https://someone@123-ABC-456.mktorest.com",
        "ftp://123-ABC-456.mktorest.com",
    ):
        said = desk.refused("connections", "add", "marketo", "second", "--url", url)
        assert "marketo_connection second: /base_url: " in said
        assert "use the address https://123-ABC-456.mktorest.com of your instance" in said

    assert (before["second"]["url"], before["second"]["version"]) == (INSTANCE, 1)
    assert desk.listed()["second"] == before["second"] | {"state": "disabled"}


@pytest.mark.cap("T05")
def test_the_identity_address_is_taken_and_a_token_is_fetched_from_it(desk: Desk, marketo: Twin) -> None:
    """Given as Marketo shows it, the look through the connection asks it for the token; on the host of another instance
    it is refused, because our secret would go there."""
    add = ("connections", "add", "marketo", "second", "--url", f"{desk.url}/rest", "--identity-url")
    desk.connected()
    desk.cli(*add, f"{desk.url}/identity")
    mark = int(marketo.get("calls")["total"])
    tested = desk.cli("connections", "test", "second")
    refused = desk.refused(*add, "https://999-ZZZ-999.mktorest.com/identity")

    assert "the login works" in tested
    assert next(each["path"] for each in marketo.get(f"log?since={mark}")) == TOKEN
    assert "/identity_url: is not on the host of `base_url`" in refused


@pytest.mark.parametrize(
    ("denied", "named", "use"),
    [
        pytest.param(
            ["Read-Write Lead"], "Read-Write Lead", "writing people", id="write", marks=pytest.mark.cap("T06")
        ),
        pytest.param(
            ["Execute Campaign"], "Execute Campaign", "transactional e-mail", id="mail", marks=pytest.mark.cap("T07")
        ),
        pytest.param(
            ["Read-Only Lead", "Read-Write Lead"],
            "Read-Only Lead",
            "list actions",
            id="lists",
            marks=pytest.mark.cap("T08"),
        ),
    ],
)
def test_the_look_through_a_connection_names_the_permission_that_is_missing(
    desk: Desk, marketo: Twin, denied: list[str], named: str, use: str
) -> None:
    """Marketo refuses a probe with 603: the permission is told by its name, with what needs it and where it is given;
    at Marketo every record is as before."""
    desk.connected()
    marketo.post("load", {"leads": [{"email": "ada@example.com"}]})
    before = {name: marketo.get(f"records/{name}") for name in OBJECTS}
    marketo.post("permissions", {"denied": denied})
    told = desk.run("connections", "test", "second").output
    marketo.post("permissions", {"denied": []})

    (line,) = [each for each in told.splitlines() if f"the permission {named} is missing" in each]
    assert use in line
    assert "Users & Roles" in line
    assert {name: marketo.get(f"records/{name}") for name in OBJECTS} == before
