"""Of the tools that the fault tests use."""
