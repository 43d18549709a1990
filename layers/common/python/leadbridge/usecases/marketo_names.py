"""What the names in documents stand for at one Marketo instance; asked now and then, and kept by the process."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from leadbridge.domain import activity_columns
from leadbridge.domain.records import ObjectDescription
from leadbridge.domain.values import TEXT_TYPES
from leadbridge.ports import Clock, Connections

if TYPE_CHECKING:
    from leadbridge.domain.marketo import ActivityType


class MarketoNames:
    """Programs, activity types and fields by connection; what is not there is asked for again each time."""

    def __init__(self, *, connections: Connections, clock: Clock, age: timedelta) -> None:
        """`age` is how long an answer is good for."""
        self._connections = connections
        self._clock = clock
        self._age = age
        self._known: dict[tuple[str, ...], tuple[datetime, Any]] = {}

    def program(self, connection: str, named: str | int) -> int | None:
        """The id of a program, None if there is none of that name; an id is taken at its word."""
        if isinstance(named, int):
            return named

        def ask() -> int | None:
            found = self._connections.marketo(connection).program(named)
            return found.id if found else None

        return self._once(("program", connection, named), ask)

    def static_list(self, connection: str, named: str | int) -> int | None:
        """The id of a static list, None if there is none of that name, or more than one; an id is taken at its word."""
        if isinstance(named, int):
            return named
        return self._once(("list", connection, named), lambda: self._connections.marketo(connection).static_list(named))

    def campaign(self, connection: str, named: str | int) -> int | None:
        """The id of a smart campaign, None if there is none of that name; an id is taken at its word."""
        if isinstance(named, int):
            return named

        def ask() -> int | None:
            found = self._connections.marketo(connection).campaign(named)
            return found.id if found else None

        return self._once(("campaign", connection, named), ask)

    def activity_type(self, connection: str, name: str) -> "ActivityType | None":
        """The activity type of a name, None if there is none."""
        return self._once(
            ("activity type", connection, name),
            lambda: activity_columns.type_named(name, self._connections.marketo(connection).activity_types()),
        )

    def member_fields(self, connection: str) -> ObjectDescription:
        """The fields of a membership."""
        return self._once(("members", connection), lambda: self._connections.marketo(connection).describe_members())

    def lead_lengths(self, connection: str) -> Mapping[str, int]:
        """How many characters the text fields of a lead take, by name."""

        def ask() -> Mapping[str, int]:
            fields = self._connections.marketo(connection).describe_leads().fields
            return {name: each.length for name, each in fields.items() if each.length and each.type in TEXT_TYPES}

        return self._once(("lead lengths", connection), ask)

    def _once[T](self, key: tuple[str, ...], ask: Callable[[], T]) -> T:
        now = self._clock.now()
        known = self._known.get(key)
        if known is not None and now - known[0] < self._age:
            found: T = known[1]
            return found
        found = ask()
        if found is not None:
            self._known[key] = now, found
        return found
