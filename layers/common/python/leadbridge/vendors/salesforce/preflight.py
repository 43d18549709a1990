"""A look through a Salesforce connection before anything depends on it: login, quota, version, objects, fields, writes.

Whether a record may be written is tried with an Id that no record has. Source: REST API, limits and describe; the
object-level permissions of Describe are those of the integration user.
"""

from collections.abc import Iterator, Mapping

from leadbridge.domain.preflight import Finding, Level
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.salesforce_needs import Need
from leadbridge.errors import AuthenticationError, PermanentError, QuotaExhaustedError, SyncError, TransientError
from leadbridge.vendors.salesforce.api import Api
from leadbridge.vendors.salesforce.row_writes import RowWrites
from leadbridge.vendors.salesforce.schema import ObjectSummary, Schema

#: what Salesforce says of an Id that no record has, to somebody who may write the object
_ABSENT = frozenset(
    {"ENTITY_IS_DELETED", "INVALID_CROSS_REFERENCE_KEY", "NOT_FOUND", "MALFORMED_ID", "INVALID_ID_FIELD"}
)
_PERMISSIONS = "Setup > Permission Sets > Leadbridge > Object Settings"
_SHARE_LEFT = 0.2


def preflight(
    api: Api, schema: Schema, rows: RowWrites, needs: Mapping[str, Need], *, organization: str | None
) -> Iterator[Finding]:
    """Look at one thing after the other; without a login the first finding is the last."""
    try:
        limits = schema.limits()
    except (AuthenticationError, QuotaExhaustedError, TransientError) as error:
        yield Finding(
            level=Level.ERROR, what="Salesforce does not let us in", remedy=f"{error.detail.removesuffix('.')}."
        )
        return
    except PermanentError as error:
        yield Finding(
            level=Level.ERROR,
            what=f"the API does not answer as it should ({error.code})",
            remedy="Is `api_version` one that the org has? The user needs `API Enabled`, the edition the API.",
        )
        return
    yield Finding(level=Level.FINE, what="the login works, and the API version is there")
    yield _org(organization, api.organization_id)
    yield _quota(limits)
    try:
        visible = {each.name: each for each in schema.objects()}
    except PermanentError as error:
        yield Finding(level=Level.ERROR, what=f"the objects cannot be listed ({error.code})", remedy=error.detail)
        return
    if not needs:
        yield Finding(
            level=Level.FINE, what="no Action and no Sync uses this connection yet, so no object was looked at"
        )
    for name, need in sorted(needs.items()):
        yield from _object(schema, rows, visible.get(name), name, need)


def _org(named: str | None, answering: str) -> Finding:
    """The org that the document names against the one that answers."""
    if named is None or named == answering:
        return Finding(level=Level.FINE, what=f"the org that answers is {answering or 'unknown'}")
    if not answering:
        return Finding(
            level=Level.WARNING,
            what=f"the org does not say whether it is {named}, which `organization_id` names",
            remedy="Compare it with Setup > Company Information.",
        )
    return Finding(
        level=Level.ERROR,
        what=f"the org that answers is {answering}, but `organization_id` names {named}",
        remedy=(
            f"Is it the right org? A refreshed sandbox has a new id: put {answering} into `organization_id` and apply "
            "the document. If not, correct `token_host`, `client_id` and `username`."
        ),
    )


def _quota(limits: Mapping[str, object]) -> Finding:
    daily = limits.get("DailyApiRequests")
    if not isinstance(daily, dict) or not daily.get("Max"):
        return Finding(level=Level.WARNING, what="the org does not tell its calls of the day", remedy="Nothing to do.")
    left, most = int(daily.get("Remaining", 0)), int(daily["Max"])
    what = f"{most - left:,} of {most:,} calls of the last 24 hours are used, by all integrations"
    if left > _SHARE_LEFT * most:
        return Finding(level=Level.FINE, what=what)
    return Finding(level=Level.WARNING, what=what, remedy="See who calls so much: Setup > Company Information.")


def _object(schema: Schema, rows: RowWrites, summary: ObjectSummary | None, name: str, need: Need) -> Iterator[Finding]:
    if summary is None:
        yield Finding(
            level=Level.ERROR, what=f"the user does not see the object {name}", remedy=f"Allow it: {_PERMISSIONS}."
        )
        return
    described = schema.describe(name)
    wrong = [*_rights(described, need), *_fields(described, need)]
    if need.edit and described.updateable:
        wrong += _update_of_nothing(rows, summary)
    yield from wrong
    if not wrong:
        yield Finding(level=Level.FINE, what=f"{name} can be read and written as it is to be")


def _rights(described: ObjectDescription, need: Need) -> Iterator[Finding]:
    for wanted, has, word in (
        (need.create, described.createable, "create"),
        (need.edit, described.updateable, "edit"),
        (need.delete, described.deletable, "delete"),
    ):
        if wanted and not has:
            yield Finding(
                level=Level.ERROR,
                what=f"the user may not {word} {described.name} records",
                remedy=f"Allow it: {_PERMISSIONS} > {described.name}.",
            )


def _fields(described: ObjectDescription, need: Need) -> Iterator[Finding]:
    hidden = sorted(name for name in need.written | need.read if name not in described.fields)
    closed = sorted(
        name
        for name in need.written
        if name in described.fields and not (described.fields[name].createable or described.fields[name].updateable)
    )
    for names, what in ((hidden, "does not see"), (closed, "may not write")):
        if names:
            yield Finding(
                level=Level.ERROR,
                what=f"the user {what} {', '.join(f'{described.name}.{name}' for name in names)}",
                remedy=f"Is the name right? Then allow it: {_PERMISSIONS} > {described.name} > Field Permissions.",
            )


def _update_of_nothing(rows: RowWrites, summary: ObjectSummary) -> list[Finding]:
    nobody = f"{summary.key_prefix}000000000000AAA"
    try:
        code = rows.update(summary.name, [{"Id": nobody}])[0].code
    except SyncError as error:
        code = error.code
    if code in _ABSENT:
        return []
    return [
        Finding(
            level=Level.ERROR,
            what=f"a write to {summary.name} was refused ({code})",
            remedy="docs/errors.md tells what the code means.",
        )
    ]
