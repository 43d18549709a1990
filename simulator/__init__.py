"""The two vendor twins: local servers that keep the state, rules, limits and errors of the real vendors."""
