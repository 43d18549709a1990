"""The local stack: starts it, plays a realistic input on it, and checks the result with an independent model."""
