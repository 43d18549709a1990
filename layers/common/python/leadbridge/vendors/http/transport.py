"""One call to a vendor: limiter, authentication, timeouts, body cap, masking, log, and the retry loop."""

import http.cookiejar
import logging
import random
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from typing import Protocol

import httpx

from leadbridge.domain.limits import Heard, Signal
from leadbridge.domain.records import Resolution
from leadbridge.errors import RateLimitedError, TransientError
from leadbridge.vendors.http.calls import Answer, Call, CallRecord, Refusal
from leadbridge.vendors.http.deadline import Deadline
from leadbridge.vendors.http.decisions import CallFacts, Fault, Retry, RetryBudget, decide
from leadbridge.vendors.http.downloads import Download, is_file, range_header
from leadbridge.vendors.http.limiter import Limiter, Place
from leadbridge.vendors.http.redaction import leaf_values, mask

# httpx writes whole URLs at INFO, and a Marketo filter holds e-mail addresses
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)

CONNECT_SECONDS = 5.0
# a page of 2,000 wide Salesforce rows is a few megabytes
MAX_BODY_BYTES = 64_000_000

# the auth flow marks its own requests: they are no vendor calls of ours and carry no write
TOKEN_REQUEST = "leadbridge_token_request"  # noqa: S105 - the name of a mark, not a secret


