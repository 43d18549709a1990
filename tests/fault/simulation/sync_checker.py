"""What must hold when a schedule of a Sync is at rest: a plain model, fed with plain values."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

#: what a row that is left out, or refused, has to say why
EXPLAINED = ("skipped", "duplicate", "failed")
OUTCOMES = ("created", "updated", "unchanged", "deleted", "flagged", *EXPLAINED)
#: a window of Marketo begins so much before the one before it has ended
OVERLAP = timedelta(seconds=60)
_MARKER = re.compile(r"r(\d+)v(\d+)")

type Facts = dict[str, Any]


def sync_violations(facts: Facts) -> list[str]:
    """Everything that is wrong."""
    found = [*facts["wrong"], *_explained(facts), *_destination(facts), *_order(facts), *_one_at_a_time(facts)]
    found += [*_removed(facts), *_marked(facts)]
    return [*found, *_watermarks(facts), *_at_rest(facts), *_guarded(facts), *_counted(facts), *_planned(facts)]


def _key(value: Any) -> str:
    return str(value or "").strip().casefold()


def _explained(facts: Facts) -> Iterator[str]:
    """Every row that was pulled has one outcome, and the counts are those of the rows."""
    for run in facts["runs"]:
        slot, lines = run["slot"], {line["row"]: line for line in run["rows"]}
        if len(lines) != len(run["rows"]):
            yield f"run {slot}: a row has two outcomes"
        for line in run["refused"]:
            lines[line["row"]] = line
        counts = Counter(line["outcome"] for line in lines.values())
        if set(counts) - set(OUTCOMES):
            yield f"run {slot}: unknown outcomes {sorted(counts)}"
        bare = [line["row"] for line in lines.values() if line["outcome"] in EXPLAINED and not line["reason"]]
        if bare:
            yield f"run {slot}: rows {bare} do not say why"
        if run["step"] != "done":
            continue
        yield from _every_row(run, [int(row) for row in lines])
        # what never happened may be missing on either side
        if counts != Counter(run["totals"]):
            yield f"run {slot}: counted {run['totals']}, stored {dict(counts)}"


def _every_row(run: Facts, rows: list[int]) -> Iterator[str]:
    """Each row of a run has an outcome; those of a plan that is applied have the plan's numbers."""
    if run["kind"] == "apply":
        if len(rows) != run["pulled"]:
            yield f"run {run['slot']}: {run['pulled']} writes were planned, {len(rows)} have an outcome"
    elif sorted(rows) != list(range(1, run["pulled"] + 1)):
        yield f"run {run['slot']}: {run['pulled']} rows were pulled, those with an outcome are {sorted(rows)}"


def _destination(facts: Facts) -> Iterator[str]:
    """Nothing is there twice; whoever is to be there is, with the newest values."""
    ours, theirs = facts["destination_fields"], facts["source_fields"]
    held: dict[str, list[Facts]] = defaultdict(list)
    for record in facts["destination"].values():
        held[_key(record.get(ours["email"]))].append(record)
    yield from (f"doubled: {len(records)} records of {key}" for key, records in held.items() if len(records) > 1)
    people: dict[str, list[Facts]] = defaultdict(list)
    sharing = Counter(_key(record.get(theirs["email"])) for record in facts["source"].values())
    for record in facts["source"].values():
        wanted = not facts["conditions"] or record.get(theirs["status"]) == "keep"
        if wanted and "@" in str(record.get(theirs["email"])):
            people[_key(record[theirs["email"]])].append(record)
    others = {write["record"]: write["at"] for write in facts["writes"] if write["by"] == "others"}
    for key, records in people.items():
        there = held.get(key, [])
        before = [others[str(record[ours["id"]])] for record in there if str(record[ours["id"]]) in others]
        check = _several if sharing[key] > 1 else _person
        yield from (f"{key}: {text}" for text in check(facts, records, there, before))
        if facts["writeback"] and check is _person and there and not before:
            yield from _told_back(facts, records[0], there[0])


def _told_back(facts: Facts, record: Facts, there: Facts) -> Iterator[str]:
    """The source knows whom it became, and what that one is called; `create` leaves alone who is there already."""
    ours, theirs = facts["destination_fields"], facts["source_fields"]
    told = (str(record.get(theirs["back"])), record.get(theirs["state"]))
    if facts["rule"] != "create" and told != (str(there[ours["id"]]), there[ours["name"]]):
        yield f"{record[theirs['id']]} was told {told} and not {(there[ours['id']], there[ours['name']])}"


