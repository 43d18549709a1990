"""Refresh tokens, set-up mistakes of an app, introspection, and conditional requests on records."""

from datetime import UTC, datetime
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
    lead,
    signing_key,
)


def ask_token(org: Org, grant: str, **form: str) -> httpx.Response:
    """Ask the token endpoint with the app's id and secret."""
    secret = {key: org.credentials[key] for key in ("client_id", "client_secret")}
    return org.http.post("/services/oauth2/token", data={"grant_type": grant, **secret, **form})


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    """Return status, error and description of an OAuth refusal."""
    body = answer.json()
    return answer.status_code, body["error"], body["error_description"]


def test_a_refresh_token_opens_a_session_and_stays(org: Org) -> None:
    """The answer has issued_at and signature, no expires_in and no new refresh token; it works again."""
    for _ in range(2):
        answer = ask_token(org, "refresh_token", refresh_token=org.credentials["refresh_token"])
        assert answer.status_code == 200
        body = answer.json()
        assert {"access_token", "instance_url", "id", "issued_at", "signature"} <= body.keys()
        assert not {"expires_in", "refresh_token"} & body.keys()
        org.headers = {"Authorization": f"Bearer {body['access_token']}"}
        assert org.call("GET", "/limits").status_code == 200


def test_a_revoked_refresh_token_takes_its_sessions_along(org: Org) -> None:
    """After revocation: invalid_grant, `expired access/refresh token`, and 401 for the session it opened."""
    token = org.credentials["refresh_token"]
    opened = ask_token(org, "refresh_token", refresh_token=token).json()["access_token"]
    assert org.http.post("/services/oauth2/revoke", data={"token": token}).status_code == 200
    expected = (400, "invalid_grant", "expired access/refresh token")
    assert refusal(ask_token(org, "refresh_token", refresh_token=token)) == expected
    assert org.call("GET", "/limits", headers={"Authorization": f"Bearer {opened}"}).status_code == 401
    assert org.call("GET", "/limits").status_code == 200
    org.control("reset", {})
    assert ask_token(org, "refresh_token", refresh_token=token).status_code == 200


def test_a_wrong_refresh_request_is_refused(org: Org) -> None:
    """An unknown token, a policy that ended it, a wrong secret and an unknown client each have their error."""
    token = org.credentials["refresh_token"]
    expired = (400, "invalid_grant", "expired access/refresh token")
    assert refusal(ask_token(org, "refresh_token", refresh_token="nonsense")) == expired
    assert refusal(ask_token(org, "refresh_token")) == expired
    wrong = ask_token(org, "refresh_token", refresh_token=token, client_secret="no")
    assert refusal(wrong)[1:] == ("invalid_client", "invalid client credentials")
    unknown = ask_token(org, "refresh_token", refresh_token=token, client_id="no")
    assert refusal(unknown)[1:] == ("invalid_client_id", "client identifier invalid")
    org.control("limits", {"refresh_token_valid": False})
    assert refusal(ask_token(org, "refresh_token", refresh_token=token)) == expired


@pytest.mark.parametrize(
    ("switch", "error", "description"),
    [
        ("client_credentials_user", "invalid_grant", "no client credentials user enabled"),
        ("on_my_domain", "invalid_grant", "request not supported on this domain"),
        ("app_installed", "invalid_client", "External client app is not installed in this org"),
        ("user_active", "invalid_grant", "authentication failure"),
    ],
)
def test_an_app_set_up_wrongly_says_what_is_missing(org: Org, switch: str, error: str, description: str) -> None:
    """No Run-As user, a login host instead of My Domain, an app that is not in the org, a user who is locked."""
    assert ask_token(org, "client_credentials").status_code == 200
    org.control("limits", {switch: False})
    assert refusal(ask_token(org, "client_credentials")) == (400, error, description)


def test_a_user_without_the_apps_permission_is_not_admin_approved(org: Org) -> None:
    """invalid_app_access, although the signature and the user are right."""
    key = signing_key("sessions")
    org.control("certificate", {"certificate": certificate(key, datetime(2040, 1, 1, tzinfo=UTC))})
    claims: dict[str, Any] = {
        "iss": org.credentials["client_id"],
        "sub": org.credentials["username"],
        "aud": org.credentials["audience"],
        "exp": in_seconds(org.now(), 120),
    }
    form = {"grant_type": JWT_BEARER, "assertion": assertion(key, claims)}
    assert org.http.post("/services/oauth2/token", data=form).status_code == 200
    org.control("limits", {"user_admin_approved": False})
    expected = (400, "invalid_app_access", "user is not admin approved to access this app")
    assert refusal(org.http.post("/services/oauth2/token", data=form)) == expected


