"""The comparison: what the model expects, what the product says it did, and what the simulators hold.

What ought to happen is decided by `devstack.model` alone. Every finding here is one plain sentence.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx

from devstack import model
from devstack.persons import Line, Loaded
from devstack.play import Acknowledgement, Sent

type Document = Mapping[str, Any]

SUCCESS, ERROR = "Success", "Error"
FINAL_STATES = frozenset({"ended", "rejected", "not_run"})
STATUS_WRITTEN_BACK = "Synced"
WRITTEN = ("created", "updated")
# what the demo Action may write; blank on a Lead unless the model says otherwise
MAPPED_TO = ("Email", "FirstName", "LastName", "Company", "Phone", "Title", "LeadSource")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What was found after the run: the product's executions, the simulators' records and calls."""

    executions: Sequence[Document]
    leads: Sequence[Document]
    activities: Sequence[Document]
    salesforce_leads: Sequence[Document]
    marketo_calls: Document
    salesforce_calls: Document


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the final table; None where a column has nothing to say."""

    name: str
    expected: int | None = None
    product: int | None = None
    simulators: int | None = None

    @property
    def adds_up(self) -> bool:
        """Say whether the columns that say something say the same."""
        return len({self.expected, self.product, self.simulators} - {None}) < 2 or self.expected is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The result of the comparison."""

    rows: Sequence[Row]
    differences: Sequence[str]
    acknowledgement: Acknowledgement

    @property
    def exit_code(self) -> int:
        """Give 0 if everything adds up, else 1."""
        return 1 if self.differences else 0


def gather(*, marketo_url: str, salesforce_url: str, executions: Sequence[Document], client: httpx.Client) -> Evidence:
    """Read what both simulators hold."""

    def read(url: str) -> Any:
        response = client.get(url)
        response.raise_for_status()
        return response.json()

    return Evidence(
        executions=executions,
        leads=read(f"{marketo_url}/_sim/records/leads"),
        activities=read(f"{marketo_url}/_sim/records/activities"),
        salesforce_leads=read(f"{salesforce_url}/_sim/records/Lead"),
        marketo_calls=read(f"{marketo_url}/_sim/calls"),
        salesforce_calls=read(f"{salesforce_url}/_sim/calls"),
    )


def compare(lines: Sequence[Line], loaded: Loaded, sent: Sequence[Sent], evidence: Evidence) -> Report:
    """Compare everything that can be compared; see `Report.differences` for what does not add up."""
    comparison = _Comparison(lines=lines, loaded=loaded, sent=sent, evidence=evidence)
    rows = comparison.rows()
    differences = [
        *comparison.answers(),
        *comparison.executions(),
        *comparison.salesforce(),
        *comparison.marketo(),
        *comparison.activities(),
        *(_row_difference(row) for row in rows if not row.adds_up),
    ]
    return Report(rows=rows, differences=differences, acknowledgement=Acknowledgement.of(sent))


def unfinished(executions: Sequence[Document]) -> Counter[str]:
    """Count the executions that have not come to an end, by state; a parked one with its reason."""
    return Counter(_state(each) for each in executions if each.get("state") not in FINAL_STATES)


