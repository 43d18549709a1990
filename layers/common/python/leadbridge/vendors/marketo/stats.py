"""What all API users of the instance called, and which errors they got."""

from leadbridge.domain.marketo import DayOfCalls
from leadbridge.vendors.marketo import endpoints
from leadbridge.vendors.marketo.api import Api
from leadbridge.vendors.marketo.quota import calls_today


class Stats:
    """Usage and errors, by days of Marketo's; each of these reads counts as a call itself."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def calls_today(self) -> int:
        """Calls of all API users of this instance today, as Marketo counts them."""
        return calls_today(self._api.get(endpoints.USAGE))

    def usage(self) -> list[DayOfCalls]:
        """Calls of today by user."""
        return list(self._api.records(DayOfCalls, endpoints.USAGE))

    def usage_of_last_days(self) -> list[DayOfCalls]:
        """Calls of the last seven days by user."""
        return list(self._api.records(DayOfCalls, endpoints.USAGE_OF_LAST_DAYS))

    def errors(self) -> list[DayOfCalls]:
        """Errors of today by code."""
        return list(self._api.records(DayOfCalls, endpoints.ERRORS))

    def errors_of_last_days(self) -> list[DayOfCalls]:
        """Errors of the last seven days by code."""
        return list(self._api.records(DayOfCalls, endpoints.ERRORS_OF_LAST_DAYS))
