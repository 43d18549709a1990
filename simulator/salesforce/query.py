"""Answering a parsed query from the tables: names checked, indexes used where they help, pages cut."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from simulator.salesforce import ids, relative_dates
from simulator.salesforce.exceptions import ApiError
from simulator.salesforce.models import Org, Record, Table
from simulator.salesforce.schema import NAME_ENTITY, NUMBER_TYPES, SOBJECTS, SOBJECTS_BY_LOWER_NAME, Field, SObject
from simulator.salesforce.soql import And, Column, Comparison, Condition, Literal, Not, Or, Ordering, Query, malformed

type Getter = Callable[[Record], Any]
type Test = Callable[[Record], bool]

_LITERAL_OF_TYPE = {"boolean": "boolean", "date": "date", "datetime": "dateTime"}
_MAX_LEVELS = 5


@dataclass(frozen=True, slots=True)
class Path:
    """A selected field: the relationships that lead to it and the field itself."""

    relationships: tuple[Field, ...]
    parents: tuple[SObject, ...]
    field: Field


@dataclass(frozen=True, slots=True)
class Result:
    """The rows of a query, as they were when it ran."""

    sobject: SObject
    paths: tuple[Path, ...]
    rows: tuple[Record, ...]
    total: int


def run(org: Org, query: Query, now: float, *, include_deleted: bool = False, most_read: int = 0) -> Result:
    """Find the rows of a query, which may have to read so many of them at most (0: any number).

    Raises:
        ApiError: INVALID_TYPE, INVALID_FIELD, INVALID_QUERY_FILTER_OPERATOR or QUERY_TIMEOUT.
    """
    sobject = SOBJECTS_BY_LOWER_NAME.get(query.sobject.lower())
    if sobject is None:
        raise ApiError(
            400,
            "INVALID_TYPE",
            f"\n{query.text}\nsObject type '{query.sobject}' is not supported.",
        )
    compiler = _Compiler(org, query, sobject, now)
    paths = tuple(compiler.path(each) for each in query.columns)
    test = compiler.test(query.where) if query.where else None
    keys = [compiler.ordering(each) for each in query.order]
    table = org.tables[sobject.name]
    candidates = list(_candidates(table, query.where))
    if most_read and len(candidates) > most_read:
        raise ApiError(400, "QUERY_TIMEOUT", "Your query request was running for too long.")
    found = [
        seen
        for record_id in candidates
        if (seen := table.rows[record_id].seen_at(now)) is not None
        and (include_deleted or not (seen["IsDeleted"] or seen.get("IsArchived")))
        and (test is None or test(seen))
    ]
    for key, descending in reversed(keys):
        found.sort(key=key, reverse=descending)
    stop = None if query.limit is None else query.offset + query.limit
    rows = tuple(found[query.offset : stop])
    return Result(sobject, paths, rows, len(rows))


def render(org: Org, result: Result, rows: Iterable[Record], base: str) -> list[Record]:
    """Return rows as the query answer shows them, parents nested."""
    return [_render_row(org, result, row, base) for row in rows]


def attributes(sobject: SObject, record_id: str, base: str) -> Record:
    """Return the `attributes` member of a record."""
    return {"type": sobject.name, "url": f"{base}/sobjects/{sobject.name}/{record_id}"}


def _render_row(org: Org, result: Result, row: Record, base: str) -> Record:
    shown: Record = {"attributes": attributes(result.sobject, row["Id"], base)}
    for path in result.paths:
        holder: Record | None = shown
        record: Record | None = row
        for reference, parent in zip(path.relationships, path.parents, strict=True):
            found = org.parent(reference, record[reference.name]) if record else None
            record = _as_parent(parent, *found) if found else None
            name = str(reference.relationship_name)
            if found is None or record is None:
                if holder is not None:
                    holder[name] = None
                holder = None
                break
            if holder is not None:
                holder = holder.setdefault(name, {"attributes": _parent_attributes(parent, *found, base)})
        if holder is not None and record is not None:
            holder[path.field.name] = record[path.field.name]
    return shown


def _as_parent(parent: SObject, actual: SObject, record: Record) -> Record:
    """Return a parent's values as a query sees them: of one of several types, only what all of them have."""
    if parent is not NAME_ENTITY:
        return record
    return {each.name: record.get(each.name) for each in NAME_ENTITY.fields} | {"Type": actual.name}


def _parent_attributes(parent: SObject, actual: SObject, record: Record, base: str) -> Record:
    return attributes(actual, record["Id"], base) | {"type": parent.name}


def _candidates(table: Table, where: Condition | None) -> Iterable[str]:
    """Return the ids that may satisfy the condition, in id order."""
    planned = _plan(table, where) if where else None
    if planned is None:
        return list(table.rows)
    # a row whose commit is late is indexed by its new values only
    return sorted((planned | table.late) & table.rows.keys())


