"""Contacts to Marketo by bulk import, and back as Leads, by the deployed state machines with the simulators' limits on.

The simulators' clock goes as the machine's: the time is that of the executions, set against what the limits alone want.
The checker compares every field of every record at the simulators with the input, and uses nothing of the product.
"""

import json
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from math import ceil
from pathlib import Path
from random import Random
from typing import Any

import yaml

from devstack import demo
from tests.bench.local import Bench
from tests.bench.report import Figure, listed

#: of a Contact, a person in Marketo, and the Lead that comes back
FIELDS = (
    ("Email", "email", "Email"),
    ("LastName", "lastName", "LastName"),
    ("FirstName", "firstName", "FirstName"),
    ("Title", "title", "Title"),
    ("Department", "department", None),
    ("Phone", "phone", "Phone"),
    ("MobilePhone", "mobilePhone", "MobilePhone"),
    ("Fax", "fax", "Fax"),
    ("MailingCity", "city", "City"),
    ("Birthdate", "dateOfBirth", None),
    ("DoNotCall", "doNotCall", "DoNotCall"),
)
#: Contacts of the whole figure; the setting says which part of them is moved
ROWS, SCALE = 1_000_000, "SCALE"
MACHINE = "SyncMachineArn"
END_SECONDS = 40_000.0
POLL_SECONDS = 2.0
LOAD_ROWS = 5_000
MOST_RATIO = 1.2
#: what the vendors allow, from their documents: people of one look, our share of their calls in a window, bytes of a
#: file and files at a time of an import; a status of an extract changes once in so many seconds
LOOK_ROWS, WINDOW_CALLS, WINDOW_SECONDS = 300, 50, 20.0
FILE_BYTES, FILES_AT_A_TIME = 10_000_000, 2
STATUS_SECONDS = 60.0
#: records of one call at Salesforce, calls at a time
RECORDS, CALLS_AT_A_TIME = 200, 25
_WORDS = ["Zürich", "O'Brien", 'the "best"', "Nguyễn", "李", "one, two", "🚀", "plain", "Šimić"]

type Record = dict[str, Any]


def contacts(rows: int, seed: int, mark: str) -> Iterator[Record]:
    """Made-up Contacts, whose texts vary in length and alphabet and are blank at times."""
    chance = Random(seed)
    for number in range(rows):
        text = f"{chance.choice(_WORDS)} {number}"
        yield {
            "Email": f"{mark}-{number}@example.com",
            "LastName": f"{text} {chance.choice(_WORDS)}",
            "FirstName": None if chance.random() < 0.2 else chance.choice(_WORDS),
            "Title": None if chance.random() < 0.3 else f"Head of {text}",
            "Department": mark,
            "Phone": None if chance.random() < 0.5 else f"+49 30 {number:08}",
            "MobilePhone": None if chance.random() < 0.5 else f"+41 79 {number:07}",
            "Fax": None if chance.random() < 0.9 else f"+43 1 {number:06}",
            "MailingCity": None if chance.random() < 0.3 else chance.choice(["Zürich", "Wien", "New York", "東京"]),
            "Birthdate": None if chance.random() < 0.7 else f"{1950 + number % 50}-0{1 + number % 9}-1{number % 9}",
            "DoNotCall": chance.random() < 0.2,
        }


def there(mark: str) -> Record:
    """Contacts become people, by import."""
    return {
        "id": f"{mark}-there",
        "source": {"connection": "salesforce-demo", "object": "Contact"},
        "destination": {"connection": "marketo-demo", "object": "leads"},
        "match": [{"column": "Email", "field": "email"}],
        "mappings": [{"column": contact, "to": lead} for contact, lead, _ in FIELDS],
        "conditions": {"clauses": [{"column": "Department", "operator": "equals", "value": mark}]},
    }


def back(mark: str) -> Record:
    """The same people become Leads."""
    return {
        "id": f"{mark}-back",
        "source": {"connection": "marketo-demo", "object": "leads"},
        "destination": {"connection": "salesforce-demo", "object": "Lead"},
        "match": [{"column": "email", "field": "Email"}],
        "mappings": [
            *({"column": lead, "to": returned} for _, lead, returned in FIELDS if returned),
            {"static": mark, "to": "Company"},
        ],
        "conditions": {"clauses": [{"column": "department", "operator": "equals", "value": mark}]},
    }


def figure(on: Bench, *, rows: int, seed: int) -> Figure:
    """Both ways, one after the other."""
    mark = f"load{uuid.uuid4().hex[:8]}"
    found = Figure(title="Syncs on the stack, Contacts to Marketo and back", size=f"seed {seed}, {rows} Contacts")
    wanted = list(contacts(rows, seed, mark))
    for start in range(0, rows, LOAD_ROWS):
        body = {"Contact": wanted[start : start + LOAD_ROWS]}
        on.http.post(f"{on.facts['salesforce_url']}/_sim/load", json=body).raise_for_status()
    for way, document in (("there", there(mark)), ("back", back(mark))):
        _both(on, found, way, document, wanted)
    leads = [each for each in on.records("marketo", "leads") if str(each.get("email", "")).startswith(mark)]
    found.bound("people lost, doubled or altered", differing(leads, wanted, 1), most=0)
    returned = [each for each in on.records("salesforce", "Lead") if each.get("Company") == mark]
    found.bound("Leads lost, doubled or altered", differing(returned, wanted, 2), most=0)
    return found


