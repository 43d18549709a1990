"""Syncs as people write them: which rows of one vendor become which records of the other, by what rules, and when.

The kind of the source's connection decides the vendor, and with it the direction. Only the shape is checked here;
whether what is named exists is checked against Describe of both sides by `domain.sync_checks`.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, tzinfo
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, model_validator

from leadbridge.domain.action import DuplicateRecordRule, Mapping, UniqueIdentifier
from leadbridge.domain.clauses import Group
from leadbridge.domain.connector import Named
from leadbridge.domain.documents import Document, FieldName, Identifier, Name
from leadbridge.domain.sources import BlankPolicy, ValueSource

#: a clock of 24 hours, to the minute
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
#: instead of a time: as soon as the Sync is activated
NOW = "now"


class ImportRule(StrEnum):
    """Which keys are written: those that the destination lacks, those that it has, or both."""

    CREATE = "create"
    UPDATE = "update"
    CREATE_AND_UPDATE = "create_and_update"


class DedupeRule(StrEnum):
    """What becomes of several source rows of one key."""

    IMPORT_EVERYTHING = "import_everything"
    IGNORE_DUPLICATES = "ignore_duplicates"
    YOUNGEST = "youngest"  # by last update date
    OLDEST = "oldest"  # by creation date


class SyncSource(Document):
    """Where rows come from: a Salesforce object, or one of Marketo's (`domain.sync_checks`)."""

    connection: Identifier
    object: FieldName
    #: of `list_members`: the static list's name or id
    static_list: Named | None = None
    #: of `program_members`: the program's name or id
    program: Named | None = None
    #: of `activities`: their types' names or ids
    activity_types: list[Named] | None = Field(default=None, min_length=1, max_length=10)


class LoggedSource(SyncSource):
    """Marketo's objects of one's own, of which its log tells when one is added; a cycle says so, people do not."""

    #: the object that the log tells of, and its fields that hold a person and, of a bridge, the record behind it
    told_of: FieldName
    person_link: FieldName
    #: the field of people by whose value they are linked
    person_field: FieldName
    #: of what lies behind a bridge: the bridge's field, and the field of the record that it holds
    behind: tuple[FieldName, FieldName] | None = None


class SyncDestination(Document):
    """Where records are written."""

    connection: Identifier
    object: FieldName
    #: as an Action's, at Salesforce only
    duplicate_rules: Literal["block", "allow", "use_match"] | None = None
    #: a unique External Id field that takes our own id of the row, at Salesforce only
    idempotency_field: FieldName | None = None
    #: where new people are made, at Marketo only
    partition: Name | None = None
    #: of `list_members` and `program_members` at Marketo: name or id
    static_list: Named | None = None
    program: Named | None = None
    #: of `action` at Marketo: the connector Action whose calls the rows become
    action: Identifier | None = None


class RoutedDestination(SyncDestination):
    """New records that a rule of Salesforce's gives their owners; a cycle says so, people's Syncs do not."""

    #: the rule by its id, or that of the org
    rule: str | Literal[True]


class SyncWriteBack(ValueSource):
    """One field of the source record that takes a value once the destination is written; a blank clears it."""

    kinds: ClassVar[tuple[str, ...]] = (*ValueSource.kinds, "field")
    blank_here: ClassVar[BlankPolicy] = "clear"
    blank_choices: ClassVar[tuple[BlankPolicy, ...]] = ("skip", "clear", "default")

    #: of the destination record
    field: FieldName | None = None


class Ways(Document):
    """How rows are read and written; `auto` asks the cost rule (`domain.sync_plan`)."""

    extract: Literal["auto", "rest", "bulk"] = "auto"
    load: Literal["auto", "rest", "bulk"] = "auto"


class FlagDeletes(Document):
    """Deleted source records are marked in the destination, not deleted."""

    #: a yes/no field of the destination
    flag: FieldName


class Guard(Document):
    """How much a run may do before it parks and asks (`domain.mass_guard`); percent of the Sync's records."""

    deletes: int = Field(default=100, ge=0)
    #: rows that become calls of an Action
    calls: int = Field(default=10_000, ge=0)
    blanked_percent: float = Field(default=1, ge=0, le=100)
    changed_percent: float = Field(default=25, ge=0, le=100)


def _as_local_text(value: Any) -> Any:
    """A time as text where YAML made one of it: `2026-12-01T08:00:00` without quotation marks."""
    if isinstance(value, datetime):
        return value.isoformat(timespec="minutes" if not value.second else "seconds")
    return value.isoformat() if isinstance(value, date) else value


def _local(value: str) -> str:
    try:
        found = datetime.fromisoformat(value.strip())
    except ValueError:
        found = None
    if found is None or len(value.strip()) <= 10:
        raise ValueError("is no day and time; write it as 2026-12-01T08:00, which is meant in the Sync's time zone")
    return value.strip()


def _local_or_now(value: str) -> str:
    return NOW if value.strip().casefold() == NOW else _local(value)


def _as_clock_text(value: Any) -> Any:
    # YAML 1.1 reads 22:00 as 22 times 60
    if isinstance(value, int) and not isinstance(value, bool):
        # pydantic makes a finding of a ValueError only
        raise ValueError("YAML reads 22:00 as a number; put the time in quotation marks")  # noqa: TRY004
    return value


