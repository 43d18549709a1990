"""What is said of people who were merged, converted or deleted: a sentence for each code, without a person's values."""

from collections.abc import Mapping

#: `{record}` is the Salesforce record, `{person}` Marketo's person
FATE_WORDS: Mapping[str, str] = {
    "both_gone": "Record {record} and person {person} are both gone; nothing is left to keep in step.",
    "lives_on": "One of record {record} and person {person} is gone, the other has another counterpart.",
    "linked_anew": "Person {person} was linked to another Salesforce record by hand; {record} is left alone.",
    "stays_parted": "Record {record} took the place of one whose person is gone in Marketo; it stays by itself.",
    "merged_over": "After a merge record {record} and person {person} belong to each other.",
    "converted": "The Lead was converted: person {person} is the Contact {record} now.",
    "merged_like_records": "Salesforce merged two records into {record}: person {person} is merged as well in Marketo.",
    "converted_into_contact": (
        "The Lead was converted into the Contact {record}, who is a person in Marketo already: {person} is merged into "
        "that one."
    ),
    "person_opted_out": "Somebody who became person {person} had opted out: that person has, in Marketo.",
    "record_opted_out": "Somebody who became record {record} had opted out: that record says so in Salesforce.",
    "opt_out_left": (
        "Somebody who became person {person} with record {record} had opted out, but a field that would say so is "
        "hidden, or cannot be changed; open it and set it by hand."
    ),
    "person_merged_deleted": "Marketo merged two people into {person}: the second one's record {record} is deleted.",
    "person_merged_flagged": "Marketo merged two people into {person}: the second one's record {record} is flagged.",
    "person_merged_ignored": "Marketo merged two people into {person}: the second one's record {record} is left alone.",
    "record_merged_flagged": "Salesforce merged two records into {record}: the second person {person} is flagged.",
    "record_merged_ignored": "Salesforce merged two records into {record}: the second person {person} is left alone.",
    "record_deleted_deleted": "Record {record} was deleted in Salesforce: person {person} is deleted in Marketo.",
    "record_deleted_flagged": "Record {record} was deleted in Salesforce: person {person} is flagged.",
    "record_deleted_ignored": "Record {record} was deleted in Salesforce: person {person} is left alone.",
    "record_back": "Record {record} is back in Salesforce since: person {person} is neither flagged nor deleted.",
    "person_merged_since": (
        "Person {person} was merged with another one since: it is neither flagged nor deleted, though record {record} "
        "is gone."
    ),
    "record_named_again": (
        "A person of Marketo names record {record} by now: it is neither flagged nor deleted for the sake of {person}."
    ),
    "record_merged_since": (
        "Record {record} was merged with another one since: it is neither flagged nor deleted for the sake of {person}."
    ),
    "record_converted_since": (
        "The Lead {record} was converted since: it is neither flagged nor deleted for the sake of {person}."
    ),
    "person_deleted_deleted": "Person {person} was deleted in Marketo: record {record} is deleted in Salesforce.",
    "person_deleted_flagged": "Person {person} was deleted in Marketo: record {record} is flagged.",
    "person_deleted_ignored": "Person {person} was deleted in Marketo: record {record} is left alone.",
}


def fate_said(why: str, record: str, person: str) -> str:
    """The sentence of a code."""
    return FATE_WORDS[why].format(record=record, person=person)
