"""What somebody may have meant by a name that is not known."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean X?`, or nothing if no known name is near; case does not count."""
    names = {each.casefold(): each for each in known}
    close = get_close_matches(name.casefold(), list(names), n=1)
    return f"did you mean {names[close[0]]}?" if close else ""
