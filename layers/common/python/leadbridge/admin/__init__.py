"""The admin API: what an administrator does, over HTTP, signed with IAM. Routes only; use-cases do the work."""
