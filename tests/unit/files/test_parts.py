"""Writing: parts below the limits, every row in exactly one of them and traceable, no cell changed on the way."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadbridge.files.cells import LEAVE, MARKETO_IMPORT, SALESFORCE_INGEST, Cell, FileRules, WithoutNul
from leadbridge.files.parts import REFUSALS, Part, PartWriter, RefusedRow
from leadbridge.files.rows import Expected, Rows
from tests.bench import adversarial

#: the vendors' limits, repeated here so that no bound comes from product code
MARKETO_BYTES = 10**7
SALESFORCE_BYTES = 10**8
#: small limits, so that few rows make many parts
TINY = replace(MARKETO_IMPORT, max_bytes=120, max_rows=4)
TEXT = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from('\r\n",\0\u2028 ')), min_size=1, max_size=12
).filter(lambda text: text.lower() != "null")


class Kept(io.BytesIO):
    """A sink that keeps its bytes when it is closed."""

    content: bytes | None = None

    def close(self) -> None:
        self.content = self.getvalue()


class Split:
    """What a writer made of some rows: parts, the bytes of each, and refused rows."""

    def __init__(
        self,
        rows: Sequence[Sequence[Cell]],
        rules: FileRules,
        header: Sequence[str] | None = None,
        number: Callable[[int], int] = int,
    ) -> None:
        self.header = list(header or [f"c{place}" for place in range(len(rows[0]))])
        self.sinks: list[Kept] = []
        self.refused: list[RefusedRow] = []
        writer = PartWriter(self.header, rules, open_part=self._open, refused=self.refused.append)
        with writer:
            writer.write((number(index), row) for index, row in enumerate(rows))
        self.parts = writer.parts

    def _open(self, number: int) -> Kept:
        assert number == len(self.sinks)
        self.sinks.append(Kept())
        return self.sinks[-1]

    def content(self, part: Part) -> bytes:
        content = self.sinks[part.number].content
        assert content is not None
        return content

    def rows(self) -> dict[int, list[str]]:
        """All rows by the number of their input, read back with the standard reader."""
        found: dict[int, list[str]] = {}
        for part in self.parts:
            header, *rows = csv.reader(io.StringIO(self.content(part).decode(), newline=""))
            assert header == self.header
            assert len(rows) == part.rows
            for position, row in enumerate(rows):
                index = part.input_of(position)
                assert index not in found
                found[index] = row
        return found


def never(what: object) -> Kept:
    """Stands for what must not be called."""
    raise AssertionError(what)


def raw(rows: Sequence[Sequence[Cell]], rules: FileRules) -> bytes:
    """The bytes of the only part."""
    split = Split(rows, rules)
    [part] = split.parts
    return split.content(part)


@given(
    table=st.lists(st.lists(TEXT, min_size=3, max_size=3), min_size=1, max_size=30),
    step=st.integers(1, 3),
    line_ends_agree=st.booleans(),
)
def test_every_row_is_in_one_part_and_found_again_by_its_number(
    table: list[list[str]], step: int, line_ends_agree: bool
) -> None:
    """Of any rows with any rising numbers, each is in one part or refused; parts keep limits, and tell the truth."""
    rules = replace(TINY, line_ends_agree=line_ends_agree)
    split = Split(table, rules, number=lambda index: 5 + step * index)

    rows = split.rows()

    assert {5 + step * index: row for index, row in enumerate(table) if 5 + step * index in rows} == rows
    assert {refusal.index for refusal in split.refused} == {5 + step * n for n in range(len(table))} - rows.keys()
    for part in split.parts:
        content = split.content(part)
        assert (part.size, part.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert part.size <= 120
        assert part.rows <= 4
        if line_ends_agree:
            assert content.count(b"\r\n") == (content.count(b"\n") if part.line_ending == "CRLF" else 0)
        assert Part.from_json(json.loads(json.dumps(part.to_json()))) == part
        assert len(list(Rows([content], expected=Expected(size=part.size, sha256=part.sha256)))) == part.rows


@pytest.mark.fault("FB13")
@pytest.mark.parametrize("rules", [MARKETO_IMPORT, SALESFORCE_INGEST], ids=["marketo", "salesforce"])
def test_the_adversarial_rows_are_in_the_parts_byte_for_byte(rules: FileRules) -> None:
    """All 20,000 rows, read back; refused are only a value Null for Marketo, both kinds of line end for Salesforce."""
    table = list(adversarial.rows())

    split = Split(table, rules, adversarial.HEADER)

    refused = {refusal.index for refusal in split.refused}
    refusable = _both_line_ends if rules is SALESFORCE_INGEST else _says_null
    assert refused == {index for index, row in enumerate(table) if refusable(row)}
    assert split.rows() == {index: row for index, row in enumerate(table) if index not in refused}
    assert 0 < len(refused) < 500


def _both_line_ends(row: Sequence[str]) -> bool:
    text = "".join(row)
    return "\r\n" in text and "\n" in text.replace("\r\n", "")


def _says_null(row: Sequence[str]) -> bool:
    return any(cell.lower() == "null" for cell in row)


def test_line_ends_inside_values_are_those_of_their_salesforce_file() -> None:
    """Rows with bare line feeds go to a part with LF, all others to one with CRLF; a row with both is refused."""
    rows = [["a", "1\r\n2"], ["b", "1\n2"], ["c", "1\r2"], ["d", "x"], ["e", "1\r\n2\n3"], ["f", "\n"]]

    split = Split(rows, SALESFORCE_INGEST)

    by_ending = {part.line_ending: (split.content(part), part.ranges) for part in split.parts}
    assert by_ending == {
        "CRLF": (b'c0,c1\r\na,"1\r\n2"\r\nc,"1\r2"\r\nd,x\r\n', ((0, 1), (2, 4))),
        "LF": (b'c0,c1\nb,"1\n2"\nf,"\n"\n', ((1, 2), (5, 6))),
    }
    assert [(row.index, row.code) for row in split.refused] == [(4, "mixed_line_ends")]


def test_line_ends_inside_values_do_not_matter_to_marketo() -> None:
    """One part takes them all, its own lines end with CRLF."""
    assert raw([["1\n2"], ["1\r\n2\n"], ["\r"]], MARKETO_IMPORT) == b'c0\r\n"1\n2"\r\n"1\r\n2\n"\r\n"\r"\r\n'


@pytest.mark.parametrize(
    ("rules", "cleared"),
    [pytest.param(MARKETO_IMPORT, "null", id="marketo"), pytest.param(SALESFORCE_INGEST, "#N/A", id="salesforce")],
)
def test_empty_and_untouched_fields_have_the_vendors_words(rules: FileRules, cleared: str) -> None:
    """None and empty text empty a field, LEAVE is a blank cell; blanks around a text are text."""
    content = raw([[None, "", LEAVE, " ", "a"], [LEAVE, "b", LEAVE, "c", "d"]], rules)

    assert content.decode() == f"c0,c1,c2,c3,c4\r\n{cleared},{cleared},, ,a\r\n,b,,c,d\r\n"


@pytest.mark.parametrize(
    ("rules", "word", "sent"),
    [
        *((MARKETO_IMPORT, word, False) for word in ("null", "Null", "NULL", "nULL")),
        *((MARKETO_IMPORT, word, True) for word in ("#N/A", "nullify", "null ", '"null"')),
        (SALESFORCE_INGEST, "#N/A", False),
        *((SALESFORCE_INGEST, word, True) for word in ("null", "Null", "#N/A ")),
    ],
)
def test_a_value_that_reads_as_nothing_is_refused_and_not_blanked(rules: FileRules, word: str, sent: bool) -> None:
    """A person called Null cannot go to Marketo by file: that row is refused by its number, its neighbours go."""
    split = Split([["a", "Doe"], ["b", word], ["c", "Roe"]], rules)

    expected = {0: ["a", "Doe"], 2: ["c", "Roe"]} | ({1: ["b", word]} if sent else {})
    assert split.rows() == expected
    assert [(row.index, row.code) for row in split.refused] == ([] if sent else [(1, "reserved_word")])


@pytest.mark.fault("FB10")
@pytest.mark.parametrize(
    ("rules", "most"),
    [
        pytest.param(MARKETO_IMPORT, MARKETO_BYTES, id="marketo"),
        pytest.param(SALESFORCE_INGEST, SALESFORCE_BYTES + 1, id="salesforce"),
    ],
)
def test_parts_stay_below_the_vendors_limit(rules: FileRules, most: int) -> None:
    """Rows of one and a half times the limit give two parts, both below it, the first one nearly full."""
    row = ["x" * 100_000, "y" * 100_000]

    split = Split([row] * (most * 3 // 2 // 200_000), rules)

    assert len(split.parts) == 2
    assert all(len(split.content(part)) < most for part in split.parts)
    assert split.parts[0].size > most - 210_000
    assert [part.ranges for part in split.parts] == [
        ((0, split.parts[0].rows),),
        ((split.parts[0].rows, split.parts[0].rows + split.parts[1].rows),),
    ]


@pytest.mark.fault("FB10")
@pytest.mark.parametrize(
    ("length", "sent"),
    # "c0\r\n" and the row's own CRLF take six bytes
    [(MARKETO_IMPORT.max_bytes - 6, True), (MARKETO_IMPORT.max_bytes - 5, False), (MARKETO_BYTES, False)],
    ids=["fills a part", "one byte more", "as large as the vendor's limit"],
)
def test_a_row_larger_than_a_part_is_refused_alone(length: int, sent: bool) -> None:
    """A giant row that fits exactly is a part of its own; one byte more and it is named, the others go."""
    split = Split([["a"], ["x" * length], ["b"]], MARKETO_IMPORT)

    assert [(row.index, row.code, row.message) for row in split.refused] == (
        [] if sent else [(1, "row_too_large", REFUSALS["row_too_large"])]
    )
    assert [part.rows for part in split.parts] == ([1, 1, 1] if sent else [2])
    # an upload puts a form around each file
    assert all(part.size + 170 < MARKETO_BYTES for part in split.parts)


@pytest.mark.parametrize(
    ("row", "sent"),
    [
        pytest.param(["x" * 131_072, "y"], True, id="longest value"),
        pytest.param(["x" * 131_073, "y"], False, id="value too long"),
        pytest.param(["x" * 131_000] * 3, True, id="long row"),
        pytest.param(["x" * 131_000] * 4, False, id="row too long"),
        pytest.param(["\U0001f680" * 131_072, "y"], True, id="characters, not bytes"),
    ],
)
def test_values_longer_than_salesforce_takes_are_refused(row: list[str], sent: bool) -> None:
    """131,072 characters in a value and 400,000 in a row go; more is refused and named."""
    split = Split([["a"] * len(row), row], SALESFORCE_INGEST)

    assert [(refusal.index, refusal.code) for refusal in split.refused] == ([] if sent else [(1, "field_too_long")])
    assert split.rows() == {0: ["a"] * len(row)} | ({1: row} if sent else {})


def test_a_value_that_is_no_text_costs_its_own_row() -> None:
    """Half of a surrogate pair cannot be written in UTF-8; the rows around it are."""
    split = Split([["a"], ["b\ud83d"], ["c"]], MARKETO_IMPORT)

    assert [(row.index, row.code) for row in split.refused] == [(1, "not_unicode")]
    assert split.rows() == {0: ["a"], 2: ["c"]}


def test_rows_of_a_part_are_bounded() -> None:
    """Where a number of rows is the limit, the next part begins there; results of a part fit into memory."""
    split = Split([[str(n)] for n in range(1000)], replace(SALESFORCE_INGEST, max_rows=300))

    assert [part.rows for part in split.parts] == [300, 300, 300, 100]
    assert SALESFORCE_INGEST.max_rows is not None


def test_the_same_rows_give_the_same_parts() -> None:
    """Started again after a crash, the writer makes the same files: same names, ranges and checksums."""
    table = list(adversarial.rows(2_000))
    rules = replace(SALESFORCE_INGEST, max_bytes=20_000)

    first, again = Split(table, rules), Split(table, rules)

    assert len(first.parts) > 10
    assert first.parts == again.parts


def test_where_a_batch_ends_does_not_show() -> None:
    """Rows written one by one give the same bytes as all at once."""
    table = [row for row in adversarial.rows(500) if not _says_null(row)]
    kept: list[Kept] = []

    def open_part(number: int) -> Kept:
        kept.append(Kept())
        return kept[-1]

    with PartWriter([f"c{n}" for n in range(5)], MARKETO_IMPORT, open_part=open_part, refused=never) as writer:
        for index, row in enumerate(table):
            writer.write([(index, row)])

    assert [sink.content for sink in kept] == [raw(table, MARKETO_IMPORT)]


@pytest.mark.parametrize(
    "numbered",
    [
        pytest.param([(0, ["a"])], id="too few cells"),
        pytest.param([(0, ["a", "b"]), (1, ["a", "b", "c"])], id="too many cells"),
        pytest.param([(1, ["a", "b"]), (1, ["c", "d"])], id="number twice"),
        pytest.param([(2, ["a", "b"]), (1, ["c", "d"])], id="number falls"),
    ],
)
def test_wrong_rows_are_an_error_of_the_caller(numbered: list[tuple[int, list[str]]]) -> None:
    """Rows of another width or without rising numbers write nothing, and what is open is closed."""
    kept = Kept()
    writer = PartWriter(["x", "y"], TINY, open_part=lambda _number: kept, refused=never)
    writer.write([(0, ["first", "row"])])

    def write() -> None:
        with writer:
            writer.write((number + 1, cells) for number, cells in numbered)

    with pytest.raises(ValueError, match=r"rise|as many cells"):
        write()

    assert writer.parts == []
    assert kept.content == b"x,y\r\nfirst,row\r\n"


@pytest.mark.parametrize(
    "header",
    [[], ["a", "a"], ["a", ""], [f"c{n}" for n in range(5001)], ["x" * 31_990, "y" * 20]],
    ids=["none", "double", "nameless", "too many", "too long"],
)
def test_a_header_that_no_file_can_have_is_refused_at_once(header: list[str]) -> None:
    """No part is opened for it."""
    with pytest.raises(ValueError, match=r"columns"):
        PartWriter(header, SALESFORCE_INGEST, open_part=never, refused=never)


@pytest.mark.parametrize("position", [-1, 2])
def test_a_part_knows_only_its_own_rows(position: int) -> None:
    """There is no row before the first and none after the last."""
    part = Part(number=0, line_ending="LF", size=9, rows=2, sha256="", ranges=((3, 4), (8, 9)))

    assert [part.input_of(0), part.input_of(1)] == [3, 8]
    with pytest.raises(IndexError):
        part.input_of(position)


def test_no_rows_make_no_part() -> None:
    """Nothing is opened before there is a row."""
    with PartWriter(["a"], TINY, open_part=never, refused=never) as writer:
        writer.write([])

    assert writer.parts == []


@pytest.mark.fault("FB13")
def test_nul_is_removed_only_by_name_and_counted() -> None:
    """The transform takes NUL out and counts; the writer itself sends it as it is."""
    without_nul = WithoutNul()

    assert [without_nul(text) for text in ("a\0b\0", "c", "\0")] == ["ab", "c", ""]
    assert without_nul.removed == 2
    assert raw([["a\0b"]], MARKETO_IMPORT) == b"c0\r\na\0b\r\n"
