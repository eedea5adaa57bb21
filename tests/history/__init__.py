"""Recorded topics: today's code must read them and come to the same totals.

A deployed service finds records of earlier releases in its topics. ``recorded/`` holds the records of simulated runs
(faults, repeats and invalid records included) and the totals that the recording release computed. From version 0.2.0
on, each release adds one with ``python -m tests.history.recording <name>``, and none is changed.
"""
