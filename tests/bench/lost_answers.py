"""What lost answers cost: the same input twice, once in peace and once with one write answer in ten lost."""

import json
import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from devstack.persons import Group
from devstack.play import Sent
from tests.bench import vendor_calls
from tests.bench.inputs import distinct_persons, payload_of
from tests.bench.local import Bench
from tests.bench.report import Figure, listed

SHARE = 0.1
MOST_RATIO = 1.15
#: messages of one SQS call (AWS)
MESSAGES = 10
#: the calls that write, as the simulators' fault rules name them
WRITES = {
    "salesforce": ["POST */composite/sobjects", "PATCH */composite/sobjects"],
    "marketo": ["POST /rest/v1/leads.json", "POST /rest/v1/activities/external.json"],
}


def queued(bench: Bench, groups: Sequence[Group]) -> Sequence[Sent]:
    """Put the calls on the queue as `receive_action` does, which is quicker than so many webhooks."""
    sqs, url = bench.stack.client("sqs"), bench.stack.outputs["EventsQueueUrl"]
    sent: list[Sent] = []
    messages: list[Mapping[str, Any]] = []
    for group in groups:
        request = group.requests[0]
        identity, now = secrets.token_hex(16), datetime.now(UTC)
        messages.append(
            {
                "v": 1,
                "kind": "event",
                "execution_id": identity,
                "action_id": bench.facts["action_id"],
                "received_at": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "sequence": f"{int(now.timestamp() * 1000):014d}#{identity}",
                "header_names": [],
                "payload": payload_of(request.body),
                "reason": "",
            }
        )
        answer = {"execution_id": identity, "status": "accepted"}
        sent.append(Sent(person=request.person, call=request.call, seconds=0.0, status=200, answer=answer))
    for start in range(0, len(messages), MESSAGES):
        piece = messages[start : start + MESSAGES]
        entries = [{"Id": str(place), "MessageBody": json.dumps(message)} for place, message in enumerate(piece)]
        answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
        if answer.get("Failed"):
            raise RuntimeError(f"the queue refused {len(answer['Failed'])} messages")
    return sent


def figure(bench: Bench, *, events: int, seed: int) -> Figure:
    """Calls of both vendors for so many events, with and without losses, and what the losses changed."""
    calm = run(bench, events, seed, "peace")
    for vendor, matches in WRITES.items():
        rules = [{"match": match, "kind": "drop_answer", "probability": SHARE} for match in matches]
        bench.set_faults(vendor, rules)
    hurt = run(bench, events, seed, "losses")
    lost: Counter[str] = Counter()
    for vendor in WRITES:
        lost.update({rule["match"]: rule["hits"] for rule in bench.faults(vendor)})
        bench.set_faults(vendor, [])
    figure = Figure(
        title=f"vendor calls when {SHARE:.0%} of all write answers are lost",
        size=f"seed {seed}, {events} distinct persons, 30 % existing, messages put on the queue",
    )
    for name, outcome in (("peace", calm), ("losses", hurt)):
        calls = outcome.calls["salesforce"] + outcome.calls["marketo"]
        figure.add(
            f"{name}: {_total(outcome)} calls ({listed(calls)}); {listed(outcome.outcomes)}; {outcome.seconds:.0f} s"
        )
    figure.add(f"answers lost: {lost.total()} ({listed(lost)})")
    if not lost.total():
        figure.missed.append(f"{figure.title}: chance lost no answer, so nothing was measured; take more events")
    figure.bound("calls with losses / calls in peace", _total(hurt) / _total(calm), most=MOST_RATIO)
    same = (calm.outcomes, len(calm.leads), calm.write_backs, calm.activities) == (
        *(hurt.outcomes, len(hurt.leads), hurt.write_backs, hurt.activities),
    )
    figure.add(
        f"same outcomes, {len(hurt.leads)} Leads, {hurt.write_backs} write-backs "
        f"and {hurt.activities.total()} activities: {'yes' if same else 'NO'}"
    )
    if not same:
        figure.missed.append(f"{figure.title}: the losses changed what was left")
    return figure


def run(bench: Bench, events: int, seed: int, prefix: str) -> vendor_calls.Outcome:
    """Put so many events on the queue and wait for their ends."""
    lines = distinct_persons(events, seed=seed, prefix=prefix)
    return vendor_calls.measure(bench, lines, lambda groups: queued(bench, groups))


def _total(outcome: vendor_calls.Outcome) -> int:
    return sum(outcome.total(vendor) for vendor in vendor_calls.VENDORS)