def _plan(table: Table, where: Condition) -> set[str] | None:
    """Return a superset of the matching ids from the indexes, or None when all rows have to be read."""
    match where:
        case Comparison():
            return _plan_comparison(table, where)
        case And(terms):
            plans = [plan for term in terms if (plan := _plan(table, term)) is not None]
            return min(plans, key=len, default=None)
        case Or(terms):
            found: set[str] = set()
            for term in terms:
                plan = _plan(table, term)
                if plan is None:
                    return None
                found |= plan
            return found
        case Not():
            return None


def _plan_comparison(table: Table, comparison: Comparison) -> set[str] | None:
    if comparison.subquery is not None:
        return None
    known = table.sobject.field(comparison.field)
    texts = [value.value for value in comparison.values if isinstance(value.value, str)]
    if comparison.operator not in ("=", "IN") or known is None or len(texts) != len(comparison.values):
        return None
    if known.name == "Id":
        return {full for text in texts if (full := ids.normalise(text))}
    if not table.is_indexed(known.name):
        return None
    if known.type == "reference":
        texts = [ids.normalise(text) or text for text in texts]
    return set().union(*(table.lookup(known.name, text) for text in texts))


class _Compiler:
    """Turns the names and conditions of one query into functions over records."""

    def __init__(self, org: Org, query: Query, sobject: SObject, now: float) -> None:
        self._org = org
        self._query = query
        self._sobject = sobject
        self._now = now

    def path(self, column: Column) -> Path:
        *steps, name = column.name.split(".")
        if len(steps) > _MAX_LEVELS:
            raise self._no_column(column, self._sobject, column.name)
        relationships: list[Field] = []
        parents: list[SObject] = []
        sobject = self._sobject
        for step in steps:
            reference = sobject.by_relationship.get(step.lower())
            target = _target(reference) if reference else None
            if reference is None or target is None:
                raise ApiError(
                    400,
                    "INVALID_FIELD",
                    self._place(column) + f"Didn't understand relationship '{step}' in field path.",
                )
            relationships.append(reference)
            parents.append(target)
            sobject = target
        known = self._org.visible(sobject, name)
        if known is None:
            raise self._no_column(column, sobject, name)
        return Path(tuple(relationships), tuple(parents), known)

    def ordering(self, term: Ordering) -> tuple[Callable[[Record], Any], bool]:
        path = self.path(Column(term.field, term.column))
        if path.field.is_long_text or path.field.type == "multipicklist":
            raise ApiError(400, "INVALID_FIELD", f"field '{path.field.name}' can not be sorted in a query call")
        get = self._getter(path)
        # a sort in reverse turns the null rank round as well
        null_rank = 1 if term.nulls_last != term.descending else -1
        folds = compares_as_text(path.field)

        def key(record: Record) -> tuple[int, Any]:
            value = get(record)
            if value is None:
                return (null_rank, 0)
            return (0, value.casefold() if folds else value)

        return key, term.descending

    def test(self, where: Condition) -> Test:
        match where:
            case Comparison():
                return self._comparison(where)
            case And(terms):
                tests = [self.test(term) for term in terms]
                return lambda record: all(test(record) for test in tests)
            case Or(terms):
                tests = [self.test(term) for term in terms]
                return lambda record: any(test(record) for test in tests)
            case Not(term):
                inner = self.test(term)
                return lambda record: not inner(record)

    def _comparison(self, comparison: Comparison) -> Test:
        path = self.path(Column(comparison.field, comparison.column))
        known = path.field
        if known.is_long_text:
            raise ApiError(400, "INVALID_FIELD", f"field '{known.name}' can not be filtered in a query call")
        if not self._org.view_all_data and any(len(each.reference_to) > 1 for each in path.relationships):
            # sharing has to be looked up for every record behind such a reference
            raise ApiError(400, "OPERATION_TOO_LARGE", "exceeded 100000 distinct who/what's")
        get = self._getter(path)
        fold = _fold(known)
        if comparison.values and comparison.values[0].kind == "relative":
            return self._relative_test(get, known, comparison)
        operands = self._operands(known, comparison)
        if comparison.operator == "LIKE":
            return _like_test(get, known, comparison.values[0])
        if comparison.operator in ("IN", "NOT IN"):
            wanted = {fold(each) for each in operands}
            has_to_be = comparison.operator == "IN"
            return lambda record: (fold(get(record)) in wanted) is has_to_be
        operand = fold(operands[0])
        if comparison.operator == "=":
            return lambda record: bool(fold(get(record)) == operand)
        if comparison.operator == "!=":
            return lambda record: bool(fold(get(record)) != operand)
        return _order_test(comparison.operator, get, fold, operand)

    def _operands(self, known: Field, comparison: Comparison) -> list[Any]:
        if comparison.subquery is None:
            return [_operand(known, value) for value in comparison.values]
        return semi_join(self._org, known, comparison.subquery, self._now)

    def _relative_test(self, get: Getter, known: Field, comparison: Comparison) -> Test:
        """Compare with a span of days, as relative date literals stand for; the user's time zone is UTC."""
        if known.type not in ("date", "datetime"):
            message = f"value of filter criterion for field '{known.name}' must be of type {known.type}"
            raise ApiError(400, "INVALID_FIELD", message)
        today = datetime.fromtimestamp(self._now, UTC).date()
        first, after = relative_dates.span(str(comparison.values[0].value), today)
        tail = "T00:00:00.000+0000" if known.type == "datetime" else ""
        low, high = first.isoformat() + tail, after.isoformat() + tail
        holds: dict[str, Callable[[str], bool]] = {
            "=": lambda value: low <= value < high,
            "!=": lambda value: not low <= value < high,
            "<": lambda value: value < low,
            "<=": lambda value: value < high,
            ">": lambda value: value >= high,
            ">=": lambda value: value >= low,
        }
        fits = holds[comparison.operator]

        def test(record: Record) -> bool:
            value = get(record)
            return comparison.operator == "!=" if value is None else fits(value)

        return test

    def _getter(self, path: Path) -> Getter:
        name = path.field.name
        if not path.relationships:
            return lambda record: record[name]
        steps = tuple(zip(path.relationships, path.parents, strict=True))

        def get(record: Record) -> Any:
            at: Record | None = record
            for reference, parent in steps:
                found = self._org.parent(reference, at[reference.name]) if at else None
                at = _as_parent(parent, *found) if found else None
            return at[name] if at else None

        return get

    def _no_column(self, column: Column, sobject: SObject, name: str) -> ApiError:
        return ApiError(
            400,
            "INVALID_FIELD",
            self._place(column) + f"No such column '{name}' on entity '{sobject.name}'.",
        )

    def _place(self, column: Column) -> str:
        """Return the vendor's pointer to a place in the statement."""
        start = max(0, column.column - 40)
        excerpt = self._query.text[start : column.column + 40]
        pointer = " " * (column.column - start) + "^"
        return f"\n{excerpt}\n{pointer}\nERROR at Row:1:Column:{column.column + 1}\n"


