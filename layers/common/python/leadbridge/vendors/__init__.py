"""The only code that knows the vendors' wire formats."""
