"""Reading: whatever the cells hold and however the bytes arrive, rows come out as they were written, or none do."""

import csv
import io
import itertools
import json
import tracemalloc
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadbridge.files.columns import picker, unexpected
from leadbridge.files.errors import DamagedFileError, SchemaDriftError, UnreadableFileError
from leadbridge.files.rows import Checkpoint, Expected, Rows, sha256_of
from tests.bench import adversarial

# everything that UTF-8 can hold, with more of what hurts
TEXT = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from('\r\n",\0\u2028\ufeff;\t ')))
TABLES = st.integers(2, 4).flatmap(
    lambda width: st.lists(st.lists(TEXT, min_size=width, max_size=width), min_size=1, max_size=8)
)
SMALL = [[str(number), f"person{number}@example.com", "x\r\ny" if number % 3 else ""] for number in range(40)]


def in_pieces(content: bytes, size: int) -> Iterator[bytes]:
    """The bytes in chunks of one size."""
    return (content[start : start + size] for start in range(0, len(content), size))


def read(content: bytes, *, size: int = 7, expected: Expected | None = None) -> list[list[str]]:
    """The header and all rows."""
    rows = Rows(in_pieces(content, size), expected=expected)
    return [list(rows.header), *rows]


def told(content: bytes, table: Sequence[object]) -> Expected:
    """What a vendor would say of a file."""
    return Expected(size=len(content), sha256=adversarial.digest(content), rows=len(table))


@pytest.mark.fault("FB13")
@pytest.mark.parametrize("size", [997, 65_536, 10_000_000])
def test_the_adversarial_file_comes_out_byte_for_byte(size: int) -> None:
    """All fields of 20,000 rows equal those written, a quarter of the rows odd; size, checksum and count agree."""
    table = list(adversarial.rows())
    content = adversarial.content(table)
    assert adversarial.digest(content) == adversarial.DIGEST
    rows = Rows(in_pieces(content, size), expected=told(content, table))

    assert list(rows) == table
    assert rows.proven == {"size", "sha256", "rows"}


def test_usual_ways_of_splitting_tear_the_adversarial_file() -> None:
    """The check above means something: split at what Unicode counts as line ends, there are too many rows."""
    table = list(adversarial.rows())

    torn = list(csv.reader(adversarial.content(table).decode().splitlines()))[1:]

    assert len(torn) > len(table) + 500


@given(table=TABLES, size=st.integers(1, 50), line_end=st.sampled_from(["\n", "\r\n"]), quote_all=st.booleans())
@example(table=[["\ufeff", "\ufeff"]], size=1, line_end="\n", quote_all=False)
def test_any_text_in_any_chunks_is_read_as_it_was_written(
    table: list[list[str]], size: int, line_end: str, quote_all: bool
) -> None:
    """Header and rows of arbitrary Unicode equal what the standard writer was given."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=line_end, quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL).writerows(
        [["a" * (number + 1) for number in range(len(table[0]))], *table]
    )
    content = text.getvalue().encode()

    assert read(content, size=size, expected=told(content, table))[1:] == table


@pytest.mark.parametrize(
    ("content", "table"),
    [
        pytest.param(b"a,b\n", [["a", "b"]], id="header only"),
        pytest.param(b"a,b", [["a", "b"]], id="header without line end"),
        pytest.param(b"a,b\r\n1,2", [["a", "b"], ["1", "2"]], id="no line end at the end"),
        pytest.param(b"\xef\xbb\xbfa,b\n1,2\n", [["a", "b"], ["1", "2"]], id="byte order mark"),
        pytest.param(b'\xef\xbb\xbf"a",b\n1,2\n', [["a", "b"], ["1", "2"]], id="byte order mark before a quote"),
        pytest.param(b'a,b\n,""\n', [["a", "b"], ["", ""]], id="blank and empty in quotes"),
        pytest.param(b'a\n""\n', [["a"], [""]], id="one column without a value"),
        pytest.param(b"a,b\n\n1,2\n\r\n\n", [["a", "b"], ["1", "2"]], id="lines without anything"),
        pytest.param(b"a,b\nnull,#N/A\n", [["a", "b"], ["null", "#N/A"]], id="words for nothing are text here"),
        pytest.param(b"a,b\n 1 , 2\n", [["a", "b"], [" 1 ", " 2"]], id="blanks stay"),
    ],
)
@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_edges_of_a_file_are_read_rightly(content: bytes, table: list[list[str]], size: int) -> None:
    """Marks, blanks and missing line ends give exactly these rows."""
    assert read(content, size=size) == table


@pytest.mark.parametrize("with_size", [True, False])
@given(data=st.data())
@settings(max_examples=150)
def test_a_damaged_file_gives_no_row_that_counts(with_size: bool, data: st.DataObject) -> None:
    """One bit turned, the end cut off or two parts swapped, at any byte: reading ends as a damaged file."""
    content = adversarial.content(SMALL, ("id", "email", "notes"))
    first = data.draw(st.integers(0, len(content) - 2))
    second = data.draw(st.integers(first + 1, len(content) - 1))
    damaged = data.draw(
        st.sampled_from(
            [
                content[:first] + bytes([content[first] ^ (1 << (second % 8))]) + content[first + 1 :],
                content[:first],
                content[first:second] + content[:first] + content[second:],
                content + content[first:second],
            ]
        )
    )
    expected = Expected(sha256=adversarial.digest(content), size=len(content) if with_size else None, rows=len(SMALL))
    if damaged == content:
        assert read(damaged, expected=expected)[1:] == SMALL
        return

    with pytest.raises(DamagedFileError) as damage:
        read(damaged, expected=expected)

    assert damage.value.code in {"checksum_mismatch", "size_mismatch"}
    assert damage.value.tries == 3


@pytest.mark.fault("FB06")
@pytest.mark.parametrize("rows", [0, 1, 39])
def test_a_file_cut_at_the_end_of_a_row_is_noticed_by_its_rows(rows: int) -> None:
    """Without size and checksum, the vendor's count of rows betrays every cut that leaves good rows."""
    content = adversarial.content(SMALL[:rows], ("id", "email", "notes"))

    with pytest.raises(DamagedFileError, match=f"rows {rows}, the vendor says 40") as damage:
        read(content, expected=Expected(rows=len(SMALL)))

    assert damage.value.code == "row_count_mismatch"


