"""Calls of the day of every vendor instance that was called, as alerts judge them and the overview shows them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from leadbridge.domain.action import MarketoConnection
from leadbridge.domain.alert_readings import Quota
from leadbridge.domain.limits import State, moment
from leadbridge.domain.sync_price import MARKETO_MEGABYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketoDay:
    """Of the deployment: what Marketo lets take in a day, calls where a connection does not say, and when it ends."""

    calls: int
    ends: Callable[[datetime], datetime]
    #: that may be extracted in a day
    megabytes: int = MARKETO_MEGABYTES


def host_of(connection: MarketoConnection) -> str:
    """What its instance is called."""
    return urlsplit(connection.base_url).netloc.lower()


def extracts_of(host: str, files: Iterable[tuple[datetime, int]], *, day: MarketoDay, now: datetime) -> Quota | None:
    """Bytes that were extracted of an instance of Marketo today; None if none were."""
    ends = day.ends(now)
    used = sum(size for at, size in files if day.ends(at) == ends)
    allowed = day.megabytes * 1_000_000
    return Quota(vendor="marketo", instance=host, used=used, allowed=allowed, day_ends=ends) if used else None


def quotas_of(
    instances: Mapping[str, State],
    *,
    marketo: Iterable[MarketoConnection],
    before: Mapping[str, Sequence[tuple[datetime, int]]],
    day: MarketoDay,
    now: datetime,
) -> list[Quota]:
    """Each instance, those of Marketo with the connection that tells the allocation; `before`: see `Memory.used`."""
    by_host = {host_of(each): each for each in marketo}
    found = []
    for instance, state in sorted(instances.items()):
        vendor, _, host = instance.partition("#")
        if vendor == "marketo" and host.lower() in by_host:
            document = by_host[host.lower()]
            own = document.limits.daily_calls if document.limits else None
            found.append(
                Quota(
                    vendor=vendor,
                    instance=host,
                    used=state.used,
                    allowed=own or day.calls,
                    day_ends=moment(state.day_ends) if state.day_ends else day.ends(now),
                    connection=document.id,
                )
            )
        elif vendor == "salesforce" and state.allowed:
            found.append(
                Quota(
                    vendor=vendor,
                    instance=host,
                    used=state.used,
                    allowed=state.allowed,
                    before=before.get(host, ()),
                )
            )
    return found
