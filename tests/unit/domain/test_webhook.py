"""What a webhook body must look like, and who may send one."""

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadbridge.domain.outcome import message
from leadbridge.domain.webhook import (
    BODY_LIMIT_BYTES,
    DEPTH_LIMIT,
    UnusableBodyError,
    columns,
    is_authentic,
    parse,
    payload_hash,
    webhook_key,
)

SECRET: dict[str, Any] = {"generation": 2, "key": "new master", "previous": {"generation": 1, "key": "old master"}}
# every character that UTF-8 can carry
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def refused(body: bytes) -> UnusableBodyError:
    """The refusal of a body, whose sentence can be told."""
    with pytest.raises(UnusableBodyError) as caught:
        parse(body)
    assert message(caught.value.reason, **caught.value.facts)
    return caught.value


def nested(levels: int) -> bytes:
    """A body whose deepest bracket stands at a level."""
    inner = levels - 1
    return b'{"lead": {"id": 1}, "more": ' + b"[" * inner + b"]" * inner + b"}"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(b"", "body_not_json", id="empty"),
        pytest.param(b"lead 1", "body_not_json", id="plain text"),
        pytest.param(b'{"lead": {"id": 1}', "body_not_json", id="cut off"),
        pytest.param(b'{"lead": {"id": 1}} {}', "body_not_json", id="two documents"),
        pytest.param(b'{"lead": {"id": 1, "firstName": "a"b"}}', "body_not_json", id="a quote in a value"),
        pytest.param(b'{"lead": {"id": 1, "x": NaN}}', "body_not_json", id="NaN"),
        pytest.param(b'{"lead": {"id": 1, "x": -Infinity}}', "body_not_json", id="Infinity"),
        pytest.param(b'{"lead": {"id": 1, "id": 2}}', "body_not_json", id="a member twice"),
        pytest.param(b'{"lead": {"id": 1}, "lead": {"id": 2}}', "body_not_json", id="lead twice"),
        pytest.param("{'lead': 1}".encode("utf-16"), "body_not_text", id="UTF-16"),
        pytest.param('{"lead": {"id": 1, "firstName": "Zoë"}}'.encode("latin-1"), "body_not_text", id="Latin-1"),
        pytest.param(rb'{"lead": {"id": 1, "x": "\ud83d"}}', "body_not_text", id="a lone surrogate"),
        pytest.param(rb'{"lead": {"id": 1, "\udc00": "x"}}', "body_not_text", id="a lone surrogate as name"),
        pytest.param(b"[]", "lead_missing", id="a list"),
        pytest.param(b"null", "lead_missing", id="null"),
        pytest.param(b"{}", "lead_missing", id="no lead"),
        pytest.param(b'{"lead": null}', "lead_missing", id="lead null"),
        pytest.param(b'{"lead": [1]}', "lead_missing", id="lead a list"),
        pytest.param(b'{"lead": {}}', "lead_id_invalid", id="no id"),
        pytest.param(b'{"lead": {"id": ""}}', "lead_id_invalid", id="id blank"),
        pytest.param(b'{"lead": {"id": "7a"}}', "lead_id_invalid", id="id not digits"),
        pytest.param('{"lead": {"id": "٧"}}'.encode(), "lead_id_invalid", id="id in other digits"),
        pytest.param(b'{"lead": {"id": "{{lead.Id}}"}}', "lead_id_invalid", id="id not rendered"),
        pytest.param(b'{"lead": {"id": 0}}', "lead_id_invalid", id="id zero"),
        pytest.param(b'{"lead": {"id": -7}}', "lead_id_invalid", id="id negative"),
        pytest.param(b'{"lead": {"id": 7.5}}', "lead_id_invalid", id="id with a fraction"),
        pytest.param(b'{"lead": {"id": 12345678901234567.0}}', "lead_id_invalid", id="id that a float rounds"),
        pytest.param(b'{"lead": {"id": true}}', "lead_id_invalid", id="id true"),
        pytest.param(b'{"lead": {"id": 1234567890123456789}}', "lead_id_invalid", id="id too long"),
        pytest.param(b'{"lead": {"id": 1, "x": {}}}', "field_invalid", id="a field that is an object"),
        pytest.param(b'{"lead": {"id": 1, "x": [1]}}', "field_invalid", id="a field that is a list"),
        pytest.param(b'{"lead": {"id": 1}, "campaign": "x"}', "field_invalid", id="campaign a text"),
        pytest.param(b'{"lead": {"id": 1}, "campaign": {"name": {}}}', "field_invalid", id="campaign nested"),
        pytest.param(b'{"lead": {"id": 1}, "token": [1]}', "field_invalid", id="token a list"),
        pytest.param(b'{"lead": {"id": 1}, "token": {"a": {"b": 1}}}', "field_invalid", id="token nested"),
        pytest.param(b'{"lead": {"id": 1}, "program": {"a": [1]}}', "field_invalid", id="program nested"),
        pytest.param(b'{"lead": {"id": 1}, "event_id": {}}', "field_invalid", id="event id an object"),
        pytest.param(b'{"lead": {"id": 1}, "event_id": true}', "field_invalid", id="event id true"),
        pytest.param(b'{"lead": {"id": 1}, "event_id": "%b"}' % (b"x" * 201), "field_invalid", id="event id long"),
        pytest.param(nested(DEPTH_LIMIT + 1), "body_too_deep", id="too deep"),
        pytest.param(b"[" * 60_000, "body_too_deep", id="far too deep"),
        pytest.param(b'{"a":' * 10_000, "body_too_deep", id="far too deep in objects"),
        pytest.param(b" " * (BODY_LIMIT_BYTES + 1), "body_too_large", id="too large"),
    ],
)
def test_an_unusable_body_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    """Each unusable body is refused with its own reason code and a sentence."""
    assert refused(body).reason == reason


