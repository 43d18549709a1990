"""Bulk files of both vendors in bounded memory: rows out of bytes, rows into parts, results back to their rows.

    rows      bytes as they arrive → checked rows, resumable at a row
    columns   rows by the header's names, not by their places
    cells     what a cell means: each vendor's words for no value, and limits of a file
    parts     rows → files that a vendor takes, each row traceable
    results   a vendor's files of results → one result for each row that was sent

Nothing here does I/O: bytes come from an iterable and go to objects with `write` and `close`.
"""
