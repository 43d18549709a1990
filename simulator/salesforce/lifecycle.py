"""What people and administrators do to records in the vendor's own screens: convert, merge, delete, undelete.

Reached through the control plane, because plain REST has no resource for it. Source: convertLead and merge of
the SOAP API, and the object reference pages of Lead, CampaignMember and OpportunityContactRole.
"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from simulator.control import ControlError, ControlPlane
from simulator.salesforce import ids, values
from simulator.salesforce.exceptions import RowError
from simulator.salesforce.models import Org, Record, Stamp
from simulator.salesforce.schema import CONVERTED_LEAD_STATUS, SOBJECTS, SObject
from simulator.serving import read_json

_MAX_CONVERTED = 100
_MAX_LOSERS = 2
_MERGEABLE = ("Lead", "Contact", "Account")


class Lifecycle:
    """The control-plane paths of one org that act as a person of it, not as the integration user."""

    def __init__(self, control: ControlPlane, org_now: Callable[[], Org]) -> None:
        self._control = control
        # a reset begins a new org under the same control-plane paths
        self._org_now = org_now

    @property
    def _org(self) -> Org:
        return self._org_now()

    def routes(self) -> list[Route]:
        """Return the control-plane routes."""
        table = {
            "convert": self._convert_all,
            "merge": self._merge,
            "delete": self._delete,
            "undelete": self._undelete,
            "purge": self._purge,
            "set": self._set,
            "locks": self._lock,
            "permissions": self._permissions,
            "automation": self._automation,
        }
        return [Route(f"/_sim/{name}", endpoint, methods=["POST"]) for name, endpoint in table.items()]

    async def _convert_all(self, request: Request) -> Response:
        """Convert leads: `{"leads": [{"leadId", "accountId"?, "contactId"?, "ownerId"?, "opportunityName"?, ...}]}`."""
        document = await self._object(request)
        leads = document.get("leads")
        if not isinstance(leads, list) or not all(isinstance(each, dict) for each in leads):
            raise ControlError("leads is an array of objects with leadId")
        if len(leads) > _MAX_CONVERTED:
            raise ControlError(f"at most {_MAX_CONVERTED} leads are converted at once")
        stamp = self._stamp()
        with self._org.transaction() as roll_back:
            try:
                return JSONResponse([self._convert(each, stamp) for each in leads])
            except (RowError, ControlError) as error:
                roll_back()
                raise _told(error) from error

    def _convert(self, wanted: Record, stamp: Stamp) -> Record:
        lead = self._live("Lead", wanted.get("leadId"))
        if lead["IsConverted"]:
            raise RowError("CANNOT_UPDATE_CONVERTED_LEAD", "cannot reference converted lead")
        # whoever makes records gives them to the person named, else to the lead's owner
        owner = self._live("User", wanted["ownerId"])["Id"] if wanted.get("ownerId") else lead["OwnerId"]
        if wanted.get("contactId") is not None:
            self._check_account(wanted["contactId"], wanted.get("accountId"))
        account_id = self._given_or_made("Account", wanted.get("accountId"), _account_of(lead), owner, stamp)
        contact = _contact_of(lead, account_id)
        contact_id = self._given_or_made("Contact", wanted.get("contactId"), contact, owner, stamp)
        opportunity_id = None
        if not wanted.get("doNotCreateOpportunity", False):
            deal = {
                "Name": str(wanted.get("opportunityName") or f"{lead['Company']}-"),
                "StageName": "Prospecting",
                "CloseDate": _end_of_quarter(stamp.at.date()).isoformat(),
                "AccountId": account_id,
                "OwnerId": owner,
            }
            opportunity_id = self._org.create(SOBJECTS["Opportunity"], deal, stamp)
        self._org.set_raw(
            SOBJECTS["Lead"],
            lead["Id"],
            _audit(stamp)
            | {
                "IsConverted": True,
                "ConvertedDate": stamp.text[:10],
                "ConvertedAccountId": account_id,
                "ConvertedContactId": contact_id,
                "ConvertedOpportunityId": opportunity_id,
                "Status": str(wanted.get("convertedStatus") or CONVERTED_LEAD_STATUS),
                "IsUnreadByOwner": False,
            },
            stamp,
        )
        for name, reference in (("Task", "WhoId"), ("CampaignMember", "ContactId")):
            held = self._org.tables[name].lookup("WhoId" if name == "Task" else "LeadId", lead["Id"])
            for each in sorted(held):
                self._org.set_raw(SOBJECTS[name], each, {reference: contact_id}, stamp)
        return {
            "leadId": lead["Id"],
            "accountId": account_id,
            "contactId": contact_id,
            "opportunityId": opportunity_id,
            "success": True,
        }

    def _check_account(self, contact_id: object, account_id: object) -> None:
        """A contact that is given goes with its own account."""
        account = ids.normalise(str(account_id)) if account_id is not None else None
        if account is None or self._live("Contact", contact_id)["AccountId"] != account:
            raise ControlError("contactId goes with the accountId of that contact")

    def _given_or_made(self, name: str, given: object, record: Record, owner: str, stamp: Stamp) -> str:
        """A record that is made, or one that is there: what it lacks comes from the lead, its own values stay."""
        if given is None:
            return self._org.create(SOBJECTS[name], record | {"OwnerId": owner}, stamp)
        there = self._live(name, given)
        lacking = {field: value for field, value in record.items() if value is not None and there[field] is None}
        self._org.set_raw(SOBJECTS[name], there["Id"], _audit(stamp) | lacking, stamp)
        return str(there["Id"])

    async def _merge(self, request: Request) -> Response:
        """Merge records: `{"object", "master", "losers": [ids]}`; what points to a loser points to the master then."""
        document = await self._object(request)
        sobject, losers = _known(document), document.get("losers")
        if sobject.name not in _MERGEABLE:
            raise ControlError(f"{sobject.name} records cannot be merged; one of {', '.join(_MERGEABLE)}")
        if not isinstance(losers, list) or not 1 <= len(losers) <= _MAX_LOSERS:
            raise ControlError(f"losers is an array of one to {_MAX_LOSERS} ids")
        stamp = self._stamp()
        master = self._live(sobject.name, document.get("master"))["Id"]
        gone = [self._live(sobject.name, each)["Id"] for each in losers]
        if master in gone:
            raise ControlError("the master is not one of the losers")
        with self._org.transaction():
            for each in gone:
                self._repoint(sobject, each, master, stamp)
                change = _audit(stamp) | {"IsDeleted": True, "MasterRecordId": master}
                self._org.set_raw(sobject, each, change, stamp)
            self._org.set_raw(sobject, master, _audit(stamp), stamp)
        return JSONResponse({"id": master, "mergedRecordIds": gone, "success": True})

    def _repoint(self, sobject: SObject, loser: str, master: str, stamp: Stamp) -> None:
        for child in SOBJECTS.values():
            table = self._org.tables[child.name]
            for reference in child.fields:
                if sobject.name not in reference.reference_to or reference.name == "MasterRecordId":
                    continue
                for each in sorted(table.lookup(reference.name, loser)):
                    row = table.rows[each].values
                    if child.name == "CampaignMember" and self._is_member(row["CampaignId"], reference.name, master):
                        self._org.set_raw(child, each, {"IsDeleted": True}, stamp)
                    else:
                        self._org.set_raw(child, each, {reference.name: master}, stamp)

    def _is_member(self, campaign_id: str, person: str, person_id: str) -> bool:
        table = self._org.tables["CampaignMember"]
        rows = (table.rows[each].values for each in table.lookup(person, person_id))
        return any(row["CampaignId"] == campaign_id and not row["IsDeleted"] for row in rows)

    async def _delete(self, request: Request) -> Response:
        """Delete records as a person: `{"object", "ids"}`."""
        sobject, record_ids = await self._aimed(request)
        stamp = self._stamp()
        with self._org.transaction() as roll_back:
            try:
                for each in record_ids:
                    self._org.delete(sobject, each, stamp)
            except RowError as error:
                roll_back()
                raise _told(error) from error
        return JSONResponse({"deleted": record_ids})

    async def _undelete(self, request: Request) -> Response:
        """Take records out of the Recycle Bin: `{"object", "ids"}`; their SystemModstamp moves."""
        sobject, record_ids = await self._aimed(request)
        if not sobject.undeletable:
            raise ControlError(f"UNDELETE_FAILED: {sobject.name} records cannot be undeleted")
        for each in record_ids:
            row = self._org.tables[sobject.name].rows.get(each)
            if row is None or not row.values["IsDeleted"] or row.values.get("MasterRecordId"):
                raise ControlError(f"UNDELETE_FAILED: {each} is not in the Recycle Bin, or was merged")
        stamp = self._stamp()
        with self._org.transaction():
            for each in record_ids:
                self._org.set_raw(sobject, each, _audit(stamp) | {"IsDeleted": False}, stamp)
        return JSONResponse({"undeleted": record_ids})

    async def _purge(self, request: Request) -> Response:
        """Empty the Recycle Bin (`{"object"}`), or forget the log of deletions too (`{"log": true}`)."""
        document = await self._object(request)
        stamp = self._stamp()
        if document.get("log") is True:
            self._org.purged.clear()
            self._org.deletions_logged_from = stamp.text
            return JSONResponse({"log_from": stamp.text})
        sobject = _known(document)
        rows = self._org.tables[sobject.name].rows
        gone = [each for each, row in rows.items() if row.values["IsDeleted"]]
        with self._org.transaction():
            for each in gone:
                self._org.purge(sobject, each, stamp)
        return JSONResponse({"purged": gone})

    async def _set(self, request: Request) -> Response:
        """Set fields as the platform does, read-only ones included: `{"object", "ids", "fields"}`."""
        document = await self._object(request)
        sobject, fields = _known(document), document.get("fields")
        if not isinstance(fields, dict):
            raise ControlError("fields is an object")
        record_ids = self._ids_of(sobject, document)
        given: Record = {}
        for name, value in fields.items():
            known = sobject.field(name)
            if known is None or known.name == "Id":
                raise ControlError(f"{sobject.name} has no field {name} to set")
            try:
                given[known.name] = values.read(known, value)
            except RowError as error:
                raise _told(error) from error
        with self._org.transaction():
            for each in record_ids:
                self._org.set_raw(sobject, each, given, self._stamp())
        return JSONResponse({"changed": record_ids})

    async def _automation(self, request: Request) -> Response:
        """Set what refuses records: `[{"object", "kind", "on"?, "when"?, "text"?, "times"?}]`; a reset ends it."""
        return JSONResponse(self._org.automation.replace(await read_json(request)))

    async def _permissions(self, request: Request) -> Response:
        """Set what our user may: `{"hidden": ["Lead.Title"], "read_only": [], "denied": ["Lead.create"], ...}`.

        The last member is `"view_all_data": true`; what is left out is allowed.
        """
        document = await self._object(request)
        sets: dict[str, set[str]] = {}
        for name in ("hidden", "read_only"):
            listed = document.get(name, [])
            if not isinstance(listed, list):
                raise ControlError(f"{name} is an array of Object.Field")
            sets[name] = {_secured(str(each)) for each in listed}
        sets["denied"] = {str(each) for each in document.get("denied", [])}
        unknown = sets["denied"] - {f"{name}.{verb}" for name in SOBJECTS for verb in ("create", "update")}
        if unknown:
            raise ControlError(
                f"denied is an array of Object.create and Object.update, not {', '.join(sorted(unknown))}"
            )
        view_all = document.get("view_all_data", True)
        if not isinstance(view_all, bool):
            raise ControlError("view_all_data is true or false")
        self._org.hidden, self._org.read_only, self._org.denied = sets["hidden"], sets["read_only"], sets["denied"]
        self._org.view_all_data = view_all
        return JSONResponse({name: sorted(each) for name, each in sets.items()} | {"view_all_data": view_all})

    async def _lock(self, request: Request) -> Response:
        """Hold records as another transaction would: `{"ids", "seconds"}` on the clock, 0 gives them back."""
        document = await self._object(request)
        listed, seconds = document.get("ids"), document.get("seconds", 0)
        if not isinstance(listed, list) or not isinstance(seconds, int | float) or isinstance(seconds, bool):
            raise ControlError("ids is an array of record ids, seconds a number")
        found = [ids.normalise(str(each)) for each in listed]
        if None in found:
            raise ControlError("ids is an array of record ids")
        now = self._control.clock.timestamp()
        self._org.locks.hold([each for each in found if each], "someone else", now + seconds)
        return JSONResponse(self._org.locks.held(now))

    async def _aimed(self, request: Request) -> tuple[SObject, list[str]]:
        document = await self._object(request)
        sobject = _known(document)
        return sobject, self._ids_of(sobject, document)

    def _ids_of(self, sobject: SObject, document: Record) -> list[str]:
        listed = document.get("ids")
        if not isinstance(listed, list) or not listed:
            raise ControlError("ids is an array of record ids")
        found = [ids.normalise(str(each)) or "" for each in listed]
        for each in found:
            if each not in self._org.tables[sobject.name].rows:
                raise ControlError(f"no {sobject.name} has the id {each}")
        return found

    def _live(self, name: str, record_id: object) -> Record:
        found = self._org.current(SOBJECTS[name], ids.normalise(str(record_id)) or "")
        if found is None:
            raise ControlError(f"no live {name} has the id {record_id}")
        return found

    async def _object(self, request: Request) -> Record:
        document: Any = await read_json(request)
        if not isinstance(document, dict):
            raise ControlError("the body is a JSON object")
        # what fell due before comes first
        self._control.settle()
        return document

    def _stamp(self) -> Stamp:
        return Stamp(self._control.clock.now(), self._org.assigned_user_id)


def _known(document: Record) -> SObject:
    sobject = SOBJECTS.get(str(document.get("object")))
    if sobject is None:
        raise ControlError(f"object is one of {', '.join(SOBJECTS)}")
    return sobject


def _secured(text: str) -> str:
    name, _, field_name = text.partition(".")
    sobject = SOBJECTS.get(name)
    known = sobject.field(field_name) if sobject else None
    if sobject is None or known is None or known.name == "Id" or known.required:
        raise ControlError(f"{text} is not a field whose access can be taken away")
    return f"{sobject.name}.{known.name}"


def _told(error: RowError | ControlError) -> ControlError:
    return error if isinstance(error, ControlError) else ControlError(f"{error.code}: {error.message}")


def _audit(stamp: Stamp) -> Record:
    return {"SystemModstamp": stamp.text, "LastModifiedDate": stamp.text, "LastModifiedById": stamp.user_id}


def _account_of(lead: Record) -> Record:
    address = {f"Billing{part}": lead[part] for part in ("Street", "City", "State", "PostalCode", "Country")}
    same = ("Phone", "Website", "Industry", "Rating", "AnnualRevenue", "NumberOfEmployees")
    return {"Name": lead["Company"]} | address | {name: lead[name] for name in same}


def _contact_of(lead: Record, account_id: str) -> Record:
    address = {f"Mailing{part}": lead[part] for part in ("Street", "City", "State", "PostalCode", "Country")}
    same = ("FirstName", "LastName", "Salutation", "Email", "Title", "Phone", "MobilePhone", "LeadSource")
    flags = {name: lead[name] for name in ("HasOptedOutOfEmail", "DoNotCall")}
    return {"AccountId": account_id} | address | {name: lead[name] for name in same} | flags


def _end_of_quarter(day: date) -> date:
    last_month = (day.month + 2) // 3 * 3
    following = date(day.year + last_month // 12, last_month % 12 + 1, 1)
    return following - timedelta(days=1)
