"""Builders of valid values; a test states only what matters to it."""
