"""What alerts say, word by word, and that no word is a person's."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.domain.alert_texts import MOST, WORDS, block, post, sample, title
from leadbridge.domain.alerts import Kind, Notice, Step, Subject

SINCE = datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
UNTIL = datetime(2026, 3, 2, 13, 40, tzinfo=UTC)
LOCKED = "salesforce_UNABLE_TO_LOCK_ROW"
SYNC, SLOT = "contacts-to-people", "20260302T120000Z"
FACTS: dict[Kind, tuple[str, dict[str, str | int]]] = {
    Kind.FAILED: (
        "person-to-lead",
        {"failed": 34, "ended": 120, "share": 28, "minutes": 15, "reason": LOCKED, "of_it": 30},
    ),
    Kind.FAILED_CONNECTION: (
        "salesforce-main",
        {"failed": 80, "ended": 90, "share": 89, "minutes": 15, "reason": LOCKED, "of_it": 70, "actions": 3},
    ),
    Kind.NEW_REASON: ("person-to-lead", {"reason": LOCKED, "number": 1, "what": "failed"}),
    Kind.PARKED: ("person-to-lead", {"number": 12, "reason": "mapping_broken", "of_it": 11}),
    Kind.LAG: ("salesforce-main", {"number": 200, "more": 1, "minutes": 35, "reason": "marketo_607"}),
    Kind.QUOTA: (
        "123-abc-456.mktorest.com",
        {
            "vendor": "marketo",
            "connection": "marketo-main",
            "used": 40000,
            "allowed": 50000,
            "percent": 80,
            "day_ends": "2026-03-03 06:00 UTC",
            "spent_at": "2026-03-02 19:30 UTC",
        },
    ),
    Kind.CERTIFICATE: ("salesforce-main", {"ends_at": "2026-04-01 09:00 UTC", "days": 30}),
    Kind.SILENCE: ("person-to-lead", {"arrived": 1, "usual": 140, "minutes": 60}),
    Kind.SYNC_FAILED: (SYNC, {"slot": SLOT, "reason": "salesforce_INVALID_FIELD", "number": 3}),
    Kind.SYNC_ROWS: (SYNC, {"slot": SLOT, "failed": 34, "ended": 120, "share": 28}),
    Kind.SYNC_PARKED: (SYNC, {"slot": SLOT, "waiting": "quota", "rows": 600, "pulled": 9000}),
    Kind.SYNC_LAG: (SYNC, {"minutes": 75, "behind": 95}),
    Kind.CYCLE_FAILED: ("main", {"slot": SLOT, "reason": "all_parked", "number": 2}),
    Kind.CYCLE_WAITS: ("main", {"slot": SLOT, "waiting": "guard"}),
    Kind.CYCLE_PARKED: ("main", {"slot": SLOT, "number": 2, "kind0": "companies", "kind1": "persons"}),
    Kind.CYCLE_ASIDE: ("main", {"number": 1}),
    Kind.CYCLE_DUE: ("main", {"number": 3, "tries": 6}),
}
RAISED = {
    Kind.FAILED: """\
ALERT Action person-to-lead: calls fail
34 of 120 calls failed in 15 minutes (28 %), 30 of them with salesforce_UNABLE_TO_LOCK_ROW. Since 2026-03-02 12:05 UTC.
What to do: Look at one of them, mend what its message says, then let Marketo send those persons again.
Command: leadbridge --stack prod executions --reason salesforce_UNABLE_TO_LOCK_ROW --since 15m""",
    Kind.FAILED_CONNECTION: """\
ALERT Connection salesforce-main: calls of 3 Actions fail
80 of 90 calls failed in 15 minutes (89 %), 70 of them with salesforce_UNABLE_TO_LOCK_ROW. Since 2026-03-02 12:05 UTC.
What to do: Several Actions fail at once, so look at the connection first.
Command: leadbridge --stack prod connections test salesforce-main""",
    Kind.NEW_REASON: """\
ALERT Action person-to-lead: salesforce_UNABLE_TO_LOCK_ROW for the first time
1 call failed with this reason, which this Action did not have before. Since 2026-03-02 12:05 UTC.
What to do: Look at one of them; its message says what to do.
Command: leadbridge --stack prod executions --reason salesforce_UNABLE_TO_LOCK_ROW --since 2h""",
    Kind.PARKED: """\
ALERT Action person-to-lead: parked calls wait for you
12 calls are parked, 11 of them with mapping_broken. Since 2026-03-02 12:05 UTC.
What to do: Mend what the message of one of them says, then run them again with \
`leadbridge --stack prod redrive --state parked --reason mapping_broken`.
Command: leadbridge --stack prod executions --state parked --reason mapping_broken""",
    Kind.LAG: """\
ALERT Connection salesforce-main: calls wait too long
200 or more calls wait, the oldest for 35 minutes, because of marketo_607. Since 2026-03-02 12:05 UTC.
What to do: See what they wait for; what waits for a vendor or a quota goes on by itself.
Command: leadbridge --stack prod executions --reason marketo_607""",
    Kind.QUOTA: """\
