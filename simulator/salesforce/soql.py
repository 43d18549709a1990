"""The SOQL grammar: text to a syntax tree, knowing nothing of objects, fields or records.

Source: SOQL reference, quoted string escape sequences, reserved characters, date formats, comparison
operators, ORDER BY, LIMIT and OFFSET.
"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Literal as OneOf

from simulator.salesforce import relative_dates
from simulator.salesforce.exceptions import ApiError

MAX_STATEMENT_CHARS = 100_000
MAX_LITERAL_CHARS = 4_000
MAX_OFFSET = 2_000
MAX_SEMI_JOINS = 2

_ESCAPES = {
    "n": "\n",
    "N": "\n",
    "r": "\r",
    "R": "\r",
    "t": "\t",
    "T": "\t",
    "b": "\b",
    "B": "\b",
    "f": "\f",
    "F": "\f",
    '"': '"',
    "'": "'",
    "\\": "\\",
}
_UNICODE_ESCAPE = re.compile(r"u[0-9A-Fa-f]{4}")
_SPACE = re.compile(r"[ \t\r\n\f]+")
_DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(?:Z|[+-]\d\d:?\d\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d(?![\dT])")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?(?![\w.])")
_NAME = re.compile(r"[A-Za-z]\w*(?:\.[A-Za-z]\w*)*", re.ASCII)
_PUNCTUATION = re.compile(r"<=|>=|!=|<>|[=<>(),]")

LiteralKind = OneOf["string", "number", "boolean", "null", "date", "dateTime", "relative"]
TokenKind = OneOf["string", "number", "date", "dateTime", "relative", "name", "punctuation", "end"]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A LIKE pattern: literal pieces between wildcards (`%` any run, `_` one character)."""

    parts: tuple[str, ...]
    wildcards: tuple[str, ...]

    def as_regex(self) -> re.Pattern[str]:
        """Return the case-insensitive expression that the whole value has to match."""
        text = re.escape(self.parts[0])
        for wildcard, part in zip(self.wildcards, self.parts[1:], strict=True):
            text += (".*" if wildcard == "%" else ".") + re.escape(part)
        return re.compile(text, re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Literal:
    """A value in a condition; a date is `yyyy-MM-dd`, a dateTime the vendor's UTC form."""

    kind: LiteralKind
    value: str | float | bool | None
    pattern: Pattern | None = None


_CONSTANTS = {
    "true": Literal("boolean", value=True),
    "false": Literal("boolean", value=False),
    "null": Literal("null", None),
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator value`; `IN` and `NOT IN` carry several values, or a query for ids."""

    field: str
    column: int
    operator: str
    values: tuple[Literal, ...]
    subquery: "Query | None" = None


@dataclass(frozen=True, slots=True)
class And:
    """All of the terms hold."""

    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """At least one of the terms holds."""

    terms: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The term does not hold."""

    term: "Condition"


type Condition = Comparison | And | Or | Not


@dataclass(frozen=True, slots=True)
class Column:
    """A selected field and where it stands in the statement."""

    name: str
    column: int


@dataclass(frozen=True, slots=True)
class Ordering:
    """One term of ORDER BY."""

    field: str
    column: int
    descending: bool
    nulls_last: bool


@dataclass(frozen=True, slots=True)
class Query:
    """One SELECT statement."""

    text: str
    columns: tuple[Column, ...]
    counts: bool
    sobject: str
    where: Condition | None
    order: tuple[Ordering, ...]
    limit: int | None
    offset: int


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the statement with its place (0-based)."""

    kind: TokenKind
    text: str
    start: int
    value: str = ""
    pattern: Pattern | None = None
    like_only: bool = False


def parse(text: str) -> Query:
    """Read one statement.

    Raises:
        ApiError: MALFORMED_QUERY with the vendor's kind of message, or QUERY_TOO_COMPLICATED.
    """
    if len(text) > MAX_STATEMENT_CHARS:
        raise malformed("SOQL statements cannot be longer than 100000 characters.")
    return _Parser(text).query()


def string_literals(where: Condition | None) -> list[str]:
    """Return every string compared with, in the order written."""
    match where:
        case Comparison():
            return [str(value.value) for value in where.values if value.kind == "string"]
        case And() | Or():
            return [text for term in where.terms for text in string_literals(term)]
        case Not():
            return string_literals(where.term)
        case None:
            return []


def malformed(message: str) -> ApiError:
    """Return the refusal of a statement that does not follow the grammar."""
    return ApiError(400, "MALFORMED_QUERY", message)


def tokenize(text: str) -> list[Token]:
    """Cut a statement into tokens, the last of which marks the end."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        space = _SPACE.match(text, at)
        if space:
            at = space.end()
            continue
        token, at = _token_at(text, at)
        tokens.append(token)
    tokens.append(Token("end", "<EOF>", len(text)))
    return tokens


def _token_at(text: str, at: int) -> tuple[Token, int]:
    if text[at] == "'":
        return _string_at(text, at)
    expressions: tuple[tuple[TokenKind, re.Pattern[str]], ...] = (
        ("dateTime", _DATE_TIME),
        ("date", _DATE),
        ("number", _NUMBER),
        ("relative", relative_dates.EXPRESSION),
        ("name", _NAME),
        ("punctuation", _PUNCTUATION),
    )
    for kind, expression in expressions:
        found = expression.match(text, at)
        if found:
            return Token(kind, found.group(), at), found.end()
    raise malformed(f"unexpected char: {text[at]!r}")


def _string_at(text: str, start: int) -> tuple[Token, int]:
    """Read a quoted string, resolving its escapes both as a value and as a LIKE pattern."""
    value: list[str] = []
    parts: list[list[str]] = [[]]
    wildcards: list[str] = []
    like_only = False
    at = start + 1
    while at < len(text):
        letter = text[at]
        if letter == "'":
            pattern = Pattern(tuple("".join(part) for part in parts), tuple(wildcards))
            token = Token("string", text[start : at + 1], start, "".join(value), pattern, like_only)
            return token, at + 1
        if letter in "\r\n":
            raise malformed("line breaks not allowed in string literals")
        if letter == "\\":
            decoded, length, wildcard_escape = _escape_at(text, at)
            like_only = like_only or wildcard_escape
            value.append(decoded)
            parts[-1].append(decoded)
            at += length
            continue
        value.append(letter)
        if letter in "%_":
            wildcards.append(letter)
            parts.append([])
        else:
            parts[-1].append(letter)
        at += 1
    raise malformed("unexpected token: <EOF>, string literal is not closed")


def _escape_at(text: str, at: int) -> tuple[str, int, bool]:
    """Return the escaped character, the length of the sequence, and whether only LIKE knows it."""
    letter = text[at + 1 : at + 2]
    if letter in _ESCAPES:
        return _ESCAPES[letter], 2, False
    if letter and letter in "%_":
        return letter, 2, True
    unicode_escape = _UNICODE_ESCAPE.match(text, at + 1)
    if unicode_escape:
        return chr(int(unicode_escape.group()[1:], 16)), 6, False
    raise malformed(f"invalid string literal: Illegal string literal. Invalid escape sequence '{text[at : at + 2]}'")


class _Parser:
    """Recursive descent over the tokens of one statement."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokenize(text)
        self._at = 0
        self._semi_joins = 0

    def query(self) -> Query:
        query = self._statement()
        if self._peek().kind != "end":
            raise self._unexpected()
        if self._semi_joins > MAX_SEMI_JOINS:
            raise malformed("maximum 2 semi join sub-selects are allowed")
        return query

    def _statement(self) -> Query:
        self._word("SELECT")
        columns, counts = self._columns()
        self._word("FROM")
        sobject = self._name().text
        where = self._condition() if self._take("WHERE") else None
        order: tuple[Ordering, ...] = ()
        if self._take("ORDER"):
            self._word("BY")
            order = self._orderings()
        limit = self._whole_number() if self._take("LIMIT") else None
        offset = self._whole_number() if self._take("OFFSET") else 0
        if offset > MAX_OFFSET:
            raise ApiError(400, "NUMBER_OUTSIDE_VALID_RANGE", "Maximum SOQL offset allowed is 2000")
        return Query(self._text, columns, counts, sobject, where, order, limit, offset)

    def _columns(self) -> tuple[tuple[Column, ...], bool]:
        columns: list[Column] = []
        while True:
            token = self._name()
            if token.text.upper() == "COUNT" and self._punctuation("("):
                self._expect(")")
                if columns:
                    raise malformed("COUNT() must be the only element in the SELECT list")
                return (), True
            columns.append(Column(token.text, token.start))
            if not self._punctuation(","):
                return tuple(columns), False

    def _condition(self) -> Condition:
        """One run of AND or of OR; SOQL refuses the two mixed without parentheses."""
        terms = [self._term()]
        for word in ("AND", "OR"):
            while self._take(word):
                terms.append(self._term())
            if len(terms) > 1:
                if self._is_word("AND") or self._is_word("OR"):
                    raise self._unexpected()
                return And(tuple(terms)) if word == "AND" else Or(tuple(terms))
        return terms[0]

    def _term(self) -> Condition:
        if self._take("NOT"):
            return Not(self._term())
        if self._punctuation("("):
            inner = self._condition()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        field = self._name()
        operator = self._operator()
        if operator in ("IN", "NOT IN"):
            self._expect("(")
            if self._is_word("SELECT"):
                self._semi_joins += 1
                subquery = self._statement()
                self._expect(")")
                return Comparison(field.text, field.start, operator, (), subquery)
            values = [self._literal()]
            while self._punctuation(","):
                values.append(self._literal())
            self._expect(")")
            if any(value.kind == "relative" for value in values):
                raise malformed("relative date literals are not allowed in a list")
            return Comparison(field.text, field.start, operator, tuple(values))
        value = self._literal(like=operator == "LIKE")
        if operator == "LIKE" and value.kind != "string":
            raise ApiError(400, "INVALID_QUERY_FILTER_OPERATOR", "invalid operator: LIKE needs a string")
        return Comparison(field.text, field.start, operator, (value,))

    def _operator(self) -> str:
        if self._take("IN"):
            return "IN"
        if self._take("LIKE"):
            return "LIKE"
        if self._take("NOT"):
            self._word("IN")
            return "NOT IN"
        token = self._peek()
        if token.kind != "punctuation" or token.text not in ("=", "!=", "<>", "<", "<=", ">", ">="):
            raise self._unexpected()
        self._at += 1
        return "!=" if token.text == "<>" else token.text

    def _literal(self, *, like: bool = False) -> Literal:
        token = self._peek()
        self._at += 1
        match token.kind:
            case "string":
                return _string_literal(token, like=like)
            case "number":
                return Literal("number", float(token.text))
            case "date":
                return Literal("date", _checked_date(token.text))
            case "dateTime":
                return Literal("dateTime", _checked_date_time(token.text))
            case "relative":
                return Literal("relative", token.text.upper())
            case "name" if token.text.lower() in _CONSTANTS:
                return _CONSTANTS[token.text.lower()]
        self._at -= 1
        raise self._unexpected()

    def _orderings(self) -> tuple[Ordering, ...]:
        terms: list[Ordering] = []
        while True:
            field = self._name()
            descending = not self._take("ASC") and self._take("DESC")
            nulls_last = False
            if self._take("NULLS"):
                nulls_last = not self._take("FIRST")
                if nulls_last:
                    self._word("LAST")
            terms.append(Ordering(field.text, field.start, descending, nulls_last))
            if not self._punctuation(","):
                return tuple(terms)

    def _whole_number(self) -> int:
        token = self._peek()
        if token.kind != "number" or not token.text.isdigit():
            raise self._unexpected()
        self._at += 1
        return int(token.text)

    def _name(self) -> Token:
        token = self._peek()
        if token.kind != "name":
            raise self._unexpected()
        self._at += 1
        return token

    def _word(self, word: str) -> None:
        if not self._take(word):
            raise self._unexpected()

    def _take(self, word: str) -> bool:
        if self._is_word(word):
            self._at += 1
            return True
        return False

    def _is_word(self, word: str) -> bool:
        token = self._peek()
        return token.kind == "name" and token.text.upper() == word

    def _expect(self, mark: str) -> None:
        if not self._punctuation(mark):
            raise self._unexpected()

    def _punctuation(self, mark: str) -> bool:
        token = self._peek()
        if token.kind == "punctuation" and token.text == mark:
            self._at += 1
            return True
        return False

    def _peek(self) -> Token:
        return self._tokens[self._at]

    def _unexpected(self) -> ApiError:
        token = self._peek()
        shown = token.text if token.kind == "end" else f"'{token.text}'"
        return malformed(f"unexpected token: {shown}")


def _string_literal(token: Token, *, like: bool) -> Literal:
    if len(token.value) > MAX_LITERAL_CHARS:
        raise malformed("string literal exceeds the maximum length of 4000 characters in a WHERE clause")
    if token.like_only and not like:
        raise malformed("invalid string literal: \\% and \\_ are known in LIKE expressions only")
    return Literal("string", token.value, token.pattern if like else None)


def _checked_date(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise malformed(f"Invalid date: {text}") from None


def _checked_date_time(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text).astimezone(UTC)
    except ValueError:
        raise malformed(f"Invalid datetime: {text}") from None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"
