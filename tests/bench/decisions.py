"""What deciding about one record costs: filter, map 30 fields, plan; values only, no I/O, one core."""

import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from leadbridge.domain.action import Action
from leadbridge.domain.event import Event, Result
from leadbridge.domain.pipeline import CompiledAction, Write, admit, compile_action, decide_write
from leadbridge.domain.records import FieldDescription, ObjectDescription
from tests.bench.decision_baseline import decide
from tests.bench.inputs import distinct_persons
from tests.bench.report import Figure, listed

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECRET = b"the key of the figures"
ROUNDS = 5
_BY_NAME = {"email": "Email", "firstName": "FirstName", "lastName": "LastName", "company": "Company"}
_BY_NAME |= {"phone": "Phone", "title": "Title"}
_TYPES = ("string", "textarea", "picklist", "boolean", "int", "double", "date", "datetime")
#: column, destination field and its type: 6 of the demo Action, 24 of all types
FIELDS = [(column, name, "email" if name == "Email" else "string") for column, name in _BY_NAME.items()] + [
    (f"custom{number}", f"Custom{number}__c", _TYPES[number % len(_TYPES)]) for number in range(24)
]

type Record = tuple[Event, tuple[str, ...]]
type Decision = tuple[Any, ...]


def compiled_action() -> CompiledAction:
    """The demo Action with 30 mapped fields."""
    action = Action.model_validate(
        {
            "kind": "action",
            "id": "person-to-lead",
            "name": "Person to Lead",
            "source": {"connection": "marketo-demo"},
            "destination": {"connection": "salesforce-demo", "object": "Lead"},
            "identifier": {"column": "email", "field": "Email"},
            "type": "upsert",
            "conditions": {"clauses": [{"column": "leadStatus", "operator": "not_equals", "value": "Disqualified"}]},
            "mappings": [{"column": column, "to": name} for column, name, _ in FIELDS]
            + [{"static": "Marketo", "to": "LeadSource"}],
            "writeback": [{"field": "Id", "to": "salesforceId"}],
            "results": {
                "activity": "leadbridgeResult",
                "success": "Success",
                "errored": "Error",
                "mappings": [{"execution": "message", "to": "message"}],
            },
        }
    )
    described = {name: FieldDescription(name=name, type=kind) for _, name, kind in FIELDS}
    described["LeadSource"] = FieldDescription(name="LeadSource", type="picklist")
    return compile_action(action, 1, ObjectDescription(name="Lead", fields=described))


def records(size: int, seed: int) -> list[Record]:
    """Events with 30 varying values, and the ids of the records that match each."""
    chance = random.Random(seed)
    result: list[Record] = []
    for number, line in enumerate(distinct_persons(size, seed=seed, prefix="decide")):
        says = {**line["lead"], **line["calls"][0].get("lead", {})}
        custom = {column: _value(chance, kind) for column, _, kind in FIELDS if column not in says}
        event = Event(
            execution_id=f"{number:032x}",
            action_id="person-to-lead",
            lane="salesforce-demo",
            sequence=f"{number:014d}#{number:032x}",
            received_at=NOW,
            payload={"lead": {"id": number + 1, **says, **custom}, "campaign": line["calls"][0]["campaign"]},
        )
        matches = 2 if chance.random() < 0.01 else len(line.get("salesforce", []))
        result.append((event, tuple(f"00Q{number:014d}{match}" for match in range(matches))))
    return result


def _value(chance: random.Random, kind: str) -> str:
    if chance.random() < 0.15:
        return chance.choice(["", " "])
    if chance.random() < 0.001:
        return "neither a number nor a date"
    day = NOW + timedelta(seconds=chance.randrange(-(10**9), 10**9))
    made: dict[str, Callable[[], str]] = {
        "boolean": lambda: chance.choice(["true", "false", "1", "0", "Yes"]),
        "int": lambda: str(chance.randrange(-(10**6), 10**6)),
        "double": lambda: f"{chance.uniform(-1e5, 1e5):.{chance.randrange(4)}f}",
        "date": lambda: day.date().isoformat(),
        "datetime": lambda: day.isoformat(timespec="seconds").replace("+00:00", chance.choice(["Z", "+02:00"])),
    }
    return made.get(kind, lambda: chance.choice(["ä", "x", "漢", "🚀 "]) * chance.randrange(1, 60))()


def ours(compiled: CompiledAction, record: Record) -> Decision:
    """The pipeline's decision in the form of the baseline's."""
    event, ids = record
    admitted = admit(event, compiled, SECRET)
    if isinstance(admitted, Result):
        return admitted.outcome.value, str(admitted.reason)
    decided = decide_write(admitted, [{"Id": one} for one in ids], now=NOW, settle=timedelta(seconds=60))
    if isinstance(decided, Result):
        return decided.outcome.value, str(decided.reason)
    if not isinstance(decided, Write):
        raise TypeError("nothing to wait for")
    found = [decided.intent.record_id] if decided.intent.record_id else []
    return decided.intent.operation, *found, dict(decided.fields)


def straight(record: Record) -> Decision:
    """The straight-line decision."""
    event, ids = record
    return decide(event.payload["lead"], FIELDS, ids)


def different(size: int, seed: int) -> list[tuple[Decision, Decision]]:
    """Pairs of decisions that are not equal, over the whole input."""
    compiled = compiled_action()
    pairs = [(ours(compiled, record), straight(record)) for record in records(size, seed)]
    return [(mine, theirs) for mine, theirs in pairs if mine != theirs]


def figure(*, size: int, seed: int) -> Figure:
    """Figure 4: records per second of both, in turn, median of some rounds."""
    compiled, given = compiled_action(), records(size, seed)
    decided = [ours(compiled, record) for record in given]
    wrong = sum(mine != straight(record) for mine, record in zip(decided, given, strict=True))
    rates: Mapping[str, list[float]] = {"ours": [], "straight line": []}
    for _ in range(ROUNDS):
        rates["ours"].append(_rate(lambda record: ours(compiled, record), given))
        rates["straight line"].append(_rate(straight, given))
    result = Figure(
        title="decision: filter, map 30 fields, plan", size=f"seed {seed}, {size} records, {ROUNDS} rounds, one core"
    )
    result.add(f"decisions: {listed(Counter(str(each[0]) for each in decided))}")
    medians = {name: statistics.median(each) for name, each in rates.items()}
    for name, each in rates.items():
        result.add(
            f"{name}: {medians[name]:,.0f} records/s ({min(each):,.0f} to {max(each):,.0f}), "
            f"{1e6 / medians[name]:.1f} µs each"
        )
    result.add(f"time of ours / time of the straight line: {medians['straight line'] / medians['ours']:.2f}")
    result.add(f"same decision and fields for all {size} records: {'yes' if not wrong else f'NO, {wrong} differ'}")
    if wrong:
        result.missed.append(f"{result.title}: {wrong} of {size} decisions differ from the straight line's")
    return result


def _rate(decide_one: Callable[[Record], Decision], given: Sequence[Record]) -> float:
    begun = time.process_time()
    for record in given:
        decide_one(record)
    return len(given) / (time.process_time() - begun)
