"""Which path and method is answered by which response."""

import copy
from collections.abc import Awaitable, Callable, Iterable
from functools import cache

from starlette.convertors import StringConvertor, register_url_convertor
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, request_response

from simulator.salesforce.exceptions import ApiError, OAuthError, RowError
from simulator.salesforce.responses import Responses, api_error_response

type Endpoint = Callable[[Request], Awaitable[Response]]

LOGIN_PATH = "/services/oauth2/token"
REVOKE_PATH = "/services/oauth2/revoke"
INTROSPECT_PATH = "/services/oauth2/introspect"
USER_INFO_PATH = "/services/oauth2/userinfo"
VERSIONS_PATH = "/services/data"
_DATA = "/services/data/{version}"


class _AnyText(StringConvertor):
    """The value of a key: any text, slashes and line ends included."""

    regex = r"[\s\S]*"


register_url_convertor("text", _AnyText())


def routes(responses: Responses, others: Iterable[tuple[str, str, Endpoint]] = ()) -> list[Route]:
    """Return the vendor's routes; the more particular path comes first, so the other modules' do."""
    return [
        *(_route(method, _DATA + path, endpoint) for method, path, endpoint in others),
        _route("POST", LOGIN_PATH, responses.token),
        _route("POST", REVOKE_PATH, responses.revoke),
        _route("POST", INTROSPECT_PATH, responses.introspect),
        _route("GET", USER_INFO_PATH, responses.user_info),
        _route("GET", VERSIONS_PATH, responses.versions),
        _route("GET", VERSIONS_PATH + "/", responses.versions),
        _route("GET", _DATA, responses.resources),
        _route("GET", _DATA + "/", responses.resources),
        _route("GET", _DATA + "/limits", responses.limits),
        _route("GET", _DATA + "/limits/", responses.limits),
        _route("GET", _DATA + "/query", responses.query),
        _route("GET", _DATA + "/query/", responses.query),
        _route("GET", _DATA + "/queryAll", responses.query),
        _route("GET", _DATA + "/queryAll/", responses.query),
        _route("GET", _DATA + "/query/{locator}", responses.query_more),
        _route("GET", _DATA + "/queryAll/{locator}", responses.query_more),
        _route("GET", _DATA + "/sobjects", responses.describe_global),
        _route("GET", _DATA + "/sobjects/", responses.describe_global),
        _route("GET", _DATA + "/sobjects/{sobject}", responses.basic_information),
        _route("GET", _DATA + "/sobjects/{sobject}/", responses.basic_information),
        _route("GET", _DATA + "/sobjects/{sobject}/describe", responses.describe),
        _route("GET", _DATA + "/sobjects/{sobject}/describe/", responses.describe),
        # an upsert-style insert without a key
        _route("POST", _DATA + "/sobjects/{sobject}/Id", responses.create),
        _route("POST", _DATA + "/sobjects/{sobject}", responses.create),
        _route("POST", _DATA + "/sobjects/{sobject}/", responses.create),
        _route("GET", _DATA + "/sobjects/{sobject}/{record_id}", responses.read),
        _route("PATCH", _DATA + "/sobjects/{sobject}/{record_id}", responses.update),
        _route("DELETE", _DATA + "/sobjects/{sobject}/{record_id}", responses.delete),
        _route("GET", _DATA + "/sobjects/{sobject}/{key}/{value:text}", responses.read_by_key),
        _route("PATCH", _DATA + "/sobjects/{sobject}/{key}/{value:text}", responses.upsert),
        _route("POST", _DATA + "/composite/sobjects", responses.create_all),
        _route("PATCH", _DATA + "/composite/sobjects", responses.update_all),
        _route("DELETE", _DATA + "/composite/sobjects", responses.delete_all),
        _route("GET", _DATA + "/composite/sobjects/{sobject}", responses.retrieve_all),
        _route("POST", _DATA + "/composite/sobjects/{sobject}", responses.retrieve_all),
        _route("PATCH", _DATA + "/composite/sobjects/{sobject}/{key}", responses.upsert_all),
    ]


def _route(method: str, path: str, endpoint: Endpoint) -> Route:
    route = copy.copy(_nowhere(method, path))
    route.endpoint = _with_errors(endpoint)
    route.app = request_response(route.endpoint)
    return route


@cache
def _nowhere(method: str, path: str) -> Route:
    """A route whose path is made ready once: there is a new list of them each time that everything is forgotten."""
    return Route(path, _unanswered, methods=[method])


async def _unanswered(request: Request) -> Response:
    raise NotImplementedError(request.url.path)


def _with_errors(endpoint: Endpoint) -> Endpoint:
    """Wrap an endpoint so that its refusals are answered in their wire form."""

    async def answer(request: Request) -> Response:
        try:
            return await endpoint(request)
        except ApiError as error:
            return api_error_response(error)
        except RowError as error:
            return api_error_response(error.as_api_error())
        except OAuthError as error:
            return JSONResponse(error.body(), status_code=error.status)

    return answer
