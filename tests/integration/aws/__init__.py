"""The AWS adapters against an in-process AWS whose tables are those of the template."""
