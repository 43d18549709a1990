"""Flow steps: what a chunk must look like, where a callback may go, and what it says."""

import json
from typing import Any

import pytest

from leadbridge.domain import webhook
from leadbridge.domain.flow_step import (
    BODY_LIMIT_BYTES,
    CHUNK_PEOPLE,
    UnusableChunkError,
    as_it_stands,
    callback_body,
    callback_hosts,
    execution_id_of,
    fitting,
    left_out,
    parse_chunk,
    refused_callback,
)
from leadbridge.domain.flow_step_queue import BATCH, PEOPLE, batches_of, messages_of, read_chunk
from tests.builders.flow_steps import HOSTS, NOON, a_person, an_invocation, body_of, told_of

DEFAULT_HOSTS = "*.mktorest.com, *.marketo.com,*.adobe.com ,*.adobe.io"


# -- where a callback may go


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://123-abc-456.mktorest.com/selfservice/v1/flowComplete", ""),
        ("https://ab.eu.MARKETO.com:443/x?y=1&z=%20", ""),
        ("https://io.adobe.io", ""),
        ("http://123-abc-456.mktorest.com/x", "https"),
        ("https://123-abc-456.mktorest.com:8443/x", "port"),
        ("https://mktorest.com/x", "CallbackHosts"),
        ("https://evilmktorest.com/x", "CallbackHosts"),
        ("https://mktorest.com.example.org/x", "CallbackHosts"),
        ("https://a..mktorest.com/x", "CallbackHosts"),
        ("https://a.mktorest.com./x", "CallbackHosts"),
        ("https://169.254.169.254/latest", "CallbackHosts"),
        ("https://127.0.0.1/x", "CallbackHosts"),
        ("https://a.mktorest.com@example.org/x", "plain"),
        ("https://example.org#.mktorest.com/x", "plain"),
        ("https://example.org\\.mktorest.com/x", "plain"),
        ("https://a.mktorest.com/x y", "plain"),
        ("https://a.mktorest.com/x\n", "plain"),
        ("ftp://a.mktorest.com/x", "plain"),
        ("//a.mktorest.com/x", "plain"),
        ("", "plain"),
    ],
)
def test_callbacks_go_to_hosts_of_the_setting_only(url: str, why: str) -> None:
    """Https to a host below one of the names; look-alikes, users, ports and other schemes are refused with a reason."""
    refused = refused_callback(url, callback_hosts(DEFAULT_HOSTS))
    assert (why in refused) if why else not refused


def test_the_simulators_of_a_local_stack_are_called_by_http() -> None:
    """Host and port have to be those of the setting; everybody else still needs https."""
    local = {"127.0.0.1:4000"}
    assert not refused_callback("http://127.0.0.1:4000/x", HOSTS, local)
    assert refused_callback("http://127.0.0.1:4001/x", HOSTS, local)
    assert refused_callback("http://127.0.0.1:4000/x", HOSTS)


@pytest.mark.parametrize(
    "setting", ["", "*", "*.com", "com", "https://a.example.com", "*.*.example.com", "a_b.example.com"]
)
def test_a_setting_that_would_open_too_much_is_refused(setting: str) -> None:
    """A star for everything or for a top-level domain, and what is no name, fail when the function starts."""
    with pytest.raises(ValueError, match="CallbackHosts"):
        callback_hosts(setting)


# -- chunks


def findings(document: Any) -> tuple[str, ...]:
    """What is wrong with an invocation."""
    with pytest.raises(UnusableChunkError) as raised:
        parse_chunk(document if isinstance(document, bytes) else body_of(document), hosts=HOSTS)
    return raised.value.findings


def test_a_chunk_becomes_payloads_as_of_webhooks() -> None:
    """Fields, campaign, program, trigger, My Tokens, membership and flow parameters are columns of each person."""
    invocation = parse_chunk(body_of(an_invocation(2)), hosts=HOSTS)

    assert (invocation.munchkin_id, invocation.token, invocation.callback_key) == (
        "123-ABC-456",
        "one-time-token",
        "callback-key",
    )
    first, second = invocation.people
    assert (first.lead_id, first.action_id, second.lead_id) == (1, "person-to-lead", 2)
    columns = webhook.columns(first.payload)
    expected = {
        "id": 1,
        "email": "p1@example.com",
        "phone": None,
        "campaign.id": 60,
        "campaign.name": "Nightly",
        "program.name": "Fair",
        "token.Event Date": "2026-05-01",
        "token.my.Event Date": "2026-05-01",
        "token.trigger.Name": "Form 1",
        "token.trigger.Trigger Name": "Fills Out Form",
        "token.member.status": "Registered",
        "token.member.reachedSuccess": False,
        "token.member.seat": "A1",
        "token.flow.list": "vip",
    }
    assert {name: columns[name] for name in expected} == expected
    assert "token.flow.action" not in columns
    # the worker reads such a payload as one of a webhook
    assert webhook.parse(json.dumps(first.payload).encode()) == first.payload


