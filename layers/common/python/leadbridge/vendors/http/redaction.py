"""Masking of vendor texts: no value we sent, no e-mail address and no token leaves this package.

A vendor repeats a value as it likes: in another case, escaped for HTML, JSON or an address, without its accents,
cut off, a date or a number in its own notation. So texts and values are compared in a *folded* form, in which all
of these look alike, and what is found there is masked in the text as it came.
"""

import html
import re
import unicodedata
from calendar import month_name
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal, InvalidOperation
from urllib.parse import unquote_to_bytes

MASK = "***"
#: up to this length a value must stand alone ("Ann" must not eat into "Cannot")
_LONGEST_WORD = 6
#: up to this length it must also be spelt as sent: "a" and "In" are words of every text
_LONGEST_SPELT = 2
#: vendors cut long values off: their first characters are enough to recognise one
_PREFIX = 12
#: of a telephone number the last digits are enough, whatever became of its country code
_PHONE_DIGITS, _PHONE_END = 9, 7
_LONGEST_TEXT = 2_000
#: so much of a text is looked at: masked before it is cut, so that no half of a value stays
_LONGEST_READ = 20_000
#: escapes inside of escapes, for example HTML in JSON
_ROUNDS = 3

_UNIT = re.compile(
    r"(?:%[0-9A-Fa-f]{2})+"
    r"|(?:\\u[0-9A-Fa-f]{4})+"
    r"|\\[^\W\d_]|\\[^\w\s]"
    r"|&(?:#\d{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,31});"
    r"|.",
    re.DOTALL,
)
_LETTER_ESCAPES = frozenset("nrtbfv")
_INVISIBLE = frozenset({"Mn", "Cf", "Cc"})  # accents of decomposed letters, soft hyphens, controls
_EMAIL = re.compile(r"[^\s@<>\"'(),:;=\[\]]{1,64}@[^\s@<>\"'(),:;=\[\]]{1,255}")
_BEARER = re.compile(r"(?i)\b(bearer|oauth)\s+[A-Za-z0-9\-._~+/!:]{8,}=*")
# Salesforce session ids (00D…!…), Marketo tokens (uuid:pod) and three-part JWTs
_TOKEN = re.compile(
    r"\b00D[A-Za-z0-9]{0,15}![A-Za-z0-9._]{8,}"
    r"|\b[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}:[a-z0-9]{2,}"
    r"|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
)
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}(?:[T ][\d:.]+(?:Z|[ +-]\d{2}:?\d{2})?)?")
_PHONE = re.compile(r"[\d\s()+./-]+")

type _Span = tuple[int, int]


def leaf_values(sent: object) -> set[str]:
    """Every scalar value inside a request body or parameter set, as text; member names are not values."""
    found: set[str] = set()
    pending = [sent]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            found.add(item)
        elif isinstance(item, Mapping):
            pending.extend(item.values())
        elif isinstance(item, Iterable) and not isinstance(item, bytes):
            pending.extend(item)
        elif isinstance(item, int | float) and not isinstance(item, bool):
            found.add(str(item))
    return found


def mask(text: str, values: Iterable[str] = ()) -> str:
    """A vendor's text, cut to a readable length, without the values we sent.

    E-mail addresses and tokens are masked even if we did not send them.
    """
    text = " ".join(text[:_LONGEST_READ].split())
    folded = _Folded(text)
    spans = [span for value in values for span in folded.occurrences(value)]
    spans += [folded.span(*hit.span()) for hit in _EMAIL.finditer(folded.text)]
    spans += [hit.span() for pattern in (_EMAIL, _TOKEN) for hit in pattern.finditer(text)]
    spans += [(hit.end(1) + 1, hit.end()) for hit in _BEARER.finditer(text)]
    return _without(text, spans)[:_LONGEST_TEXT]


class _Folded:
    """A text in folded form, and for each of its characters where it came from."""

    def __init__(self, text: str) -> None:
        self._original = text
        self.text, self._spans = _fold(text)
        self._digits = re.sub(r"\D", "", self.text)

    def span(self, start: int, end: int) -> _Span:
        """The part of the original behind a part of the folded text."""
        return self._spans[start][0], self._spans[end - 1][1]

    def occurrences(self, value: str) -> Iterator[_Span]:
        """Where the original repeats a value, wholly or, if it is long, its beginning."""
        needle = _fold(value)[0].strip()
        if not needle:
            return
        if len(needle) > _LONGEST_WORD:
            yield from self._anywhere(needle)
        else:
            yield from self._alone(needle, spelt=value.strip() if len(needle) <= _LONGEST_SPELT else "")
        for pattern in _notations(needle, self._digits):
            for hit in re.finditer(pattern, self.text):
                yield self.span(*hit.span())

    def _anywhere(self, needle: str) -> Iterator[_Span]:
        start = self.text.find(needle[:_PREFIX])
        while start >= 0:
            end = start + min(_PREFIX, len(needle))
            while end < len(self.text) and end - start < len(needle) and self.text[end] == needle[end - start]:
                end += 1
            yield self.span(start, end)
            start = self.text.find(needle[:_PREFIX], end)

    def _alone(self, needle: str, *, spelt: str) -> Iterator[_Span]:
        start = self.text.find(needle)
        while start >= 0:
            end = start + len(needle)
            before, after = self.text[max(0, start - 1) : start], self.text[end : end + 1]
            found = self.span(start, end)
            if not (before.isalnum() or after.isalnum()) and spelt in ("", self._original[slice(*found)]):
                yield found
            start = self.text.find(needle, start + 1)


