"""One suite per port, run on the in-memory double and on the adapter, so that both mean the same."""
