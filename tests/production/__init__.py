"""A production start: replicated engines, TLS everywhere, a user for each process, and settings that are accepted."""
