"""``make bench``: measures speed, and compares it with the floor of the job and with other frameworks, in one run."""
