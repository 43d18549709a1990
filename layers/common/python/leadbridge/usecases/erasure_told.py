"""An erasure as people and programs read it: what was found where, what goes, what stays and why."""

from collections.abc import Iterator
from typing import Any

from leadbridge.domain.erasure import LEFT, PLACES, Erasure
from leadbridge.domain.event import iso
from leadbridge.usecases.forget_person import ErasurePlan


def plan_lines(plan: ErasurePlan) -> Iterator[str]:
    """What there is, by place, each with its key."""
    known = plan.known
    ids = [*sorted(known.leads, key=int), *sorted(known.records)]
    yield f"Known by {', '.join(ids)}." if ids else "No id of the person is known."
    for place, number in plan.found.items():
        yield f"{number} {PLACES[place]}"
        yield from (f"  {each.find.where}" for each in plan.steps if each.find.place == place)
    if not plan.steps:
        yield "Nothing is kept of this person that can be removed."


def left_lines(plan: ErasurePlan) -> Iterator[str]:
    """What is not removed, and why."""
    facts: dict[str, Any] = {
        "on_the_way": plan.waiting.get("on_the_way", 0),
        "dead": plan.waiting.get("dead", 0),
    }
    named = {"busy": plan.busy, "documents": plan.documents, "unknown": plan.unknown, "alike": plan.alike}
    for code, words in LEFT.items():
        if code not in named or named[code]:
            yield words.format(**{**facts, "where": ", ".join(named.get(code, ()))})


def plan_members(plan: ErasurePlan, *, removed: bool) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "who": plan.who,
        "removed": removed,
        "ids": {"marketo": sorted(plan.known.leads, key=int), "salesforce": sorted(plan.known.records)},
        "found": [{"place": each.find.place, "where": each.find.where} for each in plan.steps],
        "busy": list(plan.busy),
        "documents": list(plan.documents),
        "unknown": list(plan.unknown),
        "alike": list(plan.alike),
        "left": list(left_lines(plan)),
    }


def erasure_line(erasure: Erasure) -> str:
    """That somebody was forgotten, in a sentence."""
    counts = ", ".join(f"{number} of {place}" for place, number in erasure.found.items()) or "nothing"
    end = "" if erasure.finished else "; not finished"
    return f"{iso(erasure.at)} {erasure.who} by {erasure.by}: {counts}{end}"


def erasure_members(erasure: Erasure) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "at": iso(erasure.at),
        "who": erasure.who,
        "by": erasure.by,
        "found": dict(erasure.found),
        "finished": erasure.finished,
    }
