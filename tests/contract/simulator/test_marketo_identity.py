"""Marketo's identity service and what a token is worth.

The documented answers: 401 for bad credentials, else `{access_token, token_type, expires_in, scope}`, the same token
until it expires with its remaining life; 601 invalid, 602 expired, 603 missing, all three as HTTP 200.
"""

from __future__ import annotations

from typing import Any

import httpx
import pytest

TOKEN = "/identity/oauth/token"
USAGE = "/rest/v1/stats/usage.json"


@pytest.fixture
def login(simulator: dict[str, Any]) -> dict[str, str]:
    """The parameters of a correct login."""
    credentials = simulator["marketo_credentials"]
    return {
        "grant_type": "client_credentials",
        "client_id": credentials["client_id"],
        "client_secret": credentials["client_secret"],
    }


def error_code(answer: httpx.Response) -> str:
    """Give the code of a failed envelope, which is always HTTP 200."""
    assert answer.status_code == 200
    assert answer.json()["success"] is False
    code: str = answer.json()["errors"][0]["code"]
    return code


def test_the_same_token_comes_back_until_it_expires(marketo_anonymous: httpx.Client, login: dict[str, str]) -> None:
    """By GET and by POST, with parameters in query or form, one token with its remaining life is handed out."""
    first = marketo_anonymous.get(TOKEN, params=login).json()
    marketo_anonymous.post("/_sim/clock", json={"advance_seconds": 600})
    second = marketo_anonymous.post(TOKEN, params=login).json()
    marketo_anonymous.post("/_sim/clock", json={"advance_seconds": 600})
    third = marketo_anonymous.post(TOKEN, data=login).json()
    marketo_anonymous.post("/_sim/clock", json={"advance_seconds": 2401})
    fourth = marketo_anonymous.get(TOKEN, params=login).json()

    assert first.keys() == {"access_token", "token_type", "expires_in", "scope"}
    assert first["token_type"] == "bearer"
    assert first["access_token"] == second["access_token"] == third["access_token"]
    assert first["expires_in"] > 3590
    assert 2390 < second["expires_in"] <= 3000
    assert 1790 < third["expires_in"] <= 2400
    assert fourth["access_token"] != first["access_token"]


def test_two_services_have_tokens_of_their_own(marketo: httpx.Client, simulator: dict[str, Any]) -> None:
    """A second integration gets another token, and both work."""
    credentials = simulator["marketo_credentials"]
    answer = marketo.get(
        TOKEN,
        params={
            "grant_type": "client_credentials",
            "client_id": credentials["other_client_id"],
            "client_secret": credentials["other_client_secret"],
        },
    )
    theirs = {"Authorization": f"Bearer {answer.json()['access_token']}"}

    assert theirs["Authorization"] != marketo.headers["Authorization"]
    assert marketo.get(USAGE).json()["success"] is True
    assert marketo.get(USAGE, headers=theirs).json()["success"] is True


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"client_id": "nobody"}, 401, "unauthorized"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
    ],
)
def test_bad_credentials_are_refused_as_real_http_statuses(
    marketo_anonymous: httpx.Client, login: dict[str, str], changes: dict[str, str], status: int, error: str
) -> None:
    """A wrong id or secret is the one normal 401, with `error` and `error_description`."""
    answer = marketo_anonymous.get(TOKEN, params=login | changes)

    assert answer.status_code == status
    assert answer.json()["error"] == error
    assert answer.json()["error_description"]


def test_logins_are_not_counted(marketo_anonymous: httpx.Client, login: dict[str, str]) -> None:
    """More logins than the rate allows all succeed, and use nothing of the quota."""
    tokens = [marketo_anonymous.get(TOKEN, params=login).json()["access_token"] for _ in range(120)]

    usage = marketo_anonymous.get(USAGE, headers={"Authorization": f"Bearer {tokens[0]}"}).json()

    assert usage["result"][0]["total"] == 1


def test_a_call_without_token_is_603(marketo_anonymous: httpx.Client) -> None:
    """No header, and a header of another scheme, are refused alike."""
    bare = marketo_anonymous.get(USAGE)
    basic = marketo_anonymous.get(USAGE, headers={"Authorization": "Basic dTpw"})

    assert (error_code(bare), error_code(basic)) == ("603", "603")


def test_an_unknown_token_is_601(marketo_anonymous: httpx.Client) -> None:
    """A token that was never issued is invalid."""
    answer = marketo_anonymous.get(USAGE, headers={"Authorization": "Bearer made-up"})

    assert error_code(answer) == "601"
    assert answer.json()["errors"][0]["message"] == "Access token invalid"


def test_an_expired_token_is_602_until_a_new_one_is_fetched(marketo: httpx.Client, login: dict[str, str]) -> None:
    """An hour later the token has expired; logging in again gives one that works."""
    marketo.post("/_sim/clock", json={"advance_seconds": 3601})
    expired = marketo.get(USAGE)
    token = marketo.get(TOKEN, params=login).json()["access_token"]
    renewed = marketo.get(USAGE, headers={"Authorization": f"Bearer {token}"})

    assert error_code(expired) == "602"
    assert expired.json()["errors"][0]["message"] == "Access token expired"
    assert renewed.json()["success"] is True


def test_a_token_outside_the_header_is_refused(marketo: httpx.Client) -> None:
    """Query and form parameters named access_token, the old ways, are refused with and without a header."""
    token = marketo.headers["Authorization"].removeprefix("Bearer ")

    answers = [
        marketo.get(USAGE, params={"access_token": token}, headers={"Authorization": ""}),
        marketo.get(USAGE, params={"access_token": token}),
        marketo.post(f"{USAGE}?_method=GET", data={"access_token": token}),
    ]

    assert [error_code(answer) for answer in answers] == ["603", "603", "603"]


def test_refused_tokens_use_no_quota(marketo: httpx.Client) -> None:
    """601, 602 and 603 leave the day's total alone but appear among the day's errors."""
    for header in ("Bearer made-up", ""):
        marketo.get(USAGE, headers={"Authorization": header})

    usage = marketo.get(USAGE).json()["result"][0]
    errors = marketo.get("/rest/v1/stats/errors.json").json()["result"][0]

    assert usage["total"] == 1
    assert errors["errors"] == [{"errorCode": "601", "count": 1}, {"errorCode": "603", "count": 1}]
