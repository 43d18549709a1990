"""What is said of records of a cycle that were not written: one sentence for each code, without a value of a person."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "not_made_in_marketo": "Not made in Marketo: `create_in_marketo` leaves the record out.",
    "not_made_in_salesforce": "Not made in Salesforce: `create_in_salesforce` leaves the person out.",
    "no_key": (
        "Not made in Salesforce: the person has no e-mail address by which a second Lead could be told from the first. "
        "Give an address, or name a field in `marketo_id_field`."
    ),
    "link_unusable": "Left alone: the field of the Salesforce id holds no id of a Lead or Contact. Correct it.",
    "link_lost": "Left alone: the Salesforce record that the person names is gone, or hidden. Correct the field.",
    "linked_twice": "Left alone: another person names the same Salesforce record. Merge the two.",
    "person_linked_elsewhere": (
        "Left alone: the person with this e-mail address belongs to another Salesforce record. Merge the two records."
    ),
    "record_linked_elsewhere": (
        "Left alone: the Salesforce record with this e-mail address belongs to another person. Merge the two people."
    ),
    "converted": "Left alone: the Lead was converted; its Contact goes on.",
    "gone": "Not there any more: the record that was to be tried again is gone, or hidden.",
    "person_deleted": "Left alone: the person was deleted in Marketo, and the policy leaves the record as it is.",
    "person_merged": "Left alone: the person was merged in Marketo into one who has another record.",
    "record_deleted": "Left alone: the record was deleted in Salesforce, and the policy leaves the person as it is.",
    "record_merged": "Left alone: the record was merged in Salesforce into one that has another person.",
    "refused": "Left alone: what was to be done about a merge or deletion was refused, and is tried again.",
    "not_tried": "Not written: the run ended before. {why}",
    "values_unusable": "Some fields were left as they are: {why}",
    "conflict_left": "Both systems changed {fields}; the policy leaves both as they are.",
    "contested": "Both systems rewrite {fields} whenever the other one changes; both were left as they are.",
    "decided": "Both systems changed {fields}; the policy decided.",
}


def worded(code: str, **facts: object) -> str:
    """The sentence of a code."""
    return WORDS[code].format(**facts).strip()
