"""Commands: idempotent submission, the stored command, and its response."""
