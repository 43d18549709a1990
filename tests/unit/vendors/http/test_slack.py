"""An incoming webhook: where messages may be posted to, and what is said of answers."""

import json

import httpx
import pytest

from leadbridge.vendors.http.hosts import ForbiddenHostError
from leadbridge.vendors.http.slack import SlackChannel, checked_address

HOSTS = ["hooks.slack.com", "chat.example.com"]
LOCAL = ["127.0.0.1:9"]
ADDRESS = "https://hooks.slack.com/services/T000/B000/abc-DEF_1"  # pragma: allowlist secret


@pytest.mark.parametrize(
    ("given", "address"),
    [
        (ADDRESS, ADDRESS),
        ("https://HOOKS.slack.com/services/T/B/x", "https://hooks.slack.com/services/T/B/x"),
        ("https://chat.example.com/hooks/abc", "https://chat.example.com/hooks/abc"),
        ("http://127.0.0.1:9/services/x", "http://127.0.0.1:9/services/x"),
    ],
)
def test_an_address_on_the_list_is_taken(given: str, address: str) -> None:
    """By https to a listed host, or to a local stack's own."""
    assert checked_address(given, HOSTS, LOCAL) == address


@pytest.mark.parametrize(
    "given",
    [
        "",
        "hooks.slack.com/services/x",
        "http://hooks.slack.com/services/x",
        "https://hooks.slack.com",
        "https://hooks.slack.com/",
        "https://hooks.slack.com:8443/services/x",
        "https://user@hooks.slack.com/services/x",
        "https://evil.example.com/services/x",
        "https://hooks.slack.com.evil.example.com/services/x",
        "https://xhooks.slack.com/services/x",
        "https://hooks-slack.com/services/x",
        "https://evil.example.com/?https://hooks.slack.com/",
        "https://hooks.slack.com/services/x?to=y",
        "https://hooks.slack.com/services/x#y",
        "https://hooks.slack.com\\@evil.example.com/x",
        "https://hooks.slack.com/ser vices",
        "https://hooks.slack.com/ser\nvices",
        "https://[::1]/services/x",
        "https://127.0.0.1:9999/services/x",
        "ftp://hooks.slack.com/services/x",
    ],
)
def test_any_other_address_is_refused_without_being_repeated(given: str) -> None:
    """Another host, scheme, port, user, query or character: refused, and the sentence does not hold the address."""
    with pytest.raises(ForbiddenHostError) as refused:
        checked_address(given, HOSTS, LOCAL)

    assert not given or given not in str(refused.value)


def test_without_a_list_nothing_is_allowed() -> None:
    """An empty list of hosts allows no host."""
    with pytest.raises(ForbiddenHostError):
        checked_address(ADDRESS, [])


def a_channel(answer: httpx.Response | Exception, seen: list[httpx.Request], address: str = ADDRESS) -> SlackChannel:
    """A channel whose posts are answered, or fail."""

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    client = httpx.Client(transport=httpx.MockTransport(handle), follow_redirects=True)
    return SlackChannel(lambda: {"slack_url": address}, hosts=HOSTS, client=client)


def test_a_message_is_posted_as_text() -> None:
    """One JSON member, Slack's control characters escaped; nothing is said when it was taken."""
    seen: list[httpx.Request] = []

    assert a_channel(httpx.Response(200, text="ok"), seen).send("subject", "a & <b> 🎈") == ""

    (request,) = seen
    assert (request.method, str(request.url)) == ("POST", ADDRESS)
    assert json.loads(request.content) == {"text": "a &amp; &lt;b&gt; 🎈"}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (httpx.Response(404, text="no_service"), "answered HTTP 404"),
        (httpx.Response(302, headers={"Location": "https://evil.example.com/"}), "answered HTTP 302"),
        (httpx.ConnectError(f"cannot reach {ADDRESS}"), "no answer (ConnectError)"),
        (httpx.ReadTimeout(ADDRESS), "no answer (ReadTimeout)"),
    ],
    ids=["refused", "redirect", "unreachable", "slow"],
)
def test_what_was_not_taken_is_explained_without_the_address(answer: httpx.Response | Exception, why: str) -> None:
    """The status or the kind of failure; a redirect is not followed, even by a client that would."""
    seen: list[httpx.Request] = []

    assert a_channel(answer, seen).send("subject", "text") == why
    assert len(seen) == 1


def test_an_address_that_is_not_allowed_gets_nothing() -> None:
    """The list is asked before each message: no call is made."""
    seen: list[httpx.Request] = []

    why = a_channel(httpx.Response(200), seen, "https://evil.example.com/services/secret").send("subject", "text")

    assert why == "the address in the secret is not a host of this vendor"
    assert seen == []
    assert SlackChannel(dict, hosts=HOSTS).configured is False
