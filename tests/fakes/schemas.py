"""Descriptions that were kept, in memory."""


class InMemorySchemas:
    """`sync_ports.Schemas`."""

    def __init__(self) -> None:
        """Nothing is kept."""
        self._kept: dict[tuple[str, str], str] = {}

    def known(self, connection: str, object_name: str) -> str | None:
        """What was kept of an object."""
        return self._kept.get((connection, object_name))

    def keep(self, connection: str, object_name: str, text: str) -> None:
        """Keep it, in place of what was there."""
        self._kept[connection, object_name] = text