def test_contexts_may_be_missing() -> None:
    """A campaign outside of a program and without a trigger: the campaign's id is known in any case."""
    document = an_invocation(context={"subscription": {"munchkinId": "123-ABC-456"}})
    document["objectData"] = [{"objectType": "lead", "objectContext": {"id": 5}}]

    (person,) = parse_chunk(body_of(document), hosts=HOSTS).people
    assert (person.payload, person.action_id) == ({"lead": {"id": 5}, "campaign": {"id": 60}}, "")


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "UTF-8"),
        (b'{"a": "\\ud800"}', "UTF-8"),
        (b'{"a": NaN}', "not JSON"),
        (b"[" * 200_000, "not JSON"),
        (b"[]", "not an object"),
        (b" " * (BODY_LIMIT_BYTES + 1), "larger than"),
        (an_invocation(token=None), "`token`"),
        (an_invocation(token="a\nb"), "`token`"),
        (an_invocation(token="é"), "`token`"),
        (an_invocation(apiCallBackKey=""), "`apiCallBackKey`"),
        (an_invocation(callbackUrl=None), "`callbackUrl`"),
        (an_invocation(callbackUrl="https://example.org/x"), "`callbackUrl` is on a host"),
        (an_invocation(context=None), "`context`"),
        (an_invocation(context={}), "`context.subscription`"),
        (an_invocation(context={"subscription": {}}), "`context.subscription.munchkinId`"),
        (an_invocation(objectData=None), "`objectData`"),
        (an_invocation(objectData=[]), "`objectData`"),
        (an_invocation(objectData={}), "`objectData`"),
        (an_invocation(objectData=[a_person(each) for each in range(1, CHUNK_PEOPLE + 2)]), "more than 1000"),
        (an_invocation(objectData=["x"]), "`objectData[0]` must"),
        (an_invocation(objectData=[a_person(1, objectType="company")]), "`objectData[0]` must"),
        (an_invocation(objectData=[a_person(1, objectContext=None)]), "`objectData[0].objectContext`"),
        (an_invocation(objectData=[a_person(1, objectContext={"id": "1"})]), "`objectData[0].objectContext`"),
        (an_invocation(objectData=[a_person(1, objectContext={"id": True})]), "`objectData[0].objectContext`"),
        (an_invocation(objectData=[a_person(1, objectContext={"id": 0})]), "`objectData[0].objectContext`"),
        (an_invocation(objectData=[a_person(1, objectContext={"id": 1, "x": [1]})]), "`objectData[0].objectContext.x`"),
        (
            an_invocation(objectData=[a_person(1, objectContext={"id": 1, "x": "y" * 70_000})]),
            "`objectData[0]` is larger",
        ),
        (an_invocation(objectData=[a_person(1), a_person(2), a_person(1)]), "`objectData[2]` is a person"),
    ],
)
def test_every_refusal_names_what_is_wrong(document: Any, part: str) -> None:
    """What cannot be called back, or names no people, is refused; the finding says where."""
    assert any(part in finding for finding in findings(document)), findings(document)


def test_all_findings_are_told_at_once_and_hold_no_value() -> None:
    """Several faults are several findings, up to 20; what stood in their place is not repeated."""
    bad = [a_person(each, objectContext={"id": each, "mark@example.com": ["mark"]}) for each in range(1, 40)]
    told = findings(an_invocation(token=None, callbackUrl="http://mark.example.org/", objectData=bad))

    assert len(told) == 21
    assert told[-1] == "21 more findings."
    assert "mark" not in " ".join(told)


def test_large_numbers_keep_their_digits() -> None:
    """As in a webhook, a number beyond 2^53 becomes text, and so does an infinite one."""
    body = body_of(an_invocation(1)).replace(b'"phone": null', b'"phone": 12345678901234567890, "x": 1e999')
    (person,) = parse_chunk(body, hosts=HOSTS).people

    assert (person.payload["lead"]["phone"], person.payload["lead"]["x"]) == ("12345678901234567890", "1e999")


def test_a_chunk_sent_twice_is_one_chunk() -> None:
    """Its id and those of its executions follow from the token and the person; another token is another chunk."""
    first, again = (parse_chunk(body_of(an_invocation(2)), hosts=HOSTS) for _ in range(2))
    other = parse_chunk(body_of(an_invocation(2, token="other")), hosts=HOSTS)
    ids = {execution_id_of(chunk.chunk_id, lead_id) for chunk in (first, again, other) for lead_id in (1, 2)}

    assert first.chunk_id == again.chunk_id != other.chunk_id
    assert len(ids) == 4
    assert all(len(each) == 32 and int(each, 16) >= 0 for each in ids)


# -- the queue


def messages(people: int, size: int = 0, **obstacles: str) -> list[str]:
    """The messages of a chunk."""
    document = an_invocation(people)
    for row in document["objectData"]:
        row["objectContext"]["note"] = "n" * size
    invocation = parse_chunk(body_of(document), hosts=HOSTS)
    given = {name.replace("_", "-"): reason for name, reason in obstacles.items()}
    return list(messages_of(invocation, received_at=NOON, header_names=["x"], obstacles=given))


