"""The straight-line integration: one call per person and step. The figures are compared with it."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import httpx

type Payload = Mapping[str, Any]

COLUMNS = ["email", "firstName", "lastName", "company", "phone", "title"]


def synchronise(bodies: Iterable[Payload], marketo: httpx.Client, salesforce: httpx.Client, kind: int) -> None:
    for lead in (body["lead"] for body in bodies):
        email = lead["email"].strip()
        if lead["leadStatus"] == "Disqualified" or not re.fullmatch(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", email):
            continue
        escaped = email.replace("\\", "\\\\").replace("'", "\\'")
        query = {"q": f"SELECT Id FROM Lead WHERE Email = '{escaped}'"}
        found = salesforce.get("query", params=query).json()["records"]
        fields = {name[0].upper() + name[1:]: lead[name] for name in COLUMNS if lead[name].strip()}
        fields["LeadSource"] = "Marketo"
        if found:
            answer = salesforce.patch(f"sobjects/Lead/{found[0]['Id']}", json=fields)
        else:
            answer = salesforce.post("sobjects/Lead", json=fields)
        record_id = None if answer.is_error else found[0]["Id"] if found else answer.json()["id"]
        if record_id:
            row = {"id": int(lead["id"]), "salesforceId": record_id, "leadbridgeStatus": "Synced"}
            marketo.post("leads.json", json={"action": "updateOnly", "lookupField": "id", "input": [row]})
        activity = {
            "leadId": int(lead["id"]),
            "activityDate": "2026-01-01T00:00:00Z",
            "activityTypeId": kind,
            "primaryAttributeValue": "Success" if record_id else "Error",
            "attributes": [{"apiName": "salesforceId", "value": record_id or ""}],
        }
        marketo.post("activities/external.json", json={"input": [activity]})
