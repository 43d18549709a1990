"""When Marketo's daily quota begins anew."""

from datetime import UTC, datetime, time, timedelta


def next_quota_reset(now: datetime) -> datetime:
    """The first instant after `now` at which a spent quota may have been refilled.

    Marketo's documents say midnight "CST" in one place and "Central Time" in another. In summer these are
    05:00 and 06:00 UTC: the earlier one comes first, and a call refused after it waits for the later one.
    """
    import zoneinfo  # reads the zone data base, which no other call needs

    central = zoneinfo.ZoneInfo("America/Chicago")
    tomorrow = now.astimezone(central).date() + timedelta(days=1)
    midnight = datetime.combine(tomorrow, time(), tzinfo=central).astimezone(UTC)
    standard = now.astimezone(UTC).replace(hour=6, minute=0, second=0, microsecond=0)
    if standard <= now:
        standard += timedelta(days=1)
    return min(midnight, standard)
