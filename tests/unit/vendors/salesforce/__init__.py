"""Unit tests of one vendor package."""
