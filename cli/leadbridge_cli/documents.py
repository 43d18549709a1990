"""Commands for documents: look at what applying them would do, apply, take back, read, and let Actions run."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from leadbridge.domain import connector
from leadbridge.domain.differences import changes
from leadbridge.domain.kinds import KINDS
from leadbridge.domain.lifecycle import RUN, DocumentState, Move, Stored
from leadbridge.domain.pages import pages
from leadbridge.usecases.apply_configuration import Effect, Plan, Planned
from leadbridge_cli.common import as_json, fail, named, pass_target
from leadbridge_cli.pausing import in_words, move_actions
from leadbridge_cli.render import counted, local_time
from leadbridge_cli.stack import Target
from leadbridge_cli.texts import canonical, exported, given_in

FILES = click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
ACTIONS = click.argument("actions", metavar="ACTION...", nargs=-1, required=True)
DOCUMENT = click.argument("document", metavar="DOC")
NOTE = click.option("--note", default="", help="Why, for the history.")
AUTHOR = click.option("--author", default="", help="Who, for the history; without it the AWS identity you have.")
DRAFT = click.option("--draft", is_flag=True, help="Store Actions with findings, too; they cannot be activated.")
EFFECTS = {Effect.CREATE: "to create", Effect.CHANGE: "to change", Effect.NOTHING: "unchanged"}


# -- before and while they are stored


@click.command()
@FILES
@as_json
@pass_target
def validate(target: Target, files: tuple[Path, ...], *, as_json: bool) -> None:
    """Check documents against both vendors; list everything that is wrong, and store nothing."""
    plan = target.apply().plan(given_in(files), thorough=True)
    if as_json:
        click.echo(json.dumps([finding.as_json() for finding in plan.findings]))
        raise SystemExit(bool(plan.findings))
    _refuse(plan)
    for warning in plan.warnings:
        click.echo(f"warning: {warning}")
    click.echo(f"{counted(len(plan.documents), 'document')} without findings.")


@click.command()
@FILES
@DRAFT
@as_json
@pass_target
def plan(target: Target, files: tuple[Path, ...], *, draft: bool, as_json: bool) -> None:
    """Show what `apply` would do with documents, and store nothing."""
    planned = target.apply().plan(given_in(files), draft=draft)
    if planned.refused:
        _refuse(planned)
    if as_json:
        click.echo(json.dumps([_planned(each) for each in planned.documents]))
        return
    _show(planned)


@click.command()
@FILES
@DRAFT
@NOTE
@AUTHOR
@as_json
@pass_target
def apply(target: Target, /, files: tuple[Path, ...], *, draft: bool, note: str, author: str, as_json: bool) -> None:
    """Check documents against both vendors, show the plan and store them: all or none. A new Action is inactive."""
    _carry_out(target, target.apply().plan(given_in(files), draft=draft), note=note, author=author, as_json=as_json)


@click.command()
@DOCUMENT
@click.argument("version", type=click.IntRange(min=1))
@NOTE
@AUTHOR
@as_json
@pass_target
def rollback(target: Target, /, document: str, version: int, *, note: str, author: str, as_json: bool) -> None:
    """Store a new version that is equal to an older one, after the same checks as `apply`."""
    kind, identifier = _located(target, document)
    planned = target.apply().plan_rollback(kind, identifier, version)
    said = f"Rollback to version {version}" + (f": {note}" if note else "")
    _carry_out(target, planned, note=said, author=author, as_json=as_json)


# -- as they are stored


@click.command()
@DOCUMENT
@as_json
@pass_target
def history(target: Target, document: str, *, as_json: bool) -> None:
    """List the versions of a document: who stored each, when and why, and what changed."""
    versions = _versions(target, document)
    rows = [_version(each, before) for each, before in zip(versions, [*versions[1:], None], strict=True)]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        when = local_time(row["at"]) if row["at"] else "time unknown"
        note = f": {row['note']}" if row["note"] else ""
        click.echo(f"version {row['version']}, {when}, {row['author'] or 'author unknown'}{note}")
        for difference in row["differences"] or []:
            click.echo(f"  {difference['line']}")


@click.command()
@DOCUMENT
@click.argument("older", type=click.IntRange(min=1), required=False)
@click.argument("newer", type=click.IntRange(min=1), required=False)
@as_json
@pass_target
def diff(target: Target, document: str, older: int | None, newer: int | None, *, as_json: bool) -> None:
    """Show what differs between two versions of a document.

    Without their numbers these are the newest one and the one before it.
    """
    versions = {each.version: each for each in _versions(target, document)}
    last = newer or max(versions)
    first = older or last - 1
    if not first:
        fail([f"{document} has no version before its first; `leadbridge view` or `export` shows that."])
    missing = [number for number in (first, last) if number not in versions]
    if missing:
        fail([f"{document} has no version {number}; `leadbridge history {document}` lists them." for number in missing])
    found = changes(versions[first].document, versions[last].document)
    if as_json:
        click.echo(json.dumps([each.as_json() for each in found]))
        return
    click.echo(f"{document}: version {first} → version {last}")
    for each in found:
        click.echo(f"  {each.line()}")
    if not found:
        same = versions[first].change.text == versions[last].change.text
        click.echo("  They are equal." if same else "  Only the text differs: comments, order or layout.")


@click.command()
@click.argument("documents", metavar="[DOC...]", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every document.")
@pass_target
def export(target: Target, documents: tuple[str, ...], *, everything: bool) -> None:
    """Write documents as they were given, for a file; applied again they change nothing."""
    if everything == bool(documents):
        fail(["Say which: documents by id, or --all."])
    if everything:
        # what others need comes before what needs it
        kinds = sorted(KINDS, key=lambda kind: kind in RUN)
        found = [each for kind in kinds for each in target.configurations.list(kind)]
    else:
        found = [_current(target, each) for each in documents]
    # bytes: no console may change what is to come back as it was given
    click.echo(exported(found).encode(), nl=False)


@click.command()
@click.argument("action")
@click.option("--version", type=click.IntRange(min=1), help="An older version.")
@click.option("--page", type=click.IntRange(1, 5), help="Only this page.")
@as_json
@pass_target
def view(target: Target, action: str, *, version: int | None, page: int | None, as_json: bool) -> None:
    """Show an Action as it is saved, on its five pages."""
    stored = target.configurations.get("action", action, version)
    if stored is None or not isinstance(stored.document, connector.ACTIONS):
        fail([f"There is no Action {named(action)}{f' version {version}' if version else ''}."])
    shown = [each for each in pages(stored.document) if page in (None, each.number)]
    if as_json:
        facts = {"id": stored.document.id, "version": stored.version, "state": stored.state.value}
        members = [{"page": each.number, "title": each.title, "members": each.members} for each in shown]
        click.echo(json.dumps(facts | {"pages": members}))
        return
    click.echo(f"{stored.document.id} (version {stored.version}, {in_words(stored.state)})")
    for each in shown:
        click.echo(f"\n{each.number}. {each.title}")
        for line in canonical(each.members).splitlines() if each.members else ["none"]:
            click.echo(f"   {line}")


# -- Actions


@click.command()
@as_json
@pass_target
def actions(target: Target, *, as_json: bool) -> None:
    """List the Actions with their states and webhook addresses."""
    rows = [
        {
            "id": each.document.id,
            "name": each.document.name,
            "version": each.version,
            "state": each.state.value,
            "active": each.active,
            "url": f"{target.outputs['ApiUrl']}/actions/{each.document.id}",
        }
        for each in target.configurations.list("action")
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for row in rows:
        state = in_words(DocumentState(str(row["state"])))
        click.echo(f"{row['id']} (version {row['version']}, {state}): {row['name']}\n  {row['url']}")
    if target.configurations.paused():
        click.echo("All Actions are paused: nothing begins before `leadbridge resume --all`.")


@click.command()
@ACTIONS
@pass_target
def activate(target: Target, actions: tuple[str, ...]) -> None:
    """Let Actions run; webhooks notice within 30 seconds."""
    move_actions(target, actions, Move.ACTIVATE)


@click.command()
@ACTIONS
@pass_target
def deactivate(target: Target, actions: tuple[str, ...]) -> None:
    """Stop Actions; calls are recorded, answered `not_active`, and can be run later."""
    move_actions(target, actions, Move.DEACTIVATE)


# -- plans


def _carry_out(target: Target, planned: Plan, *, note: str, author: str, as_json: bool) -> None:
    if planned.refused:
        _refuse(planned)
    if not as_json:
        _show(planned)
    # asked for only where something is to be stored
    idle = all(each.effect is Effect.NOTHING for each in planned.documents)
    author = author or ("" if idle else target.author())
    applied = target.apply().apply(planned, author=author, at=target.clock.now(), note=note)
    for each in applied:
        # one that is not active has no schedule
        if each.changed and each.stored.active and each.stored.document.kind in {"sync", "crm_cycle"}:
            target.schedule_syncs().one(each.stored.document.id, each.stored.document.kind)
    rows = [
        {
            "kind": each.stored.document.kind,
            "id": each.stored.document.id,
            "version": each.stored.version,
            "state": each.stored.state.value,
            "active": each.stored.active,
            "changed": each.changed,
        }
        for each in applied
    ]
    if as_json:
        click.echo(json.dumps(rows))
        return
    for each in applied:
        document, version = each.stored.document, each.stored.version
        what = f"version {version} stored" if each.changed else f"unchanged, version {version}"
        state = f" ({in_words(each.stored.state)})" if document.kind in RUN else ""
        click.echo(f"{document.kind} {document.id}: {what}{state}")


def _refuse(planned: Plan) -> None:
    """End the command if there are findings."""
    if planned.findings:
        fail([finding.line() for finding in planned.findings])


def _show(planned: Plan) -> None:
    for each in planned.documents:
        click.echo(f"{each.name}: {EFFECTS[each.effect]}")
        for line in _why(each):
            click.echo(f"  {line}")
    for finding in planned.findings:
        click.echo(f"draft: {finding.line()}")
    for warning in planned.warnings:
        click.echo(f"warning: {warning}")
    counts = [(sum(each.effect is effect for each in planned.documents), words) for effect, words in EFFECTS.items()]
    click.echo(f"Plan: {', '.join(f'{number} {words}' for number, words in counts if number) or 'nothing given'}.")


def _why(planned: Planned) -> Iterator[str]:
    found = planned.differences
    yield from (each.line() for each in found)
    if planned.effect is Effect.CHANGE and not found:
        draft = planned.before is not None and planned.sound is (planned.before.state is DocumentState.DRAFT)
        yield ("it is no draft any more" if planned.sound else "it becomes a draft") if draft else "only its text"


def _planned(planned: Planned) -> dict[str, Any]:
    return {
        "kind": planned.document.kind,
        "id": planned.document.id,
        "effect": planned.effect.value,
        "version": planned.before.version if planned.before else None,
        "differences": [each.as_json() for each in planned.differences],
    }


# -- documents by name


def _located(target: Target, name: str) -> tuple[str, str]:
    """The kind and id that `KIND/ID`, or an id alone, stands for; a removed document is found, too."""
    kind, _, identifier = name.rpartition("/")
    if kind and kind not in KINDS:
        fail([f"There is no kind {named(kind)}; choose one of {', '.join(KINDS)}."])
    kinds = [kind] if kind else list(KINDS)
    found = [each for each in kinds if target.configurations.get(each, identifier)]
    found = found or [each for each in kinds if target.configurations.versions(each, identifier)]
    if not found:
        fail([f"There is no document {named(identifier)}."])
    if len(found) > 1:
        fail([f"{identifier} is several documents; say which: {', '.join(f'{each}/{identifier}' for each in found)}."])
    return found[0], identifier


def _current(target: Target, name: str) -> Stored:
    stored = target.configurations.get(*_located(target, name))
    if stored is None:
        fail([f"{name} was removed; `leadbridge history {name}` lists its versions, `rollback` restores one."])
    return stored


def _versions(target: Target, name: str) -> Sequence[Stored]:
    return target.configurations.versions(*_located(target, name))


def _version(stored: Stored, before: Stored | None) -> dict[str, Any]:
    found = changes(before.document, stored.document) if before else []
    return {
        "version": stored.version,
        "at": stored.change.at.isoformat() if stored.change.at else None,
        "author": stored.change.author or None,
        "note": stored.change.note or None,
        "differences": [each.as_json() | {"line": each.line()} for each in found],
    }
