"""Vendor-neutral transport: retry decisions and their loop, timeouts, host checks, masking, call log."""
