"""Adapters and clients against in-process or loopback counterparts."""