@pytest.mark.parametrize(
    ("content", "row", "says"),
    [
        pytest.param(b"a,b\n1,2\n3\n", 2, "1 columns, the header has 2", id="too few"),
        pytest.param(b"a,b\n1,2,3\n", 1, "3 columns, the header has 2", id="too many"),
        pytest.param(b'a,b\n1,"2\n3,4\n', 1, "unexpected end", id="a quote that stays open"),
        pytest.param(b'a,b\n1,"2"x\n', 1, "expected after", id="text after a quote"),
        pytest.param(b"a,b\n1,se\rcret\n", 1, "new-line character", id="a bare carriage return"),
        pytest.param(b"a,b\n1,2\n3,se\xffcret\n", 2, "not UTF-8", id="not UTF-8"),
        pytest.param(b"a,b\n1," + b"secret" * 200_000, 1, "field larger than field limit", id="an endless field"),
        pytest.param(b"a,\xff\n", 0, "not UTF-8", id="the header is not UTF-8"),
    ],
)
def test_a_file_that_is_no_csv_is_told_by_row_and_without_its_values(content: bytes, row: int, says: str) -> None:
    """Rows of another width, open quotes and foreign bytes end the reading; the text names the row, no value."""
    with pytest.raises(UnreadableFileError, match=says) as unreadable:
        read(content, size=50_000, expected=Expected(size=len(content), sha256=adversarial.digest(content)))

    assert unreadable.value.row == row
    assert "cret" not in str(unreadable.value)


def test_a_row_without_an_end_is_given_up_in_bounded_memory() -> None:
    """A row of ever more cells with line feeds in quotes is refused after 16 MB; the rest is not kept, only counted."""

    def endless() -> Iterator[bytes]:
        yield b"a,b\n"
        yield from itertools.repeat(b'"' + b"x" * 65_000 + b'\n",', 1000)

    rows = Rows(endless(), expected=Expected(size=4 + 1000 * 65_004))
    tracemalloc.start()

    with pytest.raises(UnreadableFileError, match="no end of a row within"):
        list(islice(rows, 1))

    assert tracemalloc.get_traced_memory()[1] < 40_000_000
    tracemalloc.stop()


@given(stop=st.integers(0, len(SMALL)), size=st.integers(1, 60), rest_only=st.booleans(), mark=st.booleans())
def test_reading_goes_on_after_any_row(stop: int, size: int, rest_only: bool, mark: bool) -> None:
    """From a checkpoint after any row, kept as JSON, the rest is read; from the file's start the checksum is proven."""
    content = (b"\xef\xbb\xbf" if mark else b"") + adversarial.content(SMALL, ("id", "email", "notes"))
    expected = told(content, SMALL)
    first = Rows(in_pieces(content, size))
    before = list(islice(first, stop))
    kept = Checkpoint.from_json(json.loads(json.dumps(first.checkpoint().to_json())))

    rest = Rows(
        in_pieces(content[kept.offset :] if rest_only else content, 11),
        expected=expected,
        after=kept,
        rest_only=rest_only,
    )

    assert rest.header == ("id", "email", "notes")
    assert before + list(rest) == SMALL
    assert rest.count == len(SMALL)
    assert rest.proven == ({"size", "rows"} if rest_only else {"size", "rows", "sha256"})


