"""Who had said no before a merge: an opt-out outlives the record that it was made with.

Of a pair of consent fields true says no. In a merge the winner's values stay, and a "no" that was never said is a value
like others, so that nothing but us remembers what the loser had said.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from leadbridge.domain.belonging import yes
from leadbridge.domain.crm_cycle import ADDRESS_FIELDS, CycleField, Persons
from leadbridge.domain.cycle_link import Link
from leadbridge.domain.cycle_people import PREFIXES, kinds
from leadbridge.domain.three_way import Side

_KINDS = {prefix: name for name, prefix in PREFIXES.items()}


def consents(persons: Persons, record: str) -> Sequence[CycleField]:
    """The pairs of consent fields of a Salesforce record, by its id; none where its kind is not kept in step."""
    fields = kinds(persons).get(_KINDS.get(record[:3], ""))
    return [pair for pair in fields.pairs if pair.opts_out] if fields else []


def opted_out(
    link: Link, persons: Persons, digest_of_yes: str, held: Mapping[Side, Mapping[str, Any]]
) -> frozenset[str]:
    """Marketo's fields by which two linked records say no, at the last look or as they are `held` by now.

    `held`: the records that could be read still, by side.
    """
    return frozenset(
        pair.marketo
        for pair in consents(persons, link.salesforce_id)
        if pair.marketo not in ADDRESS_FIELDS
        and (
            (pair.pair in link.memory and digest_of_yes in link.memory[pair.pair][:2])
            or yes(held.get(Side.MARKETO, {}).get(pair.marketo))
            or yes(held.get(Side.SALESFORCE, {}).get(pair.salesforce))
        )
    )
