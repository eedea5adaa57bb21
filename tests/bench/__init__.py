"""``make bench``: measures speed, and compares it with bare clients and with other frameworks in the same run."""
