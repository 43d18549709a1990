"""The admin API against its published document."""
