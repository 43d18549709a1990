"""Marketo's documented error codes, each with what causes it at the vendor and at the twin.

Source: Adobe's developer guide, error codes; the messages there are in Adobe's words, the causes here in ours.
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx

from tests.contract.openapi.causes import Cause, Codes

LEADS, USAGE = "/rest/v1/leads.json", "/rest/v1/stats/usage.json"
ACTIVITIES, EXTERNAL = "/rest/v1/activities.json", "/rest/v1/activities/external.json"
EXPORT, IMPORT = "/bulk/v1/leads/export", "/bulk/v1/leads.json"
ASSET, CAMPAIGNS = "/rest/asset/v1", "/rest/v1/campaigns"
SCHEMA, TYPES = "/rest/v1/customobjects/schema", "/rest/v1/activities/external/type"
ANN = {"email": "ann@example.com"}
COMPANY = {"externalCompanyId": "C-1", "company": "Amber"}


@dataclass
class Instance:
    """The Marketo twin with an API user's token."""

    http: httpx.Client

    def log_in(self, prefix: str = "") -> None:
        """Use a token of the product's service, or of the other one."""
        known = self.control("credentials")
        query = {
            "grant_type": "client_credentials",
            "client_id": known[f"{prefix}client_id"],
            "client_secret": known[f"{prefix}client_secret"],
        }
        token = self.http.get("/identity/oauth/token", params=query).json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def control(self, what: str, document: object = None) -> Any:
        """Use the control plane: GET without a document, POST with one."""
        path = f"/_sim/{what}"
        return (self.http.get(path) if document is None else self.http.post(path, json=document)).json()

    def load(self, name: str, *records: Mapping[str, Any]) -> list[Any]:
        """Put records in and give their ids."""
        ids: list[Any] = self.control("load", {name: records})[name]
        return ids

    def switch(self, **limits: Any) -> None:
        """Set limits and switches."""
        self.control("limits", limits)

    def sync(self, *records: Mapping[str, Any], **members: Any) -> httpx.Response:
        """Sync leads."""
        return self.http.post(LEADS, json={"input": records, **members})

    def later(self, seconds: float) -> None:
        """Let time pass at the twin."""
        self.control("clock", {"advance_seconds": seconds})

    def upload(self, content: str, path: str = IMPORT, **query: Any) -> httpx.Response:
        """Import a CSV file."""
        return self.http.post(
            path, params={"format": "csv"} | query, files={"file": ("rows.csv", content.encode(), "text/csv")}
        )

    def now(self) -> datetime:
        """The time at the twin."""
        return datetime.fromisoformat(self.control("clock")["now"])

    def window(self) -> dict[str, str]:
        """The last day, as an export filter."""
        end = self.now().replace(microsecond=0)
        return {name: f"{when:%Y-%m-%dT%H:%M:%SZ}" for name, when in (("startAt", end - timedelta(1)), ("endAt", end))}

    def export(self, **members: Any) -> httpx.Response:
        """Create an export job of leads."""
        return self.http.post(
            f"{EXPORT}/create.json", json={"fields": ["id"], "filter": {"createdAt": self.window()}} | members
        )


# the requests that need more than one call


def _expired(it: Instance) -> httpx.Response:
    it.later(3601)
    return it.http.get(USAGE)


def _rush(it: Instance) -> httpx.Response:
    answers = [it.http.get(USAGE) for _ in range(101)]
    return answers[-1]


def _day_used_up(it: Instance) -> httpx.Response:
    it.switch(daily_calls=2)
    return [it.http.get(USAGE) for _ in range(3)][-1]


def _crowd(it: Instance) -> httpx.Response:
    it.switch(concurrent=1, latency_seconds=0.5)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(it.http.get, [USAGE] * 4))
    return next(each for each in answers if not each.json()["success"])


def _duplicate(it: Instance) -> httpx.Response:
    it.load("leads", ANN, ANN)
    return it.sync(ANN)


