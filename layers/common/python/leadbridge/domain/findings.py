"""What is wrong with a document: the member by its JSON pointer, a sentence, and what to do; and the document's shape.

A document's shape is checked here, by the models; whether what it names exists is checked by `domain.checks`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args

from pydantic import ValidationError

from leadbridge.domain.action import Action, Configuration
from leadbridge.domain.differences import step
from leadbridge.domain.documents import FieldName, Identifier
from leadbridge.domain.kinds import KINDS, model_of

#: pydantic's error types in plain words: what is wrong, and what to do; the names are those of the error's facts
SENTENCES: Mapping[str, tuple[str, str]] = {
    "missing": ("is missing", "give it"),
    "extra_forbidden": ("is no member that belongs here", "correct its name or remove it"),
    "string_too_short": ("is blank", "give it a text"),
    "string_too_long": ("is longer than {max_length} characters", "shorten it"),
    "too_short": ("must hold {min_length} or more", "add what is missing"),
    "too_long": ("must hold {max_length} at most", "remove some"),
    "literal_error": ("is not one of what it may be", "choose {expected}"),
    "enum": ("is not one of what it may be", "choose {expected}"),
    # pydantic's own words for these would repeat what was written
    "union_tag_invalid": ("is none of the kinds there are", "give a {discriminator} of {expected_tags}"),
    "union_tag_not_found": ("does not say of which kind it is", "give it a {discriminator}"),
    "greater_than": ("is too small", "give more than {gt}"),
    "greater_than_equal": ("is too small", "give {ge} or more"),
    "less_than": ("is too large", "give less than {lt}"),
    "less_than_equal": ("is too large", "give {le} or less"),
}
#: what pydantic's `…_type` and `…_parsing` errors want
WANTED: Mapping[str, str] = {
    "string": "a text",
    "bool": "true or false",
    "int": "a whole number",
    "float": "a number",
    "list": "a list",
    "tuple": "a list",
    "dict": "an object with named members",
    "model": "an object with named members",
    "model_attributes": "an object with named members",
}
#: what a text of a known pattern must look like
FORMS: Mapping[str, str] = {
    get_args(Identifier)[1].pattern: "use 1 to 63 lower-case letters, digits and hyphens, no hyphen first",
    get_args(FieldName)[1].pattern: "use the field's API name: letters, digits, _ and dots",
}
#: both ends of an Action, on its first page: what to set where one is missing
ENDS: Mapping[str, str] = {
    "/source/connection": "name a Marketo connection that `leadbridge connections list --usable` shows",
    "/source/table": "name the table, leads or program_members",
    "/destination/connection": "name a Salesforce connection that `leadbridge connections list --usable` shows",
    "/destination/object": "name the Salesforce object, such as Lead",
}
#: what stands before the sentence in a line of `domain.checks`, and of our own: `mappings[3].to`
MEMBER = re.compile(r"(?P<member>[A-Za-z_][\w.\[\]]*): (?P<sentence>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong with a document; `pointer` is empty where it is the document as a whole."""

    document: str
    pointer: str
    what: str
    remedy: str

    def line(self) -> str:
        """The finding as one line."""
        where = f"{self.document}: {self.pointer}" if self.pointer else self.document
        return f"{where}: {self.what}{'; ' if self.remedy else ''}{self.remedy}"

    def as_json(self) -> dict[str, str]:
        """The finding for scripts."""
        return {"document": self.document, "pointer": self.pointer, "what": self.what, "remedy": self.remedy}


def label(kind: object, identifier: object) -> str:
    """How findings and answers call a document."""
    return f"{kind} {identifier}"


def at(document: str, pointer: str, sentence: str) -> Finding:
    """A finding whose sentence ends with `; ` and the remedy."""
    what, _, remedy = sentence.rpartition("; ")
    return Finding(document=document, pointer=pointer, what=what or remedy, remedy=remedy if what else "")


def of_line(document: str, line: str) -> Finding:
    """A finding out of a line of `domain.checks`: perhaps the document, then `mappings[3].to: sentence; remedy`."""
    rest = line.removeprefix(f"{document}: ")
    found = MEMBER.fullmatch(rest)
    if found is None:
        return at(document, "", rest)
    pointer = ""
    for member in re.findall(r"[^.\[\]]+", found["member"]):
        pointer = step(pointer, member)
    return at(document, pointer, found["sentence"])


