"""The web side of a process: its ports, the limits of connections and requests, health and metrics."""
