"""`leadbridge connections` and `leadbridge setup`: vendor connections from the first click to the preflight."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from leadbridge.aws.alerts import note_certificate
from leadbridge.domain.action import Action, MarketoConnection, SalesforceConnection
from leadbridge.domain.crm_cycle import CrmCycle
from leadbridge.domain.findings import read_document
from leadbridge.domain.lifecycle import DocumentState, Move, Stored
from leadbridge.domain.preflight import Level
from leadbridge.domain.records import CustomActivityType, ObjectDescription
from leadbridge.domain.sync import Sync
from leadbridge.errors import AuthenticationError, ConfigurationError, PermanentError, SyncError
from leadbridge.usecases.apply_configuration import Given, explain
from leadbridge.usecases.check_connection import CheckConnection, share_of
from leadbridge.usecases.list_connections import users_of_connections
from leadbridge_cli.common import as_json, current_key, fail, named, pass_target, secret_of
from leadbridge_cli.offering import objects
from leadbridge_cli.stack import Target
from leadbridge_cli.texts import given_in

KINDS = ("marketo_connection", "salesforce_connection")
DOCUMENTS = click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))


@click.group()
def connections() -> None:
    """Vendor connections: add, list, test, disable, enable, remove, what they offer, and their credentials."""


connections.add_command(objects)


# -- documents


@connections.group()
def add() -> None:
    """Add a connection, or change its address."""


@add.command("marketo")
@click.argument("name")
@click.option("--url", required=True, help="Host of the REST endpoint: https://123-ABC-456.mktorest.com")
@click.option("--identity-url", help="Identity endpoint, checked to be on the same host; need not be given.")
@click.option("--record-url", help="Where one looks at a person in the browser, with {id} in place of the id.")
@click.option("--title", help="Name for people; without it the connection's id.")
@pass_target
def add_marketo(target: Target, /, name: str, *, url: str, title: str | None, **members: str | None) -> None:
    """Add a Marketo instance; `connections secret` stores its credentials afterwards."""
    document = {"kind": "marketo_connection", "id": name, "name": title or name, "base_url": url}
    _add(target, document | {key: value for key, value in members.items() if value})
    click.echo(f"Store its credentials: leadbridge connections secret {name}")


@add.command("salesforce")
@click.argument("name")
@click.option("--url", "token_host", required=True, help="Where we log in: My Domain, login or test host.")
@click.option("--client-id", required=True, help="Consumer key of the External Client App.")
@click.option("--username", help="Username of the integration user; for the login with a certificate.")
@click.option("--audience", help="The `aud` claim; without it by --sandbox.")
@click.option("--sandbox", is_flag=True, help="The org is a sandbox.")
@click.option(
    "--login",
    type=click.Choice(["jwt", "client_credentials", "refresh_token"]),
    default="jwt",
    show_default=True,
    help="jwt: with a certificate, no secret exists.",
)
@click.option("--record-url", help="Where one looks at a record in the browser, if not at --url, with {id}.")
@click.option("--title", help="Name for people; without it the connection's id.")
@pass_target
def add_salesforce(
    target: Target,
    /,
    name: str,
    *,
    title: str | None,
    audience: str | None,
    sandbox: bool,
    login: str,
    token_host: str,
    **members: str | None,
) -> None:
    """Add a Salesforce org."""
    aud = audience or ("https://test.salesforce.com" if sandbox else "https://login.salesforce.com")
    facts: dict[str, str | None] = {
        "kind": "salesforce_connection",
        "id": name,
        "name": title or name,
        "token_host": token_host.rstrip("/"),
    }
    facts |= {"audience": aud, "login": None if login == "jwt" else login} | members
    _add(target, {key: value for key, value in facts.items() if value is not None})
    if login != "jwt":
        click.echo(f"Store its credentials: leadbridge connections secret {name}")


@connections.command("list")
@click.option("--usable", is_flag=True, help="Only those that an Action may name: enabled, with their secret.")
@as_json
@pass_target
def list_(target: Target, *, usable: bool, as_json: bool) -> None:
    """List the connections."""
    stored = secret_of(target.client("secretsmanager"), target.outputs["VendorSecretArn"])
    rows: list[dict[str, Any]] = [
        {
            "kind": each.document.kind.removesuffix("_connection"),
            "id": each.document.id,
            "name": each.document.name,
            "url": _address(each),
            "state": "paused" if each.state is DocumentState.PAUSED else "enabled" if each.active else "disabled",
            "version": each.version,
            "secret": _secret_state(each, stored),
            "limits": share_of(each, target.shares).told(),
            **_users(target, each.document.id),
        }
        for each in _all(target)
        if not usable or (each.active and _secret_state(each, stored) != "missing")
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        users = [*row["actions"], *row["syncs"], *row["cycles"]]
        used = f"used by {', '.join(users)}" if users else "not used"
        state = f"{row['kind']}, {row['state']}, secret {row['secret']}, {used}"
        click.echo(f"{row['id']} ({state}): {row['name']}\n  {row['url']}\n  ours: {', '.join(row['limits'])}")
    if not rows:
        click.echo(f"There are no {'usable ' if usable else ''}connections. Add one: leadbridge connections add --help")


@connections.command()
@click.argument("name")
@as_json
@pass_target
def test(target: Target, name: str, *, as_json: bool) -> None:
    """Look through a connection before anything depends on it; nothing is written."""
    stored = _one(target, name)
    findings = []
    for each in _check(target)(stored):
        findings.append(each)
        if not as_json:
            click.echo(each.line())
    if as_json:
        click.echo(json.dumps([{"level": each.level, "what": each.what, "remedy": each.remedy} for each in findings]))
    if any(each.level is Level.ERROR for each in findings):
        raise SystemExit(1)


@connections.command()
@click.argument("name")
@pass_target
def disable(target: Target, name: str) -> None:
    """Let nothing through a connection; what arrives is kept, and goes on, oldest first, once it is enabled."""
    _set_enabled(target, name, enabled=False)


@connections.command()
@click.argument("name")
@pass_target
def enable(target: Target, name: str) -> None:
    """Let a disabled connection be used again."""
    _set_enabled(target, name, enabled=True)


@connections.command()
@click.argument("name")
@pass_target
def remove(target: Target, name: str) -> None:
    """Remove a connection that no Action, Sync or CRM cycle uses, with its credentials; its history stays."""
    stored = _one(target, name)
    users = [each for found in _users(target, name).values() for each in found]
    if users:
        fail([f"{name} is used by {', '.join(users)}. Point them elsewhere first, or disable the connection."])
    # the credentials first: a connection that is still listed can be removed again, a secret without one cannot be seen
    client, arn = target.client("secretsmanager"), target.outputs["VendorSecretArn"]
    members = dict(secret_of(client, arn))
    if members.pop(name, None) is not None:
        client.put_secret_value(SecretId=arn, SecretString=json.dumps(members))
    target.configurations.remove(stored.document.kind, name)
    click.echo(f"Removed {name}.")


# -- credentials


@connections.command()
@click.argument("name")
@click.option("--client-id", help="Client id of the Marketo LaunchPoint service; asked for without it.")
@click.option("--client-secret", envvar="LEADBRIDGE_CLIENT_SECRET", help="Asked for; never on the command line.")
@click.option("--refresh-token", envvar="LEADBRIDGE_REFRESH_TOKEN", help="For `login: refresh_token`; asked for.")
@pass_target
def secret(
    target: Target, name: str, client_id: str | None, client_secret: str | None, refresh_token: str | None
) -> None:
    """Store the credentials of a connection; the others' stay as they are."""
    context = click.get_current_context()
    for option in ("client_secret", "refresh_token"):
        if context.get_parameter_source(option) is click.core.ParameterSource.COMMANDLINE:
            variable = f"LEADBRIDGE_{option.upper()}"
            fail([f"Others can read a command line: give the secret at the prompt, or in {variable}."])
    known = _find(target, name)
    login = getattr(known.document, "login", None) if known else None
    if known and isinstance(known.document, SalesforceConnection):
        if not _wants_secret(known):
            fail([f"{name} logs in with a certificate and has no secret: leadbridge connections certificate {name}"])
        given = {"client_secret": client_secret or click.prompt("Client secret", hide_input=True)}
        if login == "refresh_token":
            given["refresh_token"] = refresh_token or click.prompt("Refresh token", hide_input=True)
    else:
        given = {
            "client_id": client_id or click.prompt("Client id"),
            "client_secret": client_secret or click.prompt("Client secret", hide_input=True),
        }
    # what is copied brings a line's end along
    given = {member: value.strip() for member, value in given.items()}
    if blank := [member.replace("_", " ") for member, value in given.items() if not value]:
        fail([f"The {each} is blank, nothing was stored. Copy it from where the vendor shows it." for each in blank])
    client, arn = target.client("secretsmanager"), target.outputs["VendorSecretArn"]
    members = dict(secret_of(client, arn)) | {name: given}
    client.put_secret_value(SecretId=arn, SecretString=json.dumps(members))
    target.note("credentials", known.document.kind if known else "connection", name)
    click.echo(f"Stored the credentials of {name}.")


