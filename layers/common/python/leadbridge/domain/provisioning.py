"""What one system lacks of an object of one's own that the other one has: a plan, and the lines that tell of it. Pure.

Marketo's objects are made through its own API, within its limits: ten types, fifty fields each, of which twenty may be
added after the approval, three fields as a key, and no link to an object that has a link itself. Salesforce's are
deployed by an administrator. Source: Marketo REST API, "Custom Objects".
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadbridge.domain.crm_cycle import COMPANY_LINK
from leadbridge.domain.marketo import ObjectType
from leadbridge.domain.records import FieldDescription, ObjectDescription

MOST_TYPES, MOST_FIELDS, MOST_LATER, MOST_KEYS = 10, 50, 20, 3
#: the field that holds a Salesforce id where an object has no key of its own, and the one that takes Marketo's
RECORD_ID, MARKETO_ID = "salesforceId", "Marketo_GUID__c"
_PEOPLE, _ACCOUNT = ("Lead", "Contact"), "Account"
#: Marketo's word for the type of a Salesforce field; everything else is text
_TO_MARKETO: Mapping[str, str] = {
    "boolean": "boolean",
    "int": "integer",
    "double": "float",
    "percent": "float",
    "currency": "currency",
    "date": "date",
    "datetime": "datetime",
    "email": "email",
    "phone": "phone",
    "textarea": "text",
}
#: Salesforce's words for the type of a field of Marketo; everything else is text of 255
_TO_SALESFORCE: Mapping[str, Mapping[str, Any]] = {
    "boolean": {"type": "Checkbox", "defaultValue": False},
    "integer": {"type": "Number", "precision": 18, "scale": 0},
    "float": {"type": "Number", "precision": 18, "scale": 6},
    "currency": {"type": "Currency", "precision": 18, "scale": 2},
    "date": {"type": "Date"},
    "datetime": {"type": "DateTime"},
    "email": {"type": "Email"},
    "phone": {"type": "Phone"},
    "text": {"type": "LongTextArea", "length": 32768, "visibleLines": 5},
}
#: fields of Marketo's objects that it keeps by itself
_KEPT = frozenset({"marketoGUID", "createdAt", "updatedAt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewType:
    """An object of Marketo's to be made, or one that lacks fields."""

    api_name: str
    display_name: str
    #: those to be added, as its API takes them
    fields: tuple[Mapping[str, Any], ...]
    exists: bool = False
    #: a draft of it is there that has to be approved, perhaps with these fields; whoever began it did not come further
    drafted: bool = False
    #: pairs of a cycle's document
    pairs: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    #: why it cannot be made
    wrong: tuple[str, ...] = ()

    @property
    def lacks(self) -> bool:
        """Whether there is anything to be done."""
        return self.drafted or bool(self.fields)

    def lines(self) -> Iterator[str]:
        """The plan, a line for each thing."""
        if self.drafted:
            yield f"Marketo: {'complete and approve' if self.fields else 'approve'} the draft of {self.api_name}"
        elif self.fields:
            yield f"Marketo: {'add to' if self.exists else 'make'} the custom object {self.api_name}"
        for each in self.fields:
            link = each.get("relatedTo")
            what = f"link to {link['name']} by {link['field']}" if link else each["dataType"]
            yield f"  {each['name']} ({what}{', of its key' if each.get('isDedupeField') else ''})"
        yield from (f"  note: {note}" for note in self.notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewObject:
    """An object of Salesforce's to be deployed, or one that lacks fields."""

    api_name: str
    label: str
    #: by name the members of a custom field, as the Metadata API has them
    fields: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    exists: bool = False
    pairs: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> Iterator[str]:
        """The plan, a line for each thing."""
        if self.fields or not self.exists:
            yield f"Salesforce: {'add to' if self.exists else 'make'} the custom object {self.api_name}"
        for name, members in self.fields.items():
            to = f" to {members['referenceTo']}" if "referenceTo" in members else ""
            key = ", unique External Id" if members.get("externalId") else ""
            yield f"  {name} ({members['type']}{to}{key})"
        yield from (f"  note: {note}" for note in self.notes)


def marketo_name(salesforce: str) -> str:
    """What an object of Salesforce's is called in Marketo."""
    plain = salesforce.removesuffix("__c")
    return f"{plain[:1].lower()}{plain[1:].replace('_', '')}_c"


def salesforce_name(marketo: str) -> str:
    """What an object of Marketo's is called in Salesforce."""
    plain = marketo.removesuffix("_c")
    return f"{plain[:1].upper()}{plain[1:]}__c"


def new_type(
    salesforce: ObjectDescription, types: Sequence[ObjectType], api_name: str = "", *, drafts: Sequence[ObjectType] = ()
) -> NewType:
    """What Marketo lacks of an object of Salesforce's.

    `types` are all that Marketo has, with fields, also those of which there is a draft only; `drafts` are those drafts
    that wait beside an approved form.
    """
    name = api_name or marketo_name(salesforce.name)
    known = {each.name.casefold(): each for each in types}
    there = known.get(name.casefold())
    draft = next((each for each in drafts if each.name.casefold() == name.casefold()), None)
    wanted, pairs, notes = list[Mapping[str, Any]](), list[tuple[str, str]](), list[str]()
    for each in salesforce.fields.values():
        if each.reference_to:
            link, note = _link(each, known)
            wanted += [link] if link and not any(link["name"] == other["name"] for other in wanted) else []
            notes += [note] if note else []
        elif each.name == "Name" or each.name.endswith("__c"):
            own = _camel(each.name)
            wanted.append(
                {"name": own, "displayName": each.label or own, "dataType": _TO_MARKETO.get(each.type, "string")}
            )
            pairs.append((own, each.name))
    key = next((each for each in salesforce.fields.values() if each.unique and each.external_id), None)
    if key is None:
        wanted.insert(0, {"name": RECORD_ID, "displayName": "Salesforce Id", "dataType": "string"})
    own = _camel(key.name) if key else RECORD_ID
    wanted = [{**each, "isDedupeField": True} if each["name"] == own else each for each in wanted]
    missing = _without(wanted, there)
    fields = _without(missing, draft)
    label = (salesforce.label or salesforce.name).removesuffix("__c").replace("_", " ")
    return NewType(
        api_name=there.name if there else name,
        display_name=label,
        fields=tuple(fields),
        exists=there is not None,
        drafted=_is_draft(there) or (draft is not None and bool(missing)),
        pairs=tuple(pairs),
        notes=tuple(notes),
        wrong=(*_over(name, missing, there, types), *_keyed_otherwise(name, own, there)),
    )


def _without(fields: Sequence[Mapping[str, Any]], there: ObjectType | None) -> list[Mapping[str, Any]]:
    held = {each.name.casefold() for each in there.fields} if there else set[str]()
    return [each for each in fields if each["name"].casefold() not in held]


def _is_draft(there: ObjectType | None) -> bool:
    """Whether a type was never approved: it takes keys and links, and no records yet."""
    return there is not None and there.state == "draft"


def _keyed_otherwise(name: str, key: str, there: ObjectType | None) -> Iterator[str]:
    """Why a draft cannot be completed: somebody else began it."""
    if there is not None and _is_draft(there) and {*there.dedupe_fields} - {key}:
        held = ", ".join(there.dedupe_fields)
        yield f"{name}: its draft in Marketo has the key {held}, not {key}; discard that draft, or choose another name"


def _over(
    name: str, fields: Sequence[Mapping[str, Any]], there: ObjectType | None, types: Sequence[ObjectType]
) -> Iterator[str]:
    """The limits of Marketo that a plan would break, said before anything is made; `fields` are not approved yet."""
    if there is None and len(types) >= MOST_TYPES:
        yield f"{name}: Marketo has {len(types)} custom objects, and takes no more than {MOST_TYPES}; delete one there"
    count = len(fields) + (len([each for each in there.fields if each.name not in _KEPT]) if there else 0)
    if count > MOST_FIELDS:
        yield f"{name}: {count} fields are more than the {MOST_FIELDS} that Marketo takes; hide some from our user"
    if there is None or _is_draft(there):
        return
    if len(fields) > MOST_LATER:
        yield f"{name}: Marketo takes {MOST_LATER} more fields of an approved object at most, not {len(fields)}"
    fixed = [each["name"] for each in fields if each.get("isDedupeField") or "relatedTo" in each]
    if fixed:
        yield f"{name}: Marketo takes no key or link ({', '.join(fixed)}) for an object that is approved; make another"


def _link(own: FieldDescription, known: Mapping[str, ObjectType]) -> tuple[Mapping[str, Any] | None, str]:
    """The link of Marketo's that stands for a lookup, or why there is none."""
    to = own.reference_to[0]
    if any(each in _PEOPLE for each in own.reference_to):
        # one link stands for a Lead and for a Contact
        return _linked("leadId", "Person", "lead", "id"), ""
    if not own.name.endswith("__c"):
        return None, ""
    if to == _ACCOUNT:
        return _linked("companyId", "Company", "company", COMPANY_LINK), ""
    other = known.get(marketo_name(to).casefold())
    if other is None or _is_draft(other) or not other.dedupe_fields:
        why = "of which Marketo has a draft only" if _is_draft(other) else "which Marketo does not have"
        return None, f"{own.name} leads to {to}, {why}; provision that first"
    if other.relationships:
        return None, f"{own.name} leads to {other.name}, which has a link itself, so Marketo links nothing to it"
    return _linked(_camel(own.name), own.label or own.name, other.name, other.dedupe_fields[0]), ""


def _linked(name: str, label: str, to: str, by: str) -> Mapping[str, Any]:
    return {"name": name, "displayName": label, "dataType": "link", "relatedTo": {"name": to, "field": by}}


def _camel(name: str) -> str:
    first, *others = name.removesuffix("__c").split("_")
    return first[:1].lower() + first[1:] + "".join(each[:1].upper() + each[1:] for each in others)


def new_object(
    marketo: ObjectDescription, there: ObjectDescription | None, api_name: str = "", *, objects: Sequence[str] = ()
) -> NewObject:
    """What Salesforce lacks of an object of Marketo's; `objects` are those of Salesforce that lookups may lead to."""
    name = api_name or salesforce_name(marketo.name)
    wanted: dict[str, Mapping[str, Any]] = {
        MARKETO_ID: {"label": "Marketo GUID", "type": "Text", "length": 64, "unique": True, "externalId": True}
    }
    pairs, notes = list[tuple[str, str]](), list[str]()
    for each in marketo.fields.values():
        if each.name in _KEPT or each.name in marketo.links:
            continue
        own = f"{each.name[:1].upper()}{each.name[1:]}__c"
        kind = _TO_SALESFORCE.get(each.type, {"type": "Text", "length": 255})
        wanted[own] = {"label": each.label or each.name, **kind}
        pairs.append((each.name, own))
    for link, (to, _) in marketo.links.items():
        ends = {"lead": _PEOPLE, "company": (_ACCOUNT,)}.get(to.casefold(), (salesforce_name(to),))
        if to.casefold() not in {"lead", "company"} and ends[0] not in objects:
            notes.append(f"{link} leads to {to}; deploy {ends[0]} before, or together with this")
        for end in ends:
            own = end if end.endswith("__c") else f"{end}__c"
            relation = f"{salesforce_relation(name)}"
            members = {"label": end.removesuffix("__c"), "type": "Lookup", "referenceTo": end}
            wanted[own] = {**members, "relationshipName": relation, "deleteConstraint": "SetNull"}
    held = {each.casefold() for each in there.fields} if there else set[str]()
    return NewObject(
        api_name=name,
        label=marketo.label or salesforce_relation(name),
        fields={own: members for own, members in wanted.items() if own.casefold() not in held},
        exists=there is not None,
        pairs=tuple(pairs),
        notes=tuple(notes),
    )


def salesforce_relation(name: str) -> str:
    """What the records of an object are called from the side of what they lead to."""
    return f"{name.removesuffix('__c')}s"


def document_of(marketo: str, salesforce: str, pairs: Sequence[tuple[str, str]], *, to_marketo: bool) -> dict[str, Any]:
    """The member of a cycle's document that keeps an object."""
    fields = [{"marketo": ours, "salesforce": theirs} for ours, theirs in pairs]
    kept: dict[str, Any] = {
        "marketo": marketo,
        "salesforce": salesforce,
        "direction": "to_marketo" if to_marketo else "to_salesforce",
        "fields": fields,
    }
    return kept if to_marketo else {**kept, "key": MARKETO_ID}
