"""Decisions of the domain, as tables of values in and values out."""
