"""What calls about assets have in common: the place of an asset, and the time it was changed in."""

from datetime import datetime
from typing import Any

from leadbridge.domain.marketo import Folder
from leadbridge.vendors.marketo.values import timestamp


def place(folder: Folder) -> dict[str, Any]:
    """A folder or program as the parent of an asset."""
    return {"id": folder.number, "type": folder.type}


def changed(since: datetime | None, until: datetime | None) -> dict[str, str]:
    """The parameters of a browse for what was changed in a time, both ends inclusive."""
    ends = {"earliestUpdatedAt": since, "latestUpdatedAt": until}
    return {name: timestamp(at) for name, at in ends.items() if at is not None}
