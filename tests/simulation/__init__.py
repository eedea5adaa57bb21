"""Deterministic simulation tests: the whole system in one process, under one seed; see README.md."""
