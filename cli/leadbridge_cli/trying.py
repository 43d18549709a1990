"""`leadbridge try`: what an Action would do with a person, and nothing done."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from leadbridge.domain import webhook
from leadbridge.domain.action import Action
from leadbridge.domain.outcome import message
from leadbridge.usecases.tried import Trial
from leadbridge.usecases.try_action import TryAction
from leadbridge_cli.common import as_json, fail, named, pass_target
from leadbridge_cli.stack import Target

#: why a chained object would not be run
_STATES = {"not_after": "not run, by what it follows", "stopped": "not run, as one before it fails"}


@click.command("try")
@click.argument("action")
@click.option("--lead", type=click.IntRange(min=1), help="Marketo lead id; the person is read from Marketo.")
@click.option(
    "--payload",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with the body of a call: JSON, XML or form-encoded.",
)
@click.option("--version", type=click.IntRange(min=1), help="An older version.")
@as_json
@pass_target
def try_(
    target: Target, /, action: str, *, lead: int | None, payload: Path | None, version: int | None, as_json: bool
) -> None:
    """Show what an Action would write for a person, field by field; writes nothing."""
    if (lead is None) == (payload is None):
        fail(["Say who: --lead ID or --payload FILE."])
    stored = target.configurations.get("action", action, version)
    if stored is None:
        fail([f"There is no Action {named(action)}{f' version {version}' if version else ''}."])
    run = TryAction(
        documents=target.configurations,
        connections=target.connections,
        clock=target.clock,
        hash_key=lambda: b"a try holds no key",
    )
    if payload:
        # another system may not know the lead id
        given = _read(payload, lead_optional=not isinstance(stored.document, Action))
        trial = run.with_payload(action, given, version)
    else:
        trial = run.with_lead(action, lead or 0, version)
    if as_json:
        click.echo(json.dumps(trial.as_json(), ensure_ascii=False))
        return
    for line in lines(trial):
        click.echo(line)


def _read(file: Path, *, lead_optional: bool) -> dict[str, Any]:
    try:
        return webhook.parse(file.read_bytes(), lead_optional=lead_optional)
    except webhook.UnusableBodyError as fault:
        fail([message(fault.reason, **fault.facts)])


def lines(trial: Trial) -> Iterator[str]:
    """A trial as a short tree; values are shown, they are for the person at the keyboard."""
    word = trial.outcome or trial.state
    who = f"lead {trial.lead_id}" if trial.lead_id else "a person who is not in Marketo"
    yield f"{trial.action} (version {trial.version}) with {who}: would be {word}"
    if trial.message:
        yield f"  {trial.message}"
    for step in trial.steps:
        facts = ", ".join(_facts(step.facts))
        yield f"  {step.step.replace('_', ' ')}: {step.result.replace('_', ' ')}{f' ({facts})' if facts else ''}"
        for clause in step.facts.get("clauses", ()):
            yield f"    {clause['path']}: {clause['column']} {clause['operator']}: {clause['result'].replace('_', ' ')}"
    if trial.operation:
        yield f"  {trial.operation} {trial.object} {trial.record_id or ''}".rstrip()
    for change in trial.fields:
        sign = "~" if change.changes else "="
        yield f"    {sign} {change.field}: {_words(change.before)} → {_words(change.after)}"
    yield from _links(trial)
    yield from _of_marketo(trial)
    for mapping in trial.mappings:
        if mapping.get("failure"):
            yield f"  {mapping['field']}: {mapping['failure']}"
    if trial.activity:
        yield f"  activity {trial.activity['type']}: {trial.activity['primary']}"
    yield "Nothing was written."


def _of_marketo(trial: Trial) -> Iterator[str]:
    """What would be written to the person and to the program's membership."""
    for back in trial.writeback:
        unsure = " (as the record will have it)" if back.field in trial.assumed else ""
        yield f"  back to Marketo: {back.field}: {_words(back.before)} → {_words(back.after)}{unsure}"
    if trial.membership:
        yield f"  program {trial.membership['program']}: status {_words(trial.membership['status'])}"
        for name, value in trial.membership["fields"].items():
            unsure = " (as the record will have it)" if name in trial.membership["assumed"] else ""
            yield f"    {name}: {_words(value)}{unsure}"


def _links(trial: Trial) -> Iterator[str]:
    for link in trial.chained:
        yield f"  chained {link.name} ({link.object}): {_STATES.get(link.state, f'would be {link.state}')}"
        if link.message:
            yield f"    {link.message}"
        yield from (f"    {name}: {_words(value)}" for name, value in link.fields.items())


def _facts(facts: Mapping[str, Any]) -> Iterator[str]:
    """What a step was decided by; what there is none of is not named, and clauses have lines of their own."""
    for name, value in facts.items():
        if name == "looks":
            yield f"looks for {', '.join(f'{each["object"]} by {each["field"]}' for each in value)}"
        elif name != "clauses" and value not in ([], None):
            yield f"{name.replace('_', ' ')} {_words(value)}"


def _words(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping | list):
        return ", ".join(str(each) for each in value) or "none"
    return json.dumps(value, ensure_ascii=False)
