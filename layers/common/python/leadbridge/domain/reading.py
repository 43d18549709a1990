"""What the watermark of a Sync stands for: which records are carried, and which of their values. Pure.

A watermark says that whatever changed before it has been carried over, as the Sync said then. Where the Sync says by
now that other records or other values are to be carried, older ones were not, so everything is read once more.
"""

import hashlib
import json

from leadbridge.domain.sync import Sync
from leadbridge.domain.syncing import Standing

#: members of a Sync that decide which records are carried, and which of their values
_DECIDING = ("source", "destination", "match", "import_rule", "dedupe", "conditions", "mappings")
#: of ends how a record is written, which leaves alone what has been carried
_HOW = frozenset({"duplicate_rules", "idempotency_field", "partition"})


def deciding(sync: Sync) -> dict[str, str]:
    """What of a Sync decides what is carried: members by the names that documents have, each as JSON.

    Of rows that become calls it is where they come from and go to: a call that was made is not taken back, and nobody
    is called again because later calls bring other values.
    """
    names = _DECIDING[:2] if sync.destination.action else _DECIDING
    said = sync.model_dump(mode="json", by_alias=True, exclude_defaults=True, include=set(names))
    said["destination"] = {name: value for name, value in said["destination"].items() if name not in _HOW}
    return {name: json.dumps(value, sort_keys=True, separators=(",", ":")) for name, value in said.items()}


def fingerprint(sync: Sync) -> str:
    """What a Sync carries, as 16 hexadecimal digits: those of two are the same where they carry the same."""
    return hashlib.sha256(json.dumps(deciding(sync), sort_keys=True).encode()).hexdigest()[:16]


def reads_anew(standing: Standing, sync: Sync) -> bool:
    """Whether a Sync's watermark stands for something else than what it carries by now.

    One that was stored before that was noted counts for the Sync as it is.
    """
    return standing.watermark is not None and standing.carried not in {"", fingerprint(sync)}


def changed_members(before: Sync, after: Sync) -> list[str]:
    """The members by which two versions of a Sync carry something else, in the order of documents."""
    old, new = deciding(before), deciding(after)
    order = dict.fromkeys((*new, *old))
    return [name for name in order if old.get(name) != new.get(name)]
