"""An execution told to people: its log item, with the record of its decisions, as a short tree of plain lines."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadbridge.domain.outcome import State, apart, redrivable


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a tree and those below it."""

    text: str
    below: Sequence["Line"] = field(default_factory=tuple)


type Item = Mapping[str, Any]
#: renders a stored instant for the reader
type Moment = Callable[[str], str]
#: the remedies that a vendor's table has for a reason code, none for our own
type Remedies = Callable[[str], Iterable[str]]

#: how instants stand in texts
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
#: states in which an execution is not over
_OPEN = frozenset({State.WAITING, State.WRITING, State.REPORTING, State.PARKED})
#: alike executions that are told as one
BURST = 3

#: what an Action does, by type
ACTION_TYPES: Mapping[str, str] = {
    "create": "creates a {object}",
    "update": "updates a {objects}",
    "upsert": "updates or creates a {objects}",
    "decide": "only looks for a {objects}",
}
#: which of several records is taken
RULES: Mapping[str, str] = {
    "newest": "the newest by {order_by} is taken",
    "oldest": "the oldest by {order_by} is taken",
    "first": "the first in the order of {order_by} is taken",
    "refuse": "none is taken",
}
CLAUSE_RESULTS: Mapping[str, str] = {
    "holds": "holds",
    "does_not_hold": "does not hold",
    "unreadable": "does not hold, the value cannot be read as this type",
    "not_evaluated": "not asked",
}
FATES: Mapping[str, str] = {
    "written": "{after}",
    "skipped_blank": "blank, left as it is",
    "cleared": "blank, cleared",
    "default": "blank, the default is used",
    "failed": "failed: {failure}",
}
OPERATIONS: Mapping[str, str] = {
    "create": "Salesforce was asked to create a {object}",
    "update": "Salesforce was asked to update {chosen}",
    "upsert": "Salesforce was asked to create a {object}, or to update it",
    "add_person": "Marketo was asked to add the person",
    "add_to_list": "Marketo was asked to add the person to the list",
    "remove_from_list": "Marketo was asked to remove the person from the list",
    "send_email": "Marketo was asked to take the person into the campaign",
    "upsert_lead": "Marketo was asked to write the person",
    "merge_leads": "Marketo was asked to merge the persons",
    "import_leads": "Marketo was asked to import the person, row {row} of the file {file}",
}
#: what became of a chained object, by state
LINKS: Mapping[str, str] = {
    "created": "created",
    "updated": "updated",
    "skipped": "skipped",
    "superseded": "superseded",
    "failed": "failed",
    "stopped": "not written, because {why} failed",
    "not_after": "not written, as it follows {why} records only",
    "outstanding": "not written yet",
}
#: what became of the write-back and of the result activity, by status
WRITEBACKS: Mapping[str, str] = {
    "written": "Written back to Marketo",
    "answered": "The answer to the call carried what is written back to Marketo",
    "skipped": "Nothing to write back to Marketo",
    "not_configured": "No write-back to Marketo is set",
    "not_attempted": "Nothing was written back to Marketo",
    "failed": "The write-back to Marketo was refused",
}
MEMBERS: Mapping[str, str] = {
    "written": "Member of the Marketo program {program}, status {status}",
    "skipped": "Member of the Marketo program {program} before, in the status {status} or past it",
    "not_attempted": "Nothing was done about the Marketo program {program}",
    "failed": "The membership in the Marketo program {program}, status {status}, was refused",
}
ACTIVITIES: Mapping[str, str] = {
    "added": "The result is logged with the person in Marketo",
    "skipped": "The result is not logged in Marketo",
    "not_configured": "No result activity is set",
    "not_attempted": "The result is not logged in Marketo",
    "failed": "The result activity was refused by Marketo",
}
#: why a batch went out, by trigger
BATCHES: Mapping[str, str] = {
    "count": "there were enough people",
    "bytes": "the body was large enough",
    "age": "the oldest had waited long enough",
    "publish": "a new version of the Action was applied",
    "order": "a later call of the same person was to go",
}
#: how an execution stands or ended, where its text does not say it
STANDS: Mapping[str, str] = {
    "waiting": "Waiting: it runs as soon as the calls before it have.",
    "writing": "Under way: Salesforce is being asked.",
    "reporting": "Under way: Salesforce has answered, Marketo is being told.",
    "created": "Created.",
    "updated": "Updated.",
    "unchanged": "Unchanged: Salesforce had these values already.",
    "decided": "Decided: nothing was to be written.",
}