def read_document(raw: Any) -> Configuration | list[Finding]:
    """A document from plain values, or every finding about its shape; none repeats what was written."""
    if not isinstance(raw, Mapping):
        return [at("document", "", "is no object with named members; give it at least `kind`, `id` and `name`")]
    name = label(raw.get("kind", "?"), raw.get("id", "?"))
    model = model_of(raw)
    if model is None:
        return [at(name, "/kind", f"is no kind of document; choose one of {', '.join(KINDS)}")]
    try:
        document: Configuration = model.model_validate(dict(raw))
    except ValidationError as invalid:
        errors = invalid.errors(include_input=False, include_url=False)
        placed = [(_pointer(error["loc"], raw), error) for error in errors]
    else:
        return document
    return list(_told(name, raw, placed, model))


def _told(name: str, raw: Mapping[str, Any], placed: Iterable[tuple[str, Any]], model: type[Any]) -> Iterator[Finding]:
    wanted: dict[str, list[str]] = {}
    is_action = model is Action
    for pointer, error in placed:
        kind = re.sub(r"_(type|parsing)$", "", error["type"])
        if is_action and pointer in ENDS and (error["type"] == "missing" or _is_blank(raw, pointer)):
            yield _end(name, pointer)
        elif is_action and error["type"] == "missing" and pointer in {"/source", "/destination"}:
            end = Action.model_fields[pointer[1:]].annotation
            required = [each for each, field in getattr(end, "model_fields", {}).items() if field.is_required()]
            yield from (_end(name, step(pointer, each)) for each in required)
        elif error["type"] == "missing" and (choices := _choices(model, error["loc"])):
            yield Finding(document=name, pointer=pointer, what="is missing", remedy=f"choose one of {choices}")
        elif kind != error["type"] and kind in WANTED:
            # several at one member are the alternatives it has
            wanted.setdefault(pointer, []).append(WANTED[kind])
        elif error["type"] == "value_error" and not pointer:
            # a validator that finds several things says one on a line
            yield from (of_line(name, line) for line in str(error["ctx"]["error"]).splitlines())
        else:
            yield Finding(document=name, pointer=pointer, **_sentence(error))
    for pointer, words in wanted.items():
        what = " or ".join(dict.fromkeys(words))
        yield Finding(document=name, pointer=pointer, what="has the wrong type", remedy=f"give {what}")


def _choices(model: type[Any], place: tuple[int | str, ...]) -> str:
    """What a member of a document may be, where that is one of a few words."""
    fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
    wanted = fields.get(str(place[0])) if len(place) == 1 else None
    words = wanted if isinstance(wanted, type) and issubclass(wanted, StrEnum) else get_args(wanted)
    return ", ".join(words) if all(isinstance(each, str) for each in words) else ""


def _end(name: str, pointer: str) -> Finding:
    what = "is missing, and page 2 waits until both ends are set"
    return Finding(document=name, pointer=pointer, what=what, remedy=ENDS.get(pointer, "give it"))


def sentence_of(error: Any) -> dict[str, str]:
    """What is wrong and the remedy, of one of pydantic's errors; neither repeats what was written."""
    kind = re.sub(r"_(type|parsing)$", "", error["type"])
    if kind != error["type"] and kind in WANTED:
        return {"what": "has the wrong type", "remedy": f"give {WANTED[kind]}"}
    return _sentence(error)


def _sentence(error: Any) -> dict[str, str]:
    facts = error.get("ctx", {})
    if error["type"] == "string_pattern_mismatch":
        remedy = FORMS.get(facts["pattern"], f"it must match {facts['pattern']}")
        return {"what": "has the wrong form", "remedy": remedy}
    if error["type"] in SENTENCES:
        what, remedy = SENTENCES[error["type"]]
        return {"what": what.format(**facts), "remedy": remedy.format(**facts)}
    # our own validators say what and what to do; what pydantic says beside the table above is plain enough
    what, _, remedy = str(facts.get("error") or error["msg"]).rpartition("; ")
    return {"what": what or remedy, "remedy": remedy if what else "correct it"}


def _pointer(place: tuple[int | str, ...], raw: Mapping[str, Any]) -> str:
    """The JSON pointer of an error; what stands in no document, such as the name of an alternative, is left out."""
    pointer = ""
    value: Any = raw
    for position, member in enumerate(place):
        known = value if isinstance(value, Mapping) else range(len(value)) if isinstance(value, list) else ()
        if member in known:
            value = value[member]
        elif not (isinstance(value, Mapping) and position == len(place) - 1):
            continue
        pointer = step(pointer, member)
    return pointer


def _is_blank(raw: Mapping[str, Any], pointer: str) -> bool:
    value: Any = raw
    for member in pointer.split("/")[1:]:
        value = value.get(member) if isinstance(value, Mapping) else None
    return value is None or (isinstance(value, str) and not value.strip())
