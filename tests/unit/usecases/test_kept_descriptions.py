"""Descriptions that the processes of a cycle's run share."""

from collections.abc import Mapping
from datetime import timedelta

from leadbridge.domain.records import FieldDescription, ObjectDescription
from leadbridge.usecases.cycle_records import Described
from leadbridge.usecases.kept_descriptions import AGE, KeptDescriptions
from tests.fakes.bulk import InMemoryObjects
from tests.fakes.clock import NOON, SettableClock

TITLE = FieldDescription(
    name="Title", type="picklist", length=80, picklist=("CEO", "CFO"), reference_to=("User",), updateable=False
)
LEAD = ObjectDescription(
    name="Lead", fields={"Title": TITLE}, key_prefix="00Q", key_fields=("Id",), record_types={"Person": "012"}
)


class Vendor:
    """Describes whatever it is asked for, and notes it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def describe(self, object_name: str) -> ObjectDescription:
        """One object."""
        self.asked.append(object_name)
        return LEAD

    def describe_each(self, object_names: list[str]) -> Mapping[str, ObjectDescription]:
        """Those but one."""
        self.asked.append("+".join(object_names))
        return {name: LEAD for name in object_names if name != "Hidden"}


def test_what_one_process_asked_for_the_others_have() -> None:
    """The same in every member, as long as it is young; then it is asked for again, and kept."""
    clock, vendor = SettableClock(), Vendor()
    kept = KeptDescriptions(InMemoryObjects(), clock)
    assert kept.of("main", "Lead", lambda: vendor.describe("Lead")) == LEAD
    clock.set(NOON + AGE)
    assert kept.of_sync("main.from-leads", "Lead", lambda: vendor.describe("again")) == LEAD
    assert kept.of("other", "Lead", lambda: vendor.describe("of another cycle")) == LEAD
    clock.set(NOON + AGE + timedelta(seconds=1))
    assert kept.of("main", "Lead", lambda: vendor.describe("old")) == LEAD
    assert vendor.asked == ["Lead", "of another cycle", "old"]


def test_a_run_that_is_opened_asks_anew() -> None:
    """Of Salesforce in one call; what that does not describe is asked for alone, and says what is wrong."""
    kept, vendor = KeptDescriptions(InMemoryObjects(), SettableClock()), Vendor()
    kept.asked("main", "Lead", lambda: vendor.describe("before"))
    opened = Described(vendor, vendor, "main", kept, ["Lead", "Hidden"])  # type: ignore[arg-type]  # it is asked for no more
    for name in ("Lead", "Hidden", "leads", "Lead"):
        opened(name)
    later = Described(vendor, vendor, "main", kept)  # type: ignore[arg-type]  # as above
    for name in ("Lead", "Hidden", "leads"):
        assert later(name) == LEAD
    assert vendor.asked == ["before", "Lead+Hidden", "Hidden", "leads"]
