"""The comparison is green for an honest run, and red, with a sentence, for every spoiled one."""

from collections.abc import Callable
from dataclasses import replace

import httpx
import pytest

from devstack.compare import gather, unfinished
from tests.unit.devstack.runs import Run, a_lead_before, a_person, an_honest_run


def the_run() -> Run:
    return an_honest_run(
        [
            a_person("new"),
            a_person("known", salesforce=[a_lead_before("known", Phone="+1", Rating="Hot")]),
            a_person("pair", salesforce=[a_lead_before("pair"), a_lead_before("pair")]),
            a_person("out", lead={"leadStatus": "Disqualified"}),
            a_person("cut", {"raw": '{"lead": {'}),
            a_person("twice", {"event_id": "e-1"}, {"event_id": "e-1"}),
            a_person("burst", *[{}] * 4, burst=True),
            a_person("steps", {}, {"lead": {"title": "CTO"}}),
        ],
        overtaken={("burst", 2), ("steps", 0)},
    )


def test_an_honest_run_adds_up() -> None:
    """No difference, every row in agreement, and the counts as one would count them by hand."""
    report = the_run().compare()

    assert report.differences == []
    assert report.exit_code == 0
    assert all(row.adds_up for row in report.rows)
    counted = {row.name.strip(): (row.expected, row.product, row.simulators) for row in report.rows}
    assert counted == {
        "received": (13, 13, None),
        "created": (4, 4, 4),
        "updated": (3, 3, 3),
        "superseded": (2, 2, None),
        "skipped": (1, 1, None),
        "condition_not_met": (1, 1, None),
        "duplicates": (1, 1, None),
        "failed": (1, 1, 1),
        "ambiguous_match": (1, 1, None),
        "rejected": (1, 1, None),
        "write-backs": (7, 7, None),
        "persons written back": (5, 5, 5),
        "activities": (8, 8, 8),
        "calls to Marketo": (None, None, 12),
        "limits of Marketo broken": (0, None, 0),
        "calls to Salesforce": (None, None, 20),
        "limits of Salesforce broken": (0, None, 0),
    }


def lose_a_write_back(run: Run) -> None:
    del run.lead("new")["salesforceId"]


def lose_a_status(run: Run) -> None:
    run.lead("new")["leadbridgeStatus"] = None


def write_back_another_id(run: Run) -> None:
    run.lead("new")["salesforceId"] = run.lead("known")["salesforceId"]


def write_back_a_failure(run: Run) -> None:
    run.lead("pair")["salesforceId"] = "00Q-pair-0"


def change_a_marketo_field(run: Run) -> None:
    run.lead("known")["title"] = None


def add_a_marketo_lead(run: Run) -> None:
    run.leads["999"] = {"id": 999, "email": "new@example.com"}


def double_a_new_lead(run: Run) -> None:
    run.salesforce_leads.append(
        next(each for each in run.salesforce_leads if each["Email"] == "new@example.com") | {"Id": "00Q-2"}
    )


def double_a_known_lead(run: Run) -> None:
    run.salesforce_leads.append({"Id": "00Q-2", "Email": "known@example.com"})


def lose_a_lead(run: Run) -> None:
    run.salesforce_leads[:] = [each for each in run.salesforce_leads if each["Email"] != "new@example.com"]


def make_an_unwanted_lead(run: Run) -> None:
    run.salesforce_leads.append({"Id": "00Q-3", "Email": "out@example.com"})


def _salesforce(run: Run, email: str) -> dict[str, object]:
    return next(each for each in run.salesforce_leads if each["Email"] == email)


def write_a_wrong_value(run: Run) -> None:
    _salesforce(run, "new@example.com")["Title"] = "CEO?"


def wipe_an_unmapped_value(run: Run) -> None:
    _salesforce(run, "known@example.com")["Rating"] = None


def wipe_a_blank_value(run: Run) -> None:
    _salesforce(run, "known@example.com")["Phone"] = ""


def write_a_blank_value(run: Run) -> None:
    _salesforce(run, "new@example.com")["Phone"] = "None"


def touch_an_ambiguous_lead(run: Run) -> None:
    _salesforce(run, "pair@example.com")["LeadSource"] = "Marketo"


def lose_an_activity(run: Run) -> None:
    run.activities.pop(0)


def double_an_activity(run: Run) -> None:
    run.activities.append(run.activities[0])


def log_a_wrong_value(run: Run) -> None:
    run.activities[0]["primaryAttributeValue"] = "Error"


def log_on_another_lead(run: Run) -> None:
    run.activities[0]["leadId"] = 2


def log_another_record(run: Run) -> None:
    run.activities[0]["attributes"][1]["value"] = "00Q-known-0"


def log_a_skipped_call(run: Run) -> None:
    run.activities.append({"leadId": 4, "attributes": [{"name": "executionId", "value": "x-out-0"}]})


def log_an_unknown_execution(run: Run) -> None:
    run.activities.append({"leadId": 4, "attributes": [{"name": "executionId", "value": "x-who-0"}]})


