"""What became of each chained object of an execution, for whoever tells of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from leadbridge.domain.action import Action
from leadbridge.domain.chained import Chained
from leadbridge.domain.event import Event, Result
from leadbridge.domain.outcome import WRITTEN, Outcome

#: what must have become of the person's own record, by `after`
AFTER: Mapping[str, frozenset[Outcome]] = {
    "created": frozenset({Outcome.CREATED}),
    "updated": WRITTEN - {Outcome.CREATED},
    "both": WRITTEN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is to be said of one link; `state` is an outcome, `outstanding`, or why it is not run.

    `stopped` is by a link before it, which is named in `why`; `not_after` by what became of the person's own record.
    """

    link: Chained
    state: str
    why: str = ""
    result: Result | None = None

    @property
    def outstanding(self) -> bool:
        """Whether it is still to be written."""
        return self.state == "outstanding"

    def in_words(self) -> str:
        """The link in a few words for the source's person."""
        record = f" {self.result.record_id}" if self.result and self.result.record_id else ""
        state = "not run" if self.state in {"not_after", "stopped"} else self.state
        return f"{self.link.name} {state}{record}"


def standing(action: Action, event: Event) -> Iterator[Told]:
    """How each link of the event's Action stands, in their order; nothing where the record was not written."""
    primary = event.result
    if primary is None or primary.outcome not in WRITTEN:
        return
    stopped = ""
    for link in action.chained or ():
        result = event.link(link.name).result
        if primary.outcome not in AFTER[link.after]:
            yield Told(link=link, state="not_after", why=link.after)
            continue
        if stopped:
            yield Told(link=link, state="stopped", why=stopped)
            continue
        yield Told(link=link, state=result.outcome.value if result else "outstanding", result=result)
        if result and result.outcome is Outcome.FAILED and link.on_failure == "stop":
            stopped = link.name


def summary(action: Action, event: Event) -> str:
    """What became of each link, in a line."""
    return "; ".join(told.in_words() for told in standing(action, event))


def ids_of_links(event: Event) -> dict[str, dict[str, str]]:
    """The Id of each chained record that there is, by the name of its link, as sources of values take it."""
    return {link.name: {"Id": link.result.record_id} for link in event.chain if link.result and link.result.record_id}
