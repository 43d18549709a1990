"""What can be wrong with a file. No text here holds a value of the file, only row numbers and column names.

SyncError
├─ TransientError  ← DamagedFileError     other bytes than the vendor announced: fetch it again
├─ PermanentError  ← SchemaDriftError     a column is missing or there twice: keep the file, load nothing
└─ ContractError   ← UnreadableFileError  no CSV, or rows of another width than the header
                   ← UnreconciledError    results that do not add up with what was sent
"""

from collections.abc import Sequence

from leadbridge.errors import ContractError, PermanentError, TransientError

#: how often a damaged file is fetched before that is a failure
TRIES = 3


class DamagedFileError(TransientError):
    """The file is not the one the vendor announced; no row of it counts.

    `code` is checksum_mismatch, size_mismatch, row_count_mismatch or file_changed (since the reading was broken off).
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail, code=code, tries=TRIES)


class SchemaDriftError(PermanentError):
    """The header lacks columns that are mapped, or names one of them twice."""

    def __init__(self, *, missing: Sequence[str] = (), repeated: Sequence[str] = ()) -> None:
        self.missing = tuple(missing)
        self.repeated = tuple(repeated)
        said = [("columns missing: ", self.missing), ("columns there more than once: ", self.repeated)]
        super().__init__("; ".join(word + ", ".join(names) for word, names in said if names), code="schema_drift")


class UnreadableFileError(ContractError):
    """The bytes are those announced, but no CSV of the header's width; `row` counts from 1, 0 is the header."""

    def __init__(self, row: int, detail: str) -> None:
        self.row = row
        super().__init__(f"row {row}: {detail}" if row else f"header: {detail}", code="unreadable_file")


class UnreconciledError(ContractError):
    """Rows with a result and rows sent do not add up."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, code="results_do_not_add_up")
