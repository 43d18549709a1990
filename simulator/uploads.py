"""Reading of multipart requests, in which both vendors take files."""

from collections.abc import Mapping
from email import message_from_bytes

MULTIPART = "multipart/form-data"


class UnreadableUploadError(Exception):
    """A body that does not hold the parts that its header speaks of."""


def parts_of(content_type: str, body: bytes) -> Mapping[str, bytes]:
    """Give the parts of a multipart body by name.

    Raises:
        UnreadableUploadError: it is not well-formed.
    """
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode("latin-1") + body)
    if not message.is_multipart() or message.defects:
        raise UnreadableUploadError
    parts: dict[str, bytes] = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            parts[name] = payload
    return parts
