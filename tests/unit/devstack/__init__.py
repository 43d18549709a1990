"""The demo input, its player, its plain model and the comparison of what came of it."""