def _clock(value: str) -> str:
    if _CLOCK.fullmatch(value) is None:
        raise ValueError('is no time of the day; write it as "22:00", from "00:00" to "23:59"')
    return value


#: a day and time; without an offset in the Sync's zone
LocalTime = Annotated[str, BeforeValidator(_as_local_text), AfterValidator(_local)]
ClockTime = Annotated[str, BeforeValidator(_as_clock_text), AfterValidator(_clock)]


class Quiet(Document):
    """A part of every day, in the Sync's zone, in which no run begins; it may lead over midnight."""

    model_config = ConfigDict(serialize_by_alias=True)

    start: ClockTime = Field(alias="from")
    end: ClockTime = Field(alias="to")

    @model_validator(mode="after")
    def _some_time(self) -> Self:
        if self.start == self.end:
            raise ValueError("`from` and `to` are the same time; make them differ, or remove them")
        return self

    def holds(self, clock: time) -> bool:
        """Whether a time of the day lies in it; the end does not."""
        first, last = time.fromisoformat(self.start), time.fromisoformat(self.end)
        return first <= clock < last if first < last else clock >= first or clock < last


class Every(Document):
    """How often: so many minutes or hours as they pass, or so many days of the calendar."""

    minutes: int | None = Field(default=None, ge=1, le=100_000)
    hours: int | None = Field(default=None, ge=1, le=10_000)
    days: int | None = Field(default=None, ge=1, le=366)

    @model_validator(mode="after")
    def _one_unit(self) -> Self:
        if sum(each is not None for each in (self.minutes, self.hours, self.days)) != 1:
            raise ValueError("needs one unit; give exactly one of `minutes`, `hours` and `days`")
        return self


class Schedule(Document):
    """When a Sync runs by itself: once, or every so often. Without one it runs by hand only."""

    #: `now` is as soon as the Sync is activated
    once: Annotated[str, BeforeValidator(_as_local_text), AfterValidator(_local_or_now)] | None = None
    every: Every | None = None
    start: LocalTime | None = None
    end: LocalTime | None = None
    quiet: list[Quiet] | None = Field(default=None, min_length=1, max_length=10)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.once is None) == (self.every is None):
            raise ValueError("needs one kind; give exactly one of `once` and `every`")
        if self.once is not None:
            for name in ("start", "end", "quiet"):
                if getattr(self, name) is not None:
                    raise ValueError(f"`{name}` goes with `every`; remove it, or give `every`")
        return self


class Sync(Document):
    """Rows of a source that become records of a destination, again and again or once."""

    model_config = ConfigDict(serialize_by_alias=True)

    format: Literal[1] = 1
    kind: Literal["sync"]
    id: Identifier
    name: Name
    description: str = ""
    #: IANA name of the zone whose calendar and clocks the Sync goes by; UTC if there is none
    time_zone: str | None = Field(default=None, min_length=1, max_length=64)
    source: SyncSource
    destination: SyncDestination
    #: one key of one or several pairs, all of which must agree
    match: list[UniqueIdentifier] = Field(min_length=1, max_length=5)
    import_rule: ImportRule = Field(alias="import")
    dedupe: DedupeRule
    #: which of several destination records of one key is updated; without it such a row fails and names them
    duplicate_record_rule: DuplicateRecordRule | None = None
    mappings: list[Mapping] = Field(min_length=1, max_length=500)
    conditions: Group | None = None
    #: absent: incremental where the schedule is an interval, full otherwise
    extraction: Literal["full", "incremental"] | None = None
    by: Ways = Ways()
    schedule: Schedule | None = None
    #: what becomes of the destination record of a source record that was deleted
    deletes: Literal["ignore", "delete"] | FlagDeletes = "ignore"
    guard: Guard = Guard()
    writeback: list[SyncWriteBack] = Field(default_factory=list, max_length=100)

    @model_validator(mode="after")
    def _no_field_twice(self) -> Self:
        wrong = []
        for what, names in (
            ("mappings", [mapping.to for mapping in self.mappings]),
            ("writeback", [mapping.to for mapping in self.writeback]),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                wrong.append(f"{what}: {', '.join(twice)} is mapped twice; keep one line for each field")
        fields = [pair.field for pair in self.match]
        again = sorted({name for name in fields if fields.count(name) > 1})
        if again:
            wrong.append(f"match: {', '.join(again)} stands there twice; keep one line for each field")
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    @property
    def zone(self) -> tzinfo:
        """The zone whose calendar and clocks the Sync goes by."""
        return ZoneInfo(self.time_zone) if self.time_zone else UTC

    @property
    def incremental(self) -> bool:
        """Whether a run reads what changed since the one before it, and not everything."""
        if self.extraction is None:
            return self.schedule is not None and self.schedule.every is not None
        return self.extraction == "incremental"

    @property
    def key_columns(self) -> Sequence[str]:
        """The source columns of the key, in their order."""
        return tuple(pair.column for pair in self.match)

    @property
    def key_fields(self) -> Sequence[str]:
        """The destination fields of the key, in their order."""
        return tuple(pair.field for pair in self.match)