ALERT Marketo 123-abc-456.mktorest.com: 80 % of the calls of the day are used
40000 of 50000 calls are used (80 %); at this pace they are spent at 2026-03-02 19:30 UTC, and come back at \
2026-03-03 06:00 UTC.
What to do: See which integration spends them (Marketo: Admin > Web Services); our work parks by itself when they are \
spent.
Command: leadbridge --stack prod connections test marketo-main""",
    Kind.CERTIFICATE: """\
ALERT Connection salesforce-main: its certificate ends soon
The certificate ends on 2026-04-01 09:00 UTC, in 30 days; Salesforce refuses the login from then on.
What to do: Make a new one and upload it to the External Client App of the connection.
Command: leadbridge --stack prod connections certificate salesforce-main""",
    Kind.SILENCE: """\
ALERT Action person-to-lead: hardly any calls arrive
1 call arrived in 60 minutes, 140 are usual at this hour of this weekday. Since 2026-03-02 12:05 UTC.
What to do: See in Marketo whether the campaign runs, and in a person's activity log what Call Webhook was answered.
Command: leadbridge --stack prod webhook-sheet person-to-lead""",
    Kind.SYNC_FAILED: """\
ALERT Sync contacts-to-people: a run failed
3 runs in a row failed, the last one (20260302T120000Z), because of salesforce_INVALID_FIELD. \
Since 2026-03-02 12:05 UTC.
What to do: Mend what its message says; the next run reads again what this one should have moved.
Command: leadbridge --stack prod syncs executions contacts-to-people 20260302T120000Z""",
    Kind.SYNC_ROWS: """\
ALERT Sync contacts-to-people: rows fail
34 of 120 rows of the run 20260302T120000Z failed (28 %). Since 2026-03-02 12:05 UTC.
What to do: Look at their reasons, mend what they say, then try those rows again with \
`leadbridge --stack prod syncs retry contacts-to-people 20260302T120000Z`.
Command: leadbridge --stack prod syncs executions contacts-to-people 20260302T120000Z --failed""",
    Kind.SYNC_PARKED: """\
ALERT Sync contacts-to-people: its run waits
The run 20260302T120000Z waits (quota) with 600 of 9000 rows done. Since 2026-03-02 12:05 UTC.
What to do: What waits for a quota goes on by itself; enable a connection that is disabled, or let a paused run go on \
with `leadbridge --stack prod syncs ask resume contacts-to-people 20260302T120000Z`.
Command: leadbridge --stack prod syncs executions contacts-to-people 20260302T120000Z""",
    Kind.SYNC_LAG: """\
ALERT Sync contacts-to-people: it stays behind
What changed 95 minutes ago has not been moved; a run that does so is due for 75 minutes. Since 2026-03-02 12:05 UTC.
What to do: See whether its runs fail, wait, or take longer than the time between two of them.
Command: leadbridge --stack prod syncs executions contacts-to-people""",
    Kind.CYCLE_FAILED: """\
ALERT Cycle main: a run failed
2 runs in a row failed, the last one (20260302T120000Z), because of all_parked. Since 2026-03-02 12:05 UTC.
What to do: Mend what its message says; the next run reads the same again.
Command: leadbridge --stack prod cycle executions main 20260302T120000Z""",
    Kind.CYCLE_WAITS: """\
ALERT Cycle main: its run waits
The run 20260302T120000Z waits (guard), and no other one begins. Since 2026-03-02 12:05 UTC.
What to do: Look at what a guard has counted, and confirm it with \
`leadbridge --stack prod cycle confirm main 20260302T120000Z` if it is meant; what waits for a quota goes on by \
itself, what is paused with `cycle resume`.
Command: leadbridge --stack prod cycle executions main""",
    Kind.CYCLE_PARKED: """\
ALERT Cycle main: companies, persons cannot go on
The run 20260302T120000Z ended without companies, persons; the others went on. Since 2026-03-02 12:05 UTC.
What to do: Mend what its message says; the next run reads the same again.
Command: leadbridge --stack prod cycle executions main 20260302T120000Z""",
    Kind.CYCLE_ASIDE: """\
ALERT Cycle main: fields are put aside
1 pair of fields cannot be kept in step. Since 2026-03-02 12:05 UTC.
What to do: Show, or change back, what a system hid or retyped; edits that wait arrive then.
Command: leadbridge --stack prod cycle show main""",
    Kind.CYCLE_DUE: """\