def miscount(run: Run) -> None:
    run.executions["x-new-0"]["counts"]["created"] = 2


def record_another_outcome(run: Run) -> None:
    run.executions["x-out-0"] |= {"outcome": "failed", "reason": "salesforce_APEX_ERROR"}


def record_another_reason(run: Run) -> None:
    run.executions["x-out-0"]["reason"] = "identifier_missing"


def record_two_creates_of_a_burst(run: Run) -> None:
    run.executions["x-burst-1"] |= {"outcome": "created", "counts": {"total": 1, "created": 1}}


def record_two_duplicates(run: Run) -> None:
    run.executions["x-twice-0"] |= {"outcome": "duplicate", "reason": "duplicate_event_id"}


def supersede_the_last_call(run: Run) -> None:
    run.executions["x-new-0"] |= {"outcome": "superseded", "reason": "overtaken"}


def lose_an_execution(run: Run) -> None:
    del run.executions["x-new-0"]


def invent_an_execution(run: Run) -> None:
    run.executions["x-who-0"] = run.executions["x-out-0"] | {"execution_id": "x-who-0"}


def leave_an_execution_parked(run: Run) -> None:
    run.executions["x-new-0"] |= {"state": "parked", "outcome": None, "reason": "marketo_607"}


def claim_a_write_back(run: Run) -> None:
    run.executions["x-out-0"]["writeback"] = {"status": "written"}


def deny_an_activity(run: Run) -> None:
    run.executions["x-new-0"]["activity"] = {"status": "failed", "reason": "marketo_1004"}


def name_another_record(run: Run) -> None:
    run.executions["x-new-0"]["salesforce_id"] = "00Q-known-0"


def name_another_lead(run: Run) -> None:
    run.executions["x-new-0"]["lead_id"] = 77


def give_no_words(run: Run) -> None:
    run.executions["x-out-0"]["message"] = ""


def show_an_address(run: Run) -> None:
    run.executions["x-out-0"]["message"] = "skipped Out@example.com"


def answer_with_an_error(run: Run) -> None:
    run.sent[0] = replace(run.sent[0], status=502)


def accept_a_broken_body(run: Run) -> None:
    index = next(n for n, each in enumerate(run.sent) if each.person == "cut")
    run.sent[index] = replace(run.sent[index], status=200)


def time_out(run: Run) -> None:
    run.sent[0] = replace(run.sent[0], status=None, answer={}, fault="no answer within 30 s")


def send_too_little(run: Run) -> None:
    run.sent.pop(0)


def answer_twice_alike(run: Run) -> None:
    run.sent[1] = replace(run.sent[1], answer=run.sent[0].answer)


