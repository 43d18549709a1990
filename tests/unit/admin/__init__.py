"""The admin API on in-memory ports."""
