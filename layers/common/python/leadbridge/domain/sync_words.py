"""What is said of rows and runs of Syncs: one sentence for each code, without a value of a person."""

from collections.abc import Mapping
from typing import NamedTuple

WORDS: Mapping[str, str] = {
    "identifier_missing": "Skipped: the row has no value in {column}, so no record can be matched.",
    "identifier_invalid": "Skipped: the value in {column} is not a valid {type}.",
    "condition_not_met": "Skipped by a condition: {clause}.",
    "not_there": "Skipped: no {object} has this value in {field}, and the Sync only updates.",
    "already_there": "Skipped: a {object} has this value in {field}, and the Sync only creates.",
    "duplicate_row": "Duplicate: several rows of the source have this value in {column}; the rule is {rule}.",
    "key_too_often": (
        "More than {most} rows of the source have this value in {column}; of further ones nothing was written. Choose "
        "another dedupe rule, or match by more fields."
    ),
    "ambiguous_match": (
        "Several {object} records match {field}: {candidates}. Nothing was written; merge them or set a duplicate "
        "record rule."
    ),
    "rows_gone": "{count} of the {wanted} rows that were to be tried again are no longer in the source.",
    "read_anew": (
        "Everything was read, and not only what changed, as the Sync carries other records or values than it did in "
        "the run before. What was the same already was not written."
    ),
    "too_many_logged": (
        "The subscription makes no bulk extracts, and since {since} there are about {number} activities, more than "
        "the {most} that are read page by page: begin at {begin} or later (low_watermark), or have Marketo enable "
        "Bulk Extract."
    ),
    "vendor_refused": "{vendor} refused the record: {code} {detail}.",
    "not_written_back": "The record is {outcome}, but the source record did not take what is written back: {detail}.",
    "drifted": "Not written: the record has changed since the plan was made, {why}. Plan again.",
    "gone_too": "Skipped: the source record was deleted, and the destination has no record of it (any more).",
    "gone_already": "Skipped: the record that was to be deleted is not there any more.",
    "gone_lives_on": "Skipped: the source record was deleted, but the source has a record of the same key.",
    "gone_waits": (
        "Skipped for now: the source record was deleted, but the source has a record of the same key that was changed "
        "after what this run has read. The next run, which reads that one, looks at this deletion again."
    ),
    "gone_merged": "Skipped: the source record was merged into another one, which is moved as every other.",
    "gone_unknown": "Skipped: the source record was deleted, and nothing is known by which its record could be found.",
    "deletes_lost": (
        "What was deleted before {known} is not told by {vendor} (any more): records of it may be left in the "
        "destination. Compare both sides."
    ),
    "event_won": (
        "Skipped: an event wrote the record after the rows were read, and the source has no row of this id and key any "
        "more; what it holds stands."
    ),
    "vendor_left": "{vendor} left the record as it was: {code} {detail}.",
}


class Said(NamedTuple):
    """A code and its sentence."""

    reason: str
    message: str


def said(reason: str, **facts: object) -> Said:
    """The sentence of a code; a fact that ends with a stop loses it."""
    return Said(reason, WORDS[reason].format(**{name: str(fact).removesuffix(".") for name, fact in facts.items()}))