def _person(facts: Facts, records: list[Facts], there: list[Facts], others: list[float]) -> Iterator[str]:
    ours, theirs, rule = facts["destination_fields"], facts["source_fields"], facts["rule"]
    if rule == "update" and not others:
        if there:
            yield "made, and the rule is to update only"
        return
    if not there:
        yield "lost: there is no record"
        return
    name, wanted = there[0].get(ours["name"]), records[0][theirs["name"]]
    if name == wanted and str(there[0].get(ours["score"])) == str(records[0][theirs["score"]]):
        return
    if rule == "create" and (name == "somebody" or _of(name)[0] == _of(wanted)[0]):
        return
    if rule == "update" and facts["incremental"] and max(others) > 0 and name == "somebody":
        return  # who was not there when the change was read is not read again
    yield f"has {name}, {there[0].get(ours['score'])} and not {wanted}"


def _several(facts: Facts, records: list[Facts], there: list[Facts], _: list[float]) -> Iterator[str]:
    """Who of several is meant is certain where a run reads them all."""
    if facts["rule"] != "create_and_update" or facts["dedupe"] == "ignore_duplicates":
        return
    ours, theirs = facts["destination_fields"], facts["source_fields"]
    if not there:
        yield "lost: there is no record of several"
        return
    names = {str(record[theirs["name"]]) for record in records}
    if facts["incremental"] or facts["writeback"]:
        return
    ordered = sorted(records, key=lambda record: record[theirs["id"]])
    if facts["dedupe"] == "youngest":
        newest = max(record[theirs["changed"]] for record in records)
        names = {next(str(one[theirs["name"]]) for one in ordered if one[theirs["changed"]] == newest)}
    elif facts["dedupe"] == "oldest":
        first = min(record[theirs["made"]] for record in records)
        names = {next(str(one[theirs["name"]]) for one in ordered if one[theirs["made"]] == first)}
    elif facts["dedupe"] == "import_everything":
        names = {str(ordered[-1][theirs["name"]])}
    if there[0].get(ours["name"]) not in names:
        yield f"has {there[0].get(ours['name'])} of several, and not {sorted(names)}"


def _removed(facts: Facts) -> Iterator[str]:
    """Whoever was deleted at the source is gone, or marked, unless the source has another record of the key."""
    if facts["deletes"] == "ignore" or len(facts["gone_noted"]) < 2:
        return
    ours, theirs = facts["destination_fields"], facts["source_fields"]
    first, last = facts["gone_noted"][0], facts["gone_noted"][-1]
    living = {_key(record.get(theirs["email"])) for record in facts["source"].values()}
    times = Counter(_key(gone["row"].get(theirs["email"])) for gone in facts["gone"].values())
    for own, gone in facts["gone"].items():
        if facts["by_id"] and facts["rule"] == "create" and times[_key(gone["row"].get(theirs["email"]))] > 1:
            continue  # who was made anew keeps the id of the first record, as nothing is updated
        known = gone["binned"] and not facts["marketo_source"]
        left_out = facts["conditions"] and known and gone["row"].get(theirs["status"]) != "keep"
        if not first <= gone["at"] < last or left_out or not (known or facts["by_id"]):
            continue
        name, wanted = (ours["origin"], own) if facts["by_id"] else (ours["email"], gone["row"].get(theirs["email"]))
        for record in facts["destination"].values():
            if _key(record.get(name)) != _key(wanted) or _key(record.get(ours["email"])) in living or not _key(wanted):
                continue
            if not record.get(ours["gone"]) and not _made_since(facts, str(record[ours["id"]]), gone["time"]):
                yield f"{record[ours['id']]} is there, and {own} was deleted at {gone['at']}"


def _made_since(facts: Facts, record: str, time: float) -> bool:
    """Whether somebody else, or a plan that was made before, has written a record since a moment."""
    applied = {run["slot"] for run in facts["runs"] if run["kind"] == "apply"} | {"others"}
    return any(each["record"] == record and each["by"] in applied and each["at"] > time for each in facts["writes"])


def _marked(facts: Facts) -> Iterator[str]:
    """Nobody who lives is marked as deleted; `create` leaves alone who is there already."""
    if facts["deletes"] != "flag" or facts["rule"] == "create":
        return
    ours, theirs = facts["destination_fields"], facts["source_fields"]
    living = {
        _key(record.get(theirs["email"]))
        for record in facts["source"].values()
        if not facts["conditions"] or record.get(theirs["status"]) == "keep"
    }
    yield from (
        f"{record[ours['id']]} is marked as deleted, and lives"
        for record in facts["destination"].values()
        if record.get(ours["gone"]) and _key(record.get(ours["email"])) in living
    )


def _of(marker: Any) -> tuple[str, int]:
    """The record of a marker, and its version."""
    found = _MARKER.fullmatch(str(marker))
    return (found[1], int(found[2])) if found else ("", 0)


def _order(facts: Facts) -> Iterator[str]:
    """What is older never takes the place of what is newer."""
    for writes, name in (
        (facts["writes"], facts["destination_fields"]["name"]),
        (facts["told_back"], facts["source_fields"]["state"]),
    ):
        newest: dict[tuple[str, str], int] = {}
        for write in writes:
            person, version = _of(write["fields"].get(name))
            if person and version < newest.get((write["record"], person), 0):
                yield f"older over newer: {write['by']} wrote {write['fields'][name]} into {write['record']}"
            if person:
                newest[write["record"], person] = version