def _known(it: Instance) -> httpx.Response:
    it.load("leads", ANN)
    return it.sync(ANN, action="createOnly")


def _other_partition(it: Instance) -> httpx.Response:
    it.sync(ANN, partitionName="Partners")
    return it.sync(ANN, partitionName="Default")


def _linked(it: Instance) -> httpx.Response:
    it.load("leads", ANN | {"externalCompanyId": "C-1"})
    return it.sync(ANN | {"company": "Other"})


def _not_in_list(it: Instance) -> httpx.Response:
    [lead], [one] = it.load("leads", ANN), it.load("staticLists", {"name": "L"})
    return it.http.delete(f"/rest/v1/lists/{one}/leads.json", params={"id": lead})


def _list_busy(it: Instance) -> httpx.Response:
    [one] = it.load("staticLists", {"name": "L"})
    it.upload("email\nann@example.com\n", listId=one)
    return it.upload("email\nbob@example.com\n", listId=one)


def _imports(it: Instance) -> httpx.Response:
    return [it.upload("email\nann@example.com\n") for _ in range(11)][-1]


def _exports(it: Instance) -> httpx.Response:
    ids = [it.export().json()["result"][0]["exportId"] for _ in range(11)]
    return [it.http.post(f"{EXPORT}/{each}/enqueue.json") for each in ids][-1]


def _exported_twice(it: Instance) -> httpx.Response:
    made = it.export().json()["result"][0]["exportId"]
    return [it.http.post(f"{EXPORT}/{made}/enqueue.json") for _ in range(2)][-1]


def _no_entitlement(it: Instance) -> httpx.Response:
    it.switch(custom_object_schema=False)
    return it.http.get(f"{SCHEMA}.json")


def _no_custom_objects(it: Instance) -> httpx.Response:
    it.switch(custom_objects=False)
    return it.http.get("/rest/v1/customobjects.json")


def _narrow_subscription(it: Instance) -> httpx.Response:
    it.switch(export_optional_filters=False)
    return it.export(filter={"updatedAt": it.window()})


def _native(it: Instance) -> httpx.Response:
    it.switch(native_crm=True)
    return it.http.post("/rest/v1/companies.json", json={"input": [COMPANY]})


def _company_twice(it: Instance) -> httpx.Response:
    it.load("companies", COMPANY)
    return it.http.post("/rest/v1/companies.json", json={"action": "createOnly", "input": [COMPANY]})


def _in_use(it: Instance) -> httpx.Response:
    it.load("salesPersons", {"externalSalesPersonId": "S-1", "email": "sam@example.com"})
    it.load("leads", ANN | {"externalSalesPersonId": "S-1"})
    return it.http.post("/rest/v1/salespersons/delete.json", json={"input": [{"externalSalesPersonId": "S-1"}]})


def _status(it: Instance, *statuses: str) -> httpx.Response:
    [lead], [program] = it.load("leads", ANN), it.load("programs", {"name": "Fair"})
    path = f"/rest/v1/programs/{program}/members/status.json"
    return [it.http.post(path, json={"statusName": each, "input": [{"leadId": lead}]}) for each in statuses][-1]


def _a_type(it: Instance, number: int) -> httpx.Response:
    name = f"Visit {number}"
    document = {
        "apiName": f"visit{number}",
        "name": name,
        "triggerName": f"{name} t",
        "filterName": f"{name} f",
        "primaryAttribute": {"apiName": "place", "name": "Place"},
    }
    return it.http.post(f"{TYPES}.json", json=document)


def _types(it: Instance) -> httpx.Response:
    return [_a_type(it, number) for number in range(11)][-1]


def _attributes(it: Instance) -> httpx.Response:
    _a_type(it, 1)
    attributes = [{"apiName": f"a{number}", "name": f"A {number}"} for number in range(21)]
    return it.http.post(f"{TYPES}/visit1/attributes/create.json", json={"attributes": attributes})