@dataclass(kw_only=True)
class _Comparison:
    """One comparison; each public method yields the differences of one witness."""

    lines: Sequence[Line]
    loaded: Loaded
    sent: Sequence[Sent]
    evidence: Evidence
    _settled: dict[str, tuple[model.CallKey, model.Result]] = field(default_factory=dict)

    @cached_property
    def by_id(self) -> dict[str, Document]:
        return {str(each.get("execution_id")): each for each in self.evidence.executions}

    @cached_property
    def by_call(self) -> dict[model.CallKey, Sent]:
        return {(each.person, each.call): each for each in self.sent}

    @cached_property
    def expected(self) -> model.Expectation:
        overtaken = {
            key
            for key, each in self.by_call.items()
            if (said := self.by_id.get(each.execution_id)) and said.get("outcome") == "superseded"
        }
        return model.expect(self.lines, self.loaded.lead_ids, self.loaded.record_ids, overtaken)

    @cached_property
    def matched(self) -> dict[str, tuple[model.CallKey, model.Result]]:
        """Give what each execution must have come to, by execution id.

        Calls of one bucket may swap their results: the product decides which of them came first.
        """
        free: dict[str, list[model.Result]] = defaultdict(list)
        for result in self.expected.results.values():
            free[result.bucket].append(result)
        matched = {}
        waiting = []
        for key, result in self.expected.results.items():
            execution_id = self.by_call[key].execution_id if key in self.by_call else ""
            said = self.by_id.get(execution_id, {})
            choices = free[result.bucket]
            fitting = next((one for one in choices if _outcome(said) == (one.outcome, one.reason)), None)
            if fitting is None:
                waiting.append((key, result, execution_id))
                continue
            choices.remove(fitting)
            matched[execution_id] = (key, fitting)
        for key, result, execution_id in waiting:
            matched[execution_id or f"no execution of {key}"] = (key, free[result.bucket].pop(0))
        return matched

    @cached_property
    def held(self) -> dict[int, Sequence[Document]]:
        """Give the Salesforce Leads that stand for each expected record, by the record's identity."""
        by_id = {str(each["Id"]): each for each in self.evidence.salesforce_leads}
        loaded = {record.id for record in self.expected.records}
        new: dict[str, list[Document]] = defaultdict(list)
        for record_id, each in by_id.items():
            if record_id not in loaded:
                new[_text(each.get("Email")).lower()].append(each)
        return {
            id(record): ([by_id[record.id]] if record.id in by_id else []) if record.id else new[record.key]
            for record in self.expected.records
        }

    @cached_property
    def results_logged(self) -> dict[str, list[Document]]:
        """Give the result activities at Marketo by the execution they name."""
        logged: dict[str, list[Document]] = defaultdict(list)
        for activity in self.evidence.activities:
            if execution_id := _attribute(activity, "executionId"):
                logged[execution_id].append(activity)
        return logged

    def answers(self) -> Iterator[str]:
        """Yield every call that was not answered as it must be: 200, or 400 for a body nobody could use."""
        for key, result in self.expected.results.items():
            each = self.by_call.get(key)
            if each is None:
                yield f"{_name(key)} was never sent."
                continue
            wanted = 400 if result.outcome == "rejected" else 200
            if each.fault:
                yield f"{_name(key)}: {each.fault}."
            elif each.status != wanted:
                yield f"{_name(key)} was answered with {each.status}; expected {wanted}."
            elif not each.execution_id:
                yield f"{_name(key)}: the answer names no execution."
        times = Counter(each.execution_id for each in self.sent if each.execution_id)
        yield from (f"Execution {one} was the answer to {n} calls." for one, n in times.items() if n > 1)

    def executions(self) -> Iterator[str]:
        """Yield every execution that did not end as it must, or does not tell the truth about itself."""
        times = Counter(str(each.get("execution_id")) for each in self.evidence.executions)
        yield from (f"The product lists execution {one} {n} times." for one, n in times.items() if n > 1)
        yield from (
            f"The product lists execution {one}, which is the answer to no call."
            for one in self.by_id.keys() - self.matched.keys()
        )
        for key in self.expected.unfounded:
            yield f"{_name(key)} ended superseded, but no newer call for the same address was written."
        for execution_id, (key, result) in self.matched.items():
            said = self.by_id.get(execution_id)
            if said is None:
                yield f"{_name(key)}: the product has no execution for it."
            else:
                yield from (f"{_name(key)}: {finding}" for finding in self._execution(key, result, said))
        yield from self._exposed()

    def _execution(self, key: model.CallKey, result: model.Result, said: Document) -> Iterator[str]:
        if said.get("state") not in FINAL_STATES:
            yield f"its execution {said.get('execution_id')} is still {_state(said)}."
            return
        wanted = (result.outcome, result.reason)
        if _outcome(said) != wanted:
            yield f"expected {_words(*wanted)}, but the product says {_words(*_outcome(said))}."
            return
        if result.outcome == "rejected":
            return
        if _text(said.get("lead_id")) != self.loaded.lead_ids[key[0]]:
            yield f"its execution names Marketo lead {said.get('lead_id')}."
        counts = {name: count for name, count in (said.get("counts") or {}).items() if count}
        if counts != {"total": 1, result.outcome: 1}:
            yield f"its execution counts {json.dumps(counts)}; expected 1 {result.outcome} of 1."
        if result.outcome not in WRITTEN and not (said.get("reason") and said.get("message")):
            yield "its execution does not say in words why nothing was written."
        yield from self._reports(result, said)

    def _reports(self, result: model.Result, said: Document) -> Iterator[str]:
        """Yield what the execution says wrongly about the record, the write-back and the activity."""
        if result.record is not None:
            ids = [str(each["Id"]) for each in self.held[id(result.record)]]
            if _text(said.get("salesforce_id")) not in ids:
                named = said.get("salesforce_id")
                yield f"its execution names Salesforce Lead {named}; expected {' or '.join(ids) or 'none'}."
        for name, done, is_due in (
            ("writeback", "written", result.outcome in WRITTEN),
            ("activity", "added", result.outcome in (*WRITTEN, "failed")),
        ):
            status = (said.get(name) or {}).get("status")
            if (status == done) != is_due:
                yield f"its {name} is {status}, and it {'should' if is_due else 'should not'} be {done}."

    def _exposed(self) -> Iterator[str]:
        text = json.dumps(list(self.evidence.executions), ensure_ascii=False).lower()
        shown = set(re.findall(r"[^\s\"'<>(),;:@]+@[^\s\"'<>(),;:@]+\.[a-z]+", text))
        for line in self.lines:
            if _text(line["lead"].get("email")).lower() in shown:
                yield f"The executions show the e-mail address of person {line['person']}."

    def salesforce(self) -> Iterator[str]:
        """Yield every Lead that is missing, doubled, not wanted or holds a wrong value."""
        explained = set()
        for record in self.expected.records:
            leads = self.held[id(record)]
            explained |= {each["Id"] for each in leads}
            if not leads:
                yield f"Salesforce holds no Lead for {record.key}; expected one."
            if len(leads) > 1:
                ids = ", ".join(str(each["Id"]) for each in leads)
                yield f"Salesforce holds {len(leads)} Leads for {record.key} ({ids}); expected one."
            yield from (
                f"Salesforce Lead {each['Id']} ({record.key}) holds {field_difference}"
                for each in leads
                for field_difference in _wrong_values(dict.fromkeys(MAPPED_TO) | record.fields, each)
            )
        for each in self.evidence.salesforce_leads:
            if each["Id"] not in explained:
                email = _text(each.get("Email"))
                yield f"Salesforce holds Lead {each['Id']} ({email}), which nobody should have made."

    def marketo(self) -> Iterator[str]:
        """Yield every Marketo lead with a lost, wrong or unwanted write-back, or changed otherwise."""
        leads = {_text(each["id"]): each for each in self.evidence.leads}
        persons = {lead_id: person for person, lead_id in self.loaded.lead_ids.items()}
        yield from (
            f"Marketo holds lead {lead_id}, which nobody should have made." for lead_id in leads.keys() - persons.keys()
        )
        for line in self.lines:
            lead_id = self.loaded.lead_ids[line["person"]]
            lead = leads.get(lead_id)
            if lead is None:
                yield f"Marketo no longer holds lead {lead_id} of person {line['person']}."
                continue
            name = f"Marketo lead {lead_id} (person {line['person']})"
            yield from (f"{name} holds {wrong}" for wrong in _wrong_values(line["lead"], lead))
            yield from (f"{name} {wrong}" for wrong in self._write_back(lead_id, lead))

    def _write_back(self, lead_id: str, lead: Document) -> Iterator[str]:
        carried, status = _text(lead.get("salesforceId")), _text(lead.get("leadbridgeStatus"))
        record = self.expected.write_backs.get(lead_id)
        if record is None:
            if carried or status:
                yield f"carries salesforceId {carried!r} and status {status!r}; expected neither."
            return
        ids = [str(each["Id"]) for each in self.held[id(record)]]
        if not carried:
            yield "does not carry the Salesforce Id: its write-back is lost."
        elif carried not in ids:
            yield f"carries salesforceId {carried}; expected {' or '.join(ids) or 'none'}."
        if status != STATUS_WRITTEN_BACK:
            yield f"carries leadbridgeStatus {status!r}; expected {STATUS_WRITTEN_BACK!r}."

    def activities(self) -> Iterator[str]:
        """Yield every result activity that is missing, doubled, not wanted or says something else."""
        for execution_id, (key, result) in self.matched.items():
            logged = self.results_logged.get(execution_id, [])
            wanted = _activity_value(result)
            if wanted is None:
                if logged:
                    yield f"{_name(key)}: Marketo has an activity for it; expected none for {result.outcome}."
                continue
            if not logged:
                yield f"{_name(key)}: the activity {wanted!r} is missing at Marketo."
            if len(logged) > 1:
                yield f"{_name(key)}: Marketo has {len(logged)} activities for it; expected one."
            for each in logged:
                yield from (f"{_name(key)}: {wrong}" for wrong in self._activity(key, result, each))
        yield from (
            f"Marketo has an activity for execution {one}, which is the answer to no call."
            for one in self.results_logged.keys() - self.matched.keys()
        )

    def _activity(self, key: model.CallKey, result: model.Result, activity: Document) -> Iterator[str]:
        value, wanted = activity.get("primaryAttributeValue"), _activity_value(result)
        if value != wanted:
            yield f"its activity says {value!r}; expected {wanted!r}."
        if _text(activity.get("leadId")) != self.loaded.lead_ids[key[0]]:
            yield f"its activity is on Marketo lead {activity.get('leadId')}."
        if result.record is None:
            if not _attribute(activity, "message"):
                yield "its activity does not say what went wrong."
            return
        ids = [str(each["Id"]) for each in self.held[id(result.record)]]
        if _attribute(activity, "salesforceId") not in ids:
            yield f"its activity names Salesforce Lead {_attribute(activity, 'salesforceId')!r}."

    def rows(self) -> list[Row]:
        """Count everything three times: by the model, by the product, by the simulators."""
        wanted = Counter(result.outcome for result in self.expected.results.values())
        why = Counter((result.outcome, result.reason) for result in self.expected.results.values())
        said: Counter[str] = Counter()
        for each in self.evidence.executions:
            said.update({name: int(count) for name, count in (each.get("counts") or {}).items()})
        said_why = Counter(_outcome(each) for each in self.evidence.executions)
        loaded = {one for ids in self.loaded.record_ids.values() for one in ids}
        made = sum(each["Id"] not in loaded for each in self.evidence.salesforce_leads)
        logged = Counter(each.get("primaryAttributeValue") for many in self.results_logged.values() for each in many)

        def plain(outcome: str, simulators: int | None = None) -> Row:
            return Row(name=outcome, expected=wanted[outcome], product=said[outcome], simulators=simulators)

        def by_reason(outcome: str) -> Iterator[Row]:
            pairs = sorted({pair for pair in why | said_why if pair[0] == outcome}, key=lambda pair: str(pair[1]))
            for pair in pairs:
                yield Row(name=f"  {pair[1]}", expected=why[pair], product=said_why[pair])

        return [
            Row(name="received", expected=len(self.expected.results), product=len(self.evidence.executions)),
            plain("created", made),
            plain("updated", logged[SUCCESS] - made),
            plain("superseded"),
            plain("skipped"),
            *by_reason("skipped"),
            Row(name="duplicates", expected=wanted["duplicate"], product=said["duplicate"]),
            plain("failed", logged[ERROR]),
            *by_reason("failed"),
            Row(name="rejected", expected=wanted["rejected"], product=said_why["rejected", None]),
            *self._delivery_rows(logged),
            *self._vendor_rows(),
        ]

    def _delivery_rows(self, logged: Counter[Any]) -> list[Row]:
        results = self.expected.results.values()
        written = [
            each for each in self.evidence.executions if (each.get("writeback") or {}).get("status") == "written"
        ]
        return [
            Row(
                name="write-backs",
                expected=sum(result.outcome in WRITTEN for result in results),
                product=len(written),
            ),
            Row(
                name="persons written back",
                expected=len(self.expected.write_backs),
                product=len({_text(each.get("lead_id")) for each in written}),
                simulators=sum(bool(_text(each.get("salesforceId"))) for each in self.evidence.leads),
            ),
            Row(
                name="activities",
                expected=sum(_activity_value(result) is not None for result in results),
                product=sum((each.get("activity") or {}).get("status") == "added" for each in self.evidence.executions),
                simulators=logged.total(),
            ),
        ]

    def _vendor_rows(self) -> Iterator[Row]:
        for name, calls in (
            ("Marketo", self.evidence.marketo_calls),
            ("Salesforce", self.evidence.salesforce_calls),
        ):
            yield Row(name=f"calls to {name}", simulators=int(calls.get("total", 0)))
            broken = sum((calls.get("violations") or {}).values())
            yield Row(name=f"limits of {name} broken", expected=0, simulators=broken)


