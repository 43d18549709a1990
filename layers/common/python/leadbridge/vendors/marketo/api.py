"""One Marketo instance: how a declared endpoint becomes calls, pages, writes of many records, and files."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from leadbridge.domain.records import RowResult
from leadbridge.errors import ContractError, PermanentError, UncertainWriteError
from leadbridge.vendors.http.batches import chunks_of, send_in_chunks, too_large_row
from leadbridge.vendors.http.bodies import dump_json
from leadbridge.vendors.http.calls import Answer, Call
from leadbridge.vendors.http.downloads import whole
from leadbridge.vendors.http.transport import Transport
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.answers import paired, results
from leadbridge.vendors.marketo.auth import VENDOR
from leadbridge.vendors.marketo.endpoints import Endpoint
from leadbridge.vendors.marketo.models import read
from leadbridge.vendors.marketo.paging import DatePaging, OffsetPaging, Paging, PositionPaging
from leadbridge.vendors.marketo.values import timestamp

# a body is refused with 413 above 1 MB, an address with 414 above 8 KB; both counted decimally, to be safe
BODY_BYTES = 1_000_000
URI_BYTES = 8_000

_JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_AS_GET = {"_method": "GET"}

# new beginnings without anything new before a token that is refused is believed to be refused for good
_RESTARTS = 3

type Params = Mapping[str, str]
type Parts = Mapping[str, object]


class Api:
    """Sends declared calls to one instance as one API user; groups of verbs share it."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    @property
    def calls_made(self) -> int:
        """Calls so far, token requests excluded."""
        return self._transport.calls_made

    # one call

    def send(
        self,
        endpoint: Endpoint,
        *,
        parts: Parts | None = None,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        sent: object = (),
    ) -> Answer:
        """Make one call; `body` becomes JSON or a form as the endpoint wants it.

        Or `content` goes as it is, with its `headers`; `sent` are the values in it that an answer may repeat.
        """
        if body is not None:
            content, headers = _encoded(endpoint, body)
        call = endpoint.call(
            parts=_texts(parts),
            params=params,
            content=content,
            headers=headers,
            sent=[sent, body or (), _values_of(params or {})],
        )
        return self._transport.send(call)

    def get(self, endpoint: Endpoint, *, parts: Parts | None = None, params: Params | None = None) -> Answer:
        """Make a read; one whose address would be too long goes as POST with its query as a form."""
        return self._transport.send(_reading(endpoint, parts, params))

    def shown(self, endpoint: Endpoint, *, parts: Parts, params: Params, body: Mapping[str, Any] | None = None) -> str:
        """The call that `get` would make, or `send` if there is a body, as its receiver reads it."""
        if body is None:
            return self._transport.shown(_reading(endpoint, parts, params or None))
        content, headers = _encoded(endpoint, body)
        return self._transport.shown(
            endpoint.call(parts=_texts(parts), params=params or None, content=content, headers=headers)
        )

    def one[T](self, kind: type[T], endpoint: Endpoint, answer: Answer) -> T:
        """The one record of an answer.

        Raises:
            ContractError: There is none, or it is not as documented.
        """
        found = results(answer, endpoint.operation)
        if not found:
            raise ContractError("the answer holds no record", vendor=VENDOR, operation=endpoint.operation)
        return read(kind, found[0], endpoint.operation)

    def find[T](
        self, kind: type[T], endpoint: Endpoint, *, parts: Parts | None = None, params: Params | None = None
    ) -> T | None:
        """The first record that a read finds, None if it finds nothing."""
        found = results(self.get(endpoint, parts=parts, params=params), endpoint.operation)
        return read(kind, found[0], endpoint.operation) if found else None

    # pages

    def pages(
        self,
        endpoint: Endpoint,
        *,
        parts: Parts | None = None,
        params: Params | None = None,
        keys: Mapping[str, Any] | None = None,
    ) -> Iterator[list[dict[str, Any]]]:
        """All pages by position or offset, as the endpoint has it; `keys` is the JSON body of a compound query."""
        offset = endpoint.paging is endpoints.Paging.OFFSET
        paging: Paging = OffsetPaging() if offset else PositionPaging(endpoint.operation)
        asked: Params | None = paging.first()
        while asked is not None:
            if keys is None:
                answer = self.get(endpoint, parts=parts, params={**(params or {}), **asked})
            else:
                answer = self.send(_disguised(endpoint), parts=parts, params=_AS_GET, body={**keys, **asked})
            yield results(answer, endpoint.operation)
            asked = paging.following(answer.payload)

    def rows(self, endpoint: Endpoint, **options: Any) -> Iterator[dict[str, Any]]:
        """The records of all pages; the arguments are those of `pages`."""
        for page in self.pages(endpoint, **options):
            yield from page

    def records[T](self, kind: type[T], endpoint: Endpoint, **options: Any) -> Iterator[T]:
        """The records of all pages, read; the other arguments are those of `pages`."""
        return (read(kind, row, endpoint.operation) for row in self.rows(endpoint, **options))

    def since(
        self, endpoint: Endpoint, since: datetime, params: Params | None = None, *, first: str = ""
    ) -> Iterator[dict[str, Any]]:
        """What is logged from `since` on, each entry once; a page may be empty and more still follow.

        `first` is a paging token of `since`, if there is one already. A token that Marketo no longer takes in mid
        paging is replaced: reading begins anew at `since`, and what came before is left out.
        """
        seen: set[str] = set()
        restarts = 0
        while True:
            first = first or self.paging_token(since)
            token: str | None = first
            paging = DatePaging(endpoint.operation, first)
            known = len(seen)
            try:
                while token:
                    answer = self.get(endpoint, params={**(params or {}), "nextPageToken": token})
                    for row in results(answer, endpoint.operation):
                        # the older id is not unique: an entry that has only that is known by all it says
                        identity = str(row.get("marketoGUID") or row)
                        if identity not in seen:
                            seen.add(identity)
                            yield row
                    token = paging.next_token(answer.payload)
            except PermanentError:
                restarts = 0 if len(seen) > known else restarts + 1
                # an earlier token was answered, so it is this one that is refused
                if token is first or restarts == _RESTARTS:
                    raise
                first = ""
            else:
                return

    def paging_token(self, since: datetime) -> str:
        """Where reading what is logged from `since` on begins; whole seconds, inclusive."""
        answer = self.get(endpoints.PAGING_TOKEN, params={"sinceDatetime": timestamp(since)})
        token = answer.payload.get("nextPageToken")
        if not isinstance(token, str) or not token:
            raise ContractError("no paging token", vendor=VENDOR, operation=endpoints.PAGING_TOKEN.operation)
        return token

    # writes of many records

    def write(
        self,
        endpoint: Endpoint,
        rows: Sequence[Mapping[str, Any]],
        *,
        head: Mapping[str, Any] | None = None,
        parts: Parts | None = None,
        key: Sequence[str] = (),
    ) -> list[RowResult]:
        """Write records in calls of the endpoint's size and at most 1 MB; one result per record, in input order.

        Records that agree in all fields of `key` go in calls one after the other.

        Raises:
            UncertainWriteError: No answer to the first call, or results that cannot be told apart.
        """

        def send(chunk: Sequence[Mapping[str, Any]]) -> list[RowResult]:
            content = dump_json({**(head or {}), "input": list(chunk)})
            if len(content) >= BODY_BYTES:
                if len(chunk) == 1:
                    return [too_large_row("http_413", "the record alone is larger than Marketo takes")]
                half = len(chunk) // 2
                return send_in_chunks([chunk[:half], chunk[half:]], send)
            answer = self.send(endpoint, parts=parts, content=content, headers=_JSON, sent=chunk)
            said = paired(answer, chunk, endpoint)
            if said is None:
                raise UncertainWriteError(
                    f"results that do not fit to the {len(chunk)} records",
                    vendor=VENDOR,
                    operation=endpoint.operation,
                    code="short_result",
                    request_id=answer.request_id,
                )
            return said

        chunks = [chunk for places in _rounds(rows, key) for chunk in chunks_of(places, endpoint.rows)]
        said = send_in_chunks([[rows[place] for place in chunk] for chunk in chunks], send)
        by_place = dict(zip((place for chunk in chunks for place in chunk), said, strict=True))
        return [by_place[place] for place in range(len(rows))]

    def in_calls[T](
        self, endpoint: Endpoint, items: Sequence[T], send: Callable[[Sequence[T]], None], *, status: str
    ) -> list[RowResult]:
        """Do for many items what a call does for some without a word about each; one result per item, in order."""

        def done(chunk: Sequence[T]) -> list[RowResult]:
            send(chunk)
            return [RowResult(ok=True, status=status) for _ in chunk]

        return send_in_chunks(list(chunks_of(items, endpoint.rows)), done)

    # files

    def file(self, endpoint: Endpoint, parts: Parts, *, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """A file from byte `start` up to but not including byte `stop`, in pieces as they arrive.

        Raises:
            BrokenDownloadError: It broke off; `offset` says from which byte to go on.
            PermanentError: There is no such file (`http_404`).
        """
        call = endpoint.call(parts=_texts(parts), headers={"Accept": "text/csv, */*"})
        with self._transport.download(call, start=start, stop=stop) as file:
            yield from file

    def whole_file(self, endpoint: Endpoint, parts: Parts, *, start: int = 0) -> Iterator[bytes]:
        """A file from byte `start` to its end; where it breaks off, it is read on from there."""
        return whole(lambda at: self.file(endpoint, parts, start=at), start=start)


def askable(values: Iterable[str]) -> list[str]:
    """The values that a filter can name: Marketo separates them by commas, without an escape."""
    return [value for value in dict.fromkeys(values) if value.strip() and "," not in value]


def _rounds(rows: Sequence[Mapping[str, Any]], key: Sequence[str]) -> list[list[int]]:
    """The places of all rows, those of equal keys in different lists; keys are compared as Marketo does."""
    rounds: list[list[int]] = []
    met: Counter[tuple[str, ...]] = Counter()
    for place, row in enumerate(rows):
        whole_key = tuple(str(row[name]).strip().casefold() for name in key if row.get(name) is not None)
        turn = met[whole_key] if key and len(whole_key) == len(key) else 0
        met[whole_key] += 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(place)
    return rounds


def _encoded(endpoint: Endpoint, body: Mapping[str, Any]) -> tuple[bytes, Mapping[str, str]]:
    """A body in the encoding that the endpoint takes."""
    if not endpoint.is_form:
        return dump_json(body), _JSON
    return urlencode({name: _form_value(value) for name, value in body.items() if value is not None}).encode(), _FORM


def _form_value(value: Any) -> str:
    """A member of a form: what is no text goes as JSON."""
    if isinstance(value, datetime):
        return timestamp(value)
    return value if isinstance(value, str) else dump_json(value).decode()


def _reading(endpoint: Endpoint, parts: Parts | None, params: Params | None) -> Call:
    """A read as a call."""
    query = urlencode(params or {})
    call = endpoint.call(parts=_texts(parts), params=params, sent=_values_of(params or {}))
    if len(call.path) + len(query) + 1 <= URI_BYTES:
        return call
    return _disguised(endpoint).call(
        parts=_texts(parts), params=_AS_GET, content=query.encode(), headers=_FORM, sent=call.sent
    )


def _disguised(endpoint: Endpoint) -> Endpoint:
    """A read as POST, which carries what is too much for an address; `_AS_GET` belongs to it."""
    return replace(endpoint, method="POST")


def _texts(parts: Parts | None) -> dict[str, str]:
    return {name: str(value) for name, value in (parts or {}).items()}


def _values_of(params: Params) -> list[str]:
    """The single values of a comma list, so that each can be masked in an answer."""
    return [part for value in params.values() for part in value.split(",")]
