"""Documents as text: YAML files read apart into documents, each in the words of its author, and put together again.

Of a file with several documents between `---` lines each keeps its own text, comments and all. A document that is one
of a list, or that nobody wrote as a text, has the canonical text: its members in their order, without comments.
"""

import os
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from leadbridge.domain.action import as_document
from leadbridge.domain.lifecycle import Stored
from leadbridge.usecases.apply_configuration import Given
from leadbridge_cli.common import fail

#: what stands between two documents of a file
MARK = "---\n"
LINE_WIDTH = 120
#: the tag of `<<`
MERGE = "tag:yaml.org,2002:merge"


def given_in(files: Sequence[Path]) -> list[Given]:
    """The documents of YAML files with their texts; `${NAME}` is filled from the environment."""
    return [each for file in files for each in _given(_filled(file), file)]


def exported(documents: Sequence[Stored]) -> str:
    """Documents as one text: applied, it changes nothing; each is as it was written, or else canonical."""
    return MARK.join(each.change.text or canonical(as_document(each.document)) for each in documents)


def canonical(document: Any) -> str:
    """Plain values as YAML."""
    return yaml.safe_dump(document, allow_unicode=True, sort_keys=False, width=LINE_WIDTH)


def _filled(file: Path) -> str:
    missing: set[str] = set()

    def fill(match: re.Match[str]) -> str:
        value = os.environ.get(match[1])
        if value is None:
            missing.add(match[1])
        return value or ""

    text = re.sub(r"\$\{([A-Z][A-Z0-9_]*)\}", fill, file.read_text(encoding="utf-8-sig"))
    if missing:
        fail([f"{file}: set the environment variable {name}" for name in sorted(missing)])
    return text


def _given(text: str, file: Path) -> Iterator[Given]:
    try:
        if doubled := list(_doubled(text)):
            fail([f"{file}: line {line}: {said}" for line, said in doubled])
        # both loaders of `yaml` see the same documents; the first also finds what is wrong with the file
        for loaded, part in zip(yaml.safe_load_all(text), _parts(text), strict=True):
            if isinstance(loaded, list):
                yield from (Given(raw=each) for each in loaded)
            else:
                yield Given(raw=loaded, text=part if _stands_alone(part, loaded) else "")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        fail([f"{file}: not valid YAML" + (f" at line {mark.line + 1}" if mark else "")])


def _doubled(text: str) -> Iterator[tuple[int, str]]:
    """Keys that stand twice in one mapping, each with the line of the second: YAML's loader would drop the first."""
    nodes = [node for node in yaml.compose_all(text, Loader=yaml.SafeLoader) if node is not None]
    seen: set[int] = set()
    found: list[tuple[int, str]] = []
    while nodes:
        node = nodes.pop()
        if id(node) in seen:  # an alias stands for what was looked at
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            nodes += node.value
        if isinstance(node, yaml.MappingNode):
            first: dict[tuple[str, str], int] = {}
            for key, value in node.value:
                nodes.append(value)
                # what is merged in may be said again
                if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                    continue
                named, line = (key.tag, key.value), key.start_mark.line + 1
                if named in first:
                    found.append((line, f"{key.value} stands there again, after line {first[named]}; keep one of them"))
                first.setdefault(named, line)
    yield from sorted(found)


def _parts(text: str) -> list[str]:
    """The texts of the documents in a file, without the marks between them."""
    events = [event for event in yaml.parse(text) if isinstance(event, yaml.DocumentStartEvent)]
    starts = [event.start_mark.index if event.start_mark else 0 for event in events]
    # a comment before the first mark belongs to the first document
    bounds = [*([0] if starts else []), *starts[1:], len(text)]
    parts = []
    for event, start, (begin, end) in zip(events, starts, pairwise(bounds), strict=True):
        part = text[begin:end]
        if event.explicit:
            # the rest of the mark's line goes with it where it is blank
            part = text[begin:start] + re.sub(r"\A---[ \t]*\n?", "", text[start:end])
        parts.append(part if part.endswith("\n") else f"{part}\n")
    return parts


def _stands_alone(part: str, loaded: Any) -> bool:
    """Whether a text means the same between any two other documents."""
    try:
        return list(yaml.safe_load_all(f"a: 1\n{MARK}{part}{MARK}a: 1\n")) == [{"a": 1}, loaded, {"a": 1}]
    except yaml.YAMLError:
        return False