def test_a_checkpoint_of_a_resumed_reading_is_as_good_as_another() -> None:
    """Two checkpoints after the same row are equal, whether or not the reading had been broken off before."""
    content = adversarial.content(SMALL, ("id", "email", "notes"))
    straight = Rows(in_pieces(content, 13))
    list(islice(straight, 20))
    first = Rows(in_pieces(content, 17))
    list(islice(first, 7))
    resumed = Rows(in_pieces(content, 19), after=first.checkpoint())
    list(islice(resumed, 13))
    ranged = Rows([content[first.checkpoint().offset :]], after=first.checkpoint(), rest_only=True)
    list(islice(ranged, 13))

    assert resumed.checkpoint() == straight.checkpoint()
    assert ranged.checkpoint().offset == straight.checkpoint().offset
    # the bytes before were never seen by that reading, so it vouches for none
    assert ranged.checkpoint().sha256 is None


@pytest.mark.parametrize("change", ["other bytes", "shorter"])
def test_a_file_that_changed_since_is_not_read_on(change: str) -> None:
    """If the bytes before the checkpoint are not those of then, no further row is given."""
    content = adversarial.content(SMALL, ("id", "email", "notes"))
    first = Rows([content])
    list(islice(first, 10))
    kept = first.checkpoint()
    other = content.replace(b"person3@", b"person4@", 1) if change == "other bytes" else content[: kept.offset - 1]

    with pytest.raises(DamagedFileError) as damage:
        next(iter(Rows(in_pieces(other, 9), after=kept)))

    assert damage.value.code == "file_changed"


def test_a_connection_that_breaks_leaves_the_checkpoint_before() -> None:
    """After a break in the middle of a row there is no place to name; the one taken between rows still serves."""
    content = b'id,notes\n1,x\n2,"first\nsecond"\n3,z\n'

    def breaking() -> Iterator[bytes]:
        yield content[:25]
        raise ConnectionError

    rows = Rows(breaking())
    given_out, kept = iter(rows), None
    assert next(given_out) == ["1", "x"]
    kept = rows.checkpoint()
    with pytest.raises(ConnectionError):
        next(given_out)

    with pytest.raises(ValueError, match="no place"):
        rows.checkpoint()
    assert list(Rows([content], after=kept)) == [["2", "first\nsecond"], ["3", "z"]]


@pytest.mark.fault("FB14")
def test_columns_are_found_by_name_wherever_they_stand() -> None:
    """Moved and added columns change nothing; those added are named."""
    moved = Rows([b"extra,lastName,email\nx,Doe,a@example.com\n"])

    pick = picker(moved.header, ["email", "lastName"])

    assert [pick(row) for row in moved] == [("a@example.com", "Doe")]
    assert [picker(["b", "a"], ["a"])(["1", "2"]), picker(["b"], [])(["1"])] == [("2",), ()]
    assert unexpected(moved.header, ["email", "lastName"]) == ("extra",)


@pytest.mark.fault("FB14")
def test_a_missing_or_doubled_column_stops_the_load_and_is_named() -> None:
    """Each wanted column that is not there, or there twice, stands in the error; doubles nobody wants do not matter."""
    header = ["email", "email", "id", "other", "other"]

    with pytest.raises(SchemaDriftError) as drift:
        picker(header, ["id", "email", "lastName", "phone"])

    assert (drift.value.missing, drift.value.repeated) == (("lastName", "phone"), ("email",))
    assert all(name in str(drift.value) for name in ("lastName", "phone", "email"))
    assert picker(header, ["id"])(["1", "2", "3", "4", "5"]) == ("3",)


def test_a_file_without_any_byte_is_right_only_where_no_row_is_expected() -> None:
    """Zero bytes are zero rows if the vendor says so, else a missing header."""
    empty = Rows([], expected=Expected(rows=0, size=0))

    assert list(empty) == []
    with pytest.raises(SchemaDriftError):
        Rows([])
    with pytest.raises(DamagedFileError):
        Rows([], expected=Expected(size=10))


@pytest.mark.parametrize("said", ["sha256:" + "AB" * 32, "SHA256:" + "ab" * 32])
def test_the_vendors_checksum_is_read(said: str) -> None:
    """Marketo's word becomes lower-case digits."""
    assert sha256_of(said) == "ab" * 32
    assert sha256_of("") is sha256_of(None) is None


@pytest.mark.parametrize("said", ["md5:" + "ab" * 16, "ab" * 32, "sha256:ab"])
def test_another_checksum_is_not_taken_for_ours(said: str) -> None:
    """A kind that cannot be compared is an error, not a file without a checksum."""
    with pytest.raises(ValueError, match="no sha256"):
        sha256_of(said)


def test_memory_does_not_grow_with_the_file() -> None:
    """Reading 8 MB takes as much memory as reading 1 MB, whatever size the chunks have."""

    def peak(rows: int, chunks: Iterable[bytes]) -> int:
        tracemalloc.start()
        assert sum(1 for _ in Rows(chunks)) == rows
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return used

    def made(rows: int) -> Iterator[bytes]:
        yield b"a,b\n"
        for _ in range(rows // 1000):
            yield (b"x" * 48 + b"," + b"y" * 50 + b"\n") * 1000

    assert peak(80_000, made(80_000)) < 1.1 * peak(10_000, made(10_000))