@connections.command("certificate")
@click.argument("name")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="File; without it printed.")
@pass_target
def connections_certificate(target: Target, name: str, output: Path | None) -> None:
    """Make the certificate to upload to the Salesforce app of a connection; the key never leaves KMS."""
    pem = _certificate(target, name)
    if output is None:
        click.echo(pem, nl=False)
    else:
        output.write_text(pem)
        click.echo(f"Wrote {output}. Upload it to the External Client App of the connection.")


def _certificate(target: Target, name: str) -> str:
    """A new certificate; its end is noted, because people are alerted before it."""
    from leadbridge_cli.certificate import VALIDITY, certificate

    now = datetime.now(UTC)
    pem = certificate(target.signer, name, now).decode()
    note_certificate(target.client("dynamodb"), target.outputs["StateTableName"], name, now + VALIDITY)
    return pem


# -- set-up


@click.group()
def setup() -> None:
    """What an org or instance needs before it can be used, step by step."""


@setup.command("salesforce")
@click.argument("name")
@DOCUMENTS
@click.option("--output", type=click.Path(file_okay=False, path_type=Path), default=Path("leadbridge-salesforce"))
@click.option("--contact", required=True, help="E-mail address that the app shows as its contact.")
@click.option("--announce", multiple=True, metavar="OBJECT", help="Have the org announce changes of OBJECT at once.")
@pass_target
def setup_salesforce(
    target: Target, name: str, files: tuple[Path, ...], *, output: Path, contact: str, announce: tuple[str, ...]
) -> None:
    """Write a folder to deploy to the org and print what to click.

    The permission set covers the applied Actions, Syncs and CRM cycles of the connection and those of FILES, which
    need not be applied yet.
    """
    from leadbridge.domain.announced import address, key_subject
    from leadbridge.domain.salesforce_needs import needs
    from leadbridge_cli import salesforce_setup

    connection = _one(target, name).document
    if not isinstance(connection, SalesforceConnection):
        fail([f"{name} is no Salesforce connection."])
    actions = [each for each in _actions(target, files) if each.destination.connection == name]
    syncs, cycles = _syncs(target, files, name), _cycles(target, files)
    described = _described(target, name, needs(name, actions, syncs, cycles))
    pem = _certificate(target, name)
    written = salesforce_setup.folder(
        connection, actions, syncs, cycles, certificate=pem, contact_email=contact, described=described
    )
    lines = salesforce_setup.sheet(connection, actions, output=str(output), described=described)
    if announce:
        endpoint = address(target.outputs["ApiUrl"], name, current_key(target, key_subject(name)))
        written |= salesforce_setup.announcement(connection, announce, address=endpoint)
        lines += salesforce_setup.announcement_steps(connection, output=str(output), number=len(lines) + 1)
    for path, text in written.items():
        file = output / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    click.echo(f"Wrote {len(written)} files to {output}. Now:")
    for line in lines:
        click.echo(line)


