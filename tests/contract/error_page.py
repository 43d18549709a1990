"""Renders `docs/errors.md` from the two error tables: `python -m tests.contract.error_page > docs/errors.md`."""

from collections.abc import Iterator

from leadbridge.domain.records import Resolution
from leadbridge.vendors.http.rules import ErrorTable, Rule
from leadbridge.vendors.marketo.errors import TABLE as MARKETO
from leadbridge.vendors.salesforce.errors import TABLE as SALESFORCE

HEAD = """# Vendor codes: what Leadbridge does, and what you do

Made from the error tables of the product (`python -m tests.contract.error_page > docs/errors.md`); a test compares.

The reason code of an execution is the vendor and the code: `marketo_1007`, `salesforce_DUPLICATE_VALUE`.
`leadbridge show ID` and `leadbridge executions --json` say the two sentences of the last two columns, with the
vendor's own text between them.

A code can be said about a **whole call** (then nothing was executed, unless the table says so) or about **one record**
of a call that was executed otherwise. *Waiting*, *parked*, *failed* and *skipped* are the words under which the
execution is shown. Waiting ones go on by themselves; parked ones too where the table names a time, otherwise
`leadbridge redrive ID` brings them back. A refused write-back or activity does not change the outcome of the person:
it stands beside it, with the same reason code.
"""
#: what becomes of a call, by resolution
CALL = {
    Resolution.OK: "taken as an empty result",
    Resolution.RETRY: "tried again until it works: *waiting*",
    Resolution.RATE: "the vendor's window is waited for: *waiting*",
    Resolution.QUOTA: "*parked* until the reset, goes on by itself",
    Resolution.REAUTH: "one new login and one repeat, then *parked*, tried every 15 minutes",
    Resolution.UNCERTAIN: "may have been executed: looked for before it is repeated: *waiting*",
    Resolution.REJECT: "*parked* until somebody redrives it, alarm",
    Resolution.FATAL: "*parked* until somebody redrives it, alarm",
    Resolution.ISOLATE: "tried again, then halved: the one record is *failed*, the others are written",
    Resolution.SPLIT: "sent again in halves; a record that is alone is *failed*",
}
ROW = {
    Resolution.OK: "*skipped*, nothing to do",
    Resolution.RETRY: "sent again, {tries} times in all, then *failed*",
    Resolution.RATE: "sent again, {tries} times in all, then *failed*",
    Resolution.QUOTA: "sent again until it works: *waiting*",
    Resolution.REAUTH: "after a new login sent again, {tries} times in all, then *failed*",
    Resolution.REJECT: "*failed*",
    Resolution.FATAL: "*failed*, alarm",
}


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for name, table in (("Marketo", MARKETO), ("Salesforce", SALESFORCE)):
        parts.append(
            f"\n## {name}\n\n| Code | Whole call | One record | What happened | What to do |\n|---|---|---|---|---|\n"
        )
        parts.extend(f"| {' | '.join(cells)} |\n" for cells in rows(table))
    return "".join(parts)


def rows(table: ErrorTable) -> Iterator[tuple[str, ...]]:
    """One line for each code, and for each text that gives it another meaning; unknown codes last."""
    for code, rule in table.codes.items():
        if code == "bad_envelope":
            yield _cells("an answer that cannot be read", rule, one_record=False)
            continue
        one_record = not code.startswith("http_")
        shown = code.replace("http_", "HTTP ")
        yield _cells(f"`{shown}`", rule, one_record=one_record)
        for text, variant in rule.by_text.items():
            yield _cells(f'`{shown}` with "{text}"', variant, one_record=one_record)
    for start, rule in table.families.items():
        yield _cells(f"`{start}…`", rule, one_record=True)
    yield _cells("any other", table.default, one_record=True)


def _cells(shown: str, rule: Rule, *, one_record: bool) -> tuple[str, ...]:
    call = CALL[rule.resolution]
    if rule.tries and rule.resolution is Resolution.RETRY:
        call = f"tried {rule.tries} times, then *parked* until somebody redrives it, alarm"
    if rule.tries and rule.resolution is Resolution.UNCERTAIN:
        call += f"; a read is tried {rule.tries} times, then *parked*"
    row = ROW[rule.record_resolution].format(tries=rule.row_tries) if one_record else ""
    alarm = "" if rule.documented or not one_record else ", an alarm of its own"
    sentence = rule.sentence.replace("{code}", "*the code*")
    return shown, call + alarm, row + (alarm if row else ""), sentence[0].upper() + sentence[1:], rule.remedy


if __name__ == "__main__":
    print(page(), end="")