def break_a_limit(run: Run) -> None:
    run.marketo_calls["violations"] = {"606": 3}


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (
            lose_a_write_back,
            "Marketo lead 1 (person new) does not carry the Salesforce Id: its write-back is lost.",
        ),
        (lose_a_status, "Marketo lead 1 (person new) carries leadbridgeStatus ''; expected 'Synced'."),
        (
            write_back_another_id,
            "Marketo lead 1 (person new) carries salesforceId 00Q-known-0; expected 00Q-new-3.",
        ),
        (
            write_back_a_failure,
            "Marketo lead 3 (person pair) carries salesforceId '00Q-pair-0' and status ''; expected neither.",
        ),
        (change_a_marketo_field, "Marketo lead 2 (person known) holds title ''; expected 'CEO'."),
        (add_a_marketo_lead, "Marketo holds lead 999, which nobody should have made."),
        (double_a_new_lead, "Salesforce holds 2 Leads for new@example.com (00Q-new-3, 00Q-2); expected one."),
        (
            double_a_known_lead,
            "Salesforce holds Lead 00Q-2 (known@example.com), which nobody should have made.",
        ),
        (lose_a_lead, "Salesforce holds no Lead for new@example.com; expected one."),
        (
            make_an_unwanted_lead,
            "Salesforce holds Lead 00Q-3 (out@example.com), which nobody should have made.",
        ),
        (
            write_a_wrong_value,
            "Salesforce Lead 00Q-new-3 (new@example.com) holds Title 'CEO?'; expected 'CEO'.",
        ),
        (
            wipe_an_unmapped_value,
            "Salesforce Lead 00Q-known-0 (known@example.com) holds Rating ''; expected 'Hot'.",
        ),
        (
            wipe_a_blank_value,
            "Salesforce Lead 00Q-known-0 (known@example.com) holds Phone ''; expected '+1'.",
        ),
        (write_a_blank_value, "Salesforce Lead 00Q-new-3 (new@example.com) holds Phone 'None'; expected ''."),
        (
            touch_an_ambiguous_lead,
            "Salesforce Lead 00Q-pair-0 (pair@example.com) holds LeadSource 'Marketo'; expected ''.",
        ),
        (lose_an_activity, "Person new, call 0: the activity 'Success' is missing at Marketo."),
        (double_an_activity, "Person new, call 0: Marketo has 2 activities for it; expected one."),
        (log_a_wrong_value, "Person new, call 0: its activity says 'Error'; expected 'Success'."),
        (log_on_another_lead, "Person new, call 0: its activity is on Marketo lead 2."),
        (log_another_record, "Person new, call 0: its activity names Salesforce Lead '00Q-known-0'."),
        (
            log_a_skipped_call,
            "Person out, call 0: Marketo has an activity for it; expected none for skipped.",
        ),
        (
            log_an_unknown_execution,
            "Marketo has an activity for execution x-who-0, which is the answer to no call.",
        ),
        (
            miscount,
            "The count 'created' does not add up: expected 4, the product counts 5, the simulators hold 4.",
        ),
        (
            record_another_outcome,
            (
                "Person out, call 0: expected skipped (condition_not_met), "
                "but the product says failed (salesforce_APEX_ERROR)."
            ),
        ),
        (
            record_another_reason,
            (
                "Person out, call 0: expected skipped (condition_not_met), "
                "but the product says skipped (identifier_missing)."
            ),
        ),
        (
            record_two_creates_of_a_burst,
            "Person burst, call 1: expected updated, but the product says created.",
        ),
        (
            record_two_duplicates,
            "Person twice, call 1: expected created, but the product says duplicate (duplicate_event_id).",
        ),
        (
            supersede_the_last_call,
            "Person new, call 0 ended superseded, but no newer call for the same address was written.",
        ),
        (lose_an_execution, "Person new, call 0: the product has no execution for it."),
        (invent_an_execution, "The product lists execution x-who-0, which is the answer to no call."),
        (
            leave_an_execution_parked,
            "Person new, call 0: its execution x-new-0 is still parked (marketo_607).",
        ),
        (claim_a_write_back, "Person out, call 0: its writeback is written, and it should not be written."),
        (deny_an_activity, "Person new, call 0: its activity is failed, and it should be added."),
        (
            name_another_record,
            "Person new, call 0: its execution names Salesforce Lead 00Q-known-0; expected 00Q-new-3.",
        ),
        (name_another_lead, "Person new, call 0: its execution names Marketo lead 77."),
        (give_no_words, "Person out, call 0: its execution does not say in words why nothing was written."),
        (show_an_address, "The executions show the e-mail address of person out."),
        (answer_with_an_error, "Person new, call 0 was answered with 502; expected 200."),
        (accept_a_broken_body, "Person cut, call 0 was answered with 200; expected 400."),
        (time_out, "Person new, call 0: no answer within 30 s."),
        (send_too_little, "Person new, call 0 was never sent."),
        (answer_twice_alike, "Execution x-new-0 was the answer to 2 calls."),
        (
            break_a_limit,
            "The count 'limits of Marketo broken' does not add up: expected 0, the simulators hold 3.",
        ),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_a_spoiled_run_does_not_add_up(spoil: Callable[[Run], None], sentence: str) -> None:
    """One thing gone wrong gives its sentence among the differences and a result that is not zero."""
    run = the_run()
    spoil(run)

    report = run.compare()

    assert sentence in report.differences
    assert report.exit_code == 1


def test_calls_of_a_burst_may_swap_their_results() -> None:
    """Whichever call of a burst came first may be the one that created."""
    run = the_run()
    first, other = run.executions["x-burst-0"], run.executions["x-burst-3"]
    for name in ("outcome", "reason", "counts"):
        first[name], other[name] = other[name], first[name]

    assert run.compare().differences == []


def test_blank_and_absent_and_outer_white_space_are_the_same() -> None:
    """Salesforce keeps no outer white space, and an empty text is no value."""
    run = the_run()
    _salesforce(run, "new@example.com").update({"Phone": "", "Title": " CEO "})

    assert run.compare().differences == []


def test_what_has_not_ended_is_counted_by_state() -> None:
    """Waiting, writing and parked executions are counted, a parked one with its reason."""
    executions = [
        {"state": "waiting"},
        {"state": "waiting"},
        {"state": "writing"},
        {"state": "parked", "reason": "marketo_607"},
        {"state": "ended"},
        {"state": "rejected"},
    ]

    assert unfinished(executions) == {"waiting": 2, "writing": 1, "parked (marketo_607)": 1}


def test_evidence_is_read_from_both_control_planes() -> None:
    """Records and calls come from the paths of the control plane of each simulator."""
    paths: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        paths.append(f"{request.url.host}{request.url.path}")
        return httpx.Response(200, json={"total": 3} if request.url.path.endswith("calls") else [{"Id": "1"}])

    with httpx.Client(transport=httpx.MockTransport(answer)) as client:
        evidence = gather(
            marketo_url="http://marketo", salesforce_url="http://salesforce", executions=[], client=client
        )

    assert evidence.salesforce_leads == [{"Id": "1"}]
    assert evidence.marketo_calls == {"total": 3}
    assert sorted(paths) == [
        "marketo/_sim/calls",
        "marketo/_sim/records/activities",
        "marketo/_sim/records/leads",
        "salesforce/_sim/calls",
        "salesforce/_sim/records/Lead",
    ]