def tree(item: Item, *, moment: Moment, remedies: Remedies) -> list[str]:
    """An execution's log item as the lines of a tree, drawn for a screen of text."""
    told = _drawn(narrated(item, moment=moment, remedies=remedies))
    return [f"Execution {item['execution_id']}: {word(item).replace('_', ' ')}", *told]


def narrated(item: Item, *, moment: Moment, remedies: Remedies) -> list[Line]:
    """An execution's log item as lines with lines below them, for the eyes of a marketer.

    Args:
        item: The log item; one from before there was a decision record is told without it.
        moment: Renders a stored instant for the reader.
        remedies: Those of a vendor's codes.
    """
    record = item.get("decision") or {}
    lines = [_arrival(item, moment), _action(item, record)]
    lines += _batch(record)
    lines += [*_conditions(record), *_duplicates(record), *_match(record), *_fields_told(record), *_write(record)]
    lines += _chained(item, record)
    # an Action whose destination is Marketo has nothing more to tell it
    if item["state"] == State.ENDED and "does" not in record.get("action", {}):
        lines += [*_part(item.get("writeback"), WRITEBACKS), *_part(item.get("member"), _members(record))]
        lines += _part(item.get("activity"), ACTIVITIES)
    return lines + _end(item, moment, remedies)


def word(item: Item) -> str:
    """Outcome, or state, of an execution."""
    return str(item.get("outcome") or item["state"])


def _arrival(item: Item, moment: Moment) -> Line:
    who = f" for Marketo lead {item['lead_id']}" if item.get("lead_id") else ""
    campaign = f", campaign {item['campaign_name']}" if item.get("campaign_name") else ""
    below = []
    if item.get("executed_at"):
        ended = f", ended {moment(item['ended_at'])}" if item.get("ended_at") else ""
        tries = f", put off {_times(item['attempts'])} before" if item.get("attempts") else ""
        below.append(Line(f"Begun {moment(item['executed_at'])}{ended}{tries}"))
    return Line(f"Received {moment(item['received_at'])}{who}{campaign}", below)


def _action(item: Item, record: Mapping[str, Any]) -> Line:
    version = f", version {item['version']}" if item.get("version") else ""
    action = record.get("action")
    if not action:
        return Line(f"Action {called(item)}{version}")
    objects = {"object": _new(record), "objects": " or ".join(action["objects"])}
    does = action.get("does") or ACTION_TYPES.get(action["type"], "works on a {objects}").format(**objects)
    return Line(f"Action {called(item)}{version}: {does} in {action['connection']}")


def _batch(record: Mapping[str, Any]) -> Iterator[Line]:
    if "batch" in record:
        batch = record["batch"]
        yield Line(f"Waited for a batch, one of {batch['size']}: {BATCHES.get(batch['trigger'], batch['trigger'])}")


def _conditions(record: Mapping[str, Any]) -> Iterator[Line]:
    if "read" in record:
        yield Line(f"Read from Marketo, as the call did not bring it: {', '.join(record['read']['columns'])}")
    if "activity" in record:
        yield _activity(record["activity"])
    if "action" in record and "conditions" not in record and "conditions" not in record.get("cut", {}):
        yield Line("Conditions: none are set")
    clauses = record.get("conditions", {}).get("clauses", [])
    if clauses:
        below = [Line(_clause(clause)) for clause in clauses]
        yield Line("Conditions", [*below, *_more(record, "conditions.clauses", len(below))])


def _activity(taken: Mapping[str, Any]) -> Line:
    within = "the last day" if taken["days"] == 1 else f"the last {taken['days']} days"
    if "id" in taken:
        return Line(f"Newest activity {taken['type']} of {within}: {taken['id']}")
    return Line(f"No activity {taken['type']} in {within}: gone on without its values")


def _clause(clause: Mapping[str, str]) -> str:
    from leadbridge.domain.clauses import OPERATORS  # brings the models of all documents along

    known = OPERATORS.get(clause["operator"])
    asked = known.words.format("…") if known else clause["operator"].replace("_", " ")
    return f"{clause['column']} ({clause['type']}) {asked}: {CLAUSE_RESULTS.get(clause['result'], clause['result'])}"


def _duplicates(record: Mapping[str, Any]) -> Iterator[Line]:
    for check in record.get("duplicates", {}).get("checks", []):
        same = f"the same {', '.join(check['columns'])}" if check["columns"] else "the same event id"
        within = f" within {_span(check['seconds'])}"
        owner = check.get("owner")
        came = f"{same} came{within} in execution {owner}" if owner else f"none, {same} did not come{within}"
        yield Line(f"Duplicates: {came}")


