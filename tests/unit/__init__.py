"""Pure decisions and parsing; no sockets, no real time."""
