"""Changes of the read models: waiting for them, and reading what they bring."""
