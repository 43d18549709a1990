"""Parsing requests and formatting answers of the Marketo twin, one module per family of endpoints."""
