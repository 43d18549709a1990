"""What a person reads: progress, what is still under way, and the final table."""

import io

from rich.console import Console

from devstack import table
from devstack.play import Sent
from tests.unit.devstack.runs import a_person, an_honest_run


def a_console() -> Console:
    return Console(file=io.StringIO(), width=140, force_terminal=False)


def text_of(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_good_run_ends_with_the_table_and_one_sentence() -> None:
    """Each row shows the three columns, the latency stands below, and everything adds up."""
    console = a_console()

    table.show(an_honest_run([a_person("ada"), a_person("out", lead={"email": ""})]).compare(), console)

    text = text_of(console)
    rows = {
        line.split("│")[1].strip(): [cell.strip() for cell in line.split("│")[2:5]]
        for line in text.splitlines()
        if "│" in line
    }
    assert rows["created"] == ["1", "1", "1"]
    assert rows["identifier_missing"] == ["1", "1", "–"]
    assert rows["calls to Salesforce"] == ["–", "–", "20"]
    assert rows["acknowledged within, 99 of 100 calls"] == ["", "50 ms", ""]
    assert "Everything adds up" in text


def test_a_bad_run_ends_with_its_differences() -> None:
    """Every difference is a sentence below the table; beyond forty only their number is told."""
    run = an_honest_run([a_person(f"p{n}") for n in range(50)])
    run.activities.clear()
    console = a_console()

    table.show(run.compare(), console)

    text = text_of(console)
    assert "52 things do not add up:" in text
    assert "  - Person p0, call 0: the activity 'Success' is missing at Marketo." in text
    assert "  and 12 more" in text


def test_what_is_under_way_is_told_in_one_line() -> None:
    """Queue, inbox and parked events are counted; nothing under way gives an empty text."""
    executions = [{"state": "waiting"}, {"state": "parked", "reason": "marketo_607"}, {"state": "ended"}]

    assert table.waiting(executions, queued=3) == "still under way: 3 in the queue, 1 parked (marketo_607), 1 waiting"
    assert not table.waiting([{"state": "ended"}])


def test_progress_counts_answers_and_faults() -> None:
    """The last line of the progress shows how many calls were answered and how many were not as expected."""
    console = a_console()

    with table.sending(2, console) as note:
        note(Sent(person="a", call=0, seconds=0.1, status=200))
        note(Sent(person="b", call=0, seconds=0.1, status=502))

    assert "2/2" in text_of(console)
    assert "1 not answered as expected" in text_of(console)
