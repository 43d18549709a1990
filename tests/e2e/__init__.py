"""The deployed template on the local stack, seen from outside."""
