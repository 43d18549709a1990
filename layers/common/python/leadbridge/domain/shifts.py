"""Shifts of partitions, which hold the key guards of many rows at once. Pure."""

from dataclasses import dataclass

#: how the owners of guards begin that are shifts; ids of executions never do
_SHIFTS = "shift#"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """What holds the guards of a partition's rows for the length of some calls; with its end all are free.

    A partition has one shift at a time, the newest by its epoch: whoever takes the partition over ends what the process
    before has held.
    """

    sync: str
    slot: str
    part: int
    epoch: int
    #: of this epoch
    number: int

    @property
    def key(self) -> str:
        """Where it is stored which shift of the partition lasts."""
        return f"{_SHIFTS}{self.sync}#{self.slot}#{self.part}"

    @property
    def mark(self) -> str:
        """The shift among those of its partition."""
        return f"{self.epoch}.{self.number}"

    @property
    def owner(self) -> str:
        """Whose its guards are."""
        return f"{self.key}#{self.mark}"


def shift_of(owner: str) -> tuple[str, str] | None:
    """The key and the mark of the shift that owns a guard; None if no shift does."""
    key, _, mark = owner.rpartition("#")
    return (key, mark) if owner.startswith(_SHIFTS) else None


def run_of(owner: str) -> tuple[str, str] | None:
    """The Sync and the slot of the run whose shift owns a guard; None if no shift does."""
    if not owner.startswith(_SHIFTS):
        return None
    _, sync, slot, *_ = owner.split("#")
    return sync, slot