def _an_activity(it: Instance, **members: Any) -> httpx.Response:
    [lead] = it.load("leads", ANN)
    row = {
        "leadId": lead,
        "activityDate": "2026-01-02T03:04:05Z",
        "activityTypeId": 100_001,
        "primaryAttributeValue": "x",
        "attributes": [],
    }
    return it.http.post(EXTERNAL, json={"input": [row | members]})


def _merge(it: Instance, losers: int) -> httpx.Response:
    winner, *rest = it.load("leads", *({} for _ in range(losers + 1)))
    return it.http.post(f"/rest/v1/leads/{winner}/merge.json", params={"leadIds": ",".join(map(str, rest))})


def _schedule(it: Instance, times: int = 1, **members: Any) -> httpx.Response:
    it.load("programs", {"name": "Fair"})
    [campaign] = it.load("smartCampaigns", {"name": "Mail", "type": "batch", "programName": "Fair"})
    path = f"{CAMPAIGNS}/{campaign}/schedule.json"
    return [it.http.post(path, json={"input": members}) for _ in range(times)][-1]


def _far_future(it: Instance) -> httpx.Response:
    return _schedule(it, runAt=(it.now() + timedelta(days=800)).isoformat())


def _clones(it: Instance) -> httpx.Response:
    it.control("clock", {"set": "2031-03-03T18:00:00Z", "allow_backwards": True})
    it.log_in()
    return _schedule(it, times=21, cloneToProgramName="Copy")


def _discarded(it: Instance) -> httpx.Response:
    _a_type(it, 1)
    it.http.post(f"{TYPES}/visit1/approve.json")
    return it.http.post(f"{TYPES}/visit1/discardDraft.json")


def _token(it: Instance, program: int | None = None, **members: str) -> httpx.Response:
    [known] = it.load("programs", {"name": "Fair"})
    form = {"name": "stand", "type": "text", "value": "A-1", "folderType": "Program"}
    return it.http.post(f"{ASSET}/folder/{program or known}/tokens.json", data=form | members)


def _blank_name(it: Instance) -> httpx.Response:
    [program] = it.load("programs", {"name": "Fair"})
    folder = json.dumps({"id": program, "type": "Program"})
    return it.http.post(f"{ASSET}/staticLists.json", data={"name": " ", "folder": folder})


def _no_bulk_extract(it: Instance) -> httpx.Response:
    it.switch(bulk_extract=False)
    return it.export()


def _two_clones(it: Instance) -> httpx.Response:
    [program] = it.load("programs", {"name": "Fair"})
    it.switch(race_window_seconds=0.5)
    folder = json.dumps({"id": program, "type": "Program"})

    def clone(name: str) -> httpx.Response:
        return it.http.post(f"{ASSET}/program/{program}/clone.json", data={"name": name, "folder": folder})

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(clone, ("Fair 2", "Fair 3", "Fair 4", "Fair 5")))
    return next(each for each in answers if not each.json()["success"])


def _no_default_partition(it: Instance) -> httpx.Response:
    it.switch(partition_required=True)
    return it.sync(ANN)


def _crm_merge(it: Instance, state: str = "", **values: str) -> httpx.Response:
    winner, loser = it.load("leads", {}, values)
    if state:
        it.load("crmStates", {"leadId": loser, "state": state})
    it.switch(native_crm=True)
    return it.http.post(f"/rest/v1/leads/{winner}/merge.json", params={"leadId": loser, "mergeInCRM": "true"})


def _switched_off_twice(it: Instance) -> httpx.Response:
    it.load("programs", {"name": "Fair"})
    [campaign] = it.load("smartCampaigns", {"name": "Mail", "type": "batch", "programName": "Fair"})
    return it.http.post(f"{ASSET}/smartCampaign/{campaign}/activate.json")


