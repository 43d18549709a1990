"""Points at which a process can die: every double passes one before and one after each of its I/O operations."""

from collections.abc import Callable

type Step = Callable[[str], None]

#: what follows an operation's name at the point where its answer has arrived
DONE = ".done"
STORES = (
    "configurations.get",
    "configurations.paused",
    "inbox.add",
    "inbox.ahead",
    "inbox.buffered",
    "inbox.claim",
    "inbox.defer",
    "inbox.due",
    "inbox.finish",
    "inbox.first_buffered",
    "inbox.first_due",
    "inbox.hurry",
    "inbox.load",
    "inbox.loaded",
    "inbox.park",
    "inbox.readmit",
    "inbox.relinquish",
    "inbox.ripen",
    "inbox.save",
    "inbox.set_aside",
    "inbox.undue",
    "inbox.unload",
    "keys.claim",
    "keys.guard",
    "keys.release",
    "keys.unclaim",
    "lanes.announce",
    "lanes.idle",
    "lanes.note_ring",
    "lanes.open",
    "lanes.release",
    "lanes.renew",
    "lanes.settle",
    "lanes.take",
)
VENDOR_READS = (
    "marketo.activities",
    "marketo.activity_types",
    "marketo.channel",
    "marketo.custom_activity_type",
    "marketo.describe_leads",
    "marketo.describe_members",
    "marketo.leads_by_filter",
    "marketo.list_members",
    "marketo.static_list",
    "marketo.program",
    "salesforce.describe",
    "salesforce.find",
)
VENDOR_WRITES = (
    "marketo.add_custom_activities",
    "marketo.set_member_status",
    "marketo.sync_leads",
    "marketo.update_members",
    "salesforce.create",
    "salesforce.update",
    "salesforce.upsert",
)
#: those of the hand-over of chunks, which has a simulation of its own
HANDOVER = ("chunks.keep", "chunks.open", "chunks.take", "chunks.tell", "door.post")
#: what connector actions ask of Marketo
CONNECTOR_READS = ("marketo.campaign",)
CONNECTOR_WRITES = (
    "marketo.add_to_list",
    "marketo.merge_leads",
    "marketo.remove_from_list",
    "marketo.request_campaign",
)
#: what only events pass that wait for others, and for what came before of the same persons
BUFFERS = ("inbox.buffered", "inbox.first_buffered", "inbox.ripen", "inbox.undue", "lanes.settle")
#: what only events pass that go as a file
FILES = ("inbox.load", "inbox.loaded", "inbox.unload")
#: every operation that a double announces; a point that is not listed here is refused by the simulation
OPERATIONS = (*STORES, *VENDOR_READS, *CONNECTOR_READS, *VENDOR_WRITES, *CONNECTOR_WRITES, "bell.ring")


def nothing(_: str) -> None:
    """The step of a process that lives."""


class Crash(BaseException):
    """The death of a process; no code of the product may catch it."""


class Steps:
    """Counts the steps of a run, and ends the process at a chosen one."""

    def __init__(self) -> None:
        """Nobody dies until `die_at` or `dies_of` is set."""
        self.taken: list[str] = []
        self.die_at: int | None = None
        self.dies_of = ""
        #: told of every step that is survived: time that passes, say
        self.on_step: Callable[[str], object] = nothing

    def __call__(self, name: str) -> None:
        """Take one step."""
        self.taken.append(name)
        if (self.die_at is not None and len(self.taken) >= self.die_at) or name == self.dies_of:
            self.disarm()
            raise Crash(name)
        self.on_step(name)

    def arm(self, number: int) -> None:
        """Die at the step of that number (from 1), counted from now."""
        self.taken.clear()
        self.die_at = number

    def die_of(self, name: str) -> None:
        """Die at the next step of that name."""
        self.dies_of = name

    def disarm(self) -> None:
        """Live on."""
        self.die_at = None
        self.dies_of = ""
