"""A first draft of a CRM cycle, out of what both systems describe today; people change it before they apply it.

Fields that both vendors have by themselves are paired by a table, custom fields by their names. What a field can take
is Describe's word alone: a pair goes only where it can be written, and is left out where it cannot work at all, which a
note tells. Salesforce is right in a conflict, but for what marketing keeps: scores and the like (U01, U02).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from leadbridge.domain.crm_cycle import COMPANY_LINK, OPPORTUNITY_LINKS, OWNER_LINK
from leadbridge.domain.cycle_fields import is_marketings
from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.domain.values import family

type Mode = Literal["replace_native", "beside_native"]

#: Marketo's own fields of a person, and what a Lead and a Contact call them; the first name that there is counts
PERSON: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    ("email", ("Email",), ("Email",)),
    ("salutation", ("Salutation",), ("Salutation",)),
    ("firstName", ("FirstName",), ("FirstName",)),
    ("middleName", ("MiddleName",), ("MiddleName",)),
    ("lastName", ("LastName",), ("LastName",)),
    ("title", ("Title",), ("Title",)),
    ("department", (), ("Department",)),
    ("phone", ("Phone",), ("Phone",)),
    ("mobilePhone", ("MobilePhone",), ("MobilePhone",)),
    ("fax", ("Fax",), ("Fax",)),
    ("address", ("Street",), ("MailingStreet",)),
    ("city", ("City",), ("MailingCity",)),
    ("state", ("State",), ("MailingState",)),
    ("postalCode", ("PostalCode",), ("MailingPostalCode",)),
    ("country", ("Country",), ("MailingCountry",)),
    ("dateOfBirth", (), ("Birthdate",)),
    ("doNotCall", ("DoNotCall",), ("DoNotCall",)),
    ("unsubscribed", ("HasOptedOutOfEmail",), ("HasOptedOutOfEmail",)),
    ("leadSource", ("LeadSource",), ("LeadSource",)),
    ("leadStatus", ("Status",), ()),
    ("rating", ("Rating",), ()),
    ("leadScore", ("Score__c", "Lead_Score__c"), ("Score__c", "Lead_Score__c")),
    # what a company knows; of a Contact it is the Account's
    ("company", ("Company",), ()),
    ("website", ("Website",), ()),
    ("industry", ("Industry",), ()),
    ("annualRevenue", ("AnnualRevenue",), ()),
    ("numberOfEmployees", ("NumberOfEmployees",), ()),
)
#: Marketo's fields of a company, and those of an Account
COMPANY: tuple[tuple[str, str], ...] = (
    ("company", "Name"),
    ("website", "Website"),
    ("mainPhone", "Phone"),
    ("industry", "Industry"),
    ("annualRevenue", "AnnualRevenue"),
    ("numberOfEmployees", "NumberOfEmployees"),
    ("sicCode", "Sic"),
    ("billingStreet", "BillingStreet"),
    ("billingCity", "BillingCity"),
    ("billingState", "BillingState"),
    ("billingPostalCode", "BillingPostalCode"),
    ("billingCountry", "BillingCountry"),
)
#: Marketo's fields of an opportunity, and those of an Opportunity; the others are kept by the cycle
OPPORTUNITY: tuple[tuple[str, str], ...] = (
    ("name", "Name"),
    ("stage", "StageName"),
    ("amount", "Amount"),
    ("probability", "Probability"),
    ("expectedRevenue", "ExpectedRevenue"),
    ("closeDate", "CloseDate"),
    ("type", "Type"),
    ("description", "Description"),
    ("leadSource", "LeadSource"),
    ("nextStep", "NextStep"),
    ("lastActivityDate", "LastActivityDate"),
    ("quantity", "TotalOpportunityQuantity"),
    ("forecastCategory", "ForecastCategory"),
    ("forecastCategoryName", "ForecastCategoryName"),
    ("fiscal", "Fiscal"),
    ("fiscalQuarter", "FiscalQuarter"),
    ("fiscalYear", "FiscalYear"),
)
#: how people call the field of Marketo that holds the Salesforce id, its kind, and the account's id; the first counts
ID_NAMES = ("salesforceid", "sfdcid", "crmid", "salesforcerecordid", "sfid")
TYPE_NAMES = ("salesforcetype", "crmtype", "salesforceobject", "persontype")
ACCOUNT_NAMES = ("sfdcaccountid", "salesforceaccountid", "crmaccountid", "accountid", "sfaccountid")
#: where the pairs of an object of Salesforce stand
_FIELDS = {
    "Lead": "/persons/leads/fields",
    "Contact": "/persons/contacts/fields",
    "Account": "/companies/fields",
    "Opportunity": "/opportunities/fields",
}


@dataclass(frozen=True, slots=True)
class Note:
    """What the draft lacks, and the member that it is about."""

    pointer: str
    what: str


@dataclass(slots=True)
class Proposal:
    """A document as it would be written, and sentences about what it lacks."""

    document: dict[str, Any]
    found: list[Note] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        """The sentences."""
        return [each.what for each in self.found]

    def lacks(self, pointer: str, what: str) -> None:
        """Note that something is missing."""
        self.found.append(Note(pointer, what))


def propose(
    *,
    marketo: str,
    salesforce: str,
    mode: Mode,
    people: ObjectDescription,
    companies: ObjectDescription | None,
    opportunities: ObjectDescription | None,
    objects: Mapping[str, ObjectDescription],
) -> Proposal:
    """Draft a cycle of two connections.

    `people`, `companies` and `opportunities` are Marketo's, None where they are not to be had; `objects` those of Lead,
    Contact, Account, Opportunity and OpportunityContactRole that our user may see.
    """
    draft = Proposal(
        {
            "format": 1,
            "kind": "crm_cycle",
            "id": f"{salesforce}-{marketo}"[:60].strip("-"),
            "name": "Marketo and Salesforce in step",
            "marketo": marketo,
            "salesforce": salesforce,
            "mode": mode,
        }
    )
    if mode == "replace_native":
        draft.document["sales_persons"] = {}
        if companies is not None and "Account" in objects:
            pairs = _pairs(draft, companies, objects["Account"], ((name, (other,)) for name, other in COMPANY))
            draft.document["companies"] = {"fields": pairs}
        else:
            draft.lacks(
                "/companies",
                "Companies are left out: our users may not see Marketo's companies or Salesforce's Accounts. Grant "
                "access to both, and draft again.",
            )
    draft.document["persons"] = _persons(draft, people, objects)
    if mode == "replace_native":
        _add_opportunities(draft, opportunities, objects)
    return draft


def _add_opportunities(
    draft: Proposal, opportunities: ObjectDescription | None, objects: Mapping[str, ObjectDescription]
) -> None:
    """Opportunities, and who of the Contacts has a part in them; one way, whatever else could be written."""
    if opportunities is None or "Opportunity" not in objects:
        draft.lacks(
            "/opportunities",
            "Opportunities are left out: our users may not see Marketo's opportunities or Salesforce's. Grant access "
            "to both, and draft again.",
        )
        return
    known = ((name, (other,)) for name, other in OPPORTUNITY)
    found = _pairs(draft, opportunities, objects["Opportunity"], known, OPPORTUNITY_LINKS)
    pairs = [
        {name: each[name] for name in ("marketo", "salesforce")}
        for each in found
        if each.get("direction", "to_marketo") == "to_marketo"
    ]
    draft.document["opportunities"] = {"fields": pairs}
    if "OpportunityContactRole" in objects and "contacts" in draft.document["persons"]:
        draft.document["opportunity_roles"] = {}
    else:
        draft.lacks(
            "/opportunity_roles",
            "Roles of opportunities are left out: our user may not see Salesforce's Contacts and their roles "
            "(OpportunityContactRole). Grant access to both, and draft again.",
        )


def _persons(draft: Proposal, people: ObjectDescription, objects: Mapping[str, ObjectDescription]) -> dict[str, Any]:
    persons: dict[str, Any] = {"id_field": _own(people, ID_NAMES)}
    if not persons["id_field"]:
        persons["id_field"] = "salesforceId"
        draft.lacks(
            "/persons/id_field",
            "Marketo has no text field for the Salesforce id that could be told by its name; create salesforceId "
            "(`leadbridge setup marketo` does), or name yours at persons.id_field.",
        )
    if type_field := _own(people, TYPE_NAMES):
        persons["type_field"] = type_field
    links = {persons["id_field"], type_field, COMPANY_LINK, OWNER_LINK}
    for position, (member, name) in enumerate((("leads", "Lead"), ("contacts", "Contact"))):
        described = objects.get(name)
        if described is None:
            what = f"Salesforce shows our user no {name}; grant access to it, or leave {member} out."
            draft.lacks(f"/persons/{member}", what)
            continue
        pairs = _pairs(draft, people, described, ((each[0], each[1 + position]) for each in PERSON), links)
        if name == "Contact":
            pairs += _account_id(draft, people, described)
        persons[member] = {"fields": pairs}
    return persons


def _account_id(draft: Proposal, people: ObjectDescription, contact: ObjectDescription) -> list[dict[str, Any]]:
    """The account's id as a value of the person; Marketo's own field for it may belong to the native sync (V25)."""
    if "AccountId" not in contact.fields:
        return []
    found = _own(people, ACCOUNT_NAMES)
    if not found:
        draft.lacks(
            "/persons/contacts/fields",
            "Marketo has no text field that could take a Contact's AccountId: its own sfdcAccountId is missing or "
            "belongs to the native sync. Create one if people are to carry it, and add the pair.",
        )
        return []
    if found != "sfdcAccountId":
        draft.lacks(
            "/persons/contacts/fields",
            f"A Contact's AccountId goes to {found}: Marketo's own sfdcAccountId is missing or belongs to the native "
            "sync.",
        )
    return [{"marketo": found, "salesforce": "AccountId", "direction": "to_marketo"}]


def _own(people: ObjectDescription, names: Sequence[str]) -> str | None:
    """The first writable text field of Marketo that is called like one of the names."""
    texts = {
        _plain(each.name): each.name for each in people.fields.values() if _writable(each) and family(each) == "text"
    }
    return next((texts[name] for name in names if name in texts), None)


def _pairs(
    draft: Proposal,
    marketo: ObjectDescription,
    salesforce: ObjectDescription,
    known: Iterable[tuple[str, Sequence[str]]],
    links: Iterable[str | None] = (),
) -> list[dict[str, Any]]:
    """The pairs of fields of two objects: by the table first, custom fields by their names."""
    pairs: list[dict[str, Any]] = []
    taken = set(links)
    for name, others in known:
        other = next((each for each in others if each in salesforce.fields), None)
        if name in marketo.fields and other:
            pairs += _pair(draft, salesforce.name, marketo.fields[name], salesforce.fields[other])
            taken |= {name, other}
    for own, other_field in _alike(marketo, salesforce, taken):
        pairs += _pair(draft, salesforce.name, own, other_field)
    return pairs


def _alike(
    marketo: ObjectDescription, salesforce: ObjectDescription, taken: set[str | None]
) -> Iterator[tuple[FieldDescription, FieldDescription]]:
    """Custom fields of Salesforce with the field of Marketo that is called the same, if just one is."""
    named: dict[str, list[FieldDescription]] = {}
    for each in marketo.fields.values():
        named.setdefault(_plain(each.name), []).append(each)
    for name, other in sorted(salesforce.fields.items()):
        found = [each for each in named.get(_plain(name), ()) if each.name not in taken]
        if name.endswith("__c") and name not in taken and len(found) == 1:
            yield found[0], other


def _pair(
    draft: Proposal, object_name: str, marketo: FieldDescription, salesforce: FieldDescription
) -> list[dict[str, Any]]:
    """A line of the document for two fields; none, and a note, where it cannot work."""
    names = {"marketo": marketo.name, "salesforce": salesforce.name}
    if family(marketo) != family(salesforce):
        draft.lacks(
            _FIELDS[object_name],
            f"{object_name}.{salesforce.name} ({salesforce.type}) and Marketo's {marketo.name} ({marketo.type}) hold "
            "different kinds of values and are left out; add the pair with rules if they are meant for each other.",
        )
        return []
    ways = {"to_marketo": _writable(marketo), "to_salesforce": _writable(salesforce)}
    if not any(ways.values()):
        return []  # nobody can write either
    if marketo.type == "score" and ways["to_salesforce"]:
        return [{**names, "direction": "to_salesforce"}]
    if not all(ways.values()):
        return [{**names, "direction": next(way for way, goes in ways.items() if goes)}]
    # who is right is written down where it is not what people expect of Salesforce
    return [{**names, "conflict": "marketo"} if is_marketings(marketo) else names]


def _writable(described: FieldDescription) -> bool:
    return described.updateable and not described.calculated


def _plain(name: str) -> str:
    return name.removesuffix("__c").replace("_", "").casefold()
