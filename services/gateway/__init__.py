"""The gateway: the only place where HTTP enters. It turns requests into commands and events into read models."""
