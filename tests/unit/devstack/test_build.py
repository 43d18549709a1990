"""The build of a local stack, with SAM replaced: what an interruption leaves behind."""

import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from devstack import stack


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A template and a function to build, in a folder that takes the place of the project's own."""
    (tmp_path / "functions").mkdir()
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    monkeypatch.setattr(stack, "ROOT", tmp_path)
    return tmp_path


@dataclass
class Sam:
    """A build that fills its cache where it finds none, and makes the artifacts of what the cache holds."""

    root: Path
    interrupted: bool = False
    builds: int = 0

    def __call__(self, *_: object, **__: object) -> None:
        self.builds += 1
        cache, artifacts = self.root / ".local/build/cache", self.root / ".local/build/artifacts"
        if not cache.exists():
            cache.mkdir()
            if self.interrupted:
                raise KeyboardInterrupt
            (cache / "layer").write_text("whole")
        artifacts.mkdir(exist_ok=True)
        for each in cache.iterdir():
            (artifacts / each.name).write_text(each.read_text())
        (artifacts / "number").write_text(str(self.builds))


@pytest.fixture
def sam(sources: Path, monkeypatch: pytest.MonkeyPatch) -> Sam:
    """Takes the place of the real one."""
    replacement = Sam(sources)
    monkeypatch.setattr(stack, "_sam", replacement)
    return replacement


def test_what_an_interrupted_build_left_in_the_cache_is_not_believed(sources: Path, sam: Sam) -> None:
    """The next build begins with an empty cache and is whole."""
    sam.interrupted = True
    with pytest.raises(KeyboardInterrupt):
        stack.build(sources, sources / "first", sources / "log")

    sam.interrupted = False
    second = stack.build(sources, sources / "second", sources / "log")
    assert (second / "layer").read_text() == "whole"


def test_the_same_sources_are_built_once_and_changed_ones_again(sources: Path, sam: Sam) -> None:
    """The second stack takes what the first has built; a changed file is built, with the parts of the cache."""
    for name in ("first", "second"):
        assert (stack.build(sources, sources / name, sources / "log") / "layer").read_text() == "whole"
    assert sam.builds == 1

    (sources / "functions/app.py").write_text("answer = 42\n")
    sam.interrupted = True  # which does not matter, as the cache is there
    assert (stack.build(sources, sources / "third", sources / "log") / "layer").read_text() == "whole"
    assert sam.builds == 2


def test_a_running_stack_keeps_what_it_was_built_of(sources: Path, sam: Sam) -> None:
    """Stacks share the files of a build, so that none costs a copy; the next build makes new ones."""
    first, second = (stack.build(sources, sources / name, sources / "log") for name in ("first", "second"))
    assert (first / "number").samefile(second / "number")

    (sources / "functions/app.py").write_text("answer = 42\n")
    third = stack.build(sources, sources / "third", sources / "log")
    assert [(each / "number").read_text() for each in (first, second, third)] == ["1", "1", "2"]


def test_where_no_link_can_lead_files_are_copied(sources: Path, sam: Sam, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary folder on another file system gets files of its own."""

    def refused(*_: object) -> None:
        raise OSError("another device")

    monkeypatch.setattr(os, "link", refused)
    assert (stack.build(sources, sources / "first", sources / "log") / "number").read_text() == "1"
