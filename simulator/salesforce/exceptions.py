"""What Salesforce refuses: one class for each of its three error shapes."""

from typing import Any


class ApiError(Exception):
    """A whole request that a data API refuses; the body is an array of one error."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: list[str] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.fields = fields
        self.extra = extra or {}

    def body(self) -> list[dict[str, Any]]:
        """Return the error array as it goes over the wire."""
        error: dict[str, Any] = {"message": self.message, "errorCode": self.code}
        if self.fields is not None:
            error["fields"] = self.fields
        return [error | self.extra]


class RowError(Exception):
    """One record that cannot be written; the others of its request are not concerned."""

    def __init__(
        self,
        code: str,
        message: str,
        fields: list[str] | None = None,
        *,
        status: int = 400,
        extra: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fields = fields or []
        self.status = status
        self.extra = extra or {}

    def as_api_error(self) -> ApiError:
        """Return the same refusal in the form of the single-record resources (`errorCode`)."""
        return ApiError(self.status, self.code, self.message, self.fields, self.extra)

    def as_row(self) -> dict[str, Any]:
        """Return the same refusal in the form of the collection resources (`statusCode`)."""
        return {"statusCode": self.code, "message": self.message, "fields": self.fields}


class ParseError(RowError):
    """A body that cannot be read into its record type: wrong JSON type or unknown column."""


class OAuthError(Exception):
    """A refusal of the token endpoint; the body is an object, not an array."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status

    def body(self) -> dict[str, str]:
        """Return the error object as it goes over the wire."""
        return {"error": self.error, "error_description": self.description}


def not_found(message: str = "The requested resource does not exist") -> ApiError:
    """Return the answer for a resource, record or field that is not there."""
    return ApiError(404, "NOT_FOUND", message)
