"""The webhook's XML: elements become members, so that a document means what the same JSON means.

Nothing but elements and text is read: document types, entities of one's own and processing instructions are refused
where they begin, so nothing is ever expanded or fetched. Marketo has no encoding for XML; with `tokens="form-url"`
in the root element every text is read as Form/Url encoded, the one form in which any value can be put into XML.
"""

from typing import Any
from urllib.parse import unquote_plus

# safe here: document types are refused where they begin, so there are no entities but the five of XML itself
from xml.parsers import expat

from leadbridge.domain.webhook import DEPTH_LIMIT, PARTS_LIMIT, UnusableBodyError, shown

ROOT = "event"
#: an element for names that XML does not allow: `<field name="my.Event Date">`
FIELD = "field"
ENCODED = {"tokens": "form-url"}


def read_xml(text: str) -> dict[str, Any]:
    """The payload in an XML document with the root element `event`.

    An element with elements is an object, any other one is its text, exactly; comments are skipped.

    Raises:
        UnusableBodyError: It is no such document, or holds what is refused; names the place and no value.
    """
    reader = _Reader()
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.XmlDeclHandler = _check_declaration
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.ProcessingInstructionHandler = _refuse_instruction
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(text.encode(), True)  # noqa: FBT003 - the parser knows it by its place only
    except expat.ExpatError as fault:
        detail = f"{expat.ErrorString(fault.code)} at line {fault.lineno} column {fault.offset + 1}"
        raise UnusableBodyError("body_not_xml", detail=detail) from None
    return reader.payload


class _Element:
    """An element that has begun."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[str, Any] = {}
        self.texts: list[str] = []


class _Reader:
    """Builds the payload from the parser's events."""

    def __init__(self) -> None:
        self.payload: dict[str, Any] = {}
        self._open: list[_Element] = []
        self._count = 0
        self._encoded = False

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        """An element begins."""
        self._count += 1
        if self._count > PARTS_LIMIT:
            raise UnusableBodyError("body_too_many", limit=PARTS_LIMIT)
        if len(self._open) == DEPTH_LIMIT:
            raise UnusableBodyError("body_too_deep", limit=DEPTH_LIMIT)
        self._open.append(_Element(self._name(tag, attributes) if self._open else self._root(tag, attributes)))

    def end(self, _: str) -> None:
        """The newest element ends."""
        element = self._open.pop()
        text = "".join(element.texts)
        holds_members = bool(element.members) or not self._open
        if holds_members and text.strip():
            raise _refusal(f"there is text beside the elements of {shown(element.name)}")
        if not self._open:
            self.payload = element.members
            return
        siblings = self._open[-1].members
        if element.name in siblings:
            raise _refusal(f"the element {shown(element.name)} stands twice")
        siblings[element.name] = element.members if holds_members else self._decoded(text)

    def text(self, text: str) -> None:
        """A piece of text; the parser hands nothing on outside of the root element."""
        self._open[-1].texts.append(text)

    def _root(self, tag: str, attributes: dict[str, str]) -> str:
        if tag != ROOT:
            raise _refusal(f"the root element must be {ROOT}")
        # where a schema can be found is for editors; it is not looked at
        told = {name: value for name, value in attributes.items() if not name.startswith(("xmlns:", "xsi:"))}
        self._encoded = told == ENCODED
        if told and not self._encoded:
            raise _refusal(f'the root element takes no attribute but tokens="{ENCODED["tokens"]}"')
        return tag

    def _name(self, tag: str, attributes: dict[str, str]) -> str:
        if tag == FIELD and list(attributes) == ["name"]:
            return attributes["name"]
        if attributes:
            raise _refusal(f"the element {shown(tag)} has an attribute; values stand in elements")
        return tag

    def _decoded(self, text: str) -> str:
        if not self._encoded:
            return text
        try:
            return unquote_plus(text, errors="strict")
        except UnicodeDecodeError:
            raise UnusableBodyError("body_not_text") from None


def _check_declaration(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding and encoding.lower() not in {"utf-8", "us-ascii"}:
        raise UnusableBodyError("body_not_text")


def _refuse_doctype(*_: object) -> None:
    raise _refusal("document types and entities are refused")


def _refuse_instruction(*_: object) -> None:
    raise _refusal("processing instructions are refused")


def _refusal(detail: str) -> UnusableBodyError:
    return UnusableBodyError("body_not_xml", detail=detail)
