"""The records of the org: tables with indexes, and the rules of inserting, updating and deleting.

Everything here is immediate and knows nothing of HTTP. Stored values are never changed in place, so
that whoever holds a row's `values` holds a snapshot.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from simulator.salesforce import ids, values
from simulator.salesforce.automation import Automation
from simulator.salesforce.exceptions import ParseError, RowError
from simulator.salesforce.locks import Locks
from simulator.salesforce.schema import (
    CONVERTED_LEAD_STATUS,
    DEFAULT_MEMBER_STATUS,
    OPPORTUNITY_STAGES,
    RESPONDED_MEMBER_STATUSES,
    SOBJECTS,
    TASK_CLOSED_STATUSES,
    Field,
    SObject,
)

type Record = dict[str, Any]

INTEGRATION_USER = "integration@leadbridge.example.com"
ASSIGNED_USER = "assignment@leadbridge.example.com"


@dataclass(slots=True)
class Row:
    """A record: its values, and what readers still see of it while its commit is late."""

    values: Record
    before: Record | None = None
    hidden_until: float = 0.0

    def seen_at(self, timestamp: float) -> Record | None:
        """Return the values a reader gets at this time; None when the row is not there yet."""
        return self.values if timestamp >= self.hidden_until else self.before


@dataclass(frozen=True, slots=True)
class ParentKey:
    """A reference given by a key of the parent instead of its id."""

    sobject: SObject
    field: Field
    value: str


@dataclass(frozen=True, slots=True)
class Stamp:
    """When and by whom a write is made, and how long it stays invisible to readers."""

    at: datetime
    user_id: str
    late_seconds: float = 0.0

    @property
    def text(self) -> str:
        """The time as the audit fields show it."""
        return values.stamp(self.at)


@dataclass(frozen=True, slots=True)
class Change:
    """A record was made or changed, and by whom."""

    object_name: str
    record_id: str
    at: datetime
    user_id: str


@dataclass
class Table:
    """The records of one object with an index for each field that matches are looked up by."""

    sobject: SObject
    rows: dict[str, Row] = field(default_factory=dict)
    late: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._indexes: dict[str, dict[str, set[str]]] = {
            each.name: {} for each in self.sobject.fields if each.is_indexed
        }

    def is_indexed(self, field_name: str) -> bool:
        """Say whether `lookup` knows this field."""
        return field_name in self._indexes

    def lookup(self, field_name: str, value: str) -> set[str]:
        """Return the ids of the rows whose field equals the value in any case, deleted ones included."""
        return self._indexes[field_name].get(value.casefold(), set())

    def put(self, record_id: str, record: Record) -> None:
        """Store a record's values under its id, new or instead of the present ones."""
        row = self.rows.get(record_id)
        if row is None:
            self.rows[record_id] = Row(record)
            self._index(record_id, None, record)
        else:
            self._index(record_id, row.values, record)
            row.values = record

    def remove(self, record_id: str) -> None:
        """Take a record out as if it had never been."""
        row = self.rows.pop(record_id)
        self.late.discard(record_id)
        self._index(record_id, row.values, None)

    def _index(self, record_id: str, old: Record | None, new: Record | None) -> None:
        for name, index in self._indexes.items():
            was = old.get(name) if old else None
            now = new.get(name) if new else None
            if was == now:
                continue
            if was is not None:
                index[was.casefold()].discard(record_id)
            if now is not None:
                index.setdefault(now.casefold(), set()).add(record_id)