@pytest.mark.parametrize(("people", "size"), [(1, 0), (PEOPLE, 0), (PEOPLE + 1, 0), (500, 500), (60, 60_000)])
def test_messages_hold_everybody_once_and_fit(people: int, size: int) -> None:
    """Whatever their size, people come back whole and once, from messages and calls that SQS takes."""
    sent = messages(people, size)
    batches = list(batches_of(iter(sent)))
    read = [read_chunk(json.loads(body)) for body in sent]

    assert [arrival.payload["lead"]["id"] for _, arrivals in read for arrival in arrivals if arrival.payload] == list(
        range(1, people + 1)
    )
    assert {chunk.lead_ids for chunk, _ in read} == {tuple(range(1, people + 1))}
    assert [body for batch in batches for body in batch] == sent
    assert all(len(batch) <= BATCH and sum(map(len, batch)) < 262_144 for batch in batches)


def test_a_message_tells_the_chunk_and_its_people() -> None:
    """What the receiver wrote is what the store reads: ids, kind, reason, time, and the names of headers."""
    (text,) = messages(1, person_to_lead="not_active")
    chunk, (arrival,) = read_chunk(json.loads(text))

    assert (chunk.token, chunk.callback_key, chunk.received_at) == ("one-time-token", "callback-key", NOON)
    assert (arrival.kind, arrival.reason, arrival.action_id) == ("not_run", "not_active", "person-to-lead")
    assert arrival.execution_id == execution_id_of(chunk.id, 1)
    assert arrival.sequence == f"01772452800000#{arrival.execution_id}"
    assert (arrival.received_at, arrival.header_names) == (NOON, ("x",))


@pytest.mark.parametrize("member", ["execution_id", "sequence", "action_id"])
def test_what_would_break_a_key_is_not_read(member: str) -> None:
    """A message with something else in the place of an id is none of ours."""
    document = json.loads(messages(1)[0])
    document["people"][0][member] = "a b"
    with pytest.raises(ValueError, match="word"):
        read_chunk(document)


# -- what is told


def test_the_callback_tells_fields_and_activity_of_each_person() -> None:
    """Values by field name, empty ones as the word that empties; the activity says success, reason, code and ids."""
    values = {"a": "x", "b": None, "c": "", "d": False, "e": 0, "id": 99}
    good = told_of(1, values=values, attributes={"message": "Fine.", "action": "taken", "success": "taken"})
    bad = told_of(
        2, success=False, outcome="failed", code="ambiguous_match", reason="Several.", record_id="", values={}
    )

    body = callback_body("123-ABC-456", [good, bad])
    assert body == {
        "munchkinId": "123-ABC-456",
        "objectData": [
            {
                "leadData": {"id": 1, "a": "x", "b": "null", "c": "null", "d": False, "e": 0},
                "activityData": {
                    "success": True,
                    "message": "Fine.",
                    "outcome": "created",
                    "executionId": "execution-1",
                    "salesforceId": "00Q000000000001AAA",
                },
            },
            {
                "leadData": {"id": 2},
                "activityData": {
                    "success": False,
                    "reason": "Several.",
                    "errorCode": "ambiguous_match",
                    "outcome": "failed",
                    "executionId": "execution-2",
                },
            },
        ],
    }


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("short", "short"),
        ("ten letter", "ten letter"),
        ("eleven words", "eleven…"),
        ("one two three four", "one two…"),
        ("onetwothreefour", "onetwothr…"),
        ("onetwothr four", "onetwothr…"),
    ],
)
def test_long_texts_are_cut_behind_a_word(text: str, cut: str) -> None:
    """An ellipsis shows that something is missing; a single long word is cut inside."""
    assert fitting(text, 10) == cut
    assert len(fitting(text, 10)) <= 10


@pytest.mark.parametrize(
    ("standing", "told"),
    [
        (None, (False, "waiting", "not_stored")),
        ({"state": "waiting"}, (False, "waiting", "still_waiting")),
        ({"state": "reporting"}, (False, "waiting", "still_waiting")),
        ({"state": "parked", "reason": "mapping_broken", "message": "x"}, (False, "parked", "mapping_broken")),
        ({"state": "not_run", "reason": "not_active", "message": "x"}, (False, "not_run", "not_active")),
        ({"state": "ended", "outcome": "failed", "reason": "value_invalid"}, (False, "failed", "value_invalid")),
        ({"state": "ended", "outcome": "skipped", "reason": "condition_not_met"}, (True, "skipped", "")),
    ],
)
def test_whoever_has_not_ended_is_told_as_what_he_is(standing: Any, told: tuple[bool, str, str]) -> None:
    """The state that is recorded decides; a code only goes with what is no success."""
    found = as_it_stands(7, "e7", standing)
    assert (found.success, found.outcome, found.code) == told


def test_whoever_waits_is_told_where_to_look() -> None:
    """The sentence names the command that shows the execution; people left out are told their reason."""
    assert "`leadbridge show e7`" in as_it_stands(7, "e7", None).reason
    assert left_out(7, "e7", code="not_active", reason="The Action was not active.").reason.startswith("The Action")
