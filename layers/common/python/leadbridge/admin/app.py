"""The admin API as one callable: checks before the routes, the routes, and one shape of problem behind them."""

import json
from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayRestResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.models import APIKey, APIKeyIn

from leadbridge.admin import (
    callbacks,
    connections,
    cycle_set_up,
    cycles,
    documents,
    executions,
    journal,
    overview,
    people,
    problems,
    sync_runs,
    syncs,
    vendors,
    webhooks,
)
from leadbridge.admin.common import DESCRIPTIONS
from leadbridge.admin.models import Problem
from leadbridge.admin.requests import NOT_ALLOWED, UNSIGNED, Caller, Refusal, caller_of, may, read_body
from leadbridge.admin.roles import least_role
from leadbridge.admin.services import Services
from leadbridge.domain.journal import Entry
from leadbridge.errors import SyncError

VERSION = "1.0.0"
DESCRIPTION = (
    "Configure and watch a Leadbridge deployment. Every request is signed with AWS Signature Version 4 for the service "
    "`execute-api`; IAM decides who may call which route. Below `/console/api` the same routes take the ID token of a "
    "user of the pool instead; `x-least-role` says whom each of them is for. Errors have one shape, `Problem`."
)
HEADERS: Mapping[str, str] = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class AdminApi:
    """Answers API Gateway's proxy events."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._app = APIGatewayRestResolver(enable_validation=True)
        overview.add_routes(self._app, services)
        documents.add_routes(self._app, services)
        connections.add_routes(self._app, services)
        vendors.add_routes(self._app, services)
        webhooks.add_routes(self._app, services)
        executions.add_routes(self._app, services)
        callbacks.add_routes(self._app, services)
        people.add_routes(self._app, services)
        syncs.add_routes(self._app, services)
        sync_runs.add_routes(self._app, services)
        cycles.add_routes(self._app, services)
        cycle_set_up.add_routes(self._app, services)
        journal.add_routes(self._app, services)
        self._add_own_document()
        self._add_handlers()

    def __call__(self, event: Mapping[str, Any], context: Any) -> dict[str, Any]:
        """Answer one request; one of nobody is refused whatever it asks for, so is one of too low a role."""
        caller = caller_of(event)
        body = read_body(event)
        if caller is None:
            return _proxy(problems.of_refusal(UNSIGNED))
        if not may(caller, str(event.get("httpMethod"))):
            return _proxy(problems.of_refusal(NOT_ALLOWED))
        if isinstance(body, Refusal):
            return _proxy(problems.of_refusal(body))
        self._app.append_context(principal=caller.name)  # type: ignore[no-untyped-call]  # Powertools has no types here
        try:
            asked = {**event, "path": caller.path, "body": body, "isBase64Encoded": False}
            answer = self._app.resolve(asked, context)
            self._note(caller, str(event.get("httpMethod")), body, answer)
        finally:
            self._app.clear_context()  # type: ignore[no-untyped-call]  # Powertools has no types here
            self._services.done()
        # API Gateway gives what several values a header has; ours have one
        answer["multiValueHeaders"] = answer.get("multiValueHeaders", {}) | {
            name: [value] for name, value in HEADERS.items()
        }
        return answer

    def _note(self, caller: Caller, method: str, body: str | None, answer: Mapping[str, Any]) -> None:
        """Keep what was done in the journal."""
        for did, kind, identifier, detail in journal.deeds(method, caller.path, body, answer):
            at = self._services.clock.now()
            self._services.journal.note(Entry(at=at, who=caller.name, did=did, kind=kind, id=identifier, detail=detail))

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        text = self._app.get_openapi_json_schema(
            title="Leadbridge admin API",
            version=VERSION,
            description=DESCRIPTION,
            security_schemes={
                "sigv4": APIKey(
                    **{"in": APIKeyIn.header, "name": "Authorization", "x-amazon-apigateway-authtype": "awsSigv4"}
                )
            },
            security=[{"sigv4": []}],
        )
        return tidy(json.loads(text))

    def _add_own_document(self) -> None:
        @self._app.get("/openapi.json", summary="This API as an OpenAPI document", include_in_schema=False)
        def document() -> Response[str]:
            return Response(status_code=200, content_type="application/json", body=json.dumps(self.openapi()))

    def _add_handlers(self) -> None:
        app = self._app

        @app.exception_handler(problems.RefusedError)  # type: ignore[untyped-decorator]  # Powertools has no types here
        def refused(error: problems.RefusedError) -> Response[str]:
            return problems.answer(error.status, error.problem)

        @app.exception_handler(SyncError)  # type: ignore[untyped-decorator]  # Powertools has no types here
        def failed(error: SyncError) -> Response[str]:
            return problems.of_error(error)

        @app.exception_handler(RequestValidationError)  # type: ignore[untyped-decorator]  # Powertools has no types here
        def invalid(error: RequestValidationError) -> Response[str]:
            return problems.of_validation(error.errors())

        @app.not_found
        def lost(_: NotFoundError) -> Response[str]:
            remedy = "GET /openapi.json lists what there is."
            problem = Problem(code="not_found", message="There is no such address or method.", remedy=remedy)
            return problems.answer(404, problem)


def _proxy(response: Response[str]) -> dict[str, Any]:
    """An answer of ours in API Gateway's form."""
    headers = {"Content-Type": response.content_type or "application/json", **HEADERS}
    return {
        "statusCode": response.status_code,
        "body": response.body,
        "isBase64Encoded": False,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
    }


def tidy(document: dict[str, Any]) -> dict[str, Any]:
    """The resolver's document as it is meant: problems are described once, and a wrong shape is a problem, too.

    The resolver repeats every answer at every route, adds one of its own for a request whose shape is wrong, and gives
    the API the address `/`.
    """
    components = document["components"]
    for name in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        components["schemas"].pop(name, None)
    problem = {"application/json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    components["responses"] = {
        f"Problem{status}": {"description": text, "content": problem} for status, text in DESCRIPTIONS.items()
    }
    for template, path in document["paths"].items():
        for method, operation in path.items():
            # what a person of the user pool needs; the console offers nothing else
            role = least_role(method.upper(), template)
            operation["x-least-role"] = role.name.lower() if role else None
            for status in DESCRIPTIONS:
                operation["responses"][str(status)] = {"$ref": f"#/components/responses/Problem{status}"}
    document.pop("servers", None)
    return document
