"""What must hold of connector actions when a schedule has come to rest: a plain model, fed with plain values."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.fault.simulation.checker import ASIDE, leftovers, totals

DONE = {"created", "updated"}
#: by Action: what the journal calls that which it does, and to what
DOES = {
    "add": ("added", "1001"),
    "remove": ("removed", "1001"),
    "remove-now": ("removed", "1001"),
    "guest": ("added", "1002"),
}
WRITES = {"write", "write-now"}
MAKES = {"only-new", "another"}

type Facts = dict[str, Any]
type Call = dict[str, Any]


def connector_violations(facts: Facts) -> list[str]:
    """Everything that is wrong, each with the call or the person it concerns."""
    found = [*totals(facts), *leftovers(facts), *_lists(facts), *_values(facts), *_people(facts)]
    found += [f"counted below nothing: {each}" for each in facts["counted"] if each[2] < 0 or each[3] < 0]
    for call in facts["calls"]:
        item = facts["executions"].get(call["execution"])
        wrong = ["lost: there is no execution"] if item is None else _one(facts, call, item)
        found += [f"{call['marker']} ({call['action']}) {text}" for text in wrong]
    return found


def _one(facts: Facts, call: Call, item: Facts) -> Iterator[str]:
    """One call, its end, and what it left at Marketo."""
    state, outcome, reason = item["state"], item.get("outcome"), item.get("reason", "")
    if state not in ASIDE | {"ended"}:
        yield f"is neither ended nor parked but {state}"
    if outcome not in DONE and not (reason and item.get("message")):
        yield f"{state} without a reason and a sentence"
    mine, doubted = _mine(facts, call), _doubted(facts, call)
    if call["action"] in {"mail", "another"} and len(mine) > 1:
        yield f"done {len(mine)} times"
    # of lists and merges the journal tells the person and not the call
    untold = call["action"] in {*DOES, "merge"}
    left_out = {"skipped", "duplicate"} if doubted else {"skipped", "duplicate", "failed", "superseded"}
    if mine and not untold and (outcome in left_out or state in ASIDE - {"parked"}):
        yield f"{outcome or state}, but done"
    if state == "ended":
        yield from _ended_as(facts, call, item, mine, doubted=doubted)


def _ended_as(facts: Facts, call: Call, item: Facts, mine: list[tuple[str, str]], *, doubted: bool) -> Iterator[str]:
    """The outcome is what was done."""
    outcome = item["outcome"]
    if outcome in DONE and not mine:
        yield f"{outcome}, but nothing was done"
    if outcome == "created" and call["action"] in MAKES and [what for what, _ in mine] != ["created"]:
        yield f"created, but {mine}"
    if outcome not in DONE and not _cause(facts, call, item, doubted=doubted):
        yield f"{outcome} {item['reason']} without cause"


def _mine(facts: Facts, call: Call) -> list[tuple[str, str]]:
    """What the journal holds of a call, or of its person where it cannot tell calls apart."""
    action, marker = call["action"], call["marker"]
    rows = [(what, of, row) for what, of, row in facts["journal"]]
    if action == "mail":
        return [(what, of) for what, of, row in rows if what == "requested" and marker in row.values()]
    if action == "merge":
        losers = {int(each) for each in call["lead"]["losers"].split(",")}
        return [(what, of) for what, of, row in rows if what == "merged" and row["lead"] in losers]
    if action in DOES:
        what, number = DOES[action]
        people = _leads(facts, call)
        return [(done, of) for done, of, row in rows if (done, row["of"]) == (what, number) and row["lead"] in people]
    return [(what, of) for what, of, row in rows if row.get("firstName") == marker]


def _leads(facts: Facts, call: Call) -> set[int]:
    """The leads that a call of a list means."""
    if call["action"] != "guest":
        return {call["lead"]["id"]}
    return {number for number, lead in facts["leads"].items() if lead.get("email") == call["lead"]["email"]}


def _named(facts: Facts, call: Call) -> set[str]:
    """What the vendor's troubles call a call and its people."""
    lead = call["lead"]
    losers = [each for each in str(lead.get("losers", "")).split(",") if each]
    return {
        call["marker"],
        f"mail {lead.get('email')}",
        *(f"lead {each}" for each in (lead.get("id"), lead.get("winner"), *losers) if each),
        *(f"lead {each}" for each in (_leads(facts, call) if call["action"] == "guest" else ())),
    }


def _doubted(facts: Facts, call: Call) -> bool:
    return bool(_named(facts, call) & set(facts["doubted"]))


