"""The state machines of the template, executed."""
