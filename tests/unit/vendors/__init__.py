"""The vendor clients, driven without a socket."""