def _match(record: Mapping[str, Any]) -> Iterator[Line]:
    match = record.get("match", {})
    for look in match.get("looks", []):
        count = look["count"]
        below = [Line(each) for each in look["found"]] if count > 1 else []
        if count > len(look["found"]):
            below.append(Line(f"and {count - len(look['found'])} more, not kept"))
        found = f"{count} found" if count else "none found"
        yield Line(f"Looked for a {look['object']} by {look['field']}: {found}", below)
    if "rule" in match:
        rule = match["rule"]
        yield Line(f"Of several: {RULES.get(rule['choose'], rule['choose']).format(**rule)}")
    if "chosen" in match and any(look["count"] for look in match.get("looks", [])):
        yield Line("Taken: {object} {id}".format(**match["chosen"]))


def _fields_told(record: Mapping[str, Any]) -> Iterator[Line]:
    fields = record.get("fields")
    if not fields:
        return
    below = []
    ruled = [each["field"] for each in fields.get("ruled", [])]
    for member, words in (("written", "Filled"), ("cleared", "Cleared"), ("left", "Blank, left as they are")):
        plain = [name for name in fields.get(member, []) if name not in ruled]
        if plain:
            below.append(Line(f"{words}: {', '.join(plain)}{_and_more(record, f'fields.{member}', fields[member])}"))
    below += [_way(each) for each in fields.get("ruled", [])]
    below += _more(record, "fields.ruled", len(ruled))
    yield Line("Fields", below)


def _way(traced: Mapping[str, Any]) -> Line:
    rules = "".join(f", {each['rule']}" for each in traced.get("rules", []))
    result = FATES.get(traced["result"], "{after}").format(after=traced["after"], failure=traced.get("failure", ""))
    return Line(f"{traced['field']}: {traced['name']} ({traced['before']}){rules} → {result}")


def _write(record: Mapping[str, Any]) -> Iterator[Line]:
    write, answer = record.get("write"), record.get("answer")
    if not write:
        return
    match = record.get("match", {})
    asked = OPERATIONS.get(write["operation"], "Salesforce was asked").format(
        object=_new(record),
        chosen="{object} {id}".format(**match["chosen"]) if "chosen" in match else "",
        file=write.get("file", ""),
        row=write.get("row", ""),
    )
    again = f", attempt {write['attempt']}" if write["attempt"] > 1 else ""
    below = []
    if answer:
        said = " ".join(str(answer[name]) for name in ("status", "id", "code") if answer.get(name))
        below.append(Line(f"Answer: {said}"))
    if "instead" in write:
        yield Line(f"Salesforce knows a record like it ({write['instead']}), which is updated instead")
    yield Line(f"{asked}{again}", below)


def _chained(item: Item, record: Mapping[str, Any]) -> Iterator[Line]:
    links = record.get("chained", {}).get("links", [])
    if links:
        yield Line("Chained objects", [_link(each) for each in links])
    elif record.get("action", {}).get("chained") and item["state"] == State.ENDED:
        yield Line("Chained objects: none is written, as the record was not")


def _link(link: Mapping[str, str]) -> Line:
    said = LINKS.get(link["state"], link["state"]).format(why=link.get("why", ""))
    record = f" {link['id']}" if link.get("id") else ""
    below = [Line(_sentence(link["message"]))] if link.get("message") else []
    below += [Line(f"Reason code: {link['reason']}")] if link.get("reason") else []
    return Line(f"{link['name']} ({link['object']}): {said}{record}", below)


def _part(part: Mapping[str, Any] | None, words: Mapping[str, str]) -> Iterator[Line]:
    if not part:
        return
    status = part["status"]
    said = words.get(status, status.replace("_", " "))
    # what was not tried has the execution's own reason, which is told at the end
    untold = status == "not_attempted"
    yield Line(said, [] if untold or not part.get("message") else [Line(_sentence(part["message"]))])


def _members(record: Mapping[str, Any]) -> Mapping[str, str]:
    named = {"program": "of the Action", "status": "of the Action"} | record.get("member", {})
    return {status: said.format(**named) for status, said in MEMBERS.items()}


def _end(item: Item, moment: Moment, remedies: Remedies) -> list[Line]:
    state, reason = State(item["state"]), str(item.get("reason") or "")
    said, remedy = said_of(item, moment, remedies)
    record_id = item.get("salesforce_id")
    below = [Line(f"Salesforce record {record_id}")] if record_id else []
    if item.get("due_at") and state is not State.ENDED:
        below.append(Line(f"Goes on by itself at {moment(item['due_at'])}"))
    if item.get("outcome"):
        below.append(Line(f"Records: total 1, {item['outcome']} 1"))
    lines = [Line(said, below)]
    if reason:
        lines.append(Line(f"Reason code: {reason}"))
    if remedy:
        lines.append(Line(f"What to do: {remedy}"))
    if redrivable(item):
        at_once = "Run it at once" if item.get("due_at") else "Run it again"
        lines.append(Line(f"{at_once}: leadbridge redrive {item['execution_id']}"))
    return lines


