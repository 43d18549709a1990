"""Who may call which route: one table, by the least role that is enough.

Groups of the user pool are roles. Somebody of several groups has the highest of them, somebody of none may nothing.
Callers with an IAM principal are judged by IAM, before they arrive here.
"""

import re
from collections.abc import Iterable, Mapping
from enum import IntEnum


class Role(IntEnum):
    """Roles in order: each may what those below it may."""

    VIEWER = 1
    OPERATOR = 2
    ADMIN = 3


V, O, A = Role.VIEWER, Role.OPERATOR, Role.ADMIN  # noqa: E741 - columns of the table below
#: viewers read what holds no values of people; operators also see those, and run, stop and repeat what is configured;
#: admins change what is configured
LEAST_ROLES: Mapping[tuple[str, str], Role] = {
    ("GET", "/openapi.json"): V,
    ("GET", "/overview"): V,
    ("GET", "/connections"): V,
    ("GET", "/connections/{connection_id}"): V,
    ("PUT", "/connections/{connection_id}"): A,
    ("DELETE", "/connections/{connection_id}"): A,
    ("PUT", "/connections/{connection_id}/secret"): A,
    ("GET", "/connections/{connection_id}/setup"): V,
    ("POST", "/connections/{connection_id}/test"): O,
    ("GET", "/connections/{connection_id}/objects"): V,
    ("GET", "/connections/{connection_id}/objects/{object_name}/fields"): V,
    ("GET", "/connections/{connection_id}/activity-types"): V,
    ("GET", "/connections/{connection_id}/lists"): V,
    ("GET", "/connections/{connection_id}/campaigns"): V,
    ("GET", "/connections/{connection_id}/logged-types"): O,
    ("GET", "/connections/{connection_id}/programs"): O,
    ("GET", "/actions"): V,
    ("GET", "/actions/{action_id}"): V,
    ("PUT", "/actions/{action_id}"): A,
    ("DELETE", "/actions/{action_id}"): A,
    ("GET", "/actions/{action_id}/view"): V,
    ("GET", "/actions/{action_id}/webhook"): V,
    # whoever has the key may call the Action
    ("GET", "/actions/{action_id}/key"): A,
    ("POST", "/actions/{action_id}/try"): O,
    ("POST", "/documents/validate"): V,
    ("POST", "/documents/plan"): V,
    ("POST", "/documents/apply"): A,
    ("POST", "/documents/{kind}/{document_id}/state"): O,
    ("GET", "/documents/{kind}/{document_id}/history"): V,
    ("GET", "/documents/{kind}/{document_id}/diff"): V,
    ("POST", "/documents/{kind}/{document_id}/rollback"): A,
    ("GET", "/activity"): V,
    ("GET", "/pause"): V,
    ("PUT", "/pause"): O,
    ("GET", "/executions"): V,
    ("POST", "/executions/search"): V,
    ("GET", "/executions/{execution_id}"): V,
    ("POST", "/executions/redrive"): O,
    ("GET", "/callbacks"): V,
    ("POST", "/callbacks/send"): O,
    # an answer names ids and files of the person
    ("POST", "/people/forget"): A,
    ("GET", "/people/forgotten"): A,
    ("GET", "/syncs"): V,
    ("GET", "/syncs/{sync_id}"): V,
    ("PUT", "/syncs/{sync_id}"): A,
    ("DELETE", "/syncs/{sync_id}"): A,
    ("GET", "/syncs/{sync_id}/query"): V,
    ("POST", "/syncs/{sync_id}/preview"): O,
    ("GET", "/syncs/{sync_id}/price"): V,
    ("GET", "/syncs/{sync_id}/plan-price"): V,
    ("GET", "/syncs/{sync_id}/executions"): V,
    ("POST", "/syncs/{sync_id}/executions"): O,
    ("GET", "/syncs/{sync_id}/executions/{slot}"): V,
    ("GET", "/syncs/{sync_id}/executions/{slot}/failed"): O,
    ("GET", "/syncs/{sync_id}/executions/{slot}/failed.csv"): O,
    ("GET", "/syncs/{sync_id}/executions/{slot}/rows"): O,
    ("POST", "/syncs/{sync_id}/executions/{slot}/ask"): O,
    ("POST", "/syncs/{sync_id}/executions/{slot}/retry"): O,
    ("POST", "/syncs/{sync_id}/plans"): O,
    ("GET", "/syncs/{sync_id}/plans/{slot}"): O,
    ("POST", "/syncs/{sync_id}/plans/{slot}/apply"): O,
    ("GET", "/cycles"): V,
    ("GET", "/cycles/{cycle_id}"): V,
    ("PUT", "/cycles/{cycle_id}"): A,
    # asks both systems what they describe
    ("POST", "/cycles/propose"): O,
    ("POST", "/cycles/provisioning"): O,
    ("POST", "/cycles/provisioning/make"): A,
    # samples both systems of all kinds of records, which spends more calls than a look may
    ("GET", "/cycles/{cycle_id}/price"): O,
    # asks both systems of each person who has a role
    ("GET", "/cycles/{cycle_id}/attribution"): O,
    ("GET", "/cycles/{cycle_id}/executions"): V,
    ("POST", "/cycles/{cycle_id}/executions"): O,
    ("GET", "/cycles/{cycle_id}/executions/{slot}"): V,
    ("POST", "/cycles/{cycle_id}/executions/{slot}/ask"): O,
    # the words with which a vendor refused a write may hold what was to be written
    ("GET", "/cycles/{cycle_id}/executions/{slot}/rows"): O,
    ("GET", "/cycles/{cycle_id}/records/{record_id}"): O,
    ("GET", "/cycles/{cycle_id}/due"): V,
    ("POST", "/cycles/{cycle_id}/plans"): O,
    ("GET", "/cycles/{cycle_id}/plans/{slot}"): O,
}


def pattern_of(path: str) -> str:
    """The regular expression of a route's address; its parts are named groups."""
    return re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path))


_PATTERNS = tuple((method, re.compile(pattern_of(path)), role) for (method, path), role in LEAST_ROLES.items())


def role_of(groups: Iterable[str]) -> Role | None:
    """The highest role among groups of the pool; None if none of them is one."""
    known = [Role[name.upper()] for name in groups if name in _NAMES]
    return max(known, default=None)


def least_role(method: str, path: str) -> Role | None:
    """The least role that may call a route; None where there is no such route."""
    return max((role for verb, pattern, role in _PATTERNS if verb == method and pattern.fullmatch(path)), default=None)


_NAMES = frozenset(role.name.lower() for role in Role)
