"""What is said of companies, owners, opportunities, Campaigns and the like in a cycle: one sentence for each code."""

from collections.abc import Mapping

WORDS: Mapping[str, str] = {
    "account_unknown": "Left alone: the Account is gone, or hidden from our user.",
    "account_back": "Not deleted: the Account is back in Salesforce since; the company is looked at again.",
    "person_account": "Left alone: the Account is a person, and Marketo has no company for it.",
    "company_unusable": (
        "Left alone: the company's `externalCompanyId` is no id of an Account, so somebody else made it. Move its "
        "people to companies of Accounts."
    ),
    "fan_out": (
        "Not written: the edit would change {people} people of the company, and `companies.fan_out` allows {most}. "
        "Raise it to let the edit through, or take it back."
    ),
    "user_not_standard": "Left alone: the User is a guest, a portal's, or a process, and sells nothing.",
    "owner_is_queue": "The record belongs to a queue, so nobody owns it in Marketo.",
    "owner_inactive": "The owner of the record was deactivated. Give it another owner.",
    "owner_unknown": "The owner of the record is hidden from our user, so nobody owns it in Marketo.",
    "stage_unknown": (
        "Whether it is closed was left as it is: Salesforce hides IsClosed or IsWon, and has no stage of this name."
    ),
    "role_waits": "Not written: the Contact is no person of Marketo yet; the role is looked at again.",
    "role_follows": "The Contact is no person of Marketo yet: the role is made once it is one.",
    "role_moved": "The role has another name or Contact now: one was made in place of the one before.",
    "stage_waits": (
        "Not written: the Contact is no person of Marketo yet, who could take the stage or track of the Opportunity."
    ),
    "no_primary": "Nobody takes its stage: none of its Contact roles is the primary one.",
    "stage_taken": "The person takes the stage of the Opportunity in which the Contact has the primary role.",
    "on_track": "An Opportunity in which the Contact has the primary role was closed: the person changes programs.",
    "only_in_marketo": (
        "Left alone: Marketo has it, and Salesforce does not, or hides it from our user. Delete it in Marketo if "
        "nobody needs it."
    ),
    "role_shared": "Left alone: another Contact role of the Opportunity says the same.",
    "campaign_follows": "Its Campaign is made first.",
    "campaign_unmade": "Not written: its Campaign was not made.",
    "nobodys_record": "Left alone: the person is no Lead or Contact of Salesforce.",
    "member_twice": "Left alone: another person of the program names the same Salesforce record. Merge the two.",
    "not_tried": "Not written: the run ended before. {why}",
    "conflict_left": "Both systems changed {fields}; the policy leaves both as they are.",
    "contested": "Both systems rewrite {fields} whenever the other one changes; both were left as they are.",
    "decided": "Both systems changed {fields}; the policy decided.",
    "values_unusable": "Some fields were left as they are: {why}",
}


def worded(code: str, **facts: object) -> str:
    """The sentence of a code."""
    return WORDS[code].format(**facts).strip()
