"""Callbacks of self-service flow steps: one POST to the address that came with a chunk.

They are no calls of the REST API: another host, a key of their own, and none of the instance's limits.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import httpx

from leadbridge.domain.flow_step import refused_callback
from leadbridge.errors import TransientError, UncertainWriteError

#: the vendor writes fields and activities of a whole chunk before it answers
SECONDS = 45.0

_NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class HttpCallbackDoor:
    """`ports.CallbackDoor` over HTTP: no redirect, no proxy, nothing of the answer but its status.

    Args:
        client: As `build_http_client` makes it.
        hosts: What may be called, as `callback_hosts` reads the setting.
        local_hosts: `host:port` pairs of a local stack, for which plain http will do.
    """

    def __init__(self, client: httpx.Client, *, hosts: Sequence[str], local_hosts: Collection[str] = ()) -> None:
        self._client = client
        self._hosts = tuple(hosts)
        self._local_hosts = frozenset(local_hosts)

    def refused(self, url: str) -> str:
        """Why an address is not called; empty if it is."""
        return refused_callback(url, self._hosts, self._local_hosts)

    def post(self, url: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> int:
        """Send one callback; gives the status of the answer.

        Raises:
            TransientError: Nothing was sent.
            UncertainWriteError: It may have been taken; no answer came.
        """
        request = self._client.build_request("POST", url, headers=dict(headers), json=body, timeout=SECONDS)
        try:
            answer = self._client.send(request, stream=True, follow_redirects=False)
        except _NOTHING_SENT as error:
            # the text of the error holds the address, which holds ids
            raise TransientError(type(error).__name__, vendor="marketo", operation="callback") from None
        except httpx.HTTPError as error:
            raise UncertainWriteError(type(error).__name__, vendor="marketo", operation="callback") from None
        answer.close()
        return answer.status_code