def test_a_refusal_names_the_place_and_not_the_value() -> None:
    """A broken body is told by line and column; what stands there is not repeated."""
    told = refused(b'{"lead": {"id": 1,\n "email": "ada@example.com" "x"}}')

    text = message(told.reason, **told.facts)
    assert "line 2 column 29" in text
    assert "ada@" not in text


@pytest.mark.parametrize(
    ("body", "lead"),
    [
        pytest.param(b'{"lead": {"id": 7}}', {"id": 7}, id="a number"),
        pytest.param(b'{"lead": {"id": 7.0}}', {"id": 7}, id="a whole number with a point"),
        pytest.param(b'{"lead": {"id": "7"}}', {"id": 7}, id="digits in a string"),
        pytest.param(b'{"lead": {"id": " 007 "}}', {"id": 7}, id="digits with blanks and zeros"),
        pytest.param(b'\xef\xbb\xbf{"lead": {"id": 7}}', {"id": 7}, id="a byte order mark"),
        pytest.param(b' \n{"lead": {"id": 7}}\n', {"id": 7}, id="blanks around"),
    ],
)
def test_a_usable_body_is_read(body: bytes, lead: dict[str, Any]) -> None:
    """Each usable body gives the lead with its id as a number."""
    assert parse(body)["lead"] == lead


@pytest.mark.parametrize(
    ("written", "value"),
    [
        pytest.param(b"null", None, id="null"),
        pytest.param(b"true", True, id="true"),
        pytest.param(b"1.5", 1.5, id="a fraction"),
        pytest.param(b'""', "", id="a blank"),
        pytest.param(b"9007199254740992", 2**53, id="the largest safe integer"),
        pytest.param(b"-9007199254740993", "-9007199254740993", id="one that a float would round"),
        pytest.param(b"12345678901234567890", "12345678901234567890", id="a big integer"),
        pytest.param(b"1e999", "1e999", id="beyond all floats"),
        pytest.param(b"-1e999", "-1e999", id="below all floats"),
        pytest.param(rb'"\ud83d\ude00"', "\U0001f600", id="a surrogate pair"),
        pytest.param(rb'"\\ud83d"', r"\ud83d", id="an escaped backslash"),
        pytest.param(rb'"[[[{{{\"[["', '[[[{{{"[[', id="brackets in a text"),
        pytest.param(b'"a\r\n\tb"', "a\r\n\tb", id="raw line breaks and tabs, as Marketo renders them"),
    ],
)
def test_a_value_arrives_as_it_was_sent(written: bytes, value: Any) -> None:
    """Each value keeps its type and all its digits and characters; what JSON parsers round stays text."""
    found = parse(b'{"lead": {"id": 7, "x": ' + written + b"}}")["lead"]["x"]

    assert (found, type(found)) == (value, type(value))


def test_the_deepest_allowed_body_is_read() -> None:
    """A body at the limit of nesting is read."""
    assert parse(nested(DEPTH_LIMIT))["lead"] == {"id": 1}


def test_the_largest_allowed_body_is_read() -> None:
    """A body of exactly the largest size is read."""
    body = b'{"lead": {"id": 7, "x": "%b"}}'
    filled = body % (b"x" * (BODY_LIMIT_BYTES - len(body % b"")))

    assert len(filled) == BODY_LIMIT_BYTES
    assert parse(filled)["lead"]["id"] == 7


