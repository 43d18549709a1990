"""Usage statistics of the instance."""

from __future__ import annotations

from datetime import date

from starlette.requests import Request

from simulator.control import Call
from simulator.marketo.models.instance import Instance
from simulator.marketo.models.usage import CENTRAL, Day
from simulator.marketo.responses.envelope import Payload

DAYS_SHOWN = 7


class StatsResponses:
    """Handlers below `/rest/v1/stats`."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    async def usage(self, _request: Request, call: Call) -> Payload:
        """Give today's calls by user."""
        return {"result": [_shown_usage(*self._today(call))]}

    async def usage_last_days(self, _request: Request, _call: Call) -> Payload:
        """Give the calls by user of the last seven days with calls."""
        return {"result": [_shown_usage(*each) for each in self._instance.usage.days()[-DAYS_SHOWN:]]}

    async def errors(self, _request: Request, call: Call) -> Payload:
        """Give today's errors by code."""
        return {"result": [_shown_errors(*self._today(call))]}

    async def errors_last_days(self, _request: Request, _call: Call) -> Payload:
        """Give the errors by code of the last seven days with calls."""
        return {"result": [_shown_errors(*each) for each in self._instance.usage.days()[-DAYS_SHOWN:]]}

    def _today(self, call: Call) -> tuple[date, Day]:
        return call.at.astimezone(CENTRAL).date(), self._instance.usage.day(call.at)


def _shown_usage(on: date, day: Day) -> Payload:
    users = [{"userId": user, "count": number} for user, number in sorted(day.users.items())]
    return {"date": on.isoformat(), "total": day.total, "users": users}


def _shown_errors(on: date, day: Day) -> Payload:
    errors = [{"errorCode": code, "count": number} for code, number in sorted(day.errors.items())]
    return {"date": on.isoformat(), "total": day.errors.total(), "errors": errors}
