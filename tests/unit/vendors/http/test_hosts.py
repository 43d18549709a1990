"""Which addresses may be given our token."""

import pytest

from leadbridge.vendors.http.hosts import (
    MARKETO_HOST,
    SALESFORCE_HOST,
    SALESFORCE_LOGIN_HOST,
    ForbiddenHostError,
    checked_base,
    checked_path,
)

LOCAL = frozenset({"127.0.0.1:8123"})


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://123-ABC-456.mktorest.com", "https://123-abc-456.mktorest.com"),
        ("https://123-ABC-456.mktorest.com/", "https://123-abc-456.mktorest.com"),
        ("http://127.0.0.1:8123/", "http://127.0.0.1:8123"),
    ],
)
def test_a_marketo_instance_and_a_listed_local_host_are_allowed(url: str, base: str) -> None:
    """The result never ends in a slash, so that joined paths never hold two."""
    assert checked_base(url, MARKETO_HOST, LOCAL) == base


@pytest.mark.parametrize(
    "url",
    [
        "http://123-ABC-456.mktorest.com",
        "https://123-ABC-456.mktorest.com:8443",
        "https://123-ABC-456.mktorest.com@evil.example.com",
        "https://user@123-ABC-456.mktorest.com",
        "https://123-ABC-456.mktorest.com.evil.example.com",
        "https://evil-123-ABC-456.mktorest.com",
        "https://123-ABC-456.mktorest.com/rest",
        "https://123-ABC-456.mktorest.com?x=1",
        "https://123-ABC-456.mktorest.com#",
        "https://123-ABC-456.mktorest.com\n",
        "https://123-ABC-456.mktorest.com\\@evil.example.com",
        "https://127.0.0.1:9999",
        "http://127.0.0.1",
        "http://169.254.169.254",
        "file:///etc/passwd",
        "//123-ABC-456.mktorest.com",
        "",
    ],
)
def test_every_other_address_is_refused(url: str) -> None:
    """Scheme, host, port, user, path and tricks of parsers: one deviation is enough."""
    with pytest.raises(ForbiddenHostError):
        checked_base(url, MARKETO_HOST, LOCAL)


def test_salesforce_orgs_and_login_hosts_are_told_apart() -> None:
    """A session never leads to the login host, but a login may go to My Domain."""
    org = "https://acme--dev.sandbox.my.salesforce.com"
    assert checked_base(org, SALESFORCE_HOST, ()) == org
    assert checked_base(org, SALESFORCE_LOGIN_HOST, ()) == org
    assert checked_base("https://test.salesforce.com", SALESFORCE_LOGIN_HOST, ()) == "https://test.salesforce.com"
    with pytest.raises(ForbiddenHostError):
        checked_base("https://login.salesforce.com", SALESFORCE_HOST, ())
    with pytest.raises(ForbiddenHostError):
        checked_base("https://acme.my.salesforce.com.example.com", SALESFORCE_HOST, ())


@pytest.mark.parametrize(
    ("next_url", "path"),
    [
        ("/services/data/v67.0/query/01gX-2000", "/services/data/v67.0/query/01gX-2000"),
        ("https://acme.my.salesforce.com/services/data/v67.0/query/01gX", "/services/data/v67.0/query/01gX"),
    ],
)
def test_a_follow_up_address_on_the_same_host_is_reduced_to_its_path(next_url: str, path: str) -> None:
    """Both documented spellings of nextRecordsUrl are followed."""
    assert checked_path(next_url, "https://acme.my.salesforce.com") == path


@pytest.mark.parametrize(
    "next_url",
    [
        "//evil.example.com/services/data/x",
        "https://evil.example.com/services/data/v67.0/query/01gX",
        "https://acme.my.salesforce.com.evil.example.com/services/data/x",
        "https://acme.my.salesforce.com@evil.example.com/services/data/x",
        "/services/data/../../oauth2/token",
        "/services/data//v67.0",
        "/other",
        "/services/data/v67.0/query\r\nX: y",
        "",
    ],
)
def test_a_follow_up_address_elsewhere_is_refused(next_url: str) -> None:
    """An answer cannot send our session to another host or resource."""
    with pytest.raises(ForbiddenHostError):
        checked_path(next_url, "https://acme.my.salesforce.com")