@pytest.mark.parametrize(
    "member",
    [
        b'"campaign": null',
        b'"campaign": ""',
        b'"token": ""',
        b'"program": "P"',
        b'"program": ""',
        b'"event_id": null',
        b'"event_id": 12',
        b'"event_id": ""',
        b'"unknown": {"a": [1]}',
    ],
)
def test_optional_members_may_be_blank_or_unknown(member: bytes) -> None:
    """Blank optional members and members that this version does not know are accepted."""
    assert parse(b'{"lead": {"id": 7}, ' + member + b"}")["lead"] == {"id": 7}


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.dictionaries(texts.filter(lambda name: name != "id"), texts | st.booleans() | st.none(), max_size=6))
def test_any_value_arrives_intact(values: dict[str, Any]) -> None:
    """Whatever text a person typed, in whichever JSON form, arrives as it was."""
    payload = {"lead": {"id": 7} | values}

    for ensure_ascii in (True, False):
        assert parse(json.dumps(payload, ensure_ascii=ensure_ascii).encode()) == payload


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.binary(max_size=200) | texts.map(str.encode))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Whatever bytes come, the answer is a payload or a refusal, never another error."""
    try:
        sentence = "" if "lead" in parse(body) else "no lead"
    except UnusableBodyError as told:
        sentence = message(told.reason, **told.facts)

    assert sentence != "no lead"


def test_columns_carry_their_group() -> None:
    """Lead fields are columns by name, campaign, program and token members by group and name."""
    payload = {
        "lead": {"id": 7, "email": "a@example.com"},
        "campaign": {"name": "Welcome"},
        "token": {"{{my.x}}": "1"},
        "program": "P",
    }

    assert columns(payload) == {
        "id": 7,
        "email": "a@example.com",
        "campaign.name": "Welcome",
        "token.{{my.x}}": "1",
        "program": "P",
    }


def test_equal_payloads_hash_equal_in_any_order() -> None:
    """The payload's hash does not depend on the order of members, but on every value."""
    one, same, other = {"lead": {"id": 7, "a": "1"}}, {"lead": {"a": "1", "id": 7}}, {"lead": {"id": 7, "a": "2"}}

    assert payload_hash(one) == payload_hash(same) != payload_hash(other)


# -- keys


def test_a_key_is_a_keyed_hash_of_action_and_generation() -> None:
    """A webhook key is `v<generation>.` and the unpadded base64url HMAC-SHA256 of `<action>:<generation>`."""
    digest = hmac.new(b"master", b"person-to-lead:3", hashlib.sha256).digest()

    assert webhook_key("master", "person-to-lead", 3) == "v3." + base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_two_generations_are_valid() -> None:
    """The keys of the present and of the previous generation open, those before and after do not."""
    keys = {
        generation: webhook_key(master, "a", generation)
        for generation, master in ((0, "old master"), (1, "old master"), (2, "new master"), (3, "new master"))
    }

    assert {generation: is_authentic([key], SECRET, "a") for generation, key in keys.items()} == {
        0: False,
        1: True,
        2: True,
        3: False,
    }


def test_without_a_rotation_one_generation_is_valid() -> None:
    """A secret without a previous generation opens to its own keys alone."""
    secret = {"generation": 1, "key": "old master"}

    assert is_authentic([webhook_key("old master", "a", 1)], secret, "a")
    assert not is_authentic([webhook_key("new master", "a", 2)], secret, "a")


def test_a_key_opens_its_own_action_only() -> None:
    """Of four Actions and their keys in two generations, each key opens exactly its own Action."""
    actions = ["a", "a-b", "b", "a:1"]
    generations = [(1, "old master"), (2, "new master")]

    opened = {
        (key_of, door)
        for key_of in actions
        for door in actions
        for generation, master in generations
        if is_authentic([webhook_key(master, key_of, generation)], SECRET, door)
    }

    assert opened == {(action, action) for action in actions}


@pytest.mark.parametrize(
    "given_values",
    [
        pytest.param([], id="no header"),
        pytest.param([""], id="an empty header"),
        pytest.param(["v2.x"], id="a wrong key"),
        pytest.param(["KEY", "KEY"], id="the right key twice"),
        pytest.param(["KEY", "v2.x"], id="the right key and another"),
        pytest.param(["KEY\nKEY"], id="two keys in one value"),
        pytest.param([" KEY"], id="a blank before"),
        pytest.param(["KEY="], id="with padding"),
        pytest.param(["Schlüssel€"], id="not ASCII"),
        pytest.param(["\ud800"], id="a lone surrogate"),
    ],
)
def test_anything_but_exactly_one_right_key_is_refused(given_values: list[str]) -> None:
    """No, wrong, several and malformed header values are refused without an error."""
    key = webhook_key("new master", "a", 2)

    assert not is_authentic([value.replace("KEY", key) for value in given_values], SECRET, "a")
    assert is_authentic([key], SECRET, "a")


@pytest.mark.parametrize(
    "body",
    [
        b'{"ada@example.com": 1, "ada@example.com": 2}',
        b'{"lead": {"id": 1, "Ada Lovelace, ada@example.com": [1]}}',
        b'{"lead": {"id": 1}, "token": {"ada@example.com": {}}}',
    ],
)
def test_a_value_in_the_place_of_a_name_is_not_repeated(body: bytes) -> None:
    """A broken template can put a value where a member's name belongs; the sentence does not hold it."""
    with pytest.raises(UnusableBodyError) as caught:
        parse(body)
    assert "ada" not in str(caught.value.facts).lower()


def test_a_member_that_is_wrong_is_named() -> None:
    """A field's own name helps to mend the template."""
    with pytest.raises(UnusableBodyError) as caught:
        parse(b'{"lead": {"id": 1, "Favourite_Colour__c": [1]}}')
    assert caught.value.facts["field"] == "lead.Favourite_Colour__c"
