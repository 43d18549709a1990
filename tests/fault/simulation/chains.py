"""What must hold of chained objects at rest: a plain model, fed with the checker's facts."""

from collections.abc import Iterator
from typing import Any

WRITTEN = {"created", "updated", "unchanged"}
#: links of an Action, in their order: how ids of their records begin, and the field that holds the call's marker
LINKS: dict[str, dict[str, tuple[str, str]]] = {
    "chained": {"follow_up": ("00T", "Subject"), "membership": ("00v", "Status")},
    "shared": {"account": ("001", "Site"), "follow_up": ("00T", "Subject"), "membership": ("00v", "Status")},
}
#: a link that runs after an update only
AFTER_UPDATE = {("shared", "membership")}
#: what a failed link keeps those after it from
STOPS = {("shared", "follow_up")}

type Facts = dict[str, Any]
type Call = dict[str, Any]
type Row = tuple[str, str, Facts]


def chain_violations(facts: Facts) -> Iterator[str]:
    """Everything that is wrong with chained objects, each with the call it concerns."""
    yield from _common(facts)
    yield from _order(facts)
    for call in facts["calls"]:
        item = facts["executions"].get(call["execution"])
        if item is not None and call["action"] in LINKS:
            yield from (f"{call['marker']} ({call['action']}) {wrong}" for wrong in _one(facts, call, item))


def _rows(facts: Facts, call: Call, link: str) -> list[Row]:
    """What a call wrote of a link, in order."""
    prefix, field = LINKS[call["action"]][link]
    return [
        (what, record, row)
        for what, record, row in facts["journal"]
        if record.startswith(prefix) and row.get(field) == call["marker"]
    ]


def _one(facts: Facts, call: Call, item: Facts) -> Iterator[str]:
    told = {link["name"]: link for link in item.get("decision", {}).get("chained", {}).get("links", [])}
    ended, doubted = item["state"] == "ended", call["marker"] in facts["doubted"]
    written = ended and item["outcome"] in WRITTEN
    if written and list(told) != list(LINKS[call["action"]]):
        yield f"lost: of its links it tells {list(told)}"
    stopped = False
    failed = [name for name, link in told.items() if link["state"] == "failed"]
    if written and bool(failed) != (item["reason"] == "chained_failed"):
        yield f"{failed} failed, and the execution says {item['reason']!r}"
    for name in LINKS[call["action"]]:
        mine = _rows(facts, call, name)
        made = [record for what, record, _ in mine if what == "created"]
        if len(made) > 1:
            yield f"{name} doubled: {made}"
        if mine and ended and not written:
            yield f"{name} written, though the record was not: {item['outcome']}"
        if written and name in told:
            yield from _link(facts, call, item, told[name], mine, stopped=stopped, doubted=doubted)
            stopped = stopped or ((call["action"], name) in STOPS and told[name]["state"] == "failed")


def _link(
    facts: Facts, call: Call, item: Facts, link: Facts, mine: list[Row], *, stopped: bool, doubted: bool
) -> Iterator[str]:
    """One link is what became of it at Salesforce, and what kept it from that happened."""
    name, state, records = link["name"], link["state"], {record for _, record, _ in mine}
    made = [record for what, record, _ in mine if what == "created"]
    if state == "created" and made != [link["id"]]:
        yield f"{name} created {link['id']}, but made {made}"
    if state == "updated" and link["id"] not in records:
        yield f"{name} updated {link['id']}, but wrote {records}"
    if records and not doubted and state not in WRITTEN:
        yield f"{name} {state}, but wrote {records}"
    only_updated = (call["action"], name) in AFTER_UPDATE
    if (state == "not_after") != (only_updated and item["outcome"] == "created"):
        yield f"{name} {state} after {item['outcome']}"
    if (state == "stopped") != (stopped and state != "not_after"):
        yield f"{name} {state}, though what is before it {'failed' if stopped else 'did not'}"
    if state == "failed" and not ((call["marker"], link["reason"]) in facts["refused"] or doubted):
        yield f"{name} failed for {link['reason']} without cause"
    if state in {"outstanding", "skipped"}:
        yield f"{name} is {state}: {link.get('reason')}"
    parked = call["execution"] in {*facts["redone"], *(execution for execution, _ in facts["parked"])}
    if state == "superseded" and not (parked or _newer(facts, call, name)):
        yield f"{name} superseded by nobody"
    if mine and name != "account" and any(_lookup(row) not in {"", item["salesforce_id"]} for _, _, row in mine):
        yield f"{name} refers to another record than {item['salesforce_id']}"


def _newer(facts: Facts, call: Call, name: str) -> bool:
    """Whether a newer call of the Action was written."""
    others = [each for each in facts["calls"] if (each["action"], name) == (call["action"], name)]
    return any(each["sequence"] > call["sequence"] for each in others)


def _common(facts: Facts) -> Iterator[str]:
    """A person has one membership and the company one account, whoever made it."""
    made = [(record, row) for what, record, row in facts["journal"] if what == "created"]
    memberships = [row["LeadId"] for record, row in made if record.startswith("00v")]
    accounts = [record for record, _ in made if record.startswith("001")]
    yield from (f"{lead} is a member twice" for lead in set(memberships) if memberships.count(lead) > 1)
    if len(accounts) > 1:
        yield f"the company has accounts {accounts}"


def _order(facts: Facts) -> Iterator[str]:
    """On a chained record nothing older follows what is newer, unless that was in doubt and comes again."""
    # who comes back when a person says so stands out of the order
    parked = {*facts["redone"], *(execution for execution, _ in facts["parked"])}
    calls = {call["marker"]: call for call in facts["calls"] if call["execution"] not in parked}
    commits = [
        (calls[marker], record)
        for _, record, row in facts["journal"]
        if record[:3] in {"00v", "001"} and (marker := row.get("Status") or row.get("Site")) in calls
    ]
    last = {(record, call["marker"]): place for place, (call, record) in enumerate(commits)}
    for place, (call, record) in enumerate(commits):
        for newer, other in commits[:place]:
            if (other, newer["action"]) != (record, call["action"]) or newer["sequence"] < call["sequence"]:
                continue
            if last[record, newer["marker"]] < place or newer["marker"] not in facts["doubted"]:
                yield f"{call['marker']} ({call['action']}) overwrote {newer['marker']} in {record}"


def _lookup(row: Facts) -> str:
    """The person's own record that a chained one refers to, if the row says so."""
    return str(row.get("WhoId") or row.get("LeadId") or "")
