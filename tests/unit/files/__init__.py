"""Tests of bulk files: rows, parts and results."""