@setup.command("marketo")
@click.argument("name")
@DOCUMENTS
@click.option("--create", is_flag=True, help="Make what the API can make, after asking.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@pass_target
def setup_marketo(target: Target, name: str, files: tuple[Path, ...], *, create: bool, yes: bool) -> None:
    """Print what to click in Marketo Admin, and what the API can make.

    Fields and activity types are those of the applied Actions, Syncs and CRM cycles of the connection and of FILES.
    """
    from leadbridge.domain.setup_sheets import STANDARD_FIELDS, marketo_steps, numbered
    from leadbridge.vendors.marketo.preflight import permissions
    from leadbridge_cli import marketo_setup

    connection = _one(target, name).document
    if not isinstance(connection, MarketoConnection):
        fail([f"{name} is no Marketo connection."])
    actions = [each for each in _actions(target, files) if each.source.connection == name]
    client = target.connections.marketo(name)
    cycles = [each for each in _cycles(target, files) if each.marketo == name]
    flags = marketo_setup.flag_fields(name, _plain_syncs(target, files), cycles)
    backs = dict.fromkeys(back.to for each in actions for back in each.writeback)
    backs |= dict.fromkeys([*marketo_setup.link_fields(cycles), *flags])
    try:
        leads = client.describe_leads()
        soap = client.leads.soap_names()
    except SyncError as error:
        # nothing is set up yet: the sheet says what to do first
        leads, soap = None, {}
        refused = explain(error)
    names = [(rest, soap.get(rest, "(not there yet)")) for rest in backs or STANDARD_FIELDS]
    for line in numbered(marketo_steps(connection, permissions(), names)):
        click.echo(line)
    if leads is None:
        fail([f"What the API can make is not known before it lets us in: {'; '.join(refused)}"])
    types = {each: _activity_type(target, name, each) for each in marketo_setup.wanted_types(actions)}
    drafts = {
        each: client.custom_activities.type(each, draft=True)
        for each, known in types.items()
        if known is not None and known.status == marketo_setup.WITH_DRAFT
    }
    todo = marketo_setup.plan(
        actions,
        leads=leads,
        types=types,
        drafts=drafts,
        destinations=_destinations(target, actions),
        cycles=cycles,
        flags=flags,
    )
    lines = list(todo.lines())
    click.echo("\nThe API can make:" if lines else "\nFields and activity types are there; nothing is to be made.")
    for line in lines:
        click.echo(f"  {line}")
    if not lines or not create:
        return
    if not yes and not click.confirm("Make this now?"):
        return
    for line in marketo_setup.carry_out(todo, fields=client.lead_fields, activities=client.custom_activities):
        click.echo(line)


# -- parts


def _add(target: Target, document: dict[str, Any]) -> None:
    apply = target.apply()
    plan = apply.plan([Given(raw={"format": 1, **document})])
    [applied] = apply.apply(plan, author=target.author(), at=target.clock.now())
    stored = applied.stored
    changed = "" if applied.changed else ", unchanged"
    click.echo(f"{stored.document.kind} {stored.document.id}: version {stored.version}{changed}")


def _all(target: Target) -> list[Stored]:
    return [stored for kind in KINDS for stored in target.configurations.list(kind)]


def _find(target: Target, name: str) -> Stored | None:
    found = [stored for kind in KINDS if (stored := target.configurations.get(kind, name)) is not None]
    return found[0] if found else None


def _one(target: Target, name: str) -> Stored:
    stored = _find(target, name)
    if stored is None:
        fail([f"There is no connection {named(name)}. `leadbridge connections list` lists them."])
    return stored


def _users(target: Target, name: str) -> dict[str, list[str]]:
    """The Actions, Syncs and CRM cycles that read from a connection or write to it."""
    return {kind: named.get(name, []) for kind, named in users_of_connections(target.configurations).items()}


def _address(stored: Stored) -> str:
    document = stored.document
    if isinstance(document, MarketoConnection):
        return document.base_url
    return document.token_host if isinstance(document, SalesforceConnection) else ""


def _wants_secret(stored: Stored) -> bool:
    document = stored.document
    return not (isinstance(document, SalesforceConnection) and (document.login or "jwt") == "jwt")


def _secret_state(stored: Stored, known: Mapping[str, Any]) -> str:
    if not _wants_secret(stored):
        return "not needed"
    return "stored" if stored.document.id in known else "missing"


def _set_enabled(target: Target, name: str, *, enabled: bool) -> None:
    stored = _one(target, name)
    target.pausing().move(stored.document.kind, name, Move.ACTIVATE if enabled else Move.DEACTIVATE)
    click.echo(f"{name} is {'enabled' if enabled else 'disabled'}.")


def _check(target: Target) -> CheckConnection:
    return CheckConnection(configurations=target.configurations, clients=target.connections, shares=target.shares)


def _actions(target: Target, files: Sequence[Path]) -> list[Action]:
    """The applied Actions, and those of files, which stand for applied ones of the same id."""
    return [each for each in _documents(target, "action", files) if isinstance(each, Action)]


def _syncs(target: Target, files: Sequence[Path], connection: str) -> list[Sync]:
    """The same of Syncs with an end at a connection, and what CRM cycles do there."""
    from leadbridge.domain.salesforce_needs import syncs_of

    every = _plain_syncs(target, files)
    for cycle in _cycles(target, files):
        every += syncs_of(cycle)
    return [each for each in every if connection in {each.source.connection, each.destination.connection}]


def _plain_syncs(target: Target, files: Sequence[Path]) -> list[Sync]:
    """Syncs that are documents of their own."""
    return [each for each in _documents(target, "sync", files) if isinstance(each, Sync)]


def _cycles(target: Target, files: Sequence[Path]) -> list[CrmCycle]:
    """The same of CRM cycles, of all connections."""
    return [each for each in _documents(target, "crm_cycle", files) if isinstance(each, CrmCycle)]


def _documents(target: Target, kind: str, files: Sequence[Path]) -> list[object]:
    found: dict[str, object] = {each.document.id: each.document for each in target.configurations.list(kind)}
    for given in given_in(files):
        parsed = read_document(given.raw)
        if isinstance(parsed, list):
            fail([finding.line() for finding in parsed])
        if parsed.kind == kind:
            found[parsed.id] = parsed
    return list(found.values())


def _destinations(target: Target, actions: Sequence[Action]) -> dict[str, ObjectDescription]:
    """The objects that Actions write, as far as they can be described already."""
    found: dict[str, ObjectDescription] = {}
    for action in actions:
        found |= _described(target, action.destination.connection, [action.destination.object])
    return found


def _described(target: Target, connection: str, objects: Iterable[str]) -> dict[str, ObjectDescription]:
    """The Salesforce objects that can be described already; before the set-up none can."""
    found: dict[str, ObjectDescription] = {}
    for name in objects:
        try:
            found[name] = target.connections.salesforce(connection).describe(name)
        except (AuthenticationError, ConfigurationError, PermanentError):
            continue
    return found


def _activity_type(target: Target, connection: str, api_name: str) -> CustomActivityType | None:
    try:
        return target.connections.marketo(connection).custom_activity_type(api_name)
    except (ConfigurationError, PermanentError):
        return None  # there is none; an outage is no answer
