"""Which permission of the API-only user's role each call needs.

A rule holds for the paths that begin like it, the first that fits. Source: the list of endpoints in the vendor's guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_READ_WRITE = [
    # path, what the pair "Read-Only ..." and "Read-Write ..." is about
    (r"/rest/v1/activities/external/type", "Activity Metadata"),
    (r"/(rest|bulk)/v1/activities", "Activity"),
    (r"/rest/v1/campaigns", "Campaigns"),
    (r"/rest/v1/companies", "Company"),
    (r"/rest/v1/opportunities", "Opportunity"),
    (r"/rest/v1/salespersons", "Sales Person"),
    (r"/rest/v1/customobjects/schema", "Custom Object Type"),
    (r"/(rest|bulk)/v1/customobjects", "Custom Object"),
    (r"/rest/asset/v1/", "Assets"),
    (r"/rest/v1/leads/\d+/(list|program|smartCampaign)Membership", "Assets"),
    (r"/", "Lead"),
]
_SINGLE = [
    (r"\w+ /rest/v1/stats/", ()),
    (r"POST /rest/v1/campaigns/\d+/(trigger|schedule)", ("Execute Campaign",)),
    (r"POST /rest/asset/v1/smartCampaign/\d+/activate", ("Activate Campaign",)),
    (r"POST /rest/asset/v1/smartCampaign/\d+/deactivate", ("Deactivate Campaign",)),
    (r"POST .*/schema/fields\.json", ("Read-Write Schema Custom Field",)),
    (r"\w+ .*/schema/fields[/.]", ("Read-Write Schema Standard Field", "Read-Write Schema Custom Field")),
]

PERMISSIONS = sorted(
    {f"Read-{each} {subject}" for _, subject in _READ_WRITE for each in ("Only", "Write")}
    | {name for _, names in _SINGLE for name in names}
)
"""Every permission by name; a fresh role has them all."""


def needed(method: str, path: str) -> tuple[str, ...]:
    """Give the permissions of which a call needs one; none where everybody may call."""
    for pattern, names in _SINGLE:
        if re.match(pattern, f"{method} {path}"):
            return names
    subject = next(subject for pattern, subject in _READ_WRITE if re.match(pattern, path))
    # an extract only reads, although its jobs are made by POST
    reads = method == "GET" or "/export" in path
    if "/import" in path or re.match(r"/bulk/v1/leads(/batch|\.json)", path):
        reads = False
    return (f"Read-Only {subject}", f"Read-Write {subject}") if reads else (f"Read-Write {subject}",)


def allowed(method: str, path: str, denied: Iterable[str]) -> bool:
    """Say whether a role without some permissions may call."""
    names = needed(method, path)
    return not names or bool(set(names) - set(denied))