def _both(on: Bench, found: Figure, way: str, document: Record, wanted: Sequence[Record]) -> None:
    """One Sync, run to its end: its counts, its time against the limits' own, limits that were broken."""
    before = {vendor: (on.calls(vendor), on.violations(vendor)) for vendor in ("marketo", "salesforce")}
    seconds, run = ran(on, document)
    found.add(f"{way}: {listed({name: run[name] for name in ('created', 'updated', 'unchanged', 'failed')})}")
    for vendor, (calls, _) in before.items():
        found.add(f"{way}, {vendor}: {listed(on.calls(vendor) - calls)}")
    least = least_there(wanted) if way == "there" else least_back(len(wanted))
    told = ", ".join(f"{what} {number:.0f} s" for what, number in least.items())
    found.add(f"{way}: {seconds:.0f} s; the limits want {sum(least.values()):.0f} s ({told})")
    found.bound(f"{way}: time / what the limits want", seconds / sum(least.values()), most=MOST_RATIO)
    broken = sum(on.violations(vendor) - violations for vendor, (_, violations) in before.items())
    found.bound(f"{way}: limits broken", broken, most=0)
    found.bound(f"{way}: rows without a created record", len(wanted) - int(run["created"]), most=0)


def least_there(wanted: Sequence[Record]) -> dict[str, float]:
    """Seconds that the limits alone want on the way to Marketo."""
    size = sum(len(",".join(str(each[name] or "") for name, _, _ in FIELDS).encode()) + 1 for each in wanted)
    files = ceil(size / FILE_BYTES)
    windows = ceil(ceil(len(wanted) / LOOK_ROWS) / WINDOW_CALLS) - 1
    return {
        "query job": 2.0,
        f"{ceil(len(wanted) / LOOK_ROWS)} looks": windows * WINDOW_SECONDS,
        f"{files} files": ceil(files / FILES_AT_A_TIME) * 10.0,
    }


def least_back(rows: int) -> dict[str, float]:
    """The same on the way to Salesforce, of whose calls each is taken to last a tenth of a second."""
    calls = 2 * ceil(rows / RECORDS)
    return {"extract": STATUS_SECONDS, f"{calls} calls": calls / CALLS_AT_A_TIME * 0.1}


def ran(on: Bench, document: Record) -> tuple[float, Mapping[str, Any]]:
    """Apply, activate and run a Sync; gives how long its execution took, and what people are told of the run."""
    identifier = str(document["id"])
    members = {"format": 1, "kind": "sync", "name": identifier, "dedupe": "youngest", "import": "create_and_update"}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sync.yaml"
        # new records are no damage, so nothing need be counted before
        guard = {"changed_percent": 100, "blanked_percent": 100}
        file.write_text(yaml.safe_dump(members | {"guard": guard} | document), "utf-8")
        demo.leadbridge(on.facts, "apply", str(file))
    demo.leadbridge(on.facts, "syncs", "activate", identifier)
    demo.leadbridge(on.facts, "syncs", "run", identifier)
    took = _ended(on, identifier)
    [run, *_] = json.loads(demo.leadbridge(on.facts, "syncs", "executions", identifier, "--json"))
    if run["status"] != "done":
        raise RuntimeError(f"the run of {identifier} ended as {run['status']}: {run['message']}")
    return took, run


def _ended(on: Bench, identifier: str) -> float:
    """Wait until every execution of a Sync has ended; gives the seconds from the first begin to the last end."""
    machine, deadline = on.stack.client("stepfunctions"), time.monotonic() + END_SECONDS
    while time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        pages = machine.get_paginator("list_executions").paginate(stateMachineArn=on.stack.outputs[MACHINE])
        own = [each for page in pages for each in page["executions"] if each["name"].startswith(identifier)]
        if own and all(each["status"] != "RUNNING" for each in own):
            begun: datetime = min(each["startDate"] for each in own)
            return float((max(each["stopDate"] for each in own) - begun).total_seconds())
    raise TimeoutError(f"{identifier} did not end in {END_SECONDS:.0f} s")


def differing(held: Sequence[Record], wanted: Sequence[Record], place: int) -> int:
    """How many records are missing, there twice, or hold another value than the input in any field."""
    pairs = [(names[0], str(names[place])) for names in FIELDS if names[place]]
    email = pairs[0][1]
    by_email: dict[str, list[Record]] = {}
    for each in held:
        by_email.setdefault(str(each[email]), []).append(each)
    wrong = len(held) - sum(each["Email"] in by_email for each in wanted)
    for each in wanted:
        found = by_email.get(each["Email"], [])
        right = len(found) == 1 and all((found[0].get(own) or None) == (each[name] or None) for name, own in pairs)
        wrong += not right
    return wrong
