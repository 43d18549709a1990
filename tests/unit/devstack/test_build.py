"""The build of a local stack, with SAM replaced: what an interruption leaves behind."""

from collections.abc import Callable
from pathlib import Path

import pytest

from devstack import stack


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A template to build, in a folder that takes the place of the project's own."""
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    monkeypatch.setattr(stack, "ROOT", tmp_path)
    return tmp_path


def sam(sources: Path, then: Callable[[], None]) -> Callable[..., None]:
    """A SAM that fills its cache where it finds none, and leaves what it has built."""

    def build(*_: object, **__: object) -> None:
        cache = sources / ".local/build/cache"
        if not cache.exists():
            cache.mkdir()
            then()
            (cache / "layer").write_text("whole")
        artifacts = sources / ".local/build/artifacts"
        artifacts.mkdir(exist_ok=True)
        for each in cache.iterdir():
            (artifacts / each.name).write_text(each.read_text())

    return build


def interrupt() -> None:
    """What Ctrl-C does."""
    raise KeyboardInterrupt


def test_what_an_interrupted_build_left_in_the_cache_is_not_believed(
    sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next build begins with an empty cache and is whole."""
    monkeypatch.setattr(stack, "_sam", sam(sources, interrupt))
    with pytest.raises(KeyboardInterrupt):
        stack.build(sources, sources / "first", sources / "log")

    monkeypatch.setattr(stack, "_sam", sam(sources, lambda: None))
    second = stack.build(sources, sources / "second", sources / "log")
    assert (second / "layer").read_text() == "whole"


def test_a_finished_build_is_used_by_the_next(sources: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unchanged parts come from the cache: a second build fills nothing."""
    monkeypatch.setattr(stack, "_sam", sam(sources, lambda: None))
    stack.build(sources, sources / "first", sources / "log")
    monkeypatch.setattr(stack, "_sam", sam(sources, interrupt))
    assert (stack.build(sources, sources / "second", sources / "log") / "layer").read_text() == "whole"
