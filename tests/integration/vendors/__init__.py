"""The real vendor clients against the running vendor twins."""
