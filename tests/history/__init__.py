"""Histories that an earlier release wrote: today's code must read them and come to the same totals.

A service that is deployed finds in its topics what its predecessors wrote. ``recorded/`` holds the records of simulated
runs (faults, repeats and poison included) and the totals that the release came to which recorded them. A release adds
one with `python -m tests.history.recording <name>`; none is ever written anew.
"""
