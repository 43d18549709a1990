"""Looks for secrets in files, as detect-secrets does, and reads line by line only where there may be any.

detect-secrets asks two dozen plugins about each line of each file, which takes a hundred times as long as asking
each plugin once about the whole text. A text in which no plugin finds anything has no line in which one does: none
of them finds more in a line than in the same line between others. So `worth_reading` asks about texts, and the
files in which anything is found, rightly or not, are handed to detect-secrets, which judges.

    git ls-files -z | xargs -0 python -m tools.find_secrets
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from detect_secrets.plugins.base import BasePlugin
from detect_secrets.plugins.high_entropy_strings import HighEntropyStringsPlugin
from detect_secrets.pre_commit_hook import main as judge
from detect_secrets.pre_commit_hook import parse_args
from detect_secrets.settings import get_plugins
from detect_secrets.transformers import get_transformed_file
from detect_secrets.types import NamedIO

#: nothing is asked of anybody's servers, and a name that says "password" is no secret
OPTIONS = ("--no-verify", "--disable-plugin", "KeywordDetector")


def main(names: Sequence[str]) -> int:
    """Print what is a secret in files, and return 1 if anything is."""
    suspects = worth_reading(names)
    return judge([*OPTIONS, *suspects]) if suspects else 0


def worth_reading(names: Sequence[str]) -> list[str]:
    """The files in which a plugin finds anything at all."""
    plugins = chosen_plugins()
    return [name for name in names if any(finds(plugin, text) for text in texts_of(Path(name)) for plugin in plugins)]


def chosen_plugins() -> list[BasePlugin]:
    """The plugins that `OPTIONS` leave, whatever was chosen before."""
    parse_args([*OPTIONS])
    get_plugins.cache_clear()
    plugins: list[BasePlugin] = get_plugins()
    return plugins


def finds(plugin: BasePlugin, text: str) -> bool:
    """Whether a plugin finds anything in a text; a string of letters has to look random enough besides."""
    found = plugin.analyze_string(text)
    if isinstance(plugin, HighEntropyStringsPlugin):
        return any(plugin.calculate_shannon_entropy(each) > plugin.entropy_limit for each in set(found))
    return any(True for _ in found)


def texts_of(path: Path) -> Iterator[str]:
    """A file's text, and its text as settings where it can be read as such; nothing of what is no text, or gone."""
    if not path.is_file():
        return
    try:
        with path.open() as opened:
            file = cast("NamedIO", opened)
            yield text_of(get_transformed_file(file) or file.readlines())
            file.seek(0)
            yield text_of(get_transformed_file(file, use_eager_transformers=True) or [])
    except UnicodeDecodeError:
        return


def text_of(lines: Sequence[str]) -> str:
    """Lines as one text in which each of them begins after, and ends with, the end of a line."""
    return "\n".join(["", *(line.rstrip() for line in lines), ""])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
