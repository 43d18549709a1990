"""State and rules of the Marketo twin; nothing here knows HTTP."""