def _outcome(execution: Document) -> tuple[str, str | None]:
    """Give how an execution ended in the model's words; why a body was rejected is the product's matter."""
    if execution.get("state") == "rejected":
        return "rejected", None
    if execution.get("state") != "ended":
        return _state(execution), None
    outcome = str(execution.get("outcome"))
    return outcome, None if outcome in WRITTEN else execution.get("reason")


def _state(execution: Document) -> str:
    state = str(execution.get("state") or "without a state")
    return f"{state} ({execution['reason']})" if state == "parked" and execution.get("reason") else state


def _words(outcome: str, reason: str | None) -> str:
    return f"{outcome} ({reason})" if reason else outcome


def _name(key: model.CallKey) -> str:
    return f"Person {key[0]}, call {key[1]}"


def _text(value: object) -> str:
    """Give a value as it is compared: no value is an empty text, outer blanks do not count."""
    return "" if value is None else str(value).strip()


def _wrong_values(wanted: Mapping[str, Any], held: Document) -> Iterator[str]:
    for name, value in wanted.items():
        if _text(held.get(name)) != _text(value):
            yield f"{name} {_text(held.get(name))!r}; expected {_text(value)!r}."


def _activity_value(result: model.Result) -> str | None:
    return {"created": SUCCESS, "updated": SUCCESS, "failed": ERROR}.get(result.outcome)


def _attribute(activity: Document, name: str) -> str:
    """Give a secondary attribute; Marketo names them by API name or by display name ("Execution Id")."""
    for each in activity.get("attributes") or []:
        if name.lower() in {str(each.get(key, "")).replace(" ", "").lower() for key in ("name", "apiName")}:
            return _text(each.get("value"))
    return ""


def _row_difference(row: Row) -> str:
    columns = [f"expected {row.expected}"]
    if row.product is not None:
        columns.append(f"the product counts {row.product}")
    if row.simulators is not None:
        columns.append(f"the simulators hold {row.simulators}")
    return f"The count {row.name.strip()!r} does not add up: {', '.join(columns)}."
