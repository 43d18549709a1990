"""An honest run: what a correct product and correct simulators would leave behind, for a test to spoil."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from devstack import model
from devstack.compare import Evidence, Report, compare
from devstack.persons import Line, Loaded
from devstack.play import Sent

type Json = dict[str, Any]

MESSAGE = "said in words"


def a_person(person: str, *calls: Json, **members: Any) -> Json:
    """Give a line with a complete lead; without calls, one call with nothing special."""
    lead = {
        "email": f"{person}@example.com",
        "firstName": "Ada",
        "lastName": "Abelgaard",
        "company": "Nordlicht",
        "phone": "",
        "title": "CEO",
        "leadStatus": "",
    }
    return {"person": person, "lead": lead | members.pop("lead", {}), "calls": list(calls or [{}]), **members}


def a_lead_before(person: str, **fields: str) -> Json:
    """Give a Lead that Salesforce holds before the run."""
    return {"Email": f"{person}@example.com", "LastName": "Before", "Company": "Before Ltd", **fields}


@dataclass
class Run:
    """One run, open to being spoiled."""

    lines: list[Json]
    loaded: Loaded
    sent: list[Sent]
    executions: dict[str, Json]
    leads: dict[str, Json]
    activities: list[Json]
    salesforce_leads: list[Json]
    marketo_calls: Json
    salesforce_calls: Json

    def compare(self) -> Report:
        """Compare the run as it is now."""
        return compare(
            self.lines,
            self.loaded,
            self.sent,
            Evidence(
                executions=list(self.executions.values()),
                leads=list(self.leads.values()),
                activities=self.activities,
                salesforce_leads=self.salesforce_leads,
                marketo_calls=self.marketo_calls,
                salesforce_calls=self.salesforce_calls,
            ),
        )

    def lead(self, person: str) -> Json:
        """Give the Marketo lead of a person."""
        return self.leads[self.loaded.lead_ids[person]]


def loaded(lines: list[Json]) -> Loaded:
    """Give each person and each record an id."""
    return Loaded(
        lead_ids={line["person"]: str(number) for number, line in enumerate(lines, 1)},
        record_ids={
            line["person"]: [f"00Q-{line['person']}-{n}" for n, _ in enumerate(line.get("salesforce", []))]
            for line in lines
        },
    )


def an_honest_run(lines: list[Json], overtaken: Collection[model.CallKey] = ()) -> Run:
    """Make the traces of a run in which everything went as it must."""
    ids = loaded(lines)
    expected = model.expect(lines, ids.lead_ids, ids.record_ids, overtaken)
    held = {
        id(record): {"Id": record.id or f"00Q-new-{number}", "Website": None} | record.fields
        for number, record in enumerate(expected.records)
    }
    executions: dict[str, Json] = {}
    activities, sent = [], []
    for (person, call), result in expected.results.items():
        execution_id = f"x-{person}-{call}"
        salesforce_id = str(held[id(result.record)]["Id"]) if result.record else None
        status = 400 if result.outcome == "rejected" else 200
        sent.append(Sent(person=person, call=call, seconds=0.05, status=status, answer={"execution_id": execution_id}))
        executions[execution_id] = an_execution(execution_id, ids.lead_ids[person], result, salesforce_id)
        if result.outcome in {"created", "updated", "failed"}:
            attributes = {"Execution Id": execution_id, "Salesforce Id": salesforce_id, "Message": MESSAGE}
            activities.append(
                {
                    "leadId": int(ids.lead_ids[person]),
                    "activityTypeId": 100001,
                    "primaryAttributeValue": "Error" if result.outcome == "failed" else "Success",
                    "attributes": [{"name": name, "value": value} for name, value in attributes.items()],
                }
            )
    return Run(
        lines=lines,
        loaded=ids,
        sent=sent,
        executions=executions,
        leads={ids.lead_ids[line["person"]]: _marketo_lead(line, ids, expected, held) for line in lines},
        activities=[*activities, {"leadId": 1, "activityTypeId": 12, "attributes": []}],
        salesforce_leads=list(held.values()),
        marketo_calls={"total": 12, "violations": {}},
        salesforce_calls={"total": 20, "violations": {}},
    )


def an_execution(execution_id: str, lead_id: str, result: model.Result, salesforce_id: str | None) -> Json:
    """Give an execution as the product lists it."""
    if result.outcome == "rejected":
        return {"execution_id": execution_id, "state": "rejected", "reason": "body_not_json", "outcome": None}
    is_written = result.outcome in {"created", "updated"}
    return {
        "execution_id": execution_id,
        "lead_id": int(lead_id),
        "salesforce_id": salesforce_id,
        "state": "ended",
        "outcome": result.outcome,
        "reason": result.reason,
        "message": None if is_written else MESSAGE,
        "counts": {"total": 1, "created": 0, "updated": 0, result.outcome: 1},
        "writeback": {"status": "written" if is_written else "not_attempted"},
        "activity": {"status": "added" if is_written or result.outcome == "failed" else "not_attempted"},
    }


def _marketo_lead(line: Line, ids: Loaded, expected: model.Expectation, held: Mapping[int, Json]) -> Json:
    lead_id = ids.lead_ids[line["person"]]
    lead = {"id": int(lead_id)} | {name: value or None for name, value in line["lead"].items()}
    if record := expected.write_backs.get(lead_id):
        lead |= {"salesforceId": held[id(record)]["Id"], "leadbridgeStatus": "Synced"}
    return lead