class Org:
    """All tables, the id series and the users."""

    def __init__(self, series: ids.IdSequence) -> None:
        self.ids = series
        # the org and its users are the same ones after a reset, every other id is new
        for prefix in (ids.ORGANIZATION_PREFIX, SOBJECTS["User"].key_prefix, SOBJECTS["LeadStatus"].key_prefix):
            series.restart(prefix)
        self.tables: dict[str, Table] = {name: Table(each) for name, each in SOBJECTS.items()}
        self.organization_id = ""
        # records that left without a trace in the tables: object, id, time
        self.purged: list[tuple[str, str, str]] = []
        # since when the log of deletions is complete
        self.deletions_logged_from = ""
        self.user_id = ""
        self.assigned_user_id = ""
        self.locks = Locks()
        # fields, as `Object.Field`, that our user's profile does not show, or does not let it write
        self.hidden: set[str] = set()
        self.read_only: set[str] = set()
        #: what our user may not do with an object: `Lead.create`, `Lead.update`
        self.denied: set[str] = set()
        self.view_all_data = True
        self.automation = Automation()
        # the objects that outbound messages watch, and their changes
        self.watched: set[str] = set()
        self.changes: list[Change] = []
        self._undo: list[Callable[[], None]] = []
        self._open = 0

    def add_users(self, at: datetime) -> None:
        """Add the users every org has: the integration user and one that assignment rules name."""
        for username, last_name in ((INTEGRATION_USER, "Integration"), (ASSIGNED_USER, "Assignment")):
            record = {
                "Username": username,
                "LastName": last_name,
                "Email": username,
                "FirstName": "Leadbridge",
            }
            user_id = self.create(SOBJECTS["User"], record, Stamp(at, self.user_id), as_admin=True)
            self.user_id = self.user_id or user_id
            self.assigned_user_id = user_id
        self._add_set_up(Stamp(at, self.user_id))

    def _add_set_up(self, stamp: Stamp) -> None:
        """Add what every org says about itself: its own record and the meaning of its statuses and stages."""

        def add(name: str, record: Record) -> str:
            return self.create(SOBJECTS[name], record, stamp, as_admin=True)

        def labelled(label: str, order: int) -> Record:
            return {"MasterLabel": label, "ApiName": label, "SortOrder": order}

        self.organization_id = add("Organization", {"Name": "Leadbridge Org", "InstanceName": "SIM1"})
        statuses = {name: SOBJECTS[name].by_lower_name["status"] for name in ("Lead", "Task")}
        for order, label in enumerate(statuses["Lead"].values, 1):
            flags = {"IsDefault": order == 1, "IsConverted": label == CONVERTED_LEAD_STATUS}
            add("LeadStatus", labelled(label, order) | flags)
        for order, label in enumerate(statuses["Task"].values, 1):
            add(
                "TaskStatus",
                labelled(label, order) | {"IsDefault": order == 1, "IsClosed": label in TASK_CLOSED_STATUSES},
            )
        for order, (label, (closed, won, chance, category)) in enumerate(OPPORTUNITY_STAGES.items(), 1):
            meaning: Record = {"IsClosed": closed, "IsWon": won, "DefaultProbability": chance}
            add("OpportunityStage", labelled(label, order) | meaning | {"ForecastCategoryName": category})

    # reading

    def current(self, sobject: SObject, record_id: str) -> Record | None:
        """Return the values of a record that is not deleted."""
        row = self.tables[sobject.name].rows.get(record_id)
        return row.values if row and not row.values["IsDeleted"] else None

    def exists_deleted(self, sobject: SObject, record_id: str) -> bool:
        """Say whether the record lies in the Recycle Bin."""
        row = self.tables[sobject.name].rows.get(record_id)
        return bool(row and row.values["IsDeleted"])

    def matches(self, sobject: SObject, key: Field, value: str, *, seen_at: float | None = None) -> list[str]:
        """Return the ids of the live records that have this value of a key.

        A match for an upsert is looked for among what readers see at a time; a unique field, which is
        checked without a time, is taken by records whose commit is late as well.
        """
        table = self.tables[sobject.name]
        text = value.strip()
        found: list[str] = []
        for each in table.lookup(key.name, text) | (table.late if seen_at is not None else set()):
            row = table.rows[each]
            record = row.values if seen_at is None else row.seen_at(seen_at)
            if record is None or record["IsDeleted"] or record[key.name] is None:
                continue
            has = record[key.name]
            if has == text or (not key.matches_case and has.casefold() == text.casefold()):
                found.append(each)
        return sorted(found)

    # field-level security

    def visible(self, sobject: SObject, name: str) -> Field | None:
        """Return the field of this name if there is one that our user may see."""
        known = sobject.field(name)
        return None if known is None or f"{sobject.name}.{known.name}" in self.hidden else known

    def describe(self, sobject: SObject, base: str) -> Record:
        """Return the describe answer as our user gets it: hidden fields are absent."""
        types = [row.values for row in self.tables["RecordType"].rows.values()]
        described = sobject.describe(base, [each for each in types if each["SobjectType"] == sobject.name])
        shown = [each for each in described["fields"] if f"{sobject.name}.{each['name']}" not in self.hidden]
        for each in shown:
            if f"{sobject.name}.{each['name']}" in self.read_only:
                each["createable"] = each["updateable"] = False
        return described | {"fields": shown} | self.rights(sobject)

    def rights(self, sobject: SObject) -> dict[str, bool]:
        """Return what our user may do with the object."""
        return {
            "createable": sobject.createable and f"{sobject.name}.create" not in self.denied,
            "updateable": sobject.updateable and f"{sobject.name}.update" not in self.denied,
        }

    def _refuse_denied(self, sobject: SObject, verb: str) -> None:
        if f"{sobject.name}.{verb}" in self.denied:
            text = f"entity type cannot be {verb}d by this user: {sobject.name}"
            raise RowError("INSUFFICIENT_ACCESS_OR_READONLY", text, status=403)

    def _refuse_secured(self, sobject: SObject, parsed: Record) -> None:
        secured = self.hidden | self.read_only
        refused = [name for name in parsed if f"{sobject.name}.{name}" in secured]
        if refused:
            raise _unwritable(refused)

    # parsing a body

    def parse(self, sobject: SObject, body: Mapping[str, Any]) -> Record:
        """Read a JSON record into values by field name; `attributes` is not a field.

        Raises:
            ParseError: A column the object does not have, or a value of the wrong JSON type.
        """
        parsed: Record = {}
        for name, value in body.items():
            if name == "attributes":
                continue
            known = sobject.field(name)
            if known is not None:
                parsed[known.name] = values.read(known, value)
                continue
            reference = sobject.by_relationship.get(name.lower())
            if reference is None or not isinstance(value, dict):
                raise ParseError("INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
            parsed[reference.name] = _parent_key(reference, value)
        return parsed

    # writing

    @contextmanager
    def transaction(self) -> Iterator[Callable[[], None]]:
        """Collect the changes made inside; the value handed out takes them all back.

        One inside another is a part of it: the outer one takes back what the inner one has made.
        """
        start = len(self._undo)
        self._open += 1

        def roll_back() -> None:
            while len(self._undo) > start:
                self._undo.pop()()

        try:
            yield roll_back
        finally:
            self._open -= 1
            if not self._open:
                self._undo = []

    def create(self, sobject: SObject, parsed: Record, stamp: Stamp, *, as_admin: bool = False) -> str:
        """Insert a record and return its id.

        Raises:
            RowError: Whatever the platform would refuse it for.
        """
        _refuse_unwritable(sobject, parsed, "create", as_admin=as_admin)
        if not as_admin:
            self._refuse_denied(sobject, "create")
        if not as_admin and stamp.user_id == self.user_id:
            self._refuse_secured(sobject, parsed)
        record: Record = dict(sobject.defaults)
        given = self._checked(sobject, parsed)
        record |= given
        if "OwnerId" in record:
            record["OwnerId"] = record["OwnerId"] or stamp.user_id
        _refuse_missing(record, sobject.required)
        self._derive(sobject, record, given, stamp)
        self._refuse_rule_breach(sobject, record)
        self._refuse_taken(sobject, record, "")
        record_id = self.ids.make(sobject.key_prefix)
        record["Id"] = record_id
        for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp"):
            record[name] = stamp.text
        record["CreatedById"] = record["LastModifiedById"] = stamp.user_id or record_id
        table = self.tables[sobject.name]
        table.put(record_id, record)
        self._undo.append(lambda: table.remove(record_id))
        self._hide(table, record_id, None, stamp)
        self._note_change(sobject, record_id, stamp)
        if sobject.name == "Campaign":
            self._add_member_statuses(record_id, stamp)
        elif sobject.name == "OpportunityContactRole":
            self._keep_one_primary(record, stamp)
        return record_id

    def update(self, sobject: SObject, record_id: str, parsed: Record, stamp: Stamp) -> None:
        """Change the given fields of a record; the others stay as they are.

        Raises:
            RowError: Whatever the platform would refuse it for.
        """
        table = self.tables[sobject.name]
        row = self._live_row(sobject, record_id)
        old, seen = row.values, row.seen_at(stamp.at.timestamp())
        _refuse_unwritable(sobject, parsed, "update")
        self._refuse_denied(sobject, "update")
        self._refuse_secured(sobject, parsed)
        if sobject.name == "Lead" and old["IsConverted"]:
            raise RowError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        given = self._checked(sobject, parsed)
        if old.get("HasOpportunityLineItem"):
            # the amount is the sum of the line items, whatever a write says
            given.pop("Amount", None)
        record = old | given
        if "OwnerId" in given and record["OwnerId"] is None:
            raise RowError("REQUIRED_FIELD_MISSING", "Required fields are missing: [OwnerId]", ["OwnerId"])
        _refuse_missing(record, [each for each in sobject.fields if each.required and each.name in given])
        if old.get("StageName") != record.get("StageName"):
            record["LastStageChangeDate"] = stamp.text
        self._derive(sobject, record, given, stamp)
        self._refuse_rule_breach(sobject, record)
        self._refuse_taken(sobject, record, record_id)
        record["LastModifiedDate"] = record["SystemModstamp"] = stamp.text
        record["LastModifiedById"] = stamp.user_id
        table.put(record_id, record)
        self._undo.append(lambda: table.put(record_id, old))
        self._hide(table, record_id, seen, stamp)
        self._note_change(sobject, record_id, stamp)
        if sobject.name == "OpportunityContactRole":
            self._keep_one_primary(record, stamp)

    def delete(self, sobject: SObject, record_id: str, stamp: Stamp) -> None:
        """Put a record into the Recycle Bin.

        Raises:
            RowError: The record is not there, or the object cannot be deleted.
        """
        if not sobject.deletable:
            raise RowError("INSUFFICIENT_ACCESS_OR_READONLY", "insufficient access rights on object id", status=403)
        table = self.tables[sobject.name]
        row = self._live_row(sobject, record_id)
        old, seen = row.values, row.seen_at(stamp.at.timestamp())
        if sobject.name == "OpportunityContactRole":
            # a role taken away by itself leaves nothing that even queryAll would show
            self.purge(sobject, record_id, stamp)
            return
        record = old | {"IsDeleted": True, "SystemModstamp": stamp.text, "LastModifiedDate": stamp.text}
        self._put(table, record_id, record)
        self._hide(table, record_id, seen, stamp)
        if sobject.name == "Opportunity":
            roles = self.tables["OpportunityContactRole"]
            for each in sorted(roles.lookup("OpportunityId", record_id)):
                self._put(roles, each, roles.rows[each].values | {"IsDeleted": True, "SystemModstamp": stamp.text})

    def purge(self, sobject: SObject, record_id: str, stamp: Stamp) -> None:
        """Take a record out of the tables for good; only the log of deletions still knows it."""
        table = self.tables[sobject.name]
        old = table.rows[record_id].values
        entry = (sobject.name, record_id, old["SystemModstamp"] if old["IsDeleted"] else stamp.text)
        table.remove(record_id)
        self.purged.append(entry)

        def restore() -> None:
            self.purged.remove(entry)
            table.put(record_id, old)

        self._undo.append(restore)

    def set_raw(self, sobject: SObject, record_id: str, given: Record, stamp: Stamp) -> None:
        """Write fields as the platform itself does, past every rule; the record's stamp moves."""
        table = self.tables[sobject.name]
        record = table.rows[record_id].values | {"SystemModstamp": stamp.text} | given
        self._put(table, record_id, record)
        if not record["IsDeleted"]:
            self._note_change(sobject, record_id, stamp)

    def _note_change(self, sobject: SObject, record_id: str, stamp: Stamp) -> None:
        if sobject.name not in self.watched:
            return
        change = Change(sobject.name, record_id, stamp.at, stamp.user_id)
        self.changes.append(change)
        self._undo.append(lambda: self.changes.remove(change))

    def _put(self, table: Table, record_id: str, record: Record) -> None:
        old = table.rows[record_id].values
        table.put(record_id, record)
        self._undo.append(lambda: table.put(record_id, old))

    def _add_member_statuses(self, campaign_id: str, stamp: Stamp) -> None:
        for order, label in enumerate(SOBJECTS["CampaignMember"].by_lower_name["status"].values, 1):
            record = {
                "CampaignId": campaign_id,
                "Label": label,
                "SortOrder": order,
                "IsDefault": label == DEFAULT_MEMBER_STATUS,
                "HasResponded": label in RESPONDED_MEMBER_STATUSES,
            }
            self.create(SOBJECTS["CampaignMemberStatus"], record, stamp)

    def _keep_one_primary(self, role: Record, stamp: Stamp) -> None:
        """Take the flag from the opportunity's other roles when this one is primary."""
        table = self.tables["OpportunityContactRole"]
        if not role["IsPrimary"]:
            return
        for other in sorted(table.lookup("OpportunityId", role["OpportunityId"])):
            values_of = table.rows[other].values
            if other != role["Id"] and values_of["IsPrimary"]:
                self._put(table, other, values_of | {"IsPrimary": False, "SystemModstamp": stamp.text})

    def key_of_parent(self, parent: ParentKey) -> str | None:
        """Return the id of the one record that a parent's key names, if there is just one."""
        found = self.matches(parent.sobject, parent.field, parent.value)
        return found[0] if len(found) == 1 else None

    def parent(self, reference: Field, record_id: str | None) -> tuple[SObject, Record] | None:
        """Return the record that a reference points to, with its object; None when it is not there."""
        for target in reference.reference_to:
            sobject = SOBJECTS.get(target)
            if sobject and record_id and (found := self.current(sobject, record_id)):
                return sobject, found
        return None

    def twins_by_email(self, sobject: SObject, record_id: str, email: str | None, seen_at: float) -> list[str]:
        """Return the other live records with this e-mail address, as a duplicate rule compares them."""
        key = sobject.field("Email")
        if not email or key is None:
            return []
        return [each for each in self.matches(sobject, key, email, seen_at=seen_at) if each != record_id]

    def _live_row(self, sobject: SObject, record_id: str) -> Row:
        row = self.tables[sobject.name].rows.get(record_id)
        if row is None:
            raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", status=404)
        if row.values["IsDeleted"]:
            raise RowError("ENTITY_IS_DELETED", "entity is deleted", status=404)
        return row

    def _hide(self, table: Table, record_id: str, before: Record | None, stamp: Stamp) -> None:
        if stamp.late_seconds > 0:
            row = table.rows[record_id]
            row.before = before
            row.hidden_until = stamp.at.timestamp() + stamp.late_seconds
            table.late.add(record_id)

    def _checked(self, sobject: SObject, parsed: Record) -> Record:
        """Return the given values, references resolved, once every one of them is acceptable."""
        checked: Record = {}
        for name, value in parsed.items():
            known = sobject.by_lower_name[name.lower()]
            if known.type == "reference" and value is not None:
                checked[name] = self._reference(sobject, known, value)
            else:
                values.check(known, value)
                checked[name] = value
        return checked

    def _reference(self, of: SObject, reference: Field, value: str | ParentKey) -> str:
        if isinstance(value, ParentKey):
            found = self.matches(value.sobject, value.field, value.value)
            if len(found) == 1:
                return found[0]
            raise RowError(
                "INVALID_FIELD",
                f"Foreign key external ID: {value.value} not found for field {value.field.name} "
                f"in entity {value.sobject.name}",
            )
        record_id = ids.normalise(value)
        if record_id is None:
            raise RowError("MALFORMED_ID", f"{reference.name}: id value of incorrect type: {value}", [reference.name])
        for target in reference.reference_to:
            sobject = SOBJECTS.get(target)
            parent = self.current(sobject, record_id) if sobject else None
            if parent is None:
                continue
            if reference.name == "RecordTypeId" and (parent["SobjectType"] != of.name or not parent["IsActive"]):
                message = f"Record Type ID: this ID value isn't valid for the user: {record_id}"
                raise RowError("INVALID_CROSS_REFERENCE_KEY", message, ["RecordTypeId"])
            if reference.name == "OwnerId" and not parent.get("IsActive", True):
                message = f"operation performed with inactive user [{record_id}] as owner of record"
                raise RowError("INACTIVE_OWNER_OR_USER", message, ["OwnerId"])
            return record_id
        raise RowError("INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [reference.name])

    def _refuse_taken(self, sobject: SObject, record: Record, record_id: str) -> None:
        for each in sobject.fields:
            if not each.unique or record[each.name] is None:
                continue
            for other in self.matches(sobject, each, record[each.name]):
                if other != record_id:
                    raise RowError(
                        "DUPLICATE_VALUE",
                        f"duplicate value found: {each.name} duplicates value on record with id: {other[:15]}",
                        [each.name],
                    )

    def _derive(self, sobject: SObject, record: Record, given: Record, stamp: Stamp) -> None:
        """Fill in the fields that follow from others."""
        if "FirstName" in record:
            record["Name"] = " ".join(part for part in (record["FirstName"], record["LastName"]) if part)
        if sobject.name == "Opportunity":
            _derive_opportunity(record, given)
        elif sobject.name == "Task":
            self._derive_task(record, stamp)
        elif sobject.name == "CampaignMember":
            self._derive_member(record, stamp)

    def _derive_member(self, record: Record, stamp: Stamp) -> None:
        if record["ContactId"]:
            record["LeadId"] = None
        table = self.tables["CampaignMemberStatus"]
        rows = (table.rows[each].values for each in table.lookup("CampaignId", record["CampaignId"]))
        statuses = {row["Label"]: row for row in rows if not row["IsDeleted"]}
        if record["Status"] not in statuses:
            record["Status"] = next((name for name, row in statuses.items() if row["IsDefault"]), DEFAULT_MEMBER_STATUS)
        record["HasResponded"] = bool(statuses.get(record["Status"], {}).get("HasResponded"))
        first = record["FirstRespondedDate"] or stamp.text[:10]
        record["FirstRespondedDate"] = first if record["HasResponded"] else None

    def _derive_task(self, record: Record, stamp: Stamp) -> None:
        closed = record["Status"] in TASK_CLOSED_STATUSES
        record["CompletedDateTime"] = (record["CompletedDateTime"] or stamp.text) if closed else None
        record["IsClosed"] = closed
        record["IsHighPriority"] = record["Priority"] == "High"
        contact = self.current(SOBJECTS["Contact"], record["WhoId"] or "")
        account = self.current(SOBJECTS["Account"], record["WhatId"] or "")
        record["AccountId"] = account["Id"] if account else contact["AccountId"] if contact else None

    def _refuse_rule_breach(self, sobject: SObject, record: Record) -> None:
        if sobject.name == "Task" and record["WhatId"] and (record["WhoId"] or "").startswith("00Q"):
            raise RowError("FIELD_INTEGRITY_EXCEPTION", "WhatId must be empty when WhoId is a lead", ["WhatId"])
        if sobject.name != "CampaignMember":
            return
        person = "ContactId" if record["ContactId"] else "LeadId"
        if record[person] is None:
            message = "Required fields are missing: [LeadId or ContactId]"
            raise RowError("REQUIRED_FIELD_MISSING", message, ["LeadId", "ContactId"])
        table = self.tables[sobject.name]
        for other in table.lookup(person, record[person]):
            member = table.rows[other].values
            if other != record["Id"] and not member["IsDeleted"] and member["CampaignId"] == record["CampaignId"]:
                raise RowError("DUPLICATE_VALUE", "Already a campaign member.")


def _derive_opportunity(record: Record, given: Record) -> None:
    closed, won, probability, category = OPPORTUNITY_STAGES.get(
        record["StageName"] or "", (False, False, 0.0, "Pipeline")
    )
    record["IsClosed"], record["IsWon"] = closed, won
    if "StageName" in given:
        if given.get("Probability") is None:
            record["Probability"] = probability
        record["ForecastCategoryName"] = given.get("ForecastCategoryName") or category
    record["ForecastCategory"] = record["ForecastCategoryName"]
    amount, chance = record["Amount"], record["Probability"]
    record["ExpectedRevenue"] = None if amount is None else round(amount * (chance or 0.0) / 100, 2)


def _refuse_unwritable(sobject: SObject, parsed: Record, verb: str, *, as_admin: bool = False) -> None:
    allowed = sobject.createable if verb == "create" else sobject.updateable
    if not allowed and not as_admin:
        raise RowError("CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY", f"entity type cannot be {verb}d: {sobject.name}")
    refused = [
        name
        for name in parsed
        if not (known := sobject.by_lower_name[name.lower()]).createable or (verb == "update" and not known.updateable)
    ]
    if refused:
        raise _unwritable(refused)


def _unwritable(names: list[str]) -> RowError:
    return RowError(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        f"Unable to create/update fields: {', '.join(names)}. Please check the security settings of "
        "this field and verify that it is read/write for your profile or permission set.",
        names,
    )


def _refuse_missing(record: Record, required: Iterable[Field]) -> None:
    missing = [each.name for each in required if record[each.name] is None]
    if missing:
        raise RowError("REQUIRED_FIELD_MISSING", f"Required fields are missing: [{', '.join(missing)}]", missing)


def _parent_key(reference: Field, value: Mapping[str, Any]) -> ParentKey:
    attributes = value.get("attributes")
    wanted = attributes.get("type") if isinstance(attributes, dict) else reference.reference_to[0]
    keys = [(name, text) for name, text in value.items() if name != "attributes"]
    sobject = SOBJECTS.get(str(wanted))
    key = sobject.field(keys[0][0]) if sobject and len(keys) == 1 else None
    if sobject is None or key is None or not key.is_key or not isinstance(keys[0][1], str):
        raise ParseError("INVALID_FIELD", f"{reference.name}: a parent is named by exactly one of its keys")
    return ParentKey(sobject, key, keys[0][1])