class Auth(Protocol):
    """The part of `httpx.Auth` that the transport drives."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Yield requests to send, take their answers; the answer to the last one is the call's."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """What every vendor client takes from its surroundings.

    `clock` answers aware UTC instants; `sleep` is only called for waits within `budget`; `allowed_hosts`
    lists the `host:port` pairs of a local stack and is empty elsewhere. No call begins or lasts beyond `deadline`.
    """

    client: httpx.Client
    clock: Callable[[], datetime]
    sleep: Callable[[float], None]
    allowed_hosts: frozenset[str] = frozenset()
    on_call: Callable[[CallRecord], None] | None = None
    budget: RetryBudget = field(default_factory=RetryBudget)
    max_body_bytes: int = MAX_BODY_BYTES
    jitter: Callable[[], float] = random.random
    timer: Callable[[], float] = time.monotonic
    deadline: Deadline = field(default_factory=Deadline)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitWords:
    """How a vendor speaks of its limits.

    `signals` by code (ours where no answer came; what is not listed says nothing of limits), `usage` finds the
    instance's calls of the day and their allocation in an answer, `quota_returns` tells when a spent quota may be
    filled up again.
    """

    signals: Mapping[str, Signal]
    usage: Callable[[str, Answer], tuple[int, int | None] | None]
    quota_returns: Callable[[datetime], datetime]


def build_http_client(transport: httpx.BaseTransport | None = None, *, max_connections: int = 20) -> httpx.Client:
    """The one connection pool of a process: HTTP/1.1 keep-alive, no proxies, no redirects, no cookies."""
    no_cookies = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return httpx.Client(
        transport=transport,
        trust_env=False,
        follow_redirects=False,
        cookies=no_cookies,
        timeout=httpx.Timeout(60.0, connect=CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
        headers={"User-Agent": "leadbridge", "Accept": "application/json"},
    )


#: a call is not begun with less time than this left: no vendor has answered faster
SHORTEST_SECONDS = 0.05
#: no call was made because somebody waits for an answer who would not have it in time
NO_TIME = "no_time"

# the request never left us, so even a write may be tried again
_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class _NoTimeError(Exception):
    """The deadline is so near that nothing was sent."""


class _NoAnswerError(Exception):
    """The request may have arrived, but no usable answer came back."""

    def __init__(self, code: str, text: str) -> None:
        self.code = code
        super().__init__(text)


class Transport:
    """Sends calls of one vendor connection; safe to share between threads."""

    def __init__(
        self,
        settings: HttpSettings,
        *,
        vendor: str,
        base_url: str,
        auth: Auth,
        limiter: Limiter,
        interpret: Callable[[httpx.Response], Answer | Refusal],
        words: LimitWords,
    ) -> None:
        self._settings = settings
        self._vendor = vendor
        self._base_url = base_url
        self._auth = auth
        self._limiter = limiter
        self._interpret = interpret
        self._words = words
        self._calls_made = 0

    @property
    def calls_made(self) -> int:
        """Exchanges with the vendor so far, token requests excluded."""
        return self._calls_made

    def send(self, call: Call) -> Answer:
        """Make one call and return its success.

        Raises:
            TransientError: Not executed (or a read); the waits that fit the budget did not help.
            RateLimitedError: Not executed, the vendor or our own limiter asks for a longer pause.
            UncertainWriteError: A write without a usable answer; it was sent exactly once.
            QuotaExhaustedError: Not executed, parked until `resets_at`.
            AuthenticationError: The vendor refuses our credentials, or a fresh token.
            PermanentError: Refused for good.
            ContractError: An answer outside the vendor's documentation.
        """
        return self._send(call, self._exchange)

    @contextmanager
    def download(self, call: Call, *, start: int = 0, stop: int | None = None) -> Iterator[Download]:
        """Open a file for reading in pieces, from byte `start` up to but not including byte `stop`.

        The place in the limiter is held until the context ends; the size is not bounded, the pause between two
        pieces is. Until the file is open the call is tried again like any read; its pieces raise
        `BrokenDownloadError` where it breaks off, and the caller goes on from there.

        Raises:
            PermanentError: There is no such file (`http_404`), or as for `send`.
        """
        with ExitStack() as kept:
            headers = {**call.headers, **range_header(start, stop)}
            opened = self._send(replace(call, headers=headers), partial(self._exchange_file, kept))
            response, _, _ = opened.payload
            facts = CallFacts(vendor=self._vendor, operation=call.operation, is_write=False)
            file = Download(response, facts, start=start, stop=stop)
            kept.callback(self._close_file, file, opened)
            yield file

    def _send(self, call: Call, exchange: "_Exchange") -> Answer:
        facts = CallFacts(vendor=self._vendor, operation=call.operation, is_write=call.is_write)
        attempt, slept_seconds = 1, 0.0
        while True:
            result = self._attempt(call, attempt, exchange)
            if isinstance(result, Answer):
                return result
            decision = decide(
                attempt,
                result,
                facts,
                self._budget(slept_seconds),
                slept_seconds=slept_seconds,
                jitter=self._settings.jitter(),
            )
            if not isinstance(decision, Retry):
                raise decision.error
            self._settings.sleep(decision.after_seconds)
            slept_seconds += decision.after_seconds
            attempt += 1

    def _budget(self, slept_seconds: float) -> RetryBudget:
        """How long may be waited in total: never beyond the deadline."""
        budget = self._settings.budget
        most = slept_seconds + self._settings.deadline.left() - SHORTEST_SECONDS
        return budget if most >= budget.sleep_seconds else replace(budget, sleep_seconds=most)

    def _attempt(self, call: Call, attempt: int, exchange: "_Exchange") -> Answer | Fault:
        request = self._request(call)
        flow = self._auth.auth_flow(request)
        verdict: Answer | Refusal | None = None
        try:
            outgoing = next(flow)
            while True:
                response, verdict = exchange(outgoing, call, attempt)
                outgoing = flow.send(response)
        except StopIteration:
            pass
        except RateLimitedError:
            raise  # the limiter has already waited as long as it may
        except TransientError as error:
            if error.vendor != self._vendor:
                raise  # our own store is away: no call is made without it
            return _fault_of(error)
        except _NoTimeError:
            return Fault(resolution=Resolution.RETRY, code=NO_TIME, message="no time was left for the call")
        except _NOTHING_SENT:
            return Fault(resolution=Resolution.RETRY, code="connect_failed", message="no connection to the vendor")
        except _NoAnswerError as error:
            return Fault(
                resolution=Resolution.UNCERTAIN,
                code=error.code,
                message=str(error),
                documented=error.code != "body_too_large",
            )
        finally:
            flow.close()
        if isinstance(verdict, Answer):
            return verdict
        return self._fault(verdict, call)

    def _fault(self, refusal: Refusal | None, call: Call) -> Fault:
        if refusal is None:  # an auth flow always sends the call itself; typing does not know
            return Fault(resolution=Resolution.FATAL, code="not_sent", message="nothing was sent")
        rule = refusal.rule
        wait_seconds = max(rule.wait_seconds, refusal.retry_after_seconds or 0.0)
        quota = rule.resolution is Resolution.QUOTA
        return Fault(
            resolution=rule.resolution,
            code=refusal.code,
            message=rule.told(mask(refusal.text, leaf_values(call.sent))),
            request_id=refusal.request_id,
            wait_seconds=wait_seconds,
            wait_grows=rule.wait_grows and refusal.retry_after_seconds is None,
            tries=rule.tries,
            documented=rule.documented,
            resets_at=self._words.quota_returns(self._settings.clock()) if quota else None,
        )

    def shown(self, call: Call) -> str:
        """A call as its receiver reads it: method and address, and the body below; nothing is sent, no secret told."""
        request = self._request(call)
        line = f"{request.method} {request.url.raw_path.decode()}"
        return f"{line}\n{request.content.decode()}" if request.content else line

    def _request(self, call: Call) -> httpx.Request:
        return self._settings.client.build_request(
            call.method,
            self._base_url + call.path,
            params=call.params,
            content=call.content,
            headers=dict(call.headers),
            timeout=httpx.Timeout(call.read_seconds, connect=CONNECT_SECONDS),
        )

    def _exchange(
        self, request: httpx.Request, call: Call, attempt: int
    ) -> tuple[httpx.Response, Answer | Refusal | None]:
        """Send one request of the auth flow and log it; token requests take no place in the limiter."""
        if request.extensions.get(TOKEN_REQUEST):
            return self._exchange_token(request, attempt), None
        with self._limiter.slot(call.operation, request.url.netloc.decode()) as place:
            line = self._begun(call, attempt)
            try:
                response = self._read(request, call.read_seconds)
            except (httpx.HTTPError, _NoAnswerError) as error:
                self._lost(error, place, line)
                raise
            return response, self._judged(response, call, place, line)

    def _exchange_file(
        self, kept: ExitStack, request: httpx.Request, call: Call, attempt: int
    ) -> tuple[httpx.Response, Answer | Refusal | None]:
        """The same for a file: if one comes, `kept` holds its connection and its place in the limiter open."""
        if request.extensions.get(TOKEN_REQUEST):
            return self._exchange_token(request, attempt), None
        with ExitStack() as held:
            place = held.enter_context(self._limiter.slot(call.operation, request.url.netloc.decode()))
            line = self._begun(call, attempt)
            try:
                response = self._start(request)
                held.callback(response.close)
                if not is_file(response):
                    answer = self._finish(response, request, line.began, call.read_seconds)
                    return answer, self._judged(answer, call, place, line)
            except (httpx.HTTPError, _NoAnswerError) as error:
                self._lost(error, place, line)
                raise
            kept.push(held.pop_all())
            opened = Answer(payload=(response, place, line), status=response.status_code, headers=response.headers)
            # the auth flow looks for a refusal, of which a file has none
            return httpx.Response(response.status_code, headers=response.headers, request=request), opened

    def _begun(self, call: Call, attempt: int) -> "_Line":
        self._calls_made += 1
        return _Line(call.operation, self._settings.timer(), attempt)

    def _lost(self, error: Exception, place: Place, line: "_Line") -> None:
        """Note a call without a usable answer."""
        code = _code_of(error)
        place.hear(self._heard(code))
        self._log(line, code=code)

    def _judged(self, response: httpx.Response, call: Call, place: Place, line: "_Line") -> Answer | Refusal:
        """Read an answer and note what it says."""
        verdict = self._interpret(response)
        place.hear(self._said(call.operation, verdict))
        code = "" if isinstance(verdict, Answer) else verdict.code
        self._log(
            line,
            status=response.status_code,
            code=code,
            request_id=verdict.request_id,
            unknown_codes=verdict.unknown_codes,
        )
        return verdict

    def _close_file(self, file: Download, opened: Answer) -> None:
        """Note how the reading of a file ended."""
        _, place, line = opened.payload
        place.hear(Heard(signal=Signal.UNKNOWN) if file.broken else self._said(line.operation, opened))
        self._log(line, status=file.status, code=file.broken)

    def _said(self, operation: str, verdict: Answer | Refusal) -> Heard:
        """What an answer says about the instance's limits."""
        if isinstance(verdict, Refusal):
            return self._heard(verdict.code, verdict)
        used, allowed = self._words.usage(operation, verdict) or (None, None)
        return Heard(signal=Signal.FINE, used=used, allowed=allowed)

    def _heard(self, code: str, refusal: Refusal | None = None) -> Heard:
        if refusal is None:
            return Heard(signal=self._words.signals.get(code, Signal.UNKNOWN), code=code)
        signal = self._words.signals.get(code, Signal.FINE)
        if signal is Signal.QUOTA and refusal.rule.resolution is not Resolution.QUOTA:
            signal = Signal.PLACES  # one code for both, told apart by its text
        wait_seconds = max(refusal.rule.wait_seconds, refusal.retry_after_seconds or 0.0)
        return Heard(signal=signal, code=code, wait=round(1000 * wait_seconds))

    def _exchange_token(self, request: httpx.Request, attempt: int) -> httpx.Response:
        line = _Line("token", self._settings.timer(), attempt)
        try:
            response = self._read(request, 60.0)
        except (httpx.HTTPError, _NoAnswerError) as error:
            self._log(line, code=_code_of(error))
            # the call itself was not sent, so even a write may simply be tried again
            raise TransientError(
                "the token endpoint did not answer",
                vendor=self._vendor,
                operation="token",
                code=_code_of(error),
            ) from error
        code = "" if response.is_success else f"http_{response.status_code}"
        self._log(line, status=response.status_code, code=code)
        return response

    def _read(self, request: httpx.Request, read_seconds: float) -> httpx.Response:
        """Send and read the whole answer, never more than the cap and never longer than the call's time."""
        began = self._settings.timer()
        return self._finish(self._start(request), request, began, read_seconds)

    def _start(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the body of its answer is still to be read."""
        left = self._settings.deadline.left()
        if left < SHORTEST_SECONDS:
            raise _NoTimeError
        if left < float("inf"):
            patience = request.extensions.get("timeout") or self._settings.client.timeout.as_dict()
            request.extensions["timeout"] = {name: min(left, most or left) for name, most in patience.items()}
        try:
            return self._settings.client.send(request, auth=None, stream=True)
        except _NOTHING_SENT as error:
            if self._is_over():
                raise _NoTimeError from error
            raise
        except httpx.TimeoutException as error:
            raise self._silence("no answer in time") from error
        except httpx.HTTPError as error:
            raise _NoAnswerError("connection_lost", "the connection broke before the answer") from error

    def _finish(
        self, response: httpx.Response, request: httpx.Request, began: float, read_seconds: float
    ) -> httpx.Response:
        """The answer with its whole body."""
        cap = self._settings.max_body_bytes
        body = bytearray()
        try:
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > cap:
                    raise _NoAnswerError("body_too_large", f"the answer is larger than {cap} bytes")
                # the socket's timeout only bounds the gap between two chunks
                if self._settings.timer() - began > 2 * read_seconds or self._is_over():
                    raise self._silence("the answer came too slowly")
        except httpx.TimeoutException as error:
            raise self._silence("the answer stopped half-way") from error
        except httpx.HTTPError as error:
            raise _NoAnswerError("connection_lost", "the connection broke within the answer") from error
        finally:
            response.close()
        headers = [(k, v) for k, v in response.headers.multi_items() if k not in _BODY_HEADERS]
        return httpx.Response(response.status_code, headers=headers, content=bytes(body), request=request)

    def _is_over(self) -> bool:
        return self._settings.deadline.left() < SHORTEST_SECONDS

    def _silence(self, text: str) -> "_NoAnswerError":
        """What is said of an answer that did not come in time; a vendor is not blamed for our own hurry."""
        return _NoAnswerError(NO_TIME if self._is_over() else "timeout", text)

    def _log(
        self,
        line: "_Line",
        *,
        status: int = 0,
        code: str = "",
        request_id: str = "",
        unknown_codes: tuple[str, ...] = (),
    ) -> None:
        if self._settings.on_call is not None:
            self._settings.on_call(
                CallRecord(
                    vendor=self._vendor,
                    operation=line.operation,
                    status=status,
                    code=code,
                    request_id=request_id,
                    seconds=self._settings.timer() - line.began,
                    attempt=line.attempt,
                    unknown_codes=unknown_codes,
                )
            )


type _Exchange = Callable[[httpx.Request, Call, int], tuple[httpx.Response, Answer | Refusal | None]]


@dataclass(frozen=True, slots=True)
class _Line:
    """What a line of the call log knows before the answer is there."""

    operation: str
    began: float
    attempt: int


# they describe the body as sent, ours is decoded already
_BODY_HEADERS = frozenset({"content-encoding", "content-length", "transfer-encoding"})


def _code_of(error: Exception) -> str:
    return error.code if isinstance(error, _NoAnswerError) else "connect_failed"


def _fault_of(error: TransientError) -> Fault:
    return Fault(
        resolution=Resolution.RETRY,
        code=error.code,
        message=error.detail,
        request_id=error.request_id,
        wait_seconds=error.retry_after_seconds,
    )
