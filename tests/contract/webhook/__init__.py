"""The webhook's published documents against the receive path."""
