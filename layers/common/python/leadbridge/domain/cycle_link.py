"""That a record of Marketo and one of Salesforce are one."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from leadbridge.domain.three_way import Memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A Marketo record and a Salesforce record that are one, and what both held at the last look."""

    salesforce_id: str
    marketo_id: str
    #: by the name of the pair of fields
    memory: Mapping[str, Memory] = field(default_factory=dict)
    #: the Salesforce record in which this one lives on: it was merged, or converted
    moved_to: str = ""
    #: one of the two is gone and the other one stays by itself; why, by a code of `domain.fates.Parted`
    parted: str = ""
