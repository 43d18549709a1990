"""Use-cases on in-memory ports: what survives, what is counted, what the vendors hold in the end."""
