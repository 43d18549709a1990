"""A person is forgotten by a function of its own, for whoever may not read everything: the admin API."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

from leadbridge.domain.erasure import Erasure, Known, Person
from leadbridge.domain.values import normalised
from leadbridge.errors import ConfigurationError
from leadbridge.usecases.erasure_told import plan_members
from leadbridge.usecases.forget_person import ForgetPerson, erasures_of


class Eraser(Protocol):
    """Whoever reads and removes everything."""

    def __call__(self, order: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The answer to an order, as `answered` gives it; None if it is still at work."""
        ...


class OrderErasure:
    """The use-case behind the admin API's erasures."""

    def __init__(
        self,
        *,
        eraser: Eraser,
        logged: Callable[[], Iterable[Mapping[str, Any]]],
        secret: Callable[[], bytes],
    ) -> None:
        """`logged` are the items that are remembered of erasures, `secret` the key under which persons are indexed."""
        self._eraser = eraser
        self._logged = logged
        self._secret = secret

    def __call__(self, email: str, ids: Sequence[str], by: str, *, remove: bool) -> Mapping[str, Any]:
        """The receipt, as JSON; its `ended` is false if there is so much to read that it is still at work.

        Raises:
            ConfigurationError: It is no address, or no id.
        """
        answer = self._eraser({"email": email, "ids": list(ids), "remove": remove, "by": by})
        if answer is None:
            known = Known(email=normalised(email))
            return {"ended": False, "who": Person(known=known, secret=self._secret()).email_hash, "removed": remove}
        if answer.get("refused"):
            raise ConfigurationError([str(each) for each in answer["refused"]])
        return {"ended": True, **answer}

    def log(self) -> list[Erasure]:
        """That people were forgotten, the newest first."""
        return erasures_of(self._logged())


def answered(forget: ForgetPerson, order: Mapping[str, Any]) -> dict[str, Any]:
    """What the function that reads everything answers to an order: the receipt, or why it was refused."""
    try:
        plan = forget.plan(str(order["email"]), [str(each) for each in order["ids"]])
    except ConfigurationError as refused:
        return {"refused": list(refused.findings)}
    done = forget.carry_out(plan, str(order["by"])) if order["remove"] else plan
    return plan_members(done, removed=bool(order["remove"]))