def test_introspection_tells_the_end_of_a_session(org: Org) -> None:
    """exp is the idle end; a dead or unknown token is `active: false`; a wrong secret is refused."""
    secret = {key: org.credentials[key] for key in ("client_id", "client_secret")}

    def introspect(**form: str) -> httpx.Response:
        return org.http.post("/services/oauth2/introspect", data=secret | form)

    told = introspect(token=org.token).json()
    assert (told["active"], told["username"]) == (True, org.credentials["username"])
    assert told["exp"] - told["iat"] >= 7_200
    org.control("clock", {"advance_seconds": 7_201})
    assert introspect(token=org.token).json() == {"active": False}
    assert introspect(token="nonsense").json() == {"active": False}
    assert refusal(introspect(token=org.token, client_secret="no"))[1] == "invalid_client"


def test_the_user_info_names_user_and_org(org: Org) -> None:
    """The ids are those of the token answer's id URL; without a session it is 401."""
    told = org.http.get("/services/oauth2/userinfo", headers=org.headers).json()
    assert told["sub"].endswith(f"/id/{told['organization_id']}/{told['user_id']}")
    assert told["preferred_username"] == org.credentials["username"]
    assert org.http.get("/services/oauth2/userinfo").status_code == 401


def test_conditions_on_times_hold_for_every_record(org: Org) -> None:
    """If-Modified-Since gives 304 when nothing changed, If-Unmodified-Since 412 when something did."""
    (made,) = org.load("Lead", lead())
    path = f"/sobjects/Lead/{made}"
    before, after = "Tue, 06 May 2031 07:00:00 GMT", "Tue, 06 May 2031 08:00:00 GMT"
    assert org.call("GET", path, headers={"If-Modified-Since": after}).status_code == 304
    assert org.call("GET", path, headers={"If-Modified-Since": before}).status_code == 200
    for method, options in (("GET", {}), ("PATCH", {"json": {"Title": "x"}}), ("DELETE", {})):
        refused = org.call(method, path, headers={"If-Unmodified-Since": before}, **options)
        assert refused.status_code == 412, method
    assert org.call("PATCH", path, headers={"If-Unmodified-Since": after}, json={"Title": "y"}).status_code == 204
    assert [each["Title"] for each in org.records("Lead")] == ["y"]


def test_only_accounts_have_an_etag(org: Org) -> None:
    """If-None-Match gives 304, If-Match with an old tag 412; a lead answers without a tag."""
    (account,) = org.load("Account", {"Name": "Amber"})
    (person,) = org.load("Lead", lead())
    path = f"/sobjects/Account/{account}"
    tag = org.call("GET", path).headers["ETag"]
    assert org.call("GET", path, headers={"If-None-Match": tag}).status_code == 304
    org.control("clock", {"advance_seconds": 5})
    assert org.call("PATCH", path, headers={"If-Match": tag}, json={"Phone": "1"}).status_code == 204
    refused = org.call("PATCH", path, headers={"If-Match": tag}, json={"Phone": "2"})
    assert refused.status_code == 412
    assert org.call("GET", path, headers={"If-None-Match": tag}).status_code == 200
    assert "ETag" not in org.call("GET", f"/sobjects/Lead/{person}").headers


def test_an_inactive_user_owns_nothing_new(org: Org) -> None:
    """INACTIVE_OWNER_OR_USER once an administrator has switched the owner off."""
    user = org.rows("SELECT Id FROM User WHERE LastName = 'Assignment'")[0]["Id"]
    assert org.call("POST", "/sobjects/Lead", json=lead(OwnerId=user)).status_code == 201
    org.control("set", {"object": "User", "ids": [user], "fields": {"IsActive": False}})
    refused = org.call("POST", "/sobjects/Lead", json=lead(OwnerId=user))
    assert error_of(refused)[:2] == (400, "INACTIVE_OWNER_OR_USER")
