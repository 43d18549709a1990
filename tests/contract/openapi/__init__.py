"""Marketo client and twin held to Adobe's OpenAPI files, and both twins to the vendors' lists of error codes."""