def _planned(facts: Facts) -> Iterator[str]:
    """A plan writes nothing."""
    plans = {run["slot"] for run in facts["runs"] if run["kind"] == "plan"}
    yield from (
        f"the plan {write['by']} wrote {write['record']}"
        for write in (*facts["writes"], *facts["told_back"])
        if write["by"] in plans
    )


def _one_at_a_time(facts: Facts) -> Iterator[str]:
    """Whoever begins to write after another run is the only one that writes from then on."""
    writes = [(each["at"], each["by"]) for each in (*facts["writes"], *facts["told_back"])]
    slots = [by for _, by in sorted(writes, key=lambda write: write[0]) if by not in {"others", "people"}]
    gone: set[str] = set()
    for before, after in pairwise(slots):
        if before != after:
            gone.add(before)
            if after in gone:
                yield f"two runs at once: {after} wrote after {before} had begun to"
                return


def _watermarks(facts: Facts) -> Iterator[str]:
    """What lies before a watermark has been read by a run that moved it, or by one before."""
    retries = {run["slot"] for run in facts["runs"] if run["retry"]}
    last = None
    for moved in facts["watermarks"]:
        if moved["slot"] in retries:
            yield f"the retry {moved['slot']} moved the watermark"
        if last is not None and moved["at"] < last:
            yield f"{moved['slot']} moved the watermark back"
        last = moved["at"]
        limit = moved["at"] - (OVERLAP if facts["marketo_source"] else timedelta())
        for record, marker in moved["newest"].items():
            # what is told back changes a record, too: then it is read once more
            if moved["stamps"][record] < limit and marker not in moved["read"]:
                yield f"the watermark of {moved['slot']} passed {marker}, which nobody had read"
    ends = {run["slot"]: run["step"] for run in facts["runs"]}
    yield from (
        f"the run {moved['slot']} moved the watermark, and is {ends[moved['slot']]}"
        for moved in facts["watermarks"]
        if ends[moved["slot"]] not in {"done", "cancelled"}
    )


def _at_rest(facts: Facts) -> Iterator[str]:
    """A clean run ends well; one more has nothing to do."""
    yield from (f"the run {run['slot']} is not over" for run in facts["runs"] if run["step"] not in ENDS)
    if facts["holder"]:
        yield f"the lease is kept by {facts['holder']}"
    last = [run for run in facts["runs"] if run["slot"] in facts["again"]]
    yield from (f"a clean run is {run['step']}: {run['reason']}" for run in last if run["step"] != "done")
    yield from (f"a clean run has failed rows: {run['totals']}" for run in last if run["totals"]["failed"])
    keys = Counter(_key(record.get(facts["source_fields"]["email"])) for record in facts["source"].values())
    shared = any(number > 1 and "@" in key for key, number in keys.items())
    if shared and (facts["incremental"] or facts["dedupe"] == "import_everything"):
        return  # several people take turns in one record
    if any(last[-1]["totals"][outcome] for outcome in ("created", "updated", "deleted", "flagged")):
        yield f"an unchanged run wrote: {last[-1]['totals']}"
    if any(each["by"] == last[-1]["slot"] for each in (*facts["writes"], *facts["told_back"])):
        yield "an unchanged run called to write"


ENDS = ("done", "failed", "cancelled")


def _guarded(facts: Facts) -> Iterator[str]:
    """Where nothing may be changed unasked, nothing is."""
    if not facts["guarded"]:
        return
    asked_for = facts["confirmed"] | {run["slot"] for run in facts["runs"] if run["kind"] == "apply"}
    late = {write["record"] for write in facts["writes"] if write["by"] == "others" and write["at"] > 0}
    for write in facts["writes"]:
        asked = write["by"] in asked_for or write["by"] == "others" or write["record"] in late
        if write["kind"] in {"updated", "deleted"} and not asked:
            yield f"{write['by']} changed {write['record']}, and nobody had confirmed it"


def _counted(facts: Facts) -> Iterator[str]:
    """As many records were made as runs say, where every run has ended well."""
    if facts["writeback"] or any(run["step"] != "done" for run in facts["runs"]):
        return  # who is made and not told back has failed
    if any(write["by"] == "others" and write["at"] > 0 for write in facts["writes"]):
        return  # a person who came meanwhile is told as created, too
    if any(run["refused"] for run in facts["runs"]):
        return  # the second row of a key makes whom the refused first one was to make
    told = sum(run["totals"]["created"] for run in facts["runs"] if run["kind"] != "plan")
    made = sum(write["kind"] == "created" and write["by"] != "others" for write in facts["writes"])
    if told != made:
        yield f"{told} rows are told as created, {made} records were made"