def _target(reference: Field) -> SObject | None:
    """Return the object that a relationship leads to; the entity Name where there are several."""
    return NAME_ENTITY if len(reference.reference_to) > 1 else SOBJECTS.get(reference.reference_to[0])


def compares_as_text(known: Field) -> bool:
    """Say whether the field's values are compared as text without regard to case."""
    is_plain = known.type in NUMBER_TYPES or known.type in ("boolean", "date", "datetime", "id", "reference")
    return not is_plain and not (known.unique and known.case_sensitive)


def _fold(known: Field) -> Callable[[Any], Any]:
    if compares_as_text(known):
        return lambda value: value.casefold() if value is not None else None
    return lambda value: value


def _operand(known: Field, literal: Literal) -> Any:
    """Return a literal in the form in which the field is stored, once its kind fits the field."""
    if literal.kind == "null":
        return False if known.type == "boolean" else None
    wanted = "number" if known.type in NUMBER_TYPES else _LITERAL_OF_TYPE.get(known.type, "string")
    if literal.kind != wanted:
        quotes = "should be enclosed in quotes" if wanted == "string" else "should not be enclosed in quotes"
        raise ApiError(
            400,
            "INVALID_FIELD",
            f"value of filter criterion for field '{known.name}' must be of type {known.type} and {quotes}",
        )
    if known.type in ("id", "reference"):
        full = ids.normalise(str(literal.value))
        if full is None and literal.pattern is None:
            raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {literal.value}")
        return full
    return literal.value


def semi_join(org: Org, known: Field, subquery: Query, now: float) -> list[Any]:
    """Return the values that `IN (SELECT ...)` compares with.

    Raises:
        ApiError: The inner statement is not one that a semi-join may have.
    """
    if known.type not in ("id", "reference"):
        raise ApiError(400, "INVALID_FIELD", f"field '{known.name}' cannot be compared with the ids of a subquery")
    if subquery.sobject.lower() in ("task", "event"):
        raise ApiError(400, "INVALID_TYPE", f"Entity '{subquery.sobject}' is not supported for semi join inner selects")
    if len(subquery.columns) != 1 or subquery.order or subquery.limit is not None:
        raise malformed("a semi join inner select has exactly one field, no ORDER BY and no LIMIT")
    result = run(org, subquery, now)
    (path,) = result.paths
    if path.relationships or path.field.type not in ("id", "reference"):
        raise malformed("a semi join inner select must select an ID or reference field")
    return [row[path.field.name] for row in result.rows if row[path.field.name] is not None]


def _like_test(get: Getter, known: Field, literal: Literal) -> Test:
    if literal.pattern is None or not compares_as_text(known):
        raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator on id field")
    expression = literal.pattern.as_regex()

    def test(record: Record) -> bool:
        value = get(record)
        return value is not None and expression.fullmatch(value) is not None

    return test


def _order_test(operator: str, get: Getter, fold: Callable[[Any], Any], operand: Any) -> Test:
    compare: dict[str, Callable[[Any, Any], bool]] = {
        "<": lambda left, right: left < right,
        "<=": lambda left, right: left <= right,
        ">": lambda left, right: left > right,
        ">=": lambda left, right: left >= right,
    }
    holds = compare[operator]

    def test(record: Record) -> bool:
        value = fold(get(record))
        return value is not None and operand is not None and holds(value, operand)

    return test