def _cause(facts: Facts, call: Call, item: Facts, *, doubted: bool) -> bool:
    """Whether something explains how a call ended that was not done."""
    outcome, reason, others = item["outcome"], item["reason"], [one for one in facts["calls"] if one is not call]
    alike = [one for one in others if one["action"] == call["action"]]
    if outcome == "duplicate":
        return any(one["event_id"] and one["event_id"] == call["event_id"] for one in alike)
    if outcome == "superseded":
        same = [one for one in alike if one["lead"].get("email") == call["lead"].get("email")]
        return call["action"] in WRITES and any(
            one["sequence"] > call["sequence"] and _ended(facts, one) in DONE for one in same
        )
    if (call["action"], reason) == ("only-new", "marketo_1005"):
        return any(what == "created" and row.get("email") == call["lead"]["email"] for what, _, row in facts["journal"])
    if reason == "marketo_1015":
        return call["action"] in {"remove", "remove-now"}
    if reason == "request_uncertain":
        return doubted and call["action"] in {"mail", *MAKES}
    return any((name, reason) in {tuple(each) for each in facts["refused"]} for name in _named(facts, call))


def _lists(facts: Facts) -> Iterator[str]:
    """Each person is in the list, or not, as the last of the calls about it wanted.

    Calls that came late may run after those that had come. Of a person with a call that was parked, or that failed in
    doubt, nothing can be told.
    """
    for person in (1, 2, 3):
        mine = [call for call in facts["calls"] if call["action"] in DOES and call["lead"].get("id") == person]
        mine = [call for call in mine if call["action"] != "guest"]
        if any(_apart(facts, call) for call in mine):
            continue
        effective = [call for call in mine if _ended(facts, call) in DONE | {"skipped"}]
        wanted = {DOES[call["action"]][0] == "added" for call in _last(effective)} or {False}
        if (person in facts["members"][1001]) not in wanted:
            told = [(call["marker"], call["action"]) for call in sorted(effective, key=_sequence)]
            yield f"person {person} is {'' if False in wanted else 'not '}in the list after {told}"
    added = [call for call in facts["calls"] if call["action"] == "guest" and _ended(facts, call) in DONE]
    for call in added:
        if not _leads(facts, call) & set(facts["members"][1002]):
            yield f"{call['marker']} is no guest"


def _values(facts: Facts) -> Iterator[str]:
    """Each person has the value of the last call that wrote it."""
    for person in (1, 2, 3):
        mine = [call for call in facts["calls"] if call["action"] in WRITES and call["lead"]["email"] == _mail(person)]
        if any(_apart(facts, call) for call in mine):
            continue
        effective = [call for call in mine if _ended(facts, call) in DONE]
        wanted = {call["marker"] for call in _last(effective)} or {"before"}
        if facts["leads"][person]["firstName"] not in wanted:
            yield f"person {person} has the value of {facts['leads'][person]['firstName']}, not of {sorted(wanted)}"


def _people(facts: Facts) -> Iterator[str]:
    """Nobody is made twice who is known by an address, nobody who was merged is left, the winner is."""
    mails = Counter(lead["email"] for lead in facts["leads"].values() if lead.get("email"))
    yield from (f"{mail} is there {n} times" for mail, n in mails.items() if n > 1 and not mail.startswith("another"))
    if 9 not in facts["leads"]:
        yield "the winner of the merges is gone"
    for call in facts["calls"]:
        if call["action"] == "merge" and _ended(facts, call) in DONE:
            left = [each for each in call["lead"]["losers"].split(",") if int(each) in facts["leads"]]
            yield from (f"{call['marker']} left {each}" for each in left)


def _last(calls: list[Call]) -> list[Call]:
    """Those after which no other came: neither by their place in the lane nor by when they were stored."""

    def after(one: Call, other: Call) -> bool:
        return bool(other["sequence"] > one["sequence"] and other["stored"] > one["stored"])

    return [call for call in calls if not any(after(call, other) for other in calls)]


def _apart(facts: Facts, call: Call) -> bool:
    """Whether a call stands out of the order."""
    parked = {name for name, _ in facts["parked"]} | set(facts["redone"])
    item = facts["executions"].get(call["execution"], {})
    lost = item.get("outcome") == "failed" and _doubted(facts, call)
    # what somebody pauses others pass by
    return (
        call["action"] in facts["held"]
        or call["execution"] in parked
        or lost
        or call["kind"] != "event"
        or item.get("state") != "ended"
    )


def _ended(facts: Facts, call: Call) -> str:
    return str(facts["executions"].get(call["execution"], {}).get("outcome"))


def _mail(person: int) -> str:
    return f"person{person}@example.com"


def _sequence(call: Call) -> str:
    return str(call["sequence"])
