"""What the pages of the built console weigh, compressed as they are sent; `make install` notes its parts."""

import json
import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from devstack.stack import ROOT

SITE = ROOT / "functions/console/site"
_HOME = "home"
KB = 1_000
#: bounds of the first load, and of what each other page may bring beside it
FIRST, FURTHER = 350 * KB, 50 * KB


def pages() -> set[str]:
    """The modules of pages that the router loads."""
    return set(re.findall(r'import\("\./pages/([\w-]+)"\)', (ROOT / "console/src/console.tsx").read_text("utf-8")))


def first_load() -> int:
    """Bytes of the page, its style, what stands around every page, and Home."""
    styles = re.findall(r'href="\./(assets/[^"]+\.css)"', (SITE / "index.html").read_text("utf-8"))
    return _bytes({"index.html", *styles, *_first()})


def further_by_page() -> Mapping[str, int]:
    """Bytes that each page brings beside the first load, by the module's name."""
    return {name: _bytes(_with(file) - _first()) for file, name in _pages().items()}


@cache
def _chunks() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((ROOT / ".local/console.json").read_text("utf-8"))
    return found


def _pages() -> Mapping[str, str]:
    return {file: each["page"] for file, each in _chunks().items() if each["page"]}


def _first() -> set[str]:
    begins = [file for file, each in _chunks().items() if each["entry"] or each["page"] == _HOME]
    return set().union(*map(_with, begins))


def _with(file: str) -> set[str]:
    """A file and all that it cannot do without."""
    found, left = set(), [file]
    while left:
        each = left.pop()
        if each not in found:
            found.add(each)
            left += _chunks()[each]["imports"]
    return found


def _bytes(files: Iterable[str]) -> int:
    small = ((SITE / f"{each}.br", SITE / each) for each in files)
    return sum((br if br.is_file() else plain).stat().st_size for br, plain in small)
