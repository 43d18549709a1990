"""The console in a real browser over the admin API on in-memory ports."""