def said_of(item: Item, moment: Moment, remedies: Remedies) -> tuple[str, str]:
    """What is said of an execution, and what to do, which is empty where there is nothing to say."""
    reason, text = str(item.get("reason") or ""), str(item.get("message") or "")
    if not text and word(item) == State.WRITING and "does" in (item.get("decision") or {}).get("action", {}):
        return "Under way: Marketo is being asked.", ""
    if not text:
        return STANDS.get(word(item), word(item).replace("_", " ").capitalize() + "."), ""
    sentence, remedy = apart(reason, text, remedies(reason))
    return _INSTANT.sub(lambda found: moment(found[0]), sentence), remedy


# -- several executions


@dataclass(frozen=True, slots=True)
class Burst:
    """Executions of one Action that stand alike for one reason; `items` in the order given."""

    items: Sequence[Item]


def bursts(items: Sequence[Item]) -> list[Item | Burst]:
    """Executions in their order; from `BURST` alike on they are one, in the place of the first."""
    groups: dict[tuple[str, str, str], list[Item]] = {}
    for item in items:
        # without a reason there is nothing to be done about it, so each is told by itself
        if item.get("reason"):
            groups.setdefault(_kind(item), []).append(item)
    found: list[Item | Burst] = []
    for item in items:
        group = groups.get(_kind(item), [item]) if item.get("reason") else [item]
        if len(group) < BURST:
            found.append(item)
        elif group[0] is item:
            found.append(Burst(group))
    return found


def _kind(item: Item) -> tuple[str, str, str]:
    return item["action_id"], word(item), str(item["reason"])


def timeline(items: Sequence[Item], *, moment: Moment, remedies: Remedies) -> list[str]:
    """What happened to a person: what is not over, with what to do, then everything, newest first."""
    ordered = sorted(items, key=lambda item: str(item["sequence"]), reverse=True)
    waiting = [item for item in ordered if State(item["state"]) in _OPEN]
    now = [Line(_when(item, moment), _end(item, moment, remedies)) for item in waiting]
    past = [Line(_when(item, moment), _became(item, moment, remedies)) for item in ordered]
    return [
        *([f"Not over yet: {len(waiting)}", *_drawn(now)] if waiting else ["Nothing waits."]),
        f"What happened, newest first: {len(ordered)}",
        *_drawn(past),
    ]


def _became(item: Item, moment: Moment, remedies: Remedies) -> list[Line]:
    record = [Line(f"Salesforce record {item['salesforce_id']}")] if item.get("salesforce_id") else []
    return [Line(said_of(item, moment, remedies)[0]), *record]


def _when(item: Item, moment: Moment) -> str:
    what = word(item).replace("_", " ")
    return f"{moment(item['received_at'])} {called(item)}: {what} (execution {item['execution_id']})"


def name_in(item: Item) -> str:
    """The name that its Action had when a call began, else the one it has now; empty where neither is known."""
    decision = item.get("decision") or {}
    return str(decision.get("action", {}).get("name") or item.get("action_name") or "")


def called(item: Item) -> str:
    """What an execution's Action is called, with its id."""
    name = name_in(item)
    return f"{name} ({item['action_id']})" if name else str(item["action_id"])


# -- words


def _new(record: Mapping[str, Any]) -> str:
    """The object in which records are created."""
    return str(record.get("action", {}).get("objects", ["record"])[0])


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _span(seconds: int) -> str:
    for size, name in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds % size == 0 and seconds >= 2 * size:
            return f"{seconds // size} {name}"
    return f"{seconds} seconds"


def _more(record: Mapping[str, Any], what: str, shown: int) -> list[Line]:
    rest = record.get("cut", {}).get(what, shown) - shown
    return [Line(f"and {rest} more, not kept")] if rest > 0 else []


def _and_more(record: Mapping[str, Any], what: str, names: Sequence[str]) -> str:
    rest = record.get("cut", {}).get(what, len(names)) - len(names)
    return f" and {rest} more, not kept" if rest > 0 else ""


def _drawn(lines: Sequence[Line], indent: str = "") -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        last = number == len(lines)
        yield f"{indent}{'└─ ' if last else '├─ '}{line.text}"
        yield from _drawn(line.below, indent + ("   " if last else "│  "))
