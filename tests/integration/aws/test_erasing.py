"""The door to the function that forgets, by what Lambda answers."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from leadbridge.aws.erasing import LambdaEraser, LoggedErasures
from leadbridge.aws.items import dump
from leadbridge.errors import TransientError

ORDER = {"email": "ada@example.com", "ids": [], "remove": True, "by": "somebody"}


class Lambda:
    """A client with one answer; keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self.asked: list[dict[str, Any]] = []

    def invoke(self, **asked: Any) -> Any:
        """One call."""
        self.asked.append(asked)
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


def test_an_order_waits_for_its_answer_and_lies_in_no_queue() -> None:
    """It is a synchronous call of the function; what it says is given back."""
    client = Lambda({"Payload": io.BytesIO(b'{"who": "1"}')})

    assert LambdaEraser(client, "forget")(ORDER) == {"who": "1"}  # type: ignore[arg-type]  # a client with one method
    [asked] = client.asked
    assert (asked.pop("FunctionName"), json.loads(asked.pop("Payload")), asked) == ("forget", ORDER, {})


def test_what_is_still_at_work_is_not_asked_twice() -> None:
    """When the client has waited long enough nothing is known yet, and nothing has failed."""
    client = Lambda(ReadTimeoutError(endpoint_url="https://lambda.example.com"))

    assert LambdaEraser(client, "forget")(ORDER) is None  # type: ignore[arg-type]  # as above
    assert len(client.asked) == 1


def test_a_function_that_failed_is_told_without_its_words() -> None:
    """They may hold the address."""
    answer = {"FunctionError": "Unhandled", "Payload": io.BytesIO(b'{"errorMessage": "ada@example.com"}')}

    with pytest.raises(TransientError) as failed:
        LambdaEraser(Lambda(answer), "forget")(ORDER)  # type: ignore[arg-type]  # as above
    assert "ada" not in str(failed.value)


def test_the_log_of_erasures_is_read_whole(dynamodb: Any) -> None:
    """Its items and no others."""
    for pk, sk in (("erasures", "1"), ("erasures", "2"), ("cycle#main", "link")):
        dynamodb.put_item(TableName="StateTable", Item=dump({"pk": pk, "sk": sk}))

    items = LoggedErasures(dynamodb, state="StateTable", partition="erasures")()
    assert [each["sk"] for each in items] == ["1", "2"]
