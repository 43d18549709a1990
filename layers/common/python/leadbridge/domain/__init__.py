"""Pure decisions and values; imports nothing outward, performs no I/O."""
