"""Every test, in one folder per level; docs/checks.md says what the levels mean."""
