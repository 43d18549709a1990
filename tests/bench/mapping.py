"""What mapping one record costs: thirty mappings of every source, ten rules on them; values only, one core."""

import random
import statistics
from collections.abc import Callable, Sequence
from datetime import timedelta
from time import process_time
from typing import Any

from leadbridge.domain.action import Action
from leadbridge.domain.event import Event, Result
from leadbridge.domain.pipeline import Candidate, CompiledAction, admit, compile_action, map_fields
from leadbridge.domain.records import FieldDescription, ObjectDescription
from tests.bench.decisions import NOW, SECRET
from tests.bench.inputs import distinct_persons
from tests.bench.mapping_baseline import CODES, map_record
from tests.bench.report import Figure

ROUNDS = 7
RULES = 10
#: records per second, ours to those by hand
LEAST = 0.5
_KINDS = ("string", "textarea", "picklist", "boolean", "int", "double", "date")
#: fields that take a column as it is
TYPES = {f"custom{number}": _KINDS[number % len(_KINDS)] for number in range(21)}
CHANGED: tuple[dict[str, Any], ...] = (
    {"static": "Webinar", "to": "LeadSource"},
    {"template": "{{firstName}} - {{lastName}}", "to": "Name__c"},
    {
        "column": "company",
        "to": "Company",
        "transforms": [{"type": "collapse_spaces"}, {"type": "truncate", "length": 20}],
    },
    {"column": "title", "to": "Title", "transforms": [{"type": "case", "to": "upper"}]},
    {"column": "phone", "to": "Phone", "transforms": [{"type": "replace", "find": " "}]},
    {
        "column": "email",
        "to": "Hash__c",
        "transforms": [{"type": "trim"}, {"type": "case", "to": "lower"}, {"type": "hash"}],
    },
    {
        "column": "country",
        "to": "Country",
        "transforms": [{"type": "lookup", "table": CODES, "otherwise": "default", "default": "other"}],
    },
    {
        "column": "revenue",
        "to": "AnnualRevenue",
        "transforms": [{"type": "number_parse", "decimal": ",", "thousands": "."}],
    },
    {"column": "born", "to": "Born__c", "transforms": [{"type": "date_parse", "format": "DD.MM.YYYY"}]},
)
_TARGETS = {"AnnualRevenue": "currency", "Born__c": "date"}


def compiled_action() -> CompiledAction:
    """An Action with thirty mappings."""
    action = Action.model_validate(
        {
            "kind": "action",
            "id": "thirty",
            "name": "Thirty mappings",
            "source": {"connection": "marketo-demo"},
            "destination": {"connection": "salesforce-demo", "object": "Lead"},
            "identifier": {"column": "email", "field": "Email"},
            "type": "upsert",
            "mappings": [*CHANGED, *({"column": name, "to": name} for name in TYPES)],
            "results": {
                "activity": "leadbridgeResult",
                "success": "Success",
                "errored": "Error",
                "mappings": [{"execution": "message", "to": "message"}],
            },
        }
    )
    types = {"Email": "email"} | {str(item["to"]): _TARGETS.get(str(item["to"]), "string") for item in CHANGED} | TYPES
    fields = {name: FieldDescription(name=name, type=kind, length=255) for name, kind in types.items()}
    return compile_action(action, 1, ObjectDescription(name="Lead", fields=fields))


def candidates(size: int, seed: int) -> list[Candidate]:
    """Admitted events of made-up persons with varying values, of which some are blank."""
    chance = random.Random(seed)
    compiled = compiled_action()
    found: list[Candidate] = []
    for number, line in enumerate(distinct_persons(size, seed=seed, prefix="map")):
        names = ("firstName", "lastName", "company", "title", "phone")
        lead: dict[str, Any] = {name: str(line["lead"].get(name) or "") for name in names}
        lead |= {"id": number + 1, "email": f" Person{number}@Example.com"} | _written(chance)
        lead |= {name: _value(chance, kind) for name, kind in TYPES.items()}
        event = Event(
            execution_id=f"{number:032x}",
            action_id="thirty",
            lane="salesforce-demo",
            sequence=f"{number:014d}#{number:032x}",
            received_at=NOW,
            payload={"lead": lead},
        )
        admitted = admit(event, compiled, SECRET)
        if isinstance(admitted, Result):
            raise TypeError(admitted.reason)
        found.append(admitted)
    return found


def _written(chance: random.Random) -> dict[str, str]:
    day = (NOW - timedelta(days=chance.randrange(20_000))).date()
    return {
        "country": chance.choice(["Germany", " germany ", "FRANCE", "United States", "Narnia", ""]),
        "revenue": chance.choice([f"{chance.randrange(1, 900)}.{chance.randrange(100, 999)},5", "12", " "]),
        "born": chance.choice([f"{day:%d.%m.%Y}", f"{day:%d.%m.%Y}", ""]),
    }


def _value(chance: random.Random, kind: str) -> str:
    if chance.random() < 0.15:
        return chance.choice(["", " "])
    made: dict[str, Callable[[], str]] = {
        "boolean": lambda: chance.choice(["true", "false", "1", "0", "Yes"]),
        "int": lambda: str(chance.randrange(-(10**6), 10**6)),
        "double": lambda: f"{chance.uniform(-1e5, 1e5):.{chance.randrange(4)}f}",
        "date": lambda: (NOW + timedelta(days=chance.randrange(-9000, 9000))).date().isoformat(),
    }
    return made.get(kind, lambda: chance.choice(["ä", "x", "漢", "🚀 "]) * chance.randrange(1, 60))()


def by_hand(candidate: Candidate) -> dict[str, Any]:
    """The record of the hand-written function."""
    return map_record(candidate.event.payload["lead"], TYPES)


def different(size: int, seed: int) -> list[tuple[Any, Any]]:
    """Pairs of records that are not equal, over the whole input."""
    pairs = [(map_fields(candidate), by_hand(candidate)) for candidate in candidates(size, seed)]
    return [(mine, theirs) for mine, theirs in pairs if mine != theirs]


def figure(*, size: int, seed: int) -> Figure:
    """Records per second of both, in turn, median of some rounds."""
    given = candidates(size, seed)
    wrong = sum(map_fields(candidate) != by_hand(candidate) for candidate in given)
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(ROUNDS):
        ours.append(_rate(map_fields, given))
        theirs.append(_rate(by_hand, given))
    result = Figure(
        title=f"mapping: {len(given[0].compiled.mapped)} mappings with {RULES} rules",
        size=f"seed {seed}, {size} records, {ROUNDS} rounds, one core",
    )
    for name, rates in (("ours", ours), ("by hand", theirs)):
        middle = statistics.median(rates)
        result.add(
            f"{name}: {middle:,.0f} records/s ({min(rates):,.0f} to {max(rates):,.0f}), {1e6 / middle:.1f} µs each"
        )
    # both of one round meet the same load of the machine
    ratio = statistics.median(mine / hand for mine, hand in zip(ours, theirs, strict=True))
    result.bound("records per second, ours / by hand", ratio, least=LEAST)
    result.add(f"same fields for all {size} records: {'yes' if not wrong else f'NO, {wrong} differ'}")
    if wrong:
        result.missed.append(f"{result.title}: {wrong} of {size} records differ from those made by hand")
    return result


def _rate(map_one: Callable[[Candidate], Any], given: Sequence[Candidate]) -> float:
    begun = process_time()
    for candidate in given:
        map_one(candidate)
    return len(given) / (process_time() - begun)
