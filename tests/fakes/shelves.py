"""Tables and files in memory, for who must look at everything; a process may die at each change."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from leadbridge.usecases.forget_person import TABLES, Removal
from tests.fakes.steps import Crash


@dataclass
class InMemoryShelves:
    """`usecases.forget_person.Shelves`."""

    tables: dict[str, dict[tuple[str, str], dict[str, Any]]] = field(
        default_factory=lambda: {each: {} for each in TABLES}
    )
    contents: dict[str, bytes] = field(default_factory=dict)
    messages: dict[str, int] = field(default_factory=lambda: {"on_the_way": 0, "dead": 0})
    #: changes that are made before the process dies
    lives: int = 1_000
    #: files as often as they were read
    reads: list[str] = field(default_factory=list)

    def put(self, table: str, **item: Any) -> None:
        """Plant an item."""
        self.tables[table][item["pk"], item.get("sk", "")] = item

    def items(self, table: str) -> Iterator[Mapping[str, Any]]:
        """Every item of a table."""
        yield from list(self.tables[table].values())

    def under(self, table: str, partition: str) -> Iterator[Mapping[str, Any]]:
        """The items of a table under a key."""
        return (each for each in self.items(table) if each["pk"] == partition)

    def remove(self, removals: Sequence[Removal]) -> bool:
        """Remove items together; False if one of them is not as it was seen any more."""
        self._live()
        found = [(self.tables[each.table], (each.key["pk"], each.key.get("sk", "")), each.was) for each in removals]
        for table, key, was in found:
            if key in table and any(table[key].get(name) != value for name, value in was.items()):
                return False
        for table, key, _ in found:
            table.pop(key, None)
        return True

    def amend(self, seen: Removal, to: Sequence[Any]) -> bool:
        """Give the one member of an item that was seen another value."""
        self._live()
        [(member, was)] = seen.was.items()
        item = self.tables[seen.table][seen.key["pk"], seen.key["sk"]]
        if item[member] != was:
            return False
        item[member] = list(to)
        return True

    def keep(self, table: str, item: Mapping[str, Any]) -> None:
        """Store an item."""
        self._live()
        self.put(table, **item)

    def files(self) -> Iterator[str]:
        """The keys of all files."""
        yield from sorted(self.contents)

    def read(self, key: str) -> Iterable[bytes] | None:
        """A file; None if it is gone."""
        self.reads.append(key)
        return [self.contents[key]] if key in self.contents else None

    def remove_files(self, keys: Sequence[str]) -> None:
        """Remove files."""
        self._live()
        for key in keys:
            self.contents.pop(key, None)

    def waiting(self) -> Mapping[str, int]:
        """How many messages wait."""
        return self.messages

    def _live(self) -> None:
        if not self.lives:
            raise Crash("remove")
        self.lives -= 1
