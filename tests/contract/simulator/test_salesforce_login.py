"""The token endpoint and the life of a session, as the vendor documents them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.contract.simulator.salesforce_support import (
    JWT_BEARER,
    Org,
    assertion,
    certificate,
    error_of,
    in_seconds,
    signing_key,
    start_over,
)


@pytest.fixture
def org(running: Org) -> Org:
    start_over(running)
    pem = certificate(signing_key("uploaded"), datetime(2040, 1, 1, tzinfo=UTC))
    running.control("certificate", {"certificate": pem})
    return running


def claims(org: Org, **changes: Any) -> dict[str, Any]:
    standard = {
        "iss": org.credentials["client_id"],
        "sub": org.credentials["username"],
        "aud": "https://login.salesforce.com",
        "exp": in_seconds(org.now(), 180),
    }
    return standard | changes


def exchange(org: Org, token: str) -> httpx.Response:
    return org.http.post("/services/oauth2/token", data={"grant_type": JWT_BEARER, "assertion": token})


def log_in(org: Org, key: str = "uploaded", **changes: Any) -> httpx.Response:
    return exchange(org, assertion(signing_key(key), claims(org, **changes)))


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


def test_an_assertion_signed_with_the_uploaded_certificate_opens_a_session(org: Org) -> None:
    """The answer has the documented members and no expires_in, and its token is accepted by the data API."""
    answer = log_in(org)
    assert answer.status_code == 200
    body = answer.json()
    assert {"access_token", "scope", "instance_url", "id", "token_type"} <= body.keys()
    assert "expires_in" not in body
    assert body["token_type"] == "Bearer"
    assert body["instance_url"] == org.url
    assert body["id"].startswith(f"{org.url}/id/00D")
    org.headers = {"Authorization": f"Bearer {body['access_token']}"}
    user_id = body["id"].rpartition("/")[2]
    assert org.call("GET", f"/sobjects/User/{user_id}").json()["Username"] == org.credentials["username"]


def test_an_assertion_signed_with_another_key_is_refused(org: Org) -> None:
    """A signature that no uploaded certificate made gives invalid_grant, in object form."""
    assert refusal(log_in(org, key="stranger")) == (400, "invalid_grant", "invalid assertion")


def test_an_assertion_whose_claims_were_changed_after_signing_is_refused(org: Org) -> None:
    """The signature covers the claims, so exchanging them makes it worthless."""
    header, _, signature = assertion(signing_key("uploaded"), claims(org)).split(".")
    other_claims = assertion(signing_key("uploaded"), claims(org, jti="other")).split(".")[1]
    answer = exchange(org, f"{header}.{other_claims}.{signature}")
    assert refusal(answer) == (400, "invalid_grant", "invalid assertion")


@pytest.mark.parametrize("algorithm", ["none", "HS256", "ES256"])
def test_only_rs256_is_accepted(org: Org, algorithm: str) -> None:
    """A header that names another algorithm is refused although the RSA signature is right."""
    answer = exchange(org, assertion(signing_key("uploaded"), claims(org), algorithm))
    assert refusal(answer) == (400, "invalid_grant", "invalid assertion")


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "e30.e30.e30"])
def test_something_that_is_no_assertion_is_refused(org: Org, token: str) -> None:
    """Malformed assertions get the documented error, never a server error."""
    assert exchange(org, token).status_code == 400


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"iss": "3MVG9unknown"}, "invalid_client_id", "client identifier invalid"),
        ({"sub": "someone@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"aud": "https://example.com"}, "invalid_grant", "audience is invalid"),
        ({"exp": None}, "invalid_grant", "invalid assertion"),
    ],
)
def test_a_wrong_claim_is_refused_with_its_own_error(
    org: Org, changes: dict[str, Any], error: str, description: str
) -> None:
    """Issuer, user, audience and expiry are each checked and named by the documented pair."""
    assert refusal(log_in(org, **changes)) == (400, error, description)


def test_an_expired_assertion_is_refused(org: Org) -> None:
    """An exp in the past on the org's clock gives invalid_grant."""
    answer = log_in(org, exp=in_seconds(org.now(), -1))
    assert refusal(answer) == (400, "invalid_grant", "invalid assertion")


def test_a_far_expiry_is_refused_in_strict_mode_only(org: Org) -> None:
    """More than five minutes ahead passes, as observed in practice, unless the org is strict."""
    far = in_seconds(org.now(), 3600)
    assert log_in(org, exp=far).status_code == 200
    org.control("limits", {"strict_assertion_expiry": True})
    assert refusal(log_in(org, exp=far)) == (400, "invalid_grant", "invalid assertion")
    assert log_in(org, exp=in_seconds(org.now(), 200)).status_code == 200


