"""One org's data API: how a declared endpoint becomes a call with version, headers and masking."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from leadbridge.domain.soql import identifier
from leadbridge.errors import ConfigurationError, ContractError, PermanentError
from leadbridge.vendors.http.bodies import dump_json
from leadbridge.vendors.http.calls import Answer, Call
from leadbridge.vendors.http.downloads import Download
from leadbridge.vendors.http.endpoints import Endpoint
from leadbridge.vendors.http.hosts import ForbiddenHostError, checked_path
from leadbridge.vendors.http.transport import Transport
from leadbridge.vendors.salesforce.answers import ApiUsage, usage_of
from leadbridge.vendors.salesforce.auth import VENDOR, SalesforceAuth
from leadbridge.vendors.salesforce.options import WriteOptions

# a field or object that was described, and is gone or hidden since
_OTHERWISE_DESCRIBED = frozenset({"INVALID_FIELD", "INVALID_FIELD_FOR_INSERT_UPDATE", "INVALID_TYPE"})
_JSON = {"Content-Type": "application/json"}


class Api:
    """Sends declared calls to one org as one integration user; groups of resources share it."""

    def __init__(self, transport: Transport, auth: SalesforceAuth, *, version: str, options: WriteOptions) -> None:
        self._transport = transport
        self._auth = auth
        self._version = version
        self._always = {"Sforce-Call-Options": f"client={options.client_name}"}
        self._usage: ApiUsage | None = None
        #: what goes with every write
        self.options = options
        #: how often the vendor refused an object or a field
        self.schema_doubts = 0

    @property
    def version(self) -> str:
        """The API version of our calls, for example 67.0."""
        return self._version

    @property
    def calls_made(self) -> int:
        """Calls so far, token requests excluded."""
        return self._transport.calls_made

    @property
    def organization_id(self) -> str:
        """The 18-character id of the org that has let us in, empty before the first login."""
        return self._auth.organization_id

    @property
    def user_id(self) -> str:
        """The 18-character id of the user we are, empty before the first call."""
        return self._auth.user_id

    @property
    def usage(self) -> ApiUsage | None:
        """The org-wide usage that the last answer reported, None before the first answer."""
        return self._usage

    def doubt_schema(self, code: str) -> None:
        """Take note of a refusal: some say that objects or fields are not what they were described as."""
        if code in _OTHERWISE_DESCRIBED:
            self.schema_doubts += 1

    def forget_session(self) -> None:
        """Log in anew before the next call: the session died where no answer of a call shows it."""
        self._auth.forget_session()

    def send(
        self,
        endpoint: Endpoint,
        *,
        parts: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: Any = None,
        content: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        sent: object = (),
        version: str = "",
    ) -> Answer:
        """Make one call; `body` becomes JSON, `content` goes as it is. `version` is that of an older job's creation."""
        return self._sent(
            endpoint.call(
                root=self._root(version),
                parts=parts,
                params=params,
                content=content if body is None else dump_json(body),
                headers={**self._always, **(_JSON if body is not None else {}), **(headers or {})},
                sent=sent,
            )
        )

    def shown(
        self, endpoint: Endpoint, *, parts: Mapping[str, str], params: Mapping[str, str], body: Any = None
    ) -> str:
        """The call that `send` would make, as its receiver reads it."""
        content = None if body is None else dump_json(body)
        return self._transport.shown(
            endpoint.call(root=self._root(), parts=parts, params=params or None, content=content)
        )

    @contextmanager
    def download(
        self,
        endpoint: Endpoint,
        *,
        parts: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        version: str = "",
    ) -> Iterator[Download]:
        """Open a CSV file for reading in pieces; where it breaks off, it has to be read again from its start."""
        headers = {**self._always, "Accept": "text/csv"}
        call = endpoint.call(root=self._root(version), parts=parts, params=params, headers=headers)
        with self._transport.download(call) as file:
            self._usage = usage_of(file.headers) or self._usage
            yield file

    def read(self, endpoint: Endpoint, **options: Any) -> dict[str, Any]:
        """Make one call whose answer is an object.

        Raises:
            ContractError: It is none.
        """
        return self._object(endpoint, self.send(endpoint, **options))

    def pages(self, endpoint: Endpoint, **options: Any) -> Iterator[dict[str, Any]]:
        """The answer and those that follow it by `nextRecordsUrl`, until one says it is the last.

        Raises:
            ContractError: A page is no object, leads elsewhere, or refers to an earlier one.
        """
        headers = options.get("headers")
        page = self.read(endpoint, **options)
        seen: set[str] = set()
        while True:
            yield page
            if page.get("done") is not False:
                return
            following = self._following(endpoint, page.get("nextRecordsUrl"))
            if following in seen:
                raise ContractError("a page refers to an earlier one", vendor=VENDOR, operation=endpoint.operation)
            seen.add(following)
            page = self._object(endpoint, self._follow(endpoint, following, headers))

    def unversioned(self, endpoint: Endpoint) -> Answer:
        """Make a call above all versions."""
        return self._sent(endpoint.call(headers=self._always))

    def _root(self, version: str = "") -> str:
        return f"/services/data/v{version or self._version}"

    def _follow(self, endpoint: Endpoint, path: str, headers: Mapping[str, str] | None) -> Answer:
        """Read the address that an answer named, as it stands."""
        following = Endpoint(
            operation=endpoint.operation, method="GET", path="", read_seconds=endpoint.read_seconds
        ).call(root=path, headers={**self._always, **(headers or {})})
        return self._sent(following)

    def _sent(self, call: Call) -> Answer:
        try:
            answer = self._transport.send(call)
        except PermanentError as error:
            self.doubt_schema(error.code)
            raise
        self._usage = usage_of(answer.headers) or self._usage
        return answer

    def _following(self, endpoint: Endpoint, next_url: object) -> str:
        try:
            return checked_path(str(next_url or ""), self._auth.instance_url)
        except ForbiddenHostError as error:
            raise ContractError(f"nextRecordsUrl {error}", vendor=VENDOR, operation=endpoint.operation) from error

    def _object(self, endpoint: Endpoint, answer: Answer) -> dict[str, Any]:
        if not isinstance(answer.payload, dict):
            raise ContractError("the answer is not an object", vendor=VENDOR, operation=endpoint.operation)
        return answer.payload


def api_name(name: str) -> str:
    """An object's or field's name, as it is.

    Raises:
        ConfigurationError: It is no API name.
    """
    try:
        return identifier(name)
    except ValueError as error:
        raise ConfigurationError([f"{name[:80]!r} is not a Salesforce API name"]) from error
