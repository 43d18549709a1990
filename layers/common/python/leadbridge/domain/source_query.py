"""What a Sync asks its source for: columns, filter, window, and the first request, which View Query shows.

A query is a value. Whoever reads the source sends `first` as it stands, so that the query shown is the query run; how
later requests differ is said by `cursor`. Bounds are fixed when a run begins: nothing here depends on a clock.

Marketo has no query language: leads are enumerated by their static list, by their ids, by what changed, or by a bulk
extract over stretches of at most 31 days. What of the conditions has no such form is asked by us of each row.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from leadbridge.domain import soql
from leadbridge.domain.clause_bounds import bounds_of
from leadbridge.domain.clauses import OPERATORS, Clause, Group, Takes, walk
from leadbridge.domain.dedupe_rules import Vendor, stamps_of
from leadbridge.domain.looked_up import read_columns
from leadbridge.domain.marketo import LeadChange
from leadbridge.domain.records import FieldDescription
from leadbridge.domain.soql_filter import Placed, Setting, soql_filter
from leadbridge.domain.sync import LoggedSource, Sync
from leadbridge.domain.values import blank, text
from leadbridge.domain.watermarks import EARLIEST, Window, tiles

type Way = Literal["rest", "bulk"]

#: leads are found by these in one call of up to 300 values; by any other field too many may match
LEAD_KEYS = frozenset({"id", "email", "sfdcContactId", "sfdcLeadId"})
FILTER_VALUES = 300
#: columns of an activity beside `activity.<attribute>`
ACTIVITY_COLUMNS = (
    "marketoGUID",
    "leadId",
    "activityDate",
    "activityTypeId",
    "campaignId",
    "primaryAttributeValueId",
    "primaryAttributeValue",
)
#: all attributes of an activity in one column, as a JSON array
ATTRIBUTES = "attributes"
#: before a field of the person of an activity
LEAD_PREFIX = "lead."
#: what the type of an activity is called
TYPE_NAME = "activityType"
#: Marketo keeps no activity for longer than 25 months, many for 90 days
KEPT = timedelta(days=762)
#: the activity type of a deleted lead, which no extract holds
DELETED_LEAD = 37
#: types of fields that Marketo's Change Score may be about: Describe calls some scores plain numbers
_SCORES = frozenset({"score", "integer"})
#: fields of every instance that are none: a Sync of these alone needs no look at the fields
_NO_SCORES = frozenset(
    {
        "id",
        "createdAt",
        "updatedAt",
        "email",
        "firstName",
        "lastName",
        "salutation",
        "title",
        "department",
        "company",
        "industry",
        "website",
        "phone",
        "mobilePhone",
        "fax",
        "address",
        "city",
        "state",
        "postalCode",
        "country",
        "leadSource",
        "leadStatus",
        "annualRevenue",
        "numberOfEmployees",
        "unsubscribed",
        "doNotCall",
        "dateOfBirth",
    }
)
#: when a record last changed, the one first that an object has
CHANGE_STAMPS = ("SystemModstamp", "LastModifiedDate", "CreatedDate")
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One call to a vendor, by the name of its endpoint (`operation`)."""

    operation: str
    parts: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