ALERT Cycle main: records fail again and again
3 records failed 6 times or more after the first time. Since 2026-03-02 12:05 UTC.
What to do: See why, and mend it; they are looked at again by themselves.
Command: leadbridge --stack prod cycle due main""",
}


def a_notice(kind: Kind, step: Step = Step.RAISE, facts: Mapping[str, str | int] | None = None) -> Notice:
    name, known = FACTS[kind]
    until = UNTIL if step is Step.RESOLVE else None
    return Notice(
        step=step,
        subject=Subject(kind=kind, name=name, detail="080"),
        since=SINCE,
        facts={**known, **(facts or {})},
        until=until,
    )


@pytest.mark.parametrize("kind", Kind)
def test_an_alert_says_what_how_many_since_when_what_to_do_and_the_command(kind: Kind) -> None:
    """The whole text of the first message of each kind."""
    assert block(a_notice(kind), "prod") == RAISED[kind]


def test_every_kind_has_its_words() -> None:
    """The table is complete."""
    assert set(WORDS) == set(Kind) == set(RAISED)


def test_an_end_says_how_long_it_lasted() -> None:
    """The end names the same subject, and both times."""
    assert block(a_notice(Kind.LAG, Step.RESOLVE), "prod") == (
        "RESOLVED Connection salesforce-main: calls wait too long\n"
        "Its calls do not wait any more, or not long. It lasted from 2026-03-02 12:05 UTC to 2026-03-02 13:40 UTC."
    )


def test_a_repetition_begins_with_still() -> None:
    """The text is that of the first message, but for its first word."""
    assert block(a_notice(Kind.LAG, Step.REPEAT), "prod") == RAISED[Kind.LAG].replace("ALERT", "STILL", 1)


#: calls that are counted over the last 24 hours
ROLLING: dict[str, str | int] = {"day_ends": "", "spent_at": "", "vendor": "salesforce", "connection": ""}


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"spent_at": ""}, "at this pace they last until the new day begins at 2026-03-03 06:00 UTC."),
        ({"used": 50000}, "50000 of 50000 calls are used (80 %); they come back at 2026-03-03 06:00 UTC."),
        (ROLLING, "40000 of 50000 calls are used (80 %)."),
        (
            ROLLING | {"paced_since": "2026-03-02 12:05 UTC"},
            "40000 of 50000 calls are used (80 %); at the pace of the last hour they last.",
        ),
        (
            ROLLING | {"spent_at": "2026-03-02 19:30 UTC"},
            "at the pace of the last hour they are spent at 2026-03-02 19:30 UTC, and each comes back 24 hours after",
        ),
        (
            ROLLING | {"used": 50000},
            "50000 of 50000 calls are used (80 %); each comes back 24 hours after it was made.",
        ),
    ],
    ids=["lasts", "spent", "no pace yet", "lasts at its pace", "will be spent", "spent without a day"],
)
def test_a_quota_says_how_long_it_lasts(facts: dict[str, str | int], sentence: str) -> None:
    """The forecast of a day that is enough, of one that is spent, and of the last 24 hours by their pace."""
    assert sentence in block(a_notice(Kind.QUOTA, facts=facts), "")


def test_a_post_groups_everything() -> None:
    """One subject with the numbers, one block for each notice; on a local stack the command names no stack."""
    notices = [a_notice(Kind.FAILED), a_notice(Kind.PARKED, Step.REPEAT), a_notice(Kind.LAG, Step.RESOLVE)]

    subject, text = post(notices, "")

    assert subject == "Leadbridge: 1 new, 1 still, 1 resolved"
    assert [part.split(" ", 1)[0] for part in text.split("\n\n")] == ["ALERT", "STILL", "RESOLVED"]
    assert "--stack" not in text
    assert post(notices[:1], "prod")[0] == "Leadbridge prod: 1 new"


def test_a_post_is_bounded() -> None:
    """Of very many notices the first are told and the number of the rest."""
    text = post([a_notice(Kind.FAILED)] * (MOST + 7), "prod")[1]

    assert text.count("ALERT") == MOST
    assert text.endswith("And 7 more.\nCommand: leadbridge --stack prod alerts list")


def test_a_sample_says_that_it_is_one() -> None:
    """The message of `leadbridge alerts test`."""
    subject, text = sample(SINCE, "prod")

    assert subject == "Leadbridge prod: test of the alerts"
    assert text == (
        "This is a test of 2026-03-02 12:05 UTC. Alerts arrive here when something needs you, and say what to do.\n"
        "Command: leadbridge --stack prod alerts list"
    )
    assert sample(SINCE)[1].endswith("Command: leadbridge alerts list")


@given(
    kind=st.sampled_from(Kind),
    step=st.sampled_from(Step),
    secret=st.one_of(
        st.emails(),
        st.sampled_from(["Ada Lovelace", "Łódź 7", "+49 30 1234", "ada@example.com", "a b", "x\ny", "</b>", "🙂"]),
    ),
)
def test_no_value_of_a_person_comes_into_a_message(kind: Kind, step: Step, secret: str) -> None:
    """Whatever text stands where an id, a reason, a name or a time should: it is in no message and no title."""
    known = FACTS[kind][1]
    facts = {name: secret if isinstance(value, str) else value for name, value in known.items()}
    subject = Subject(kind=kind, name=secret, detail=secret)
    notice = Notice(step=step, subject=subject, since=SINCE, facts=facts, until=UNTIL)

    assert secret not in block(notice, "prod")
    assert secret not in title(subject, facts)
