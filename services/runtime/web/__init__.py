"""The web side of a process: health and metrics."""
