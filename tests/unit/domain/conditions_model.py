"""A second opinion on conditions, written from docs/conditions.md: it imports nothing of the product.

Values are plain text, wanted values are text too; days are counted with ordinals, times with UTC seconds.
"""

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

NOT = {
    "not_equals": "equals",
    "not_contains": "contains",
    "not_in": "in",
    "not_in_list": "in_list",
    "domain_not_in": "domain_in",
    "domain_not_in_list": "domain_in_list",
    "is_not_empty": "is_empty",
}


def holds(tree: Mapping[str, Any], person: Mapping[str, str], world: Mapping[str, Any]) -> bool:
    """Whether a tree holds; `world` has `types` by column, `now`, `zone` and `lists`."""
    if "clauses" in tree:
        results = [holds(item, person, world) for item in tree["clauses"]]
        return any(results) if tree.get("match") == "any" else all(results)
    operator = tree["operator"]
    if operator in NOT:
        return not holds({**tree, "operator": NOT[operator]}, person, world)
    given = (person.get(tree["column"]) or "").strip().casefold()
    if operator == "is_empty":
        return not given
    return bool(given) and _asked(operator, tree.get("value"), given, world["types"][tree["column"]], world)


def _asked(operator: str, wanted: Any, given: str, kind: str, world: Mapping[str, Any]) -> bool:
    if operator.endswith("_list"):
        wanted, operator = world["lists"][wanted], operator.removesuffix("_list")
    if operator == "domain_in":
        name, at, domain = given.rpartition("@")
        readable = bool(
            name and at and re.fullmatch(r"[^\s@.]+(\.[^\s@.]+)+", domain) and not re.search(r"[\s@]", name)
        )
        return readable and domain in {each.strip().casefold().lstrip("@") for each in wanted}
    many: list[Any] = list(wanted) if isinstance(wanted, list | frozenset) else [wanted]
    if kind == "number":
        return _number(operator, [_fraction(str(each)) for each in many], _fraction(given))
    if kind in {"date", "datetime"}:
        return _time(operator, many, given, world)
    if kind == "boolean":
        return _boolean(operator, wanted, given)
    return _text(operator, [str(each).casefold() for each in many], given)


def _boolean(operator: str, wanted: Any, given: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if given not in words:
        return False
    if operator == "equals":
        return words[given] is words[str(wanted).casefold()]
    return words[given] is (operator == "is_true")


def _text(operator: str, texts: list[str], given: str) -> bool:
    if operator == "contains":
        return texts[0] in given
    if operator == "starts_with":
        return given[: len(texts[0])] == texts[0]
    if operator == "ends_with":
        return given[len(given) - len(texts[0]) :] == texts[0] and len(given) >= len(texts[0])
    return given in {each.strip() for each in texts}


def _fraction(written: str) -> Fraction | None:
    return Fraction(written) if re.fullmatch(r"[+-]?\d+(\.\d+)?", written) else None


def _number(operator: str, wanted: list[Fraction | None], given: Fraction | None) -> bool:
    if given is None:
        return False
    if operator in {"equals", "in"}:
        return given in wanted
    first, last = wanted[0], wanted[-1]
    assert first is not None
    assert last is not None
    return {
        "greater_than": given > first,
        "at_least": not given < first,
        "less_than": given < first,
        "at_most": not given > first,
        "between": not (given < first or given > last),
    }[operator]


def _time(operator: str, wanted: list[str], given: str, world: Mapping[str, Any]) -> bool:
    zone, now = ZoneInfo(world["zone"]), world["now"].timestamp()
    today = world["now"].astimezone(zone).date().toordinal()
    day, second = _read(given.upper(), ZoneInfo("UTC"), zone)
    if day is None:
        return False
    if operator in {"in_last", "in_next"}:
        return _near(operator, wanted[0], day, second, today, now, zone)
    sides = []
    for each in wanted:
        words = {"yesterday": today - 1, "today": today, "tomorrow": today + 1}
        if each in words:
            target: tuple[int | None, float | None] = (words[each], None)
        else:
            target = _read(each.upper(), zone, zone)
        if target[1] is None:
            assert target[0] is not None
            sides.append((day > target[0]) - (day < target[0]))
        else:
            moment = _midnight(day, zone) if second is None else second
            sides.append((moment > target[1]) - (moment < target[1]))
    first, last = sides[0], sides[-1]
    return {
        "equals": first == 0,
        "on_day": first == 0,
        "before": first < 0,
        "after": first > 0,
        "on_or_before": first <= 0,
        "on_or_after": first >= 0,
        "between": first >= 0 and last <= 0,
    }[operator]


def _read(written: str, own: ZoneInfo, zone: ZoneInfo) -> tuple[int | None, float | None]:
    """The day in the Action's zone as a number, and the second, None for a whole day; None twice: unreadable."""
    written = written.removesuffix("+0000") if written.endswith("Z+0000") else written
    if re.fullmatch(r"\d{4}-\d\d-\d\d", written):
        try:
            return date(*map(int, written.split("-"))).toordinal(), None
        except ValueError:
            return None, None
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?(Z|[+-]\d\d:?\d\d)?", written):
        return None, None
    moment = datetime.fromisoformat(written)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=own)
    return moment.astimezone(zone).date().toordinal(), moment.timestamp()


def _midnight(day: int, zone: ZoneInfo) -> float:
    return datetime.combine(date.fromordinal(day), datetime.min.time(), tzinfo=zone).astimezone(UTC).timestamp()


def _near(operator: str, wanted: str, day: int, second: float | None, today: int, now: float, zone: ZoneInfo) -> bool:
    amount, unit = wanted.split(" ")
    count = int(amount)
    back = operator == "in_last"
    if unit.startswith("hour"):
        apart = now - (_midnight(day, zone) if second is None else second)
        return 0 <= (apart if back else -apart) <= count * 3600
    if unit.startswith("month"):
        start = date.fromordinal(today)
        months = start.year * 12 + start.month - 1 + (-count if back else count)
        year, month = months // 12, months % 12 + 1
        edge = date(year, month, min(start.day, calendar.monthrange(year, month)[1])).toordinal()
    else:
        edge = today + (-count if back else count) * (7 if unit.startswith("week") else 1)
    if second is not None and (second > now if back else second < now):
        return False
    return edge <= day <= today if back else today <= day <= edge
