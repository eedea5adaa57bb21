"""Recorded topics of earlier releases: present code must read them and compute the same totals.

``recorded/`` has the records of simulated runs, including repeated and invalid records, and the totals that the
recording release computed. From version 0.2.0 on, each release adds a recording with
``python -m tests.history.recording <release>``. A recording is never changed.
"""