#: of what Marketo logged, the ids of those who have to be read
type Anew = Callable[[Sequence[LeadChange]], Collection[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceQuery:
    """What is asked of a source.

    `columns` are those that rows must have; `clauses` say where each condition is asked. `soql` and `count` are
    Salesforce's statements, `filters` are those of Marketo's extract jobs, in their order. `cursor` says in words in
    what later requests differ from the `first`.
    """

    vendor: Vendor
    way: Way
    object: str
    columns: tuple[str, ...]
    first: Request
    cursor: str
    clauses: tuple[Placed, ...] = ()
    soql: str = ""
    count: str = ""
    filters: tuple[Mapping[str, Any], ...] = ()
    #: of activities: their types by id, and the moment before which they happened
    activity_types: tuple[int, ...] = ()
    until: datetime | None = None
    #: of leads that changed; None: all of them are read
    anew: Anew | None = field(default=None, compare=False, repr=False)
    #: of leads that changed: the score fields that are read, by what the log calls them, in small letters
    scores: Mapping[str, str] = field(default_factory=dict)
    #: of objects of one's own: where the log tells of new ones
    logged: LoggedSource | None = None

    @property
    def read(self) -> tuple[str, ...]:
        """The columns that the vendor is asked for: others are looked up."""
        return read_columns(self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What must be known of a source before it can be asked.

    `fields` are its columns; `ids` are those of what the document names by name: `static_list`, `program`, and the
    `activity_types`; `statuses` are those of the program's members.
    """

    fields: Mapping[str, FieldDescription]
    lists: Mapping[str, frozenset[str]] = field(default_factory=dict)
    static_list: int | None = None
    program: int | None = None
    activity_types: Sequence[int] = ()
    statuses: Sequence[str] = ()
    #: no lead was made before; None if nobody knows
    made_since: datetime | None = None


def columns_of(sync: Sync, vendor: Vendor, fields: Mapping[str, FieldDescription]) -> tuple[str, ...]:
    """The columns that a run reads, each once: id and dates, the key, mappings, write-back, and all conditions.

    Conditions are judged again row by row, so their columns are read wherever they are asked.
    """
    stamps = stamps_of(vendor, sync.source.object)
    change = next((name for name in CHANGE_STAMPS if name in fields), None) if vendor == "salesforce" else None
    wanted: list[str] = [stamps.id, *((change,) if change else ())]
    # each lead has them, without a look at its fields
    of_leads = vendor == "marketo" and sync.source.object in {"leads", "list_members"}
    wanted += [name for name in (stamps.created, stamps.updated) if of_leads or name in fields]
    wanted += sync.key_columns
    wanted += [name for source in (*sync.mappings, *sync.writeback) for _, name in source.columns()]
    wanted += [source.to for source in sync.writeback]
    wanted += [clause.column for _, clause in walk(sync.conditions)] if sync.conditions else []
    return tuple(dict.fromkeys(wanted))


def changed_in(sync: Sync, vendor: Vendor, columns: Collection[str]) -> str:
    """Of the columns that a run reads the one that says when a record was changed; empty if none does."""
    names = CHANGE_STAMPS if vendor == "salesforce" else (stamps_of(vendor, sync.source.object).updated,)
    return next((name for name in names if name in columns), "")


def seen_of(sync: Sync, fields: Mapping[str, FieldDescription]) -> Sync:
    """A Sync that only reads, without the columns that its source hides, or has no more."""
    seen = [mapping for mapping in sync.mappings if mapping.column in fields]
    return sync.model_copy(update={"mappings": seen})


def source_query(
    sync: Sync,
    vendor: Vendor,
    facts: Facts,
    window: Window,
    *,
    way: Way,
    now: datetime,
    after_id: str = "",
    ids: Sequence[str] = (),
) -> SourceQuery:
    """The query of a run that begins at `now`; `after_id`: only records with a higher id (Salesforce, not in bulk).

    `ids`: these records and no others, whatever the conditions say, which are asked of each row by us.

    Raises:
        ValueError: The source cannot be asked that way (`domain.sync_checks` says so before).
    """
    columns = columns_of(sync, vendor, facts.fields)
    if ids:
        return _by_id(sync, vendor, facts, columns, ids, now=now)
    if vendor == "salesforce":
        bounds = tuple(_changed(facts, window, after_id))
        return _salesforce(sync, facts, columns, bounds, way=way, now=now)
    return _marketo(sync, facts, columns, window, way=way, now=now)


# records by their ids


def readable_by_id(sync: Sync, vendor: Vendor) -> bool:
    """Whether single records of a Sync's source can be asked for."""
    return vendor == "salesforce" or sync.source.object == "leads"


def _by_id(
    sync: Sync, vendor: Vendor, facts: Facts, columns: tuple[str, ...], ids: Sequence[str], *, now: datetime
) -> SourceQuery:
    if not readable_by_id(sync, vendor):
        raise ValueError(f"Marketo does not give {sync.source.object} by their ids")
    if vendor == "salesforce":
        bound = f"Id IN ({', '.join(soql.literal(each) for each in ids)})"
        plain = sync.model_copy(update={"conditions": None})
        return _salesforce(plain, facts, columns, (bound,), way="rest", now=now)
    params = {"filterType": "id", "filterValues": ",".join(ids), "fields": ",".join(columns)}
    first = Request(operation="leads_by_filter", params=params)
    return SourceQuery(
        vendor="marketo", way="rest", object=sync.source.object, columns=columns, first=first, cursor=_BY_PAGE
    )


# Salesforce


def _salesforce(
    sync: Sync, facts: Facts, columns: tuple[str, ...], bounds: Sequence[str], *, way: Way, now: datetime
) -> SourceQuery:
    source = soql.identifier(sync.source.object)
    head = f"SELECT {', '.join(soql.identifier(name) for name in read_columns(columns))} FROM {source}"  # noqa: S608  # names are checked, values quoted
    # in the order of ids reading can go on behind any record; a bulk job takes the query apart by itself
    tail = "" if way == "bulk" else " ORDER BY Id"
    room = soql.URI_BYTES - soql.encoded_length(f"{head} WHERE {' AND '.join(bounds)} AND {tail}")
    setting = Setting(fields=facts.fields, zone=sync.zone, now=now, lists=facts.lists)
    found = soql_filter(sync.conditions, setting, room=room)
    terms = [*((found.text,) if found.text else ()), *bounds]
    where = f" WHERE {' AND '.join(terms)}" if terms else ""
    statement = f"{head}{where}{tail}"
    if way == "bulk":
        body = {
            "operation": "query",
            "query": statement,
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        first = Request(operation="bulk_create", parts={"family": "query"}, body=body)
        cursor = "the job's pages of rows are read by their locator"
    else:
        first = Request(operation="query", params={"q": statement})
        cursor = "later pages are read by nextRecordsUrl, or behind the last Id, which is then one more condition"
    return SourceQuery(
        vendor="salesforce",
        way=way,
        object=source,
        columns=columns,
        first=first,
        cursor=cursor,
        clauses=found.clauses,
        soql=statement,
        count=f"SELECT COUNT() FROM {source}{where}",  # noqa: S608  # as above
    )


def _changed(facts: Facts, window: Window, after_id: str) -> Iterator[str]:
    stamp = next((name for name in CHANGE_STAMPS if name in facts.fields), "")
    if (window.since or window.until) and not stamp:
        raise ValueError("the object does not say when a record changed")
    if window.since is not None:
        yield f"{stamp} >= {soql.literal(window.since)}"
    if window.until is not None:
        yield f"{stamp} < {soql.literal(window.until)}"
    if after_id:
        yield f"Id > {soql.literal(after_id)}"


# Marketo


def _marketo(
    sync: Sync, facts: Facts, columns: tuple[str, ...], window: Window, *, way: Way, now: datetime
) -> SourceQuery:
    match sync.source.object:
        case "leads":
            parts = _leads(sync, facts, columns, window, way=way, now=now)
        case "list_members":
            parts = _list_members(facts, columns, way=way)
        case "activities":
            parts = _activities(facts, window, way=way, now=now)
        case "program_members":
            parts = _program_members(facts, columns, way=way)
        case _ if way == "bulk":
            # no record is older than the first person
            changed = Window(since=window.since or facts.made_since, until=window.until)
            read, filters = read_columns(columns), _windows("updatedAt", changed, now)
            parts = _extract("custom_objects", read, filters, object=sync.source.object)
        case _ if isinstance(sync.source, LoggedSource):
            params = {"sinceDatetime": _stamp(window.since or now - KEPT)}
            parts = _Parts(first=Request(operation="paging_token", params=params), cursor=_BY_LOG)
        case _:
            raise ValueError("Marketo lists custom objects in bulk extracts only")
    asked = parts.asked
    clauses = tuple(_placed(sync.conditions, asked)) if sync.conditions else ()
    return SourceQuery(
        vendor="marketo",
        way=way,
        object=sync.source.object,
        columns=columns,
        first=parts.first,
        cursor=parts.cursor,
        clauses=clauses,
        filters=parts.filters,
        activity_types=tuple(facts.activity_types),
        until=window.until,
        scores=dict(_scores(facts, columns)) if sync.source.object == "leads" and way == "rest" else {},
        logged=sync.source if isinstance(sync.source, LoggedSource) else None,
    )


def _scores(facts: Facts, columns: Sequence[str]) -> Iterator[tuple[str, str]]:
    """What the log may call the fields among these columns that may be scores, and their names."""
    for described in (facts.fields[name] for name in columns if name not in _NO_SCORES and name in facts.fields):
        if described.type in _SCORES:
            yield from ((each.casefold(), described.name) for each in (described.name, described.label) if each)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Parts:
    first: Request
    cursor: str
    #: paths of the clauses that Marketo is asked
    asked: frozenset[str] = frozenset()
    filters: tuple[Mapping[str, Any], ...] = ()


_BY_PAGE = "later pages carry the nextPageToken of the page before"
_BY_LOG = "the token leads to whose objects were added, page by page; these are then read 300 people a call"
_BY_JOB = "later jobs differ in the window of their filter"


def _leads(sync: Sync, facts: Facts, columns: tuple[str, ...], window: Window, *, way: Way, now: datetime) -> _Parts:
    if way == "bulk":
        if window.since is not None:
            return _extract("leads", columns, _windows("updatedAt", window, now))
        # the ceiling is fixed when the run first reaches the vendor, which may be long after its begin
        asked, made = _created(sync, facts, now, window.until or now.replace(microsecond=0) + _SECOND)
        return _extract("leads", columns, _windows("createdAt", made, now), asked=asked)
    if window.since is not None:
        params = {"sinceDatetime": _stamp(window.since)}
        return _Parts(
            first=Request(operation="paging_token", params=params),
            cursor="the token leads to what changed, page by page; the leads that changed are then read 300 a call",
        )
    keyed = _keyed(sync, facts)
    if keyed is None:
        raise ValueError("Marketo lists leads in bulk extracts only, or by a condition on id or email")
    path, column, values = keyed
    params = {"filterType": column, "filterValues": ",".join(values), "fields": ",".join(columns)}
    return _Parts(first=Request(operation="leads_by_filter", params=params), cursor=_BY_PAGE, asked=frozenset({path}))


def reads_leads_by_key(sync: Sync, facts: Facts) -> bool:
    """Whether a Sync of all leads can be read without an extract: its conditions name whom it wants."""
    return _keyed(sync, facts) is not None


def _keyed(sync: Sync, facts: Facts) -> tuple[str, str, list[str]] | None:
    """A clause that names leads, with its column and values; it must stand where every lead has to fulfil it."""
    for path, clause in _needed(sync.conditions):
        if clause.column not in LEAD_KEYS or clause.operator not in {"equals", "in", "in_list"}:
            continue
        listed = OPERATORS[clause.operator].takes is Takes.LIST
        given: Iterable[Any] = sorted(facts.lists.get(str(clause.value), ())) if listed else clause.values
        values = list(dict.fromkeys(text(each).strip() for each in given if not blank(each)))
        # Marketo separates values by commas, without an escape
        if values and len(values) <= FILTER_VALUES and not any("," in each for each in values):
            return path, clause.column, values
    return None


def _created(sync: Sync, facts: Facts, now: datetime, until: datetime) -> tuple[frozenset[str], Window]:
    """The clauses about when a lead was made, and the stretch up to `until` that they leave."""
    asked: set[str] = set()
    since = facts.made_since or EARLIEST
    described = facts.fields.get("createdAt")
    if described is None or described.type != "datetime":
        return frozenset(), Window(since=since, until=until)
    for path, clause in _needed(sync.conditions):
        found = bounds_of(clause, sync.zone, now, days=False) if clause.column == "createdAt" else None
        if found is None or OPERATORS[clause.operator].denies:
            continue
        asked.add(path)
        since = max(since, found.first) if isinstance(found.first, datetime) else since
        until = min(until, found.end) if isinstance(found.end, datetime) else until
    return frozenset(asked), Window(since=since, until=until)


def _needed(group: Group | None, path: str = "conditions") -> Iterator[tuple[str, Clause]]:
    """The clauses that each row has to fulfil: those that no `any` stands above."""
    if group is None or (group.match == "any" and len(group.clauses) > 1):
        return
    for index, item in enumerate(group.clauses):
        where = f"{path}.clauses[{index}]"
        if isinstance(item, Group):
            yield from _needed(item, where)
        else:
            yield where, item


def _list_members(facts: Facts, columns: tuple[str, ...], *, way: Way) -> _Parts:
    if facts.static_list is None:
        raise ValueError("no static list")
    if way == "bulk":
        return _extract("leads", columns, [{"staticListId": facts.static_list}])
    parts, params = {"list": str(facts.static_list)}, {"fields": ",".join(columns)}
    return _Parts(first=Request(operation="leads_of_list", parts=parts, params=params), cursor=_BY_PAGE)


def _program_members(facts: Facts, columns: tuple[str, ...], *, way: Way) -> _Parts:
    if facts.program is None:
        raise ValueError("no program")
    if way == "bulk":
        return _extract("members", columns, [{"programId": facts.program}])
    params = {"filterType": "statusName", "filterValues": ",".join(facts.statuses), "fields": ",".join(columns)}
    request = Request(operation="members", parts={"program": str(facts.program)}, params=params)
    return _Parts(first=request, cursor=_BY_PAGE)


def _activities(facts: Facts, window: Window, *, way: Way, now: datetime) -> _Parts:
    if way == "rest":
        params = {"sinceDatetime": _stamp(window.since or now - KEPT)}
        types = ", ".join(map(str, facts.activity_types))
        return _Parts(
            first=Request(operation="paging_token", params=params),
            cursor=f"the token leads to the activities of the types {types}, page by page",
        )
    own = {"activityTypeIds": list(facts.activity_types)}
    # nobody has done anything before the first person was there
    since = window.since or max(now - KEPT, facts.made_since or now - KEPT)
    read = Window(since=since, until=window.until)
    return _extract("activities", (), [{**each, **own} for each in _windows("createdAt", read, now)])


def _extract(
    name: str,
    columns: Sequence[str],
    filters: Iterable[Mapping[str, Any]],
    *,
    asked: frozenset[str] = frozenset(),
    **parts: str,
) -> _Parts:
    """A bulk extract: one job for each filter."""
    every = tuple(filters)
    body: dict[str, Any] = {"format": "CSV", "filter": dict(every[0]) if every else {}}
    if columns:
        body["fields"] = list(columns)
    cursor = _BY_JOB if len(every) > 1 else "the job's file is read in pieces"
    request = Request(operation=f"create_{name}_export", parts=parts, body=body)
    return _Parts(first=request, cursor=cursor, asked=asked, filters=every)


def _windows(name: str, window: Window, until: datetime) -> Iterator[Mapping[str, Any]]:
    """Filters that hold each whole second of a window once; both their ends count."""
    since, last = (window.since or EARLIEST).replace(microsecond=0), (window.until or until).replace(microsecond=0)
    for each in tiles(since, last):
        if each.since is not None and each.until is not None:
            yield {name: {"startAt": _stamp(each.since), "endAt": _stamp(each.until - _SECOND)}}


def _placed(group: Group, asked: frozenset[str]) -> Iterator[Placed]:
    for path, clause in walk(group):
        at_source = path in asked
        why = "" if at_source else f"Marketo has no filter for {clause.column} here"
        yield Placed(path=path, words=clause.told(), at_source=at_source, why=why)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
