"""What is said of records of a cycle that were not written: one sentence for each code, without a value of a person."""

from collections.abc import Mapping

from leadbridge.domain.cycle_link import Link

WORDS: Mapping[str, str] = {
    "not_made_in_marketo": "Not made in Marketo: `create_in_marketo` leaves the record out.",
    "not_made_in_salesforce": "Not made in Salesforce: `create_in_salesforce` leaves the person out.",
    "no_key": (
        "Not made in Salesforce: the person has no e-mail address by which a second Lead could be told from the first. "
        "Give an address, or name a field in `marketo_id_field`."
    ),
    "not_kept": "Left alone: the person's record is a Lead or Contact, and the cycle keeps none of these in step.",
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
    "person_gone": (
        "Not written yet: the person is not in Marketo any more, and Marketo may tell some minutes late what became of "
        "it. The record is looked at again ten minutes later."
    ),
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


#: of a plan: which of them are made depends on what is written before
ACTIVITIES_UNPLANNED = "activities: are no part of a plan, since they are read behind what is written of people"
CHANGES_LOST = (
    "{kind}: Marketo tells of changed values for 90 days, and what changed since {since} was not carried over yet. So "
    "all people are read: those who are linked are compared, and those who were made since come along. Nobody is made "
    "of an older person whom the cycle did not keep in step; who is meant to be comes along once somebody changes it."
)
OBJECTS_FORESEEN = (
    "custom_objects: of what is linked to people or records that the run itself would make, the plan says that it is "
    "left out; the run writes it behind them"
)


#: why a record is looked at again, by the reason that is noted; of any other reason its write was refused
DUE_WORDS: Mapping[str, str] = {
    "": "It changed, or somebody asked for it; the next run looks at it.",
    "drifted": "It was edited between the read and the write; it is decided once more.",
    "person_gone": "Its person is not in Marketo any more, which may tell some minutes late what became of it.",
    "moved": "It belongs to another record since a merge or conversion; the two are compared again.",
    "not_tried": "The run ended before it was written.",
    "fan_out": "The edit would change more people of the company than `companies.fan_out` allows.",
    "stage_waits": "Its Contact is no person of Marketo yet, who could take the stage.",
    "role_waits": "Its Contact is no person of Marketo yet.",
}
_REFUSED = "Its write was refused with {reason}; `leadbridge cycle record` shows the vendor's words."
_TRIED = " Tried {tries} {times} again since."


def due_said(reason: str, tries: int) -> str:
    """The sentence of a record that is due again."""
    said = DUE_WORDS[reason] if reason in DUE_WORDS else _REFUSED.format(reason=reason)
    return said + (_TRIED.format(tries=tries, times="time" if tries == 1 else "times") if tries else "")


_LINKED = "Linked: {record} in Salesforce and {person} in Marketo."
_MOVED = "Moved: {record}, which was linked to {person} in Marketo, lives on in {into}: it was merged, or converted."
_GONE = "Linked before: {record} in Salesforce; its record in Marketo is gone."


def link_said(link: Link) -> str:
    """The sentence of a link."""
    facts = {"record": link.salesforce_id, "person": link.marketo_id, "into": link.moved_to}
    said = _MOVED if link.moved_to else _LINKED if link.marketo_id else _GONE
    return f"{said.format(**facts)} {worded(link.parted) if link.parted else ''}".strip()
