"""The two levels at which Marketo refuses: a whole call, or one record of it."""

from __future__ import annotations


class MarketoError(Exception):
    """The whole call fails: `success` false, nothing executed."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class RowError(MarketoError):
    """One record is skipped; the others of the call go on."""


def missing_parameter(name: str) -> MarketoError:
    """Make the refusal of a call without a required parameter."""
    return MarketoError("1002", f"Missing value for the required parameter '{name}'")


def invalid_value(name: str, value: object) -> RowError:
    """Make the refusal of a value that does not fit its field."""
    return RowError("1003", f"Invalid value for field '{name}' and value '{value}'")
