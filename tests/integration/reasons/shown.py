"""What `leadbridge show` prints of what happened, the files that hold it, and the page made of them.

`python -m tests.integration.reasons.shown` writes both anew.
"""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from click.testing import CliRunner

from leadbridge.domain.outcome import WORDS, Reason
from leadbridge_cli.main import main
from leadbridge_cli.stack import Target
from tests.builders.events import SECRET
from tests.builders.world import World
from tests.fakes.journal import InMemoryJournal
from tests.integration.reasons.happenings import BESIDE, REASONS, Happened

GOLDEN = Path(__file__).parent / "golden"
PAGE = Path(__file__).parents[3] / "docs/reasons.md"

HEAD = """# Reasons: why an execution ended or waits

Made from the product and from what it prints (`python -m tests.integration.reasons.shown`); a test compares.

`leadbridge show ID` tells one execution as a tree: what came in, what was decided and why, what the vendors answered,
what was told to Marketo, and at the end what is to be done. It holds names, types and ids, no value of the person.
`--json` prints the same for scripts, with the record of the decisions as `decision`. Times are those of your computer,
with the offset; `--utc` gives UTC.

`leadbridge executions` shows three or more executions of one Action that stand alike for one reason as one line, with
what to do; `--each`, or a search for one reason or person, shows each.

`leadbridge person EMAIL|ID` answers what happened to a person: an e-mail address, a Marketo lead id or a Salesforce
record id. Executions are found by keyed hashes of the address and the lead id; a record id is looked for in the last
seven days, or since `--since`. A call whose body could not be used names nobody, so it stands in no person's list.

Where a vendor refuses something the reason is the vendor and its code, `salesforce_STRING_TOO_LONG`: those are in
[errors.md](errors.md), an example of each kind is at the end.
"""


class WorldTarget(Target):
    """A deployment whose executions are those of a world in memory."""

    def __init__(self, world: World) -> None:
        super().__init__(outputs={}, session=None)
        # what the base looks up when it is first asked for
        self.__dict__.update(log=world.log, clock=world.clock, index_key=SECRET, configurations=world.configurations)
        self.__dict__["buffers"] = lambda: world.lanes.idle(world.clock.now())
        self.__dict__["journal"] = InMemoryJournal()

    def author(self) -> str:
        """Who is at the command line."""
        return "arn:aws:iam::123456789012:user/admin"


def cli(world: World, *words: str) -> str:
    """What a command prints; one that fails is a fault of the test."""
    done = CliRunner().invoke(main, list(words), obj=WorldTarget(world))
    assert done.exit_code == 0, done.output
    return done.stdout


def shown(happening: Callable[[], Happened]) -> str:
    """What `show` prints of it."""
    world, execution = happening()
    return cli(world, "show", "--utc", execution)


def golden() -> dict[str, str]:
    """The text of every file by name."""
    return {name: shown(happening) for name, happening in {**REASONS, **BESIDE}.items()}


def page(texts: dict[str, str]) -> str:
    """The whole page, given what `show` prints."""
    parts = [HEAD]
    for reason in (each for each in Reason if each.value in REASONS):
        words = WORDS[reason]
        parts.append(
            f"\n## `{reason.value}`\n\n{_plain(words.sentence)}\n\n**What to do:** {_plain(words.remedy)}\n"
            f"\n```text\n{texts[reason.value]}```\n"
        )
    parts.append("\n## Examples without a reason of ours\n")
    for name, happening in BESIDE.items():
        parts.append(f"\n{cast('str', happening.__doc__)}\n\n```text\n{texts[name]}```\n")
    return "".join(parts)


def _plain(text: str) -> str:
    """A sentence with its facts as words in italics."""
    return text.replace("{", "*").replace("}", "*")


def write() -> None:
    """Write files and page anew."""
    texts = golden()
    for old in GOLDEN.glob("*.txt"):
        old.unlink()
    for name, text in texts.items():
        (GOLDEN / f"{name}.txt").write_text(text, encoding="utf-8")
    PAGE.write_text(page(texts), encoding="utf-8")


if __name__ == "__main__":
    write()
