"""The project's own tools go red when they should."""
