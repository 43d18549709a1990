"""Every reason code made to happen, and what `leadbridge show` says of it."""