def _fold(text: str) -> tuple[str, list[_Span]]:
    """The folded form of a text, and the part of the text behind each of its characters."""
    spans = [(index, index + 1) for index in range(len(text))]
    for _ in range(_ROUNDS):
        before = text
        text, spans = _decoded(text, spans)
        if text == before:
            break
    characters: list[str] = []
    kept: list[_Span] = []
    for character, span in zip(text, spans, strict=True):
        for part in unicodedata.normalize("NFKD", character):
            if part.isspace() or part == "+":
                letters = "" if characters[-1:] == [" "] else " "
            elif unicodedata.category(part) in _INVISIBLE:
                letters = ""
            else:
                # by way of the capitals, because an i without its dot shares that of an i with one
                letters = part.upper().casefold()
            characters.extend(letters)
            kept.extend([span] * len(letters))
    return "".join(characters), kept


def _decoded(text: str, spans: list[_Span]) -> tuple[str, list[_Span]]:
    """The text with its escapes undone once."""
    characters: list[str] = []
    kept: list[_Span] = []
    for unit in _UNIT.finditer(text):
        letters = _meaning(unit[0])
        characters.extend(letters)
        kept.extend([(spans[unit.start()][0], spans[unit.end() - 1][1])] * len(letters))
    return "".join(characters), kept


def _meaning(unit: str) -> str:
    if len(unit) == 1:
        return unit
    if unit[0] == "%":
        return unquote_to_bytes(unit).decode("utf-8", "replace")
    if unit[0] == "&":
        return html.unescape(unit)
    if unit[1] == "u" and len(unit) > 2:
        halves = b"".join(int(part, 16).to_bytes(2, "big") for part in unit.split("\\u")[1:])
        return halves.decode("utf-16-be", "replace")
    return " " if unit[1] in _LETTER_ESCAPES else unit if unit[1].isalnum() else unit[1]


def _notations(value: str, digits: str) -> Iterator[str]:
    """Patterns of other ways to write a folded date, number or telephone number; `digits` are those of the text."""
    if _ISO_DATE.fullmatch(value.upper()):
        yield from _date_notations(value[:10], digits)
        return
    own = re.sub(r"\D", "", value)
    if _PHONE.fullmatch(value) and len(own) >= _PHONE_DIGITS and own[-_PHONE_END:] in digits:
        yield rf"[(]?(?:\d[ ().,/-]{{0,2}}){{0,8}}{_loosely(own[-_PHONE_END:])}(?!\d)"
    try:
        number = Decimal(value)
    except InvalidOperation:
        return
    if number.is_finite() and abs(number.adjusted()) < _PREFIX:
        yield from _number_notations(number, digits)


def _date_notations(day: str, digits: str) -> Iterator[str]:
    year, month, date = day.split("-")
    if year[2:] not in digits or not 1 <= int(month) <= 12:
        return
    name = month_name[int(month)].lower()
    y, m, d = rf"(?:{year}|{year[2:]})", rf"(?:{name}|{name[:3]}\.?|0?{int(month)})", rf"0?{int(date)}(?:st|nd|rd|th)?"
    between = r"[ .,/-]{0,2}"
    for parts in ((y, m, d), (d, m, y), (m, d, rf"(?:[\d:.]{{1,15}} [a-z]{{3,4}} )?{y}")):
        yield rf"(?<!\d){between.join(parts)}(?!\d)"


def _number_notations(number: Decimal, digits: str) -> Iterator[str]:
    plain = f"{abs(number).normalize():f}"
    whole, _, rest = plain.partition(".")
    if whole not in digits or len(whole + rest) <= 1:
        return
    grouped = r"[.,' ]?".join(re.split(r"(?<=\d)(?=(?:\d{3})+$)", whole))
    decimals = rf"[.,]{rest}0*" if rest else r"(?:[.,]0+)?"
    yield rf"(?<![\w.,]){grouped}{decimals}(?!\w)"
    mantissa, _, power = f"{abs(number).normalize():e}".partition("e")
    yield rf"(?<![\w.,]){re.escape(mantissa)}(?:\.0)?e[ ]?0?{int(power)}(?!\w)"


def _loosely(digits: str) -> str:
    return r"[ ().,/-]{0,2}".join(digits)


def _without(text: str, spans: Iterable[_Span]) -> str:
    parts, position = [], 0
    for start, end in sorted(spans):
        if start >= position:
            parts += [text[position:start], MASK]
        position = max(position, end)
    return "".join(parts) + text[position:]
