"""``make bench``: how fast it is, against what the machine can do and against others, in one run."""