def test_a_sandbox_refuses_the_production_audience(org: Org) -> None:
    """With login.salesforce.com switched off, only test.salesforce.com and the org's own URL are audiences."""
    org.control("limits", {"accept_login_audience": False})
    assert refusal(log_in(org)) == (400, "invalid_grant", "audience is invalid")
    assert log_in(org, aud="https://test.salesforce.com").status_code == 200
    assert log_in(org, aud=org.url).status_code == 200


def test_a_certificate_that_has_expired_opens_nothing(org: Org) -> None:
    """Nothing warns before: from the certificate's last moment on, its assertions are invalid."""
    last_moment = org.now() + timedelta(days=1)
    org.control("certificate", {"certificate": certificate(signing_key("short"), last_moment)})
    assert log_in(org, key="short").status_code == 200
    org.control("clock", {"advance_seconds": 2 * 86_400})
    assert refusal(log_in(org, key="short")) == (400, "invalid_grant", "invalid assertion")
    assert log_in(org).status_code == 200


def test_a_certificate_survives_a_reset(org: Org) -> None:
    """What an administrator set up stays; records and sessions go."""
    org.control("reset", {})
    assert error_of(org.call("GET", "/limits"))[:2] == (401, "INVALID_SESSION_ID")
    assert log_in(org).status_code == 200


@pytest.mark.parametrize("document", [{}, {"certificate": "not PEM"}, {"certificate": 1}])
def test_an_unreadable_certificate_is_refused(org: Org, document: dict[str, Any]) -> None:
    """The control plane answers 400 with a sentence."""
    answer = org.http.post("/_sim/certificate", json=document)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_client_credentials_work_in_the_form_and_as_basic_authorization(org: Org) -> None:
    """Both documented ways to send id and secret open a session; issued_at is milliseconds in a string."""
    secret = {key: org.credentials[key] for key in ("client_id", "client_secret")}
    by_form = org.http.post("/services/oauth2/token", data={"grant_type": "client_credentials", **secret})
    assert by_form.status_code == 200
    assert by_form.json()["issued_at"].isdecimal()
    assert "expires_in" not in by_form.json()
    by_header = org.http.post(
        "/services/oauth2/token",
        data={"grant_type": "client_credentials"},
        auth=(secret["client_id"], secret["client_secret"]),
    )
    assert by_header.status_code == 200


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"client_id": "unknown"}, "invalid_client_id", "client identifier invalid"),
        ({"client_secret": "wrong"}, "invalid_client", "invalid client credentials"),
        ({"grant_type": "password"}, "unsupported_grant_type", "grant type not supported"),
    ],
)
def test_wrong_client_credentials_are_refused(org: Org, changes: dict[str, str], error: str, description: str) -> None:
    """Key, secret and grant type each have their documented error."""
    form = {
        "grant_type": "client_credentials",
        "client_id": org.credentials["client_id"],
        "client_secret": org.credentials["client_secret"],
    }
    answer = org.http.post("/services/oauth2/token", data=form | changes)
    assert refusal(answer) == (400, error, description)


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eDp5"}])
def test_a_call_without_a_session_is_refused(org: Org, headers: dict[str, str]) -> None:
    """401 with an array body: message Session expired or invalid, code INVALID_SESSION_ID."""
    org.headers = headers
    expected = (401, "INVALID_SESSION_ID", "Session expired or invalid")
    assert error_of(org.call("GET", "/limits")) == expected


def test_a_session_ends_after_its_idle_time_and_use_extends_it(org: Org) -> None:
    """Two hours after the last use the token is dead; before, each use starts the two hours anew."""
    for _ in range(3):
        org.control("clock", {"advance_seconds": 7_000})
        assert org.call("GET", "/limits").status_code == 200
    org.control("clock", {"advance_seconds": 7_200})
    assert error_of(org.call("GET", "/limits"))[1] == "INVALID_SESSION_ID"


def test_the_session_time_is_a_setting(org: Org) -> None:
    """session_seconds shortens the life of sessions that are open already."""
    org.control("limits", {"session_seconds": 900})
    org.control("clock", {"advance_seconds": 899})
    assert org.call("GET", "/limits").status_code == 200
    org.control("clock", {"advance_seconds": 900})
    assert org.call("GET", "/limits").status_code == 401


def test_a_revoked_token_is_dead_and_the_next_login_works(org: Org) -> None:
    """Revocation by the client and by an administrator both end in 401, and a new session opens."""
    assert org.http.post("/services/oauth2/revoke", data={"token": org.token}).status_code == 200
    assert org.call("GET", "/limits").status_code == 401
    assert org.http.post("/services/oauth2/revoke", data={"token": org.token}).status_code == 400
    org.log_in()
    assert org.control("revoke", {}) == {"revoked": 1}
    assert org.call("GET", "/limits").status_code == 401
    org.log_in()
    assert org.call("GET", "/limits").status_code == 200
