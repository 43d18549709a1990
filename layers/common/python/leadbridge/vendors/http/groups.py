"""Groups of a client's verbs that cost nothing until they are used: a worker starts with the few that it needs."""

from importlib import import_module
from typing import Any, Protocol


class HasApi(Protocol):
    """A client whose groups share one session part."""

    @property
    def api(self) -> Any:
        """The session part, first argument of every group."""
        ...


class Group[T]:
    """An attribute that is made when it is first read, and kept: `module.name(client.api, *arguments)`.

    The module lies in the client's own package.
    """

    def __init__(self, module: str, name: str, *arguments: object) -> None:
        """Imports nothing."""
        self._module = module
        self._name = name
        self._arguments = arguments
        self._attribute = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self._attribute = name
        self._package = owner.__module__.rpartition(".")[0]

    def __get__(self, client: HasApi, owner: type | None = None) -> T:
        module = import_module(f"{self._package}.{self._module}")
        made: T = getattr(module, self._name)(client.api, *self._arguments)
        # found before this descriptor from now on
        client.__dict__[self._attribute] = made
        return made
