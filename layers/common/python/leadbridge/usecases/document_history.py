"""The versions of a document, and what differs between them."""

from collections.abc import Sequence
from dataclasses import dataclass

from leadbridge.domain.differences import Difference, changes
from leadbridge.domain.findings import label
from leadbridge.domain.lifecycle import Stored
from leadbridge.errors import ConfigurationError
from leadbridge.ports import Configurations


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version, and what it changed; the first one changed nothing."""

    stored: Stored
    differences: Sequence[Difference]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What differs between two versions."""

    older: int
    newer: int
    differences: Sequence[Difference]
    #: they mean the same in other words
    only_text: bool


def history(configurations: Configurations, kind: str, identifier: str) -> list[Version]:
    """Every version, the newest first; none of a document that never was."""
    versions = configurations.versions(kind, identifier)
    return [
        Version(stored=each, differences=changes(before.document, each.document) if before else ())
        for each, before in zip(versions, [*versions[1:], None], strict=False)
    ]


def compare(
    configurations: Configurations, kind: str, identifier: str, older: int | None = None, newer: int | None = None
) -> Comparison:
    """What differs between two versions; without their numbers the newest one and the one before it.

    Raises:
        ConfigurationError: There is no such version.
    """
    versions = {each.version: each for each in configurations.versions(kind, identifier)}
    last = newer or max(versions, default=0)
    first = older or last - 1
    absent = [number for number in (first, last) if number not in versions]
    if absent:
        raise ConfigurationError([f"{label(kind, identifier)} has no version {number}" for number in absent])
    found = changes(versions[first].document, versions[last].document)
    same_text = versions[first].change.text == versions[last].change.text
    return Comparison(older=first, newer=last, differences=found, only_text=not found and not same_text)