CAUSES: tuple[Cause[Instance], ...] = (
    Cause(
        "http_401",
        "the client id or secret is wrong",
        lambda it: it.http.get(
            "/identity/oauth/token",
            params={"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"},
        ),
    ),
    Cause("http_404", "the file of a job that is not there", lambda it: it.http.get(f"{EXPORT}/none/file.json")),
    Cause("http_413", "a body above one megabyte", lambda it: it.sync({"firstName": "x" * 1_000_001})),
    Cause(
        "http_414", "an address above eight kilobytes", lambda it: it.http.get(LEADS, params={"fields": "x" * 8_200})
    ),
    Cause("601", "a token that nobody gave out", lambda it: it.http.get(USAGE, headers={"Authorization": "Bearer x"})),
    Cause("602", "a token older than an hour", _expired),
    Cause("603", "no token at all", lambda it: it.http.get(USAGE, headers={"Authorization": ""})),
    Cause("605", "a method that the resource does not have", lambda it: it.http.put(LEADS)),
    Cause("606", "the 101st call in 20 seconds", _rush),
    Cause("607", "the quota of the day is used up", _day_used_up),
    Cause(
        "609",
        "a body that is no JSON",
        lambda it: it.http.post(LEADS, content=b"{", headers={"Content-Type": "application/json"}),
    ),
    Cause("610", "an address that does not exist", lambda it: it.http.get("/rest/v1/nothing.json")),
    Cause("612", "a write without the JSON content type", lambda it: it.http.post(LEADS, content=b"{}")),
    Cause(
        "613",
        "an upload whose parts cannot be read",
        lambda it: it.http.post(f"{IMPORT}?format=csv", content=b"x", headers={"Content-Type": "multipart/form-data"}),
    ),
    Cause("615", "more calls at once than allowed", _crowd),
    Cause("616", "the subscription lacks the API for custom object types", _no_entitlement),
    Cause("701", "an asset with a blank name", _blank_name),
    Cause("703", "a feature that is not switched on for the user", _no_bulk_extract),
    Cause("702", "an asset id that does not exist", lambda it: it.http.get(f"{ASSET}/program/4711.json")),
    Cause(
        "704",
        "a date that is none",
        lambda it: it.http.get("/rest/v1/activities/pagingtoken.json", params={"sinceDatetime": "yesterday"}),
    ),
    Cause("709", "a campaign that has no trigger is activated", _switched_off_twice),
    Cause("710", "a token for a program that does not exist", lambda it: _token(it, program=4711)),
    Cause("711", "a program addressed as a folder", lambda it: _token(it, folderType="Folder")),
    Cause("712", "a person account is merged in the CRM", lambda it: _crm_merge(it, "personAccount")),
    Cause("714", "a merge in a CRM without a default record type", lambda it: _crm_merge(it, "noRecordType")),
    Cause("719", "a program is cloned while it is being cloned", _two_clones),
    Cause(
        "718",
        "an opportunity of a sales person who does not exist",
        lambda it: it.http.post(
            "/rest/v1/opportunities.json",
            json={"input": [{"externalOpportunityId": "O-1", "name": "Deal", "externalSalesPersonId": "nobody"}]},
        ),
    ),
    Cause("1001", "a value of another type than the field's", lambda it: _an_activity(it, attributes={})),
    Cause("1002", "a required parameter is missing", lambda it: it.http.get(LEADS)),
    Cause("1003", "a value that is not allowed", lambda it: it.sync(ANN, action="upsert")),
    Cause("1004", "an update of a lead that is not there", lambda it: it.sync(ANN, action="updateOnly")),
    Cause("1005", "a create of a lead that is there", _known),
    Cause("1006", "a field that is not described", lambda it: it.sync(ANN | {"nonsense": 1})),
    Cause("1007", "two leads have the key", _duplicate),
    Cause("1008", "a partition that does not exist", lambda it: it.sync(ANN, partitionName="Nowhere")),
    Cause("1009", "a new lead where every lead needs a partition and none is named", _no_default_partition),
    Cause("1010", "a sync that would move a lead to another partition", _other_partition),
    Cause("1011", "a lookup by a field that cannot be one", lambda it: it.sync(ANN, lookupField="updatedAt")),
    Cause(
        "1012",
        "a cookie that is none",
        lambda it: it.http.post(
            f"/rest/v1/leads/{it.load('leads', ANN)[0]}/associate.json", params={"cookie": "crumbs"}
        ),
    ),
    Cause("1013", "a list that does not exist", lambda it: it.http.get("/rest/v1/lists/4711.json")),
    Cause("1015", "a lead that is not in the list is removed from it", _not_in_list),
    Cause("1016", "an eleventh import while ten wait", _imports),
    Cause("1017", "a company that exists is created", _company_twice),
    Cause("1018", "a company is written while a CRM is connected", _native),
    Cause("1019", "a second import into a list", _list_busy),
    Cause("1020", "a 21st clone by schedule on one day", _clones),
    Cause("1021", "a company field of a lead that belongs to a company", _linked),
    Cause("1022", "a sales person who owns leads is deleted", _in_use),
    Cause("1025", "a status that the program's channel does not have", lambda it: _status(it, "Applauded")),
    Cause("1026", "custom objects are not part of the subscription", _no_custom_objects),
    Cause("1027", "an eleventh custom activity type", _types),
    Cause("1028", "a 21st attribute of a custom activity", _attributes),
    Cause("1029", "an eleventh export while ten wait", _exports),
    Cause("1029", "an export is put into the queue twice", _exported_twice),
    Cause("1035", "a filter that the subscription does not have", _narrow_subscription),
    Cause("1036", "one key twice in a call", lambda it: it.sync(ANN, ANN)),
    Cause("1037", "a member is set back to an earlier status", lambda it: _status(it, "Attended", "Invited")),
    Cause("1042", "a campaign scheduled more than two years ahead", _far_future),
    Cause("1048", "a draft that does not exist is discarded", _discarded),
    Cause(
        "1049",
        "attributes above 64 kilobytes",
        lambda it: _an_activity(it, attributes=[{"apiName": "message", "value": "x" * 65_536}]),
    ),
    Cause("1076", "a merge that the CRM's duplicate rule refuses", lambda it: _crm_merge(it, "duplicate")),
    Cause("1077", "a merged value longer than the CRM's field", lambda it: _crm_merge(it, lastName="x" * 81)),
    Cause("1078", "a merge with a record that was deleted in the CRM", lambda it: _crm_merge(it, "deleted")),
    Cause("1079", "a merge of records with different personal addresses", lambda it: _crm_merge(it, "urlConflict")),
    Cause("1080", "26 leads merged into one", lambda it: _merge(it, 26)),
)

CODES = Codes(
    vendor="Marketo",
    documented=(
        *("http_401", "http_404", "http_413", "http_414", "http_5xx"),
        *("500", "502"),
        *(str(code) for code in range(601, 617)),
        *("701", "702", "703", "704", "709", "710", "711", "712", "713", "714", "718", "719"),
        *(str(code) for code in range(1001, 1023)),
        *("1025", "1026", "1027", "1028", "1029", "1035", "1036", "1037", "1042", "1048", "1049"),
        *("1076", "1077", "1078", "1079", "1080"),
    ),
    causes=CAUSES,
    switch_only={
        "http_5xx": "no request causes it",
        "500": "the vendor's own trouble",
        "502": "the vendor's own trouble",
        "604": "the vendor's own trouble",
        "608": "the vendor's own trouble",
        "611": "the vendor's own trouble",
        "614": "the subscription is out of reach for everybody",
        "713": "the vendor's own trouble",
        "1014": "the vendor's own trouble",
    },
    absent={},
)
